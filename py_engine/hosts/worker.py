"""The browser's host: requests of web/base/protocol.js in, answers out, one engine between.

Knows the protocol, the files' table and who makes the device; decides nothing about models. A
request is a task; those that use the GPU take turns. The loaded model goes when the next one's
header is known to be good; a load that fails after that closes its device and with it all that it
had made, so the next one begins from nothing.
"""

import asyncio
import json
import time
import traceback
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any, TypeVar

from pyodide.ffi import JsException, create_proxy, to_js

from py_engine.base.debug import Debug
from py_engine.base.errors import BadRequest, DeviceLost, InferaivedError, SourceError
from py_engine.engine import Engine, Piece, Reply, check, inspect, load
from py_engine.formats.gguf import GGUF, read_split, shard_names
from py_engine.generate.sampling import Sampling
from py_engine.gpu.browser import BrowserDevice, rebuilt
from py_engine.hosts.shaders import read_shader
from py_engine.text.tokenizer import Tokenizer
from py_engine.text.tokenizer_json import packed
from py_engine.text.variables import TEMPLATE_OPTIONS
from py_engine.text.vocabulary import Vocabulary

Message = Mapping[str, Any]
T = TypeVar("T")
_PROGRESS_S = 0.05
"""Progress is told no more often than this."""
_ROWS_AHEAD = 4
"""Rows of logits that may wait in the page: one has 600 kB where the vocabulary has 152 k."""
_ABORTED = vars(Reply("", (), (), "abort", {}))


class BrowserSource:
    """A file of web/engine/files.js; see `Source`. `begin` comes first and asks for it."""

    size: int | None = None

    def __init__(self, files: Any, spec: str | int) -> None:
        self._files = files
        self.id: int = files.open(spec)
        self.name: str = files.name(self.id)

    async def begin(self) -> None:
        try:
            self.size = await self._files.begin(self.id)
        except JsException as error:
            raise rebuilt(error) from None

    async def read(self, at: int, nbytes: int) -> bytes:
        try:
            data = await self._files.read(self.id, at, nbytes)
        except JsException as error:
            raise rebuilt(error) from None
        return bytes(data.to_bytes())

    def close(self) -> None:
        self._files.close(self.id)


class KeptTunings:
    """web/engine/tunings.js; see `Tunings`."""

    def __init__(self, kept: Any) -> None:
        self._kept = kept

    async def get(self, key: str) -> str:
        return str(await self._kept.get(key))

    async def put(self, key: str, text: str) -> None:
        await self._kept.put(key, text)


class JsEncoder:
    """web/engine/tokens.js's encoder of plain text."""

    def __init__(self, js: Any, vocabulary: Vocabulary) -> None:
        rules, tokens, merges = packed(vocabulary)  # a long str would take half a second to cross
        self._encode = js.makeEncoder(rules, to_js(tokens), to_js(merges)).encode

    def encode(self, text: str) -> list[int]:
        ids: list[int] = self._encode(text).to_py().tolist()
        return ids


