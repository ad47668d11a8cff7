"""Measure this engine, and a peer beside it, on this machine's GPU.

    python3 build.py bench                        the default plan, with the peer, in Chromium
    python3 build.py bench --model FILE --peer none
    python3 build.py bench --host native          through wgpu-py
    python3 build.py bench --software --quick --model tiny:Q4_K    whether it works at all
    python3 build.py bench --pack DIR             a folder for a machine with Chromium and Python
    python3 build.py bench --picture RESULTS.json tests/bench/speed.svg from a run's results
    python3 build.py bench --serve                only serve the pages, for a browser by hand

A model is a GGUF file or SHAPE:TYPE, random weights of a real model's shape (models.py). Figures
go to the terminal and to OUT: results.json, table.md, results.csv. They are written after each
page, so that a run that is cut short keeps what it had. Standard library, Python 3.10.
"""

import argparse
import asyncio
import hashlib
import json
import os
import platform
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

from py_engine.hosts.static import threaded
from tests.bench import chromium, facts, models, peer, report
from tests.bench.figures import figures
from tests.bench.server import Site
from tests.bench.visit import ADAPTER, Limits, Task, Visitor

TOP = Path(__file__).resolve().parents[2]
DIST = TOP / "dist"
MODELS = ("qwen3-0.6b:Q4_K", "llama-1b:Q4_K", "qwen3-0.6b:Q8_0")
FULL = {
    "prompts": (16, 128, 512, 2048), "contexts": (16, 512, 4096, 8192), "followup": 512,
    "tokens": 128, "peer_tokens": 64, "repeats": 3,
}  # fmt: skip
QUICK = {
    "prompts": (16, 64), "contexts": (16,), "followup": 64,
    "tokens": 8, "peer_tokens": 8, "repeats": 1,
}  # fmt: skip
"""What the command line does not say."""
SPARE = 72  # positions of the cache for the words of a follow-up turn, and some


