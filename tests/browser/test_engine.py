"""The engine in the browser, end to end: client.js, engine/, Pyodide and the GPU, as they ship.

Local models from a server; the native host says what is right.
"""

import struct
from collections.abc import Callable, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from py_engine.base.errors import InferaivedError
from py_engine.engine import Reply
from py_engine.generate.sampling import Sampling
from py_engine.hosts.headless import BrowserEngine
from py_engine.hosts.native import NativeEngine
from py_engine.hosts.static import Server
from tests.browser.apart import apart
from tests.browser.faulty import Faulty
from tests.fixtures import Spec, write

GREEDY = Sampling(temperature=0.0, max_tokens=12)
PROMPT = "The quick brown fox"


async def answer(host: BrowserEngine | NativeEngine, prompt: str, sampling: Sampling) -> Reply:
    """The reply to a raw prompt, whose pieces must add up to it."""
    text = ""
    async for piece in host.complete(prompt, sampling):
        text += piece.text
        if piece.reply:
            assert piece.reply.text == text
            return piece.reply
    raise AssertionError("no reply")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Spec:
    """A small model in three files."""
    return write(tmp_path_factory.mktemp("model") / "m.gguf", "qwen2", "Q4_K", split=12)


@pytest.fixture(scope="module")
def native(model: Spec) -> dict[str, Any]:
    """What the native host answers, scores and tokenizes."""

    async def ask() -> dict[str, Any]:
        async with NativeEngine() as host:
            await host.load(str(model.path))
            reply = await answer(host, PROMPT, GREEDY)
            rows = [row async for row in host.score(reply.prompt_ids)]
            texts = ["Grüße, 世界! <|im_end|>", "", "half \ud83d, whole \ud83d\ude42, \udcff"]
            ids = await host.tokenize(texts)
            special = await host.tokenize(texts, special=True)
            return {"reply": reply, "rows": rows, "texts": texts, "ids": ids, "special": special}

    return apart(ask)


def test_the_browser_answers_as_the_native_host(
    site: Path, model: Spec, native: dict[str, Any]
) -> None:
    async def ask() -> None:
        progress: list[tuple[int, int]] = []
        async with BrowserEngine(site, software=True) as host:
            path = str(model.path)
            assert (await host.inspect(path))["architecture"] == "qwen2"
            assert await host.tokenize(native["texts"], model=path) == native["ids"]
            with pytest.raises(InferaivedError, match="no model is loaded"):
                await answer(host, PROMPT, GREEDY)
            await host.load(path, progress=lambda done, total: progress.append((done, total)))
            assert await host.tokenize(native["texts"], special=True) == native["special"]
            reply = await answer(host, PROMPT, GREEDY)
            assert list(reply.ids) == list(native["reply"].ids)
            assert reply.text == native["reply"].text
            assert reply.finish_reason == "length"
            rows = [row async for row in host.score(reply.prompt_ids)]
            assert len(rows) == len(native["rows"])
            for row, right in zip(rows, native["rows"], strict=True):
                pairs = zip(floats(row), floats(right), strict=True)
                # The hosts' subgroups differ in size, so sums in order and the cache in roundings.
                assert max(abs(a - b) for a, b in pairs) < 4e-3
        done, total = zip(*progress, strict=True)
        assert list(done) == sorted(done)
        assert set(total) == {done[-1]}

    apart(ask)


def test_a_reply_left_early_leaves_nothing_to_the_next(
    site: Path, model: Spec, native: dict[str, Any]
) -> None:
    async def ask() -> None:
        async with BrowserEngine(site, software=True) as host:
            await host.load(str(model.path))
            for _ in range(3):
                async with aclosing(host.complete("Once", Sampling(max_tokens=200))) as pieces:
                    await anext(pieces)
                reply = await answer(host, PROMPT, GREEDY)
                assert list(reply.ids) == list(native["reply"].ids)
                async with aclosing(host.score(reply.prompt_ids * 15)) as rows:
                    await anext(rows)
                assert (await answer(host, PROMPT, GREEDY)).text == reply.text

    apart(ask)


def floats(row: bytes) -> tuple[float, ...]:
    return struct.unpack(f"<{len(row) // 4}f", row)


def test_plain_f32_at_default_limits_answers_the_same(
    site: Path, model: Spec, native: dict[str, Any]
) -> None:
    async def ask() -> None:
        plain: dict[str, Any] = {"withhold": ["subgroups"], "default_limits": True}
        async with BrowserEngine(site, software=True, **plain) as host:
            await host.load(str(model.path))
            assert "subgroups" not in host.info["features"]
            reply = await answer(host, PROMPT, GREEDY)
            assert list(reply.ids) == list(native["reply"].ids)

    apart(ask)


# ---- through client.js itself, on a page with one worker for all stories


