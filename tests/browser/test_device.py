"""engine/gpu.js in Chromium on SwiftShader: all verbs, errors told late, loss, nothing per step."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page

from py_engine.hosts.static import Server
from tests.browser.gpu_story import N, run


def test_programs_replay_and_reads_overlap(gpu_page: Page) -> None:
    body = """
      const { gpu, out, total, once, twice } = await story();
      gpu.submit(once);                                    // 1
      gpu.submit(once, twice);                             // 4
      const reads = [
        gpu.read(out, 0, 4 * n),                           // 4
        gpu.read(out, 400, 8, once),                       // 5
        gpu.read(total, 0, 4, twice, once),                // 8
        gpu.read(out, 4 * n - 4, 4),                       // 8
      ];
      const [all, ...some] = (await Promise.all(reads)).map(ints);
      return [all.every((value, i) => value === 4 * 2 * (i + 1)), some];
    """
    assert run(gpu_page, body) == [True, [[5 * 2 * 101, 5 * 2 * 102], [8 * 2], [8 * 2 * N]]]


def test_buffers_begin_zeroed_and_are_written(gpu_page: Page) -> None:
    body = """
      const gpu = await open();
      const buffer = gpu.alloc(13, "odd");                 // rounded up to 16
      gpu.write(buffer, 4, u32(7, 8));
      const got = ints(await gpu.read(buffer, 0, 16));
      gpu.free(buffer);
      return [got, await failure(() => gpu.write(buffer, 0, u32(1)))];
    """
    got, error = run(gpu_page, body)
    assert got == [0, 7, 8, 0]
    assert "freed or never allocated" in error["message"]


def test_dropped_programs_are_gone(gpu_page: Page) -> None:
    body = """
      const { gpu, out, once } = await story();
      gpu.drop(once);
      return [await failure(() => gpu.submit(once)), ints(await gpu.read(out, 0, 4))];
    """
    error, still_works = run(gpu_page, body)
    assert "dropped" in error["message"]
    assert still_works == [0]


@pytest.mark.parametrize(("at", "nbytes"), [(0, 1), (1, 2), (3, 4), (5, 7), (2, 993), (0, 1000)])
def test_load_places_bytes_of_any_length_and_pads_with_zeros(
    gpu_page: Page, at: int, nbytes: int
) -> None:
    body = """
      const gpu = await open();
      const buffer = gpu.alloc(1024, "weights");
      gpu.write(buffer, 0, new Uint8Array(1024).fill(255));
      await gpu.load(9, given.at, given.nbytes, buffer, 8);
      return [...await gpu.read(buffer, 0, 1024)];
    """
    got = run(gpu_page, body, {"at": at, "nbytes": nbytes})
    data = [(i * 31 + (i >> 8)) & 255 for i in range(N)]
    padding = [0] * (-nbytes % 4)
    wanted = [255] * 8 + data[at : at + nbytes] + padding
    assert got == wanted + [255] * (1024 - len(wanted))


def test_load_waits_for_the_gpu_now_and_then(gpu_page: Page) -> None:
    """The copies that writeBuffer makes are bounded: 160 MiB go through in pieces."""
    body = """
      const pieces = { async stream(_, at, nbytes, sink) {
        const piece = new Uint8Array(1 << 20);
        for (let done = 0; done < nbytes; done += piece.length) await sink(piece);
      } };
      const gpu = await open({}, pieces);
      let waits = 0;
      const wait = GPUQueue.prototype.onSubmittedWorkDone;
      GPUQueue.prototype.onSubmittedWorkDone = function () { waits++; return wait.call(this); };
      await gpu.load(1, 0, 160 << 20, gpu.alloc(160 << 20, "weights"), 0);
      GPUQueue.prototype.onSubmittedWorkDone = wait;
      gpu.close();
      return waits;
    """
    assert run(gpu_page, body) == 10


def test_a_failing_file_fails_the_load(gpu_page: Page) -> None:
    body = """
      const streams = { async stream() { throw Object.assign(new Error("gone"), { name: "X" }); } };
      const gpu = await open({}, streams);
      const buffer = gpu.alloc(16, "weights");
      return [await failure(() => gpu.load(1, 0, 16, buffer, 0)),
        ints(await gpu.read(buffer, 0, 4))];
    """
    error, still_works = run(gpu_page, body)
    assert (error["name"], error["message"]) == ("X", "gone")
    assert still_works == [0]


@pytest.mark.parametrize("fault", ["map", "submit", "program"])
def test_a_read_that_fails_leaves_no_buffer(gpu_page: Page, fault: str) -> None:
    """Neither does a measurement. The real GPU refuses: a mode, an encoder, a program."""
    body = """
      const { gpu, out, once } = await story();
      const dropped = gpu.record(u32());
      gpu.drop(dropped);
      const { createBuffer, createQuerySet } = GPUDevice.prototype;
      const { mapAsync } = GPUBuffer.prototype;
      const { submit } = GPUQueue.prototype;
      const held = new Set();
      const track = (thing) => {
        const { destroy } = thing;
        thing.destroy = () => (held.delete(thing), destroy.call(thing));
        held.add(thing);
        return thing;
      };
      GPUDevice.prototype.createBuffer = function (what) {
        return track(createBuffer.call(this, what));
      };
      GPUDevice.prototype.createQuerySet = function (what) {
        return track(createQuerySet.call(this, what));
      };
      if (given === "map") {
        GPUBuffer.prototype.mapAsync = function () { return mapAsync.call(this, 3); };
      } else if (given === "submit") {
        GPUQueue.prototype.submit = function () { return submit.call(this, [null]); };
      }
      const errors = [];
      const program = given === "program" ? dropped : once;
      errors.push(await failure(() => gpu.read(out, 0, 4, program)));
      await new Promise((resolve) => setTimeout(resolve, 50));
      await failure(() => gpu.submit()); // the refusal is told late, too
      errors.push(await failure(() => gpu.seconds(program)));
      const left = [...held].map(({ label }) => label);
      Object.assign(GPUDevice.prototype, { createBuffer, createQuerySet });
      GPUBuffer.prototype.mapAsync = mapAsync;
      GPUQueue.prototype.submit = submit;
      let value = null;
      for (let i = 0; i < 9 && !value; i++) {
        await failure(async () => (value = ints(await gpu.read(out, 0, 4))));
      }
      return [errors.map((error) => error !== null), left, value];
    """
    # What could not be read was computed all the same.
    assert run(gpu_page, body, fault) == [[True, True], [], [4 if fault == "map" else 0]]


def test_a_step_creates_nothing(gpu_page: Page) -> None:
    body = """
      const { gpu, out, once } = await story();
      const inFlight = () => [1, 2, 3].map(() => gpu.read(out, 0, 16, once));
      await Promise.all(inFlight());
      const made = {};
      const real = {};
      for (const name of Object.getOwnPropertyNames(GPUDevice.prototype)) {
        if (!name.startsWith("create")) continue;
        real[name] = GPUDevice.prototype[name];
        GPUDevice.prototype[name] = function (...rest) {
          made[name] = (made[name] ?? 0) + 1;
          return real[name].apply(this, rest);
        };
      }
      for (let i = 0; i < 66; i++) await Promise.all(inFlight());
      await Promise.all(inFlight().slice(0, 2));
      Object.assign(GPUDevice.prototype, real);
      return [made, ints(await gpu.read(out, 0, 4))];
    """
    made, [value] = run(gpu_page, body)
    assert made == {"createCommandEncoder": 201}
    assert value == 2 * (3 + 201)


def test_equal_texts_are_one_pipeline(gpu_page: Page) -> None:
    body = """
      const gpu = await open();
      const first = JSON.parse(await gpu.compile(JSON.stringify(shaders)));
      let built = 0;
      const real = GPUDevice.prototype.createComputePipelineAsync;
      GPUDevice.prototype.createComputePipelineAsync = function (what) {
        built++;
        return real.call(this, what);
      };
      const again = JSON.parse(await gpu.compile(JSON.stringify([...shaders].reverse())));
      GPUDevice.prototype.createComputePipelineAsync = real;
      return [first, again.reverse(), built];
    """
    first, again, built = run(gpu_page, body)
    assert first == again
    assert built == 0


def test_a_refused_shader_is_named_with_its_line(gpu_page: Page) -> None:
    body = """
      const gpu = await open();
      const bad = { ...shaders[1], code: shaders[1].code.replace("a[global.x]", "b[global.x]") };
      const error = await failure(() => gpu.compile(JSON.stringify([shaders[0], bad])));
      return [error, JSON.parse(await gpu.compile(JSON.stringify(shaders))).length];
    """
    error, n_built = run(gpu_page, body)
    assert (error["name"], error["index"]) == ("ShaderError", 1)
    assert error["message"].startswith("6:57 ")
    assert "'b'" in error["message"]
    assert n_built == 2  # and the device has kept no error of it


def test_a_layout_that_does_not_fit_is_a_shader_error(gpu_page: Page) -> None:
    body = """
      const gpu = await open();
      const bad = { ...shaders[0], bindings: ["read", "uniform"] };
      return failure(() => gpu.compile(JSON.stringify([bad])));
    """
    error = run(gpu_page, body)
    assert error["name"] == "ShaderError"
    assert "add" in error["message"]


def test_a_late_error_is_raised_by_the_next_verb_and_once(gpu_page: Page) -> None:
    body = """
      const { gpu, out, total, once, adding } = await story();
      gpu.write(total, 4 * n, u32(1));                     // beyond its end
      gpu.write(total, 4 * n + 4, u32(1));
      const errors = [await told(gpu), await failure(() => gpu.submit(once))];
      const outside = await failure(() => gpu.read(out, 4 * n, 4));
      adding[5 + 1] = 4;                                   // no multiple of 256
      gpu.record(u32(...adding));
      gpu.free(total);                                     // giving back is always possible
      return [...errors, outside, await told(gpu), await failure(() => gpu.alloc(4, "next"))];
    """
    first, second, outside, bad_group, after = run(gpu_page, body)
    assert first["name"] == outside["name"] == bad_group["name"] == "GpuError"
    assert "4000" in first["message"]  # the first of the two writes
    assert second is None
    assert after is None


def test_too_large_a_buffer_names_its_size_and_the_limit(gpu_page: Page) -> None:
    body = """
      const gpu = await open({ defaultLimits: true });
      return failure(() => gpu.alloc(2 ** 32, "the cache"));
    """
    error = run(gpu_page, body)
    assert error == {
        "name": "DeviceMemory",
        "message": "the cache",
        "nbytes": 2**32,
        "limit": 2**28,
        "index": 0,
    }


@pytest.mark.parametrize("verb", ["read", "load", "compile"])
def test_memory_that_runs_out_is_told_by_what_waits(gpu_page: Page, verb: str) -> None:
    """SwiftShader never runs out, so the scope's answer is put in its mouth."""
    body = """
      const gpu = await open();
      const real = GPUDevice.prototype.popErrorScope;
      let n_pops = 0;
      GPUDevice.prototype.popErrorScope = async function () {
        const error = await real.call(this);
        return n_pops++ === 2 ? new GPUOutOfMemoryError("full") : error;
      };
      const [a, b] = [gpu.alloc(64, "first"), gpu.alloc(128, "second")];
      GPUDevice.prototype.popErrorScope = real;
      const verbs = {
        read: () => gpu.read(b, 0, 4),
        load: () => gpu.load(1, 0, 64, b, 0),
        compile: () => gpu.compile(JSON.stringify(shaders)),
      };
      return [await failure(verbs[given]), await failure(verbs[given])];
    """
    error, after = run(gpu_page, body, verb)
    assert (error["name"], error["message"], error["nbytes"]) == ("DeviceMemory", "second", 128)
    assert after is None