def sizes(text: str) -> tuple[int, ...]:
    """`16,512` as numbers."""
    return tuple(int(word) for word in text.split(",") if word)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    out = argparse.ArgumentParser(
        prog="bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = out.add_argument
    add("--model", nargs="+", default=MODELS, help="FILE or SHAPE:TYPE (%(default)s)")
    add("--peer", choices=("wllama", "none"), default="wllama")
    add("--peer-options", type=json.loads, default={}, help="JSON for the peer's loadModel")
    add("--host", choices=("browser", "native"), default="browser")
    add("--prompts", type=sizes, help="tokens, for prefill (16,128,512,2048)")
    add("--contexts", type=sizes, help="tokens, for decode (16,512,4096,8192)")
    add("--followup", type=int, help="tokens before a follow-up turn (512)")
    add("--tokens", type=int, help="of a timed reply (128)")
    add("--peer-tokens", type=int, help="of one of the peer's (64)")
    add("--repeats", type=int, help="of a row on a page (3)")
    add("--row-seconds", type=float, default=5, help="then a row repeats no more (%(default)s)")
    add("--tune", action="store_true", help="let ours try tilings when it loads")
    add("--withhold", action="append", default=[], metavar="FEATURE[,FEATURE]",
        help="one more page without these WebGPU features; may be given several times")  # fmt: skip
    add("--gpu", choices=chromium.GPU, help="Chromium's flags for the GPU")
    add("--software", action="store_true", help="SwiftShader, on the CPU: no figure counts")
    add("--chromium", help="its path; else $CHROME, else one on the PATH")
    add("--page-seconds", type=float, default=150, help="of one page (%(default)s)")
    add("--silence", type=float, default=60, help="seconds without a report (%(default)s)")
    add("--seconds", type=float, help="after so many, no further page is begun")
    add("--quick", action="store_true", help="few and short rows, once each")
    add("--out", type=Path, default=TOP / "build/bench", help="folder (%(default)s)")
    add("--models", type=Path, default=TOP / "build/models", help="where random ones are kept")
    add("--serve", action="store_true", help="serve the pages until Ctrl+C")
    add("--pack", type=Path, metavar="DIR")
    add("--picture", type=Path, metavar="RESULTS.json")
    return out


class Run:
    """One run: its models, its pages in order, its results."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.results: list[dict[str, Any]] = []
        self.started = time.monotonic()
        self.about: dict[str, Any] = {
            "date": time.strftime("%Y-%m-%d"),
            "machine": f"{platform.platform()}, {os.cpu_count()} cores",
            "build": build_of(options.host),
            "peer": f"wllama {peer.version()}",
            "command": sys.argv[1:],
        }
        self.paths = self._models()
        self.facts = {spec: facts.read(path) for spec, path in self.paths.items()}

    def _models(self) -> dict[str, Path]:
        """The file of each model, made if it is a random one."""
        found = {spec: Path(spec) for spec in self.options.model}
        made = [spec for spec, path in found.items() if not path.is_file()]
        for spec in made:
            models.parse(spec)
        folder = self.options.models
        with ProcessPoolExecutor(max_workers=min(4, os.cpu_count() or 1)) as pool:
            paths = pool.map(models.ensure, [folder] * len(made), made)
            for spec, path in zip(made, paths, strict=True):
                found[spec] = path
                self.say(f"{path.name}: {path.stat().st_size / 1e6:.0f} MB")
        return found

    def say(self, line: str) -> None:
        """Progress, with the seconds since the start."""
        print(f"[{time.monotonic() - self.started:6.1f}] {line}", flush=True)

    def rows(self, spec: str) -> tuple[str, ...]:
        """The rows that the model's context has room for."""
        wanted = [
            *(f"prefill:{n}" for n in self.options.prompts), f"followup:{self.options.followup}",
            *(f"decode:{n}" for n in self.options.contexts), "memory",
        ]  # fmt: skip
        fitting = []
        for row in wanted:
            needed = _needed(row, self.options.tokens)
            if needed <= self.facts[spec].context:
                fitting.append(row)
            else:
                self.say(f"{spec}: {row} is left out: the context is {self.facts[spec].context}")
        return tuple(fitting)

    def tasks(self) -> list[Task]:
        """Every page in order: ours, the peer, ours; with the next model the peer is first."""
        tasks = []
        for i, spec in enumerate(self.paths):
            rows = self.rows(spec)
            ours = self._task("ours", spec, rows)
            pages = [ours]
            if self.options.peer != "none" and self.options.host == "browser":
                # The browser collects garbage before it tells: a minute, beside the peer's 2.6 GB.
                other = self._task("wllama", spec, tuple(row for row in rows if row != "memory"))
                pages = [other, ours] if i % 2 else [ours, other, ours]
            for features in self.options.withhold:
                pages.append(self._task("ours", spec, rows, features.split(",")))
            tasks += pages
        return tasks

    def _task(
        self,
        engine: str,
        spec: str,
        rows: tuple[str, ...],
        withhold: Sequence[str] = (),
    ) -> Task:
        options = self.options
        theirs = engine == "wllama"
        needed = max(_needed(row, options.tokens) for row in rows)
        return Task(
            engine=engine,
            model=spec,
            path=f"/models/{self.paths[spec].name}",
            rows=rows,
            context=min(-(-needed // 256) * 256, self.facts[spec].context),
            tokens=options.peer_tokens if theirs else options.tokens,
            repeats=options.repeats,
            row_seconds=options.row_seconds,
            options=options.peer_options
            if theirs
            else {"withhold": list(withhold), "tune": options.tune},
            software=options.software,
        )

    def keep(self) -> str:
        """Write what there is so far; the table."""
        out = self.options.out
        out.mkdir(parents=True, exist_ok=True)
        known = {spec: asdict(fact) for spec, fact in self.facts.items()}
        data = {**self.about, "models": known, "pages": self.results}
        numbers = figures(self.results, self.facts)
        text = report.table(numbers, self.facts, self.results)
        lines = report.csv_text(numbers, self.results, self.about["date"], self.about["build"])
        for name, content in {
            "results.json": json.dumps(data, indent=1) + "\n", "table.md": text,
            "results.csv": lines,
        }.items():  # fmt: skip
            (out / name).write_text(content, encoding="utf-8")
        return text

    def hopeless(self) -> bool:
        """Whether the last page found no GPU, as any other would; says so."""
        found = [e["message"] for e in self.results[-1]["errors"] if e["row"] == ADAPTER]
        for message in found:
            self.say(f"the run ends: {message}")
        return bool(found)

    def in_time(self, task: Task) -> bool:
        """Whether another page may begin; says so where not."""
        late = self.options.seconds and time.monotonic() - self.started > self.options.seconds
        if late:
            self.say(f"{task.engine}, {task.model}: left out, the time is up")
        return not late


def build_of(host: str) -> str:
    """A name for what is measured: the build id of dist/, or natively a hash of the sources."""
    if host == "browser":
        return str(json.loads((DIST / "build.json").read_text(encoding="utf-8"))["build"])
    known = hashlib.sha256()
    for file in sorted([*TOP.glob("py_engine/**/*.py"), *TOP.glob("shaders/**/*.wgsl")]):
        known.update(file.read_bytes())
    return known.hexdigest()[:16]


def _needed(row: str, tokens: int) -> int:
    """Positions of the cache that a row takes."""
    kind, _, at = row.partition(":")
    return int(at or 0) + (tokens if kind == "decode" else SPARE)


def mounts(run: Run) -> dict[str, Path]:
    """What the pages may fetch, by prefix."""
    found = {"/web/": DIST, "/tests/bench/page/": TOP / "tests/bench/page"}
    if run.options.peer != "none":
        found["/wllama/"] = peer.folder()
    return found


def in_browser(run: Run) -> None:
    """All pages, one browser after the other."""
    options = run.options
    browser = chromium.find(options.chromium)
    gpu = options.gpu or ("swiftshader" if options.software else chromium.usual_gpu())
    run.about |= {"chromium": chromium.version(browser), "gpu": gpu}
    run.say(f"{run.about['chromium'] or browser}, flags for {gpu}")
    limits = Limits(options.page_seconds, options.silence)
    with threaded(Site(mounts(run))) as site:
        show(site, run)
        visitor = Visitor(site, browser, gpu, limits, run.say)
        for task in run.tasks():
            if run.in_time(task):
                run.say(f"{task.engine}, {task.model} {task.options or ''}")
                run.results.append(visitor.run(task))
                run.keep()
                if run.hopeless():
                    return


def show(site: Site, run: Run) -> None:
    """Let the site give out the models."""
    for path in run.paths.values():
        site.files[f"/models/{path.name}"] = path.resolve()


def in_process(run: Run) -> None:
    """All tasks through the native host.

    Raises:
        ValueError: what it imports is not there.
    """
    try:
        from tests.bench import native
    except ImportError as error:
        needed = "Python 3.11 with jinja2, tokenizers and wgpu, as pyproject.toml has them"
        raise ValueError(f"the native host needs {needed} ({error})") from error
    for task in run.tasks():
        if run.in_time(task):
            run.say(f"native, {task.model} {task.options}")
            run.results.append(asyncio.run(native.run(task, run.paths[task.model], run.say)))
            run.keep()
            if run.hopeless():
                return


def by_hand(run: Run) -> None:
    """Serve the pages, say where they are, print what they report."""
    with threaded(Site(mounts(run))) as site:
        show(site, run)
        for task in run.tasks():
            print(site.url + task.query(task.rows), flush=True)
        try:
            while True:
                print(json.dumps(site.reports.get()), flush=True)
        except KeyboardInterrupt:
            pass


def options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line, read and filled up."""
    given = parser().parse_args(arguments)
    for name, value in (QUICK if given.quick else FULL).items():
        if getattr(given, name) is None:
            setattr(given, name, value)
    return given


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; the exit status."""
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]  # Windows: × and ≥
    given = options(arguments)
    try:
        return _do(given)
    except (OSError, ValueError) as error:
        sys.exit(f"bench: {error}")


def _do(given: argparse.Namespace) -> int:
    if given.picture:
        from tests.bench import picture

        print(picture.write(given.picture))
        return 0
    if given.pack:
        from tests.bench import pack

        print(pack.write(given.pack))
        return 0
    run = Run(given)
    if given.serve:
        by_hand(run)
        return 0
    (in_process if given.host == "native" else in_browser)(run)
    print(f"\n{run.keep()}")
    ours = [result for result in run.results if result["engine"] != "wllama"]
    return int(not ours or any(result["errors"] for result in ours))


if __name__ == "__main__":
    sys.exit(main())
