"""A conversation's outline: the order of its messages, in words that can be found again.

Rendered by a template, it shows what the template leaves out. What is said does not matter, so
conversations share outlines, and a long one has a short one.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby, islice
from typing import Any, TypeVar

from py_engine.text.messages import Message

T = TypeVar("T")
Kind = tuple[str, bool, int]
"""A message's role, whether it says anything, and how many tools it calls: 0, 1, or 2 for more."""

TOOLS, CALLS, RESULTS = "the tools", "tool calls", "tool results"
MORE_CALLS = "more than one tool call in a message"
_SAID = {
    "user": "what people say",
    "assistant": "what the model said",
    "system": "system messages",
    "developer": "system messages",
    "tool": RESULTS,
}
_NAME = "argument"


@dataclass(frozen=True)
class Outline:
    """The kinds of a conversation's messages, repetitions shortened, and whether it has tools."""

    kinds: tuple[Kind, ...]
    tools: bool

    def has(self, *roles: str) -> bool:
        """Whether a message is of one of these roles."""
        return any(role in roles for role, _, _ in self.kinds)

    @property
    def calls(self) -> bool:
        """Whether a message calls tools."""
        return any(calls for _, _, calls in self.kinds)

    @property
    def about_tools(self) -> bool:
        """Whether it has tools, calls of them or their results."""
        return self.tools or self.calls or self.has("tool")


@dataclass
class Rehearsal:
    """An outline as messages of the API, each of whose texts is a word of its own."""

    messages: list[dict[str, Any]] = field(default_factory=list)
    tools: list[dict[str, Any]] | None = None
    words: dict[str, str] = field(default_factory=dict)
    """Word to what it stands for."""

    def word(self, meaning: str) -> str:
        """A new word; no word is a part of another."""
        word = f"word{len(self.words):04}x"
        self.words[word] = meaning
        return word

    def lost(self, text: str) -> list[str]:
        """What a rendered text leaves out; arguments must not stand in it as Python writes them."""
        return list(
            dict.fromkeys(
                meaning
                for word, meaning in self.words.items()
                if word not in text or f"{{'{_NAME}': '{word}'}}" in text
            )
        )


def outline(messages: Sequence[Message], tools: object) -> Outline:
    """Of checked messages: each kind of turn once and the last one, repeated steps twice."""
    kinds = [
        (one["role"], bool(one["content"]), min(len(one.get("tool_calls", ())), 2))
        for one in messages
    ]
    steps = [tuple(_twice(step)) for step in _cut(kinds, lambda kind: kind[0] != "tool")]
    turns = [tuple(_twice(turn)) for turn in _cut(steps, lambda step: step[0][0] == "user")]
    turns = [*dict.fromkeys(turns[:-1]), turns[-1]]
    return Outline(tuple(kind for turn in turns for step in turn for kind in step), bool(tools))


def rehearsal(outline: Outline) -> Rehearsal:
    """The outline in words."""
    it = Rehearsal()
    if outline.tools:
        it.tools = [_tool(it.word(TOOLS))]
    ids: list[str] = []
    for role, speaks, n_calls in outline.kinds:
        message: dict[str, Any] = {"role": role, "content": None}
        if speaks or role != "assistant":
            # Templates may leave out what a model said beside a call; llama.cpp lets them, too.
            message["content"] = "word" if n_calls else it.word(_SAID[role])
        if n_calls:
            meanings = (CALLS, MORE_CALLS)[:n_calls]
            message["tool_calls"] = calls = [_called(it, meaning) for meaning in meanings]
            ids = [call["id"] for call in calls]
        if role == "tool":
            message["tool_call_id"] = ids.pop(0) if ids else f"call{0:05}"
        it.messages.append(message)
    return it


def _cut(items: Iterable[T], begins: Callable[[T], bool]) -> Iterator[list[T]]:
    """The items in pieces, each of which begins where `begins` says so."""
    piece: list[T] = []
    for item in items:
        if piece and begins(item):
            yield piece
            piece = []
        piece.append(item)
    yield piece


def _twice(items: Iterable[T]) -> Iterator[T]:
    """Of items that are the same in a row, two."""
    for _, same in groupby(items):
        yield from islice(same, 2)


def _tool(name: str) -> dict[str, Any]:
    properties = {_NAME: {"type": "string", "description": "word"}}
    parameters = {"type": "object", "properties": properties, "required": [_NAME]}
    function = {"name": name, "description": "word", "parameters": parameters}
    return {"type": "function", "function": function}


def _called(it: Rehearsal, meaning: str) -> dict[str, Any]:
    id = f"call{len(it.words):05}"  # nine letters and digits, as Mistral's templates want
    function = {"name": it.word(meaning), "arguments": {_NAME: it.word(meaning)}}
    return {"id": id, "type": "function", "function": function}
