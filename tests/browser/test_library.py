"""The trimmed library in the page: whatever the engine does, nothing is asked for in vain."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Error

from py_engine.engine import Reply
from py_engine.generate.sampling import Sampling
from py_engine.hosts.native import NativeEngine
from py_engine.hosts.static import running
from tests import fixture_vocab
from tests.browser import rare, rendering
from tests.browser.apart import apart
from tests.browser.test_templates import LITERALS
from tests.browser.watched import Watched
from tests.fixtures import write

SAID = [rendering.SYSTEM, rendering.HI, rendering.THOUGHT, rendering.HI]

_ASK = """async (said) => {
  const engine = await client.load("models/m.gguf", { worker, tune: "again" });
  const reply = await engine.reply(said, { temperature: 0, max_tokens: 6 }).result;
  return { ...reply, warnings: engine.info.warnings };
}"""
_ALL = """async ({ said, called, tools }) => {
  const engine = await client.load("models/m.gguf", { worker });
  const greedy = { temperature: 0, max_tokens: 4 };
  await engine.chat.completions.create({ messages: called, tools, ...greedy });
  const stream = await engine.chat.completions.create({ messages: said, stream: true, ...greedy });
  for await (const chunk of stream) chunk.choices;
  await engine.complete("Grüße 👤", { temperature: 1.5, top_k: 40, top_p: 0.9, min_p: 0.01,
    seed: 3, repetition_penalty: 1.1, presence_penalty: 0.1, frequency_penalty: 0.1,
    logit_bias: { 5: 2 }, stop: ["é", "\\n"], max_tokens: 4 }).result;
  for await (const rows of engine.score([5, 6, 7])) rows.length;
  await engine.tokenize(["Grüße, 世界! <|im_end|>", ""], { special: true });
  await engine.inspect();
  for (const file of ["models/m.gguf", "models/s.gguf"]) {
    await client.inspect(file, { worker });
    await client.tokenize(file, "Grüße 👤 \\u0000", { worker });
  }
  const wrong = [
    engine.complete("x", { temprature: 1 }).result,
    engine.complete([1e6], greedy).result,
    engine.reply([{ role: "user", content: 3 }], greedy).result,
    client.load("models/m.gguf", { worker, context: 1e9 }),
    ...["nowhere.gguf", "engine.zip", "headless.html", "models/cut.gguf"]
      .map((file) => client.load(file, { worker })),
  ];
  const failures = [];
  for (const { reason } of await Promise.allSettled(wrong)) failures.push(reason?.trace ?? "");
  const other = await client.load("models/s.gguf", { worker });
  const long = other.complete("Once", { temperature: 0, max_tokens: 100 });
  for await (const piece of long) if (piece.text) other.stop();
  await other.reply([said[1]], greedy).result;
  await other.close();
  return failures;
}"""


@pytest.fixture(scope="module")
def models(watched: Watched, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two models that have string literals in their templates, and one cut short."""
    folder = tmp_path_factory.mktemp("models")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fixture_vocab, "CHATML", LITERALS)
        whole = write(folder / "m.gguf", "qwen2", "Q4_K", context=2048).path.read_bytes()
    write(folder / "s.gguf", "llama", odd=True)
    (folder / "cut.gguf").write_bytes(whole[:-1000])
    watched.server.files |= {f"/models/{file.name}": file for file in folder.iterdir()}
    return folder


def test_a_template_with_literals_answers_as_natively(watched: Watched, models: Path) -> None:
    """A file's own `'<|im_start|>'`: not a built-in format in its place."""

    async def ask() -> Reply:
        async with NativeEngine() as host:
            await host.load(str(models / "m.gguf"))
            assert host.info["warnings"] == []
            async for piece in host.chat(SAID, Sampling(temperature=0, max_tokens=6)):
                if piece.reply:
                    return piece.reply
        raise AssertionError("no reply")

    reply = apart(ask)
    told = watched.page.evaluate(_ASK, SAID)
    assert told["warnings"] == []
    assert told["prompt_ids"] == list(reply.prompt_ids)
    assert (told["ids"], told["text"]) == (list(reply.ids), reply.text)
    assert watched.missed() == set()


@pytest.mark.usefixtures("models")
def test_no_path_through_the_engine_misses_a_module(watched: Watched) -> None:
    called, tools = rendering.CONVERSATIONS["loop"]
    given = {"said": SAID, "called": called, "tools": tools}
    failures = watched.page.evaluate(_ALL, given)
    assert len(failures) == 8
    assert all("Traceback" in trace for trace in failures)
    assert watched.missed() == set()


def test_nothing_rare_misses_a_module(watched: Watched) -> None:
    native: list[Any] = json.loads(apart(rare.rare))
    assert watched.run(rare, "rare") == native
    assert watched.missed() == set()


def test_a_module_that_is_taken_out_is_noticed(
    chromium: Browser, site: Path, tmp_path: Path
) -> None:
    """So these tests can fail."""
    gone = "encodings.unicode_escape"
    less = tmp_path / "python_stdlib.zip"
    with zipfile.ZipFile(site / "pyodide/python_stdlib.zip") as kept:
        files = set(kept.namelist())
        with zipfile.ZipFile(less, "w") as left:
            for file in files - {f"{gone.replace('.', '/')}.pyc"}:
                left.writestr(file, kept.read(file))
    with running(site) as server:
        server.files["/pyodide/python_stdlib.zip"] = less
        watched = Watched(chromium, server)
        assert watched.missed() == set()
        with pytest.raises(Error, match="unicode-escape"):
            watched.run(rare, "rare")
        assert watched.missed() == {gone}
        watched.close()
