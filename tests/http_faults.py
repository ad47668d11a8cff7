"""A local HTTP server with every fault that a server can have, for the native sources."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.gguf_cases import MUST_PASS

DATA = b"".join(i.to_bytes(4, "big") for i in range(900_000))  # 3.4 MiB, no two places alike
SECRET = "s3cret"


class Server(ThreadingHTTPServer):
    """Answers /name by the function of that name in ANSWERS; `log` keeps the Range headers."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.log: list[str | None] = []
        self.over = threading.Event()

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{name}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that hang up are what is tested here."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        self.server.log.append(self.headers["Range"])
        self.close_connection = True
        ANSWERS[self.path.strip("/").partition("?")[0]](self)

    def log_message(self, *_: object) -> None:
        pass

    @property
    def start(self) -> int:
        """Where the wanted range begins; it has no end."""
        match = re.fullmatch(r"bytes=(\d+)-", self.headers["Range"])
        assert match is not None
        return int(match[1])

    @property
    def again(self) -> bool:
        """Whether this is not the first request."""
        return len(self.server.log) > 1

    def head(self, status: int, **headers: object) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()

    def part(self, end: int = len(DATA), *, told: str | None = None, **headers: object) -> None:
        """206 and its bytes."""
        told = told or f"bytes {self.start}-{end - 1}/{len(DATA)}"
        body = DATA[self.start : end]
        self.head(206, Content_Range=told, Content_Length=len(body), **headers)
        self.wfile.write(body)

    def chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))


def good(h: Handler) -> None:
    if h.start >= len(DATA):
        h.head(416, Content_Range=f"bytes */{len(DATA)}", Content_Length=0)
    else:
        h.part(ETag='"1"')


def plain(h: Handler) -> None:
    h.head(200, Content_Length=len(DATA))
    h.wfile.write(DATA)


def chunked(h: Handler) -> None:
    h.head(200, Transfer_Encoding="chunked")
    for at in range(0, len(DATA), 100_000):
        h.chunk(DATA[at : at + 100_000])
    h.chunk(b"")


def unmeasured(h: Handler) -> None:
    h.head(200, Connection="close")
    h.wfile.write(DATA)


def no_total(h: Handler) -> None:
    if h.start >= len(DATA):
        h.head(416, Content_Length=0)
    else:
        h.part(told=f"bytes {h.start}-{len(DATA) - 1}/*")


def in_parts(h: Handler) -> None:
    h.part(min(len(DATA), h.start + 700_001))


def overlong_parts(h: Handler) -> None:
    end = min(len(DATA), h.start + 700_001)
    body = DATA[h.start : end] + b"more than the range that it tells"
    h.head(206, Content_Range=f"bytes {h.start}-{end - 1}/{len(DATA)}", Content_Length=len(body))
    h.wfile.write(body)


def redirected(h: Handler) -> None:
    h.head(302, Location="/good?signed", Content_Length=0)


def breaks_once(h: Handler) -> None:
    if h.again:
        return h.part(ETag='"1"')
    h.head(206, Content_Range=f"bytes 0-{len(DATA) - 1}/{len(DATA)}", Content_Length=len(DATA))
    h.wfile.write(DATA[:1_500_000])


def breaks_once_without_ranges(h: Handler) -> None:
    h.head(200, Content_Length=len(DATA))
    h.wfile.write(DATA if h.again else DATA[:1_500_000])


def half(h: Handler) -> None:
    h.head(200, Content_Length=len(DATA))
    h.wfile.write(DATA[: len(DATA) // 2])


def half_chunked(h: Handler) -> None:
    h.head(200, Transfer_Encoding="chunked")
    h.chunk(DATA[: len(DATA) // 2])


def headers_only(h: Handler) -> None:
    h.head(200, Content_Length=len(DATA))


def stalls(h: Handler) -> None:
    h.head(200, Content_Length=len(DATA))
    h.wfile.write(DATA[:10])
    h.wfile.flush()
    h.server.over.wait(20)


def silent(h: Handler) -> None:
    h.server.over.wait(20)


def breaks_and_grows(h: Handler) -> None:
    if h.again:
        return h.part(told=f"bytes {h.start}-{len(DATA) - 1}/{len(DATA) + 1}")
    breaks_once(h)


def breaks_and_shrinks(h: Handler) -> None:
    if h.again:
        return h.head(416, Content_Length=0)
    breaks_once(h)


def breaks_and_changes(h: Handler) -> None:
    h.head(
        206,
        Content_Range=f"bytes {h.start}-{len(DATA) - 1}/{len(DATA)}",
        Content_Length=len(DATA) - h.start,
        ETag=f'"{len(h.server.log)}"',
    )
    h.wfile.write(DATA[h.start : 1_500_000])


def breaks_and_is_emptied(h: Handler) -> None:
    if h.again:
        return h.head(200, Content_Length=0)
    breaks_once(h)


def page(h: Handler) -> None:
    h.head(200, Content_Type="text/html; charset=utf-8", Content_Length=6)
    h.wfile.write(b"<html>")


def compressed(h: Handler) -> None:
    h.head(200, Content_Encoding="gzip", Content_Length=len(DATA))
    h.wfile.write(DATA)


def no_http(h: Handler) -> None:
    h.wfile.write(b"FUGG\r\n\r\n")


def loop(h: Handler) -> None:
    h.head(302, Location=h.path, Content_Length=0)


def model(h: Handler) -> None:
    body = MUST_PASS["DATA_SUCCESS"]
    h.head(200, Content_Length=len(body))
    h.wfile.write(body)


def _status(code: int) -> Callable[[Handler], None]:
    return lambda h: h.head(code, Content_Length=0)


def _range(told: str) -> Callable[[Handler], None]:
    return lambda h: h.part(told=told)


RANGES = {
    "range_elsewhere": f"bytes 5-{len(DATA) - 1}/{len(DATA)}",
    "range_backwards": f"bytes 0--1/{len(DATA)}",
    "range_beyond": f"bytes 0-{len(DATA)}/{len(DATA)}",
    "range_nonsense": "bytes=all",
    "range_huge": "bytes 0-" + "9" * 5000 + "/*",
}
STATUSES = (204, 400, 401, 403, 404, 410, 416, 429, 500, 503)
ANSWERS: dict[str, Callable[[Handler], None]] = {
    **{f.__name__: f for f in (
        good, plain, chunked, unmeasured, no_total, in_parts, overlong_parts, redirected,
        breaks_once, breaks_once_without_ranges, half, half_chunked, headers_only, stalls, silent,
        breaks_and_grows, breaks_and_shrinks, breaks_and_changes, breaks_and_is_emptied, page,
        compressed, no_http, loop, model,
    )},
    **{name: _range(told) for name, told in RANGES.items()},
    **{f"status_{code}": _status(code) for code in STATUSES},
    "range_absent": lambda h: h.head(206, Content_Length=0),
}  # fmt: skip
