"""A GGUF's vocabulary, checked: the tokens, their types, and the ids with a role.

Knows `tokenizer.ggml.*` and llama.cpp's rules for repairing it (src/llama-vocab.cpp); does not
know how text becomes ids. All that a file can get wrong is settled here: a wrong array is
`BadTokenizer`, a bad single id is dropped with a warning.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from py_engine.base.errors import BadTokenizer, NoTokenizer, UnsupportedTokenizer, shown
from py_engine.text.pretokenizers import DEFAULT, GEMMA4, PRE_TOKENIZERS, PreTokenizer

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = 1, 2, 3, 4, 5, 6
"""`tokenizer.ggml.token_type`, as GGUF numbers them."""

SENTINEL = "\ufdd0"
"""A noncharacter that marks what a person typed (see chat.py); never a part of a token."""

MODELS = ("gemma4", "gpt2", "llama")
_NONE = (None, "none", "no_vocab", "test")
"""`tokenizer.ggml.model` of a file without a tokenizer; llama.cpp's own test models say test."""

_END_OF_GENERATION = (
    "<|eot_id|> <|im_end|> <|end|> <|return|> <|call|> <|flush|> <|calls|> <end_of_turn>"
    " <|endoftext|> </s> <|eom_id|> <EOT> _<EOT> [EOT] [EOS] <|end_of_text|> <end_of_utterance>"
    " <eos> <turn|> <|tool_response> <｜end▁of▁sentence｜> [e~["
)
"""Texts, parted by spaces: a token with one of them ends a reply, whatever the file says of it."""

_FILL_IN_ENDS = {  # the texts that mean each role, where no key names its id
    "fim_pad": "<|fim_pad|> <fim-pad> <fim_pad> <PAD> [PAD]",
    "fim_rep": "<|fim_repo|> <|repo_name|> <fim-repo> <REPO> <reponame>",
    "fim_sep": "<|file_sep|>",
}
_FILL_IN_MARKS = (
    "<|fim_prefix|> <fim-prefix> <fim_prefix> <｜fim▁begin｜> <PRE> ▁<PRE> <|code_prefix|>"
    " <|prefix|> <|fim_suffix|> <fim-suffix> <fim_suffix> <｜fim▁hole｜> <SUF> ▁<SUF>"
    " <|code_suffix|> <|suffix|> <|fim_middle|> <fim-middle> <fim_middle> <｜fim▁end｜> <MID>"
    " ▁<MID> <|code_middle|> <|middle|>"
)
_HARMONY_MARKS = "<|channel|> <|message|> <|start|> <|constrain|>"


def _byte_of_char() -> dict[str, int]:
    prints = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in prints]
    stand_ins = {chr(0x100 + i): byte for i, byte in enumerate(others)}
    return {chr(byte): byte for byte in prints} | stand_ins


BYTE_OF_CHAR = _byte_of_char()
"""GPT-2's printable stand-ins: a byte that prints stands for itself, the others from U+0100."""


@dataclass(frozen=True)
class Vocabulary:
    """The tokens of one file.

    Args:
        model: `tokenizer.ggml.model`: gpt2, gemma4 (byte-pair merges) or llama (SentencePiece).
        pre: how text is cut before the merges.
        raw: each token's bytes as the file writes them.
        ids: those that can be found by their text: its bytes, and the last token that has them.
        types: one of the six types per token, after repairs.
        special: ids of the control, unknown and user-defined tokens, in order.
        guarded: ids that nothing a person types may become: control and unknown tokens, those
            promoted to control, and those that llama.cpp demotes so that they are shown.
        scores: for SentencePiece merges; empty otherwise. Of equal ones the lower id is the
            better: conversions without true scores keep the order in which merges were learnt.
        merges: for byte-pair models; empty otherwise.
        suppressed: ids that no reply may contain, such as those that stand for pictures.
        space_prefix: a fragment of text gets a space in front.
    """

    model: str
    pre: PreTokenizer
    raw: Sequence[bytes]
    ids: Mapping[bytes, int]
    types: Sequence[int]
    special: Sequence[int]
    guarded: frozenset[int]
    scores: Sequence[float]
    merges: Sequence[bytes]
    bos: int | None
    eos: int | None
    eog: frozenset[int]
    suppressed: frozenset[int]
    add_bos: bool
    space_prefix: bool
    warnings: tuple[str, ...]

    def text(self, id: int) -> str:
        """A token as it is written; empty where it cannot be found by that."""
        raw = self.raw[id]
        return raw.decode() if raw in self.ids else ""