VERBS = """{
  alloc: () => gpu.alloc(4, "x"),
  write: () => gpu.write(out, 0, u32(1)),
  load: () => gpu.load(1, 0, 4, out, 0),
  compile: () => gpu.compile(JSON.stringify(shaders)),
  record: () => gpu.record(u32(...adding)),
  submit: () => gpu.submit(once),
  read: () => gpu.read(out, 0, 4),
  seconds: () => gpu.seconds(once),
}"""


def test_after_the_loss_every_verb_says_so(gpu_page: Page) -> None:
    body = f"""
      const {{ gpu, out, total, once, twice, adding }} = await story();
      const waiting = failure(() => gpu.read(out, 0, 4, once));
      gpu.close();
      const errors = {{ waiting: await waiting }};
      for (const [name, verb] of Object.entries({VERBS})) errors[name] = await failure(verb);
      gpu.drop(twice);
      gpu.free(total);
      return errors;
    """
    errors = run(gpu_page, body)
    assert len(errors) == 9
    assert {name: error and error["name"] for name, error in errors.items()} == dict.fromkeys(
        errors, "DeviceLost"
    )


def test_a_crash_of_the_gpu_process_ends_what_waits(
    launch: Callable[[], Browser], server: Server
) -> None:
    browser = launch()
    page = browser.new_page()
    page.goto(f"{server.url}headless.html")
    body = """
      const { gpu, out, once, adding } = await story();
      globalThis.crashed = (async () => {
        let error = null;
        for (let i = 0; i < 4000 && !error; i++) {
          error = await failure(() => gpu.read(out, 0, 4, once));
        }
        const again = await story();
        return [error, ints(await again.gpu.read(again.out, 0, 4, again.once))];
      })();
    """
    run(page, body)
    browser.new_browser_cdp_session().send("Browser.crashGpuProcess")
    error, after_reopening = page.evaluate("() => globalThis.crashed")
    browser.close()
    assert error["name"] == "DeviceLost"
    assert after_reopening == [2]


