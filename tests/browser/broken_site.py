"""The built site on a server that fails at one of its files, in each way that servers do."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from py_engine.hosts.static import TYPES, Server, _Request, threaded

FAULTS = ("404", "503", "stall", "silence", "cut", "page", "damage")
"""What a file may meet: a status; half of it and no more; nothing at all; half of it and an end;
a web page in its place; other bytes. What blocks a request is the browser's to do."""


class BrokenSite(Server):
    """Serves `root`; `faults` says what /name meets."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.RequestHandlerClass = _Failing
        self.faults: dict[str, str] = {}
        self.asked: list[str] = []
        self.over = threading.Event()
        self.failed_at = 0.0
        """When the last byte went out that a file with a fault gives: by time.monotonic."""


class _Failing(_Request):
    server: BrokenSite

    def _answer(self) -> None:
        name = self.path.partition("?")[0].strip("/") or "index.html"
        self.server.asked.append(name)
        fault = self.server.faults.get(name)
        if fault is None:
            super()._answer()
            return
        self.close_connection = True
        self.server.failed_at = self.server.failed_at or time.monotonic()
        if fault == "silence":
            self.server.over.wait(60)
            return
        if fault.isdigit():
            self.send_response(int(fault))
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        body = (self.server.root / name).read_bytes()
        if fault == "page":
            body = b"<!doctype html><title>Not found</title>"
        elif fault == "damage":
            body = bytes(len(body))
        kind = ".html" if fault == "page" else Path(name).suffix
        self.send_response(200)
        self.send_header("Content-Type", TYPES.get(kind, "application/octet-stream"))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self._give(fault, body)

    def _give(self, fault: str, body: bytes) -> None:
        if fault == "drip":  # twelve seconds, with something in each
            for i in range(24):
                self.wfile.write(body[len(body) * i // 24 : len(body) * (i + 1) // 24])
                self.wfile.flush()
                self.server.over.wait(0.5)
            return
        self.wfile.write(body if fault in ("page", "damage") else body[: len(body) // 2])
        self.wfile.flush()
        if fault == "stall":
            self.server.over.wait(60)


@contextmanager
def broken_site(root: Path) -> Iterator[BrokenSite]:
    """A server for a test; what waits in it is let go at the end."""
    with threaded(BrokenSite(root)) as server:
        try:
            yield server
        finally:
            server.over.set()
