"""Every error that a user, a file, a network or a machine can cause.

Each takes data and builds its own sentence: what is wrong, with which value, and what to do
next (`hint`). The hosts show `str(error)`; nothing else in the project composes messages.
Our own bugs are `assert`s and plain Python exceptions, never these.
"""

import json
from collections.abc import Iterable, Sequence

_SHOWN = 80
"""Characters of a value that a message shows."""


def shown(value: object) -> str:
    """A value as a person reads it in a message: as JSON has it, bytes as text or in hexadecimal.

    Long ones are cut.
    """
    if isinstance(value, bytes):
        if not (value.isascii() and value.decode().isprintable()):
            return f"the bytes {value[:16].hex(' ')}"
        value = value.decode()
    if isinstance(value, str):
        text = repr(value)
    else:
        text = json.dumps(value, default=_inner, ensure_ascii=False)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _inner(value: object) -> str:
    return shown(value) if isinstance(value, bytes) else str(value)


def _is(value: object) -> str:
    return "is missing" if value is None else f"is {shown(value)}"


class InferaivedError(Exception):
    """The base: one sentence, and a `hint` that says what the reader can do (may be empty)."""

    hint: str = ""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        if hint is not None:
            self.hint = hint


class GGUFError(InferaivedError):
    """The bytes are not a GGUF that this reader takes.

    Args:
        code: a stable upper-case word for programs, such as BAD_MAGIC or BAD_OFFSET.
        offset: byte position in the file at which it was seen.
        why: the rest of the sentence for people.
    """

    hint = "Check that the file is a complete GGUF (version 2 or 3, little-endian)."

    def __init__(self, code: str, offset: int, why: str, hint: str | None = None) -> None:
        super().__init__(f"not a usable GGUF at byte {offset}: {why} ({code})", hint)
        self.code = code
        self.offset = offset
        self.why = why


class SourceError(InferaivedError):
    """The bytes did not arrive: HTTP status, CORS, truncation, a wrong Range answer, no such file.

    `code` is one of NOT_FOUND, HTTP, NETWORK, HTML, RANGE, TRUNCATED, CHANGED, IO.
    """

    def __init__(self, code: str, name: str, why: str, hint: str = "") -> None:
        super().__init__(f"could not read {name}: {why}", hint)
        self.code = code
        self.name = name


class UnsupportedModel(InferaivedError):
    """The file's `general.architecture` has no model file here."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__(
            f"the architecture {shown(name)} is not supported",
            f"Supported architectures: {', '.join(sorted(known))}.",
        )


class UnsupportedConfig(InferaivedError):
    """A metadata key holds a value that the engine does not handle."""

    def __init__(self, key: str, value: object, wanted: str) -> None:
        super().__init__(f"{key} {_is(value)}", f"Supported: {wanted}.")
        self.key = key


class NotGenerative(InferaivedError):
    """The file's model turns text into vectors or scores; `kind` says what it is."""

    hint = "Such models do not run here yet. Choose one that was made to write or to chat."

    def __init__(self, kind: str, key: str, value: object) -> None:
        super().__init__(f"this is {kind} and does not write text: its {key} is {value}")
        self.key = key


class UnsupportedType(InferaivedError):
    """A tensor's type is known to GGUF, but no kernel here reads it."""

    def __init__(self, tensor: str, name: str, known: Iterable[str]) -> None:
        super().__init__(
            f"tensor {tensor} has the weight type {name}, which is not supported",
            f"Supported weight types: {', '.join(known)}.",
        )


class BadTensor(InferaivedError):
    """A tensor is missing or its shape contradicts the metadata."""

    hint = "The file is damaged or was converted wrongly; download it again or use another one."


class UnusedTensors(InferaivedError):
    """The file has tensors that its architecture, as it is known here, does not compute with."""

    def __init__(self, names: Sequence[str]) -> None:
        more = f" and {len(names) - 1} more" if names[1:] else ""
        super().__init__(
            f"the file has tensors with which nothing is computed here: {names[0]}{more}",
            "It would answer wrongly without them; use another file.",
        )