class Worker:
    """Serves requests.

    Args:
        js: what web/engine/worker.js gives: files, makeEncoder, openGpu, heapBytes, debug; and
            emit, emitToken and emitLogits, which answer.
    """

    def __init__(self, js: Any) -> None:
        self._js = js
        self._emit, self._emit_token = js.emit, js.emitToken
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._turn = asyncio.Lock()
        self._replying: int | None = None
        self._room: dict[int, asyncio.Semaphore] = {}
        self._engine: Engine | None = None
        self._device: BrowserDevice | None = None
        self._verbs: dict[str, Callable[[Message], Awaitable[Any]]] = {
            "load": self._load,
            "chat": self._chat,
            "complete": self._complete,
            "score": self._score,
            "tokenize": self._tokenize,
            "inspect": self._inspect,
            "close": self._close,
        }

    def receive(self, text: str) -> None:
        """Take one request, as JSON."""
        message: Message = json.loads(text)
        number = message["id"]
        if message["kind"] == "stop":
            self._stop(number)
            return
        if message["kind"] == "take":
            if number in self._room:
                self._room[number].release()
            return
        task = asyncio.ensure_future(self._serve(message))
        self._tasks[number] = task
        task.add_done_callback(lambda _: self._finish(task, message))

    def _finish(self, task: asyncio.Task[None], message: Message) -> None:
        """Forget a task; if it was cancelled, perhaps before it began, say so."""
        number = message["id"]
        del self._tasks[number]
        if not task.cancelled():
            return
        if message["kind"] in ("chat", "complete"):  # it has no token yet
            self._emit(json.dumps({"kind": "done", "id": number, "result": _ABORTED}))
        else:
            stopped = {"name": "Stopped", "message": "stopped", "hint": "", "trace": ""}
            self._emit(self._failed(number, stopped))

    def _stop(self, number: int) -> None:
        if self._replying == number and self._engine:
            self._engine.stop()
        elif number in self._tasks:
            self._tasks[number].cancel()

    async def _serve(self, message: Message) -> None:
        number, kind = message["id"], message["kind"]
        try:
            result = await self._verbs[kind](message)
            answer = {"kind": "done", "id": number, "result": result}
            if kind == "load":
                answer = {"kind": "ready", "id": number, "info": result}
            text = json.dumps(answer, allow_nan=False)  # which JavaScript could not read
        except Exception as error:
            if isinstance(error, DeviceLost):
                self._free()
            answer = {"kind": "fail"}
            text = self._failed(number, _failure(error))
        self._emit(text)
        if answer["kind"] == "ready" and self._engine:  # while the reader reads
            asyncio.get_running_loop().call_soon(self._engine.prepare)

    def _failed(self, number: int, error: Mapping[str, str]) -> str:
        loaded = self._engine is not None
        return json.dumps({"kind": "fail", "id": number, "error": error, "loaded": loaded})

    async def _load(self, message: Message) -> object:
        async with self._turn:
            sources: list[BrowserSource] = []
            header = None
            try:
                if self._engine:  # it goes on working if the other file is none, or none for us
                    await self._open(message["model"], sources)
                    context = message.get("context")
                    header = await check(sources, self._make_encoder, context=context)
                    self._free()
                return await self._load_afresh(message, sources, header)
            finally:
                for source in sources:
                    source.close()

    async def _load_afresh(
        self, message: Message, sources: list[BrowserSource], header: GGUF | None
    ) -> object:
        tune = message.get("tune", True)
        opening = asyncio.ensure_future(self._open_device())
        try:
            if header is None:
                await self._begin(message["model"], sources, opening)
            self._engine = await load(
                sources,
                asyncio.shield(opening),
                self._make_encoder,
                read_shader,
                header=header,
                context=message.get("context"),
                tunings=KeptTunings(self._js.tunings) if tune else None,
                retune=tune == "again",
                progress=self._progress(message["id"]),
            )
            await self._engine.report(Debug(self._js.debug, print))  # to the console
            return self._engine.info
        except BaseException:
            await asyncio.wait([opening])  # what opens late has to be closed, too
            self._free()
            raise

    async def _chat(self, message: Message) -> object:
        sampling = Sampling.from_options(message["options"])
        messages: Any = message.get("messages")  # what is wrong with it the engine says
        told: Any = {name: message[name] for name in TEMPLATE_OPTIONS if name in message}
        return await self._reply(
            message["id"], lambda engine: engine.chat(messages, sampling, **told)
        )

    async def _complete(self, message: Message) -> object:
        sampling = Sampling.from_options(message["options"])
        prompt: Any = message.get("prompt")
        return await self._reply(message["id"], lambda engine: engine.complete(prompt, sampling))

    async def _reply(self, number: int, begin: Callable[[Engine], AsyncGenerator[Piece]]) -> object:
        async with self._turn, aclosing(begin(self._loaded())) as pieces:
            try:
                async for piece in pieces:
                    self._replying = number  # until now a stop cancels the task
                    if piece.text or piece.ids:
                        self._emit_token(number, piece.text, *piece.ids)
                    if piece.reply:
                        return vars(piece.reply) | {"heap_bytes": self._js.heapBytes()}
                raise AssertionError("the engine ended without a reply")
            finally:
                self._replying = None

    async def _score(self, message: Message) -> None:
        number = message["id"]
        ids: Any = message.get("ids")
        room = self._room[number] = asyncio.Semaphore(_ROWS_AHEAD)
        try:
            async with self._turn:
                engine = self._loaded()
            async with aclosing(engine.score(ids)) as rows:
                await room.acquire()
                while (row := await self._row(engine, rows)) is not None:
                    self._js.emitLogits(number, to_js(row))
                    await room.acquire()
        finally:
            del self._room[number]

    async def _row(self, engine: Engine, rows: AsyncGenerator[bytes]) -> bytes | None:
        """The next row of an engine, or None; others may have had their turn since the last."""
        async with self._turn:
            if self._engine is not engine:
                raise InferaivedError("the model was closed", "Load it again.")
            return await anext(rows, None)

    async def _tokenize(self, message: Message) -> object:
        special = bool(message["special"])
        if message.get("model"):
            gguf = await self._with_sources(message["model"], read_split)
            tokenizer = Tokenizer(gguf.metadata, self._make_encoder)
        else:
            tokenizer = self._loaded().tokenizer
        if "text" in message:
            return tokenizer.encode(message["text"], special=special)
        texts = message.get("texts")
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise BadRequest("text", texts, "a text, or a list of texts")
        return [tokenizer.encode(text, special=special) for text in texts]

    async def _inspect(self, message: Message) -> object:
        return await self._with_sources(message["model"], inspect)

    async def _close(self, message: Message) -> None:
        if self._engine:
            self._engine.stop()
        async with self._turn:
            self._free()

    def _loaded(self) -> Engine:
        if self._engine is None:
            raise InferaivedError("no model is loaded", "Load one first.")
        return self._engine

    def _free(self) -> None:
        """Close the engine and the device: afterwards nothing is left on the GPU."""
        self._engine = None
        if self._device:
            self._device.close()
        self._device = None

    async def _open_device(self) -> BrowserDevice:
        try:
            self._device = BrowserDevice(await self._js.openGpu())
            return self._device
        except JsException as error:
            raise rebuilt(error) from None

    async def _with_sources(
        self, model: Sequence[Any], use: Callable[[Sequence[BrowserSource]], Awaitable[T]]
    ) -> T:
        sources: list[BrowserSource] = []
        try:
            await self._open(model, sources)
            return await use(sources)
        finally:
            for source in sources:
                source.close()

    async def _begin(
        self,
        model: Sequence[Any],
        sources: list[BrowserSource],
        opening: asyncio.Future[BrowserDevice],
    ) -> None:
        """`_open`, which no server keeps from telling that there is no GPU."""
        beginning = asyncio.ensure_future(self._open(model, sources))
        both: list[asyncio.Future[Any]] = [opening, beginning]
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            if opening.done():
                opening.result()
            await beginning
        finally:
            beginning.cancel()

    async def _open(self, model: Sequence[Any], sources: list[BrowserSource]) -> None:
        """Append the model's sources: all shards of a URL, or the given files in their order."""
        if isinstance(model[0], str):
            specs = shard_names(model[0])
        else:
            given = {part["name"]: part["blob"] for part in model}
            names = shard_names(model[0]["name"])
            missing = [name for name in names if name not in given]
            if missing:
                hint = "Choose all files of the split model together."
                raise SourceError("NOT_FOUND", missing[0], "it was not given", hint)
            specs = [given[name] for name in names]
        for spec in specs:
            source = BrowserSource(self._js.files, spec)
            sources.append(source)
            await source.begin()

    def _make_encoder(self, vocabulary: Vocabulary) -> JsEncoder:
        return JsEncoder(self._js, vocabulary)

    def _progress(self, number: int) -> Callable[[int, int], None]:
        last = 0.0

        def tell(done: int, total: int) -> None:
            nonlocal last
            now = time.monotonic()
            if now - last >= _PROGRESS_S or done == total:
                last = now
                answer = {"kind": "progress", "id": number, "done": done, "total": total}
                self._emit(json.dumps(answer))

        return tell


def serve(js: Any) -> Any:
    """Begin to serve; returns the function that takes requests as JSON."""
    return create_proxy(Worker(js).receive)


def _failure(error: Exception) -> dict[str, str]:
    if isinstance(error, InferaivedError):
        hint = error.hint
    elif isinstance(error, MemoryError):
        hint = "Close other pages and reload this one; a smaller model needs less memory."
    else:
        hint = "This is a fault of the program itself. Please report it."
    trace = "".join(traceback.format_exception(error))
    return {"name": type(error).__name__, "message": str(error), "hint": hint, "trace": trace}
