"""Models out of the ordinary in both hosts, natively and in Chromium: the same story for each."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from py_engine.base.errors import InferaivedError
from py_engine.generate.sampling import Sampling
from py_engine.hosts.headless import BrowserEngine
from py_engine.hosts.native import NativeEngine
from tests.browser.apart import apart
from tests.divergence import kl_divergence
from tests.fixtures import write

Host = BrowserEngine | NativeEngine
MakeHost = Callable[..., Host]
GREEDY = Sampling(temperature=0.0, max_tokens=12)


@pytest.fixture(params=["native", "browser"])
def make_host(request: pytest.FixtureRequest, site: Path) -> MakeHost:
    """Either host, which must do the same."""
    if request.param == "native":
        return NativeEngine
    return lambda **options: BrowserEngine(site, software=True, **options)


def test_a_model_without_a_tokenizer_takes_and_gives_ids(
    make_host: MakeHost, tmp_path: Path
) -> None:
    """As llama.cpp saves its test models; it is llama.cpp's logits that they must have."""
    path = str(write(tmp_path / "m.gguf", "llama", saved=True, drafts=1).path)
    vectors = Path(__file__).parents[1] / "vectors"
    record = json.loads((vectors / "llama_cpp.json").read_text())
    theirs = np.load(vectors / "logits.npz")["llama-saved"]

    async def ask() -> None:
        async with make_host() as host:
            await host.load(path)
            assert "has no tokenizer" in " ".join(host.info["warnings"])
            rows = [np.frombuffer(row, "<f4") async for row in host.score(record["ids"])]
            got = np.array(rows)[record["positions"]]
            assert kl_divergence(theirs, got) < 5e-6
            ids: list[int] = []
            async for piece in host.complete(record["ids"], GREEDY):
                ids += piece.ids
                assert piece.text == ""
            assert len(ids) == 12
            assert ids[0] == np.argmax(rows[-1])
            for refused in (
                lambda: anext(aiter(host.complete("Hello", GREEDY))),
                lambda: anext(aiter(host.complete([1], Sampling(stop=("a",))))),
                lambda: anext(aiter(host.chat([{"role": "user", "content": "Hello"}], GREEDY))),
                lambda: host.tokenize("Hello"),
                lambda: host.tokenize("Hello", model=path),
            ):
                with pytest.raises(InferaivedError, match=r"has no tokenizer.*'test'") as caught:
                    await refused()
                assert "token ids only" in caught.value.hint

    apart(ask)


def test_a_context_that_no_buffer_holds_says_which_does(
    make_host: MakeHost, tmp_path: Path
) -> None:
    path = str(write(tmp_path / "m.gguf", "qwen2", odd=True, context=2**24).path)

    async def ask() -> None:
        async with make_host(default_limits=True) as host:
            match = r"context of 1048576 tokens does not fit this GPU.*128 MiB"
            with pytest.raises(InferaivedError, match=match) as caught:
                await host.load(path, context=2**20)
            assert caught.value.hint == "Load this model with a context of up to 838860."
            await host.load(path)
            assert host.info["context"] == 4096
            pieces = [piece async for piece in host.complete("The fox", GREEDY)]
            assert pieces[-1].reply and len(pieces[-1].reply.ids) == 12

    apart(ask)
