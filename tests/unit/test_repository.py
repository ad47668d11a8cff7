"""The repository's own promises: sizes, names, versions, and pages that say what is there."""

import ast
import io
import json
import re
import subprocess
import tokenize
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import build

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PACKAGE = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))

MAX_FILE, MAX_SHADER, MAX_FUNCTION, MAX_COLUMNS = 400, 200, 60, 100
OURS = ("py_engine", "shaders", "web", "bundle", "tests", "demo", ".ci")
CODE = (".py", ".js", ".wgsl", ".html", ".css")
TOP = {
    *(".ci", ".dependency-cruiser.mjs", ".editorconfig", ".gitignore", "ARCHITECTURE.md"),
    *("CHANGELOG.md", "CONTRIBUTING.md"),
    *("LICENSE", "README.md", "build.py", "bundle", "demo", "examples", "package-lock.json"),
    *("package.json", "py_engine", "pyproject.toml", "requirements.lock", "shaders", "tests"),
    *("tsconfig.json", "tsconfig.worker.json", "web"),
}
DRAWERS = re.compile(r"(utils?|common|misc|helpers?|managers?|handlers?)\b|_v\d|_(new|old|fast)\b")


def committed() -> list[Path]:
    """The files that git tracks, as they lie on the disk."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    names = subprocess.check_output(["git", "ls-files", "-z"], cwd=ROOT, text=True).split("\0")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def sources(*suffixes: str) -> list[Path]:
    """Our own files with these suffixes, build.py among them."""
    found = [file for top in OURS if (ROOT / top).is_dir() for file in build.files_of(ROOT / top)]
    return [file for file in [ROOT / "build.py", *found] if file.suffix in suffixes]


def lines(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8").splitlines()


def path(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def n_python(file: Path) -> int:
    """Lines of code of a Python file, as tinygrad's sz.py counts them: those that hold a token."""
    text = file.read_text(encoding="utf-8")
    words: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            words |= set(range(node.lineno, (node.end_lineno or 0) + 1))
    code: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.string.strip() and token.type != tokenize.COMMENT:
            code |= set(range(token.start[0], token.end[0] + 1))
    return len(code - words)


def n_javascript(file: Path) -> int:
    text = re.sub(r"/\*.*?\*/", "", file.read_text(encoding="utf-8"), flags=re.S)
    return sum(1 for line in text.splitlines() if line.strip() and not re.match(r"\s*//", line))


def test_files_are_small() -> None:
    limits = {".wgsl": MAX_SHADER}
    long = {
        path(file): len(lines(file))
        for file in sources(*CODE)
        if len(lines(file)) > limits.get(file.suffix, MAX_FILE)
    }
    assert not long


def test_functions_are_small() -> None:
    long = {}
    for file in sources(".py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                n = (node.end_lineno or 0) - node.lineno + 1
                if n > MAX_FUNCTION:
                    long[f"{path(file)}: {node.name}"] = n
    assert not long


def test_lines_are_short() -> None:
    """In Python, ruff sees to it."""
    long = [
        f"{path(file)}:{number}"
        for file in sources(".js", ".wgsl")
        for number, line in enumerate(lines(file), 1)
        if len(line) > MAX_COLUMNS
    ]
    assert not long


def test_totals_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    """Lines of code of the engine and the page, to be seen and not to be met."""
    engine = sum(map(n_python, build.files_of(ROOT / "py_engine", "*.py")))
    web = sum(map(n_javascript, build.files_of(ROOT / "web", "*.js")))
    with capsys.disabled():
        print(f"\nlines of code: py_engine {engine}, web {web}")
    assert engine and web


def test_the_top_level_is_what_it_is() -> None:
    assert {file.relative_to(ROOT).parts[0] for file in committed()} <= TOP


def test_names_say_something() -> None:
    assert not [path(file) for file in sources(*CODE) if DRAWERS.match(file.stem)]


def test_every_module_says_what_it_is() -> None:
    silent = [
        path(file)
        for file in sources(".py")
        if lines(file) and not ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))
    ]
    assert not silent
    unheaded = [
        path(file)
        for file in sources(".js", ".wgsl")
        if not lines(file) or not re.match(r"//|/\*", lines(file)[0])
    ]
    assert not unheaded


