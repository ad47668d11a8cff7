"""`?debug=` in the page's address, with the engine as it ships: the console is told."""

import re

import pytest
from playwright.sync_api import Browser, Page

from py_engine.hosts.static import Server

KERNEL = re.compile(r"(\w+(?: \d+)?) +(\d+) +([\d.]+) +([\d.]+) +([\d.]+)  (\w+) .*")
"""A line of generate/profile.py's table: program, dispatches, µs each, ms, GB/s, kernel."""


SEND = """async (text) => {
  const chat = document.querySelector("#chat");
  chat.options = { temperature: 0 };
  await chat.send(text);
  return chat.messages.at(-1).content;
}"""
LAST = {1: re.compile("features: "), 2: re.compile(r"sample .* all$")}
"""The last that is told of a load, by level."""


def opened(chromium: Browser, server: Server, level: int) -> tuple[Page, list[str]]:
    """The page, its demo model loaded, and what the console was told of that."""
    page = chromium.new_page()
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text))
    with page.expect_console_message(lambda m: LAST[level].search(m.text), timeout=240e3):
        page.goto(f"{server.url}?debug={level}")
    return page, list(told)


def answer(page: Page, question: str) -> tuple[str, str]:
    """What the model says to a question, and what the console is told of it."""
    with page.expect_console_message(lambda m: "steps" in m.text, timeout=120e3) as told:
        text: str = page.evaluate(SEND, question)
    return text, told.value.text


@pytest.mark.parametrize("level", [1, 2])
def test_the_console_is_told_and_the_answer_is_right(
    chromium: Browser, server: Server, level: int
) -> None:
    page, told = opened(chromium, server, level)
    assert "qwen3" in told[0] and "loaded in" in told[0] and "MiB on the GPU" in told[0]
    assert "swiftshader" in told[1]
    found = [line for line in map(KERNEL.fullmatch, told) if line]
    assert bool(found) == (level == 2)
    if level == 2:
        _check_table(found)
    text, reply = answer(page, "What is 17 + 25?")
    assert text == "17 + 25 = 42."
    assert re.fullmatch(r"prompt: \d+ new tokens, .*; reply: \d+ steps, .* GB/s", reply)
    page.close()


def _check_table(lines: list[re.Match[str]]) -> None:
    """Every kernel of a step is in it, each with a time."""
    kernels = {(line[1].split()[0], line[6]) for line in lines}
    decoding = {"embed", "matvec", "attention_decode", "attention_merge"}
    assert {name for program, name in kernels if program == "decode"} == decoding
    assert ("logits", "matvec") in kernels
    assert {name for program, name in kernels if program == "sample"} == {
        "sample_scan", "sample_pick",
    }  # fmt: skip
    assert {"rope_cache", "attention_prefill"} <= {n for p, n in kernels if p == "prefill"}
    for line in lines:
        each, whole = float(line[3]), float(line[4])
        assert each > 0
        assert whole == pytest.approx(int(line[2]) * each / 1e3, rel=0.05, abs=2e-3)
