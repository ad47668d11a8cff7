"""A Chromium on SwiftShader, the built site, and a server that fails in every way on demand."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

import build
from py_engine.hosts.static import Server, running, threaded
from tests.browser.faulty import Faulty
from tests.browser.page_fixtures import make_site
from tests.browser.watched import Watched
from tests.machine import find_chromium

FLAGS = [
    "--enable-unsafe-webgpu",
    "--use-webgpu-adapter=swiftshader",
    "--disable-background-networking",
    "--disable-component-update",
]


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """dist/ as it is built from the working tree."""
    folder = tmp_path_factory.mktemp("site") / "dist"
    build.assemble(folder)
    return folder


@pytest.fixture(scope="session")
def server(site: Path) -> Iterator[Server]:
    with running(site) as served:
        yield served


@pytest.fixture(scope="session")
def fake_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """web/ with a fake client: see page_fixtures.py."""
    folder = tmp_path_factory.mktemp("fake")
    make_site(folder)
    with running(folder) as served:
        yield served


@pytest.fixture(scope="session")
def launch() -> Iterator[Callable[..., Browser]]:
    """Starts a browser of one's own, for tests that may break it, or with other flags."""
    path = os.environ.get("CHROME") or find_chromium(Path(sys.executable))
    expect.set_options(timeout=30_000)  # milliseconds; others work on this machine
    with sync_playwright() as playwright:
        yield lambda args=FLAGS: playwright.chromium.launch(executable_path=path, args=args)


@pytest.fixture(scope="session")
def launch_plain(launch: Callable[..., Browser]) -> Callable[[], Browser]:
    """Starts a browser that finds no GPU, and takes some.test for this machine."""
    names = "--host-resolver-rules=MAP some.test 127.0.0.1"
    return lambda: launch([*FLAGS[2:], names])


@pytest.fixture(scope="session")
def chromium(launch: Callable[[], Browser]) -> Iterator[Browser]:
    browser = launch()
    yield browser
    browser.close()


@pytest.fixture
def page(chromium: Browser, server: Server) -> Iterator[Page]:
    """headless.html of the built site: our modules are at hand, nothing runs."""
    context = chromium.new_context()
    opened = context.new_page()
    problems: list[Any] = []

    def note(error: Any) -> None:  # Playwright marks the callable, which a built-in one forbids
        problems.append(error)

    opened.on("pageerror", note)
    opened.goto(f"{server.url}headless.html")
    yield opened
    context.close()
    assert not problems


@pytest.fixture(scope="module")
def gpu_page(chromium: Browser, server: Server) -> Iterator[Page]:
    """One page for all stories: each opens a device of its own."""
    page = chromium.new_page()
    page.goto(f"{server.url}headless.html")
    yield page
    page.close()


@pytest.fixture(scope="session")
def faulty(site: Path) -> Iterator[Faulty]:
    """The site's modules and files that arrive wrongly, from one origin."""
    with threaded(Faulty(site)) as served:
        yield served


@pytest.fixture(scope="session")
def watched(chromium: Browser, site: Path) -> Iterator[Watched]:
    """A page that notes what its Python does not find."""
    with running(site) as server:
        opened = Watched(chromium, server)
        yield opened
        opened.close()
