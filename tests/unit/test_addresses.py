"""Where the static server listens, what it says of that, and who else may read from it."""

import http.client
import re
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from py_engine.hosts.static import Server, authority, running, threaded

ROOT = Path(__file__).parents[2]


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


ADDRESSES = [
    "127.0.0.1",
    "localhost",
    "",
    *(pytest.param(host, marks=pytest.mark.skipif(not has_ipv6(), reason="no IPv6 here"))
      for host in ("::1", "::")),
]  # fmt: skip


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "site").mkdir()
    (tmp_path / "site/index.html").write_text("here")
    (tmp_path / "own.gguf").write_bytes(b"mine")
    return tmp_path / "site"


@pytest.mark.parametrize("host", ADDRESSES)
def test_the_printed_address_answers(site: Path, host: str) -> None:
    with threaded(Server(site, host)) as server:
        assert urllib.request.urlopen(server.url, timeout=10).read() == b"here"


@pytest.mark.parametrize("host", ADDRESSES)
def test_a_port_is_taken_once(site: Path, host: str) -> None:
    with threaded(Server(site, host)) as server, pytest.raises(OSError):
        Server(site, host, server.server_port)
    Server(site, host, server.server_port).server_close()  # and is free again at once


@pytest.mark.parametrize(
    ("host", "port", "wanted"),
    [
        ("::1", 80, "[::1]:80"),
        ("fd00::2", 8000, "[fd00::2]:8000"),
        ("::", 1, "localhost:1"),
        ("0.0.0.0", 1, "localhost:1"),
        ("192.168.1.2", 8, "192.168.1.2:8"),
        ("my.host", 8, "my.host:8"),
    ],
)
def test_an_address_of_ipv6_stands_in_brackets(host: str, port: int, wanted: str) -> None:
    assert authority(host, port) == wanted


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 here")
def test_serve_listens_on_ipv6() -> None:
    command = [sys.executable, "build.py", "serve", "--host", "::1", "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            found = next(filter(None, (re.search(r"http\S+", line) for line in process.stdout)))
            assert found[0].startswith("http://[::1]:")
            with urllib.request.urlopen(found[0], timeout=30) as answer:
                assert b"<title>Inferaived</title>" in answer.read()
        finally:
            process.terminate()


@pytest.mark.parametrize(
    ("host", "port", "said"),
    [
        ("127.0.0.1", None, "localhost:{port} (Address already in use)"),
        ("nowhere.invalid", 0, "nowhere.invalid:0"),
        ("127.0.0.1", 70000, "localhost:70000"),
    ],
)
def test_serve_says_why_it_cannot_listen(
    site: Path, host: str, port: int | None, said: str
) -> None:
    with running(site) as taken:
        port = taken.server_port if port is None else port
        command = [sys.executable, "build.py", "serve", "--host", host, "--port", str(port)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"cannot listen on {said.format(port=port)}" in done.stderr
    assert "try another --host or --port" in done.stderr and "Traceback" not in done.stderr


def test_other_origins_may_read_the_site_and_nobodys_own_files(site: Path) -> None:
    with running(site) as server:
        server.files["/own.gguf"] = site.parent / "own.gguf"
        heads = {}
        for path, ranged in (("/", {}), ("/index.html", {"Range": "bytes=1-2"}), ("/own.gguf", {})):
            connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
            connection.request("GET", path, headers=ranged)
            answer = connection.getresponse()
            answer.read()
            heads[path] = dict(answer.getheaders())
            connection.close()
    for path in ("/", "/index.html"):
        assert heads[path]["Access-Control-Allow-Origin"] == "*"
        assert "Content-Range" in heads[path]["Access-Control-Expose-Headers"]
    assert "Access-Control-Allow-Origin" not in heads["/own.gguf"]
