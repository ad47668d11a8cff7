"""One table of downloads that meet faults, for both hosts, and the server that plays them.

web/reader/http.js and py_engine/hosts/files.py have one policy (web/reader/retries.js,
hosts/retries.py): each case runs through both, in tests/browser/test_sources.py and
tests/unit/test_files.py.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from py_engine.hosts.static import parse_range

DATA = b"".join(i.to_bytes(4, "big") for i in range(300_000))  # 1.2 MB, no two places alike
FIRST_S, MOST_S, STALL_S = 0.02, 1.0, 1.0
"""The policy's waits in these tests; the number of tries is the real one."""
WHOLE = "whole"


@dataclass(frozen=True)
class Case:
    """What a server answers, and what has to come of it.

    Args:
        answers: one for each request, the last one for all further ones. A status, `whole`,
            or of the rest that is asked for: `cut N` after N bytes, `stall N`, `part N` (as a
            range of its own), `close` (before any answer). Then words: `plain` (no Range),
            `etag X`, `grown`, `unnamed` (neither size nor ETag), `after T` (Retry-After).
        code: SourceError's, or none where all arrives.
        says: is in the message.
        requests: how many there are to be.
        least_s, most_s: how long it may take.
    """

    answers: Sequence[str]
    code: str = ""
    says: str = ""
    requests: int = 1
    least_s: float = 0.0
    most_s: float = 10.0


def _date(seconds: float) -> str:
    return formatdate(time.time() + seconds, usegmt=True)


STATUSES = {
    **{
        f"{status} once": Case([str(status), WHOLE], requests=2)
        for status in (408, 429, 500, 502, 503, 504)
    },
    **{
        f"{status} for ever": Case([str(status)], "HTTP", f"HTTP {status}", requests=6)
        for status in (408, 429, 500, 502, 503, 504)
    },
    **{
        f"{status} at once": Case([str(status), WHOLE], code, f"HTTP {status}")
        for status, code in (
            *((400, "HTTP"), (401, "HTTP"), (403, "HTTP"), (404, "NOT_FOUND"), (405, "HTTP")),
            *((410, "NOT_FOUND"), (418, "HTTP"), (451, "HTTP"), (501, "HTTP")),
        )
    },
}
CASES = {
    **STATUSES,
    "five faults before": Case(["503", "close", "429", "500", "close", WHOLE], requests=6),
    "no answer for ever": Case(["close"], "NETWORK", requests=6),
    "a silent server": Case(["stall", WHOLE], requests=2, least_s=STALL_S),
    "a fault amid": Case(["cut 500001", "503", "close", WHOLE], requests=4),
    "progress resets": Case(
        [word for i in range(4) for word in (f"cut {200_000 + i}", "503", "503", "503")] + [WHOLE],
        requests=17,
    ),
    "no progress": Case(["cut 500000", "cut 0"], "TRUNCATED", "byte 500000", requests=6),
    "a stall": Case(["stall 700000", WHOLE], requests=2, least_s=STALL_S),
    "stalls for ever": Case(["stall 700000", "stall 0"], "TRUNCATED", requests=6),
    "without Range": Case(["cut 500001 plain", "cut 900001 plain", "whole plain"], requests=3),
    "without Range or progress": Case(
        ["cut 500001 plain", "cut 400000 plain"], "TRUNCATED", requests=6
    ),
    "in parts": Case(["part 500001"], requests=3, most_s=5),
    "the same ETag": Case(["cut 500001 etag a", "whole etag a"], requests=2),
    "another ETag": Case(["cut 500001 etag a", "whole etag b"], "CHANGED", requests=2),
    "another size": Case(["cut 500001", "whole grown"], "CHANGED", requests=2),
    "a shorter file": Case(["cut 500001", "416"], "CHANGED", requests=2),
    "another file without Range": Case(
        ["cut 500001 plain etag a", "whole plain etag b"], "CHANGED", requests=2
    ),
    "nothing to know it by": Case(["cut 500001 unnamed", WHOLE], "TRUNCATED", requests=1),
    "gone amid": Case(["cut 500001", "404"], "NOT_FOUND", "HTTP 404", requests=2),
    "Retry-After in seconds": Case(["503 after 1", WHOLE], requests=2, least_s=0.99),
    "Retry-After as a date": Case(["429 after date", WHOLE], requests=2, least_s=0.5),
    "Retry-After beyond the cap": Case(["503 after 3600", WHOLE], requests=2, least_s=0.99),
    "Retry-After in the past": Case(["503 after past", WHOLE], requests=2, most_s=5),
    "Retry-After that is none": Case(["503 after soon", WHOLE], requests=2, most_s=5),
}


class Player(ThreadingHTTPServer):
    """Plays a case's answers to requests for /file."""

    daemon_threads = True

    def __init__(self, case: Case) -> None:
        super().__init__(("127.0.0.1", 0), _Request)
        self.url = f"http://127.0.0.1:{self.server_port}/file"
        self.case = case
        self.asked: list[str | None] = []
        """The Range headers."""

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that hang up are what some cases are about."""


class _Request(BaseHTTPRequestHandler):
    server: Player
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        """Whether the server is there at all: as the next answer would tell."""
        answers = self.server.case.answers
        word = answers[min(len(self.server.asked), len(answers)) - 1]
        self.close_connection = True
        if word not in ("close", "stall"):
            self._head(200, 0)

    def do_GET(self) -> None:
        number = len(self.server.asked)
        self.server.asked.append(self.headers["Range"])
        self.close_connection = True
        answers = self.server.case.answers
        kind, *words = answers[min(number, len(answers) - 1)].split()
        if kind.isdigit():
            dates = {"date": _date(2), "past": _date(-100)}
            wait = dates.get(words[1], words[1]) if words else None
            self._head(int(kind), 0, {"Retry-After": wait} if wait else None)
        elif kind == "stall" and not words:
            time.sleep(3 * STALL_S)
        elif kind != "close":
            self._give(kind, int(words.pop(0)) if kind != WHOLE else len(DATA), words)

    def _give(self, kind: str, nbytes: int, words: list[str]) -> None:
        begin, end = 0, len(DATA)
        if "plain" not in words and "unnamed" not in words:
            begin, end = parse_range(self.headers["Range"], len(DATA)) or (0, len(DATA))
        if kind == "part":
            end = min(end, begin + nbytes)
        headers = {"ETag": f'"{words[words.index("etag") + 1]}"'} if "etag" in words else {}
        if "unnamed" in words:
            headers["Transfer-Encoding"] = "chunked"
            self._head(200, None, headers)
            self.wfile.write(b"%x\r\n%s\r\n" % (nbytes, DATA[:nbytes]))
            return
        if "plain" in words:
            self._head(200, end, headers)
        else:
            total = len(DATA) + ("grown" in words)
            headers["Content-Range"] = f"bytes {begin}-{end - 1}/{total}"
            self._head(206, end - begin, headers)
        self.wfile.write(DATA[begin : min(end, begin + nbytes)])
        self.wfile.flush()
        if kind == "stall":
            time.sleep(3 * STALL_S)
        elif kind == "cut":  # a browser drops what it has not yet given out
            time.sleep(0.2)

    def _head(self, status: int, length: int | None, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("Access-Control-Allow-Origin", "*")
        self.send_header("Access-Control-Expose-Headers", "*")
        self.send_header("Connection", "close")
        if length is not None:
            self.send_header("Content-Length", str(length))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Silence."""
