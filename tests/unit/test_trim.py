"""bundle/trim.py: nothing of the library is left out that what is kept may ask for."""

import sys
import zipfile
from pathlib import Path

import pytest

import build
from bundle import trim

WHOLE = build.ROOT / "node_modules/pyodide/python_stdlib.zip"


@pytest.mark.parametrize(
    ("source", "gone"),
    [
        ("def later():\n    import turtle", "turtle"),
        ("def later():\n    from json import tool", "json.tool"),
        ("import_module('turtle')", "turtle"),
        ("data.decode('KOI8-R')", "encodings.koi8_r"),
        ("open(file, encoding='cyrillic')", "encodings.iso8859_5"),
    ],
)
def test_the_build_fails_where_the_library_asks_for_what_is_left_out(
    source: str, gone: str
) -> None:
    library = {"json": source.encode(), gone: b""}
    assert gone not in sys.modules
    with pytest.raises(LookupError, match=f"{gone}, by json"):
        trim.check(library)
    trim.check({"json": b"import re", "re": b"", gone: b""})


def test_what_is_never_needed_is_known_and_left_out(tmp_path: Path) -> None:
    build.assemble(tmp_path / "dist")
    never = set(" ".join(trim.NEVER.values()).split())
    with zipfile.ZipFile(WHOLE) as archive:
        assert never <= {trim.name_of(name) for name in archive.namelist()}
    with zipfile.ZipFile(tmp_path / "dist/pyodide/python_stdlib.zip") as archive:
        assert not {f"{name.replace('.', '/')}.pyc" for name in never} & set(archive.namelist())
