"""gpu/browser.py in Pyodide over engine/gpu.js: verbs, errors as ours, nothing left per read."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from py_engine.hosts.static import Server
from tests.browser.gpu_story import ADD, COPY

_BOOT = """async () => {
  const { loadPyodide } = await import("./pyodide/pyodide.mjs");
  const python = await loadPyodide({ indexURL: new URL("pyodide/", location.href).href });
  const engine = await (await fetch("engine.zip")).arrayBuffer();
  python.unpackArchive(engine, "zip", { extractDir: "/lib/python3.14/site-packages" });
  const { Gpu } = await import("./engine/gpu.js");
  const { openDevice } = await import("./engine/device.js");
  const { SourceError } = await import("./base/source.js");
  const files = {
    async stream(file, at, nbytes, sink) {
      if (file === 2) throw new SourceError("HTTP", "m.gguf", "it says 500", "Try again.");
      await sink(Uint8Array.from({ length: nbytes }, (_, i) => at + i));
    },
  };
  globalThis.python = python;
  globalThis.opened = async () => {
    const { device, info } = await openDevice({});
    return new Gpu(device, info, files);
  };
}"""
_RUN = """async (code) => {
  python.globals.set("gpu", await globalThis.opened());
  return python.runPythonAsync(code);
}"""
_PRELUDE = f"""
import json, struct
from types import SimpleNamespace
from py_engine.base.errors import *
from py_engine.gpu.browser import BrowserDevice
from py_engine.gpu.device import Binding, Dispatch
from py_engine.gpu.wgsl import Shader

device = BrowserDevice(gpu)
add = Shader("add", "add", {ADD!r}, (("total", "read_write"), ("params", "uniform")), ())
copy = Shader("copy", "copy", {COPY!r}, (("a", "read"), ("out", "read_write")), ())
total, out, params = (device.alloc(n, "test") for n in (64, 64, 8))
device.write(params, 0, struct.pack("<II", 3, 16))

def recorded():
    whole = lambda handle, nbytes=64: Binding(handle, 0, nbytes)
    return device.record([
        Dispatch(add, (whole(total), whole(params, 8)), (1, 1, 1)),
        Dispatch(copy, (whole(total), whole(out)), (1, 1, 1)),
    ])
"""


@pytest.fixture(scope="module")
def pyodide(chromium: Browser, server: Server) -> Iterator[Page]:
    page = chromium.new_page()
    page.goto(f"{server.url}headless.html")
    page.evaluate(_BOOT)
    yield page
    page.close()


def run(page: Page, code: str) -> Any:
    """The value that the last line gives as JSON."""
    return json.loads(page.evaluate(_RUN, _PRELUDE + code))


def test_the_device_records_replays_and_reads(pyodide: Page) -> None:
    code = """
await device.compile([add, copy, add])
program = recorded()
device.submit([program])
first, second = device.read(out, 0, 8, [program]), device.read(total, 60, 4, [program, program])
unawaited = device.read(total, 0, 4)
values = struct.unpack("<3I", await first + await second)
device.drop(program)
device.free(out)
json.dumps([values, sorted(device.features), device.limits["maxStorageBuffersPerShaderStage"] >= 8,
    sorted(device.wgsl_enables), bool(device.info)])
"""
    values, features, limit, enables, info = run(pyodide, code)
    assert values == [2 * 3, 2 * 6, 4 * 48]
    assert "subgroups" in features
    assert enables == ["subgroups"]
    assert limit
    assert info


def test_a_file_is_loaded_by_its_number(pyodide: Page) -> None:
    code = """
await device.load(SimpleNamespace(id=1), [(5, 5, total, 4), (10, 2, total, 12)])
try:
    await device.load(SimpleNamespace(id=2), [(0, 4, total, 0)])
except SourceError as error:
    told = [error.code, error.name, str(error), error.hint]
json.dumps([list(await device.read(total, 0, 16)), told])
"""
    got, told = run(pyodide, code)
    assert got == [0, 0, 0, 0, 5, 6, 7, 8, 9, 0, 0, 0, 10, 11, 0, 0]
    assert told == ["HTTP", "m.gguf", "could not read m.gguf: it says 500", "Try again."]


def test_errors_are_ours(pyodide: Page) -> None:
    code = """
bad = Shader("bad", "bad", copy.code.replace("a[", "b["), copy.bindings, ())
told = []
for begin in (
    lambda: device.compile([add, bad]),
    lambda: device.alloc(2**33, "the cache"),
    lambda: device.read(total, 64, 4),
    lambda: device.close() or device.alloc(4, "more"),
    lambda: device.submit([]),
):
    try:
        result = begin()
        if result is not None:
            await result
    except Exception as error:
        told.append([type(error).__name__, str(error)])
device.free(total)
json.dumps(told)
"""
    told = run(pyodide, code)
    assert [name for name, _ in told] == [
        "ShaderError",
        "DeviceMemory",
        "RuntimeError",
        "DeviceLost",
        "DeviceLost",
    ]
    assert "shader bad: 6:57 " in told[0][1]
    assert "the cache: it needs 8,192 MiB" in told[1][1]
    assert "GpuError" in told[2][1]


def test_a_thousand_reads_leave_nothing_in_python(pyodide: Page) -> None:
    code = """
import gc, sys
await device.compile([add, copy])
program = recorded()

async def steps(n):
    for _ in range(n):
        waiting = [device.read(out, 0, 8, [program]) for _ in range(2)]
        last = [await read for read in waiting]
    return struct.unpack("<2I", last[1])

await steps(20)
gc.collect()
before = sys.getallocatedblocks()
value = await steps(500)
gc.collect()
json.dumps([value, sys.getallocatedblocks() - before])
"""
    value, blocks = run(pyodide, code)
    assert value == [3 * 1040, 6 * 1040]
    assert blocks < 100
