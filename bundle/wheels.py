"""Two wheels: `inferaived`, the engine and its shaders, and `inferaived-page`, the built site.

Both are pure Python. The page's is a hundred times as large (Pyodide, the demo model), and only
`--host browser` and `demo` need it. They are made from copies: a build folder that an older one
left behind would add its files. It knows nothing of what the site holds.
"""

import os
import shutil
import subprocess
import tempfile
import tomllib
from pathlib import Path

SOURCES = ("pyproject.toml", "README.md", "LICENSE", "py_engine", "shaders")
PIP_WHEEL = ("-m", "pip", "wheel", "-q", "--disable-pip-version-check", "--no-index", "--no-deps")
DATE = "315532800"  # 1980-01-01: the same input gives the same bytes

PAGE = """\
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "inferaived-page"
version = "{version}"
description = "The built page and the demo model of Inferaived, for its command line"
license = "MIT AND MPL-2.0 AND Apache-2.0 AND BSD-3-Clause"
license-files = ["inferaived_page/dist/licenses/*"]
requires-python = ">=3.11"
dependencies = ["inferaived=={version}"]

[tool.setuptools]
packages = ["inferaived_page"]

[tool.setuptools.package-data]
inferaived_page = ["dist/**"]
"""


def make(root: Path, site: Path, out: Path, python: Path) -> list[Path]:
    """Make both wheels in the folder `out`; their paths.

    Args:
        root: the repository.
        site: the built site.
        python: has pip and setuptools, which work without the network.

    Raises:
        subprocess.CalledProcessError: pip ended with an error, which it has printed.
    """
    with tempfile.TemporaryDirectory() as folder:
        engine, page = Path(folder) / "inferaived", Path(folder) / "inferaived-page"
        copy_sources(root, engine)
        shutil.copytree(site, page / "inferaived_page/dist")
        about = '"""The built page of Inferaived, in the folder dist beside this file."""\n'
        (page / "inferaived_page/__init__.py").write_text(about, encoding="utf-8")
        project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
        version = project["project"]["version"]
        (page / "pyproject.toml").write_text(PAGE.format(version=version), encoding="utf-8")
        for source in (engine, page):
            command = [str(python), *PIP_WHEEL, "--no-build-isolation", "-w", str(out), str(source)]
            subprocess.run(command, check=True, env={**os.environ, "SOURCE_DATE_EPOCH": DATE})
    return [next(out.glob(f"{name}-{version}-*.whl")) for name in ("inferaived", "inferaived_page")]


def copy_sources(root: Path, target: Path) -> None:
    """Copy what the engine's wheel is made from into the new folder `target`."""
    target.mkdir(parents=True)
    for name in SOURCES:
        if (root / name).is_dir():
            ignore = shutil.ignore_patterns("__pycache__")
            shutil.copytree(root / name, target / name, ignore=ignore)
        else:
            shutil.copyfile(root / name, target / name)
