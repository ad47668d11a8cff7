"""The chat page as a person uses it, against a client without an engine: fake_client.js.

Real Chromium, the real page under its own policy; only the engine is missing. Every test fails on
a request to an unknown place and on an error in the console.
"""

import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from py_engine.hosts.static import Server
from tests.browser.page_fixtures import Record, ask, chatting, fake


@pytest.fixture
def page(chromium: Browser, fake_site: Server) -> Iterator[Page]:
    with chatting(chromium, fake_site) as opened:
        yield opened


def last_reply(page: Page) -> str:
    return page.get_by_role("article", name="Model").last.locator(".text").inner_text()


def test_a_conversation(page: Page) -> None:
    ask(page, 'say ["Hel", "lo **you**"]')
    reply = page.get_by_role("article", name="Model")
    expect(reply.locator("strong")).to_have_text("you")
    expect(reply).to_contain_text("2 tokens · 31 tok/s")
    ask(page, "and now?")
    expect(page.get_by_role("article", name="You")).to_have_count(2)
    expect(page.get_by_role("button", name="Send")).to_be_visible()
    roles = [(m["role"], m["content"]) for m in fake(page)["requests"][-1]["messages"]]
    assert roles == [
        ("user", 'say ["Hel", "lo **you**"]'),
        ("assistant", "Hello **you**"),
        ("user", "and now?"),
    ]
    page.get_by_role("button", name="New conversation").click()
    expect(page.get_by_role("article")).to_have_count(0)
    ask(page, "fresh")
    expect(page.get_by_role("article", name="Model")).to_contain_text("fresh")
    assert len(fake(page)["requests"][-1]["messages"]) == 1


def test_by_keyboard_alone(page: Page) -> None:
    keys = page.keyboard
    box = page.get_by_role("textbox", name="Message")
    keys.press("Tab")
    expect(page.get_by_role("button", name="Model")).to_be_focused()
    keys.press("Enter")
    keys.press("Tab")
    expect(page.get_by_label("Address of a GGUF file")).to_be_focused()
    keys.type("models/other.gguf")
    keys.press("Enter")
    expect(page.get_by_text("other.gguf · llama")).to_be_visible()
    expect(box).to_be_focused()
    keys.type("one")
    keys.press("Shift+Enter")
    keys.type("two")
    keys.press("Enter")
    expect(page.get_by_role("article", name="You")).to_have_text("one\ntwo")
    expect(page.get_by_role("button", name="Send")).to_be_visible()
    keys.type("endless")
    keys.press("Enter")
    expect(page.get_by_text("word20")).to_be_visible()
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    keys.press("Escape")
    expect(page.get_by_text("stopped")).to_be_visible()
    expect(box).to_be_focused()
    keys.press("Tab")
    expect(page.get_by_role("button", name="Send")).to_be_focused()
    keys.press("Tab")
    keys.press("Enter")
    expect(page.get_by_role("article")).to_have_count(0)
    expect(box).to_be_focused()


def test_enter_that_picks_an_input_method_candidate_sends_nothing(page: Page) -> None:
    box = page.get_by_role("textbox", name="Message")
    box.fill("にほんご")
    for init in ({"isComposing": True}, {"keyCode": 229}):
        box.dispatch_event("keydown", {"key": "Enter", "bubbles": True, **init})
    expect(page.get_by_role("article")).to_have_count(0)
    box.press("Enter")
    expect(page.get_by_role("article", name="You")).to_have_text("にほんご")


def test_stop_keeps_what_was_said(page: Page) -> None:
    ask(page, "endless")
    expect(page.get_by_text("word5 ")).to_be_visible()
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("stopped")).to_be_visible()
    said = last_reply(page)
    ask(page, "go on")
    expect(page.get_by_role("article", name="Model")).to_have_count(2)
    expect(page.get_by_role("button", name="Send")).to_be_visible()
    assert fake(page)["requests"][-1]["messages"][1]["content"].strip() == said


def test_settings_reach_the_engine_and_stay(page: Page) -> None:
    page.get_by_role("button", name="Settings").click()
    page.get_by_label("System prompt").fill("Be brief.")
    page.get_by_label("Temperature").fill("0")
    page.get_by_label("Seed").fill("42")
    page.get_by_label("Top-p").fill("7")  # out of range: as if not given
    page.keyboard.press("Escape")
    for _ in range(2):
        ask(page, "x")
        expect(page.get_by_role("article", name="Model").last).to_contain_text("tok/s")
        request = fake(page)["requests"][-1]
        assert request["options"] == {"temperature": 0, "max_tokens": 1024, "seed": 42}
        assert request["messages"][0] == {"role": "system", "content": "Be brief."}
        page.reload()
        expect(page.get_by_text("Demo: a tiny test model ·")).to_be_visible()
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("button", name="Back to the defaults").click()
    expect(page.get_by_label("Temperature")).to_have_value("0.7")


def test_a_reload_keeps_the_conversation(page: Page) -> None:
    ask(page, 'say ["kept"]')
    expect(page.get_by_text("1 token ")).to_be_visible()
    page.reload()
    expect(page.get_by_role("article", name="Model")).to_have_text("kept")
    ask(page, "still there?")
    expect(page.get_by_role("button", name="Send")).to_be_visible()
    assert [m["content"] for m in fake(page)["requests"][-1]["messages"]] == [
        'say ["kept"]',
        "kept",
        "still there?",
    ]


