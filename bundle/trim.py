"""python_stdlib.zip and engine.zip as they ship: only what is imported, and compiled.

Runs in Pyodide under Node (trim.mjs): only its own interpreter can compile for it and knows what
its start imports, and its zlib gives the same bytes on every machine. It imports the engine, and
whatever the engine's functions may import later, and keeps what is imported then. What the kept
half of the library may ask for later is kept too (`LAZY`) or named in `NEVER`: else the build
fails. It knows nothing of the page.
"""

import _codecs
import ast
import encodings
import encodings.aliases
import hashlib
import importlib
import importlib.util
import marshal
import pkgutil
import sys
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from types import ModuleType

Files = dict[str, bytes]

LAZY = (
    "_colorize",  # traceback
    "_pylong",  # C: the text of a huge int
    "annotationlib",  # C: annotations
    "difflib",  # traceback: of a SyntaxError
    "encodings.utf_8_sig",
    "linecache",
    "traceback",
)
"""What C and the library import when something rare happens."""
NEVER = {
    "Windows": "asyncio.windows_events encodings._win_cp_codecs",
    "a prompt to type at": """_pyrepl.main _pyrepl.readline _pyrepl.unix_console
        _pyrepl.windows_console pydoc rlcompleter""",
    "a source file that is run, or tests itself": "argparse doctest getopt statistics",
    "half of it in C is there": "_py_abc _pydatetime _threading_local",
    "packages that are installed, and archives that are unpacked": """csv email.parser
        importlib.metadata._adapters importlib.readers py_compile tarfile""",
    "sockets, and their certificates": """_strptime calendar encodings.idna
        pyodide._nodesock_transport urllib.error urllib.request""",
    "the text of a syntax tree": "_ast_unparse",
    "threads and processes": """concurrent.futures.interpreter concurrent.futures.process
        concurrent.futures.thread""",
    "where a leaked object was made, if it can be told": "tracemalloc",
}
"""What the kept half of the library names and nothing in a page needs, by the reason."""


def codecs() -> Iterator[str]:
    """The modules of all codecs that the interpreter computes itself; they are asked for by name.

    Jinja2 reads its string literals by `unicode-escape`. The other codecs are tables of old
    character sets, or turn bytes into bytes.
    """
    for module in pkgutil.iter_modules(encodings.__path__):
        if hasattr(_codecs, f"{module.name}_encode"):
            yield f"encodings.{module.name}"


KNOWN = "python_stdlib.sha256"
"""In engine.zip: another library makes another engine.zip, by which web/engine/snapshot.js goes."""
_UNCHECKED = (1).to_bytes(4, "little")  # PEP 552: there is a hash, and nobody looks at it


def trim(library: str, engine: str) -> None:
    """Trim and compile two archives in their places.

    Args:
        library: Pyodide's python_stdlib.zip.
        engine: py_engine, Jinja2, MarkupSafe as source, and files that are no Python, which stay.
    """
    sys.path.insert(0, engine)
    texts, ours = read(library), read(engine)
    import_all(modules(ours))
    check(modules(texts))
    write(library, shipped(texts, others=False))
    with open(library, "rb") as made:
        known = hashlib.sha256(made.read()).hexdigest()
    write(engine, shipped(ours, others=True) | {KNOWN: known.encode()})


def import_all(sources: Files) -> None:
    """Import LAZY, codecs, the engine, and what is named in its and its libraries' functions.

    Args:
        sources: the texts of all modules that are not the library's, by the modules' names.
    """
    left = {*LAZY, *codecs(), *(name for name in sources if name.split(".")[0] == "py_engine")}
    done: set[str] = set()
    while left:
        for name in sorted(left):
            with suppress(ModuleNotFoundError):  # it is for type checkers, or no module
                importlib.import_module(name)
        done |= left
        loaded = sources.keys() & sys.modules.keys()
        left = {name for module in loaded for name in imports(module, sources[module])} - done


def check(library: Files) -> None:
    """Find what a kept module of the library may ask for in vain.

    Args:
        library: the texts of its modules, by their names.

    Raises:
        LookupError: there is such a module, and `NEVER` does not name it.
    """
    gone = library.keys() - sys.modules.keys() - set(" ".join(NEVER.values()).split())
    kept = sorted(library.keys() & sys.modules.keys())
    found = [(name, by) for by in kept for name in imports(by, library[by]) if name in gone]
    if found:
        listed = "".join(f"\n    {name}, by {by}" for name, by in sorted(set(found)))
        raise LookupError(f"neither kept nor in NEVER, and asked for:{listed}")


def imports(module: str, source: bytes) -> Iterator[str]:
    """The names of all modules that a module imports anywhere, and of some that are none.

    By a statement, by `import_module`, or as the codec of a text.
    """
    spec = importlib.util.find_spec(module)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            dots = "." * node.level + (node.module or "")
            base = importlib.util.resolve_name(dots, spec.parent if spec else None)
            yield from (base, *(f"{base}.{alias.name}" for alias in node.names))
        elif isinstance(node, ast.Call):
            yield from named(node)


def named(call: ast.Call) -> Iterator[str]:
    """The module whose name is written in a call, or that C imports for it."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name == "strptime":
        yield "_strptime"
    codecs = [word.value for word in call.keywords if word.arg == "encoding"]
    codecs += call.args[:1] if name in ("encode", "decode", "lookup") else []
    for text in codecs:
        if isinstance(text, ast.Constant):
            codec = encodings.normalize_encoding(str(text.value)).lower()
            yield f"encodings.{encodings.aliases.aliases.get(codec, codec)}"
    for text in call.args[:1] if name in ("__import__", "import_module") else []:
        if isinstance(text, ast.Constant):
            yield str(text.value)


def modules(files: Files) -> Files:
    """The texts of the modules in an archive, by the modules' names."""
    return {name_of(file): text for file, text in files.items() if file.endswith(".py")}


def name_of(file: str) -> str:
    """The name of the module that a file holds."""
    return file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def shipped(files: Files, *, others: bool) -> Files:
    """What is imported now, compiled, and, if wanted, all that is no Python."""
    out: Files = {}
    for file, data in files.items():
        module = sys.modules.get(name_of(file))
        if not file.endswith(".py"):
            out |= {file: data} if others else {}
        elif module and not frozen(module):
            out[f"{file}c"] = compiled(file, data)
    return out


def frozen(module: ModuleType) -> bool:
    """Whether a module is in the interpreter itself, which then does not look for a file."""
    return module.__spec__ is not None and module.__spec__.origin == "frozen"


def compiled(file: str, source: bytes) -> bytes:
    """A module's .pyc, without docstrings; the engine's keep their assertions."""
    level = 0 if file.startswith("py_engine/") else 2
    code = compile(source, file, "exec", dont_inherit=True, optimize=level)
    return importlib.util.MAGIC_NUMBER + _UNCHECKED + bytes(8) + marshal.dumps(code)


def read(archive: str) -> Files:
    """The files in an archive."""
    with zipfile.ZipFile(archive) as opened:
        names = [name for name in opened.namelist() if not name.endswith("/")]
        return {name: opened.read(name) for name in names}


def write(archive: str, files: Files) -> None:
    """Make an archive: the same files give the same bytes."""
    with zipfile.ZipFile(archive, "w") as opened:
        for name, data in sorted(files.items()):
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.external_attr = 0o644 << 16
            opened.writestr(info, data, zipfile.ZIP_DEFLATED, 9)
