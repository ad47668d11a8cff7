"""The widget's frame on pages of other origins: it comes, or the reader is told and gets a link.

A page that sends Cross-Origin-Embedder-Policy takes only frames that send it as well, or that have
no credentials, where the browser knows such frames (Chromium does).
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from py_engine.hosts.static import EMBEDDABLE, Server, running

SHOP = """<!doctype html><html lang="en"><link rel="icon" href="data:,"><title>Shop</title>
<script>{script}</script>
<script type="module" src="{widget}widget.js"></script>
<inferaived-chat model="https://models.example/m.gguf"></inferaived-chat>"""
NO_CREDENTIALLESS = "delete HTMLIFrameElement.prototype.credentialless"
"""Firefox and Safari have no such frames."""
FRAMELESS = """document.head.append(Object.assign(document.createElement("meta"), {
  httpEquiv: "Content-Security-Policy", content: "frame-src 'none'" }))"""
POLICIES = ("unsafe-none", "require-corp", "credentialless")


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    opened = chromium.new_context(service_workers="block", viewport={"width": 800, "height": 640})
    yield opened
    opened.unroute_all(behavior="ignoreErrors")  # something may be on its way still
    opened.close()


def visited(
    context: BrowserContext,
    shop: Server,
    widget: Server,
    *,
    policy: str = "unsafe-none",
    sends: bool = True,
    script: str = "",
    gone: bool = False,
) -> Page:
    """The shop's page under an embedder policy.

    Args:
        sends: the widget's host sends its headers.
        script: runs first in the shop's page.
        gone: the widget's host has no page for the frame.
    """
    (shop.root / "shop.html").write_text(SHOP.format(script=script, widget=widget.url))

    def of_shop(route: Route) -> None:
        answer = route.fetch()
        headers = {k: v for k, v in answer.headers.items() if not k.startswith("cross-origin-")}
        route.fulfill(response=answer, headers=headers | {"cross-origin-embedder-policy": policy})

    def of_widget(route: Route) -> None:
        answer = route.fetch()
        headers = {k: v for k, v in answer.headers.items() if not k.startswith("cross-origin-")}
        headers |= {name.lower(): value for name, value in EMBEDDABLE.items() if sends}
        route.fulfill(response=answer, headers=headers | {"access-control-allow-origin": "*"})

    context.route(f"{shop.url}**", of_shop)
    context.route(f"{widget.url}**", of_widget)
    if gone:
        context.route(f"{widget.url}index.html*", lambda route: route.abort())
    page = context.new_page()
    page.goto(f"{shop.url}shop.html")
    return page


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("sends", [True, False], ids=["headers", "no headers"])
def test_the_frame_comes_under_every_embedder_policy(
    context: BrowserContext, fake_site: Server, tmp_path: Path, policy: str, sends: bool
) -> None:
    with running(tmp_path) as shop:
        page = visited(context, shop, fake_site, policy=policy, sends=sends)
        frame = page.frame_locator("inferaived-chat iframe")
        expect(frame.get_by_role("button", name="Start")).to_be_visible(timeout=15_000)
        alone = page.locator("inferaived-chat iframe").get_attribute("credentialless")
        assert (alone is not None) is (policy != "unsafe-none" and not sends)


def test_a_frame_that_is_kept_out_leaves_a_link(
    context: BrowserContext, fake_site: Server, tmp_path: Path
) -> None:
    """The embedder policy in a browser without credentialless frames, on a host without headers."""
    with running(tmp_path) as shop:
        page = visited(
            context, shop, fake_site, policy="require-corp", sends=False, script=NO_CREDENTIALLESS
        )
        expect(page.get_by_text("does not come up inside of this page")).to_be_visible(
            timeout=15_000
        )
        link = page.get_by_role("link", name="Open it in a tab of its own")
        with context.expect_page() as opening:
            link.click()
        alone = opening.value
        expect(alone.get_by_text("m.gguf").first).to_be_visible()
        expect(alone.get_by_role("button", name="Settings")).to_be_visible()


@pytest.mark.parametrize("lost", ["the shop's policy", "the widget's page"])
def test_a_frame_that_never_loads_leaves_a_link(
    context: BrowserContext, fake_site: Server, tmp_path: Path, lost: str
) -> None:
    script = FRAMELESS if lost == "the shop's policy" else ""
    with running(tmp_path) as shop:
        page = visited(context, shop, fake_site, script=script, gone=lost == "the widget's page")
        expect(page.get_by_text("does not come up inside of this page")).to_be_visible(
            timeout=15_000
        )


def test_the_frame_goes_with_its_element(
    context: BrowserContext, fake_site: Server, tmp_path: Path
) -> None:
    """A new address replaces the frame; an element that is taken out and put back has one again."""
    with running(tmp_path) as shop:
        page = visited(context, shop, fake_site)
        start = page.frame_locator("inferaived-chat iframe").get_by_role("button", name="Start")
        expect(start).to_be_visible()
        chat = page.locator("inferaived-chat")
        chat.evaluate("chat => chat.setAttribute('model', 'https://models.example/other.gguf')")
        frame = page.frame_locator("inferaived-chat iframe")
        expect(frame.get_by_text("other.gguf")).to_be_visible()
        chat.evaluate("chat => { globalThis.kept = chat; chat.remove() }")
        page.evaluate("() => document.body.append(kept)")
        expect(start).to_be_visible()
        page.wait_for_timeout(2500)  # nothing of the old frame is waited for any more
        expect(start).to_be_visible()
        assert page.locator("inferaived-chat iframe").count() == 1
