"""The loopback server of a bench run: folders and files for the pages, and their reports back.

A page says something by POST /report with a JSON object. All answers isolate the page (COOP and
COEP), which gives it clocks of 5 µs, memory measurements and the peer its threads. Byte ranges
as py_engine/hosts/static.py reads them; files leave by sendfile, so that a load measures the
page and not this server. It knows nothing of what is measured. Python 3.10.
"""

import json
import queue
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from py_engine.hosts.static import TYPES, parse_range

ISOLATION = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
}


class Site(ThreadingHTTPServer):
    """Serves `mounts`, path prefixes such as `/models/` with their folders, on a free port."""

    daemon_threads = True

    def __init__(self, mounts: Mapping[str, Path], port: int = 0) -> None:
        self.mounts = {prefix: folder.resolve() for prefix, folder in mounts.items()}
        self.files: dict[str, Path] = {}
        """URL paths of single files elsewhere."""
        self.reports: queue.Queue[dict[str, Any]] = queue.Queue()
        super().__init__(("127.0.0.1", port), _Request)
        self.url = f"http://127.0.0.1:{self.server_port}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that is killed drops its connections: no news."""

    def find(self, path: str) -> Path | None:
        """The file of a decoded URL path, or None; never one outside of the mounts."""
        if path in self.files:
            return self.files[path]
        for prefix, folder in self.mounts.items():
            if path.startswith(prefix) and "\0" not in path and "\\" not in path:
                file = (folder / path[len(prefix) :]).resolve()
                return file if file.is_relative_to(folder) and file.is_file() else None
        return None


class _Request(BaseHTTPRequestHandler):
    server: Site
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        file = self.server.find(unquote(urlsplit(self.path).path))
        if file is None:
            self._send(HTTPStatus.NOT_FOUND, {}, 0)
            return
        stat = file.stat()
        etag = f'"{stat.st_mtime_ns:x}-{stat.st_size:x}"'
        headers = {
            "Content-Type": TYPES.get(file.suffix, "application/octet-stream"),
            "ETag": etag,
            "Accept-Ranges": "bytes",
            # A second start finds its files; a model comes from here each time
            "Cache-Control": "no-store" if file.suffix == ".gguf" else "no-cache",
        }
        if self.headers.get("If-None-Match") == etag:
            self._send(HTTPStatus.NOT_MODIFIED, headers, 0)
            return
        try:
            part = parse_range(self.headers.get("Range"), stat.st_size)
        except ValueError:
            headers["Content-Range"] = f"bytes */{stat.st_size}"
            self._send(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, headers, 0)
            return
        at, end = part or (0, stat.st_size)
        if part:
            headers["Content-Range"] = f"bytes {at}-{end - 1}/{stat.st_size}"
        self._send(HTTPStatus.PARTIAL_CONTENT if part else HTTPStatus.OK, headers, end - at)
        if end > at:
            with file.open("rb") as body:
                self.connection.sendfile(body, at, end - at)

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        known = self.path == "/report"
        if known:
            self.server.reports.put(json.loads(data))
        self._send(HTTPStatus.NO_CONTENT if known else HTTPStatus.NOT_FOUND, {}, 0)

    def _send(self, status: HTTPStatus, headers: Mapping[str, str], length: int) -> None:
        self.send_response(status)
        lengthless = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)
        size = {} if status in lengthless else {"Content-Length": str(length)}
        for name, value in {**headers, **ISOLATION, **size}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Silence: the reports say what happens."""
