"""`?debug=1` in the page's address, with the engine as it ships: the console is told."""

from playwright.sync_api import Browser

from py_engine.hosts.static import Server


def test_the_console_is_told_of_loads_and_replies(chromium: Browser, server: Server) -> None:
    page = chromium.new_page()
    with page.expect_console_message(lambda m: "loaded in" in m.text, timeout=120_000) as loaded:
        page.goto(f"{server.url}?debug=1")
    assert "qwen3" in loaded.value.text
    assert "MiB on the GPU" in loaded.value.text
    with page.expect_console_message(lambda m: "GB/s" in m.text, timeout=120_000) as replied:
        page.evaluate("() => void document.querySelector('#chat').send('Hello')")
    assert "steps" in replied.value.text
    page.close()