@pytest.fixture(scope="module")
def client(chromium: Browser, server: Server, model: Spec) -> Iterator[Page]:
    """A page with client.js, a started worker and the model loaded, as globals."""
    for path in model.paths:
        server.files[f"/models/{path.name}"] = path
    page = chromium.new_page()
    page.goto(f"{server.url}headless.html")
    page.evaluate(
        """async (model) => {
          globalThis.client = await import("./client.js");
          globalThis.worker = await client.start();
          globalThis.engine = await client.load(model, { worker });
          globalThis.failure = (promise) => promise.then(
            () => null, ({ name, message, hint }) => ({ name, message, hint }));
          globalThis.greedy = { temperature: 0, max_tokens: 6 };
          globalThis.ids = async () => (await engine.complete("The fox", greedy).result).ids;
        }""",
        f"models/{model.path.name}",
    )
    yield page
    page.close()


def test_completions_have_openais_shape(client: Page) -> None:
    got = client.evaluate(
        """async () => {
          const request = { messages: [{ role: "user", content: "Hello" }], ...greedy };
          const whole = await engine.chat.completions.create(request);
          const chunks = [];
          const stream = await engine.chat.completions.create({ ...request, stream: true });
          for await (const chunk of stream) chunks.push(chunk);
          return { whole, chunks };
        }"""
    )
    whole, chunks = got["whole"], got["chunks"]
    assert whole["object"] == "chat.completion"
    [choice] = whole["choices"]
    assert choice["message"]["role"] == "assistant"
    assert choice["finish_reason"] == "length"
    assert whole["usage"]["completion_tokens"] == 6
    assert whole["usage"]["total_tokens"] == whole["usage"]["prompt_tokens"] + 6
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    assert deltas[0]["role"] == "assistant"
    assert "".join(delta.get("content", "") for delta in deltas) == choice["message"]["content"]
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks[:-1]].count(None) == (
        len(chunks) - 1
    )
    assert chunks[-1]["choices"][0]["finish_reason"] == "length"
    assert chunks[-1]["usage"] == whole["usage"]


def test_a_second_turn_reuses_the_cache(client: Page) -> None:
    first, second = client.evaluate(
        """async () => {
          const messages = [{ role: "user", content: "A first question of some length, please." }];
          const first = await engine.reply(messages, greedy).result;
          messages.push({ role: "assistant", content: first.text });
          messages.push({ role: "user", content: "And?" });
          return [first, await engine.reply(messages, greedy).result];
        }"""
    )
    assert first["timings"]["prefill_tokens"] > 20
    reused = len(second["prompt_ids"]) - second["timings"]["prefill_tokens"]
    assert reused >= len(first["prompt_ids"]) - 1


@pytest.mark.parametrize("how", ["engine.stop()", "abort.abort()", "leave = true"])
def test_stop_ends_a_reply_between_tokens(client: Page, how: str) -> None:
    body = """async () => {
      const before = await ids();
      const abort = new AbortController();
      const options = { temperature: 0, max_tokens: 150, signal: abort.signal };
      const pieces = engine.complete("Once upon a time", options);
      let n = 0;
      let leave = false;
      for await (const piece of pieces) {
        if (++n === 3) HOW;
        if (leave) break;
      }
      const reply = await pieces.result;
      return [n, reply.finish_reason, before, await ids()];
    }"""
    n, reason, before, after = client.evaluate(body.replace("HOW", how))
    assert n >= 3
    assert reason == "abort"
    assert before == after


def test_stop_ends_a_long_prompt(client: Page) -> None:
    """Between its chunks, before there is a token; what is in the cache then is right."""
    got = client.evaluate(
        """async () => {
          const before = await ids();
          const abort = new AbortController();
          const long = engine.complete("one two ".repeat(55), { ...greedy, signal: abort.signal });
          setTimeout(() => abort.abort(), 30);
          const { ids: stopped, finish_reason } = await long.result;
          const whole = await engine.complete("one two ".repeat(55), greedy).result;
          return [stopped, finish_reason, whole.prompt_ids.length, before, await ids()];
        }"""
    )
    stopped, reason, n_prompt, before, after = got
    assert (stopped, reason) == ([], "abort")
    assert n_prompt > 200
    assert before == after


def test_a_reply_stopped_before_its_turn_is_empty(client: Page) -> None:
    got = client.evaluate(
        """async () => {
          const first = engine.complete("One", { temperature: 0, max_tokens: 40 });
          const abort = new AbortController();
          const second = engine.complete("Two", { signal: abort.signal });
          abort.abort();
          const { text, ids, finish_reason } = await second.result;
          return [text, ids, finish_reason, (await first.result).ids.length];
        }"""
    )
    assert got == ["", [], "abort", 40]


def test_wrong_options_are_named(client: Page) -> None:
    error = client.evaluate("() => failure(engine.complete('x', { temprature: 1 }).result)")
    assert error["name"] == "BadRequest"
    assert "temprature" in error["message"]


