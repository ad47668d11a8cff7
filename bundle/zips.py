"""The Python of the site, as two archives: what is put into them, and who trims and compiles it.

engine.zip holds our engine and shaders, Jinja2 and MarkupSafe, python_stdlib.zip what they and
Pyodide need of the standard library. trim.py makes both, which takes some seconds; the last ones
that it made are kept in node_modules/. It knows nothing of the other files of the site.
"""

import hashlib
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

HERE = Path(__file__).parent
NAMES = ("python_stdlib.zip", "engine.zip")
# Modules of the native host: the browser has no use for them, and they import what it lacks.
NATIVE_ONLY = {
    "py_engine/gpu/native.py",
    "py_engine/gpu/wgpu_direct.py",
    "py_engine/hosts/cli.py",
    "py_engine/hosts/files.py",
    "py_engine/hosts/headless.py",
    "py_engine/hosts/native.py",
    "py_engine/hosts/page.py",
    "py_engine/hosts/retries.py",
    "py_engine/hosts/static.py",
}
MARKUPSAFE = ("__init__.py", "_native.py")  # its C half is for CPython on a desktop


def engine_files(root: Path, packages: Path) -> dict[str, Path]:
    """The files of engine.zip by their names in it, as source.

    Args:
        root: the repository.
        packages: where Jinja2 and MarkupSafe are installed.
    """
    found = [*(root / "py_engine").rglob("*.py"), *(root / "shaders").rglob("*.wgsl")]
    entries = {file.relative_to(root).as_posix(): file for file in found}
    for file in (packages / "jinja2").rglob("*.py"):
        entries[file.relative_to(packages).as_posix()] = file
    for name in MARKUPSAFE:
        entries[f"markupsafe/{name}"] = packages / "markupsafe" / name
    return {name: file for name, file in sorted(entries.items()) if name not in NATIVE_ONLY}


def make(library: Path, entries: Mapping[str, Path], out: Path, *, again: bool = False) -> None:
    """Make both archives in the folder `out`.

    Args:
        library: Pyodide's python_stdlib.zip, beside the rest of Pyodide.
        entries: see `engine_files`.
        again: though they were made before.

    Raises:
        subprocess.CalledProcessError: Node ended with an error, which it has printed.
    """
    kept = library.parents[1] / ".inferaived"
    made = kept / _key(library, entries)
    if made.is_dir() and not again:
        _copy(made, out)
        return
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "source.zip"
        with zipfile.ZipFile(source, "w") as archive:
            for name, file in entries.items():
                archive.writestr(name, file.read_bytes())
        subprocess.run(["node", HERE / "trim.mjs", library, source, folder], check=True)
        _copy(Path(folder), out)
    shutil.rmtree(kept, ignore_errors=True)
    made.mkdir(parents=True, exist_ok=True)
    _copy(out, made)


def _copy(source: Path, target: Path) -> None:
    for name in NAMES:
        shutil.copyfile(source / name, target / name)


def _key(library: Path, entries: Mapping[str, Path]) -> str:
    """A name for what goes into the archives, and for what makes them."""
    files = {**entries, "library": library, "trim.py": HERE / "trim.py", "trim": HERE / "trim.mjs"}
    wasm = library.with_name("pyodide.asm.wasm")
    known = hashlib.sha256(wasm.read_bytes())
    for name, file in files.items():
        data = file.read_bytes()
        known.update(f"{name} {len(data)}\n".encode() + data)
    return known.hexdigest()[:32]
