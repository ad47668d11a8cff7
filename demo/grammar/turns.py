"""What the grammar is made of: turns, the rules that judge an answer, and how people type.

A `Turn` is a question, one good answer, the rules that any answer has to meet, and the key by
which it falls to training or to the held-out part. Knows nothing of topics.
"""

from __future__ import annotations

import json
import random
import re
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

Rule = Callable[[str], bool]
HELD_ONE_IN = 12


@dataclass(frozen=True)
class Turn:
    """One exchange.

    Args:
        kind: what it counts as in the scores: talk, project, story, sums, facts, forms, refusal.
        sort: the finer kind, for diagnosis.
        key: what must not be seen in training if it is held out: a combination, not a seed.
    """

    kind: str
    sort: str
    ask: str
    answer: str
    rules: tuple[Rule, ...]
    key: str

    def accepts(self, answer: str) -> bool:
        """Whether every rule does."""
        return all(rule(answer) for rule in self.rules)


def held(key: str) -> bool:
    """Whether a key belongs to the part that training never sees: one in twelve, for ever."""
    return zlib.crc32(key.encode()) % HELD_ONE_IN == 0


# ---- rules


def plain(text: str) -> str:
    """Lower case, typographic quotes made plain."""
    return text.lower().replace("’", "'")


def says(*parts: str) -> Rule:
    """Every part appears, as whole words, in any case."""
    wanted = [re.compile(rf"(?<!\w){re.escape(plain(part))}(?!\w)") for part in parts]
    return lambda answer: all(pattern.search(plain(answer)) for pattern in wanted)


def says_one(*parts: str) -> Rule:
    """At least one part appears, anywhere in a word."""
    return lambda answer: any(plain(part) in plain(answer) for part in parts)


def says_none(*parts: str) -> Rule:
    """No part appears."""
    return lambda answer: not any(plain(part) in plain(answer) for part in parts)


def ends_with(result: str) -> Rule:
    """The last number or word is the result."""
    return lambda answer: re.findall(r"[\w-]+", answer)[-1:] == [result]


def words_between(low: int, high: int) -> Rule:
    """The length in words."""
    return lambda answer: low <= len(answer.split()) <= high


def n_lines(count: int, longest: int) -> Rule:
    """So many lines, none with more than `longest` words."""

    def rule(answer: str) -> bool:
        lines = answer.strip().split("\n")
        return len(lines) == count and all(0 < len(line.split()) <= longest for line in lines)

    return rule


def no_loop(answer: str) -> bool:
    """No sentence of three words or more stands there twice."""
    sentences = [s.strip() for s in re.split(r"[.!?\n]+", plain(answer))]
    long = [s for s in sentences if len(s.split()) > 2]
    return len(long) == len(set(long))


def listed(answer: str) -> list[str]:
    """The items of a Markdown list, bulleted or numbered."""
    return re.findall(r"^(?:-|\d+\.) (.+)$", answer, re.M)


def lists(count: int, allowed: Iterable[str]) -> Rule:
    """A list of so many different items, all of them from a set."""
    known = {plain(item) for item in allowed}

    def rule(answer: str) -> bool:
        items = [plain(item) for item in listed(answer)]
        return len(items) == len(set(items)) == count and known.issuperset(items)

    return rule


def lists_exactly(items: Sequence[str]) -> Rule:
    """A list of just these items, in this order."""
    return lambda answer: [plain(i) for i in listed(answer)] == [plain(i) for i in items]


def holds_json(value: object) -> Rule:
    """A block of JSON with just this value."""

    def rule(answer: str) -> bool:
        block = re.search(r"```json\n(.*?)\n```", answer, re.S)
        try:
            return block is not None and bool(json.loads(block[1]) == value)
        except json.JSONDecodeError:
            return False

    return rule


def tabled(answer: str) -> list[list[str]]:
    """The rows of a Markdown table, head first, without the line of dashes."""
    rows = [line.strip("|").split("|") for line in answer.split("\n") if line.startswith("|")]
    cells = [[cell.strip() for cell in row] for row in rows]
    return [row for row in cells if not all(set(cell) <= set("-: ") for cell in row)]


