"""Finding tokens by their literal text, and keeping typed text from containing them.

Knows a set of texts and their ids; does not know which of them are control tokens or why.
"""

import re
from collections.abc import Iterator, Mapping

from py_engine.text.vocabulary import SENTINEL

_ASCII_SPACE = " \t\n\v\f\r"
_HALF = re.compile("[\ud800-\udfff]")


def well_formed(text: str) -> str:
    """The text with U+FFFD for each lone surrogate, as UTF-8 has no bytes for it.

    Half an emoji comes so from a JavaScript string that was cut, or from a command line that is
    not UTF-8. Two halves that fit are their character, as they are to JavaScript.
    """
    if not _HALF.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


class Splitter:
    """Cuts text at literal tokens: the leftmost first, and of those the longest.

    Each start is found by its first character, then tried against the lengths that begin with it:
    the work per start is the number of distinct lengths, however many tokens there are.

    Args:
        tokens: text to id; empty texts are ignored.
        lstrip, rstrip: ids that swallow the ASCII white space to their left or right.
        keep: texts that `cut` and `cut_all` leave whole.
    """

    def __init__(
        self,
        tokens: Mapping[str, int],
        lstrip: frozenset[int] = frozenset(),
        rstrip: frozenset[int] = frozenset(),
        keep: frozenset[str] = frozenset(),
    ) -> None:
        self._tokens, self._keep = tokens, keep
        self._lstrip, self._rstrip = lstrip, rstrip
        lengths: dict[str, set[int]] = {}
        for token in tokens:
            if token:
                lengths.setdefault(token[0], set()).add(len(token))
        self._lengths = {first: sorted(sizes, reverse=True) for first, sizes in lengths.items()}
        firsts = "".join(map(re.escape, lengths))
        self._first = re.compile(f"[{firsts}]" if firsts else r"(?!)")

    def _longest(self, text: str, at: int) -> str | None:
        for size in self._lengths[text[at]]:
            token = text[at : at + size]
            if token in self._tokens:
                return token
        return None

    def split(self, text: str) -> Iterator[str | int]:
        """The pieces in order: plain text (never empty) as str, a token as its id."""
        done = 0
        at = self._first.search(text)
        while at is not None:
            token = self._longest(text, at.start())
            if token is None:
                at = self._first.search(text, at.start() + 1)
                continue
            i = self._tokens[token]
            plain = text[done : at.start()]
            if i in self._lstrip:
                plain = plain.rstrip(_ASCII_SPACE)
            if plain:
                yield plain
            yield i
            done = at.start() + len(token)
            if i in self._rstrip:
                done = len(text) - len(text[done:].lstrip(_ASCII_SPACE))
            at = self._first.search(text, done)
        if done < len(text):
            yield text[done:]

    def cut(self, text: str) -> str:
        """The text with the sentinel inside every occurrence, overlapping ones too.

        A token of one character cannot be cut: the sentinel takes its place.
        """
        return self._marked(text, everywhere=False)

    def cut_all(self, text: str) -> str:
        """The text with the sentinel after every character that could begin a token.

        So marked, no part of it can begin a token either, whatever is put behind it.
        """
        return self._marked(text, everywhere=True)

    def _marked(self, text: str, everywhere: bool) -> str:
        def mark(match: re.Match[str]) -> str:
            token = self._longest(text, match.start())
            if token in self._keep or (token is None and not everywhere):
                return match[0]
            return SENTINEL if match[0] in self._tokens else match[0] + SENTINEL

        return self._first.sub(mark, text)
