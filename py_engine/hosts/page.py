"""Where the built page and the demo model lie.

In a checkout they are dist/ and web/models/demo.gguf. Elsewhere the package `inferaived-page`
holds both: they are a hundred times as large as the engine, which runs without them.
"""

from importlib.util import find_spec
from pathlib import Path

from py_engine.base.errors import MissingFeature

_ROOT = Path(__file__).parents[2]
_CHECKOUT = (_ROOT / "web" / "index.html").is_file()


def site() -> Path:
    """The folder of the built page.

    Raises:
        MissingFeature: the package that has it is not installed.
    """
    if _CHECKOUT:
        return _ROOT / "dist"
    package = find_spec("inferaived_page")
    if package is None or package.origin is None:
        raise MissingFeature(
            "the built page and the demo model are not installed",
            "They are in the package inferaived-page; any other model needs only its path or URL.",
        )
    return Path(package.origin).parent / "dist"


def demo() -> Path:
    """The demo model. Raises as `site` does."""
    return (_ROOT / "web" if _CHECKOUT else site()) / "models" / "demo.gguf"
