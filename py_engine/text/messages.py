"""Messages as the API has them to messages as a template wants them, all their text marked.

What callers may send is checked here. Knows no template: a `Form` says what one wants.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from py_engine.base.errors import BadRequest
from py_engine.text.special import well_formed
from py_engine.text.vocabulary import SENTINEL

ROLES = ("system", "developer", "user", "assistant", "tool")
MAX_NESTING = 32
"""Levels of lists and objects in tools and in messages."""

MAX_BRACKETS = 500
"""In the JSON text of a tool call's arguments, which Python reads by recursion."""

_REASONING = ("reasoning_content", "reasoning", "thinking")
"""Names under which templates look for a model's earlier thoughts."""

Mark = Callable[[str], str]
Message = Mapping[str, Any]
System = Literal["each", "first", "asked"]
"""Where system messages go: each stays; those before anything else become one, and later ones go
into the next question; all go into the next question."""


@dataclass(frozen=True)
class Marks:
    """How each kind of text is marked: what people and tools say, what the model said, the
    strings of tools and other data, and their keys."""

    said: Mark
    own: Mark
    data: Mark
    key: Mark


@dataclass(frozen=True)
class Form:
    """How a template wants messages. The defaults are what most take, and what llama.cpp sends.

    In every form `developer` becomes `system`, as llama.cpp sends it.
    """

    parts: bool = False
    """Content is a list of parts instead of a text."""
    no_tools: bool = True
    """The absence of tools is null; otherwise an empty list."""
    system: System = "each"
    as_text: bool = False
    """A tool call's arguments are JSON text instead of an object."""
    silence: str | None = ""
    """The content of a message that says nothing."""


def checked(messages: object) -> list[dict[str, Any]]:
    """Copies of a conversation's messages, whose content is text or None; null keys are left out.

    Raises:
        BadRequest: not a list with a message in it, or a message is not of the API's form.
    """
    if not isinstance(messages, Sequence) or isinstance(messages, str) or not messages:
        raise BadRequest("messages", messages, "a list with at least one message")
    return [_checked(one) for one in messages]


def shaped(messages: Sequence[Message], form: Form, marks: Marks) -> list[dict[str, Any]]:
    """Checked messages as a template wants them.

    Raises:
        BadRequest: a value is not plain JSON, or nested too deeply.
    """
    return [_shaped(one, form, marks) for one in _placed(messages, form)]


def plain(value: object, mark: Mark, mark_key: Mark, depth: int = 0) -> Any:
    """A copy made of plain JSON types, all text marked.

    Raises:
        BadRequest: it holds something else, or is nested too deeply.
    """
    if depth > MAX_NESTING:
        raise BadRequest("the nesting of a value", depth, f"at most {MAX_NESTING} levels")
    if isinstance(value, str):
        return mark(_bare(value))
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, Mapping):
        return {
            mark_key(_key(key)): plain(item, mark, mark_key, depth + 1)
            for key, item in value.items()
        }
    if isinstance(value, Sequence):
        return [plain(item, mark, mark_key, depth + 1) for item in value]
    raise BadRequest("a value", value, "text, numbers, booleans, null, lists and objects")


def _checked(message: object) -> dict[str, Any]:
    if not isinstance(message, Mapping):
        raise BadRequest("messages", message, "objects with role and content")
    role = message.get("role")
    if role not in ROLES:
        raise BadRequest("role", role, f"one of {', '.join(ROLES)}")
    copy = {_key(name): value for name, value in message.items() if value is not None}
    copy["content"] = _text(message.get("content"))
    calls = copy.pop("tool_calls", [])
    if not isinstance(calls, list) or not all(isinstance(call, Mapping) for call in calls):
        raise BadRequest("tool_calls", calls, "a list of objects")
    return copy | ({"tool_calls": calls} if calls else {})


def _text(content: object) -> str | None:
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


def _placed(messages: Sequence[Message], form: Form) -> list[Message]:
    """With system messages where the template takes them; none is left out."""
    placed: list[Message] = []
    waiting: list[str] = []

    def settle(role: str, message: Message) -> None:
        placed.append({**message, "role": role, "content": "\n".join(waiting)})
        waiting.clear()

    for one in messages:
        role = "system" if one["role"] == "developer" else one["role"]
        if form.system != "each" and role == "system":
            waiting.append(one["content"] or "")
            continue
        if waiting and not placed and form.system == "first":
            settle("system", {})
        if waiting and role == "user":
            waiting.append(one["content"] or "")
            settle("user", one)
        else:
            placed.append({**one, "role": role})
    if waiting:
        settle("system" if form.system == "first" and not placed else "user", {})
    return placed


def _shaped(message: Message, form: Form, marks: Marks) -> dict[str, Any]:
    role, text, calls = message["role"], message["content"], message.get("tool_calls")
    shape: dict[str, Any] = {"role": role}
    if text is None or (calls and not text):
        shape["content"] = form.silence
    else:
        mark = marks.own if role == "assistant" else marks.said
        shape["content"] = mark(_bare(text))
    if form.parts and shape["content"] is not None:
        shape["content"] = [{"type": "text", "text": shape["content"]}]
    for name, value in message.items():
        if name in _REASONING:
            shape[name] = plain(value, marks.own, marks.key)
        elif name == "tool_calls":
            given = [_call(call, as_text=form.as_text) for call in value]
            shape[name] = plain(given, marks.data, marks.key)
        elif name not in ("role", "content"):
            shape[marks.key(name)] = plain(value, marks.data, marks.key)
    thoughts = next((shape[name] for name in _REASONING if shape.get(name)), None)
    return shape if thoughts is None else shape | dict.fromkeys(_REASONING, thoughts)


def _call(call: Message, *, as_text: bool) -> Message:
    """A tool call with its arguments as JSON text, or as the object that the text stands for.

    The API sends text. What is no object stays text.
    """
    function = call.get("function")
    if not isinstance(function, Mapping) or "arguments" not in function:
        return call
    given = function["arguments"]
    wanted = given
    if as_text and not isinstance(given, str):
        wanted = json.dumps(plain(given, _unmarked, _unmarked), ensure_ascii=False)
    elif not as_text and isinstance(given, str):
        wanted = _object(given)
    return {**call, "function": {**function, "arguments": wanted}}


def _object(text: str) -> object:
    if text.count("[") + text.count("{") > MAX_BRACKETS:
        return text
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, dict) else text


def _key(name: object) -> str:
    if not isinstance(name, str):
        raise BadRequest("a key", name, "text")
    return _bare(name)


def _bare(text: str) -> str:
    """What was given, less what only we may write, and what UTF-8 cannot say."""
    return well_formed(text.replace(SENTINEL, ""))


def _unmarked(text: str) -> str:
    return text


UNMARKED = Marks(_unmarked, _unmarked, _unmarked, _unmarked)
"""For text that is ours."""
