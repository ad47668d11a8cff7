"""A conversation to the prompt that a model expects, by the template in its file.

What people type can never become a control token: their text carries a sentinel (U+FDD0) inside
whatever looks like one, the control tokens of the rendered text are split off, and only then does
the sentinel go. Knows one tokenizer and one template; does not know the model.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from py_engine.base.errors import BadRequest, BadTemplate
from py_engine.text.chat_formats import built_in
from py_engine.text.meter import TooMuchWork
from py_engine.text.sandbox import Sandbox
from py_engine.text.special import Splitter
from py_engine.text.tokenizer import Tokenizer
from py_engine.text.vocabulary import SENTINEL

ROLES = ("system", "developer", "user", "assistant", "tool")
MAX_NESTING = 32
"""Levels of lists and objects in tools and in messages."""

MAX_BRACKETS = 500
"""In the JSON text of a tool call's arguments, which Python reads by recursion."""

_REASONING = ("reasoning_content", "reasoning", "thinking")
"""Names under which templates look for a model's earlier thoughts."""

Mark = Callable[[str], str]
Message = Mapping[str, object]


@dataclass(frozen=True)
class _Marks:
    """How each kind of text is marked: what people and tools say, what the model said, the
    strings of tools and other data, and their keys."""

    said: Mark
    own: Mark
    data: Mark
    key: Mark


class ChatTemplate:
    """One model's chat format.

    Args:
        source: the template in the file; empty where it has none.
        tokenizer: of the same file.

    A missing or broken template is replaced by a built-in format; `name` says which one is in
    use ("model" for the file's own), `warnings` says why.
    """

    def __init__(self, source: str, tokenizer: Tokenizer) -> None:
        self.name = "model"
        self.warnings: list[str] = []
        self._tokenizer = tokenizer
        self._parts = False
        self._no_tools: list[object] | None = None
        text = tokenizer.vocabulary.text
        self._values: dict[str, object] = {
            "add_generation_prompt": True,
            "bos_token": text(tokenizer.bos) if tokenizer.bos is not None else "",
            "eos_token": text(tokenizer.eos) if tokenizer.eos is not None else "",
        }
        guarded = {text: i for text, i in tokenizer.special.items() if tokenizer.is_guarded(i)}
        thoughts = {text: i for text, i in tokenizer.special.items() if "think" in text.lower()}
        typed, own = Splitter(guarded), Splitter(guarded | thoughts, keep=frozenset(thoughts))
        self._cut = _Marks(typed.cut, own.cut, typed.cut, typed.cut)
        self._cut_all = _Marks(
            lambda text: SENTINEL + typed.cut_all(text), own.cut_all, typed.cut_all, typed.cut
        )
        if any(len(text) == 1 for text in guarded):
            self.warnings.append(
                "the vocabulary has control tokens of one character; they are removed from messages"
            )
        self._sandbox = Sandbox()
        self._choose(source)

    def render(self, messages: Sequence[Message], *, tools: Sequence[object] | None = None) -> str:
        """The prompt as text, for people; `ids` is what a model gets.

        Raises:
            BadRequest: a message is not of the API's form.
            BadTemplate: the template refuses the conversation, or takes too much work.
        """
        return self._render(messages, tools, self._cut).replace(SENTINEL, "")

    def ids(
        self, messages: Sequence[Message], *, tools: Sequence[object] | None = None
    ) -> list[int]:
        """The prompt as tokens, BOS included once where the model wants it.

        Rendered twice: the second time every character that could begin a control token is
        marked. Where the control tokens of the two differ, the template has put typed text
        together to form one, and the second is used.

        Raises:
            BadRequest: a message is not of the API's form.
            BadTemplate: the template refuses the conversation, or takes too much work.
        """
        text = self._render(messages, tools, self._cut)
        strict = self._render(messages, tools, self._cut_all)
        tokenizer = self._tokenizer
        if tokenizer.control_ids(strict) != tokenizer.control_ids(text):
            text = strict
        ids = tokenizer.encode(text, special=True, drop=SENTINEL)
        if tokenizer.add_bos and tokenizer.bos is not None and ids[:1] != [tokenizer.bos]:
            ids.insert(0, tokenizer.bos)
        return ids

    def _choose(self, source: str) -> None:
        """Take the file's template if it renders a simple message, else a built-in one."""
        why = "the file has no chat template"
        if source.strip():
            try:
                self._template = self._sandbox.template(source)
                self._probe()
                return
            except BadTemplate as error:
                why = str(error)
        vocabulary = self._tokenizer.vocabulary
        self.name, source = built_in(vocabulary.model, vocabulary.ids)
        self.warnings.append(f"{why}; the built-in format {self.name!r} is used instead")
        self._template = self._sandbox.template(source)
        self._parts, self._no_tools = False, None

    def _probe(self) -> None:
        """Learn which forms the template wants, from one plain message.

        Content as text or as a list of parts; the absence of tools as null or as an empty list.

        Raises:
            BadTemplate: it fails on all of them, with the reason of the first.
        """
        said = "what a person says"
        failure: BadTemplate | None = None
        for parts, no_tools in ((False, None), (True, None), (False, []), (True, [])):
            self._parts, self._no_tools = parts, no_tools
            try:
                text = self.render([{"role": "user", "content": said}])
            except TooMuchWork:
                raise
            except BadTemplate as error:
                failure = failure or error
                continue
            if said in text:
                return
        raise failure or BadTemplate("the chat template does not write what people say")

    def _render(
        self, messages: Sequence[Message], tools: Sequence[object] | None, marks: _Marks
    ) -> str:
        plain = [_message(one, self._parts, marks) for one in messages]
        given = _plain(tools or self._no_tools, marks.data, marks.key)
        return self._sandbox.run(self._template, self._values | {"messages": plain, "tools": given})


