"""tests/bench in Chromium: what the page makes of an engine's readings, and what it refuses.

The engine here is a clock, so that what must come out is known; the real ones are for a GPU.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from py_engine.hosts.static import threaded
from tests.bench.server import Site
from tests.bench.visit import Limits, Task, Visitor
from tests.machine import find_chromium

ROOT = Path(__file__).resolve().parents[2]
PAGE = "/tests/bench/page/"
CLOCK = """async ({ rows, perWord, tokens, repeats }) => {
  const { measure } = await import("/tests/bench/page/measure.js");
  const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const asked = [];
  const subject = {
    start: async () => ({ s: 1 }),
    load: async (url) => ({ url }),
    memory: async () => ({ bytes: 7 }),
    complete: async (prompt, tokens, arrived) => {
      asked.push([prompt, tokens]);
      await wait(50);
      for (let n = 0; n < tokens; n++) {
        if (n >= 2) await wait(20); // two come together
        arrived(1);
      }
      const n = prompt.split(" ").length - 1;
      return { prompt: n * perWord, computed: n * perWord, own: {} };
    },
  };
  const said = [];
  const plan = { model: "m", rows, context: 64, tokens, repeats, seconds: 60, options: {} };
  await measure(subject, plan, async (value) => void said.push(value));
  return { said, asked };
}"""


@pytest.fixture
def served(site: Path) -> Iterator[Site]:
    """The bench's own server, with the site that was built for the tests."""
    with threaded(Site({"/web/": site, PAGE: ROOT / PAGE.strip("/")})) as found:
        yield found


def measured(page: Page, served: Site, *rows: str, **plan: Any) -> tuple[dict[str, Any], Any]:
    """The rows of a page whose engine is the clock, by name, and what it was asked."""
    page.goto(f"{served.url}{PAGE.strip('/')}/bench.html?engine=none")
    wanted = {"rows": rows, "perWord": 1, "tokens": 4, "repeats": 2} | plan
    answer = page.evaluate(CLOCK, wanted)
    begun = [one["row"] for one in answer["said"] if one["k"] == "begin"]
    ended = [one["row"] for one in answer["said"] if one["k"] == "row"]
    assert begun == [row for row in ended if row in begun]
    return {one["row"]: one for one in answer["said"] if one["k"] == "row"}, answer["asked"]


def test_rows_are_timed_from_outside(page: Page, served: Site) -> None:
    rows, asked = measured(page, served, "prefill:16", "decode:8", "followup:8", "memory")
    assert list(rows) == [
        "start",
        "load",
        "first",
        "prefill:16",
        "decode:8",
        "followup:8",
        "memory",
    ]
    assert 0.05 <= rows["first"]["s"] < 5
    prefill = rows["prefill:16"]
    assert prefill["first_s"] >= 0.05
    assert [reply["n"] for reply in prefill["replies"]] == [1, 1]
    for reply in rows["decode:8"]["replies"]:
        assert (reply["n"], reply["decoded"]) == (4, 2)  # two came together
        assert 0.04 <= reply["s"] < 4
        assert 0.02 <= reply["gap"] < reply["s"]
        assert reply["burst"] == 2
    settling = [prompt for prompt, tokens in asked if tokens == 64]
    assert [prompt for prompt, _ in asked[1 : 1 + len(settling)]] == settling != []
    prompts = [prompt for prompt, tokens in asked if tokens != 64]
    counts = [len(prompt.split()) for prompt in prompts]
    assert counts == [64, 16, 16, 16, 8, 8, 8, 8, 40, 8, 40]
    assert len({*prompts[1:4]}) == 3  # nothing of them can be in the cache
    assert len({*prompts[4:7]}) == 1  # all but the last token can
    assert prompts[8].startswith(prompts[7])
    assert prompts[10].startswith(prompts[9]) and prompts[9] != prompts[7]


def test_prompts_are_made_to_a_vocabulary_measure(page: Page, served: Site) -> None:
    rows, asked = measured(page, served, "prefill:16", perWord=4, repeats=1)
    assert len(asked[-1][0].split()) == 4
    assert rows["prefill:16"]["replies"][0]["prompt"] == 16


def test_a_software_adapter_is_refused_unless_it_is_asked_for(served: Site) -> None:
    browser = os.environ.get("CHROME") or find_chromium(Path(sys.executable))
    said: list[str] = []
    visitor = Visitor(served, browser, "swiftshader", Limits(60, 60), said.append)
    task = Task("ours", "none", "/models/none.gguf", ("memory",), 256, 4, 1, 1)
    result = visitor.run(task)
    assert [error["row"] for error in result["errors"]] == ["adapter", "memory"]
    assert "swiftshader" in result["errors"][0]["message"]
    assert result["rows"] == {}
    assert any("FAILED" in line for line in said)
