"""Text to ids, and the bytes of an id, for the vocabulary of one GGUF.

Special tokens are split off here; the host's `Encoder` only ever sees plain text and a vocabulary
without them, so it cannot produce one. Does not know chat templates or models.
"""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Protocol

from py_engine.text.special import Splitter, well_formed
from py_engine.text.vocabulary import (
    BYTE,
    BYTE_OF_CHAR,
    CONTROL,
    UNKNOWN,
    USER_DEFINED,
    Vocabulary,
    byte_value,
    read_vocabulary,
)


class Encoder(Protocol):
    """The host's tokenizer, made of a vocabulary without its special tokens."""

    def encode(self, text: str) -> list[int]:
        """The ids of plain text, nothing added."""
        ...


MakeEncoder = Callable[[Vocabulary], Encoder]
"""By `tokenizer_json` or `packed` of tokenizer_json.py, which leave out what is special."""


class Tokenizer:
    """The tokenizer that a file's metadata describes.

    Args:
        metadata: the GGUF's keys and values; arrays of strings as list[bytes].
        make_encoder: makes the host's.

    Raises:
        NoTokenizer: the file has none.
        UnsupportedTokenizer: the kind of tokenizer is not in our tables.
        BadTokenizer: the metadata is damaged.
    """

    def __init__(self, metadata: Mapping[str, object], make_encoder: MakeEncoder) -> None:
        self.vocabulary = vocabulary = read_vocabulary(metadata)
        self.n_vocab = len(vocabulary.raw)
        self.bos, self.eos, self.eog = vocabulary.bos, vocabulary.eos, vocabulary.eog
        self.add_bos = vocabulary.add_bos
        self.warnings = list(vocabulary.warnings)
        self.special = special = {
            vocabulary.text(i): i
            for i in vocabulary.special
            if vocabulary.ids.get(vocabulary.raw[i]) == i
        }
        """Every token that is found by its text, those that only templates may write included."""
        shown = {text: i for text, i in special.items() if i not in vocabulary.guarded}
        lstrip, rstrip = _strips(metadata, special)
        self._special = Splitter(special, lstrip, rstrip)
        self._user_defined = Splitter(shown, lstrip, rstrip)
        self._make_encoder = make_encoder
        self._lacks_bytes = vocabulary.pre.byte_level and not all(
            char.encode() in vocabulary.ids and char not in special for char in BYTE_OF_CHAR
        )

    @cached_property
    def _encoder(self) -> Encoder:
        """Made when first needed: natively, with it a load would take as long again."""
        return self._make_encoder(self.vocabulary)

    def prepare(self) -> None:
        """Make the host's encoder now, so that the first prompt need not wait for it."""
        self._encoder  # noqa: B018 (the property does the work)

    def encode(self, text: str, *, special: bool = False, drop: str = "") -> list[int]:
        """The ids of a text, made `well_formed`; no BOS or EOS is added.

        Args:
            special: take control tokens written in the text as such. Without it they are plain
                text, and only user-defined tokens (such as `<think>` in Qwen3) are found.
            drop: a text that is deleted once the special tokens are split off.
        """
        ids: list[int] = []
        splitter = self._special if special else self._user_defined
        for piece in splitter.split(well_formed(text)):
            if isinstance(piece, int):
                ids.append(piece)
            elif plain := piece.replace(drop, "") if drop else piece:
                ids += self._encoder.encode(plain)
        if self._lacks_bytes:
            return [i for i in ids if i < self.n_vocab]
        return ids

    def control_ids(self, text: str) -> list[int]:
        """The guarded tokens that `encode(text, special=True)` would find, in order."""
        pieces = self._special.split(text)
        return [i for i in pieces if isinstance(i, int) and self.is_guarded(i)]

    def token_bytes(self, id: int) -> bytes:
        """What a token stands for, control tokens as they are written.

        Raises:
            IndexError: there is no such token.
        """
        if id < 0:
            raise IndexError(id)
        raw, kind = self.vocabulary.raw[id], self.vocabulary.types[id]
        if kind in (CONTROL, UNKNOWN, USER_DEFINED):
            return raw
        if kind == BYTE and (value := byte_value(raw)) is not None:
            return bytes([value])
        if not self.vocabulary.pre.byte_level:
            return raw.replace("▁".encode(), b" ")
        known = BYTE_OF_CHAR
        text = raw.decode(errors="replace")
        return b"".join(bytes([known[char]]) if char in known else char.encode() for char in text)

    def is_guarded(self, id: int) -> bool:
        """Whether nothing that people type may become this token."""
        return id in self.vocabulary.guarded

    def is_special(self, id: int) -> bool:
        """Whether no reply shows the token: control tokens, and ids beyond the vocabulary."""
        return id >= self.n_vocab or self.vocabulary.types[id] in (CONTROL, UNKNOWN)


def _strips(
    metadata: Mapping[str, object], special: Mapping[str, int]
) -> tuple[frozenset[int], frozenset[int]]:
    """The ids that swallow white space to their left and right.

    No key tells; they follow from names, as in llama.cpp.
    """
    pre, name = (
        str(metadata.get(key, "")).lower() for key in ("tokenizer.ggml.pre", "general.name")
    )
    if "phi-3" in name or "phi3" in name:
        keeps = ("<unk>", "<s>", "<|endoftext|>")
        return frozenset(), frozenset(i for text, i in special.items() if text not in keeps)
    if pre in ("jina-v2-de", "jina-v2-es", "jina-v2-code") and "<mask>" in special:
        return frozenset([special["<mask>"]]), frozenset()
    if "modern-bert" in name and "[MASK]" in special:
        return frozenset([special["[MASK]"]]), frozenset()
    return frozenset(), frozenset()
