"""Each weight type and kind of mixer: both hosts give the same greedy ids."""

from pathlib import Path

from py_engine.engine import Reply
from py_engine.generate.sampling import Sampling
from py_engine.hosts.headless import BrowserEngine
from py_engine.hosts.native import NativeEngine
from tests.browser.apart import apart
from tests.fixtures import write

GREEDY = Sampling(temperature=0.0, max_tokens=6)
PROMPT = (301, 17, 256, 44, 509, 3, 120, 77, 410)


CASES = [
    ("gemma3n", "Q8_0"),
    ("gemma4", "Q8_0"),
    ("lfm2", "Q8_0"),
    ("qwen35-biased", "Q8_0"),
    ("qwen3-scaled", "NVFP4"),
]
"""Windows and shared caches, short convolutions, delta nets, scaled products."""


def test_both_hosts_answer_alike(site: Path, tmp_path: Path) -> None:
    paths = {case: write(tmp_path / f"{'-'.join(case)}.gguf", *case).path for case in CASES}

    async def replies(
        host: BrowserEngine | NativeEngine,
    ) -> dict[tuple[str, str], tuple[int, ...]]:
        found = {}
        for case, path in paths.items():
            await host.load(str(path))
            found[case] = (await whole(host)).ids
        return found

    async def both() -> None:
        async with NativeEngine() as host:
            right = await replies(host)
        async with BrowserEngine(site, software=True) as host:
            assert await replies(host) == right
        assert len(set(right.values())) == len(CASES)  # they do differ

    apart(both)


def test_both_hosts_answer_alike_where_every_type_meets(site: Path, tmp_path: Path) -> None:
    path = str(write(tmp_path / "m.gguf", "qwen3", mix="every", layers=3, tied=False).path)

    async def reply(host: BrowserEngine | NativeEngine) -> Reply:
        await host.load(path)
        return await whole(host)

    async def both() -> None:
        async with NativeEngine() as host:
            right = await reply(host)
        async with BrowserEngine(site, software=True) as host:
            assert (await reply(host)).ids == right.ids
            assert not host.info["warnings"]  # as the self-check of each type's kernels gives them

    apart(both)


async def whole(host: BrowserEngine | NativeEngine) -> Reply:
    async for piece in host.complete(PROMPT, GREEDY):
        if piece.reply:
            return piece.reply
    raise AssertionError("no reply")