def test_no_note_to_ourselves() -> None:
    pattern = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|breakpoint\(|console\.log\(|debugger;")
    found = [
        f"{path(file)}:{number}"
        for file in sources(".py", ".js", ".wgsl")
        if file != Path(__file__)
        for number, line in enumerate(lines(file), 1)
        if pattern.search(line)
    ]
    assert not found


def test_modules_keep_no_state() -> None:
    """What a name in capitals holds is a constant; the rest belongs to objects.

    The scripts that a worker starts with may keep some: there is one of each in a thread.
    """
    stateful = []
    for file in build.files_of(ROOT / "py_engine", "*.py"):
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            targets = node.targets if isinstance(node, ast.Assign) else []
            targets = [node.target] if isinstance(node, ast.AnnAssign) else targets
            names = [target.id for target in targets if isinstance(target, ast.Name)]
            mutable = isinstance(getattr(node, "value", None), ast.Dict | ast.List | ast.Set)
            stateful += [f"{path(file)}: {n}" for n in names if mutable and n != n.upper()]
        tree = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        stateful += [path(file) for node in tree if isinstance(node, ast.Global)]
    begins = re.compile(
        r"(?:/\*\*.*\*/ )?(?:let \w+|const [a-z]\w* = (?:new (?:Weak)?(?:Map|Set)|\[))"
    )
    for file in build.files_of(ROOT / "web", "*.js"):
        stateful += [f"{path(file)}: {line}" for line in lines(file) if begins.match(line)]
    entries = ("web/engine/worker.js", "web/reader/reader.js")
    assert not [found for found in stateful if not found.startswith(entries)]


def test_shader_text_is_made_in_one_place() -> None:
    makers = {
        path(file)
        for file in build.files_of(ROOT / "py_engine", "*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and any(word.arg == "code" for word in node.keywords)
    }
    assert makers == {"py_engine/gpu/wgsl.py"}


def test_every_shader_is_used() -> None:
    """A kernel is named in the engine; a library is included, or named as a variant."""
    names = [
        file.relative_to(ROOT / "shaders").as_posix()
        for file in build.files_of(ROOT / "shaders", "*.wgsl")
    ]
    text = "\n".join((ROOT / "shaders" / name).read_text(encoding="utf-8") for name in names)
    included = set(re.findall(r'^// #include "([^"]+)"', text, re.M))
    spoken = re.compile("|".join(f"({pattern})" for pattern in sorted(strings_of_the_engine())))

    def is_spoken(name: str) -> bool:
        return bool(spoken.fullmatch(name) or spoken.fullmatch(name.removesuffix(".wgsl")))

    assert not [name for name in names if name not in included and not is_spoken(name)]
    # An include without a file is a hole that the engine fills by name.
    assert not [name for name in included if name not in names and not is_spoken(name)]


def strings_of_the_engine() -> set[str]:
    """Every string in py_engine that may name a shader, as a pattern: `lib/weight_{x}` → `.+`."""
    patterns = set()
    for file in build.files_of(ROOT / "py_engine", "*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                parts = [
                    part.value if isinstance(part, ast.Constant) else None for part in node.values
                ]
                if re.match(r"[\w/]{4}", str(parts[0] or "")):
                    patterns.add("".join(".+" if p is None else re.escape(str(p)) for p in parts))
            elif isinstance(node, ast.Constant) and re.fullmatch(r"[\w/.]+", str(node.value)):
                patterns.add(re.escape(str(node.value)))
    return patterns


# ---- versions and third parties


def test_versions_are_equal() -> None:
    lock = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))
    assert PROJECT["project"]["version"] == PACKAGE["version"] == lock["version"]
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    found = re.search(r"^## \[(\d[\w.]*)\]", changelog, re.M)
    assert found and found[1] == PROJECT["project"]["version"]


def direct() -> dict[str, Requirement]:
    """The Python packages that pyproject.toml asks for."""
    extras = PROJECT["project"]["optional-dependencies"].values()
    texts = [*PROJECT["project"]["dependencies"], *(text for extra in extras for text in extra)]
    return {need.name: need for need in map(Requirement, texts)}


def locked() -> dict[str, str]:
    """The version of each package in requirements.lock."""
    return dict(re.findall(r"^([\w.-]+)==(\S+)", build.LOCK.read_text(encoding="utf-8"), re.M))


def test_every_dependency_is_pinned() -> None:
    """By the locks: what the wheel asks for are ranges, and the pins lie in them."""
    npm = {**PACKAGE["dependencies"], **PACKAGE["devDependencies"]}
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in npm.values())
    pins = locked()
    for name, need in direct().items():
        operators = {one.operator for one in need.specifier}
        assert ">=" in operators <= {">=", "<"}, need
        if name != "torch":  # the demo's training is not locked
            assert need.specifier.contains(pins[name]), (need, pins[name])


