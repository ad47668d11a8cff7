"""The console command `inferaived`: ask, chat, score, tokenize and inspect, on either host.

Answers go to standard output, everything else to standard error. Exit status 0, or 1 with one
line that says what is wrong and what to do. The environment variable DEBUG makes it tell of loads,
replies and kernels: base/debug.py.
"""

import argparse
import asyncio
import io
import json
import math
import os
import re
import signal
import sys
from array import array
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

from py_engine.base.debug import Debug, level
from py_engine.base.errors import (
    BadRequest,
    BadTemplate,
    ContextFull,
    InferaivedError,
    SourceError,
)
from py_engine.engine import Piece, Reply
from py_engine.generate.sampling import Sampling
from py_engine.hosts.headless import BrowserEngine
from py_engine.hosts.native import NativeEngine
from py_engine.hosts.page import demo, site
from py_engine.text.variables import TemplateOptions

Host = NativeEngine | BrowserEngine
_ERASE = "\r\033[K"  # what stands on the line of progress
_NEW = "/new"
_LONE = re.compile("[\ud800-\udc7f\udd00-\udfff]")
"""Half a character of UTF-16, as Windows lets it stand; the others stand for bytes on Unix."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status."""
    _set_encodings()
    options = parser().parse_args(arguments)
    try:
        if options.model == "demo":
            options.model = str(demo())
        asyncio.run(options.run(options))
    except InferaivedError as error:
        print("inferaived:", _sentence(error), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 1
    return 0


def _set_encodings() -> None:
    """Files and pipes are read and written in UTF-8, whatever code page Windows has.

    JSON is UTF-8, so are today's texts, and every answer can be written. A terminal keeps its
    encoding, as it would show other characters. What is not valid becomes U+FFFD; "?", where
    the terminal lacks a character.
    """
    for stream in (sys.stdin, sys.stdout):
        if isinstance(stream, io.TextIOWrapper):
            encoding = None if stream.isatty() else "utf-8"
            stream.reconfigure(encoding=encoding, errors="replace")


def text(given: str) -> str:
    """A text from the command line: U+FFFD stands for what is not UTF-8, as in a browser."""
    return _LONE.sub("\ufffd", given).encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _sentence(error: InferaivedError) -> str:
    return " ".join(f"{error}. {error.hint}".split())


def parser() -> argparse.ArgumentParser:
    """The command line's grammar."""
    whole = argparse.ArgumentParser(
        prog="inferaived", description="Language models on the GPU: natively, or in a browser."
    )
    commands = whole.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Any, about: str, *, hosts: bool = True) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=about, description=about)
        sub.add_argument("model", metavar="MODEL", help="a path, a URL, or demo")
        sub.set_defaults(run=run, host="native")
        if hosts:
            sub.add_argument("--host", choices=("native", "browser"), default="native")
        return sub

    ask = command("ask", _ask, "Answer one prompt.")
    ask.add_argument("prompt", type=text, help="- reads standard input")
    ask.add_argument("--raw", action="store_true", help="give the prompt without a template")
    ask.add_argument("--json", action="store_true", help="print one object with ids and timings")
    chat = command("chat", _chat, "Talk in the terminal.", hosts=False)
    for sub in (ask, chat):
        _sampling_arguments(sub)
        _template_arguments(sub)
    score = command("score", _score, "Perplexity and logits of given ids.")
    score.add_argument("--ids", required=True, metavar="FILE.json", help="an array of token ids")
    score.add_argument("--logits", metavar="OUT.npy", help="write float32 [T, V]")
    tokenize = command("tokenize", _tokenize, "Token ids of a text, as JSON.")
    tokenize.add_argument("text", type=text, nargs="?", metavar="TEXT")
    tokenize.add_argument("--file", metavar="F", help="a text file (UTF-8)")
    tokenize.add_argument("--cases", metavar="FILE.json", help="texts, for an array of arrays")
    tokenize.add_argument("--special", action="store_true", help="take control tokens as such")
    command("inspect", _inspect, "What a file is and what it needs.")
    for name in ("ask", "chat", "score"):
        sub = commands.choices[name]
        sub.add_argument("--context", type=int, metavar="N", help="positions of the cache")
        sub.add_argument("--no-tune", dest="tune", action="store_false",
                         help="do not find out which kernels are fast here")  # fmt: skip
        sub.add_argument("--retune", dest="tune", action="store_const", const="again",
                         default=True, help="find it out again")  # fmt: skip
        sub.add_argument("--withhold", action="append", default=[], metavar="FEATURE",
                         help="do not use a GPU feature: subgroups")  # fmt: skip
    return whole


