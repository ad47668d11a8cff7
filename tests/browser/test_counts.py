"""What a token costs the page, counted in a real browser: nothing is made, little is said.

No clock: whatever makes a buffer per token or crosses the bridge twice a step is slow everywhere,
and fails here on a software GPU.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from py_engine.hosts.static import running
from py_engine.ops.attention import SPAN
from tests import fixtures

PROMPT = list(range(10, 110))
TOKENS = 200
SETTINGS = 3
"""Writes at the start of a reply: the settings, the tokens of its last chunk, the state."""
HEAP_BYTES = 8192
"""What Python may hold more after a reply that repeats the last one; a token's share is 40."""

_PREPARE = """async () => {
  const client = await import("./client.js");
  globalThis.worker = await client.start();
  globalThis.engine = await client.load("models/m.gguf", { worker });
}"""
_REPLY = """async ({ prompt, tokens }) => {
  const options = { temperature: 0.8, seed: 7, max_tokens: tokens };
  return (await engine.complete(prompt, options).result).ids.length;
}"""
# The modules in C: the page's library has not the Python around them.
_TRACE = "import _tracemalloc, gc; _tracemalloc.start(1)"
_PYTHON_BYTES = "gc.collect(); _tracemalloc.get_traced_memory()[0]"
_HELD = """(python_bytes) => ({
  ...counted,
  "Python's bytes": python.runPython(python_bytes),
  "references to JavaScript": python._module._hiwire_num_refs(),
  "bytes of WebAssembly": python._module.HEAPU8.length,
})"""
# The prompt is one chunk, however fast the machine is: another chunk size is another program.
_STEPS = "import py_engine.generate.pace as pace; pace.SUBMIT_S = {seconds}; pace.CHUNK_S = 1e9"


@pytest.fixture(scope="module", params=["qwen3", "gemma4"])
def counting(
    chromium: Browser,
    site: Path,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Iterator[Page]:
    """A page whose worker counts (counting_pyodide.js); replies go over a change of programs."""
    assert len(PROMPT) < SPAN < len(PROMPT) + TOKENS
    with pytest.MonkeyPatch.context() as patch, running(site) as server:
        shape = replace(fixtures.MODELS[request.param], context=1024)
        patch.setitem(fixtures.MODELS, "longer", shape)
        model = tmp_path_factory.mktemp("model") / "m.gguf"
        fixtures.write(model, "longer", "Q4_K" if request.param == "qwen3" else "Q8_0")
        server.files["/models/m.gguf"] = model
        server.files["/pyodide/original.mjs"] = site / "pyodide" / "pyodide.mjs"
        server.files["/pyodide/pyodide.mjs"] = Path(__file__).with_name("counting_pyodide.js")
        page = chromium.new_page()
        page.goto(f"{server.url}headless.html")
        page.evaluate(_PREPARE)
        python(page, _TRACE)
        yield page
        page.close()


def python(page: Page, code: str) -> None:
    page.workers[0].evaluate("(code) => void python.runPython(code)", code)


def reply(page: Page, tokens: int) -> dict[str, int]:
    """What a reply added to each count."""
    before = page.workers[0].evaluate(_HELD, _PYTHON_BYTES)
    assert page.evaluate(_REPLY, {"prompt": PROMPT, "tokens": tokens}) == tokens
    after = page.workers[0].evaluate(_HELD, _PYTHON_BYTES)
    return {name: after[name] - before.get(name, 0) for name in after}


@pytest.mark.parametrize("seconds", [0, 1], ids=["a step a submit", "many steps a submit"])
def test_tokens_make_nothing_and_cross_the_bridge_once_a_submit(
    counting: Page, seconds: int
) -> None:
    python(counting, _STEPS.format(seconds=seconds))
    for _ in range(2):  # the whole prompt, then what is not cached of it: two sizes of a chunk
        reply(counting, 20)
    first, second = reply(counting, TOKENS), reply(counting, TOKENS)
    assert {"createBuffer", "createBindGroup", "createComputePipelineAsync"} <= set(first)
    for told in (first, second):
        made = {name for name, n in told.items() if n and name.startswith(("create", "import"))}
        assert not made
        submits = told["submit"]
        assert (TOKENS / 2 < submits <= TOKENS) if seconds == 0 else (submits < TOKENS / 4)
        assert told["crossings"] <= submits + SETTINGS
        assert told["awaits"] == told["mapAsync"] <= submits
        assert told["writeBuffer"] <= SETTINGS
        assert told["postMessage"] <= TOKENS + 1  # and the end
        assert told["references to JavaScript"] == 0
    assert second["bytes of WebAssembly"] == 0
    assert second["Python's bytes"] <= HEAP_BYTES


def test_a_reply_tells_how_large_pythons_memory_is(counting: Page) -> None:
    told = counting.evaluate("async () => (await engine.complete([5], { max_tokens: 1 }).result)")
    held = counting.workers[0].evaluate(_HELD, _PYTHON_BYTES)
    assert told["heap_bytes"] == held["bytes of WebAssembly"] > 1 << 24
