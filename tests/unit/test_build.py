"""build.py and the static server: what ships is complete, reproducible, runs; what is refused."""

import ast
import http.client
import json
import os
import posixpath
import re
import subprocess
import sys
import tomllib
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import build
from bundle import zips
from py_engine.hosts.static import Server, running

ROOT = Path(__file__).parents[2]
BROWSER_ONLY = {"py_engine.gpu.browser", "py_engine.hosts.worker"}
POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("build") / "dist"
    build.assemble(out)
    return out


def test_same_input_gives_the_same_bytes(site: Path, tmp_path: Path) -> None:
    out = str(tmp_path / "dist")
    code = f"import build, pathlib; build.assemble(pathlib.Path({out!r}), again=True)"
    elsewhere = {**os.environ, "PYTHONHASHSEED": "7", "TZ": "Asia/Kathmandu", "LC_ALL": "C"}
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=elsewhere, check=True)
    assert build.differences(site, tmp_path / "dist") == []


def test_differences_names_what_changed(tmp_path: Path) -> None:
    for top, files in {"a": {"x": "1", "y": "1"}, "b": {"x": "2", "y": "1", "z": "1"}}.items():
        (tmp_path / top).mkdir()
        for name, text in files.items():
            (tmp_path / top / name).write_text(text)
    assert build.differences(tmp_path / "a", tmp_path / "b") == ["x", "z"]


def test_manifest_is_true(site: Path) -> None:
    manifest = json.loads((site / "build.json").read_text())
    on_disk = {
        file.relative_to(site).as_posix(): {
            "bytes": file.stat().st_size,
            "sha256": build.digest(file.read_bytes()),
        }
        for file in site.rglob("*")
        if file.is_file() and file.name != "build.json"
    }
    assert manifest["files"] == on_disk
    assert re.fullmatch("[0-9a-f]{16}", manifest["build"])


def test_build_id_follows_every_byte(tmp_path: Path) -> None:
    ids = set()
    for text in ("one", "two", "one"):
        (tmp_path / "page.js").write_text(text)
        (tmp_path / "build.json").unlink(missing_ok=True)
        ids.add(build.write_manifest(tmp_path)["build"])
    assert len(ids) == 2


def test_every_source_of_the_site_is_there(site: Path) -> None:
    names = {file.relative_to(site).as_posix() for file in site.rglob("*") if file.is_file()}
    written = {file.relative_to(ROOT / "web").as_posix() for file in build.files_of(ROOT / "web")}
    pyodide = {f"pyodide/{name}" for name in build.PYODIDE}
    made = {"engine.zip", "pyodide/python_stdlib.zip", "pyodide/pyodide-lock.json", "build.json"}
    assert written | pyodide | made | {*build.LIBRARIES} <= names
    for name in ("inferaived", "jinja2", "markupsafe", "marked"):
        assert "opyright" in (site / f"licenses/{name}.txt").read_text()


@pytest.fixture(scope="module")
def sources() -> dict[str, Path]:
    """The files of engine.zip, as source."""
    return zips.engine_files(ROOT, build.site_packages())


def test_engine_zip_has_the_engine_and_no_native_host(site: Path, sources: dict[str, Path]) -> None:
    with zipfile.ZipFile(site / "engine.zip") as archive:
        assert archive.testzip() is None
        infos = archive.infolist()
    names = [info.filename for info in infos]
    assert names == sorted(names)
    assert {info.date_time for info in infos} == {(1980, 1, 1, 0, 0, 0)}
    ours = {f.relative_to(ROOT).as_posix() for f in (ROOT / "py_engine").rglob("*.py")}
    shaders = {f.relative_to(ROOT).as_posix() for f in (ROOT / "shaders").rglob("*.wgsl")}
    wanted = (ours | shaders) - zips.NATIVE_ONLY
    tops = ("py_engine/", "shaders/")
    assert {name for name in sources if name.startswith(tops)} == wanted
    compiled = {name.replace(".py", ".pyc") for name in wanted}
    assert {name for name in names if name.startswith(tops)} == compiled
    others = [name for name in names if not name.endswith((".pyc", ".wgsl"))]
    assert others == ["python_stdlib.sha256"]


def test_another_library_makes_another_engine_zip(site: Path) -> None:
    """Python's kept memory knows where the modules lie in the library: snapshot.js's key."""
    library = (site / "pyodide/python_stdlib.zip").read_bytes()
    with zipfile.ZipFile(site / "engine.zip") as archive:
        assert archive.read("python_stdlib.sha256").decode() == build.digest(library)


