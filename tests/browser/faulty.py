"""A file server that fails as real ones do: /<fault>/file gives DATA, with that fault."""

import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from py_engine.hosts.static import TYPES, parse_range

DATA = bytes((i * 7 + (i >> 8) * 13 + (i >> 16)) & 255 for i in range(3_000_017))
"""What a whole file holds: of odd length, without a short period."""


class Faulty(ThreadingHTTPServer):
    """Serves the modules of `root`, and DATA with the fault that the path names."""

    daemon_threads = True

    def __init__(self, root: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Request)
        self.root = root
        self.url = f"http://127.0.0.1:{self.server_port}/"
        self.requests: list[tuple[str, str | None]] = []
        """(fault, Range header) of each request for data."""
        self.sent = 0
        """Bytes that went out to the last request for an endless file."""

    def handle_error(self, request: object, client_address: object) -> None:
        """A browser that drops a connection is what some tests are about."""


class _Request(BaseHTTPRequestHandler):
    server: Faulty
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = self.path.partition("?")[0].strip("/")
        fault, _, rest = path.partition("/")
        if rest != "file":
            self._module(path)
            return
        asked = self.headers.get("Range")
        n_before = sum(name == fault for name, _ in self.server.requests)
        self.server.requests.append((fault, asked))
        at, end = parse_range(asked, len(DATA)) or (0, len(DATA))
        refusals = {"missing": 404, "gated": 401}
        parts: dict[str, dict[str, Any]] = {
            "whole": {},
            "refused": {},  # where it is another origin
            "allowed": {"headers": {"Access-Control-Allow-Origin": "*"}},  # but hides the rest
            "wrong-range": {"shift": 16 if n_before else 0},  # the first answer is right
            "changed": {"headers": {"ETag": f'"{n_before}"'}},
            "grown": {"total": len(DATA) + n_before},
            "broken-once": {"sent": None if n_before else 1_000_001},
        }
        if fault in refusals:
            self._head(refusals[fault], 0)
        elif fault in parts:
            self._part(at, end, **parts[fault])
        else:
            getattr(self, f"_{fault}")(at, end)

    def _html(self, at: int, end: int) -> None:
        self._send(200, b"<!doctype html><p>Log in", {"Content-Type": "text/html"})

    def _plain(self, at: int, end: int) -> None:
        """No Range support."""
        self._send(200, DATA)

    def _short(self, at: int, end: int) -> None:
        """Says nothing of its length, and ends early."""
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(DATA[:1_000_000])
        self.close_connection = True

    def _module(self, name: str) -> None:
        file = self.server.root / (name or "headless.html")
        kind = TYPES.get(file.suffix, "text/plain")
        if file.is_file():
            self._send(200, file.read_bytes(), {"Content-Type": kind})
        else:
            self._head(404, 0)

    def _part(
        self,
        at: int,
        end: int,
        *,
        headers: dict[str, str] | None = None,
        total: int = len(DATA),
        sent: int | None = None,
        shift: int = 0,
    ) -> None:
        at += shift
        given = {"Content-Range": f"bytes {at}-{end - 1}/{total}", **(headers or {})}
        self._head(206, end - at, given)
        self.wfile.write(DATA[at:end][:sent])
        if sent is not None:
            self.close_connection = True

    def _slow(self, at: int, end: int) -> None:
        self._head(206, end - at, {"Content-Range": f"bytes {at}-{end - 1}/{len(DATA)}"})
        for begin in range(at, end, 300_001):
            self.wfile.write(DATA[begin : min(begin + 300_001, end)])
            time.sleep(0.05)

    def _endless(self, at: int, end: int) -> None:
        """A gigabyte of zeros."""
        self._head(206, 2**30 - at, {"Content-Range": f"bytes {at}-{2**30 - 1}/{2**30}"})
        self.server.sent = 0
        for _ in range(at, 2**30, 2**20):
            self.wfile.write(bytes(2**20))
            self.server.sent += 2**20

    def _odd(self, at: int, end: int) -> None:
        """Chunks of 1, 2, 3, 5, 7, … bytes, then large odd ones, each in a packet of its own."""
        self._head(206, end - at, {"Content-Range": f"bytes {at}-{end - 1}/{len(DATA)}"})
        sizes = [1, 2, 3, 5, 7, 11, 13, 4, 1, 1, 1, 1, 6]
        while at < end:
            size = sizes.pop(0) if sizes else 99_991
            self.wfile.write(DATA[at : min(at + size, end)])
            self.wfile.flush()
            at += size
            time.sleep(0.002)

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self._head(status, len(body), headers)
        self.wfile.write(body)

    def _head(self, status: int, length: int, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(length), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Silence."""