def test_a_browser_needs_no_package_that_it_lacks() -> None:
    """micropip follows the wheel's metadata in Pyodide."""
    needs = map(Requirement, PROJECT["project"]["dependencies"])
    browser = {"sys_platform": "emscripten"}
    assert {n.name for n in needs if not n.marker or n.marker.evaluate(browser)} == {"jinja2"}


def test_the_wheel_has_every_package() -> None:
    python = {path(file.parent) for file in (ROOT / "py_engine").rglob("*.py")}
    shaders = {f"py_engine/{path(file.parent)}" for file in sources(".wgsl")}
    found = {folder.replace("/", ".") for folder in python | shaders}
    assert found == set(PROJECT["tool"]["setuptools"]["packages"])


def test_nothing_of_others_is_committed() -> None:
    """No vocabulary, model or package of somebody else: ours are named in CARD files or small."""
    suspects = re.compile(
        r"\.(gguf|safetensors|onnx|whl|inp|out|bin|pt)$|(tokenizer|vocab)\w*\.json$"
    )
    own = {"web/models/demo.gguf"}
    assert not [path(f) for f in committed() if suspects.search(f.name) and path(f) not in own]
    big = [path(f) for f in committed() if f.stat().st_size > 1 << 20 and path(f) not in own]
    assert not big


# ---- the pages


PAGES = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE"]


@pytest.mark.parametrize("name", PAGES)
def test_page_is_there(name: str) -> None:
    assert len(lines(ROOT / name)) > 10


def test_readme_names_every_dependency_with_its_version() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    npm = {**PACKAGE["dependencies"], **PACKAGE["devDependencies"]}
    least = {name: str(need.specifier).rpartition(">=")[2] for name, need in direct().items()}
    python = {name: locked().get(name, least[name]) for name in least}
    wanted = [*npm.items(), *python.items()]
    rows = [line for line in readme.splitlines() if line.startswith("|")]
    missing = [
        f"{name} {version}"
        for name, version in wanted
        if not any(f"`{name}`" in row and version in row for row in rows)
    ]
    assert not missing


def test_pages_name_commands_that_exist() -> None:
    text = "".join(
        (ROOT / f"{n}.md").read_text(encoding="utf-8") for n in ("README", "ARCHITECTURE")
    )
    commands = set(re.findall(r"build\.py ([a-z]+)", text))
    assert commands >= {"serve", "test", "check", "dist"}
    assert commands <= {"serve", "dist", "wheel", "test", "check", "lock", "bench"}


def test_code_in_contributing_is_code_of_the_repository() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n *# (\S+)\n(.*?)```", text, re.S)
    assert len(blocks) == text.count("```python") > 0
    for name, block in blocks:
        wanted = {line.strip() for line in block.splitlines()}
        assert not wanted - {line.strip() for line in lines(ROOT / name)}


def architecture() -> str:
    return (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")


def mapped() -> list[str]:
    """The paths of the section `Map`: a folder at the margin, below it its files and a comment.

    Files of one sort may share a line; two spaces end the names.
    """
    section = re.search(r"^## Map\n(.*?)(?=^## )", architecture(), re.M | re.S)
    assert section, "ARCHITECTURE.md has no section Map"
    found, folder = [], ""
    for indent, names in re.findall(r"^    ( *)(\S+(?: \S+)*)(?:  .*)?$", section[1], re.M):
        if not indent and names.endswith("/"):
            folder = names
        else:
            found += [(folder if indent else "") + name for name in names.split(" ")]
    return found


def test_architecture_maps_every_source_file() -> None:
    # Tests of one tier, and the sentences of the demo, need no line each.
    tests = [f"tests/{name}/" for name in (*build.TIERS, "vectors")]
    bare = (*tests, "demo/grammar/")
    wanted = {
        path(file)
        for file in sources(*CODE)
        if lines(file) and file.name != "__init__.py" and not path(file).startswith(bare)
    }
    names = mapped()
    assert len(names) == len(set(names))
    files = {name for name in names if not name.endswith("/")}
    assert not wanted - files, "files without a line in the map"
    assert not [name for name in names if not (ROOT / name).exists()], "lines without a file"


def test_architecture_names_only_what_is_there() -> None:
    tops = (ROOT, ROOT / "py_engine", ROOT / "web", ROOT / "shaders", ROOT / "tests")
    named = re.findall(r"`([\w./-]+\.(?:py|js|wgsl|html|css|json|toml|md|lock))`", architecture())
    assert named
    made = {"build.json", "tokenizer.json"}  # by the build, and in memory
    absent = [n for n in named if n not in made and not any((top / n).is_file() for top in tops)]
    assert not absent
