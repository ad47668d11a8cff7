"""Chat templates over conversations of every form, as JSON: run natively and in the page alike.

It is Python for both hosts: the standard library and what engine.zip has.
"""

import json
from typing import Any

from jinja2 import TemplateError

from py_engine.base.errors import InferaivedError
from py_engine.text.chat import ChatTemplate
from py_engine.text.tokenizer import Tokenizer
from py_engine.text.vocabulary import Vocabulary

PARAMETERS = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "description": "the [city], e.g. Köln"},
        "days": {"type": "integer", "enum": [1, 2]},
    },
    "required": ["city"],
}
FUNCTION = {
    "name": "get_weather",
    "description": 'The weather <b>now</b>, "exactly"',
    "parameters": PARAMETERS,
}
TOOLS = [{"type": "function", "function": FUNCTION}]
SYSTEM = {"role": "system", "content": "Be brief.\nSay 'ja' – or \"nein\"."}
HI = {"role": "user", "content": "Hi <there> [you] | ok? Grüße, 世界 \\n {{ 1 }}"}
HO = {"role": "assistant", "content": "Ho & 'hum'"}
THOUGHT = HO | {"reasoning_content": "A greeting.\nI greet as well."}
CALL = {
    "role": "assistant",
    "content": None,
    "tool_calls": [
        {
            "id": "call12345",
            "type": "function",
            "function": {"name": "get_weather", "arguments": '{"city": "Köln", "days": 1}'},
        }
    ],
}
RESULT = {"role": "tool", "content": "20 °C", "tool_call_id": "call12345", "name": "get_weather"}
CONVERSATIONS: dict[str, tuple[list[dict[str, Any]], list[Any] | None]] = {
    "plain": ([HI], None),
    "system": ([SYSTEM, HI], None),
    "turns": ([HI, HO, HI, HO, HI], None),
    "tools": ([SYSTEM, HI], TOOLS),
    "thinking": ([HI, THOUGHT, HI], None),
    "call": ([HI, CALL, RESULT], TOOLS),
    "loop": ([SYSTEM, HI, CALL, RESULT, HO, HI], TOOLS),
}


class NoEncoder:
    """Texts are compared here, before they are encoded."""

    def __init__(self, vocabulary: Vocabulary) -> None: ...

    def encode(self, text: str) -> list[int]:
        return []


def rendered(metadata: str, templates: str) -> str:
    """For each template by name: the format in use, why, and the text or refusal of each form.

    Args:
        metadata: a JSON object with the `tokenizer.*` keys of a GGUF.
        templates: a JSON object of sources.
    """
    values = {
        key: [one.encode() if isinstance(one, str) else one for one in value]
        if isinstance(value, list)
        else value
        for key, value in json.loads(metadata).items()
    }
    tokenizer = Tokenizer(values, NoEncoder)
    found = {}
    for name, source in json.loads(templates).items():
        template = ChatTemplate(source, tokenizer)
        texts = {}
        for form, (messages, tools) in CONVERSATIONS.items():
            try:
                texts[form] = template.render(messages, tools=tools)
            except InferaivedError as error:
                texts[form] = f"refused: {sentence(error)}"
        found[name] = {"format": template.name, "warnings": template.warnings, "texts": texts}
    return json.dumps(found)


def sentence(error: InferaivedError) -> str:
    """What an error says. Where Python itself failed, by what: its words differ by its version."""
    cause = error.__cause__
    own = cause is None or isinstance(cause, TemplateError)
    return f"{error}. {error.hint}" if own else type(cause).__name__
