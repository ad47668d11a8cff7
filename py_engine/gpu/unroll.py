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
_WORD = re.compile(r"\b[A-Za-z_]\w*\b")


def unroll(code: str) -> str:
    """The text with every marked loop written out, outer loops first.

    Raises:
        ValueError: a marked loop has another form, or its bounds are not constant.
    """
    if "// #unroll" not in code:
        return code
    constants: dict[str, int] = {}
    for name, text in _CONST.findall(code):
        value = _value(text, constants)
        if value is not None:
            constants[name] = value
    return _expanded(code, constants)


def _expanded(code: str, constants: Mapping[str, int]) -> str:
    match = _MARK.search(code)
    if match is None:
        if "// #unroll" in code:
            at = code.index("// #unroll")
            raise ValueError(f"this loop cannot be unrolled: {code[at : at + 120]!r}")
        return code
    end = _closing(code, match.end())
    body = code[match.end() : end]
    bounds = [_value(match[part], constants) for part in ("first", "end", "step")]
    if None in bounds or not bounds[2]:
        raise ValueError(f"this loop's bounds are not constant: {match[0].strip()!r}")
    first, last, step = (bound or 0 for bound in bounds)
    word = re.compile(rf"\b{match['name']}\b")
    turns = [f"{match['indent']}{{{word.sub(f'{i}u', body)}}}\n" for i in range(first, last, step)]
    rest = code[end + 1 :].removeprefix("\n")
    return code[: match.start()] + _expanded("".join(turns) + rest, constants)


def _closing(code: str, at: int) -> int:
    """Where the brace closes whose inside begins at `at`."""
    depth = 1
    while depth:
        depth += {"{": 1, "}": -1}.get(code[at], 0)
        at += 1
    return at - 1


def _value(text: str, constants: Mapping[str, int]) -> int | None:
    """A constant u32 expression's value; None where it is of another kind."""
    words = {**constants, "select": lambda no, yes, when: yes if when else no}
    words |= {"min": min, "max": max, "true": True, "false": False}
    python = re.sub(r"\b(\d+)u\b", r"\1", text).replace("/", "//")
    python = python.replace("&&", " and ").replace("||", " or ")
    if re.search(r"[^\w\s+\-*/%()<>=,&|~!]", python) or set(_WORD.findall(python)) - {
        *words, "and", "or",
    }:  # fmt: skip
        return None
    try:
        return int(eval(python, {"__builtins__": {}}, words))  # digits and our own constants only
    except (SyntaxError, ArithmeticError, TypeError, ValueError):
        return None
