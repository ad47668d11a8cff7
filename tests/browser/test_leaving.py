"""Streams that are left early, dropped, aborted or never read: the engine is free at once.

In the page, and through the command line's browser.
"""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from py_engine.generate.sampling import Sampling
from py_engine.hosts.headless import BrowserEngine
from py_engine.hosts.static import Server
from tests.browser.apart import apart
from tests.browser.engine_page import open_engine
from tests.fixtures import write

ROWS_AHEAD = 4
LONG = 200
"""Tokens that a reply has if nobody ends it."""


@pytest.fixture(scope="module")
def client(
    chromium: Browser, server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Page]:
    page = open_engine(chromium, server, tmp_path_factory.mktemp("leaving"))
    page.evaluate(
        """(LONG) => {
          globalThis.long = { temperature: 0, max_tokens: LONG };
          globalThis.chat = { messages: [{ role: "user", content: "Hello" }], ...long };
          globalThis.streams = {
            reply: () => engine.reply(chat.messages, long),
            complete: () => engine.complete("Once", long),
            score: () => engine.score(Array(LONG).fill(5)),
            create: () => engine.chat.completions.create({ ...chat, stream: true }),
          };
          globalThis.short = async () => (await engine.complete("The fox", {
            temperature: 0, max_tokens: 6 }).result).ids;
        }""",
        LONG,
    )
    yield page
    page.close()


KINDS = ("reply", "complete", "score", "create")
kinds = pytest.mark.parametrize("kind", KINDS)


@kinds
def test_what_is_never_read_is_never_asked_for(client: Page, kind: str) -> None:
    sent = client.evaluate(
        """async (kind) => {
          const before = sent.length;
          const stream = await streams[kind]();
          const iterator = stream[Symbol.asyncIterator]();
          await wait(50);
          await iterator.return();
          return sent.slice(before);
        }""",
        kind,
    )
    assert sent == []


LEFT = """async ({ kind, chunks }) => {
  const before = await short();
  const id = sent.at(-1).id + 1;
  const stream = await streams[kind]();
  let taken = 0;
  for await (const chunk of stream) if (++taken === chunks) break;
  return { taken, before, after: await short(), sent: kinds(sent, id), got: kinds(got, id) };
}"""


@kinds
def test_a_stream_that_is_left_ends_after_the_token_at_hand(client: Page, kind: str) -> None:
    """OpenAI's first chunk tells the role only: nothing is computed for it."""
    chunks = 2 if kind == "create" else 1
    left = client.evaluate(LEFT, {"kind": kind, "chunks": chunks})
    assert left["sent"][-1] == "stop"
    assert left["got"][-1] == ("fail" if kind == "score" else "done")
    assert 1 < len(left["got"]) < LONG / 4
    assert left["before"] == left["after"]


def test_openais_stream_that_is_left_at_its_first_chunk_is_not_asked_for(client: Page) -> None:
    left = client.evaluate(LEFT, {"kind": "create", "chunks": 1})
    assert (left["taken"], left["before"]) == (1, left["after"])
    assert left["sent"] == ["complete"]  # that of `short`: the stream had no message


@kinds
def test_a_stream_that_is_dropped_ends(client: Page, kind: str) -> None:
    """The browser says so when it has collected it."""
    id = client.evaluate(
        """async (kind) => {
          const iterator = (await streams[kind]())[Symbol.asyncIterator]();
          await iterator.next();
          await iterator.next();
          return sent.findLast((one) => one.kind !== "take").id;
        }""",
        kind,
    )
    collect(client, until=f"kinds(got, {id}).some((kind) => kind === 'done' || kind === 'fail')")
    got, sent = client.evaluate("(id) => [kinds(got, id), kinds(sent, id)]", id)
    assert sent[-1] == "stop"
    assert len(got) < LONG


def collect(page: Page, *, until: str) -> None:
    """Have the browser collect what is dropped until something holds."""
    session = page.context.new_cdp_session(page)
    latest = time.monotonic() + 120
    while time.monotonic() < latest:
        session.send("HeapProfiler.collectGarbage")
        if page.evaluate(f"async () => (await wait(10), {until})"):
            return
    raise AssertionError(f"it never came that {until}")


def test_whoever_still_waits_is_not_taken_for_gone(client: Page) -> None:
    """A result without its stream, and a loop without its stream, while all else is collected."""
    client.evaluate(
        """() => {
          globalThis.ended = [];
          engine.complete("Once", long).result.then(({ ids }) => ended.push(ids.length));
          (async () => {
            let tokens = 0;
            for await (const { ids } of engine.complete("Twice", long)) tokens += ids.length;
            ended.push(tokens);
          })();
        }"""
    )
    collect(client, until="ended.length === 2")
    assert client.evaluate("() => ended") == [LONG, LONG]