@pytest.mark.parametrize("withhold", [[], ["timestamp-query"]])
def test_more_work_takes_more_seconds_by_either_clock(gpu_page: Page, withhold: list[str]) -> None:
    body = """
      const gpu = await open({ withhold: given });
      const code = `@group(0) @binding(0) var<storage, read_write> a: array<u32>;
        @compute @workgroup_size(1) fn main() {
          var x = a[0];
          for (var i = 0u; i < 200000u; i += 1u) { x = x * 1664525u + 1013904223u; }
          a[0] = x;
        }`;
      const shader = { name: "spin", code, bindings: ["read_write"] };
      const [pipeline] = JSON.parse(await gpu.compile(JSON.stringify([shader])));
      const spin = gpu.record(u32(pipeline, 1, 1, 1, 1, gpu.alloc(4, "a"), 0, 4));
      const least = async (...programs) => {
        const times = [];
        for (let i = 0; i < 5; i++) times.push(await gpu.seconds(...programs));
        return Math.min(...times);
      };
      return [await least(), await least(spin), await least(...Array(20).fill(spin))];
    """
    none, once, often = run(gpu_page, body, withhold)
    assert 0 <= none < often
    assert 0 <= once < often < 20
    assert often > 1e-3


def test_load_takes_segments_in_order_whoever_asks_first(gpu_page: Page) -> None:
    body = """
      const gpu = await open();
      const buffer = gpu.alloc(16, "weights");
      const loads = [gpu.load(9, 0, 4, buffer, 0, 4, 4, buffer, 4), gpu.load(9, 0, 4, buffer, 4)];
      await Promise.all(loads);
      return [...await gpu.read(buffer, 0, 16)];
    """
    first = [i * 31 & 255 for i in range(4)]
    assert run(gpu_page, body) == [*first, *first, *[0] * 8]