BAD_MODELS = {
    "nowhere.gguf": ("SourceError", "HTTP 404"),
    "headless.html": ("SourceError", "web page"),
    "engine.zip": ("GGUFError", "this is a ZIP archive"),
    "models/foreign.gguf": ("UnsupportedModel", "'mamba'"),
    "models/cut.gguf": ("GGUFError", ""),
}


def test_another_origin_that_refuses_is_explained(client: Page, faulty: Faulty) -> None:
    body = "(url) => failure(client.inspect(url, { worker }))"
    error = client.evaluate(body, f"{faulty.url}refused/file")
    assert error["name"] == "SourceError"
    assert "no answer came" in error["message"]
    assert "Access-Control-Allow-Origin" in error["hint"]


def test_every_failed_load_says_why_and_the_next_one_works(
    client: Page, server: Server, model: Spec, tmp_path: Path
) -> None:
    whole = model.path.read_bytes()
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(whole[: len(whole) - 1000])
    server.files["/models/cut.gguf"] = cut
    foreign = write(tmp_path / "foreign.gguf", "qwen2", "F32").path
    foreign.write_bytes(foreign.read_bytes().replace(b"qwen2", b"mamba"))
    server.files["/models/foreign.gguf"] = foreign
    for name, (kind, words) in BAD_MODELS.items():
        error = client.evaluate("(name) => failure(client.load(name, { worker }))", name)
        assert error["name"] == kind, (name, error)
        assert words in error["message"]
        assert error["hint"].endswith(".")
        before = client.evaluate("async () => [worker.loaded, (await ids()).length]")
        assert before == [True, 6], name  # the model that was there answers
    reloaded = client.evaluate(
        """async (name) => {
          globalThis.engine = await client.load(name, { worker });
          return (await ids()).length;
        }""",
        f"models/{model.path.name}",
    )
    assert reloaded == 6


def test_a_load_can_be_aborted_and_begun_again(client: Page, model: Spec) -> None:
    body = """async (name) => {
      const wanted = await ids();
      const abort = new AbortController();
      const options = { worker, signal: abort.signal, onProgress: () => abort.abort() };
      const aborted = await failure(client.load(name, options));
      if (worker.loaded) throw new Error("it had to go when the weights began to come");
      globalThis.engine = await client.load(name, { worker });
      return [aborted.name, wanted, await ids()];
    }"""
    name, wanted, got = client.evaluate(body, f"models/{model.path.name}")
    assert name == "AbortError"
    assert wanted == got


def test_an_aborted_load_ends_a_worker_of_its_own_at_once(client: Page, model: Spec) -> None:
    body = """async (name) => {
      const { terminate } = Worker.prototype;
      let ended = 0;
      Worker.prototype.terminate = function () { ended++; terminate.call(this); };
      const abort = new AbortController();
      let at = null;
      const onProgress = () => { abort.abort(); at ??= ended; };
      const { name: why } = await failure(client.load(name, { signal: abort.signal, onProgress }));
      Worker.prototype.terminate = terminate;
      return [why, at, ended];
    }"""
    assert client.evaluate(body, f"models/{model.path.name}") == ["AbortError", 1, 1]


def test_files_of_a_split_model_load_from_the_page(client: Page, model: Spec) -> None:
    body = """async (names) => {
      const wanted = await ids();
      const files = await Promise.all(names.map(async (name) =>
        new File([await (await fetch(`models/${name}`)).blob()], name)));
      const alone = await failure(client.load(files[1], { worker }));
      globalThis.engine = await client.load(files.reverse(), { worker });
      return [alone, wanted, await ids()];
    }"""
    alone, wanted, got = client.evaluate(body, [path.name for path in model.paths])
    assert alone["name"] == "SourceError"
    assert model.paths[0].name in alone["message"]
    assert wanted == got


def test_the_loss_of_the_gpu_is_told_and_the_next_load_works(
    launch: Callable[[], Browser], server: Server, client: Page, model: Spec
) -> None:
    browser = launch()
    page = browser.new_page()
    page.goto(f"{server.url}headless.html")
    name = f"models/{model.path.name}"
    page.evaluate(
        """async (name) => {
          globalThis.client = await import("./client.js");
          globalThis.worker = await client.start();
          globalThis.engine = await client.load(name, { worker });
          const reply = engine.complete("Once", { temperature: 0, max_tokens: 200 });
          await reply[Symbol.asyncIterator]().next();
          globalThis.lost = reply.result.catch(({ name, hint }) => ({ name, hint }));
        }""",
        name,
    )
    browser.new_browser_cdp_session().send("Browser.crashGpuProcess")
    lost = page.evaluate("() => globalThis.lost")
    wanted = client.evaluate("() => ids()")
    got = page.evaluate(
        """async (name) => {
          const engine = await client.load(name, { worker });
          return (await engine.complete("The fox", { temperature: 0, max_tokens: 6 }).result).ids;
        }""",
        name,
    )
    browser.close()
    assert lost["name"] == "DeviceLost"
    assert got == wanted
