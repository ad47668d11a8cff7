"""What a stranger's template may cost: work, and the size of any text on its way.

Knows plain values; does not know Jinja2.
"""

from py_engine.base.errors import BadTemplate

MAX_TEXT = 4 * 1024 * 1024
"""Characters of the output, and of any text on the way."""
FUEL = 5_000_000
"""Units of work a render may take, a second or two: about one per syntax node evaluated."""

MAX_NESTING = 64
"""Levels of lists and dicts in one value."""


class TooMuchWork(BadTemplate):
    """A cap was met: another form of the same request would meet it too."""


class Meter:
    """Counts the work of one render.

    Every method raises BadTemplate when the work or a text exceeds its cap.
    """

    def __init__(self) -> None:
        self._left = FUEL

    def refill(self) -> None:
        """Begin anew."""
        self._left = FUEL

    def charge(self, units: int) -> None:
        """Pay for work."""
        self._left -= units
        if self._left < 0:
            raise TooMuchWork("the chat template takes too much work")

    def weigh(self, value: object) -> None:
        """Pay for walking a value, however often a part of it is shared."""
        level = [value]
        for _ in range(MAX_NESTING):
            below: list[object] = []
            for item in level:
                if isinstance(item, str):
                    self.charge(1 + (len(item) >> 6))
                elif isinstance(item, dict):
                    self.charge(1 + 2 * len(item))
                    below += item.keys()
                    below += item.values()
                elif isinstance(item, (list, tuple)):
                    self.charge(1 + len(item))
                    below += item
            level = below
            if not level:
                return
        raise TooMuchWork("the chat template nests its data too deeply")

    def room(self, n_chars: int) -> None:
        """Pay for a text of this length before it is made: 16 characters a unit."""
        if n_chars > MAX_TEXT:
            raise TooMuchWork("the chat template makes too long a text")
        self.charge(1 + (n_chars >> 4))

    def made(self, value: object) -> None:
        """Pay for a new value."""
        if isinstance(value, str):
            self.room(len(value))
        else:
            self.weigh(value)
