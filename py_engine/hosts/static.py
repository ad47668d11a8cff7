"""A static file server for dist/: what `build.py serve`, the headless host and the tests load.

It serves one folder and, above it, only files that it is told of; answers single byte ranges and
revalidation; and sends the page's own Content-Security-Policy (read from index.html) as a header
as well, so that workers and modules are under it too. Pages of other origins may read the folder,
as widget.js needs it, but no file beside it. It knows nothing of models or the GPU.
"""

import html
import re
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, Any, TypeVar
from urllib.parse import unquote, urlsplit

# Not Python's mimetypes: it reads the machine's registry; on Windows .js may be text/plain there.
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".gguf": "application/octet-stream",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json; charset=utf-8",
    ".md": "text/markdown; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json; charset=utf-8",
    ".zip": "application/zip",
}
EMBEDDABLE = {
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "cross-origin",
}
"""What pages that send Cross-Origin-Embedder-Policy themselves want of a frame and its files."""
_POLICY = re.compile(r'http-equiv="Content-Security-Policy"\s+content="([^"]*)"')
S = TypeVar("S", bound=ThreadingHTTPServer)
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


class Server(ThreadingHTTPServer):
    """Serves the folder `root`; port 0 takes a free one. `url` is the page's address.

    Args:
        host: an address of this machine, of IPv4 or IPv6, or a name for one.

    Raises:
        OSError: the address is not this machine's, or its port is taken.
    """

    daemon_threads = True
    allow_reuse_address = sys.platform != "win32"
    """A port that was just given up may be taken. Windows would share one that is in use."""
    allow_reuse_port = False

    def __init__(self, root: Path, host: str = "127.0.0.1", port: int = 0) -> None:
        self.root = root.resolve()
        self.files: dict[str, Path] = {}
        """URL paths, decoded, of single files outside of the root, such as a model's."""
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM)
        families = [family for family, *_ in found]
        self.address_family = socket.AF_INET if socket.AF_INET in families else families[0]
        super().__init__((host, port), _Request)
        self.url = f"http://{authority(host, self.server_port)}/"

    def server_bind(self) -> None:
        """Take the port, for this server alone; `::` takes IPv4's side of it as well."""
        if sys.platform == "win32":
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()

    def policy(self) -> str | None:
        """The Content-Security-Policy that index.html declares, on one line."""
        page = self.root / "index.html"
        found = _POLICY.search(page.read_text(encoding="utf-8")) if page.is_file() else None
        return " ".join(html.unescape(found[1]).split()) if found else None

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that drops a connection in mid-download is no news; the rest is."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def authority(host: str, port: int) -> str:
    """Host and port as a URL has them: an address of IPv6 stands in brackets."""
    if host in ("", "127.0.0.1", "0.0.0.0", "::"):
        host = "localhost"
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def running(root: Path, port: int = 0) -> AbstractContextManager[Server]:
    """A server for `root`, as `threaded`."""
    return threaded(Server(root, port=port))


@contextmanager
def threaded(server: S) -> Iterator[S]:
    """A server that serves in a thread of its own, closed at the end of the block."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def parse_range(header: str | None, size: int) -> tuple[int, int] | None:
    """The (first byte, end) that a Range header asks of `size` bytes; None means all of them.

    Several ranges and other units are ignored, as RFC 9110 14.2 allows.

    Raises:
        ValueError: the range lies outside of the file (status 416).
    """
    found = _RANGE.fullmatch(header or "")
    if not found or not (found[1] or found[2]):
        return None
    if found[1]:
        at, end = int(found[1]), min(int(found[2] or size), size - 1) + 1
        if found[2] and int(found[2]) < at:
            return None  # not a valid range: to be ignored
    else:
        at, end = max(0, size - int(found[2])), size
    if at >= end:
        raise ValueError(f"{header} of {size} bytes")
    return at, end


class _Request(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "inferaived", ""

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def _answer(self) -> None:
        file = self._file()
        if file is None:
            self._send(HTTPStatus.NOT_FOUND, {"Content-Type": "text/plain"}, b"not found\n")
            return
        with file.open("rb") as body:
            self._send_file(file, body)

    def _send_file(self, file: Path, body: IO[bytes]) -> None:
        stat = file.stat()
        etag = f'"{stat.st_mtime_ns:x}-{stat.st_size:x}"'
        headers = {
            "Content-Type": TYPES.get(file.suffix, "application/octet-stream"),
            "ETag": etag,
            "Accept-Ranges": "bytes",
        }
        if file.is_relative_to(self.server.root):  # else it is somebody's own file
            headers["Access-Control-Allow-Origin"] = "*"
            headers["Access-Control-Expose-Headers"] = "Accept-Ranges, Content-Range, ETag"
            headers |= EMBEDDABLE
        if self.headers.get("If-None-Match") == etag:
            self._send(HTTPStatus.NOT_MODIFIED, headers)
            return
        same = self.headers.get("If-Range") in (None, etag)
        try:
            part = parse_range(self.headers.get("Range") if same else None, stat.st_size)
        except ValueError:
            headers["Content-Range"] = f"bytes */{stat.st_size}"
            self._send(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, headers, b"")
            return
        at, end = part or (0, stat.st_size)
        headers["Content-Length"] = str(end - at)
        if part:
            headers["Content-Range"] = f"bytes {at}-{end - 1}/{stat.st_size}"
        self._send(HTTPStatus.PARTIAL_CONTENT if part else HTTPStatus.OK, headers)
        if self.command != "HEAD":
            body.seek(at)
            while data := body.read(min(end - at, 1 << 18)):
                self.wfile.write(data)
                at += len(data)

    def _file(self) -> Path | None:
        """The file that the URL names, or None; never one outside of the root."""
        path = unquote(urlsplit(self.path).path, errors="surrogateescape")
        if "\0" in path or "\\" in path:
            return None
        if path in self.server.files:
            return self.server.files[path]
        file = (self.server.root / path.lstrip("/")).resolve()
        if file.is_dir():
            file /= "index.html"
        inside = file.is_relative_to(self.server.root)
        return file if inside and file.is_file() else None

    def _send(self, status: HTTPStatus, headers: dict[str, str], body: bytes | None = None) -> None:
        self.send_response(status)
        if body is not None:
            headers = {**headers, "Content-Length": str(len(body))}
        policy = self.server.policy()
        if policy:
            headers["Content-Security-Policy"] = policy
        headers["Cache-Control"] = "no-cache"  # kept, but asked for anew: a rebuild shows at once
        headers["X-Content-Type-Options"] = "nosniff"
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if body and self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Silence: the browser's own network panel says it better."""
