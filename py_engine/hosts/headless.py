"""The browser's engine for the command line and the tests: dist/ in a headless Chromium.

Opens headless.html of the built site through Playwright and calls client.js in it, so that
exactly the code that ships runs: its worker, its Pyodide, its GPU. Local files are served to it
from the same loopback server. Knows no more of the engine than client.js does.
"""

import asyncio
import base64
import json
import os
import shutil
import sys
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, Unpack
from urllib.parse import quote, urlsplit

from py_engine.base import errors
from py_engine.base.debug import SILENT, Debug
from py_engine.engine import Piece, Reply
from py_engine.formats.gguf import shard_names
from py_engine.generate.sampling import Sampling
from py_engine.generate.tune import Tune
from py_engine.hosts.static import Server, running
from py_engine.text.variables import TemplateOptions

if TYPE_CHECKING:  # it is imported where it is used: the native host does without
    from playwright.async_api import Browser, Playwright

T = TypeVar("T")
NAMES = ("chromium", "google-chrome", "google-chrome-stable", "chromium-browser", "chrome")
MAC_CHROME = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
QUIET = ("--disable-background-networking", "--disable-component-update")
SOFTWARE = (*QUIET, "--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader")
"""SwiftShader on the CPU, the same on every machine."""
_VULKAN = ("--enable-features=Vulkan", "--use-angle=vulkan", "--disable-vulkan-surface")
_DRIVER = _VULKAN if sys.platform == "linux" else ()
HARDWARE = (*QUIET, "--enable-unsafe-webgpu", "--ignore-gpu-blocklist", *_DRIVER)
"""The machine's GPU. Where there is none these flags make Chromium draw, slowly, on SwiftShader
too, and the engine gets no time: see `has_gpu`."""

_START = """async (options) => {
  const client = await import("./client.js");
  globalThis.inferaived = { client, worker: await client.start(options), streams: {} };
}"""
_LOAD = """async ({ model, context, tune }) => {
  const { client, worker } = globalThis.inferaived;
  const onProgress = globalThis.inferaivedProgress;
  globalThis.inferaived.engine = await client.load(model, { context, tune, worker, onProgress });
  return globalThis.inferaived.engine.info;
}"""
_STREAM = """async ({ number, verb, given, options }) => {
  const { engine, streams } = globalThis.inferaived;
  const { signal } = (streams[number] = new AbortController());
  try {
    const stream = engine[verb](given, { ...options, signal });
    for await (const item of stream) {
      await globalThis.inferaivedEmit(number, ArrayBuffer.isView(item) ? base64(item) : item);
    }
    return await stream.result;
  } finally {
    delete streams[number];
  }
  function base64({ buffer }) {
    const bytes = new Uint8Array(buffer);
    let text = "";
    for (let at = 0; at < bytes.length; at += 1 << 15) {
      text += String.fromCharCode(...bytes.subarray(at, at + (1 << 15)));
    }
    return btoa(text);
  }
}"""
_ABORT = "(number) => globalThis.inferaived.streams[number]?.abort()"
_TOKENIZE = """async ({ model, text, special }) => {
  const { client, worker, engine } = globalThis.inferaived;
  if (model === null) return engine.tokenize(text, { special });
  return client.tokenize(model, text, { special, worker });
}"""
_INSPECT = """async (model) => {
  const { client, worker } = globalThis.inferaived;
  return client.inspect(model, { worker });
}"""
_GUARD = """async (argument) => {
  try {
    return { value: await (CALL)(argument) };
  } catch (error) {
    const { name, message, hint = "", trace = "" } = error;
    return { error: { name, message, hint, trace } };
  }
}"""


class RemoteError(errors.InferaivedError):
    """An error of the engine in the browser, with its name, message and hint."""

    def __init__(self, name: str, message: str, hint: str, trace: str) -> None:
        super().__init__(message, hint)
        self.name = name
        self.trace = trace