class DeviceMemory(InferaivedError):
    """The GPU cannot hold what is asked for; `nbytes` is 0 where the host does not tell it."""

    def __init__(self, nbytes: int, limit: int | None, what: str) -> None:
        need = f": it needs {nbytes / 2**20:,.0f} MiB" if nbytes else ""
        have = "" if limit is None else f", and {limit / 2**20:,.0f} MiB is the limit"
        super().__init__(
            f"not enough GPU memory for {what}{need}{have}",
            "Choose a smaller model or a shorter context, or close other pages that use the GPU.",
        )


class LongContext(InferaivedError):
    """One layer's cache, or what attention needs beside it, is more than a buffer of the GPU.

    Args:
        most: positions that would fit.
        largest: bytes of the largest buffer.
    """

    def __init__(self, context: int, most: int, largest: int) -> None:
        self.most = most
        super().__init__(
            f"a context of {context} tokens does not fit this GPU, whose largest buffer has"
            f" {largest / 2**20:,.0f} MiB",
            f"Load this model with a context of up to {most}.",
        )


class MissingFeature(InferaivedError):
    """The machine or browser lacks something that the engine cannot run without."""


class DeviceRefused(InferaivedError):
    """There is a GPU, but its driver or the browser does not open it."""

    hint = (
        "Close other pages and programs that use the GPU, then try again. If that does not help, "
        "restart the machine or update the graphics driver."
    )

    def __init__(self, why: str) -> None:
        super().__init__(f"the GPU could not be opened: {why}")


class ShaderError(InferaivedError):
    """A shader was refused by the compiler. Holds the messages and the numbered final source."""

    def __init__(self, name: str, messages: str, source: str) -> None:
        lines = enumerate(source.splitlines(), 1)
        self.source = "\n".join(f"{number:4} {line}" for number, line in lines)
        super().__init__(
            f"the GPU's compiler refused the shader {name}: {messages}",
            "Please report this with the name of your GPU and browser.",
        )


class DeviceLost(InferaivedError):
    """The GPU device went away (driver reset, sleep, memory pressure)."""

    hint = "Load the model again. If that fails too, reload the page, or take a smaller model."

    def __init__(self, reason: str) -> None:
        super().__init__(f"the GPU was lost: {reason}")


class BadTemplate(InferaivedError):
    """The model's chat template cannot be parsed or rendered, or it exceeds a cap."""


class NoTokenizer(InferaivedError):
    """The file has no tokenizer, and something needs one; `name` is what stands in its place."""

    hint = "Such a model takes and gives token ids only: it can neither chat nor read a text."

    def __init__(self, name: object) -> None:
        what = "missing" if name is None else repr(name)
        super().__init__(f"the file has no tokenizer: its tokenizer.ggml.model is {what}")


class UnsupportedTokenizer(InferaivedError):
    """The file's tokenizer model or pre-tokenizer is not in our table."""

    def __init__(self, key: str, value: object, known: Iterable[str]) -> None:
        super().__init__(
            f"{key} {_is(value)}, which is not supported",
            f"Supported: {', '.join(sorted(known))}.",
        )


class BadTokenizer(InferaivedError):
    """The file's tokenizer metadata is missing, of the wrong type, or contradicts itself."""

    hint = "The file is damaged or was converted wrongly; download it again or use another one."

    def __init__(self, key: str, why: str) -> None:
        super().__init__(f"{key} {why}")
        self.key = key


class BadRequest(InferaivedError):
    """The caller's own argument is out of range: name, value, what is wanted."""

    def __init__(self, name: str, value: object, wanted: str) -> None:
        super().__init__(f"{name} {_is(value)}; wanted: {wanted}")


class ContextFull(InferaivedError):
    """The conversation does not fit into the context."""

    def __init__(self, tokens: int, context: int) -> None:
        super().__init__(
            f"the conversation has {tokens} tokens, and the context holds {context}",
            "Start a new conversation, shorten the text, or load the model with a longer context.",
        )
