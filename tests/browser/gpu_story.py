"""What the stories of test_device.py begin with: a Gpu, two kernels, a program and its buffers."""

from typing import Any

from playwright.sync_api import Page

# total[i] += by × (i + 1), so that each replay shows.
ADD = """
struct Params { by: u32, n: u32, }
@group(0) @binding(0) var<storage, read_write> total: array<u32>;
@group(0) @binding(1) var<uniform> params: Params;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) global: vec3u) {
    let i = global.x;
    if (i < params.n) { total[i] = total[i] + params.by * (i + 1u); }
}
"""
# out = a, by another kind of binding and pipeline.
COPY = """
@group(0) @binding(0) var<storage, read> a: array<u32>;
@group(0) @binding(1) var<storage, read_write> out: array<u32>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) global: vec3u) {
    if (global.x < arrayLength(&out)) { out[global.x] = a[global.x]; }
}
"""
SHADERS = [
    {"name": "add", "code": ADD, "bindings": ["read_write", "uniform"]},
    {"name": "copy", "code": COPY, "bindings": ["read", "read_write"]},
]
N = 1000

# `open` gives a Gpu; `story` one with the two pipelines, a program and its buffers.
_PRELUDE = """async ({ shaders, n, given }) => {
  const { Gpu } = await import("./engine/gpu.js");
  const { openDevice } = await import("./engine/device.js");
  const data = new Uint8Array(n).map((_, i) => i * 31 + (i >> 8));
  const files = {
    async stream(_, at, nbytes, sink) { // odd pieces: 1, 2, 3, 5, 8, … bytes
      let [size, next] = [1, 2];
      for (let from = at; from < at + nbytes; [size, next] = [next, size + next]) {
        const to = Math.min(from + size, at + nbytes);
        await sink(data.subarray(from, to));
        from = to;
      }
    },
  };
  const open = async (options = {}, streams = files) => {
    const { device, info } = await openDevice(options);
    return new Gpu(device, info, streams);
  };
  const u32 = (...list) => new Uint8Array(Uint32Array.from(list).buffer);
  const story = async (options) => {
    const gpu = await open(options);
    const [add, copy] = JSON.parse(await gpu.compile(JSON.stringify(shaders)));
    const [total, params, out] = [4 * n, 8, 4 * n].map((nbytes) => gpu.alloc(nbytes, "test"));
    gpu.write(params, 0, u32(2, n));
    const groups = Math.ceil(n / 64);
    const adding = [add, groups, 1, 1, 2, total, 0, 4 * n, params, 0, 8];
    const copying = [copy, groups, 1, 1, 2, total, 0, 4 * n, out, 0, 4 * n];
    const once = gpu.record(u32(...adding, ...copying));
    const twice = gpu.record(u32(...adding, ...adding, ...copying));
    return { gpu, total, params, out, once, twice, adding };
  };
  const ints = (bytes) => [...new Uint32Array(bytes.buffer)];
  const failure = async (use) => {
    try {
      await use();
      return null;
    } catch ({ name, message, nbytes, limit, index }) {
      return { name, message, nbytes, limit, index };
    }
  };
  const told = async (gpu) => { // what the next verb throws, as soon as there is something
    for (let i = 0; i < 200; i++) {
      const error = await failure(() => gpu.submit());
      if (error) return error;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  BODY
}"""


def run(page: Page, body: str, given: Any = None) -> Any:
    argument = {"shaders": SHADERS, "n": N, "given": given}
    return page.evaluate(_PRELUDE.replace("BODY", body), argument)