class BrowserEngine:
    """`Engine` in a browser: `async with BrowserEngine(dist) as engine: await engine.load(…)`.

    Args:
        dist: the built site.
        software: True takes SwiftShader though there be a GPU.
        withhold, default_limits: as NativeDevice has them.
        chromium: path of the browser; found if not given.
        debug: the level is the engine's; what the browser's console gets is said too.
    """

    info: dict[str, Any]
    """What `load` tells of the model and the device."""

    def __init__(
        self,
        dist: Path,
        *,
        software: bool = False,
        withhold: Sequence[str] = (),
        default_limits: bool = False,
        chromium: str | None = None,
        debug: Debug = SILENT,
    ) -> None:
        self._dist = dist
        self._flags = SOFTWARE if software or not has_gpu() else HARDWARE
        self._debug = debug
        self._options = {
            "withhold": list(withhold),
            "defaultLimits": default_limits,
            "debug": debug.level,
        }
        self._chromium = chromium
        self._progress: Callable[[int, int], None] | None = None
        self._streams: dict[int, asyncio.Queue[Any]] = {}
        self._begun = 0
        self._browser: Browser | None = None
        self._playwright: Playwright | None = None
        self.info = {}

    async def __aenter__(self) -> "BrowserEngine":
        if not (self._dist / "headless.html").is_file():
            raise errors.SourceError(
                "NOT_FOUND", str(self._dist), "it is not a built site", "Run python3 build.py dist."
            )
        try:
            from playwright.async_api import async_playwright
        except ImportError as error:
            hint = "Install it: pip install playwright."
            raise errors.MissingFeature("--host browser needs Playwright", hint) from error
        self._serving = running(self._dist)
        self._server: Server = self._serving.__enter__()
        try:
            self._playwright = await async_playwright().start()
            self._browser = await launch(self._playwright, self._flags, self._chromium)
            self.page = await self._browser.new_page()
            await self.page.expose_function("inferaivedEmit", self._take)
            await self.page.expose_function("inferaivedProgress", self._tell)
            self.page.on("console", lambda message: self._debug.say(message.text))
            await self.page.goto(f"{self._server.url}headless.html")
            await self._call(_START, self._options)
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._browser:
            await self._browser.close()
        if self._playwright:
            await self._playwright.stop()
        self._serving.__exit__(None, None, None)

    async def load(
        self,
        model: str,
        *,
        context: int | None = None,
        tune: Tune = True,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        """Load a path or URL; `progress` gets bytes done and total."""
        self._progress = progress
        self.info = {}
        given = {"model": self._served(model), "context": context, "tune": tune}
        self.info = await self._call(_LOAD, given)

    def chat(
        self,
        messages: Sequence[Mapping[str, object]],
        sampling: Sampling,
        **told: Unpack[TemplateOptions],
    ) -> AsyncGenerator[Piece]:
        """As `Engine.chat`."""
        return self._stream("reply", messages, {**_options(sampling), **told}, _piece)

    def complete(self, prompt: str | Sequence[int], sampling: Sampling) -> AsyncGenerator[Piece]:
        """As `Engine.complete`."""
        return self._stream("complete", prompt, _options(sampling), _piece)

    def score(self, ids: Sequence[int]) -> AsyncGenerator[bytes]:
        """As `Engine.score`."""
        return self._stream("score", ids, {}, base64.b64decode)

    async def tokenize(
        self, text: str | Sequence[str], *, special: bool = False, model: str | None = None
    ) -> list[Any]:
        """Ids of a text or of each of several: the loaded model's, or those of `model`."""
        given: dict[str, Any] = {"text": text if isinstance(text, str) else list(text)}
        given |= {"special": special, "model": model and self._served(model)}
        return list(await self._call(_TOKENIZE, given))

    async def inspect(self, model: str) -> dict[str, Any]:
        """As `engine.inspect`."""
        return dict(await self._call(_INSPECT, self._served(model)))

    async def stop(self) -> None:
        """End the running reply between two tokens."""
        await self.page.evaluate("() => globalThis.inferaived.engine?.stop()")

    async def close(self) -> None:
        """Free the model; another one may be loaded."""
        self.info = {}
        await self._call("() => globalThis.inferaived.engine?.close()", None)

    def _check_loaded(self) -> None:
        if not self.info:
            raise errors.InferaivedError("no model is loaded", "Load one first.")

    async def _stream(
        self, verb: str, given: object, options: Mapping[str, object], read: Callable[[Any], T]
    ) -> AsyncGenerator[T]:
        """What a stream of client.js gives, and its result if it has one, each made by `read`.

        The only generator between the page and the caller: when a loop ends, Python closes all
        that are left at once, and one inside of another would be closed twice.
        """
        self._check_loaded()
        self._begun += 1
        number = self._begun
        values = self._streams[number] = asyncio.Queue()
        argument = {"number": number, "verb": verb, "given": given, "options": options}
        call = asyncio.ensure_future(self._call(_STREAM, argument))
        call.add_done_callback(lambda _: values.put_nowait(values))  # itself: the end
        try:
            while (value := await values.get()) is not values:
                values.task_done()
                yield read(value)
            result = await call
            if result is not None:
                yield read(result)
        finally:
            del self._streams[number]
            while not values.empty():  # the page need not wait for a reader
                values.get_nowait()
                values.task_done()
            ending = [call] if call.done() else [call, self.page.evaluate(_ABORT, number)]
            await asyncio.gather(*ending, return_exceptions=True)  # nothing of it comes later

    async def _take(self, number: int, value: Any) -> None:
        """Give a stream what the page has for it; the page waits until it is taken."""
        if values := self._streams.get(number):
            values.put_nowait(value)
            await values.join()

    def _tell(self, done: int, total: int) -> None:
        if self._progress:
            self._progress(done, total)

    async def _call(self, code: str, argument: object) -> Any:
        from playwright.async_api import Error

        try:
            answer = await self.page.evaluate(_GUARD.replace("CALL", code), argument)
        except Error as error:
            why = error.message.splitlines()[0]
            raise RemoteError(
                "BrowserError", f"the browser failed: {why}", "Try again.", ""
            ) from error
        if "error" in answer:
            raise RemoteError(**answer["error"])
        return answer.get("value")

    def _served(self, model: str) -> str:
        """The URL under which the page finds a model: local files get one."""
        if urlsplit(model).scheme in ("http", "https"):
            return model
        for path in shard_names(str(Path(model).resolve())):
            self._server.files[f"/files{Path(path).as_posix()}"] = Path(path)
        path = quote(Path(model).resolve().as_posix(), errors="surrogateescape")
        return f"{self._server.url}files{path}"  # a name need not be UTF-8


def _piece(value: Mapping[str, Any]) -> Piece:
    if "finish_reason" not in value:
        return Piece(value["text"], tuple(value["ids"]))
    ids = {name: tuple(value[name]) for name in ("prompt_ids", "ids")}
    told = {f.name: value[f.name] for f in fields(Reply)}
    return Piece("", (), Reply(**(told | ids)))


def has_gpu() -> bool:
    """Whether the machine may have a GPU: on Linux a driver's device tells, elsewhere all do."""
    if sys.platform != "linux":
        return True
    found = [*Path("/dev").glob("nvidia[0-9]*"), *Path("/dev").glob("dri/renderD*")]
    return bool(found) or Path("/dev/dxg").exists()  # Windows' Linux has the last


async def launch(
    playwright: "Playwright", flags: Sequence[str] = SOFTWARE, chromium: str | None = None
) -> "Browser":
    """Start a headless Chromium: the given one, $CHROME, one on the PATH, or Playwright's."""
    from playwright.async_api import Error

    found = [chromium, os.environ.get("CHROME"), *map(shutil.which, NAMES)]
    if Path(MAC_CHROME).exists():
        found.append(MAC_CHROME)
    path = next(filter(None, found), None)
    try:
        # Not Playwright's default headless shell: that has no WebGPU.
        channel = None if path else "chromium"
        return await playwright.chromium.launch(
            executable_path=path, channel=channel, args=list(flags)
        )
    except Error as error:
        raise errors.MissingFeature(
            f"no Chromium could be started: {error.message.splitlines()[0]}",
            "Install Chromium or Chrome, or set CHROME to the path of one.",
        ) from error


def _options(sampling: Sampling) -> dict[str, object]:
    """Sampling as client.js takes it: no nulls, string keys."""
    values = {name: value for name, value in asdict(sampling).items() if value is not None}
    return dict(json.loads(json.dumps(values)))
