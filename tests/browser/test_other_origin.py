"""The widget on a page of another origin, with what `build.py serve` sends and nothing else."""

from pathlib import Path

from playwright.sync_api import Browser, expect

from py_engine.hosts.static import Server, running
from tests.browser.page_fixtures import Record

BARE = """<!doctype html><html lang="en"><link rel="icon" href="data:,"><title>Shop</title>
<script type="module" src="{0}widget.js"></script>
<inferaived-chat model="{0}models/demo.gguf"></inferaived-chat>"""


def test_the_demo_answers_on_a_page_of_another_origin(
    chromium: Browser, server: Server, tmp_path: Path
) -> None:
    """Another port is another origin."""
    (tmp_path / "index.html").write_text(BARE.format(server.url))
    with running(tmp_path) as shop:
        context = chromium.new_context()
        record = Record(context, server.url, shop.url)
        page = context.new_page()
        page.goto(shop.url)
        frame = page.frame_locator("inferaived-chat iframe")
        frame.get_by_role("button", name="Start").click(timeout=30_000)
        box = frame.get_by_role("textbox", name="Message")
        box.fill("What are you?")
        box.press("Enter")
        answer = frame.get_by_role("article", name="Model")
        expect(answer).to_contain_text("tok/s", timeout=120_000)
        expect(answer).to_contain_text("Inferaived")
        height = page.locator("inferaived-chat").evaluate("chat => chat.clientHeight")
        context.close()
    assert height > 100
    assert record.unknown() == []
    assert record.errors == []


def test_a_page_of_another_origin_reads_a_model_in_ranges(
    chromium: Browser, server: Server, tmp_path: Path
) -> None:
    """What scripts see of the answer to a range: its place in the file, and which file it is."""
    (tmp_path / "index.html").write_text("<!doctype html><link rel=icon href=data:,>")
    read = """async (url) => {
      const answer = await fetch(url, { headers: { Range: "bytes=4-7" } });
      const { status, headers } = answer;
      const bytes = [...new Uint8Array(await answer.arrayBuffer())];
      return [status, headers.get("Content-Range"), headers.get("ETag") !== null, bytes.length];
    }"""
    with running(tmp_path) as shop:
        page = chromium.new_page()
        page.goto(shop.url)
        status, place, known, nbytes = page.evaluate(read, f"{server.url}models/demo.gguf")
        page.close()
    assert (status, known, nbytes) == (206, True, 4)
    assert place.startswith("bytes 4-7/")
