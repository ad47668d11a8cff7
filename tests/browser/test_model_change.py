"""One model after another in the page, with the engine that ships and real files."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from py_engine.hosts.static import Server
from tests.browser.page_fixtures import ask, load
from tests.fixtures import write


@pytest.fixture
def page(chromium: Browser, server: Server, tmp_path: Path) -> Iterator[Page]:
    """The page, its demo loaded; beside it a model with a broken template, and no model at all."""
    model = write(tmp_path / "m.gguf", "qwen2", "Q8_0").path
    broken = model.read_bytes().replace(b"{%- for", b"{%- fro").replace(b"{% for", b"{% fro")
    assert broken != model.read_bytes()
    for name, data in {"broken.gguf": broken, "archive.gguf": b"PK\x03\x04" + bytes(1000)}.items():
        (tmp_path / name).write_bytes(data)
        server.files[f"/models/{name}"] = tmp_path / name
    context = chromium.new_context(service_workers="block")
    opened = context.new_page()
    opened.goto(server.url)
    ready(opened)
    yield opened
    context.close()


def ready(page: Page) -> None:
    page.wait_for_function(
        "() => document.querySelector('#chat').state === 'ready'", timeout=90_000
    )


def load_whole(page: Page, address: str) -> None:
    load(page, address)
    page.wait_for_function("() => document.querySelector('#chat').state !== 'loading'")


def test_a_broken_template_is_told_and_a_wrong_file_changes_nothing(page: Page) -> None:
    load_whole(page, "models/broken.gguf")
    notice = page.get_by_text("Answers may be worse than this model can do.")
    expect(notice).to_be_visible(timeout=60_000)
    expect(page.get_by_text("(ChatML)")).to_be_visible()
    name = page.evaluate("() => document.querySelector('#chat').modelName")
    for address, says in (
        ("models/archive.gguf", "this is a ZIP archive"),
        ("models/nowhere.gguf", "HTTP 404"),
    ):
        load_whole(page, address)
        expect(page.get_by_role("alert")).to_contain_text(says)
        expect(page.get_by_role("alert")).to_contain_text(f"{name} is still loaded.")
        expect(notice).to_be_visible()
    ask(page, "Hello")
    expect(page.get_by_role("article", name="Model")).to_contain_text(" tok", timeout=60_000)
    page.keyboard.press("Escape")
    load_whole(page, "models/demo.gguf")
    ready(page)
    expect(notice).to_be_hidden()
