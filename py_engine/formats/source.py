"""What a file is to the engine: bytes at an offset. Where they lie is the host's business."""

from typing import Protocol


class Source(Protocol):
    """A readable file. The host that makes it also knows how to stream it to the GPU."""

    name: str
    """For messages: the path or the URL without its query."""
    size: int | None
    """Total bytes; None where a server does not tell."""

    async def read(self, at: int, nbytes: int) -> bytes:
        """The bytes [at, at + nbytes), fewer only at the end of the file.

        Raises:
            SourceError: the bytes cannot be had.
        """
        ...

    def close(self) -> None:
        """Release what is held; safe to call twice."""
