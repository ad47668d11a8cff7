"""Unroll marked loops of a WGSL text, which has no directive for it.

    // #unroll
    for (var i = 0u; i < ROWS; i += 1u) { sums[i] += a[i]; }

becomes one block per turn, with the literal in place of `i`. Bounds are expressions of u32
literals and module constants. It is done here because compilers do it or not as they like, and a
private array that is indexed by a variable leaves the registers: 2 to 10 times slower.
"""

import re
from collections.abc import Mapping

_CONST = re.compile(r"^const (\w+): \w+ = ([^;]+);", re.M)
_MARK = re.compile(
    r"^[ ]*// #unroll\n"
    r"(?P<indent>[ ]*)for \(var (?P<name>\w+) = (?P<first>[^;]+);"
    r" (?P=name) < (?P<end>[^;]+); (?P=name) \+= (?P<step>[^)]+)\) \{",
    re.M,
)
_BRACE = re.compile(r"[{}]")
_LITERAL = re.compile(r"(\d+)u?")
_WORD = re.compile(r"\b[A-Za-z_]\w*\b")
_WORDS: Mapping[str, object] = {
    "select": lambda no, yes, when: yes if when else no,
    "min": min, "max": max, "true": True, "false": False,
}  # fmt: skip


def unroll(code: str) -> str:
    """The text with every marked loop written out, outer loops first.

    Raises:
        ValueError: a marked loop has another form, or its bounds are not constant.
    """
    if "// #unroll" not in code:
        return code
    return _expanded(code, _Constants(code))


class _Constants(dict[str, int | None]):
    """A text's constants by name, worked out when first asked for; None is of another kind."""

    def __init__(self, code: str) -> None:
        self._texts: dict[str, str] = dict(_CONST.findall(code))

    def __missing__(self, name: str) -> int | None:
        self[name] = None
        if name in self._texts:
            self[name] = _value(self._texts[name], self)
        return self[name]


def _expanded(code: str, constants: _Constants) -> str:
    pieces, at = list[str](), 0
    while match := _MARK.search(code, at):
        pieces.append(code[at : match.start()])
        end = _closing(code, match.end())
        bounds = [_value(match[part], constants) for part in ("first", "end", "step")]
        if None in bounds or not bounds[2]:
            raise ValueError(f"this loop's bounds are not constant: {match[0].strip()!r}")
        first, last, step = (bound or 0 for bound in bounds)
        body, word = code[match.end() : end], re.compile(rf"(?<!\.)\b{match['name']}\b")
        for i in range(first, last, step):
            turn = _expanded(word.sub(f"{i}u", body), constants)
            pieces.append(f"{match['indent']}{{{turn}}}\n")
        at = end + (2 if code[end + 1 : end + 2] == "\n" else 1)
    rest = code[at:]
    if "// #unroll" in rest:
        begin = rest.index("// #unroll")
        raise ValueError(f"this loop cannot be unrolled: {rest[begin : begin + 120]!r}")
    return "".join([*pieces, rest])


def _closing(code: str, at: int) -> int:
    """Where the brace closes whose inside begins at `at`."""
    depth = 1
    for brace in _BRACE.finditer(code, at):
        depth += 1 if brace[0] == "{" else -1
        if not depth:
            return brace.start()
    raise ValueError("a brace is not closed")


def _value(text: str, constants: _Constants) -> int | None:
    """A constant u32 expression's value; None where it is of another kind."""
    if literal := _LITERAL.fullmatch(text):
        return int(literal[1])
    python = re.sub(r"\b(\d+)u\b", r"\1", text).replace("/", "//")
    python = python.replace("&&", " and ").replace("||", " or ")
    if re.search(r"[^\w\s+\-*/%()<>=,&|~!]", python):
        return None
    words = dict(_WORDS)
    for word in set(_WORD.findall(python)) - {*_WORDS, "and", "or"}:
        words[word] = constants[word]
        if words[word] is None:
            return None
    try:
        return int(eval(python, {"__builtins__": {}}, words))  # digits and our own constants only
    except (SyntaxError, ArithmeticError, TypeError, ValueError):
        return None
