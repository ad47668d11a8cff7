"""No start is without an end: whatever a file of the engine meets, the page says what to do.

The built page on a server that fails at one file. Ten of all combinations are drawn for each run
of the tests; `-m matrix` runs all of them (half an hour).
"""

import random
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from tests.browser.broken_site import FAULTS, BrokenSite, broken_site

ENGINE = (
    *(f"engine/{name}.js" for name in ("worker", "clock", "device", "files", "gpu", "merges")),
    *(f"engine/{name}.js" for name in ("pipelines", "python", "reading", "snapshot", "tokens")),
    *("engine/tunings.js", "engine/upload.js", "base/source.js", "npm/tokenizers.min.mjs"),
    *(f"reader/{name}.js" for name in ("reader", "body", "http", "local", "retries")),
    *("engine.zip", "pyodide/pyodide.asm.mjs", "pyodide/pyodide.asm.wasm"),
    *("pyodide/pyodide-lock.json", "pyodide/pyodide.mjs", "pyodide/python_stdlib.zip"),
)
"""What the worker fetches, and not the page."""
PAGE = (
    *("page/page.js", "page/address.js", "offline/registration.js", "npm/marked.esm.js"),
    *(f"chat/{name}.js" for name in ("answer", "composer", "dom", "entities", "frame", "lexer")),
    *(f"chat/{name}.js" for name in ("links", "markdown", "messages", "notice", "slot")),
    *("chat/transcript.js", "chat/widget.js"),
    *(f"api/{name}.js" for name in ("calls", "client", "openai", "plain", "request")),
    *(f"base/{name}.js" for name in ("adapter", "arrival", "spawn")),
)
"""What the page fetches first: without these only index.html is there to say something."""
LIMIT_S = 10.0
CASES = [(file, fault) for file in (*ENGINE, *PAGE) for fault in (*FAULTS, "blocked")]
SAMPLE = random.Random(11).sample(CASES, 10)


@pytest.fixture
def broken(site: Path) -> Iterator[BrokenSite]:
    with broken_site(site) as server:
        yield server


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    opened = chromium.new_context(service_workers="block")
    yield opened
    opened.close()


def told(page: Page, where: str = ".problem") -> str:
    """What the page says, once it says something."""
    problem = page.locator(where)
    expect(problem).to_be_visible(timeout=60_000)
    return problem.inner_text()


def fault_is_told(context: BrowserContext, broken: BrokenSite, file: str, fault: str) -> None:
    if fault == "blocked":
        context.route(f"**/{file}", lambda route: route.abort())
    else:
        broken.faults[file] = fault
    page = context.new_page()
    began = time.monotonic()
    page.goto(broken.url, wait_until="commit")
    text = told(page, ".late:visible" if file in PAGE else ".problem")
    took = time.monotonic() - (broken.failed_at or began)
    if file in PAGE:
        assert "reload the page" in text
    elif fault != "damage":  # damaged code fails in any words
        assert file in text
    assert re.search(r"again|reload|upload", text, re.I)
    if fault != "damage":  # which shows only where it is used: after all else has come
        assert took < LIMIT_S


@pytest.mark.parametrize(("file", "fault"), SAMPLE)
def test_a_fault_at_the_start_is_told(
    context: BrowserContext, broken: BrokenSite, file: str, fault: str
) -> None:
    fault_is_told(context, broken, file, fault)


@pytest.mark.matrix
@pytest.mark.parametrize(("file", "fault"), CASES)
def test_every_fault_at_the_start_is_told(
    context: BrowserContext, broken: BrokenSite, file: str, fault: str
) -> None:
    fault_is_told(context, broken, file, fault)


def test_these_are_the_files_of_a_start(context: BrowserContext, broken: BrokenSite) -> None:
    page = context.new_page()
    page.goto(broken.url)
    page.wait_for_function(
        "() => document.querySelector('#chat').state === 'ready'", timeout=60_000
    )
    other = r"index\.html|build\.json|.*\.(css|svg|gguf|webmanifest)"
    asked = {name for name in broken.asked if not re.fullmatch(other, name)}
    assert asked == {*ENGINE, *PAGE}


@pytest.mark.parametrize("file", ["pyodide/pyodide.asm.wasm", "pyodide/pyodide.asm.mjs"])
def test_a_slow_file_is_no_fault(context: BrowserContext, broken: BrokenSite, file: str) -> None:
    broken.faults[file] = "drip"
    slow_is_no_fault(context, broken)


@pytest.mark.matrix
@pytest.mark.parametrize("file", [*ENGINE, *PAGE])
def test_no_slow_file_is_a_fault(context: BrowserContext, broken: BrokenSite, file: str) -> None:
    broken.faults[file] = "drip"
    slow_is_no_fault(context, broken)


def slow_is_no_fault(context: BrowserContext, broken: BrokenSite) -> None:
    page = context.new_page()
    page.goto(broken.url, wait_until="commit")
    states = "() => ['ready', 'failed'].includes(document.querySelector('#chat')?.state)"
    page.wait_for_function(states, timeout=120_000)
    assert page.locator(".problem").all_inner_texts() == []


# ---- the policy of a host's own page

