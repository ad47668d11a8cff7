"""Chat templates over conversations of every form, as JSON: run natively and in the page alike.

It is Python for both hosts: the standard library and what engine.zip has.
"""

import asyncio
import json
from typing import Any

from py_engine.base.errors import InferaivedError
from py_engine.formats.gguf import read_gguf
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


class Bytes:
    """A file in memory; see `Source`."""

    name = "vocabulary.gguf"

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.size = len(data)

    async def read(self, at: int, nbytes: int) -> bytes:
        return self._data[at : at + nbytes]

    def close(self) -> None: ...


class NoEncoder:
    """Texts are compared here, before they are encoded."""

    def __init__(self, vocabulary: Vocabulary) -> None: ...

    def encode(self, text: str) -> list[int]:
        return []


async def rendered(vocabulary: bytes, templates: str) -> str:
    """For each template by name: the format in use, why, and the text or error of each form.

    Args:
        vocabulary: a GGUF's bytes.
        templates: a JSON object of sources.
    """
    tokenizer = Tokenizer((await read_gguf(Bytes(vocabulary))).metadata, NoEncoder)
    found = {}
    for name, source in json.loads(templates).items():
        template = ChatTemplate(source, tokenizer)
        texts = {}
        for form, (messages, tools) in CONVERSATIONS.items():
            try:
                texts[form] = template.render(messages, tools=tools)
            except InferaivedError as error:
                texts[form] = f"{type(error).__name__}: {error} {error.hint}"
        found[name] = {"format": template.name, "warnings": template.warnings, "texts": texts}
        await asyncio.sleep(0)
    return json.dumps(found)
