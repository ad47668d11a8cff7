"""Walk through the header of a file of which only ranges can be had.

It knows that a header has numbers, strings and an end, and how much of that to believe; it does
not know what they mean (that is gguf.py).
"""

import struct
from typing import NoReturn

from py_engine.base.errors import GGUFError
from py_engine.formats.source import Source

MAX_HEADER = 50_000_000  # bytes
FIRST_RANGE = 256 * 2**10
NEXT_RANGE = 2 * 2**20
INCOMPLETE = "The download may be incomplete: get the file again and compare its size."

_SHOWN = 80  # characters of a stranger's text in a message
_LENGTH = struct.Struct("<Q")


class Cursor:
    """A position that moves forward through a source and forgets the bytes that it has passed.

    A byte is fetched once and copied at most twice, so a header costs time in proportion to its
    length, even if the source gives only a few bytes at a time.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self.buffer = b""
        self.base = 0  # the file's byte at which `buffer` begins
        self.pos = 0  # in `buffer`

    @property
    def at(self) -> int:
        return self.base + self.pos

    def claim(self, nbytes: int, what: str) -> None:
        """Refuse a claim of bytes that cannot come, before anything is done for it."""
        end, size = self.at + nbytes, self.source.size
        if size is not None and end > size:
            why = f"{short(what)} needs {nbytes} bytes from here, but the file ends at {size}"
            fail("TRUNCATED", self.at, why, INCOMPLETE)
        if end > MAX_HEADER:
            fail("TOO_BIG", self.at, f"{short(what)} makes a header of {end} bytes")

    async def need(self, nbytes: int, what: str) -> None:
        """Have the next `nbytes` bytes in the buffer."""
        have = len(self.buffer) - self.pos
        if have >= nbytes:
            return
        self.claim(nbytes, what)
        pieces = [self.buffer[self.pos :]]
        while have < nbytes:
            at = self.at + have
            piece = await self.source.read(at, self._range(at, nbytes - have))
            if not piece:
                fail("TRUNCATED", at, f"the file ends within {short(what)}", INCOMPLETE)
            pieces.append(piece)
            have += len(piece)
        self.base, self.pos = self.at, 0
        self.buffer = b"".join(pieces)

    def _range(self, at: int, nbytes: int) -> int:
        """How much to ask for at byte `at`: more than needed, but nothing beyond the file."""
        wanted = max(nbytes, NEXT_RANGE if at else FIRST_RANGE)
        size = self.source.size
        return wanted if size is None else max(nbytes, min(wanted, size - at))

    async def take(self, nbytes: int, what: str) -> bytes:
        """The next bytes."""
        await self.need(nbytes, what)
        self.pos += nbytes
        return self.buffer[self.pos - nbytes : self.pos]

    async def unpack(self, layout: struct.Struct, what: str) -> tuple[int, ...]:
        """The next fields of a layout."""
        await self.need(layout.size, what)
        fields = layout.unpack_from(self.buffer, self.pos)
        self.pos += layout.size
        return fields

    async def string(self, cap: int, what: str) -> bytes:
        """The next string: its length in 8 bytes, then its bytes."""
        start = self.at
        (nbytes,) = await self.unpack(_LENGTH, what)
        if nbytes > cap:
            fail("BAD_LENGTH", start, f"{short(what)} has {nbytes} bytes; {cap} are allowed")
        return await self.take(nbytes, what)

    async def strings(self, count: int, cap: int, what: str) -> list[bytes]:
        """The next `count` strings."""
        self.claim(count * _LENGTH.size, what)
        strings: list[bytes] = []
        self._gather(count, cap, strings)
        while len(strings) < count:  # the next one is not all there, or too long
            strings.append(await self.string(cap, what))
            self._gather(count, cap, strings)
        return strings

    def _gather(self, count: int, cap: int, strings: list[bytes]) -> None:
        """Append strings while they are in the buffer: a vocabulary has some 10^5 of them."""
        buffer, pos, length = self.buffer, self.pos, _LENGTH.unpack_from
        limit = len(buffer)
        for _ in range(count - len(strings)):
            start = pos + 8
            if start > limit:
                break
            (nbytes,) = length(buffer, pos)
            end = start + nbytes
            if end > limit or nbytes > cap:
                break
            strings.append(buffer[start:end])
            pos = end
        self.pos = pos


def fail(code: str, at: int, why: str, hint: str | None = None) -> NoReturn:
    """Refuse the file: `at` is where, the rest is GGUFError's."""
    raise GGUFError(code, at, why, hint)


def short(text: str) -> str:
    """A stranger's text in a form that fits into a message."""
    return text if len(text) <= _SHOWN and text.isprintable() else repr(text[:_SHOWN])
