"""How Python begins: plainly at first, then from the snapshot; and plainly whenever that is no use.

The built site as it ships, in Chromium. Each test has a browser profile of its own.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Frame, Page

from py_engine.hosts.static import Server, running

_PREPARE = """async () => {
  const client = await import("./client.js");
  const cache = await caches.open("inferaived-start").catch(() => null);
  globalThis.began = async () => {
    const worker = await client.start();
    globalThis.worker?.end();
    globalThis.worker = worker;
    return worker.began;
  };
  globalThis.kept = async () => {
    const [request] = await cache.keys();
    return request && cache.match(request);
  };
  globalThis.keep = async (response) => cache.put((await cache.keys())[0], response);
  globalThis.untilKept = async () => {
    const late = Date.now() + 60_000;
    while (!await kept()) {
      if (Date.now() > late) throw new Error("nothing was kept in a minute");
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  globalThis.ids = async () => {
    const engine = await client.load("models/demo.gguf", { worker });
    const request = { messages: [{ role: "user", content: "Hello" }] };
    const { result } = engine.reply(request.messages, { temperature: 0, max_tokens: 4 });
    return (await result).ids;
  };
}"""


@pytest.fixture
def visit(chromium: Browser, server: Server) -> Iterator[Page]:
    """headless.html in a new profile, with `began()`: starts a worker and says how."""
    context = chromium.new_context()
    page = context.new_page()
    page.goto(f"{server.url}headless.html")
    page.evaluate(_PREPARE)
    yield page
    context.close()


def run(page: Page | Frame, code: str) -> Any:
    return page.evaluate(f"async () => {{ {code} }}")


def test_the_second_start_is_from_the_snapshot_and_answers_the_same(visit: Page) -> None:
    first = run(visit, "return [await began(), await ids()]")
    run(visit, "await untilKept()")
    second = run(visit, "return [await began(), await ids()]")
    assert first[0] == "plain"
    assert second[0] == "snapshot"
    assert first[1] == second[1] != []


def test_workers_that_start_at_once_all_start(visit: Page) -> None:
    both = "return (await Promise.all([client.start(), client.start()])).map((w) => w.began)"
    code = f'const client = await import("./client.js"); {both}'
    assert run(visit, code) == ["plain", "plain"]
    run(visit, "await untilKept()")
    assert run(visit, code) == ["snapshot", "snapshot"]


# Each makes another response of the one that is kept.
USELESS = {
    "a flipped byte": """
        const bytes = new Uint8Array(await response.arrayBuffer());
        bytes[bytes.length >> 1] ^= 1;
        return new Response(bytes, response);""",
    "cut short": """
        return new Response((await response.arrayBuffer()).slice(0, 1 << 20), response);""",
    "another build": """
        const headers = { key: "x", sha256: response.headers.get("sha256") };
        return new Response(response.body, { headers });""",
    "what Pyodide refuses": """
        const bytes = new Uint32Array([4096, 1, 0, ...new Uint32Array(1024).fill(7)]);
        const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
        const sha256 = [...hash].map((byte) => byte.toString(16).padStart(2, "0")).join("");
        return new Response(bytes, { headers: { key: response.headers.get("key"), sha256 } });""",
}


@pytest.mark.parametrize("fault", USELESS)
def test_a_useless_snapshot_is_replaced(visit: Page, fault: str) -> None:
    told: list[str] = []
    visit.on("console", lambda message: told.append(f"{message.type} {message.text}"))
    run(visit, "await began(); await untilKept()")
    change = f"const change = async (response) => {{ {USELESS[fault]} }};"
    run(visit, f"{change} await keep(await change(await kept()))")
    assert run(visit, "return [await began(), (await ids()).length]") == ["plain", 4]
    assert any("info Python's start could not be shortened" in line for line in told)
    run(visit, "await untilKept()")
    assert run(visit, "return began()") == "snapshot"


def test_without_storage_every_start_is_plain(
    chromium: Browser, server: Server, tmp_path: Path
) -> None:
    """In a frame on another site: Chromium's private windows keep nothing there."""
    (tmp_path / "page.html").write_text(f'<iframe src="{server.url}headless.html"></iframe>')
    context = chromium.new_context()
    page = context.new_page()
    with running(tmp_path) as other:
        page.goto(f"http://127.0.0.1:{other.server_port}/page.html")
    frame = page.frames[1]
    assert "headless" in frame.url
    assert run(frame, "return caches.open('x').then(() => '', (error) => error.name)") != ""
    frame.evaluate(_PREPARE)
    assert run(frame, "return [await began(), await began()]") == ["plain", "plain"]
    assert run(frame, "return (await ids()).length") == 4
    context.close()


def test_every_start_has_random_numbers_of_its_own(visit: Page) -> None:
    """Python's own; the engine's seeds come from the system."""
    code = """
      const { startPython } = await import("./engine/snapshot.js");
      const { loadPyodide } = await import("./pyodide/pyodide.mjs");
      const indexURL = new URL("pyodide/", location.href).href;
      const found = [];
      for (let i = 0; i < 3; i++) {
        const load = (options) => loadPyodide({ indexURL, ...options }).then((python) => {
          python.runPython("import random");
          return python;
        });
        const { python, start } = await startPython(load, Promise.resolve(new Uint8Array(1)));
        found.push([start, python.runPython("random.getrandbits(60)")]);
        await untilKept();
      }
      return found;"""
    starts, numbers = zip(*run(visit, code), strict=True)
    assert starts == ("plain", "snapshot", "snapshot")
    assert len(set(numbers)) == 3


def test_a_missing_file_is_named(visit: Page) -> None:
    visit.route("**/engine.zip", lambda route: route.fulfill(status=404))
    code = "return began().then(() => '', ({ message, hint }) => `${message} ${hint}`)"
    told = run(visit, code)
    assert "engine.zip did not arrive: the server answered with HTTP 404" in told
    visit.unroute_all()
    assert run(visit, "return began()") == "plain"
