"""What a file is, in JSON-able facts from its header alone: for `inspect` and for people.

It reads what any GGUF may have, also one whose architecture does not run here.
"""

import re
from collections import Counter
from collections.abc import Mapping
from math import prod
from typing import Any

from py_engine.formats.gguf import GGUF, MetaValue
from py_engine.layers.config import drafts
from py_engine.layers.weights import computed


def described(gguf: GGUF, file: str) -> dict[str, Any]:
    """JSON-able facts from a header; what is of another type than it should be is left out."""
    meta, tensors = gguf.metadata, computed(gguf).tensors.values()
    name = str(meta.get("general.architecture", ""))
    tokens = meta.get("tokenizer.ggml.tokens")
    texts = {key: value for key, value in meta.items() if isinstance(value, str)}
    numbers = {key: value for key, value in meta.items() if isinstance(value, int)}
    blocks = numbers.get(f"{name}.block_count")
    return {
        "name": texts.get("general.name") or re.split(r"[/\\]", file)[-1],
        "description": texts.get("general.description"),
        "license": texts.get("general.license"),
        "architecture": name or None,
        "parameters": sum(prod(tensor.shape) for tensor in tensors),
        "types": dict(Counter(tensor.type for tensor in tensors)),
        "file_bytes": sum(tensor.nbytes for tensor in tensors),
        "layers": None if blocks is None else blocks - len(drafts(meta)),
        "model_context": numbers.get(f"{name}.context_length"),
        "tokenizer": _tokenizer_name(meta),
        "n_vocab": len(tokens) if isinstance(tokens, list) else 0,
        "template": texts.get("tokenizer.chat_template"),
        "warnings": list(gguf.warnings),
    }


def _tokenizer_name(meta: Mapping[str, MetaValue]) -> str | None:
    model, pre = meta.get("tokenizer.ggml.model"), meta.get("tokenizer.ggml.pre")
    return None if model is None else f"{model} ({pre})" if pre else str(model)
