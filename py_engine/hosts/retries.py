"""When a download is taken up again: the policy, which is also web/reader/retries.js's.

A fault that may pass (a status of PASSING, no connection, a cut, a stall) is met by another try,
after a wait that doubles and is spread by chance, so that many machines do not come back at once.
The server's own Retry-After counts, up to `most_s`. Each new byte resets the count. The tests run
one table of cases through both hosts.
"""

import random
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from py_engine.base.errors import SourceError


@dataclass(frozen=True)
class Policy:
    """How long to wait, and how often to try."""

    tries: int = 6
    """In a row without a new byte."""
    first_s: float = 1.0
    """The first wait; the next ones double."""
    most_s: float = 60.0
    """The longest wait."""
    stall_s: float = 30.0
    """So long without a byte is a cut."""


POLICY = Policy()
PASSING = (408, 429, 500, 502, 503, 504)
"""Statuses that may pass."""


class Passing(Exception):
    """A fault that may pass.

    Args:
        error: what to raise when it does not.
        retry_after: the server's header.
    """

    def __init__(self, error: SourceError, retry_after: str | None = None) -> None:
        super().__init__(str(error))
        self.error = error
        self.retry_after = retry_after


class Retries:
    """The tries of one file."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._failed = 0

    def progress(self) -> None:
        """New bytes came."""
        self._failed = 0

    def wait(self, fault: Passing) -> None:
        """Wait until the next try is due. Blocks; Ctrl+C ends it.

        Raises:
            SourceError: the fault's error, if that was the last try.
        """
        self._failed += 1
        if self._failed == self._policy.tries:
            raise fault.error from fault
        spread = random.uniform(0.5, 1)
        backoff = self._policy.first_s * 2 ** (self._failed - 1) * spread
        time.sleep(min(self._policy.most_s, max(backoff, _seconds_of(fault.retry_after))))


def _seconds_of(retry_after: str | None) -> float:
    """What Retry-After says, in seconds or as a date; 0 where it says nothing."""
    text = (retry_after or "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    return max(0.0, (date.astimezone(UTC) - datetime.now(UTC)).total_seconds())
