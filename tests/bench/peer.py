"""The peer's files: wllama from npm, at the version and hash of package-lock.json here.

Only a bench run installs it, below build/; a packed folder brings it along.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOP = HERE.parents[1]
PACKED = TOP / "wllama"
INSTALLED = TOP / "build/peer"


def version() -> str:
    """Of the package, as package.json pins it."""
    package = json.loads((HERE / "package.json").read_text(encoding="utf-8"))
    return str(package["dependencies"]["@wllama/wllama"])


def folder() -> Path:
    """Where the package's esm/ lies; npm installs it if need be, or the program ends."""
    if PACKED.is_dir():
        return PACKED
    esm = INSTALLED / "node_modules/@wllama/wllama/esm"
    lock = INSTALLED / "package-lock.json"
    wanted = (HERE / lock.name).read_bytes()
    if not esm.is_dir() or not lock.is_file() or lock.read_bytes() != wanted:
        npm = shutil.which("npm")
        if not npm:
            sys.exit("bench: npm is needed to install the peer; without it: --peer none")
        INSTALLED.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(HERE / "package.json", INSTALLED / "package.json")
        shutil.copyfile(HERE / lock.name, lock)
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        if subprocess.call(command, cwd=INSTALLED):
            sys.exit("bench: the peer could not be installed; without it: --peer none")
    return esm