def _message(message: Message, parts: bool, marks: _Marks) -> dict[str, object]:
    """One message as templates want it: text content, tool arguments as objects."""
    if not isinstance(message, Mapping):
        raise BadRequest("messages", message, "objects with role and content")
    role = message.get("role")
    if role not in ROLES:
        raise BadRequest("role", role, f"one of {', '.join(ROLES)}")
    mark = marks.own if role == "assistant" else marks.said
    text = _content(message.get("content"))
    if text is not None:
        text = mark(text.replace(SENTINEL, ""))
    plain: dict[str, object] = {"role": role}
    for name, value in message.items():
        if name in _REASONING:
            plain[name] = _plain(value, marks.own, marks.key)
        elif name == "tool_calls":
            plain[name] = _plain(_tool_calls(value), marks.data, marks.key)
        elif name not in ("role", "content"):
            plain[marks.key(_key(name))] = _plain(value, marks.data, marks.key)
    thoughts = next((plain[name] for name in _REASONING if plain.get(name)), None)
    if thoughts is not None:
        plain |= dict.fromkeys(_REASONING, thoughts)
    plain["content"] = [{"type": "text", "text": text}] if parts and text is not None else text
    return plain


def _content(content: object) -> str | None:
    if content is None or isinstance(content, str):
        return content
    if not isinstance(content, Sequence):
        raise BadRequest("content", content, "text or a list of text parts")
    texts = []
    for part in content:
        text = part.get("text") if isinstance(part, Mapping) else None
        if not isinstance(text, str):
            raise BadRequest("content", part, "parts of type text")
        texts.append(text)
    return "\n".join(texts)


def _tool_calls(calls: object) -> object:
    """Calls with their arguments as objects: the API sends JSON text, templates want the object."""
    if not isinstance(calls, list):
        return calls
    return [_opened(call) for call in calls]


def _opened(call: object) -> object:
    function = call.get("function") if isinstance(call, Mapping) else None
    if not isinstance(function, Mapping) or not isinstance(function.get("arguments"), str):
        return call
    arguments = function["arguments"]
    if arguments.count("[") + arguments.count("{") > MAX_BRACKETS:
        return call
    try:
        value = json.loads(arguments)
    except ValueError:
        return call
    if not isinstance(value, dict):
        return call
    return {**cast(Message, call), "function": {**function, "arguments": value}}


def _key(name: object) -> str:
    if not isinstance(name, str):
        raise BadRequest("a key", name, "text")
    return name.replace(SENTINEL, "")


def _plain(value: object, mark: Mark, mark_key: Mark, depth: int = 0) -> Any:
    """A copy made of plain JSON types, all text marked."""
    if depth > MAX_NESTING:
        raise BadRequest("the nesting of a value", depth, f"at most {MAX_NESTING} levels")
    if isinstance(value, str):
        return mark(value.replace(SENTINEL, ""))
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, Mapping):
        return {
            mark_key(_key(key)): _plain(item, mark, mark_key, depth + 1)
            for key, item in value.items()
        }
    if isinstance(value, Sequence):
        return [_plain(item, mark, mark_key, depth + 1) for item in value]
    raise BadRequest("a value", value, "text, numbers, booleans, null, lists and objects")
