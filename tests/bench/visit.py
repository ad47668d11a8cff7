"""One engine and one model in a browser: opens the page, keeps what it reports.

A page that dies, hangs or fails in a row costs that row alone: a new browser goes on with the
rows that are left. What a row is, page/measure.js knows; what it means, figures.py.
"""

import json
import queue
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from tests.bench import chromium
from tests.bench.server import Site

RELAUNCHES = 3
"""How often a page's rows are taken up again in a new browser."""


@dataclass(frozen=True)
class Task:
    """What one page is to do."""

    engine: str  # ours, wllama
    model: str  # as the user named it
    path: str  # of the URL
    rows: tuple[str, ...]
    context: int
    tokens: int
    repeats: int
    row_seconds: float
    """After this a row is not repeated further."""
    options: dict[str, object] = field(default_factory=dict)
    """For client.js's start, or for the peer's load."""
    software: bool = False

    def query(self, rows: Sequence[str]) -> str:
        """The page below the site's root."""
        values: dict[str, object] = {
            "engine": self.engine, "model": self.path, "rows": ",".join(rows),
            "context": self.context, "tokens": self.tokens, "repeats": self.repeats,
            "seconds": self.row_seconds, "options": json.dumps(self.options),
        }  # fmt: skip
        if self.software:
            values["software"] = 1
        return f"tests/bench/page/bench.html?{urlencode(values)}"


@dataclass(frozen=True)
class Limits:
    """Seconds: of a page with all its browsers, and between two reports."""

    page: float
    silence: float


ADAPTER = "adapter"
"""The row of what fails before there is a GPU: no other page of the run would fare better."""


class Failure(Exception):
    """A row did not come to its end; the message says why."""

    def __init__(self, row: str, message: str) -> None:
        super().__init__(message)
        self.row = row


class Visitor:
    """Runs tasks, one browser after the other."""

    def __init__(
        self, site: Site, browser: str, gpu: str, limits: Limits, say: Callable[[str], None]
    ) -> None:
        self._site, self._browser, self._flags = site, browser, chromium.GPU[gpu]
        self._limits, self._say = limits, say

    def run(self, task: Task) -> dict[str, Any]:
        """Every row of a task that could be had, and an error for each other one."""
        started = time.monotonic()
        result: dict[str, Any] = {
            "engine": task.engine, "model": task.model, "options": task.options,
            "adapter": "", "features": [], "rows": {}, "errors": [],
        }  # fmt: skip
        left = list(task.rows)
        for _ in range(1 + RELAUNCHES):
            failure = self._visit(task, left, result, started + self._limits.page)
            left = [row for row in left if row not in result["rows"]]
            if failure is None:
                break
            self._say(f"  {failure.row}: FAILED: {failure}")
            result["errors"].append({"row": failure.row, "message": str(failure)})
            if failure.row in left:
                left.remove(failure.row)
            hopeless = "load" not in result["rows"]
            if not left or hopeless or time.monotonic() - started > self._limits.page:
                break
        if left:
            result["errors"].append({"row": ", ".join(left), "message": "not reached"})
        result["seconds"] = round(time.monotonic() - started, 1)
        return result

    def _visit(
        self, task: Task, rows: Sequence[str], result: dict[str, Any], deadline: float
    ) -> Failure | None:
        """One browser; what ended it early, if anything did."""
        while not self._site.reports.empty():  # from a browser that was killed
            self._site.reports.get_nowait()
        row = ADAPTER
        url = self._site.url + task.query(rows)
        with chromium.opened(self._browser, self._flags, url) as browser:
            while True:
                try:
                    report = self._next(browser, deadline)
                except TimeoutError as error:
                    return Failure(row, str(error))
                if report["k"] == "begin":
                    row = report["row"]
                elif report["k"] == "row":
                    if report["row"] == "memory":
                        report |= chromium.renderer_memory(browser.pid)
                    result["rows"].setdefault(report["row"], report)
                    self._say(f"  {describe(report)}")
                elif report["k"] == "adapter":
                    result["adapter"], result["features"] = report["name"], report["features"]
                    self._say(f"  adapter: {report['name']}")
                elif report["k"] == "error":
                    result.setdefault("traces", []).append(report["trace"])
                    return Failure(row, report["message"])
                else:
                    return None

    def _next(self, browser: "subprocess.Popen[bytes]", deadline: float) -> dict[str, Any]:
        """The page's next report.

        Raises:
            TimeoutError: it does not come.
        """
        silent = time.monotonic() + self._limits.silence
        while True:
            try:
                return self._site.reports.get(timeout=0.2)
            except queue.Empty:
                now = time.monotonic()
            if browser.poll() is not None:
                raise TimeoutError(f"the browser ended with status {browser.returncode}")
            if now > deadline:
                raise TimeoutError(f"the page took more than {self._limits.page:g} s")
            if now > silent:
                raise TimeoutError(f"no answer for {self._limits.silence:g} s")


def describe(report: dict[str, Any]) -> str:
    """A line for those who wait."""
    if "replies" in report:
        if report["row"].startswith("decode"):
            rates = [f"{one['decoded'] / max(one['s'], 1e-9):.1f}" for one in report["replies"]]
            gap = max(1e3 * one["gap"] for one in report["replies"])
            burst = max(one["burst"] for one in report["replies"])
            seen = f"at most {gap:.1f} ms between two, {burst} at once"
            return f"{report['row']}: {' '.join(rates)} tokens/s, {seen}"
        times = [f"{1e3 * one['ttft']:.1f}" for one in report["replies"]]
        return f"{report['row']}: first token after {' '.join(times)} ms"
    numbers = {name: value for name, value in report.items() if isinstance(value, int | float)}
    return f"{report['row']}: {', '.join(f'{name} {v:.4g}' for name, v in numbers.items())}"
