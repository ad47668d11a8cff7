"""Native sources: files on disk, and a local server with every fault that a server can have."""

from __future__ import annotations

import os
import re
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from py_engine.base.errors import SourceError
from py_engine.formats.gguf import read_split
from py_engine.hosts import files
from py_engine.hosts.files import CHUNK, FileSource, HttpSource, open_sources
from tests.gguf_cases import MUST_PASS, run

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


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "*")
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.over.set()
    server.shutdown()
    server.server_close()
    thread.join()


# ---- servers that work

WORKING = (
    "good", "plain", "chunked", "unmeasured", "no_total", "in_parts", "overlong_parts",
    "redirected", "breaks_once", "breaks_once_without_ranges",
)  # fmt: skip


@pytest.mark.parametrize("name", WORKING)
def test_reading_and_streaming(server: Server, name: str) -> None:
    source = HttpSource(server.url(name))
    assert source.size is None
    assert run(source.read(0, 256 * 1024)) == DATA[: 256 * 1024]
    told = name not in ("chunked", "unmeasured", "no_total")
    assert source.size == (len(DATA) if told else None)
    assert run(source.read(256 * 1024, 2**21)) == DATA[256 * 1024 :][: 2**21]
    pieces = [bytes(view) for view in source.chunks(1001, len(DATA) - 1001)]  # back, then on
    assert b"".join(pieces) == DATA[1001:]
    assert {len(piece) for piece in pieces[:-1]} == {CHUNK}
    assert run(source.read(len(DATA) - 5, 100)) == DATA[-5:]
    assert run(source.read(len(DATA), 100)) == b""
    assert run(source.read(7, 0)) == b""
    with pytest.raises(SourceError, match="ends 1 bytes before") as caught:
        list(source.chunks(len(DATA) - 1, 2))
    assert caught.value.code == "TRUNCATED"
    source.close()
    source.close()
    assert run(source.read(3, 3)) == DATA[3:6]  # a closed connection is only that
    source.close()


def test_reading_on_takes_one_request(server: Server) -> None:
    source = HttpSource(server.url("good"))
    run(source.read(0, 300_000))
    for at in range(300_000, 900_000, 100_000):
        assert b"".join(source.chunks(at + 32, 99_000)) == DATA[at + 32 : at + 99_032]
    assert server.log == ["bytes=0-"]
    far = 1_000_000 + files.SKIP + 100_000
    assert run(source.read(far, 10)) == DATA[far : far + 10]
    assert run(source.read(50, 10)) == DATA[50:60]
    assert server.log == ["bytes=0-", f"bytes={far}-", "bytes=50-"]
    source.close()


def test_without_ranges_only_going_back_takes_a_request(server: Server) -> None:
    source = HttpSource(server.url("plain"))
    assert run(source.read(0, 10)) == DATA[:10]
    assert run(source.read(3_000_000, 10)) == DATA[3_000_000:3_000_010]
    assert len(server.log) == 1
    assert run(source.read(10, 10)) == DATA[10:20]
    assert len(server.log) == 2
    source.close()


def test_two_streams_of_one_source_take_turns(server: Server) -> None:
    source = HttpSource(server.url("good"))
    first, second = source.chunks(0, 2 * CHUNK), source.chunks(2 * CHUNK, CHUNK + 1)
    mixed = [bytes(next(first)), bytes(next(second)), bytes(next(first)), bytes(next(second))]
    assert mixed[0] + mixed[2] == DATA[: 2 * CHUNK]
    assert mixed[1] + mixed[3] == DATA[2 * CHUNK : 3 * CHUNK + 1]
    source.close()


def test_a_model_behind_http(server: Server) -> None:
    sources = open_sources(server.url("model") + "?download=true")
    header = run(read_split(sources))
    last = list(header.tensors.values())[-1]
    body = MUST_PASS["DATA_SUCCESS"]
    assert b"".join(sources[0].chunks(last.at, last.nbytes)) == body[last.at :][: last.nbytes]
    sources[0].close()


# ---- servers that do not

FAULTS = {
    "half": ("TRUNCATED", "broke off at byte 1800000 of 3600000"),
    "half_chunked": ("TRUNCATED", "broke off at byte"),
    "headers_only": ("TRUNCATED", "broke off at byte 0 of 3600000"),
    "stalls": ("NETWORK", r"no bytes came for 0\.3 s"),
    "silent": ("NETWORK", r"no answer came for 0\.3 s"),
    "breaks_and_grows": ("CHANGED", "changed"),
    "breaks_and_shrinks": ("CHANGED", "shrank"),
    "breaks_and_changes": ("CHANGED", "changed"),
    "breaks_and_is_emptied": ("CHANGED", "changed"),
    "page": ("HTML", "web page"),
    "compressed": ("HTTP", "compressed"),
    "no_http": ("NETWORK", "not HTTP"),
    "loop": ("HTTP", "HTTP 302"),
    "status_204": ("HTTP", "HTTP 204"),
    "status_400": ("HTTP", "HTTP 400"),
    "status_401": ("HTTP", "denied .HTTP 401"),
    "status_403": ("HTTP", "denied .HTTP 403"),
    "status_404": ("NOT_FOUND", "no such file .HTTP 404"),
    "status_410": ("NOT_FOUND", "HTTP 410"),
    "status_429": ("HTTP", "HTTP 429"),
    "status_500": ("HTTP", "HTTP 500"),
    "status_503": ("HTTP", "HTTP 503"),
    "range_absent": ("RANGE", "sent ''"),
    **{name: ("RANGE", "asked for the bytes from 0 on") for name in RANGES},
}


