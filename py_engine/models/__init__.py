"""Floor 4: one file for each architecture, named as in `general.architecture`, with _ for -."""

from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

from py_engine.base.errors import UnsupportedModel


def architecture(name: object) -> ModuleType:
    """The module that builds this architecture: `model(weights, config, context)`.

    It has `WINDOWED` where its layers slide a window.

    Raises:
        UnsupportedModel: there is no file of that name.
    """
    known = [module.name for module in iter_modules(__path__)]
    file = name.replace("-", "_") if isinstance(name, str) else None
    if file not in known:
        raise UnsupportedModel(str(name), known)
    return import_module(f"py_engine.models.{file}")
