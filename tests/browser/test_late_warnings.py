"""A kernel that only prompts use fails its check: the page says so after the first reply.

The site as it ships, but for three edits of its shaders: where subgroups add, the sums of rms_norm
are doubled, as a driver's mistake might. The plain form is right, and takes over.
"""

import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from py_engine.hosts.static import running

CALL = "fn driver_sum(x: f32, lane: u32) -> f32 {{ return {} * reduce_sum(x, lane); }}\n"
WARNING = "The kernel rms_norm fails its check on this GPU; a slower form of it is used."


def broken(shader: str, text: str) -> str:
    """A shader's text with the fault."""
    if shader == "shaders/rms_norm.wgsl":
        return text.replace("reduce_sum(sum, lane)", "driver_sum(sum, lane)")
    factors = {"shaders/lib/reduce.wgsl": "1.0", "shaders/lib/reduce_subgroup.wgsl": "2.0"}
    return text + CALL.format(factors[shader]) if shader in factors else text


@pytest.fixture
def page(chromium: Browser, site: Path, tmp_path: Path) -> Iterator[Page]:
    """The page whose engine.zip has the fault, its demo model loaded."""
    changed = 0
    with (
        zipfile.ZipFile(site / "engine.zip") as good,
        zipfile.ZipFile(tmp_path / "engine.zip", "w") as bad,
    ):
        for name in good.namelist():
            data = good.read(name)
            if name.endswith(".wgsl"):
                text = broken(name, data.decode())
                changed += text != data.decode()
                data = text.encode()
            bad.writestr(name, data)
    assert changed == 3
    with running(site) as server:
        server.files["/engine.zip"] = tmp_path / "engine.zip"
        context = chromium.new_context(service_workers="block")
        opened = context.new_page()
        opened.goto(server.url)
        ready = "() => document.querySelector('#chat').state === 'ready'"
        opened.wait_for_function(ready, timeout=120_000)
        yield opened
        context.close()


def test_a_late_warning_reaches_the_page(page: Page) -> None:
    warning = page.locator(".warning")
    load_told = warning.all_inner_texts()
    assert not any("kernel" in text for text in load_told)
    send = "(text) => document.querySelector('#chat').send(text)"
    page.evaluate("() => { document.querySelector('#chat').options = { temperature: 0 }; }")
    page.evaluate(send, "What is 17 + 25?")
    assert "42" in page.evaluate("() => document.querySelector('#chat').messages[1].content")
    expect(warning).to_have_text([WARNING])
    page.evaluate(send, "What is 2 + 2?")
    expect(warning).to_have_count(0)  # it was told
