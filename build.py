#!/usr/bin/env python3
"""Set-up and every daily command of Inferaived, with Python's standard library only.

    python3 build.py serve    install what the page needs, build dist/, serve it
    python3 build.py dist     build dist/, the static site; --check builds it elsewhere and compares
    python3 build.py wheel    make wheels/: the engine, and the built page with the demo model
    python3 build.py test     install what the tests need, run every tier (or those that are named)
    python3 build.py check    linters, formatter and type checkers, as CI runs them
    python3 build.py lock     renew requirements.lock after a change of pyproject.toml; --upgrade
    python3 build.py bench    measure this machine's GPU, with a peer beside; --help has the rest

What is installed is what requirements.lock and package-lock.json say, with their hashes, into
.venv/ and node_modules/; a second run finds it there and installs nothing. This file knows
nothing of models or GPUs; the server is py_engine/hosts/static.py.
"""

import platform
import sys

if sys.version_info < (3, 11):  # noqa: UP036 (this is where an older Python is told so)
    sys.exit(f"build.py: this is Python {platform.python_version()}; 3.11 or later is needed")

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import tomllib
import urllib.request
import venv
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from bundle import wheels, zips

ROOT = Path(__file__).resolve().parent
DIST = ROOT / "dist"
WHEELS = ROOT / "wheels"
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
LOCK = ROOT / "requirements.lock"
TIERS = ("unit", "gpu", "model", "browser")
PIP_INSTALL = ("-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-deps")
MIN_NODE = 20

LIBRARIES = {
    "npm/tokenizers.min.mjs": "@huggingface/tokenizers/dist/tokenizers.min.mjs",
    "npm/marked.esm.js": "marked/lib/marked.esm.js",
}
"""Files of dist/ that come from node_modules/ as they are."""
PYODIDE = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm")

# Debian's Python comes without ensurepip; then pip comes from PyPI, and is checked.
PIP_WHEEL = (
    "https://files.pythonhosted.org/packages/07/25/"
    "ee8c38ae72d66b844ce8eb9711ba905dba21ca1a8a0c960057c41cd23337/pip-26.3-py3-none-any.whl"
)
PIP_SHA256 = "f3b60b20ffaadd4415ed7957212a38ac63fa4c5fa375bd0f4a797777940fad13"
UV = "uv==0.13.9"  # resolves for all platforms at once; [tool.uv.pip] has its settings


# ---- installing


def run(*command: object, **env: str) -> None:
    """Run a command in the root of the repository; ends the program if it fails."""
    print("+", *command, flush=True)
    status = subprocess.call([*map(str, command)], cwd=ROOT, env={**os.environ, **env})
    if status:
        sys.exit(f"build.py: this ended with status {status}: {' '.join(map(str, command))}")


def works(*command: object) -> bool:
    """Whether a command exists and ends with status 0; its output is dropped."""
    try:
        subprocess.run([*map(str, command)], capture_output=True, check=True, timeout=600)
    except (OSError, subprocess.SubprocessError):
        return False
    return True


def install_python(*sections: str) -> None:
    """Bring .venv to what the named sections of requirements.lock say."""
    if not works(PYTHON, "-c", "import pip"):
        create_venv()
    for section in ("run", *sections):
        text = lock_section(section)
        stamp = VENV / f".installed-{section}"
        wanted = digest(f"{sys.version}\n{VENV}\n{text}".encode())
        if stamp.is_file() and stamp.read_text() == wanted:
            continue
        with tempfile.TemporaryDirectory() as folder:
            pins = Path(folder) / f"{section}.txt"
            pins.write_text(text)
            run(PYTHON, *PIP_INSTALL, "--require-hashes", "-r", pins)
        if section == "run":
            # The command `inferaived`. setuptools warns that an editable install is one.
            run(PYTHON, *PIP_INSTALL, "--no-build-isolation", "-e", ".", PYTHONWARNINGS="ignore")
        stamp.write_text(wanted)


