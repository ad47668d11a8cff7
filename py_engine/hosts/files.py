"""Model files for the native hosts: on disk, or behind HTTP.

Both are Sources (formats/source.py) that can also stream: `chunks` gives the weights to the GPU
without holding more than a mebibyte of them. I/O blocks, inside the async methods too; natively
nothing else waits for the event loop. It knows bytes and servers, not what a GGUF is.
"""

import os
import re
import stat
from abc import ABC, abstractmethod
from collections.abc import Iterator
from http import HTTPStatus
from http.client import HTTPException, HTTPMessage, HTTPResponse, InvalidURL
from ssl import SSLCertVerificationError
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import Request, urlopen

from py_engine.base.errors import SourceError
from py_engine.formats.gguf import shard_names
from py_engine.hosts.retries import PASSING, POLICY, Passing, Policy, Retries

CHUNK = 2**20
"""Bytes that are held at a time."""
SKIP = 2**20
"""A gap up to this many bytes is read and dropped rather than asked around."""

_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18}|\*)")
_URL = re.compile(r"https?://", re.I)

_LATER = "Try again later, or download the file and give its path."
_LOGIN = "It may be private or need a licence accepted: download it yourself and give its path."
_HTML = "Use the address of the file itself (on Hugging Face /resolve/, not /blob/)."
_INCOMPLETE = "The download broke off: try again, or download the file and give its path."
_CHANGED = "The file on the server was replaced while it was read: try again."
_NETWORK = "Check the address and the network connection, then try again."
_SERVER = "This server cannot be used: download the file and give its path."


def open_sources(model: str) -> list["FileSource | HttpSource"]:
    """The files of a model given by path or URL; any file of a split model names all of them.

    Raises:
        SourceError: a file on disk cannot be opened. URLs are asked at the first read.
    """
    if _URL.match(model):
        return [HttpSource(url) for url in shard_names(model)]
    sources: list[FileSource | HttpSource] = []
    try:
        for path in shard_names(model):
            sources.append(FileSource(path))
    except SourceError:
        for source in sources:
            source.close()
        raise
    return sources


class Streamed(ABC):
    """What both have in common: to read is to fill a buffer from a position."""

    name: str
    size: int | None

    @abstractmethod
    def fill(self, at: int, view: memoryview) -> int:
        """Fill `view` with the bytes from `at`; their number, smaller only at the file's end."""

    @abstractmethod
    def close(self) -> None:
        """Release what is held; safe to call twice."""

    async def read(self, at: int, nbytes: int) -> bytes:
        """The bytes [at, at + nbytes), fewer only at the end of the file. Blocks."""
        return b"".join(bytes(view) for view in self._pieces(at, nbytes))

    def chunks(self, at: int, nbytes: int) -> Iterator[memoryview]:
        """The same bytes piece by piece, each of CHUNK bytes but the last. Blocks.

        A piece is valid until the next one is asked for.

        Raises:
            SourceError: the bytes cannot be had, or the file ends before.
        """
        missing = nbytes
        for view in self._pieces(at, nbytes):
            missing -= len(view)
            yield view
        if missing:
            why = f"it ends {missing} bytes before byte {at + nbytes}"
            raise SourceError("TRUNCATED", self.name, why, _INCOMPLETE)

    def _pieces(self, at: int, nbytes: int) -> Iterator[memoryview]:
        buffer = memoryview(bytearray(min(CHUNK, nbytes)))
        end = at + nbytes
        while at < end:
            wanted = min(CHUNK, end - at)
            filled = self.fill(at, buffer[:wanted])
            if filled:
                yield buffer[:filled]
            if filled < wanted:
                return
            at += filled


class FileSource(Streamed):
    """A regular file on disk, open until `close`."""

    def __init__(self, path: str) -> None:
        self.name = path
        try:
            status = os.stat(path)  # before opening, because opening a pipe would wait
            if not stat.S_ISREG(status.st_mode):
                raise SourceError("IO", path, "it is not a file", "Give the path of a GGUF file.")
            self.size = status.st_size
            self._file = open(path, "rb", buffering=0)  # noqa: SIM115 - closed by close()
        except FileNotFoundError as error:
            hint = "Check the path; all files of a split model must lie in one folder."
            raise SourceError("NOT_FOUND", path, "there is no such file", hint) from error
        except (OSError, ValueError) as error:  # ValueError: a NUL in the path
            raise SourceError("IO", path, _reason(error)) from error

    def fill(self, at: int, view: memoryview) -> int:
        filled = 0
        try:
            self._file.seek(at)
            while filled < len(view) and (n := self._file.readinto(view[filled:])):
                filled += n
        except OSError as error:
            raise SourceError("IO", self.name, _reason(error)) from error
        return filled

    def close(self) -> None:
        self._file.close()