class _Reader:
    """Typed look-ups in the metadata; collects the warnings."""

    def __init__(self, metadata: Mapping[str, object]) -> None:
        self.metadata = metadata
        self.warnings: list[str] = []
        self.n_tokens = 0

    def array(self, name: str, *kinds: type) -> list[object] | None:
        key = f"tokenizer.ggml.{name}"
        value = self.metadata.get(key)
        if value is None:
            return None
        if not isinstance(value, list):
            raise BadTokenizer(key, f"is of type {type(value).__name__}, not an array")
        if value and type(value[0]) not in kinds:  # a GGUF's arrays are of one type
            raise BadTokenizer(key, f"holds {shown(value[0])}")
        return value

    def per_token(self, name: str, *kinds: type) -> list[object] | None:
        values = self.array(name, *kinds)
        if values is not None and len(values) < self.n_tokens:
            raise BadTokenizer(
                f"tokenizer.ggml.{name}", f"has {len(values)} values for {self.n_tokens} tokens"
            )
        return values

    def text(self, name: str) -> str | None:
        key = f"tokenizer.ggml.{name}"
        value = self.metadata.get(key)
        if value is not None and not isinstance(value, str):
            raise BadTokenizer(key, f"is of type {type(value).__name__}, not a string")
        return value or None

    def id(self, name: str, default: int | None = None) -> int | None:
        key = f"tokenizer.ggml.{name}_token_id"
        value = self.metadata.get(key)
        if value is None:
            return default
        if type(value) is int and 0 <= value < self.n_tokens:
            return value
        self.warnings.append(f"{key} is {shown(value)}, no token of this file; it is ignored")
        return default

    def flag(self, name: str, default: bool) -> bool:
        key = f"tokenizer.ggml.{name}"
        value = self.metadata.get(key, default)
        if isinstance(value, bool):
            return value
        self.warnings.append(f"{key} is {shown(value)}, neither true nor false; it is ignored")
        return default


def _pre_tokenizer(reader: _Reader, model: str) -> PreTokenizer:
    if model == "llama":
        return PreTokenizer((), byte_level=False, add_bos=True)
    name = "gemma4" if model == "gemma4" else reader.text("pre")
    if name is None:
        reader.warnings.append(
            "the file does not name its pre-tokenizer (tokenizer.ggml.pre); the default is used,"
            " and the model's answers may be worse: prefer a newer conversion"
        )
        return DEFAULT
    if name not in PRE_TOKENIZERS:
        raise UnsupportedTokenizer("tokenizer.ggml.pre", name, PRE_TOKENIZERS)
    return PRE_TOKENIZERS[name]


def _ids(raw: Sequence[bytes]) -> tuple[dict[bytes, int], list[str]]:
    """The index by text, and what was odd."""
    try:  # all at once, which is ten times as fast and nearly always possible
        clean = SENTINEL.encode().join(raw).decode().count(SENTINEL) == len(raw) - 1
    except UnicodeDecodeError:
        clean = False
    if clean and b"" not in raw:
        ids = dict(zip(raw, range(len(raw)), strict=True))
        return ids, _twice(len(raw) - len(ids))
    ids = {}
    unreadable = doubled = 0
    for i, token in enumerate(raw):
        text = token.decode(errors="replace")
        if not text or SENTINEL in text or text.encode() != token:
            unreadable += 1
            continue
        doubled += token in ids
        ids[token] = i
    warnings = []
    if unreadable:
        warnings.append(f"{unreadable} tokens are empty or not valid text; they are never produced")
    return ids, warnings + _twice(doubled)


def _twice(doubled: int) -> list[str]:
    return [f"{doubled} tokens occur twice; of each the last is used"] if doubled else []


_KINDS = frozenset(range(1, 7))
_SPECIAL = re.compile(rb"[\2\3\4]")  # UNKNOWN, CONTROL, USER_DEFINED


def _types(reader: _Reader, model: str, raw: Sequence[bytes]) -> bytearray:
    given: list[int] | None = reader.per_token("token_type", int)  # type: ignore[assignment]
    if given is not None:
        if not set(given) <= _KINDS:
            given = [value if value in _KINDS else NORMAL for value in given]
        return bytearray(given[: len(raw)])
    reader.warnings.append("the file gives no token types; they are guessed")
    types = bytearray([NORMAL]) * len(raw)
    if model == "llama":
        for i, token in enumerate(raw):
            if byte_value(token) is not None:
                types[i] = BYTE
    for name, kind in (("unknown", UNKNOWN), ("bos", CONTROL), ("eos", CONTROL)):
        i_special = reader.id(name)
        if i_special is not None:
            types[i_special] = kind
    return types


def byte_value(token: bytes) -> int | None:
    """The byte that a byte-fallback token such as `<0x0A>` stands for."""
    if len(token) != 6 or not token.startswith(b"<0x") or token[5:] != b">":
        return None
    try:
        return int(token[3:5], 16)
    except ValueError:
        return None


@dataclass(frozen=True)
class _Roles:
    bos: int | None
    eos: int | None
    eog: frozenset[int]
    special: Sequence[int]
    guarded: frozenset[int]