def _sampling_arguments(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--system", type=text, metavar="S", help="the system message")
    for one in fields(Sampling):
        if one.name not in ("stop", "logit_bias"):
            kind, metavar = (float, "X") if one.type is float else (int, "N")
            name = one.name.replace("_", "-")
            sub.add_argument(f"--{name}", type=kind, metavar=metavar)
    sub.add_argument(
        "--stop", type=text, action="append", metavar="TEXT", help="end the reply before it"
    )
    sub.add_argument(
        "--logit-bias", action="append", default=[], metavar="ID=X", help="add X to a logit"
    )


def _template_arguments(sub: argparse.ArgumentParser) -> None:
    effort, named = "none for no thought, or a word of the template's", "the template's variables"
    sub.add_argument("--reasoning-effort", metavar="WORD", help=effort)
    sub.add_argument("--chat-template-kwargs", metavar="JSON", help=named)


def _sampling(options: argparse.Namespace) -> Sampling:
    given: dict[str, object] = {
        f.name: getattr(options, f.name) for f in fields(Sampling) if f.name != "logit_bias"
    }
    biases = (pair.partition("=") for pair in options.logit_bias)
    try:
        given["logit_bias"] = {token: float(bias) for token, _, bias in biases}
    except ValueError as error:
        raise BadRequest("--logit-bias", options.logit_bias, "ID=NUMBER") from error
    return Sampling.from_options(given)


def _told(options: argparse.Namespace) -> TemplateOptions:
    named = options.chat_template_kwargs
    if named is not None:
        try:
            named = json.loads(named)
        except json.JSONDecodeError as error:
            raise BadRequest("--chat-template-kwargs", named, f"valid JSON ({error})") from error
    return {"chat_template_kwargs": named, "reasoning_effort": options.reasoning_effort}


def _host(options: argparse.Namespace) -> Host:
    withhold = getattr(options, "withhold", [])
    debug = Debug(level(os.environ.get("DEBUG")), _tell)
    if options.host == "browser":
        return BrowserEngine(site(), withhold=withhold, debug=debug)
    return NativeEngine(withhold=withhold, debug=debug)


def _tell(text: str) -> None:
    if sys.stderr.isatty():
        print(_ERASE, end="", file=sys.stderr)
    print(text, file=sys.stderr)


async def _load(host: Host, options: argparse.Namespace) -> None:
    shown = sys.stderr.isatty()

    def progress(done: int, total: int) -> None:
        if shown:
            print(f"\rloading {done >> 20} of {total >> 20} MiB", end="", file=sys.stderr)

    await host.load(options.model, context=options.context, tune=options.tune, progress=progress)
    if shown:
        print(_ERASE, end="", file=sys.stderr)
    _warn(host.info.get("warnings", ()))


def _warn(warnings: Iterable[str]) -> None:
    for warning in warnings:
        print(f"inferaived: warning: {warning}", file=sys.stderr)


async def _ask(options: argparse.Namespace) -> None:
    sampling = _sampling(options)
    prompt = sys.stdin.read() if options.prompt == "-" else options.prompt
    async with _host(options) as host:
        await _load(host, options)
        if options.raw:
            pieces = host.complete(prompt, sampling)
        else:
            messages = [*_system(options), {"role": "user", "content": prompt}]
            pieces = host.chat(messages, sampling, **_told(options))
        reply = await _show(host, pieces, quiet=options.json)
        if options.json:
            print(json.dumps(vars(reply) | _facts(host, options), ensure_ascii=False))
        if reply.finish_reason == "abort":
            raise KeyboardInterrupt


def _system(options: argparse.Namespace) -> list[dict[str, str]]:
    return [{"role": "system", "content": options.system}] if options.system else []


def _facts(host: Host, options: argparse.Namespace) -> dict[str, object]:
    """On what an answer was computed."""
    return {name: host.info[name] for name in ("adapter", "features")} | {"host": options.host}


async def _show(host: Host, pieces: AsyncIterator[Piece], *, quiet: bool = False) -> Reply:
    """Print pieces as they come; the reply at their end. Ctrl-C ends it after the token at hand."""
    with _interrupt(_stop(host)):
        async for piece in pieces:
            if not quiet:
                print(piece.text, end="", flush=True)
            if piece.reply:
                if not quiet:
                    print(flush=True)
                _warn(piece.reply.warnings)
                return piece.reply
    raise AssertionError("a reply ends with its last piece")


def _stop(host: Host) -> Any:
    """What Ctrl-C does during a reply: natively nothing waits, so asyncio could not cancel it."""
    engine = host.engine if isinstance(host, NativeEngine) else None
    return (lambda *_: engine.stop()) if engine else signal.getsignal(signal.SIGINT)


@contextmanager
def _interrupt(act: Any) -> Iterator[None]:
    """Have Ctrl-C call `act`, a signal handler, for a while."""
    before = signal.getsignal(signal.SIGINT)
    heard = callable(before)  # a shell's background job ignores it, and goes on to
    if heard:
        signal.signal(signal.SIGINT, act)
    try:
        yield
    finally:
        if heard:
            signal.signal(signal.SIGINT, before)


async def _chat(options: argparse.Namespace) -> None:
    sampling, told = _sampling(options), _told(options)
    messages = _system(options)
    async with _host(options) as host:
        await _load(host, options)
        about = f"{host.info['name']} on {host.info['adapter']}"
        _tell(
            f"{about}. {_NEW} begins a new conversation, Ctrl-C ends a reply, Ctrl-D the program."
        )
        while (asked := _asked()) is not None:
            if asked.strip() == _NEW:
                messages = _system(options)
                continue
            messages.append({"role": "user", "content": asked})
            try:
                reply = await _show(host, host.chat(messages, sampling, **told))
            except (BadRequest, BadTemplate, ContextFull) as error:
                messages.pop()
                _tell(f"inferaived: {_sentence(error)} Your message was taken back.")
                continue
            messages.append({"role": "assistant", "content": reply.text})
            ended = {"stop": "", "length": "cut off, ", "abort": "stopped, "}[reply.finish_reason]
            speed = reply.timings["decode_tok_s"]
            _tell(f"[{ended}{len(reply.ids)} tokens, {speed:.1f} a second]")


def _asked() -> str | None:
    """The next message that is not empty; None at the end of the input."""
    try:
        with _interrupt(signal.default_int_handler):
            while not (asked := text(input("> "))).strip():
                pass
            return asked
    except EOFError:
        print(file=sys.stderr)
        return None
    except KeyboardInterrupt:
        print(file=sys.stderr)
        raise


async def _score(options: argparse.Namespace) -> None:
    ids = _read_json(options.ids)
    if not isinstance(ids, list) or not ids or not all(isinstance(i, int) for i in ids):
        raise BadRequest("--ids", options.ids, "a JSON array of token ids, not empty")
    async with _host(options) as host:
        await _load(host, options)
        rows: list[bytes] = []
        surprise, at = 0.0, 0
        async for row in host.score(ids):
            at += 1
            if at < len(ids):
                surprise += _surprise(array("f", row), ids[at])
            if options.logits:
                rows.append(row)
        if options.logits:
            _write_npy(options.logits, rows)
        predicted = len(ids) - 1
        perplexity = math.exp(surprise / predicted) if predicted else None
        told = {"tokens": len(ids), "perplexity": perplexity, "logits": options.logits}
        print(json.dumps(told | _facts(host, options)))


def _surprise(logits: "array[float]", token: int) -> float:
    """-log softmax(logits)[token]"""
    top = max(logits)
    return top + math.log(math.fsum(math.exp(z - top) for z in logits)) - logits[token]


def _write_npy(path: str, rows: Sequence[bytes]) -> None:
    """Rows of little-endian float32 as a NumPy file (format 1.0)."""
    shape = (len(rows), len(rows[0]) // 4)
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}".encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    try:
        with Path(path).open("wb") as file:
            file.write(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
            file.writelines(rows)
    except OSError as error:
        raise SourceError("IO", path, error.strerror or str(error)) from error


async def _tokenize(options: argparse.Namespace) -> None:
    given = [options.text, options.file, options.cases]
    if sum(value is not None for value in given) != 1:
        raise BadRequest("tokenize", None, "one of TEXT, --file and --cases")
    wanted: str | list[str]
    if options.cases is not None:
        cases = _read_json(options.cases)
        if not isinstance(cases, list) or not all(isinstance(case, str) for case in cases):
            raise BadRequest("--cases", options.cases, "a JSON array of texts")
        wanted = [text(case) for case in cases]
    else:
        wanted = options.text if options.text is not None else _read_text(options.file)
    async with _host(options) as host:
        ids = await host.tokenize(wanted, special=options.special, model=options.model)
    print(json.dumps(ids))


async def _inspect(options: argparse.Namespace) -> None:
    async with _host(options) as host:
        print(json.dumps(await host.inspect(options.model), indent=2, ensure_ascii=False))


def _read_text(path: str) -> str:
    try:
        return Path(path).read_bytes().decode(errors="replace")
    except OSError as error:
        raise SourceError("NOT_FOUND", path, error.strerror or str(error)) from error


def _read_json(path: str) -> Any:
    try:
        return json.loads(_read_text(path))
    except json.JSONDecodeError as error:
        raise BadRequest("JSON file", path, f"valid JSON ({error})") from error


if __name__ == "__main__":
    sys.exit(main())
