"""A file's chat templates through both hosts, from the GGUF to the prompt's tokens."""

from pathlib import Path
from typing import Any

import pytest

from py_engine.base.errors import BadRequest, InferaivedError
from py_engine.generate.sampling import Sampling
from py_engine.hosts.headless import BrowserEngine
from py_engine.hosts.native import NativeEngine
from tests.browser.apart import apart
from tests.fixtures import write

ONE = Sampling(temperature=0.0, max_tokens=1)
ASK = {"role": "user", "content": "Weather?"}
CALL = {"function": {"name": "look", "arguments": '{"at": "Oslo"}'}}
LOOP = [ASK, {"role": "assistant", "content": None, "tool_calls": [CALL]}]
LOOP.append({"role": "tool", "content": "rain"})
TOOLS: list[dict[str, Any]] = [{"type": "function", "function": {"name": "look"}}]
TEMPLATE = """{{ tools | tojson }}{% for m in messages %}<{{ m.role }}>{{ m.content + '' }}\
{% for c in m.tool_calls or [] %}{{ c.function.name }}{{ c.function.arguments | tojson }}\
{% endfor %}{% endfor %}"""


async def prompts(host: BrowserEngine | NativeEngine, path: str) -> list[tuple[int, ...]]:
    """The tokens of a plain question and of a tool loop."""
    await host.load(path)
    found = []
    for messages, tools in (([ASK], None), (LOOP, TOOLS)):
        async for piece in host.chat(messages, ONE, tools=tools):
            if piece.reply:
                found.append(tuple(piece.reply.prompt_ids))
    return found


def test_a_tool_loop_takes_the_named_template(site: Path, tmp_path: Path) -> None:
    named = {"tokenizer.chat_template.tool_use": TEMPLATE}
    path = str(write(tmp_path / "m.gguf", "qwen2", "Q4_K", texts=named).path)
    alone = str(write(tmp_path / "alone.gguf", "qwen2", "Q4_K").path)

    async def ask() -> None:
        async with NativeEngine() as native, BrowserEngine(site, software=True) as browser:
            expected = await prompts(native, path)
            (written,) = await native.tokenize(
                ['[{"type": "function", "function": {"name": "look"}}]<user>Weather?'
                 '<assistant>look{"at": "Oslo"}<tool>rain']
            )  # fmt: skip
            assert expected[1] == tuple(written) != expected[0]
            assert await prompts(browser, path) == expected
            for host in (native, browser):
                with pytest.raises(InferaivedError, match="does not write the tools") as caught:
                    await prompts(host, alone)
                assert "ask without them" in caught.value.hint
            for nothing in ([], "text"):
                with pytest.raises(BadRequest, match="at least one message"):
                    await anext(native.chat(nothing, ONE))  # type: ignore[arg-type]

    apart(ask)
