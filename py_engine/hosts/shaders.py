"""The texts of the shaders, wherever the engine lies.

In a wheel they lie inside of the package; in a checkout and in the page's engine.zip beside it.
Python's own loader of the package reads them, so that an archive is as good as a folder.
"""

from contextlib import suppress
from pathlib import Path
from typing import Any

import py_engine

_LOADER: Any = py_engine.__loader__
_PACKAGE = Path(py_engine.__file__).parent


def read_shader(path: str) -> str:
    """The text of a file below shaders/."""
    for folder in (_PACKAGE, _PACKAGE.parent):
        with suppress(OSError):
            data: bytes = _LOADER.get_data(str(folder / "shaders" / path))
            return data.decode()
    raise FileNotFoundError(f"the engine was installed without its shaders: {path}")
