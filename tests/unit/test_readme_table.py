"""README's tables of architectures, against the code: which run, and which are refused."""

import ast
import re
from pathlib import Path

import pytest

import py_engine.models
from py_engine.base.errors import UnsupportedModel
from py_engine.models import architecture
from tests.fixture_models import MODELS

README = Path(__file__).parents[2] / "README.md"


def runs() -> list[str]:
    """The rows of what runs, from the model files: their names and first lines."""
    names = {shape.architecture.replace("-", "_"): shape.architecture for shape in MODELS.values()}
    rows = []
    for path in sorted(Path(py_engine.models.__path__[0]).glob("[a-z]*.py")):
        doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
        assert doc, path
        line = re.split(r" {3}Reference|\n", doc)[0].rstrip(".")
        models, _, rest = line.partition(": ")
        rows.append(f"| `{names[path.stem]}` | {models} | {rest} |")
    return rows


def test_what_runs_is_in_the_table() -> None:
    lines = README.read_text(encoding="utf-8").splitlines()
    head = lines.index("| runs | models | what is their own |")
    assert lines[head + 2 : head + 2 + len(runs())] == runs()
    assert not lines[head + 2 + len(runs())].startswith("|")


def test_what_is_refused_is_refused() -> None:
    lines = README.read_text(encoding="utf-8").splitlines()
    head = lines.index("| refused | why |")
    names: list[str] = []
    for line in lines[head + 2 :]:
        if not line.startswith("|"):
            break
        names += [name for name in re.findall(r"`([^`]+)`", line.split("|")[1]) if name != "llama"]
    assert len(names) > 40 and len(names) == len(set(names))
    for name in names:
        with pytest.raises(UnsupportedModel):
            architecture(name)


if __name__ == "__main__":
    print(*runs(), sep="\n")
