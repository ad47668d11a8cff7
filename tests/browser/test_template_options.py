"""What a request tells the template, and what a file forbids, through both hosts."""

import dataclasses
from pathlib import Path

import gguf
import pytest
from gguf.scripts.gguf_new_metadata import MetadataDetails, copy_with_new_metadata

from py_engine.base.errors import InferaivedError
from py_engine.generate.sampling import Sampling
from py_engine.hosts.headless import BrowserEngine
from py_engine.hosts.native import NativeEngine
from py_engine.text.variables import TemplateOptions
from tests.browser.apart import apart
from tests.fixtures import write

ASK = [{"role": "user", "content": "Hello"}]
FEW = Sampling(temperature=0.0, max_tokens=3)
TEMPLATE = """{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}\
{% if enable_thinking is defined %}{{ 'on' if enable_thinking else 'off' }}{% endif %}\
{{ reasoning_effort }}{{ documents | tojson if documents }}"""
TOLD: list[TemplateOptions] = [
    {},
    {"chat_template_kwargs": {"enable_thinking": False}},
    {"chat_template_kwargs": {"enable_thinking": True, "documents": [{"text": "x"}]}},
    {"reasoning_effort": "none"},
    {"reasoning_effort": "high"},
    {"chat_template_kwargs": None, "reasoning_effort": None},
]
WRITTEN = ["", "off", 'on[{"text": "x"}]', "off", "onhigh", ""]


async def replies(
    host: BrowserEngine | NativeEngine, told: list[TemplateOptions], sampling: Sampling = FEW
) -> list[tuple[list[int], list[int]]]:
    """The ids of each prompt and of its reply."""
    found = []
    for one in told:
        async for piece in host.chat(ASK, sampling, **one):
            if piece.reply:
                found.append((list(piece.reply.prompt_ids), list(piece.reply.ids)))
    return found


def suppressing(path: Path, copy: Path, ids: list[int]) -> Path:
    """A copy of a model's file whose metadata suppresses tokens."""
    reader = gguf.GGUFReader(path)
    writer = gguf.GGUFWriter(copy, "qwen2")
    key = "tokenizer.ggml.suppress_tokens"
    copy_with_new_metadata(
        reader, writer, {key: MetadataDetails(gguf.GGUFValueType.ARRAY, ids)}, []
    )
    return copy


def test_template_options_and_suppressed_tokens(site: Path, tmp_path: Path) -> None:
    texts = {"tokenizer.chat_template": TEMPLATE}
    path = Path(write(tmp_path / "m.gguf", "qwen2", "Q4_K", texts=texts).path)

    async def ask() -> None:
        async with NativeEngine() as native, BrowserEngine(site, software=True) as browser:
            await native.load(str(path), tune=False)
            found = await replies(native, TOLD)
            written = await native.tokenize([f"<user>Hello{more}" for more in WRITTEN])
            assert [prompt for prompt, _ in found] == written
            banned = sorted({id for _, ids in found for id in ids})
            other = str(suppressing(path, tmp_path / "other.gguf", [*banned, -1, 10**6]))
            await browser.load(str(path), tune=False)
            assert await replies(browser, TOLD) == found
            for host in (native, browser):
                with pytest.raises(InferaivedError, match="reads: documents, enable_thinking"):
                    await replies(host, [{"chat_template_kwargs": {"thinks": True}}])
                await host.load(other, tune=False)
                wished = dataclasses.replace(FEW, logit_bias={banned[0]: 1e4})
                for sampling in (FEW, wished):
                    [(_, ids)] = await replies(host, [{}], sampling)
                    assert ids and not set(ids) & set(banned)

    apart(ask)