def create_venv() -> None:
    """Make .venv with pip in it, also where Python came without ensurepip (Debian, Ubuntu)."""
    print(f"making {VENV.name} for Python {platform.python_version()}", flush=True)
    shutil.rmtree(VENV, ignore_errors=True)
    if works(sys.executable, "-m", "venv", VENV):
        return
    venv.create(VENV, clear=True, symlinks=os.name != "nt", with_pip=False)
    wheel = VENV / PIP_WHEEL.rpartition("/")[2]
    try:
        with urllib.request.urlopen(PIP_WHEEL, timeout=60) as answer:
            wheel.write_bytes(answer.read())
    except OSError as error:
        shutil.rmtree(VENV)
        hint = "Install it (Debian, Ubuntu: sudo apt install python3-venv) and try again."
        sys.exit(f"build.py: this Python has no pip, and PyPI did not answer ({error}). {hint}")
    if digest(wheel.read_bytes()) != PIP_SHA256:
        sys.exit(f"build.py: {PIP_WHEEL} is not the file that was expected")
    run(PYTHON, wheel / "pip", "install", "-q", "--no-index", wheel)


def install_node(*, dev: bool = False) -> None:
    """Bring node_modules to what package-lock.json says; `dev` adds the checkers."""
    npm, node = shutil.which("npm"), shutil.which("node")
    hint = f"Node.js {MIN_NODE} or later with npm is needed: https://nodejs.org/en/download"
    if not npm or not node:
        sys.exit(f"build.py: {'npm' if node else 'Node.js'} was not found. {hint}")
    version = subprocess.check_output([node, "--version"], text=True).strip()
    if int(re.sub(r"^v(\d+).*", r"\1", version) or 0) < MIN_NODE:
        sys.exit(f"build.py: this is Node.js {version}. {hint}")
    stamp = ROOT / "node_modules/.installed"
    wanted = digest((ROOT / "package-lock.json").read_bytes())
    found = stamp.read_text().split() if stamp.is_file() else []
    if wanted not in found or (dev and "dev" not in found):
        scope = [] if dev else ["--omit=dev"]
        run(npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", *scope)
        stamp.write_text(f"{wanted} dev" if dev else wanted)


def lock_section(name: str) -> str:
    """The pins below the line `# [name]` of requirements.lock."""
    sections = re.split(r"^# \[(\w+)\].*\n", LOCK.read_text(), flags=re.M)
    return sections[sections.index(name) + 1]


def digest(data: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


# ---- dist: the static site


def dist(*, check: bool = False, report: bool = True) -> None:
    """Build dist/. It is replaced as a whole, and left alone where nothing changed."""
    install_python()
    install_node()
    fresh = ROOT / f"dist-{os.getpid()}"
    try:
        manifest = assemble(fresh, again=check)
        changed = differences(DIST, fresh)
        if changed and check:
            sys.exit(f"build.py: dist/ is not what the sources give: {', '.join(changed)}")
        if changed:
            shutil.rmtree(DIST, ignore_errors=True)
            fresh.rename(DIST)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    if report and not check:
        subprocess.run(["node", ROOT / "bundle/sizes.mjs", DIST], check=True)
    print(f"dist/ is build {manifest['build']}{'' if changed else ', unchanged'}", flush=True)


def assemble(out: Path, *, again: bool = False) -> dict[str, Any]:
    """Make the site in the new folder `out` and return its manifest (build.json).

    `again` makes the Python archives anew, where there are some from the same sources.
    """
    out.mkdir()
    for file in files_of(ROOT / "web"):
        copy(file, out / file.relative_to(ROOT / "web"))
    site, pyodide = site_packages(), ROOT / "node_modules/pyodide"
    for name in PYODIDE:
        copy(pyodide / name, out / "pyodide" / name)
    lock = json.loads((pyodide / "pyodide-lock.json").read_text("utf-8")) | {"packages": {}}
    (out / "pyodide/pyodide-lock.json").write_bytes(json.dumps(lock).encode())
    entries = zips.engine_files(ROOT, site)
    zips.make(pyodide / "python_stdlib.zip", entries, out / "pyodide", again=again)
    (out / "pyodide/engine.zip").rename(out / "engine.zip")
    for name, source in LIBRARIES.items():
        copy(ROOT / "node_modules" / source, out / name)
    copy(ROOT / "LICENSE", out / "licenses/inferaived.txt")
    copy(pyodide / "README.md", out / "licenses/pyodide.md")
    copy(ROOT / "node_modules/@huggingface/tokenizers/LICENSE", out / "licenses/tokenizers.txt")
    copy(ROOT / "node_modules/marked/LICENSE", out / "licenses/marked.txt")
    for name in ("jinja2", "markupsafe"):
        copy(next(site.glob(f"{name}-*.dist-info/licenses/LICENSE*")), out / f"licenses/{name}.txt")
    return write_manifest(out)


def files_of(folder: Path, pattern: str = "*") -> list[Path]:
    """All files below a folder, sorted, without hidden ones and Python's caches."""

    def hidden(file: Path) -> bool:
        return any(p[0] == "." or p == "__pycache__" for p in file.relative_to(folder).parts)

    return sorted(f for f in folder.rglob(pattern) if f.is_file() and not hidden(f))


def copy(source: Path, target: Path) -> None:
    """Copy the bytes only: no dates, no permissions."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def site_packages() -> Path:
    """Where .venv keeps its packages."""
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    return Path(subprocess.check_output([PYTHON, "-c", code], text=True).strip())


def write_manifest(out: Path) -> dict[str, Any]:
    """Write build.json: every file's size and SHA-256, and the build id, which is their hash.

    Names stay as they are written (modules import each other by name, and no step edits a
    file); what must be told apart by version is told apart by the build id.
    """
    listed = {file.relative_to(out).as_posix(): file.read_bytes() for file in files_of(out)}
    files = {name: {"sha256": digest(data), "bytes": len(data)} for name, data in listed.items()}
    build = digest(json.dumps(files, sort_keys=True).encode())[:16]
    manifest: dict[str, Any] = {"build": build, "files": files}
    text = json.dumps(manifest, indent=1, sort_keys=True) + "\n"
    (out / "build.json").write_bytes(text.encode())  # not write_text: Windows would change its ends
    return manifest


def differences(one: Path, other: Path) -> list[str]:
    """The names of the files that differ between two folders, in presence or by a byte."""
    first, second = (
        {file.relative_to(top).as_posix(): digest(file.read_bytes()) for file in files_of(top)}
        for top in (one, other)
    )
    return sorted({name for name, _ in first.items() ^ second.items()})


def wheel() -> None:
    """Make the wheels of the engine and of the page, in a new folder."""
    dist(report=False)
    shutil.rmtree(WHEELS, ignore_errors=True)
    for file in wheels.make(ROOT, DIST, WHEELS, PYTHON):
        print(f"{file.relative_to(ROOT)}   {file.stat().st_size / 1e6:.1f} MB")


def serve(host: str, port: int) -> None:
    """Build dist/ and serve it until Ctrl+C."""
    dist(report=False)
    from py_engine.hosts.static import Server, authority

    try:
        server = Server(DIST, host, port)
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or error
        where = authority(host, port)
        sys.exit(f"build.py: cannot listen on {where} ({why}); try another --host or --port")
    with server, suppress(KeyboardInterrupt):
        print(f"Inferaived is at {server.url}   (Ctrl+C ends it)", flush=True)
        server.serve_forever()


# ---- bench, test, check, lock


def bench(arguments: Sequence[str]) -> None:
    """Run tests/bench, in a browser on a current dist/; ends the program with its status."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--host")
    if parser.parse_known_args(arguments)[0].host == "native":
        install_python()
    else:
        dist(report=False)
    command = [PYTHON, "-m", "tests.bench.bench", *arguments]
    sys.exit(subprocess.call([*map(str, command)], cwd=ROOT))


def test(tiers: Sequence[str], arguments: Sequence[str]) -> None:
    """Run the tests, with what they need: a browser, a Vulkan driver, a current dist/."""
    install_python("test")
    dist(report=False)  # the browser tier runs exactly what ships
    from tests.machine import find_chromium, find_vulkan
    from tests.tiers import beside

    env = {"CHROME": find_chromium(PYTHON)} if "browser" in tiers else {}
    if set(tiers) - {"unit"}:
        find_vulkan(PYTHON)
    # The browser's tier waits for pages, the others compute: side by side they take little longer.
    groups = [tier for tier in tiers if tier != "browser"], {"browser"} & set(tiers)
    pytest = [str(PYTHON), "-m", "pytest", *arguments]
    commands = [[*pytest, *(f"tests/{tier}" for tier in group)] for group in groups if group]
    sys.exit(beside(commands, {**os.environ, **env}))


def check() -> None:
    """Run every linter and type checker; end with status 1 if one of them complains."""
    install_python("test", "check")  # mypy reads the types of what the tests use
    install_node(dev=True)
    cruise = "node_modules/dependency-cruiser/bin/dependency-cruise.mjs"
    tsc = ("node", "node_modules/typescript/bin/tsc", "--noEmit")
    tools: dict[str, tuple[str | Path, ...]] = {
        "ruff check": (PYTHON, "-m", "ruff", "check"),
        "ruff format": (PYTHON, "-m", "ruff", "format", "--check"),
        "mypy": (PYTHON, "-m", "mypy", "--strict", "py_engine", "build.py", "bundle", "demo"),
        "lint-imports": (PYTHON.with_name("lint-imports"),),
        "dependency-cruiser": ("node", cruise, "web"),
        "tsc": tsc,
        "tsc without DOM": (*tsc, "-p", "tsconfig.worker.json"),
    }
    failed = []
    for name, command in tools.items():
        print(f"== {name}", flush=True)
        if subprocess.call([*map(str, command)], cwd=ROOT):
            failed.append(name)
    if failed:
        sys.exit(f"build.py: complaints from {', '.join(failed)}")
    print(f"no complaints from {', '.join(tools)}")


def lock(*, upgrade: bool) -> None:
    """Resolve pyproject.toml for all platforms and Pythons, and write requirements.lock.

    What is locked stays so while pyproject.toml allows it, unless it is to be upgraded.
    """
    install_python()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    text = "# Every Python package, for every platform: `python3 build.py lock` wrote it.\n"
    known: set[str] = set()
    with tempfile.TemporaryDirectory() as folder:
        top = Path(folder)
        run(PYTHON, *PIP_INSTALL, "--target", top, UV)
        (top / "backend.in").write_text("\n".join(project["build-system"]["requires"]))
        if not upgrade:
            shutil.copyfile(LOCK, top / "check")  # uv keeps the pins of a file that is there
        uv = [top / "bin/uv", "-q", "pip", "compile", "pyproject.toml", top / "backend.in"]
        run(*uv, "--extra=test", "--extra=check", "-o", top / "check")
        run(*uv, "--extra=test", "-o", top / "test", "-c", top / "check")
        run(*uv, "-o", top / "run", "-c", top / "check")
        for section in ("run", "test", "check"):
            text += f"\n# [{section}]\n"
            for pin in re.finditer(r"^(\S+==\S+).*\n(?: .*\n)*", (top / section).read_text(), re.M):
                if pin[1] not in known:  # elsewhere it may have other markers
                    text += pin[0]
                known.add(pin[1])
    LOCK.write_text(text)


def main() -> None:
    """Read the command line and do what it says."""
    words = sys.argv[1:]
    at = words.index("--") if "--" in words else len(words)
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    one = commands.add_parser("serve", help="install, build dist/ and serve the page")
    one.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    one.add_argument("--port", type=int, default=8000, help="port (%(default)s); 0: a free one")
    one = commands.add_parser("dist", help="build dist/, the static site")
    one.add_argument("--check", action="store_true", help="build it elsewhere and compare")
    commands.add_parser("wheel", help="make the wheels of the engine and of the page")
    one = commands.add_parser("test", help="run the tests; what follows -- goes to pytest")
    one.add_argument(
        "tiers", nargs="*", choices=[*TIERS, []], metavar="TIER", help=", ".join(TIERS)
    )
    commands.add_parser("check", help="run linters and type checkers")
    one = commands.add_parser("lock", help="renew requirements.lock")
    one.add_argument("--upgrade", action="store_true", help="to the latest versions, too")
    commands.add_parser("bench", help="measure speed; --help has the rest", add_help=False)
    if words[:1] == ["bench"]:  # it has a command line of its own
        bench(words[1:])
    options = parser.parse_args(words[:at])
    if options.command == "serve":
        serve(options.host, options.port)
    elif options.command == "dist":
        dist(check=options.check)
    elif options.command == "test":
        test(options.tiers or TIERS, words[at + 1 :])
    elif options.command == "lock":
        lock(upgrade=options.upgrade)
    else:
        {"check": check, "wheel": wheel}[options.command]()


if __name__ == "__main__":
    main()
