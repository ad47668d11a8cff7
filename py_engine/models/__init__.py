"""Floor 4: one file for each architecture, named as in `general.architecture`, with _ for -."""

from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

from py_engine.base.errors import BadRequest, LongContext, UnsupportedModel
from py_engine.formats.gguf import GGUF
from py_engine.gpu.tensor import Memory
from py_engine.layers.config import Config
from py_engine.layers.decoder import Decoder
from py_engine.layers.weights import Weights


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


def built(gguf: GGUF, memory: Memory, context: int | None, *, usual: int) -> tuple[Decoder, int]:
    """Allocate a model's weights and caches.

    Args:
        context: positions of the caches; None takes the model's, up to `usual` and as many as fit.

    Returns:
        The model, and the positions that its caches hold.
    """
    name = gguf.metadata.get("general.architecture")
    family = architecture(name)
    config = Config(gguf.metadata, str(name), windowed=getattr(family, "WINDOWED", False))
    longest = config.context_length
    if context is not None and not (type(context) is int and 0 < context <= longest):
        raise BadRequest("context", context, f"from 1 to the model's {longest}")
    cached = context or min(longest, usual)
    while True:
        try:
            return family.model(Weights(gguf, memory), config, cached), cached
        except LongContext as error:
            if context or not error.most:
                raise
            memory.close()
            cached = error.most