@pytest.mark.parametrize("name", FAULTS)
def test_faults(server: Server, name: str) -> None:
    code, words = FAULTS[name]
    url = server.url(f"{name}?token={SECRET}")
    for _ in range(2):  # the second time through a new source: nothing is left behind
        source = HttpSource(url, timeout_s=0.3 if name in ("stalls", "silent") else 20)
        server.log.clear()
        start = time.monotonic()
        with pytest.raises(SourceError, match=words) as caught:
            for _ in source.chunks(0, len(DATA)):
                pass
        assert caught.value.code == code
        assert caught.value.hint
        assert caught.value.name == server.url(name)
        assert SECRET not in str(caught.value)
        assert len(str(caught.value)) < 300
        assert time.monotonic() - start < 10
        assert len(server.log) <= (1 + files.RESUMES) * (11 if name == "loop" else 1)
        source.close()


def test_an_empty_file_is_empty(server: Server) -> None:
    assert run(HttpSource(server.url("status_416")).read(0, 100)) == b""


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    with pytest.raises(SourceError, match="refused") as caught:
        run(HttpSource(f"http://127.0.0.1:{port}/m.gguf").read(0, 10))
    assert caught.value.code == "NETWORK"


@pytest.mark.parametrize(
    "url", ["http://", f"http://me:{SECRET}@host:port/x", "http://[::1/x", "http://a\nb/x"]
)
def test_addresses_that_are_none(url: str) -> None:
    source = HttpSource(url)
    with pytest.raises(SourceError, match="the address is not valid") as caught:
        run(source.read(0, 10))
    assert caught.value.code == "NETWORK"
    assert SECRET not in str(caught.value) + source.name


# ---- files on disk


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "größe of data.bin"
    path.write_bytes(DATA)
    return path


def test_a_file(path: Path) -> None:
    source = FileSource(str(path))
    assert (source.name, source.size) == (str(path), len(DATA))
    assert run(source.read(5, 2**21)) == DATA[5 : 5 + 2**21]
    assert run(source.read(len(DATA) - 5, 10**15)) == DATA[-5:]
    assert run(source.read(len(DATA) + 5, 10)) == b""
    pieces = [bytes(view) for view in source.chunks(3, len(DATA) - 3)]
    assert b"".join(pieces) == DATA[3:]
    assert {len(piece) for piece in pieces[:-1]} == {CHUNK}
    assert list(source.chunks(9, 0)) == []
    os.truncate(path, 100)
    with pytest.raises(SourceError, match="ends 1 bytes before byte 101") as caught:
        list(source.chunks(0, 101))
    assert caught.value.code == "TRUNCATED"
    source.close()
    source.close()


def test_streaming_holds_one_chunk(path: Path) -> None:
    os.truncate(path, 64 * CHUNK)
    source = FileSource(str(path))
    tracemalloc.start()
    assert sum(len(view) for view in source.chunks(0, 64 * CHUNK)) == 64 * CHUNK
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    source.close()
    assert peak < 2 * CHUNK


def test_paths_that_are_no_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name, code, words in (
        ("absent", "NOT_FOUND", "no such file"),
        ("", "IO", "not a file"),
        ("pipe", "IO", "not a file"),
        ("a\0b", "IO", "null"),
        ("x" * 300, "IO", "too long"),
        ("absent/below", "NOT_FOUND", "no such file"),
    ):
        with pytest.raises(SourceError, match=words) as caught:
            open_sources(str(tmp_path / name))
        assert caught.value.code == code


def test_all_files_of_a_split_model_are_opened(tmp_path: Path) -> None:
    names = [str(tmp_path / f"m-0000{i}-of-00003.gguf") for i in (1, 2, 3)]
    for name in names[:2]:
        Path(name).write_bytes(b"GGUF")
    with pytest.raises(SourceError, match="00003-of-00003") as caught:
        open_sources(names[1])
    assert caught.value.code == "NOT_FOUND"
    Path(names[2]).write_bytes(b"GGUF")
    sources = open_sources(names[1])
    assert [source.name for source in sources] == names
    for source in sources:
        source.close()
    urls = open_sources("HTTPS://host/m-00002-of-00002.gguf?x=1")
    assert [type(source) for source in urls] == [HttpSource] * 2
    assert urls[0].name == "HTTPS://host/m-00001-of-00002.gguf"