def _roles(
    reader: _Reader, model: str, pre: PreTokenizer, ids: Mapping[bytes, int], types: bytearray
) -> _Roles:
    """The ids with a role; repairs `types` as llama.cpp does at load."""

    def usual(i: int) -> int | None:
        """A default id, unless the file's token there is an ordinary one."""
        return i if i < len(types) and types[i] in (CONTROL, UNKNOWN) else None

    defaults = {"llama": (1, 2), "gpt2": (11, 11)}.get(model, (len(types), len(types)))
    bos = reader.id("bos", usual(defaults[0]) if pre.default_bos else None)
    eos = reader.id("eos", usual(defaults[1]))

    def written(texts: str) -> dict[str, int]:
        return {text: ids[text.encode()] for text in texts.split() if text.encode() in ids}

    ending = written(_END_OF_GENERATION)
    ends = set(ending.values())
    promoted = ends | set(written(_FILL_IN_MARKS).values())
    for role, texts in _FILL_IN_ENDS.items():
        found = reader.id(role, next(iter(written(texts).values()), None))
        if found is not None:
            ends.add(found)
            promoted.add(found)
    ends |= {i for i in (eos, reader.id("eot"), reader.id("eom")) if i is not None}
    for i in promoted:
        types[i] = CONTROL

    demoted = set(written(_HARMONY_MARKS).values())
    has = {text for text, i in ending.items() if i in ends}
    call = {"<|call|>", "<|calls|>"} & has
    if "<|end|>" in has and call and ("<|return|>" in has or "<|flush|>" in has):
        ends.remove(ending["<|end|>"])
        demoted.add(ending["<|end|>"])
    for i in demoted:
        types[i] = USER_DEFINED
    plamo = ids.get(b"<|plamo:eos|>") in ends
    if "</s>" in has and ("<|tool_response>" in has or plamo):
        ends.remove(ending["</s>"])
        types[ending["</s>"]] = NORMAL

    special = [match.start() for match in _SPECIAL.finditer(types)]
    guarded = {i for i in special if types[i] != USER_DEFINED} | demoted
    return _Roles(bos, eos, frozenset(ends), special, frozenset(guarded))


def _scores(reader: _Reader) -> list[float]:
    given = reader.per_token("scores", float, int)
    if given is None:
        reader.warnings.append("the file gives no scores; tokens are merged in the order of ids")
        return [0.0] * reader.n_tokens
    scores = [float(value) for value in given[: reader.n_tokens]]  # type: ignore[arg-type]
    if not all(map(math.isfinite, scores)):
        raise BadTokenizer("tokenizer.ggml.scores", "holds a value that is not finite")
    return scores


def _suppressed(reader: _Reader) -> frozenset[int]:
    given: list[int] = reader.array("suppress_tokens", int) or []  # type: ignore[assignment]
    return frozenset(i for i in given if 0 <= i < reader.n_tokens)


def read_vocabulary(metadata: Mapping[str, object]) -> Vocabulary:
    """Check and repair `tokenizer.ggml.*`.

    Raises:
        NoTokenizer: the file has none.
        BadTokenizer: an array is missing, of the wrong type or too short.
        UnsupportedTokenizer: the model or pre-tokenizer is not in our tables.
    """
    reader = _Reader(metadata)
    model = reader.text("model")
    if model in _NONE:
        raise NoTokenizer(model)
    if model not in MODELS:
        raise UnsupportedTokenizer("tokenizer.ggml.model", model, MODELS)
    raw: list[bytes] | None = reader.array("tokens", bytes)  # type: ignore[assignment]
    if not raw:
        raise BadTokenizer("tokenizer.ggml.tokens", "is missing or empty")
    reader.n_tokens = len(raw)
    pre = _pre_tokenizer(reader, model)
    merges: list[bytes] = []
    if model != "llama":
        merges = reader.array("merges", bytes)  # type: ignore[assignment]
        if merges is None:
            raise BadTokenizer("tokenizer.ggml.merges", "is missing")
    scores = _scores(reader) if model == "llama" else []
    types = _types(reader, model, raw)
    ids, odd = _ids(raw)
    reader.warnings += odd
    roles = _roles(reader, model, pre, ids, types)
    add_bos = reader.flag("add_bos_token", pre.add_bos) or pre == GEMMA4
    if add_bos and roles.bos is None:
        reader.warnings.append("the file asks for a BOS token but has none; none is added")
    return Vocabulary(
        model=model, pre=pre, raw=raw, ids=ids, types=types, special=roles.special,
        guarded=roles.guarded, scores=scores, merges=merges, bos=roles.bos, eos=roles.eos,
        eog=roles.eog, suppressed=_suppressed(reader),
        add_bos=add_bos and roles.bos is not None,
        space_prefix=reader.flag("add_space_prefix", model == "llama") and model == "llama",
        warnings=tuple(reader.warnings),
    )  # fmt: skip