def test_engine_imports_only_what_a_browser_has(sources: dict[str, Path]) -> None:
    allowed = sys.stdlib_module_names | {"jinja2", "markupsafe"}
    modules = {_module(name) for name in sources}
    for name, tree in _trees(sources, "py_engine/"):
        extra = {"js", "pyodide"} if _module(name) in BROWSER_ONLY else set()
        for imported in _imports(tree):
            if imported.startswith("py_engine"):
                parent = imported.rpartition(".")[0]
                assert imported in modules or parent in modules, f"{name} imports {imported}"
            else:
                assert imported.split(".")[0] in allowed | extra, f"{name} imports {imported}"


def _trees(sources: dict[str, Path], top: str) -> Iterator[tuple[str, ast.AST]]:
    for name, file in sources.items():
        if name.startswith(top) and name.endswith(".py"):
            yield name, ast.parse(file.read_bytes())


def _module(name: str) -> str:
    return name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def in_pyodide(site: Path, code: str) -> str:
    """What Python code prints in the Pyodide of the site, run by Node."""
    command = ["node", str(Path(__file__).with_name("in_pyodide.mjs")), str(site), code]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_the_trimmed_library_has_what_the_engine_imports(
    site: Path, sources: dict[str, Path]
) -> None:
    """At the head of a module or in a function, and what those modules import in turn."""
    trees = [tree for name, tree in _trees(sources, "py_engine/")]
    modules = [_module(name) for name, _ in _trees(sources, "py_engine/")]
    imported = {name.rpartition(".")[0] or name for tree in trees for name in _imports(tree)}
    code = f"""
import importlib
for name in {sorted(imported | set(modules))!r}:
    importlib.import_module(name)
print("all there")
"""
    assert in_pyodide(site, code) == "all there\n"


def test_the_trimmed_library_serves_rare_things(site: Path) -> None:
    """What the library or C itself import when it happens; and what nobody needs is gone."""
    code = """
import asyncio, importlib.util, jinja2.sandbox, sys, time, traceback
text = jinja2.sandbox.ImmutableSandboxedEnvironment().from_string("{{ x|striptags }}{{ x|e }}")
print(text.render(x="&amp;<"))
try:
    jinja2.Template("{{ 1 / x }}").render(x=0)
except ZeroDivisionError as error:
    print("".join(traceback.format_exception(ExceptionGroup("g", [error]))).count("Error: "))
sys.set_int_max_str_digits(0)
print(len(str(10**20000)), time.strftime("%Y", time.gmtime(0)))
print([len("\u00e9".encode(name)) for name in ("latin-1", "utf-8-sig", "utf-8")])
print("x".encode("ascii"), asyncio.timeout(1) is not None)
print(*filter(importlib.util.find_spec, ("json", "unittest", "sqlite3", "xml", "tkinter")))
"""
    assert in_pyodide(site, code).splitlines() == [
        "&<&amp;amp;&lt;",
        "1",
        "20001 1970",
        "[1, 5, 2]",
        "b'x' True",
        "json",
    ]


def test_lock_holds_every_direct_dependency_when_it_is_needed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    direct = {
        "run": project["project"]["dependencies"] + project["build-system"]["requires"],
        **project["project"]["optional-dependencies"],
    }
    names = {key: {Requirement(text).name for text in texts} for key, texts in direct.items()}
    locked: list[str] = []
    for section in ("run", "test", "check"):
        lines = build.lock_section(section).splitlines()
        assert all(re.match(r"\w[\w.-]*==\S+ |    --hash=sha256:|$", line) for line in lines)
        locked += [line.partition("==")[0] for line in lines if re.match(r"\w", line)]
        assert names[section] <= set(locked)
    assert len(locked) == len(set(locked)), "two versions of one"


def test_help_explains_every_command() -> None:
    command = [sys.executable, "build.py", "--help"]
    text = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in ("serve", "dist", "wheel", "test", "check", "lock"):
        assert f"build.py {name}" in text