def test_an_abort_frees_the_engine(client: Page) -> None:
    """Also one that comes before the stream is read, and one of a stream that nobody reads on."""
    told = client.evaluate(
        """async () => {
          const before = await short();
          const [early, late] = [new AbortController(), new AbortController()];
          const first = await engine.chat.completions.create(
            { ...chat, stream: true, signal: early.signal });
          early.abort();
          const chunks = [];
          for await (const { choices } of first) chunks.push(choices[0].finish_reason);
          const second = engine.complete("Once", { ...long, signal: late.signal });
          const iterator = second[Symbol.asyncIterator]();
          await iterator.next();
          late.abort();
          const after = await short();
          const { finish_reason, ids } = await second.result;
          return { chunks, same: `${before}` === `${after}`, finish_reason, n: ids.length };
        }"""
    )
    assert told["chunks"] == [None, "abort"]
    assert told["same"]
    assert told["finish_reason"] == "abort"
    assert told["n"] < LONG / 4


# ---- rows of logits are large


def test_the_worker_scores_only_a_few_rows_ahead(client: Page) -> None:
    """With others between its rows, which overwrite the cache, and the same numbers in the end."""
    told = client.evaluate(
        """async (n) => {
          const ids = Array.from({ length: n }, (_, i) => 3 + i * 7 % 500);
          const plain = [];
          for await (const row of engine.score(ids)) plain.push(row);
          const before = await short();
          const first = got.length;
          let [taken, ahead, same, between] = [0, 0, true, null];
          for await (const row of engine.score(ids)) {
            taken++;
            same &&= row.every((logit, i) => Math.abs(logit - plain[taken - 1][i]) < 1e-5);
            if (taken === 3) await wait(500);
            if (taken === 20) between = await short();
            if (taken % 8 === 0) await wait(10);
            const rows = got.slice(first).filter(({ kind }) => kind === "logits").length;
            ahead = Math.max(ahead, rows - taken);
          }
          return { taken, ahead, same, rows: plain.length, before, between };
        }""",
        100,
    )
    assert told["rows"] == told["taken"] == 100
    assert told["ahead"] == ROWS_AHEAD
    assert told["same"]
    assert told["before"] == told["between"]


def test_a_score_that_waits_does_not_outlive_its_model(client: Page) -> None:
    message, before, after = client.evaluate(
        """async () => {
          const before = await short();
          const rows = engine.score(Array(60).fill(5));
          await rows.next();
          await wait(100);
          await engine.close();
          const { message } = await failure((async () => { for await (const row of rows); })());
          globalThis.engine = await client.load(model, { worker });
          return [message, before, await short()];
        }"""
    )
    assert message == "the model was closed"
    assert before == after


# ---- from Python


def test_the_commands_browser_closes_without_a_word(site: Path) -> None:
    code = f"""
import pathlib, sys
from py_engine.hosts import cli
cli.site = lambda: pathlib.Path({str(site)!r})
sys.exit(cli.main(sys.argv[1:]))
"""
    arguments = ["ask", "demo", "What is 2 + 2?", "--host", "browser", "--max-tokens", "30"]
    command = [sys.executable, "-c", code, *arguments, "--no-tune"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert (done.returncode, done.stderr) == (0, "")
    assert "4" in done.stdout


Begin = Callable[[BrowserEngine], AsyncGenerator[Any]]
STREAMS: dict[str, Begin] = {
    "complete": lambda host: host.complete("Once", Sampling(temperature=0, max_tokens=LONG)),
    "score": lambda host: host.score([5] * LONG),
}


def test_a_browsers_stream_that_is_left_is_closed_once(site: Path, tmp_path: Path) -> None:
    """Kept and not read on while others are asked, closed in the midst, left when the loop ends."""
    spec = write(tmp_path / "m.gguf", "qwen2", "Q4_K")
    kept: list[AsyncGenerator[Any]] = []
    told: list[dict[str, Any]] = []

    async def short(host: BrowserEngine) -> str:
        pieces = host.complete("The fox", Sampling(temperature=0, max_tokens=6))
        return "".join([piece.text async for piece in pieces])

    async def leave(host: BrowserEngine, begin: Begin) -> None:
        text = await short(host)
        never = begin(host)
        assert await short(host) == text
        await never.aclose()
        async with aclosing(begin(host)) as closed:
            await anext(closed)
        assert await short(host) == text
        kept.append(begin(host))
        await anext(kept[-1])
        assert await short(host) == text  # the page does not mix what each is given
        await anext(kept[-1])

    async def ask() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
        async with BrowserEngine(site, software=True) as host:
            await host.load(str(spec.path))
            for begin in STREAMS.values():
                await leave(host, begin)

    apart(ask)
    assert told == []
