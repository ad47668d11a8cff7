"""A device in Chromium for the kernel tests: the same kernels through Tint and web/engine/gpu.js.

Playwright runs on a thread of its own, so that the verbs can be called from anywhere. Bytes cross
as base64, which is slow and does not matter here.
"""

import asyncio
import base64
import os
import threading
from collections.abc import Awaitable, Mapping, Sequence
from pathlib import Path
from typing import Any

from playwright.async_api import Page, async_playwright

from py_engine.gpu.device import Dispatch, Handle, Program, Segment
from py_engine.gpu.wgsl import Shader
from py_engine.hosts.headless import SOFTWARE, launch
from py_engine.hosts.static import running

WEB = Path(__file__).parents[2] / "web"
FLAGS = tuple(os.environ.get("CHROMIUM_FLAGS", "").split()) or SOFTWARE
"""The browser's: $CHROMIUM_FLAGS tests a real GPU."""

_OPEN = """async (options) => {
  const { Gpu } = await import("./engine/gpu.js");
  const { openDevice } = await import("./engine/device.js");
  const { device, info } = await openDevice(options);
  globalThis.gpu = new Gpu(device, info, null);
  globalThis.bytes = (text) => Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  globalThis.text = (bytes) => {
    let chars = "";
    for (let at = 0; at < bytes.length; at += 1 << 15) {
      chars += String.fromCharCode(...bytes.subarray(at, at + (1 << 15)));
    }
    return btoa(chars);
  };
  return JSON.parse(gpu.describe());
}"""


class ChromiumDevice:
    """See `Device` for the verbs; `load` is not among them. `close` ends the browser."""

    compiles_aside = True

    def __init__(self, withhold: Sequence[str] = (), *, default_limits: bool = False) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._ending = asyncio.Event()
        options = {"withhold": list(withhold), "defaultLimits": default_limits}
        opened: asyncio.Future[Page] = asyncio.run_coroutine_threadsafe(
            self._future(), self._loop
        ).result()
        self._running = asyncio.run_coroutine_threadsafe(self._browse(opened), self._loop)
        self._page = asyncio.run_coroutine_threadsafe(_wait(opened), self._loop).result()
        about = self._evaluate(_OPEN, options)
        self.features = frozenset(about["features"])
        self.limits: Mapping[str, int] = about["limits"]
        self.info: str = about["info"]
        self.subgroup_size: int = about["subgroupSize"]
        self.software: bool = about["software"]
        self.wgsl_enables = frozenset({"subgroups"} & self.features)
        self._pipelines: dict[str, int] = {}

    async def _future(self) -> "asyncio.Future[Page]":
        return asyncio.get_running_loop().create_future()

    async def _browse(self, opened: "asyncio.Future[Page]") -> None:
        try:
            with running(WEB) as server:
                async with async_playwright() as playwright:
                    browser = await launch(playwright, FLAGS)
                    page = await browser.new_page()
                    await page.goto(f"{server.url}headless.html")
                    opened.set_result(page)
                    await self._ending.wait()
                    await browser.close()
        except BaseException as error:
            if not opened.done():
                opened.set_exception(error)
            raise

    def _evaluate(self, code: str, argument: object = None) -> Any:
        call = self._page.evaluate(code, argument)
        return asyncio.run_coroutine_threadsafe(_wait(call), self._loop).result()

    def alloc(self, nbytes: int, label: str) -> Handle:
        return int(self._evaluate("([nbytes, label]) => gpu.alloc(nbytes, label)", [nbytes, label]))

    def free(self, handle: Handle) -> None:
        self._evaluate("(handle) => gpu.free(handle)", handle)

    def write(self, handle: Handle, at: int, data: bytes) -> None:
        text = base64.b64encode(data).decode()
        code = "([handle, at, text]) => gpu.write(handle, at, bytes(text))"
        self._evaluate(code, [handle, at, text])

    async def load(self, source: object, segments: Sequence[Segment]) -> None:
        raise NotImplementedError("kernel tests write their weights")

    async def compile(self, shaders: Sequence[Shader]) -> None:
        fresh = {shader.code: shader for shader in shaders if shader.code not in self._pipelines}
        texts = [
            {"name": s.name, "code": s.code, "bindings": [access for _, access in s.bindings]}
            for s in fresh.values()
        ]
        code = "async (texts) => JSON.parse(await gpu.compile(JSON.stringify(texts)))"
        self._pipelines.update(zip(fresh, self._evaluate(code, texts), strict=True))

    def record(self, dispatches: Sequence[Dispatch]) -> Program:
        flat: list[int] = []
        for dispatch in dispatches:
            flat += [self._pipelines[dispatch.shader.code], *dispatch.groups]
            flat.append(len(dispatch.bindings))
            for binding in dispatch.bindings:
                flat += [binding.handle, binding.at, binding.nbytes]
        code = "(flat) => gpu.record(new Uint8Array(Uint32Array.from(flat).buffer))"
        return int(self._evaluate(code, flat))

    def drop(self, program: Program) -> None:
        self._evaluate("(program) => gpu.drop(program)", program)

    def submit(self, programs: Sequence[Program]) -> None:
        self._evaluate("(programs) => gpu.submit(...programs)", list(programs))

    def read(
        self, handle: Handle, at: int, nbytes: int, programs: Sequence[Program] = ()
    ) -> Awaitable[bytes]:
        code = "async ([at, programs]) => text(await gpu.read(...at, ...programs))"
        read = self._evaluate(code, [[handle, at, nbytes], list(programs)])
        return _ready(base64.b64decode(read))

    async def seconds(self, programs: Sequence[Program]) -> float:
        return float(self._evaluate("(programs) => gpu.seconds(...programs)", list(programs)))

    def close(self) -> None:
        """End the browser and the thread."""
        self._loop.call_soon_threadsafe(self._ending.set)
        self._running.result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _wait(what: Awaitable[Any]) -> Any:
    return await what


async def _ready(data: bytes) -> bytes:
    return data