def test_serve_prints_an_address_that_answers() -> None:
    command = [sys.executable, "build.py", "serve", "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            found = next(filter(None, (re.search(r"http\S+", line) for line in process.stdout)))
            with urllib.request.urlopen(found[0], timeout=30) as answer:
                assert b"<title>Inferaived</title>" in answer.read()
        finally:
            process.terminate()


# ---- the static server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    root = tmp_path / "site"
    (root / "folder").mkdir(parents=True)
    (tmp_path / "secret.txt").write_text("not for you")
    policy = POLICY.replace("; ", ";\n   ")
    meta = f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    (root / "index.html").write_text(f"<!doctype html>{meta}")
    (root / "folder/index.html").write_text("inner")
    (root / "model.gguf").write_bytes(bytes(range(256)) * 4)
    for name in ("a.mjs", "a.js", "a.wasm", "a.css", "a.json", "a.webmanifest", "a.zip", "a.svg"):
        (root / name).write_bytes(b"x")
    with running(root) as running_server:
        yield running_server


def ask(
    server: Server, path: str, method: str = "GET", **headers: str
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, headers=named)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, body


def test_server_sends_the_pages_policy_with_every_file(server: Server) -> None:
    for path in ("/", "/a.js", "/nothing.js"):
        assert ask(server, path)[1]["content-security-policy"] == POLICY


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("a.mjs", "text/javascript; charset=utf-8"),
        ("a.js", "text/javascript; charset=utf-8"),
        ("a.wasm", "application/wasm"),
        ("a.css", "text/css; charset=utf-8"),
        ("a.json", "application/json; charset=utf-8"),
        ("a.webmanifest", "application/manifest+json; charset=utf-8"),
        ("a.zip", "application/zip"),
        ("a.svg", "image/svg+xml"),
        ("model.gguf", "application/octet-stream"),
        ("index.html", "text/html; charset=utf-8"),
    ],
)
def test_server_names_types(server: Server, name: str, wanted: str) -> None:
    status, headers, _ = ask(server, f"/{name}")
    assert (status, headers["content-type"]) == (200, wanted)
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("asked", "at", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 20),
        ("bytes=1000-", 1000, 1024),
        ("bytes=1000-5000", 1000, 1024),
        ("bytes=-4", 1020, 1024),
        ("bytes=-5000", 0, 1024),
    ],
)
def test_server_answers_ranges(server: Server, asked: str, at: int, end: int) -> None:
    status, headers, body = ask(server, "/model.gguf", Range=asked)
    assert (status, body) == (206, (bytes(range(256)) * 4)[at:end])
    assert headers["content-range"] == f"bytes {at}-{end - 1}/1024"
    assert headers["content-length"] == str(end - at)


@pytest.mark.parametrize("asked", ["bytes=1024-", "bytes=5000-6000", "bytes=-0"])
def test_server_refuses_ranges_outside_of_the_file(server: Server, asked: str) -> None:
    status, headers, body = ask(server, "/model.gguf", Range=asked)
    assert (status, headers["content-range"], body) == (416, "bytes */1024", b"")


@pytest.mark.parametrize("asked", ["bytes=0-1,5-6", "bytes=9-3", "bytes=-", "lines=1-2", "bytes=x"])
def test_server_ignores_other_ranges(server: Server, asked: str) -> None:
    status, headers, body = ask(server, "/model.gguf", Range=asked)
    assert (status, len(body), headers["accept-ranges"]) == (200, 1024, "bytes")


def test_server_revalidates(server: Server) -> None:
    _, headers, _ = ask(server, "/model.gguf")
    etag = headers["etag"]
    assert headers["cache-control"] == "no-cache"
    status, _, body = ask(server, "/model.gguf", If_None_Match=etag)
    assert (status, body) == (304, b"")
    assert ask(server, "/model.gguf", Range="bytes=0-3", If_Range=etag)[0] == 206
    assert ask(server, "/model.gguf", Range="bytes=0-3", If_Range='"old"')[0] == 200
    (server.root / "model.gguf").write_bytes(b"new")
    status, _, body = ask(server, "/model.gguf", If_None_Match=etag)
    assert (status, body) == (200, b"new")


def test_server_head_has_no_body(server: Server) -> None:
    status, headers, body = ask(server, "/model.gguf", method="HEAD")
    assert (status, headers["content-length"], body) == (200, "1024", b"")


def test_server_finds_a_folders_page(server: Server) -> None:
    assert ask(server, "/folder/?debug=2")[2] == b"inner"


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/folder/../../secret.txt",
        "/..%2fsecret.txt",
        "/..%5csecret.txt",
        "//etc/passwd",
        "/%00",
        "/link.txt",
    ],
)
def test_server_gives_nothing_outside_of_its_folder(server: Server, path: str) -> None:
    (server.root / "link.txt").symlink_to(server.root.parent / "secret.txt")
    status, _, body = ask(server, path)
    assert (status, body) == (404, b"not found\n")


def test_server_refuses_what_it_does_not_do(server: Server) -> None:
    assert ask(server, "/index.html", method="POST")[0] == 501


def test_each_workers_modules_are_listed(site: Path) -> None:
    """web/base/spawn.js asks for them by name where a worker does not start."""

    def imported(name: str) -> set[str]:
        text = (site / name).read_text(encoding="utf-8")
        found = re.findall(r'^(?:import|export) (?:.* from )?"(\..+)";$', text, re.M)
        return {posixpath.normpath(f"{name}/../{path}") for path in found}

    text = (site / "base/spawn.js").read_text(encoding="utf-8")
    for kind, listed in re.findall(r"  (\w+): \[(.*?)\]", text, re.S):
        names = re.findall(r'"(.+?)"', listed)
        top = {"worker": "engine/worker.js", "reader": "reader/reader.js"}[kind]
        found, fresh = set(), {top}
        while fresh:
            found |= fresh
            fresh = set().union(*map(imported, fresh)) - found
        assert names[0] == top
        assert sorted(names) == sorted(found)