def holds_table(rows: Sequence[Sequence[str]]) -> Rule:
    """A Markdown table of just these cells."""
    wanted = [[plain(cell) for cell in row] for row in rows]
    return lambda answer: [[plain(cell) for cell in row] for row in tabled(answer)] == wanted


# ---- how people type

_OPENERS = (
    *("Hey, ", "Hi, ", "So, ", "OK, ", "Okay, ", "Now, ", "And ", "Well, ", "Please, "),
    *("Quick question: ", "One more thing: ", "Next question: ", "Tell me: ", "Hello! ", "Hi! "),
    *("Alright, ", "Then ", "Question: ", "By the way, ", "Thanks! ", "Great. ", "Cool, ", "Hm, "),
)
_CLOSERS = (", please", " please", ", thanks", ", thank you", " for me", ", if you can", " now")
_SHORT = (
    *(("What is ", "What's "), ("I am ", "I'm "), ("do not", "don't"), ("Where is ", "Where's ")),
    *(("does not", "doesn't"), ("I would", "I'd"), ("It is", "It's"), ("Who is ", "Who's ")),
    *(("How is ", "How's "), ("cannot", "can't"), ("You are", "You're"), ("you are", "you're")),
)
_SLOT = re.compile(r"(\{\w+\})")


def _slip(rng: random.Random, text: str) -> str:
    """One slip of the finger in a longer word of the fixed part of a question."""
    spots = [m for m in re.finditer(r"[A-Za-z]{5,}", text)]
    if not spots:
        return text
    word = rng.choice(spots)
    at = rng.randrange(word.start() + 1, word.end() - 1)
    cut = rng.randrange(3)
    if cut == 0:
        return text[:at] + text[at + 1 :]
    if cut == 1:
        return text[:at] + text[at] + text[at:]
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :]


def typed(
    rng: random.Random, template: str, *, wrap: bool = True, keep: bool = False, **slots: object
) -> str:
    """A question as somebody types it: as written, hasty, polite, or with a slip.

    Args:
        template: the question, with {slots}.
        wrap: whether words of courtesy may stand around it.
        keep: whether what fills the slots keeps its case in any style.
    """
    if rng.random() < 0.35:
        for long, short in _SHORT:
            template = template.replace(long, short)
    end = template[-1] if template[-1] in "?!." else ""
    body = template.removesuffix(end) if end else template
    if wrap and rng.random() < 0.12 and not re.search(r"[.!:;]", body):
        body += rng.choice(_CLOSERS)
    if wrap and rng.random() < 0.18:
        first = body[0] if re.match(r"I\b|\{", body) else body[0].lower()
        opener = rng.choice(_OPENERS)
        body = opener + (body if opener[-2] in "!." else first + body[1:])
    style = rng.random()
    if style > 0.92:
        parts = _SLOT.split(body)
        literal = rng.choice([i for i, part in enumerate(parts) if not _SLOT.fullmatch(part)])
        parts[literal] = _slip(rng, parts[literal])
        body = "".join(parts)
    lower, bare = style < 0.3, style < 0.22 or 0.3 <= style < 0.4
    if lower:
        body = re.sub(r"\{\w+\}|[^{]+", lambda m: m[0] if m[0][0] == "{" else m[0].lower(), body)
        if style < 0.1:
            body = body.replace("'", "")
        if not keep:
            slots = {name: str(value).lower() for name, value in slots.items()}
    question = body.format(**slots)
    return question if bare or not end else question + rng.choice([end] * 8 + ["?!", "??", "..."])


def join(items: Sequence[str], last: str = "and") -> str:
    """`a, b and c`."""
    return ", ".join(items[:-1]) + f" {last} {items[-1]}" if len(items) > 1 else items[0]


def sentence(text: str) -> str:
    """With a capital first."""
    return text[:1].upper() + text[1:]


def article(noun: str) -> str:
    """`a fox`, `an owl`; what has an article or is a name keeps it."""
    if noun[0].isupper() or re.match(r"(a|an|the|two|three|some) ", noun):
        return noun
    vowel = noun[0] in "aeiou" and not re.match(r"(uni|use|one|euro)", noun)
    return f"{'an' if vowel or re.match(r'(hour|heir|honest)', noun) else 'a'} {noun}"