HOST = """<!doctype html><meta http-equiv="Content-Security-Policy" content="POLICY">
<script type="module" src="host.js"></script>"""
HOST_JS = """import { load } from "./client.js";
load("models/demo.gguf").then(() => (document.title = "ready"), ({ name, message, hint }) => {
  document.title = JSON.stringify([name, `${message} ${hint}`]);
});"""
_WORKER = "worker-src 'self' blob:"
POLICIES = {
    "script-src 'self'; worker-src 'self' blob:; connect-src *": "'wasm-unsafe-eval'",
    "script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src *": "worker-src blob:",
    f"script-src 'self' 'wasm-unsafe-eval'; {_WORKER}; connect-src 'none'": "connect-src",
    f"script-src 'self' 'wasm-unsafe-eval'; {_WORKER}; connect-src *": "ready",
}


@pytest.mark.parametrize("policy", POLICIES)
def test_a_policy_that_is_too_strict_is_named(
    context: BrowserContext, broken: BrokenSite, tmp_path: Path, policy: str
) -> None:
    (tmp_path / "host.html").write_text(HOST.replace("POLICY", policy))
    (tmp_path / "host.js").write_text(HOST_JS)
    for name in ("host.html", "host.js"):
        broken.files[f"/{name}"] = tmp_path / name
    page = context.new_page()
    page.goto(f"{broken.url}host.html", wait_until="commit")
    page.wait_for_function("() => document.title", timeout=60_000)
    assert POLICIES[policy] in page.title()


def test_a_policy_that_forbids_the_models_server_is_named(
    context: BrowserContext, broken: BrokenSite, tmp_path: Path
) -> None:
    """At once: no other try would help."""
    policy = f"script-src 'self' 'wasm-unsafe-eval'; {_WORKER}; connect-src 'self'"
    (tmp_path / "host.html").write_text(HOST.replace("POLICY", policy))
    (tmp_path / "host.js").write_text(HOST_JS.replace("models/", "https://some.test/"))
    for name in ("host.html", "host.js"):
        broken.files[f"/{name}"] = tmp_path / name
    page = context.new_page()
    page.goto(f"{broken.url}host.html", wait_until="commit")
    page.wait_for_function("() => document.title", timeout=60_000)
    assert "forbids it (connect-src) Whoever runs this page" in page.title()
    assert "https://some.test" in page.title()


# ---- machines without a GPU


def without_gpu(context: BrowserContext, url: str) -> tuple[str, float]:
    """What a page says where there is no GPU, and after how many seconds of the load."""
    page = context.new_page()
    page.goto(url)
    text = told(page)
    again = """async () => {
      const begin = performance.now();
      await document.querySelector("#chat").load();
      return performance.now() - begin;
    }"""
    return text, page.evaluate(again) / 1000


def small(broken: BrokenSite) -> bool:
    """Whether nothing large was asked for."""
    return not [name for name in broken.asked if name.startswith("pyodide") or "zip" in name]


def test_a_browser_without_an_adapter_says_so_at_once(
    launch_plain: Callable[[], Browser], broken: BrokenSite
) -> None:
    browser = launch_plain()
    text, seconds = without_gpu(browser.new_context(service_workers="block"), broken.url)
    browser.close()
    assert "found no GPU that it may use" in text
    assert small(broken)
    assert seconds < 1


def test_a_page_that_is_not_secure_says_so_at_once(
    launch_plain: Callable[[], Browser], broken: BrokenSite
) -> None:
    browser = launch_plain()
    url = broken.url.replace("localhost", "some.test")
    text, seconds = without_gpu(browser.new_context(), url)
    browser.close()
    assert "secure pages" in text
    assert "https" in text
    assert small(broken)
    assert seconds < 1


def test_workers_without_webgpu_are_told_from_pages_without(
    context: BrowserContext, broken: BrokenSite
) -> None:
    """As Firefox was reported to be. Chromium has it in both, so the worker's is taken away."""

    def take_away(route: Route) -> None:
        body = (broken.root / "base/adapter.js").read_text(encoding="utf-8")
        gone = "Object.defineProperty(navigator, 'gpu', { value: undefined });"
        kind = {"Content-Type": "text/javascript"}
        route.fulfill(body=f"if (!('document' in self)) {gone}\n{body}", headers=kind)

    context.route("**/adapter.js", take_away)
    text, seconds = without_gpu(context, broken.url)
    assert "no WebGPU in workers" in text
    assert small(broken)
    assert seconds < 3  # a worker and its modules, past the cache and through this test


def test_a_given_worker_tells_it_before_a_silent_server(
    launch_plain: Callable[[], Browser], broken: BrokenSite
) -> None:
    browser = launch_plain()
    broken.faults["models/demo.gguf"] = "silence"
    page = browser.new_page()
    page.goto(f"{broken.url}headless.html")
    error = page.evaluate(
        """async () => {
          const client = await import("./client.js");
          const worker = await client.start();
          const vain = client.load("models/demo.gguf", { worker });
          return vain.catch(({ name, message }) => [name, message]);
        }"""
    )
    browser.close()
    assert error == ["MissingFeature", "the browser found no GPU that it may use"]
