"""New tokens to text as it can be shown: whole characters only, and never part of a stop string.

Knows one tokenizer and the stop strings of one reply; does not know who makes the tokens.
"""

import codecs
from collections.abc import Sequence

from py_engine.text.special import well_formed
from py_engine.text.tokenizer import Tokenizer


class Detokenizer:
    """The text of one reply, token by token.

    What is given out, joined, is the text of all pushed tokens without control tokens, up to the
    first stop string. Broken UTF-8 becomes U+FFFD.

    Args:
        tokenizer: the model's; without one no token has a text.
        stops: texts that end the reply; they are not given out. Empty ones are ignored.
    """

    def __init__(self, tokenizer: Tokenizer | None, stops: Sequence[str]) -> None:
        self.stopped = False
        self._tokenizer = tokenizer
        self._stops = [well_formed(stop) for stop in stops if stop]
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""

    def push(self, id: int) -> str:
        """The text that may be shown after this token; often empty."""
        if self.stopped or not self._tokenizer or self._tokenizer.is_special(id):
            return ""
        text = self._decoder.decode(self._tokenizer.token_bytes(id))
        if not self._stops:
            return text
        self._held += text
        return self._release(self._held_back())

    def finish(self) -> str:
        """The rest, when no token follows: half a character as U+FFFD, half a stop as text."""
        if self.stopped:
            return ""
        self._held += self._decoder.decode(b"", final=True)
        return self._release(0)

    def _release(self, keep: int) -> str:
        """Give out what is held, but for the last `keep` characters, or up to a stop string."""
        found = [at for stop in self._stops if (at := self._held.find(stop)) >= 0]
        if found:
            self.stopped = True
            text, self._held = self._held[: min(found)], ""
            return text
        at = len(self._held) - keep
        text, self._held = self._held[:at], self._held[at:]
        return text

    def _held_back(self) -> int:
        """How many characters at the end may be the beginning of a stop string."""
        longest = max((len(stop) for stop in self._stops), default=1) - 1
        for size in range(min(longest, len(self._held)), 0, -1):
            tail = self._held[-size:]
            if any(stop.startswith(tail) for stop in self._stops):
                return size
        return 0