class HttpSource(Streamed):
    """A file behind HTTP, read over as few connections as possible.

    A connection stays open at its position, so that reading on costs no request. To read
    elsewhere a new range is asked for. Where the server ignores ranges, going back means to read
    from the start again: read in the order of the file. What fails and may pass is tried again
    (retries.py). A download goes on only if the file has the same size and ETag.
    """

    def __init__(self, url: str, policy: Policy = POLICY) -> None:
        self.name = re.sub(r"//[^/]*@", "//", re.sub(r"[?#].*", "", url, flags=re.S))
        self.size = None  # until the first answer
        self._url = quote(url, safe="%/:?#[]@!$&'()*+,;=~")
        self._policy = policy
        self._retries = Retries(policy)
        self._etag: str | None = None
        self._ranges = True  # as long as the server heeds them
        self._body: HTTPResponse | None = None
        self._at = 0  # the file's byte that the body gives next
        self._furthest = 0  # how far a body ever came
        self._end: int | None = None  # where the body ends, if it told

    def fill(self, at: int, view: memoryview) -> int:
        filled = 0
        while filled < len(view) and (self.size is None or at + filled < self.size):
            try:
                body = self._body_at(at + filled)
                n = 0 if body is None else self._receive(body, view[filled:])
            except Passing as fault:
                self.close()
                self._retries.wait(fault)
                continue
            if n == 0:
                break
            filled += n
        return filled

    def close(self) -> None:
        if self._body is not None:
            self._body.close()
        self._body = None

    def _body_at(self, at: int) -> HTTPResponse | None:
        """A body whose next byte is the file's byte `at`; None if the file ends before."""
        body, gap = self._body, at - self._at
        far = gap < 0 or (self._ranges and gap > SKIP)
        if body is None or far or (self._end is not None and at >= self._end):
            body = self._body = self._open(at)
        scratch = memoryview(bytearray(min(CHUNK, max(0, at - self._at))))
        while body is not None and self._at < at:
            if not self._receive(body, scratch[: at - self._at]):
                return None
        return body

    def _receive(self, body: HTTPResponse, view: memoryview) -> int:
        """Read what is there next; 0 where the body ends as it should."""
        if self._end is not None:
            view = view[: self._end - self._at]
        try:
            n = body.readinto(view)
        except TimeoutError as error:
            raise self._broken(f"no bytes came for {self._policy.stall_s:g} s") from error
        except (OSError, HTTPException) as error:
            raise self._broken(f"it broke off at byte {self._at}") from error
        if n == 0 and len(view) and self._end is not None:
            raise self._broken(f"it broke off at byte {self._at} of {self._end}")
        self._at += n
        if self._at > self._furthest:
            self._furthest = self._at
            self._retries.progress()
        return n

    def _broken(self, why: str) -> Exception:
        """A body ended too early. It can be taken up if what comes then can be compared."""
        error = SourceError("TRUNCATED", self.name, why, _INCOMPLETE)
        return error if self.size is None and self._etag is None else Passing(error)

    def _open(self, at: int) -> HTTPResponse | None:
        """Ask for the bytes from `at` on; None if the server says that there are none."""
        self.close()
        headers = {"Range": f"bytes={at}-", "User-Agent": "inferaived"}
        try:
            answer: HTTPResponse = urlopen(
                Request(self._url, headers=headers), timeout=self._policy.stall_s
            )
        except HTTPError as error:
            error.close()
            if error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and self.size is None:
                return None
            refusal = self._refusal(error.code)
            if error.code in PASSING:
                raise Passing(refusal, error.headers["Retry-After"]) from error
            raise refusal from error
        except (OSError, HTTPException, ValueError) as error:
            silence = SourceError("NETWORK", self.name, self._silence(error), _NETWORK)
            raise (Passing(silence) if _may_pass(error) else silence) from error
        try:
            self._accept(answer.status, answer.headers, answer.length, at)
        except SourceError:
            answer.close()
            raise
        return answer

    def _accept(self, status: int, headers: HTTPMessage, length: int | None, at: int) -> None:
        """Check an answer and note where its body begins and ends."""
        if headers.get_content_type() == "text/html":
            raise SourceError("HTML", self.name, "the address shows a web page (HTML)", _HTML)
        if headers.get("Content-Encoding", "identity").lower() != "identity":
            raise SourceError("HTTP", self.name, "the server sends it compressed", _SERVER)
        if status == HTTPStatus.PARTIAL_CONTENT:
            told = headers.get("Content-Range", "")
            match = _RANGE.fullmatch(told)
            start, end = (int(match[1]), int(match[2]) + 1) if match else (0, 0)
            total = int(match[3]) if match and match[3] != "*" else None
            if not at == start < end <= (total or end):
                why = f"asked for the bytes from {at} on, the server sent {told[:80]!r}"
                raise SourceError("RANGE", self.name, why, _SERVER)
        elif status == HTTPStatus.OK:
            start, total = 0, length
        else:
            raise self._refusal(status)
        size = self.size if total is None else total
        etag = headers.get("ETag", self._etag)
        if self.size not in (None, size) or self._etag not in (None, etag):
            raise SourceError("CHANGED", self.name, "the file on the server changed", _CHANGED)
        self.size, self._etag = size, etag
        self._at = start
        self._ranges = status == HTTPStatus.PARTIAL_CONTENT
        self._end = end if self._ranges else length

    def _refusal(self, status: int) -> SourceError:
        """The error for a status that brings no file."""
        if status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
            why = f"there is no such file (HTTP {status})"
            return SourceError("NOT_FOUND", self.name, why, _NETWORK)
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            return SourceError("HTTP", self.name, f"access is denied (HTTP {status})", _LOGIN)
        if status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            return SourceError("CHANGED", self.name, "the file on the server shrank", _CHANGED)
        return SourceError("HTTP", self.name, f"the server answers HTTP {status}", _LATER)

    def _silence(self, error: Exception) -> str:
        """Why there is no answer. Never the address: it may hold a password or a token."""
        reason = error.reason if isinstance(error, URLError) else error
        if isinstance(reason, TimeoutError):
            return f"no answer came for {self._policy.stall_s:g} s"
        if isinstance(reason, (str, InvalidURL, ValueError)):  # str: no host in the address
            return "the address is not valid"
        return _reason(reason) if isinstance(reason, OSError) else "the answer is not HTTP"


def _may_pass(error: Exception) -> bool:
    """Whether it is of the network: not of the address, nor of the server's certificate."""
    reason = error.reason if isinstance(error, URLError) else error
    lasting = isinstance(reason, (str, InvalidURL, ValueError, SSLCertVerificationError))
    return isinstance(reason, (OSError, HTTPException)) and not lasting


def _reason(error: OSError | ValueError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
