"""A folder for a machine that has Chromium and Python 3.10, and nothing else can be installed.

It holds the built site, the peer, the pages and this harness: what a run in the browser needs;
and the engine, for the native host where its packages are. Models are made there.
"""

import shutil
from pathlib import Path

from tests.bench import peer

TOP = Path(__file__).resolve().parents[2]
PAGES = ("bench.html", "run.js", "measure.js", "ours.js", "wllama.js")

START = '''"""Measure Inferaived on this machine: see README.md."""

import sys

from tests.bench.bench import main

if __name__ == "__main__":  # the models are made in processes that import this file
    sys.exit(main())
'''
README = """\
# Inferaived: measuring on this machine

Needed: Chromium or Chrome, and Python 3.10 or later. Nothing is installed, nothing is fetched.
`--host native` needs no browser, but Python 3.11 and what pyproject.toml has as dependencies.

    CHROME=/path/to/chromium python3 bench.py --gpu nvidia-f16

`--gpu` chooses Chromium's flags: `nvidia-f16` (NVIDIA on Linux, with shader-f16), `vulkan` (Linux),
`default` (macOS, Windows), `swiftshader` (with `--software`: the CPU; no figure counts).
On a machine where the Vulkan driver is not where it is looked for, set LD_LIBRARY_PATH and
VK_ICD_FILENAMES before. `python3 bench.py --help` names the rest; figures go to build/bench/.
"""


def write(folder: Path) -> str:
    """Fill `folder`, which must be new or empty; what was done, in a sentence.

    Raises:
        FileExistsError: it holds something.
    """
    if folder.exists() and any(folder.iterdir()):
        raise FileExistsError(f"{folder} is not empty")
    harness(folder)
    shutil.copytree(TOP / "dist", folder / "dist")
    esm = peer.folder()
    for name in ("index.js", "wasm/wllama.wasm"):
        target = folder / "wllama" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(esm / name, target)
    shutil.copyfile(esm.parent / "LICENCE", folder / "wllama/LICENCE")
    nbytes = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    return f"{folder}: {nbytes / 1e6:.1f} MB; python3 {folder / 'bench.py'} runs it"


def harness(folder: Path) -> None:
    """Put all into `folder` but the site and the peer: enough for the native host."""
    here = TOP / "tests/bench"
    _copy([*TOP.glob("py_engine/**/*.py"), *TOP.glob("shaders/**/*.wgsl")], folder)
    _copy([TOP / "tests/__init__.py", TOP / "pyproject.toml"], folder)
    _copy([*here.glob("*.py"), here / "package.json"], folder)
    _copy([here / "page" / name for name in PAGES], folder)
    (folder / "bench.py").write_text(START, encoding="utf-8")
    (folder / "README.md").write_text(README, encoding="utf-8")


def _copy(files: "list[Path]", folder: Path) -> None:
    for file in files:
        target = folder / file.relative_to(TOP)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)
