"""What the tests of the page share: a site whose client is the fake one, and a context's record.

The site is web/ as it is and npm's libraries, with tests/browser/fake_client.js in the place of
api/client.js, and a build.json as build.py writes it. Every request of a test is recorded, and an
unknown one fails.
"""

import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect

import build
from py_engine.hosts.static import Server

ROOT = Path(__file__).resolve().parents[2]
WEB = ROOT / "web"
FAKE = Path(__file__).with_name("fake_client.js")


def make_site(folder: Path) -> str:
    """Fill `folder` with the site that the tests look at; returns its build id."""
    shutil.copytree(WEB, folder, dirs_exist_ok=True)
    for name, source in build.LIBRARIES.items():
        build.copy(ROOT / "node_modules" / source, folder / name)
    shutil.copyfile(FAKE, folder / "api/client.js")
    (folder / "models").mkdir(exist_ok=True)
    (folder / "models/demo.gguf").write_bytes(b"GGUF" + bytes(1000))
    return write_build(folder)


def write_build(folder: Path) -> str:
    """Write build.json for what lies in `folder`, in build.py's form."""
    (folder / "build.json").unlink(missing_ok=True)
    files = {}
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        data = file.read_bytes()
        name = file.relative_to(folder).as_posix()
        files[name] = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    build = hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()[:16]
    (folder / "build.json").write_text(json.dumps({"build": build, "files": files}))
    return build


class Record:
    """All that a context asked of the network and wrote to the console."""

    def __init__(self, context: BrowserContext, *origins: str) -> None:
        self.origins = origins
        self.requests: list[str] = []
        self.errors: list[str] = []
        context.on("request", lambda request: self.requests.append(request.url))
        context.on("console", self._console)
        context.on("weberror", lambda error: self.errors.append(str(error.error)))

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(message.text)

    def unknown(self) -> list[str]:
        """Requests to anywhere but the declared origins; blobs and data: are the page's own."""
        known = (*self.origins, "blob:", "data:")
        return [url for url in self.requests if not url.startswith(known)]


@contextmanager
def chatting(chromium: Browser, site: Server) -> Iterator[Page]:
    """The page with its demo loaded; no unknown request and no error in the console is allowed.

    The service worker has tests of its own.
    """
    context = chromium.new_context(service_workers="block")
    record = Record(context, site.url)
    page = context.new_page()
    page.goto(site.url)
    expect(page.get_by_text("Demo: a tiny test model ·")).to_be_visible()
    yield page
    context.close()
    assert record.unknown() == []
    assert record.errors == []


def load(page: Page, address: str) -> None:
    """Type the address of a model and load it."""
    page.get_by_role("button", name="Model").click()
    page.get_by_label("Address of a GGUF file").fill(address)
    page.get_by_role("button", name="Load", exact=True).click()


def fake(page: Page) -> dict[str, Any]:
    """What the fake client saw: loads, requests, closed."""
    seen: dict[str, Any] = page.evaluate("() => fake")
    return seen


def ask(page: Page, text: str) -> None:
    """Write a message and send it with Enter."""
    box = page.get_by_role("textbox", name="Message")
    box.fill(text)
    box.press("Enter")
