"""The wheels, installed away from the checkout: the demo answers on both hosts."""

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

import build
from bundle import wheels
from tests.machine import find_chromium

PIP = (sys.executable, "-m", "pip", "-q", "--disable-pip-version-check")
PLAYWRIGHT = {"playwright", "greenlet", "pyee"}
"""What of the section [test] `--host browser` needs."""
SDIST = "from setuptools import build_meta; build_meta.build_sdist({!r})"


@pytest.fixture(scope="module")
def made(site: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The wheels of the engine and of the page."""
    out = tmp_path_factory.mktemp("wheels")
    return wheels.make(build.ROOT, site, out, Path(sys.executable))


@pytest.fixture(scope="module")
def installed(made: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of a fresh virtual environment with the wheels and what is locked for them."""
    top = tmp_path_factory.mktemp("away")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", top / "venv"], check=True)
    folder = top / "venv" / build.PYTHON.parent.name
    pins = re.findall(r"^\S+==.*\n(?: .*\n)*", build.lock_section("test"), re.M)
    needed = [pin for pin in pins if pin.partition("==")[0] in PLAYWRIGHT]
    (top / "pins.txt").write_text(build.lock_section("run") + "".join(needed))
    pip = (*PIP, "--python", str(folder / build.PYTHON.name))
    locked = ("--no-deps", "--require-hashes", "-r", str(top / "pins.txt"))
    subprocess.run([*pip, "install", *locked], check=True)
    subprocess.run([*pip, "install", "--no-deps", "--no-index", *made], check=True)
    subprocess.run([*pip, "check"], check=True)  # the locked versions lie in the wheel's ranges
    return folder


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_engines_wheel_is_small_pure_and_whole(made: list[Path]) -> None:
    engine, page = made
    assert engine.name.endswith("-py3-none-any.whl") and page.name.endswith("-py3-none-any.whl")
    assert engine.stat().st_size < 400_000
    files = contents(engine)
    ours = {f.relative_to(build.ROOT): f for f in (build.ROOT / "py_engine").rglob("*.py")}
    shaders = {
        "py_engine" / f.relative_to(build.ROOT): f for f in (build.ROOT / "shaders").rglob("*.wgsl")
    }
    wanted = {name.as_posix(): file.read_bytes() for name, file in (ours | shaders).items()}
    assert wanted | {"py_engine/py.typed": b""} == {
        name: data for name, data in files.items() if ".dist-info/" not in name
    }


def test_the_pages_wheel_is_the_site(made: list[Path], site: Path) -> None:
    files = contents(made[1])
    for file in build.files_of(site):
        name = file.relative_to(site).as_posix()
        assert files[f"inferaived_page/dist/{name}"] == file.read_bytes()
    licences = {name.rpartition("/")[2] for name in files if "dist-info/licenses/" in name}
    assert {"inferaived.txt", "pyodide.md", "jinja2.txt"} <= licences


def test_a_source_archive_gives_the_same_wheel(made: list[Path], tmp_path: Path) -> None:
    wheels.copy_sources(build.ROOT, tmp_path / "copy")
    make = [sys.executable, "-W", "ignore", "-c", SDIST.format(str(tmp_path))]
    subprocess.run(make, cwd=tmp_path / "copy", check=True, capture_output=True)
    (archive,) = tmp_path.glob("*.tar.gz")
    options = ("--no-deps", "--no-index", "--no-build-isolation", "-w", str(tmp_path))
    subprocess.run([*PIP, "wheel", *options, str(archive)], check=True)
    (again,) = tmp_path.glob("*.whl")
    assert contents(again) == contents(made[0])


def run(
    installed: Path, *words: str | bytes, empty: Path, status: int = 0, given: bytes = b""
) -> tuple[str, str]:
    """What the installed command writes to standard output and standard error."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    env |= {"CHROME": os.environ.get("CHROME") or find_chromium(Path(sys.executable))}
    done = subprocess.run(
        [installed / "inferaived", *words],
        cwd=empty, env=env, input=given, capture_output=True, timeout=300, check=False,
    )  # fmt: skip
    out, err = done.stdout.decode(), done.stderr.decode()
    assert done.returncode == status, err
    return out, err


def test_the_demo_answers_on_both_hosts(installed: Path, tmp_path: Path) -> None:
    where = "import py_engine, inferaived_page as p; print(py_engine.__file__, p.__file__)"
    python = installed / build.PYTHON.name
    found = subprocess.check_output([python, "-c", where], cwd=tmp_path, text=True).split()
    assert all(Path(file).is_relative_to(installed.parent) for file in found)
    options = ("--temperature", "0", "--max-tokens", "12", "--no-tune", "--json")
    texts = set()
    for host in ("native", "browser"):
        out, _ = run(
            installed, "ask", "demo", "What are you?", "--host", host, *options, empty=tmp_path
        )
        told = json.loads(out)
        assert told["host"] == host
        texts.add(told["text"])
    assert len(texts) == 1 and "Inferaived" in texts.pop()
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(os.name == "nt", reason="a command line of Windows is UTF-16")
def test_text_that_is_not_utf8_is_the_same_on_both_hosts(installed: Path, tmp_path: Path) -> None:
    """On the command line, in a file, on standard input and in JSON it becomes U+FFFD."""
    broken = b"caf\xe9 \xe2\x82 \xff"
    (tmp_path / "text").write_bytes(broken)
    (tmp_path / "cases").write_text(r'["half \ud83d", "whole \ud83d\ude42"]')

    def told(*words: str | bytes, given: bytes = b"") -> Any:
        return json.loads(run(installed, *words, empty=tmp_path, given=given)[0])

    ids = told("tokenize", "demo", broken.decode(errors="replace"))
    assert told("tokenize", "demo", broken) == ids
    assert told("tokenize", "demo", broken, "--host", "browser") == ids
    assert told("tokenize", "demo", "--file", "text") == ids
    assert told("tokenize", "demo", "--cases", "cases")[0] == told(
        "tokenize", "demo", "half \ufffd"
    )
    asked = ("--raw", "--json", "--max-tokens", "1", "--no-tune", "--stop", b"\xff")
    assert told("ask", "demo", "-", *asked, given=broken)["prompt_ids"][-len(ids) :] == ids


@pytest.mark.skipif(sys.platform != "linux", reason="file names are Unicode elsewhere")
def test_a_file_whose_name_is_not_utf8_is_opened_on_both_hosts(
    installed: Path, site: Path, tmp_path: Path
) -> None:
    name = b"mod\xe8le.gguf"
    (tmp_path / os.fsdecode(name)).symlink_to(site / "models/demo.gguf")
    seen = [
        json.loads(run(installed, "inspect", name, "--host", host, empty=tmp_path)[0])
        for host in ("native", "browser")
    ]
    assert seen[0] == seen[1]


def test_without_the_page_it_says_what_is_missing(installed: Path, tmp_path: Path) -> None:
    package = next(installed.parent.rglob("inferaived_page"))
    package.rename(package.with_name("put_away"))
    try:
        for words in (("inspect", "demo"), ("inspect", "m.gguf", "--host", "browser")):
            out, err = run(installed, *words, empty=tmp_path, status=1)
            assert out == "" and "inferaived-page" in err and "Traceback" not in err
    finally:
        package.with_name("put_away").rename(package)
