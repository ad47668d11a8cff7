"""After one visit the site works with the network off, as one build or not at all.

The first test takes the built site with its engine; in the others the client is the fake one, and
offline/ and the browser's caches are real.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from py_engine.hosts.static import Server, running
from tests.browser.page_fixtures import Record, ask, make_site, write_build

WAITING = "() => navigator.serviceWorker.getRegistration().then((one) => one.waiting !== null)"
READY = "Demo: a tiny test model ·"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_site(tmp_path)
    return tmp_path


@pytest.fixture
def fake_site(folder: Path) -> Iterator[Server]:
    with running(folder) as served:
        yield served


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    opened = chromium.new_context()
    yield opened
    opened.close()


@pytest.fixture
def site_requests(context: BrowserContext, server: Server) -> Record:
    """All that the context asks of the network."""
    return Record(context, server.url)


def visit(context: BrowserContext, fake_site: Server) -> Page:
    page = context.new_page()
    page.goto(fake_site.url)
    expect(page.get_by_text(READY)).to_be_visible()
    return page


OWN_COPY = """() => navigator.serviceWorker.controller?.scriptURL
  .startsWith(new URL("sw.js", location).href)"""


def wait_for_copy(page: Page) -> None:
    page.evaluate("() => navigator.serviceWorker.ready.then(() => null)")


def builds(page: Page) -> list[str]:
    kept: list[str] = page.evaluate("() => caches.keys()")
    return sorted(kept)


def change(folder: Path, word: str) -> str:
    """A new build: the page and a module say `word`."""
    for name in ("index.html", "chat/messages.js"):
        file = folder / name
        file.write_text(file.read_text().replace("</title>", f" {word}</title>") + "\n")
    return write_build(folder)


def test_the_demo_answers_with_the_network_off(
    context: BrowserContext, server: Server, site_requests: Record
) -> None:
    """The real page, engine and model; and nothing was asked of anybody else."""
    page = context.new_page()
    answers = []
    for _ in range(2):
        page.goto(server.url)
        send = page.get_by_role("button", name="Send")
        page.get_by_role("button", name="Settings").click()
        page.get_by_label("Temperature").fill("0")
        page.get_by_label("Most tokens").fill("8")
        page.keyboard.press("Escape")
        ask(page, "Hello")
        reply = page.get_by_role("article", name="Model").last
        expect(reply).to_contain_text("tok/s", timeout=120_000)
        expect(send).to_be_visible(timeout=60_000)
        answers.append(reply.locator(".text").inner_text())
        page.get_by_role("button", name="New conversation").click()
        wait_for_copy(page)
        context.set_offline(True)
    assert answers[0] == answers[1] != ""
    assert site_requests.unknown() == []


def test_page_and_demo_with_the_network_off(
    context: BrowserContext, fake_site: Server, folder: Path
) -> None:
    first = visit(context, fake_site)
    wait_for_copy(first)
    first.close()
    context.set_offline(True)
    shutil.rmtree(folder)  # nothing is left that could answer
    page = visit(context, fake_site)
    ask(page, 'say ["offline"]')
    expect(page.get_by_role("article", name="Model")).to_contain_text("offline")
    kept = page.evaluate(
        """async () => {
             const headers = (range) => range && { Range: range };
             const get = (range) => fetch("models/demo.gguf", { headers: headers(range) });
             const [whole, part, end, wrong] = await Promise.all(
               [undefined, "bytes=0-3", "bytes=1000-", "bytes=5000-"].map(get));
             const head = await fetch("models/demo.gguf", { method: "HEAD" });
             return [
               whole.status, (await whole.arrayBuffer()).byteLength,
               part.status, await part.text(), part.headers.get("Content-Range"),
               end.status, (await end.arrayBuffer()).byteLength,
               wrong.status, head.status, (await head.arrayBuffer()).byteLength,
             ];
           }"""
    )
    assert kept == [200, 1004, 206, "GGUF", "bytes 0-3/1004", 206, 4, 416, 200, 0]
    assert page.evaluate("() => fetch('index.html?model=x').then((answer) => answer.ok)")


def test_other_weights_are_never_kept(
    context: BrowserContext, fake_site: Server, folder: Path
) -> None:
    (folder / "models/big.gguf").write_bytes(b"GGUF" + bytes(5000))
    write_build(folder)
    page = visit(context, fake_site)
    wait_for_copy(page)
    page.reload()
    expect(page.get_by_text(READY)).to_be_visible()
    get = "() => fetch('models/big.gguf').then((a) => a.status, () => 'no network')"
    assert page.evaluate(get) == 200
    context.set_offline(True)
    assert page.evaluate(get) == "no network"


def test_a_new_version_waits_to_be_asked(
    context: BrowserContext, fake_site: Server, folder: Path
) -> None:
    page = visit(context, fake_site)
    wait_for_copy(page)
    old = builds(page)
    new = change(folder, "two")
    page.reload()
    button = page.get_by_role("button", name="Reload")
    expect(button).to_be_visible()
    assert page.title() == "Inferaived"  # still the first build, as a whole
    other = visit(context, fake_site)
    assert other.title() == "Inferaived"
    ask(page, "endless")
    expect(page.get_by_text("word5 ")).to_be_visible()
    button.click()
    page.wait_for_timeout(500)
    assert page.evaluate(WAITING)
    expect(page.get_by_role("button", name="Stop")).to_be_visible()  # no answer is cut short
    assert page.title() == "Inferaived"
    page.get_by_role("textbox", name="Message").press("Escape")
    expect(page).to_have_title("Inferaived two")
    expect(page.get_by_role("article", name="You")).to_have_text("endless")
    expect(other).to_have_title("Inferaived two")  # no tab stays behind
    expect(page.get_by_role("button", name="Reload")).to_be_hidden()
    assert builds(page) == [f"inferaived-build / {new}"] != old


def test_copies_of_one_origin_leave_each_other_alone(
    context: BrowserContext, tmp_path: Path
) -> None:
    names = ("site", "site/older")
    for name in names:
        make_site(tmp_path / name)
    change(tmp_path / "site/older", "older")
    with running(tmp_path) as served:
        for _ in range(2):
            for name in names:
                page = context.new_page()  # one that changes over from the outer copy reloads
                page.goto(f"{served.url}{name}/index.html")
                expect(page.get_by_text(READY)).to_be_visible()
                page.wait_for_function(OWN_COPY)  # left open: closing one that reloads may hang
            context.set_offline(True)  # the second round has only the copies


@pytest.mark.parametrize("fault", ["a missing file", "a wrong byte", "another build"])
def test_a_broken_version_leaves_the_old_one(
    context: BrowserContext, fake_site: Server, folder: Path, fault: str
) -> None:
    page = visit(context, fake_site)
    wait_for_copy(page)
    old = builds(page)
    change(folder, "two")
    if fault == "a missing file":
        (folder / "chat/links.js").unlink()
    elif fault == "a wrong byte":
        (folder / "chat/links.js").write_text("// torn\n")
    else:
        page.route("**/build.json", lambda route: route.fulfill(json={"build": "0" * 16}))
    page.reload()
    expect(page.get_by_text(READY)).to_be_visible()
    page.wait_for_timeout(1000)
    expect(page.get_by_role("button", name="Reload")).to_be_hidden()
    assert page.title() == "Inferaived"
    assert builds(page) == old
    page.unroute_all()
    make_site(folder)
    change(folder, "three")  # the next good one comes
    page.reload()
    expect(page.get_by_role("button", name="Reload")).to_be_visible()


def test_a_folder_without_a_build_works_without_a_copy(
    context: BrowserContext, fake_site: Server, folder: Path
) -> None:
    (folder / "build.json").unlink()
    page = visit(context, fake_site)
    count = "() => navigator.serviceWorker.getRegistrations().then((all) => all.length)"
    assert page.evaluate(count) == 0
    ask(page, 'say ["fine"]')
    expect(page.get_by_role("article", name="Model")).to_contain_text("fine")
