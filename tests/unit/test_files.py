"""Native sources: files on disk, and servers with every fault that a server can have."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from py_engine.base.errors import SourceError
from py_engine.formats.gguf import read_split
from py_engine.hosts import files
from py_engine.hosts.files import CHUNK, FileSource, HttpSource, open_sources
from py_engine.hosts.retries import POLICY, Policy
from py_engine.hosts.static import threaded
from tests import download_cases
from tests.download_cases import CASES, Case, Player
from tests.gguf_cases import MUST_PASS, run
from tests.http_faults import DATA, RANGES, SECRET, Server


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

QUICK = Policy(first_s=0.001, stall_s=0.6)

FAULTS = {
    "half": ("TRUNCATED", "broke off at byte 1800000 of 3600000"),
    "half_chunked": ("TRUNCATED", "broke off at byte"),
    "headers_only": ("TRUNCATED", "broke off at byte 0 of 3600000"),
    "stalls": ("TRUNCATED", r"no bytes came for 0\.6 s"),
    "silent": ("NETWORK", r"no answer came for 0\.6 s"),
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
        source = HttpSource(url, QUICK)
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
        assert len(server.log) <= POLICY.tries * (11 if name == "loop" else 1)
        source.close()


def test_an_empty_file_is_empty(server: Server) -> None:
    assert run(HttpSource(server.url("status_416")).read(0, 100)) == b""


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    with pytest.raises(SourceError, match="refused") as caught:
        run(HttpSource(f"http://127.0.0.1:{port}/m.gguf", QUICK).read(0, 10))
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


# ---- faults that may pass


@pytest.mark.parametrize("name", CASES)
def test_a_download_meets_faults(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("no_proxy", "*")
    case = CASES[name]
    policy = Policy(
        first_s=download_cases.FIRST_S,
        most_s=download_cases.MOST_S,
        stall_s=download_cases.STALL_S,
    )
    begin = time.monotonic()
    with threaded(Player(case)) as player:
        source = HttpSource(player.url, policy)
        if case.code:
            with pytest.raises(SourceError) as caught:
                list(source.chunks(0, len(download_cases.DATA)))
            assert caught.value.code == case.code
            assert case.says in str(caught.value)
        else:
            pieces = [bytes(view) for view in source.chunks(0, len(download_cases.DATA))]
            assert b"".join(pieces) == download_cases.DATA
        source.close()
    assert len(player.asked) == case.requests
    assert case.least_s <= time.monotonic() - begin < case.most_s


def test_ctrl_c_ends_a_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # some shells ignore it
    with threaded(Player(Case(["503 after 60"]))) as player:
        timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
        begin = time.monotonic()
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            run(HttpSource(player.url).read(0, 10))
    signal.signal(signal.SIGINT, before)
    assert time.monotonic() - begin < 2


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
