"""Models in the chat page as a person changes them, against a client without an engine.

As test_page.py: what is loaded, what fails, what stays, and what a reload finds.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from py_engine.hosts.static import Server
from tests.browser.page_fixtures import ask, chatting, fake, load


@pytest.fixture
def page(chromium: Browser, fake_site: Server) -> Iterator[Page]:
    with chatting(chromium, fake_site) as opened:
        yield opened


def test_a_reload_within_an_answer_keeps_question_and_answer(page: Page) -> None:
    ask(page, "endless")
    expect(page.get_by_text("word9 ")).to_be_visible()
    page.reload()
    expect(page.get_by_role("article", name="You")).to_have_text("endless")
    expect(page.get_by_role("article", name="Model")).to_contain_text("word9")
    load(page, "models/stuck.gguf")
    ask(page, "and this?")
    expect(page.get_by_role("article", name="You")).to_have_count(2)
    stored = page.evaluate("() => sessionStorage.getItem('inferaived-conversation')")
    assert json.loads(stored)["messages"][-1] == {"role": "user", "content": "and this?"}
    page.reload()
    expect(page.get_by_role("textbox", name="Message")).to_have_value("and this?")
    expect(page.get_by_role("article", name="You")).to_have_count(1)


def test_a_reload_says_which_model_the_conversation_was_held_with(
    page: Page, tmp_path: Path
) -> None:
    load(page, "models/other.gguf")
    expect(page.get_by_text("other.gguf · llama")).to_be_visible()
    ask(page, 'say ["from the other"]')
    expect(page.get_by_text("1 token ")).to_be_visible()
    page.reload()
    notice = page.get_by_text("This conversation was held with other.gguf.")
    expect(notice).to_be_visible()
    assert fake(page)["loads"] == []
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_text("other.gguf · llama")).to_be_visible()
    expect(notice).to_be_hidden()
    page.reload()
    page.get_by_role("button", name="Go on with the demo").click()
    expect(page.get_by_text("Demo: a tiny test model ·")).to_be_visible()
    expect(notice).to_be_hidden()
    expect(page.get_by_role("article", name="Model")).to_have_text("from the other")
    file = tmp_path / "mine.gguf"
    file.write_bytes(b"GGUF")
    page.get_by_label("Choose a file").set_input_files(file)
    expect(page.get_by_text("mine.gguf · llama")).to_be_visible()
    page.reload()
    expect(page.get_by_text("This conversation was held with mine.gguf.")).to_be_visible()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose the file").click()
    chooser.value.set_files(file)
    expect(page.get_by_text("mine.gguf · llama")).to_be_visible()
    expect(page.get_by_text("This conversation was held")).to_be_hidden()


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("MissingFeature", "This browser has no WebGPU."),
        ("GGUFError", "Not a usable GGUF"),
        ("SourceError", "404"),
        ("CORS", "allows no other sites (CORS)"),
        ("DeviceMemory", "4,812 MiB"),
        ("DeviceLost", "The GPU was lost"),
    ],
)
def test_a_failed_load_is_told_and_the_next_one_works(page: Page, name: str, says: str) -> None:
    load(page, f"models/fail-{name}.gguf")
    expect(page.get_by_role("alert")).to_contain_text(says)
    expect(page.get_by_role("progressbar")).to_have_count(0)
    assert page.get_by_role("alert").locator("strong").inner_text().count("://") == 0
    page.get_by_role("button", name="Load again").click()
    expect(page.get_by_role("alert")).to_contain_text(says)
    load(page, "models/other.gguf")
    expect(page.get_by_text("other.gguf · llama")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)
    ask(page, 'say ["works"]')
    expect(page.get_by_role("article", name="Model")).to_contain_text("works")


EARLY = "models/fail-GGUFError.gguf"
LATE = "models/fail-DeviceMemory.gguf"


def test_a_file_that_is_none_leaves_the_loaded_model(page: Page) -> None:
    load(page, EARLY)
    expect(page.get_by_role("alert")).to_contain_text("Demo: a tiny test model is still loaded.")
    expect(page.get_by_text("Demo: a tiny test model ·")).to_be_visible()
    expect(page.get_by_role("button", name="Model")).to_contain_text("Demo: a tiny test model")
    ask(page, 'say ["still here"]')
    expect(page.get_by_role("article", name="Model")).to_contain_text("still here")
    assert len(fake(page)["loads"]) == 2


def test_after_a_late_failure_the_model_that_worked_comes_back(page: Page) -> None:
    load(page, LATE)
    expect(page.get_by_role("alert")).to_contain_text("4,812 MiB")
    expect(page.get_by_text("Demo: a tiny test model ·")).to_be_hidden()
    page.get_by_role("button", name="Back to demo.gguf").click()
    expect(page.get_by_text("Demo: a tiny test model ·")).to_be_visible()
    load(page, LATE)
    expect(page.get_by_role("alert")).to_contain_text("4,812 MiB")
    ask(page, 'say ["by the demo"]')
    expect(page.get_by_role("article", name="Model")).to_contain_text("by the demo")
    names = [parts[0].rpartition("/")[2] for parts in fake(page)["loads"]]
    late = LATE.rpartition("/")[2]
    assert names == ["demo.gguf", late, "demo.gguf", late, "demo.gguf"]


def test_a_message_does_not_repeat_a_load_that_failed(page: Page, fake_site: Server) -> None:
    page.goto(f"{fake_site.url}?model={EARLY}")
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("alert")).to_be_visible()
    ask(page, "not lost")
    expect(page.get_by_role("textbox", name="Message")).to_have_value("not lost")
    expect(page.get_by_role("button", name="Load again")).to_be_focused()
    expect(page.get_by_role("alert")).to_be_visible()
    assert len(fake(page)["loads"]) == 1
    load(page, "models/other.gguf")
    expect(page.get_by_text("other.gguf · llama")).to_be_visible()
    expect(page.get_by_role("textbox", name="Message")).to_have_value("not lost")


def test_a_question_to_a_model_that_does_not_come_is_given_back(page: Page) -> None:
    page.evaluate("() => { fake.held = new Promise((resolve) => { fake.go = resolve; }); }")
    load(page, LATE)
    ask(page, "for whom?")
    expect(page.get_by_role("article", name="You")).to_have_text("for whom?")
    page.evaluate("() => fake.go()")
    expect(page.get_by_role("alert")).to_contain_text("4,812 MiB")
    expect(page.get_by_role("textbox", name="Message")).to_have_value("for whom?")
    expect(page.get_by_role("article")).to_have_count(0)


def test_a_format_that_is_not_the_models_own_is_told_until_dismissed(page: Page) -> None:
    notice = page.get_by_text("Answers may be worse than this model can do.")
    load(page, "models/formatless.gguf")
    expect(notice).to_be_visible()
    expect(page.get_by_text("(ChatML)")).to_be_visible()
    ask(page, 'say ["a"]')
    expect(page.get_by_role("article", name="Model")).to_contain_text("tok/s")
    load(page, EARLY)
    expect(page.get_by_role("alert")).to_be_visible()
    expect(notice).to_be_visible()
    page.get_by_role("button", name="Dismiss").click()
    expect(notice).to_be_hidden()
    load(page, "models/formatless.gguf")
    expect(notice).to_be_visible()
    load(page, "models/other.gguf")
    expect(page.get_by_text("other.gguf · llama")).to_be_visible()
    expect(notice).to_be_hidden()


def test_progress_can_be_read_and_cancelled(page: Page, fake_site: Server) -> None:
    load(page, "models/stuck.gguf")
    bar = page.get_by_role("progressbar", name="Loading stuck.gguf")
    expect(bar).to_have_attribute("aria-valuetext", "412 of 986 MB")
    expect(page.get_by_text("412 of 986 MB")).to_be_visible()
    ask(page, "waits")
    expect(page.get_by_role("article", name="You")).to_have_text("waits")
    page.get_by_role("button", name="Cancel").click()
    expect(bar).to_have_count(0)
    expect(page.get_by_role("textbox", name="Message")).to_have_value("waits")
    expect(page.get_by_text("Demo: a tiny test model ·")).to_be_visible()  # it never went
    page.goto(f"{fake_site.url}?model=models/stuck.gguf")
    page.get_by_role("button", name="Start").click()
    page.get_by_role("button", name="Cancel").click()
    expect(bar).to_have_count(0)
    page.get_by_role("button", name="Start").click()
    expect(bar).to_be_visible()


def test_a_question_waits_for_the_model_that_was_chosen_last(page: Page) -> None:
    load(page, "models/stuck.gguf")
    ask(page, 'say ["from the second"]')
    load(page, "models/other.gguf")
    expect(page.get_by_role("article", name="Model")).to_contain_text("from the second")
    expect(page.get_by_text("other.gguf · llama")).to_be_visible()


def test_files_are_chosen_and_dropped(page: Page, tmp_path: Path) -> None:
    parts = [tmp_path / f"m-0000{i}-of-00002.gguf" for i in (2, 1)]
    for part in parts:
        part.write_bytes(b"GGUF")
    page.get_by_role("button", name="Model").click()
    page.get_by_label("Choose a file").set_input_files(parts)
    expect(page.get_by_role("button", name="Model")).to_contain_text("and 1 more")
    assert fake(page)["loads"][-1] == ["m-00001-of-00002.gguf", "m-00002-of-00002.gguf"]
    transfer = page.evaluate_handle(
        """() => {
             const transfer = new DataTransfer();
             transfer.items.add(new File(["GGUF"], "d.gguf"));
             return transfer;
           }"""
    )
    page.dispatch_event("body", "dragover", {"dataTransfer": transfer})
    expect(page.get_by_text("Drop a GGUF file to load it")).to_be_visible()
    page.dispatch_event("body", "drop", {"dataTransfer": transfer})
    expect(page.get_by_text("d.gguf · llama")).to_be_visible()
    assert fake(page)["loads"][-1] == ["d.gguf"]


def test_addresses(page: Page) -> None:
    load(page, "https://huggingface.co/a/b/blob/main/c.gguf")
    expect(page.get_by_text("c.gguf · llama")).to_be_visible()
    assert fake(page)["loads"][-1] == ["https://huggingface.co/a/b/resolve/main/c.gguf"]
    for wrong in ("ftp://host/m.gguf", "http://far.example/m.gguf", "javascript:alert(1)"):
        load(page, wrong)
        assert page.get_by_label("Address of a GGUF file").evaluate("node => !node.validity.valid")
        page.keyboard.press("Escape")
    assert len(fake(page)["loads"]) == 2


HERE = "http://localhost:8000/chat/"
HUB = "https://huggingface.co/Qwen/Q-GGUF/resolve"


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("Qwen/Q-GGUF/q.gguf", f"{HUB}/main/q.gguf"),
        ("hf:Qwen/Q-GGUF/q.gguf", f"{HUB}/main/q.gguf"),
        ("hf://Qwen/Q-GGUF/sub/q.gguf", f"{HUB}/main/sub/q.gguf"),
        ("Qwen/Q-GGUF/blob/v2/q.gguf", f"{HUB}/v2/q.gguf"),
        ("huggingface.co/Qwen/Q-GGUF/blob/main/q.gguf", f"{HUB}/main/q.gguf"),
        ("https://hf.co/Qwen/Q-GGUF/resolve/main/q.gguf", f"{HUB}/main/q.gguf"),
        *(
            (text, "")
            for text in ("Qwen/Q-GGUF", "hf:Qwen/Q-GGUF", "Qwen/Q-GGUF:Q4_K_M", "hf:q.gguf")
        ),
        *((f"https://huggingface.co/Qwen/Q-GGUF{path}", "") for path in ("", "/", "/tree/main")),
        *(
            (text, "")
            for text in ("ftp://h/m.gguf", "javascript:alert(1)", "http://far.example/m.gguf")
        ),
        ("q.gguf", f"{HERE}q.gguf"),
        ("models/q.gguf", f"{HERE}models/q.gguf"),
        ("./Qwen/Q-GGUF/q.gguf", f"{HERE}Qwen/Q-GGUF/q.gguf"),
        ("/m/n/q.gguf", "http://localhost:8000/m/n/q.gguf"),
        ("models.example/m/q.gguf?key=1", "https://models.example/m/q.gguf?key=1"),
        ("localhost:9000/q.gguf", "http://localhost:9000/q.gguf"),
    ],
)
def test_what_a_person_types_is_an_address_or_is_explained(page: Page, text: str, url: str) -> None:
    found = page.evaluate(
        """async ([text, here]) => {
             const { modelAddress } = await import("./page/address.js");
             return modelAddress(text, here);
           }""",
        [text, HERE],
    )
    assert found["url"] == url
    assert bool(found["wrong"]) == (url == "")


def test_a_link_to_no_file_says_what_is_wrong_with_it(page: Page, fake_site: Server) -> None:
    page.goto(f"{fake_site.url}?model=Qwen/Qwen3-0.6B-GGUF")
    expect(page.get_by_text("The model in this page's address cannot be loaded.")).to_be_visible()
    expect(page.get_by_text("Qwen/Qwen3-0.6B-GGUF: This names a repository")).to_be_visible()
    assert fake(page)["loads"] == []
    page.get_by_role("button", name="Use the demo").click()
    expect(page.get_by_text("Demo: a tiny test model ·")).to_be_visible()


def test_an_address_in_the_link_waits_for_a_click(page: Page, fake_site: Server) -> None:
    page.goto(f"{fake_site.url}?model=models/linked.gguf")
    start = page.get_by_role("button", name="Start")
    expect(start).to_be_visible()
    assert fake(page)["loads"] == []
    start.click()
    expect(page.get_by_text("linked.gguf · llama")).to_be_visible()