def test_a_gpu_that_is_lost_in_an_answer(page: Page) -> None:
    ask(page, "fail DeviceLost")
    expect(page.get_by_role("alert")).to_contain_text("The GPU was lost")
    expect(page.get_by_role("article", name="Model")).to_contain_text("half an answer")
    ask(page, 'say ["again"]')  # loads the model by itself
    expect(page.get_by_role("article", name="Model").last).to_contain_text("again")
    expect(page.get_by_role("alert")).to_have_count(0)
    assert len(fake(page)["loads"]) == 2
    assert fake(page)["closed"] == 1


def test_a_full_context_takes_the_question_back(page: Page) -> None:
    ask(page, "fail ContextFull quiet")
    expect(page.get_by_role("alert")).to_contain_text("Start a new conversation")
    expect(page.get_by_role("textbox", name="Message")).to_have_value("fail ContextFull quiet")
    expect(page.get_by_role("article")).to_have_count(0)
    assert fake(page)["closed"] == 0


def test_no_scrolling_under_a_reader(page: Page) -> None:
    log = page.get_by_role("log")
    ask(page, "say " + json.dumps([f"line {i}\n\n" for i in range(60)]))
    expect(page.get_by_text("60 tokens")).to_be_in_viewport()
    ask(page, "endless")
    expect(page.get_by_text("word20 ")).to_be_attached()
    # Not to_be_in_viewport: what grows is drawn anew before the observer has seen it.
    left = "node => node.scrollHeight - node.scrollTop - node.clientHeight"
    assert log.evaluate(left) < 2
    log.hover()
    page.mouse.wheel(0, -900)
    newest = page.get_by_role("button", name="Go to the newest message")
    expect(newest).to_be_visible()
    before = log.evaluate("node => node.scrollTop")
    expect(page.get_by_text(re.compile(r"word90 "))).to_be_attached()
    assert log.evaluate("node => node.scrollTop") == before
    newest.click()
    expect(newest).to_be_hidden()
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("stopped")).to_be_in_viewport()


def test_screen_readers_hear_whole_answers(page: Page) -> None:
    log = page.get_by_role("log")
    status = page.locator("inferaived-chat").get_by_role("status")
    expect(log).to_have_attribute("aria-live", "off")
    expect(status).to_have_text("The model Demo: a tiny test model is ready.")
    page.locator("inferaived-chat").evaluate(
        """chat => {
             globalThis.heard = [];
             const status = chat.shadowRoot.querySelector("[role=status]");
             new MutationObserver(() => heard.push(status.textContent))
               .observe(status, { childList: true });
           }"""
    )
    ask(page, 'say ["One. ", "Two. ", "Three."]')
    expect(status).to_have_text("One. Two. Three.")
    assert page.evaluate("() => heard") == ["Generating…", "One. Two. Three."]
    ask(page, "endless")
    expect(log).to_have_attribute("aria-busy", "true")
    page.keyboard.press("Escape")
    expect(log).to_have_attribute("aria-busy", "false")


@pytest.mark.parametrize("width", [320, 640, 1280])
def test_everything_is_in_reach(page: Page, width: int) -> None:
    """320 pixels are a narrow phone, and 1280 at a zoom of 400 %."""
    page.set_viewport_size({"width": width, "height": 480})
    ask(page, "say " + json.dumps(["```\n" + "x" * 400 + "\n```\n" + "y" * 400]))
    expect(page.get_by_role("button", name="Send")).to_be_visible()
    for name in ("Model", "Settings"):
        page.get_by_role("button", name=name).click()
        panel = page.locator(":popover-open")
        box = panel.bounding_box()
        assert box and box["x"] >= 0 and box["x"] + box["width"] <= width
        assert box["y"] + box["height"] <= 480
        page.keyboard.press("Escape")
    for name in ("Send", "New conversation", "Model", "Settings"):
        expect(page.get_by_role("button", name=name)).to_be_in_viewport(ratio=1)
    assert page.evaluate("() => document.documentElement.scrollWidth") == width


def test_the_policy_is_in_force(chromium: Browser, fake_site: Server) -> None:
    """No inline script, no eval, no picture from elsewhere: the browser itself refuses."""
    context = chromium.new_context(service_workers="block")
    record = Record(context, fake_site.url)
    page = context.new_page()
    page.goto(fake_site.url)
    blocked, inline, evaluated = page.evaluate(
        """async () => {
             const blocked = new Set();
             document.addEventListener("securitypolicyviolation", (event) => {
               blocked.add(event.effectiveDirective);
             });
             const script = document.createElement("script");
             script.textContent = "globalThis.inlineRan = true";
             const image = new Image();
             image.src = "https://evil.example/pixel.png";
             document.body.append(script, image);
             // Later, because eval is allowed to the debugger that runs this function.
             setTimeout(() => new Function("globalThis.evalRan = true")());
             await new Promise((resolve) => setTimeout(resolve, 300));
             return [[...blocked].sort(), "inlineRan" in globalThis, "evalRan" in globalThis];
           }"""
    )
    context.close()
    assert blocked == ["img-src", "script-src", "script-src-elem"]
    assert not inline and not evaluated
    assert all("violates" in error or "unsafe-eval" in error for error in record.errors)
