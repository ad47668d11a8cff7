/**
 * The WebGPU half of `py_engine/gpu/browser.py`: tables of integer handles and the verbs of
 * `py_engine/gpu/device.py`.
 *
 * Only numbers, strings and byte views cross; no GPU object is ever seen by Python. What the GPU
 * reports late is kept, the first of it, and thrown by the next verb. `free` and `drop` give
 * back, so they never throw; after the device is lost every other verb does.
 */

import { GpuError } from "../base/adapter.js";
import { Clock } from "./clock.js";
import { described } from "./device.js";
import { Pipelines } from "./pipelines.js";
import { Uploads } from "./upload.js";

/** @import { Wgsl } from "./pipelines.js" */
/** @import { Streams } from "./upload.js" */

/** @typedef {number} Handle  a buffer, program or pipeline; 0 is none */

/**
 * @typedef {object} Recorded  a program: launch i is pipelines[i], groups[i], counts[3 i …]
 * @property {GPUComputePipeline[]} pipelines
 * @property {GPUBindGroup[]} groups
 * @property {Uint32Array} counts
 */

const UNIFORM_BYTES = 65536;
/** Staging buffers from this size on are not kept. */
const KEPT_STAGING_BYTES = 16 << 20;

export class Gpu {
  #device;
  #pipelines;
  #uploads;
  #next = 1;
  /** @type {Map<Handle, GPUBuffer>} */ #buffers = new Map();
  /** @type {Map<Handle, Recorded>} */ #programs = new Map();
  /** @type {Map<number, GPUBuffer[]>} size → idle staging buffers */ #idle = new Map();
  /** @type {Set<(error: GpuError) => void>} the waits to end on a loss */ #waits = new Set();
  /** @type {GpuError | null} */ #error = null;
  /** @type {string | null} */ #lost = null;
  /** When the last allocation's outcome is known. */ #allocated = Promise.resolve();

  /**
   * @param {GPUDevice} device
   * @param {string} info  the adapter, for people
   * @param {Streams} files
   */
  constructor(device, info, files) {
    this.#device = device;
    this.#pipelines = new Pipelines(device);
    this.#uploads = new Uploads(device.queue, files, (wait) => this.#unlessLost(wait));
    this.info = info;
    device.lost.then(({ reason, message }) => this.#lose(message || reason));
    device.addEventListener("uncapturederror", (event) => {
      const { error } = event;
      this.#keep(error instanceof GPUOutOfMemoryError
        ? new GpuError("DeviceMemory", "what the engine asked for")
        : new GpuError("GpuError", error.message));
    });
  }

  /** @returns {string} JSON: what device.py has of the adapter */
  describe() {
    return JSON.stringify({ ...described(this.#device), info: this.info });
  }

  /** Give everything back. */
  close() {
    this.#device.destroy();
    this.#lose("it was closed");
  }

  /** @param {string} reason */
  #lose(reason) {
    this.#lost ??= reason;
    for (const end of this.#waits) end(this.#loss());
  }

  /** @returns {GpuError} */
  #loss() {
    return new GpuError("DeviceLost", this.#lost ?? "");
  }

  /** @param {GpuError} error */
  #keep(error) {
    this.#error ??= error;
  }

  /** Throw what came late. */
  #check() {
    if (this.#lost !== null) throw this.#loss();
    const error = this.#error;
    this.#error = null;
    if (error) throw error;
  }

  /**
   * Wait, but not beyond a loss. The waits are a set of our own: racing `device.lost` would leave
   * a reaction on that one promise for each token.
   *
   * @template T
   * @param {Promise<T>} promise
   * @returns {Promise<T>}
   */
  #unlessLost(promise) {
    if (this.#lost !== null) {
      promise.catch(() => {});
      return Promise.reject(this.#loss());
    }
    /** @type {(error: GpuError) => void} */
    let end = () => {};
    return new Promise((/** @type {(value: T) => void} */ resolve, reject) => {
      end = reject;
      this.#waits.add(end);
      promise.then(resolve, (error) => reject(this.#lost === null ? error : this.#loss()));
    }).finally(() => this.#waits.delete(end));
  }

  /**
   * @param {Handle} handle
   * @returns {GPUBuffer}
   */
  #buffer(handle) {
    const buffer = this.#buffers.get(handle);
    if (!buffer) throw new Error(`buffer ${handle} was freed or never allocated`);
    return buffer;
  }

  /**
   * @param {number} nbytes
   * @param {string} label
   * @returns {Handle}
   */
  alloc(nbytes, label) {
    this.#check();
    const device = this.#device;
    const limit = device.limits.maxBufferSize;
    const size = Math.ceil(nbytes / 4) * 4;
    if (size > limit) throw new GpuError("DeviceMemory", label, { nbytes, limit });
    let usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    if (size <= UNIFORM_BYTES) usage |= GPUBufferUsage.UNIFORM;
    device.pushErrorScope("validation");
    device.pushErrorScope("out-of-memory");
    const buffer = device.createBuffer({ label, size, usage });
    for (const name of /** @type {const} */ (["DeviceMemory", "GpuError"])) {
      this.#allocated = device.popErrorScope().then((error) => {
        const message = name === "DeviceMemory" ? label : error?.message;
        if (error) this.#keep(new GpuError(name, message ?? "", { nbytes }));
      }, () => {}); // rejects only when the device goes, which `lost` tells
    }
    this.#buffers.set(this.#next, buffer);
    return this.#next++;
  }

  /** @param {Handle} handle */
  free(handle) {
    this.#buffer(handle).destroy();
    this.#buffers.delete(handle);
  }

  /**
   * @param {Handle} handle
   * @param {number} at
   * @param {Uint8Array<ArrayBuffer>} bytes
   */
  write(handle, at, bytes) {
    this.#check();
    this.#device.queue.writeBuffer(this.#buffer(handle), at, bytes);
  }

  /**
   * Stream a file's bytes into buffers, after those of it that were asked for before.
   *
   * @param {number} file
   * @param {number[]} segments  at, nbytes, handle, to; and so on
   * @returns {Promise<void>}
   */
  load(file, ...segments) {
    this.#check();
    const wanted = [];
    for (let i = 0; i < segments.length; i += 4) {
      const [at = 0, nbytes = 0, handle = 0, to = 0] = segments.slice(i, i + 4);
      wanted.push({ at, nbytes, buffer: this.#buffer(handle), to });
    }
    const streamed = this.#uploads.add(file, wanted).then(() => this.#allocated);
    const loading = this.#unlessLost(streamed).then(() => this.#check());
    loading.catch(() => {}); // a caller that still waits gets it, as with a read
    return loading;
  }

  /**
   * Build pipelines, all at once. A refusal names the shader by its index.
   *
   * @param {string} json  `Wgsl[]`
   * @returns {Promise<string>} JSON: a pipeline's number for each
   */
  async compile(json) {
    this.#check();
    const shaders = /** @type {Wgsl[]} */ (JSON.parse(json));
    const all = shaders.map((shader, index) => this.#pipelines.build(shader, index));
    const numbers = await this.#unlessLost(Promise.all(all));
    this.#check();
    return JSON.stringify(numbers);
  }

  /**
   * Make a program of a flat list: pipeline, x, y, z, n, then n times (handle, at, nbytes).
   *
   * @param {Uint8Array<ArrayBuffer>} bytes  u32
   * @returns {Handle}
   */
  record(bytes) {
    this.#check();
    const list = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
    /** @type {GPUComputePipeline[]} */ const pipelines = [];
    /** @type {GPUBindGroup[]} */ const groups = [];
    /** @type {number[]} */ const counts = [];
    for (let i = 0; i < list.length; ) {
      const [number = 0, x = 0, y = 0, z = 0, n = 0] = list.subarray(i, i + 5);
      const { pipeline, layout } = this.#pipelines.get(number);
      i += 5;
      /** @type {GPUBindGroupEntry[]} */
      const entries = [];
      for (let binding = 0; binding < n; binding++, i += 3) {
        const [handle = 0, offset = 0, size = 0] = list.subarray(i, i + 3);
        entries.push({ binding, resource: { buffer: this.#buffer(handle), offset, size } });
      }
      pipelines.push(pipeline);
      groups.push(this.#device.createBindGroup({ layout, entries }));
      counts.push(x, y, z);
    }
    this.#programs.set(this.#next, { pipelines, groups, counts: Uint32Array.from(counts) });
    return this.#next++;
  }

  /** @param {Handle} program */
  drop(program) {
    this.#programs.delete(program);
  }

  /** @param {Handle[]} programs */
  submit(...programs) {
    this.#check();
    this.#device.queue.submit([this.#encode(programs).finish()]);
  }

  /**
   * Replay programs and tell how long it took: by the GPU's clock where it has one, else by ours.
   *
   * @param {Handle[]} programs
   * @returns {Promise<number>} seconds
   */
  async seconds(...programs) {
    this.#check();
    const device = this.#device;
    if (!device.features.has("timestamp-query")) {
      const begin = performance.now();
      this.submit(...programs);
      await this.#unlessLost(device.queue.onSubmittedWorkDone());
      return (performance.now() - begin) / 1e3;
    }
    if (!programs.length) return 0; // without a pass nothing writes timestamps
    const clock = new Clock(device);
    try {
      const encoder = this.#encode(programs, clock.pass);
      clock.stop(encoder);
      return clock.read(await this.#copied(encoder, clock.buffer, 0, clock.buffer.size));
    } finally {
      clock.close();
    }
  }

  /**
   * @param {Handle[]} programs
   * @param {GPUComputePassDescriptor} [descriptor]
   * @returns {GPUCommandEncoder}
   */
  #encode(programs, descriptor) {
    const encoder = this.#device.createCommandEncoder();
    if (!programs.length) return encoder;
    const pass = encoder.beginComputePass(descriptor);
    /** @type {GPUComputePipeline | null} */
    let current = null;
    for (const program of programs) {
      const recorded = this.#programs.get(program);
      if (!recorded) throw new Error(`program ${program} was dropped or never recorded`);
      const { pipelines, groups, counts } = recorded;
      for (let i = 0; i < pipelines.length; i++) {
        const pipeline = /** @type {GPUComputePipeline} */ (pipelines[i]);
        if (pipeline !== current) pass.setPipeline(pipeline);
        current = pipeline;
        pass.setBindGroup(0, groups[i]);
        pass.dispatchWorkgroups(counts[3 * i] ?? 0, counts[3 * i + 1], counts[3 * i + 2]);
      }
    }
    pass.end();
    return encoder;
  }

  /**
   * Replay programs and copy bytes out: all is submitted when this returns its promise.
   *
   * @param {Handle} handle
   * @param {number} at
   * @param {number} nbytes
   * @param {Handle[]} programs
   * @returns {Promise<Uint8Array<ArrayBuffer>>}
   */
  read(handle, at, nbytes, ...programs) {
    this.#check();
    const buffer = this.#buffer(handle);
    if (at + nbytes > buffer.size) {
      throw new GpuError("GpuError", `${nbytes} bytes at ${at} are not all in the buffer`);
    }
    const bytes = this.#copied(this.#encode(programs), buffer, at, nbytes);
    bytes.catch(() => {}); // a read that nobody awaits any more may fail in silence
    return bytes;
  }

  /**
   * Submit what was encoded, and a copy of a buffer's bytes for us.
   *
   * @param {GPUCommandEncoder} encoder
   * @param {GPUBuffer} buffer
   * @param {number} at
   * @param {number} nbytes
   */
  async #copied(encoder, buffer, at, nbytes) {
    const staging = this.#take(nbytes);
    let idle = false;
    try {
      encoder.copyBufferToBuffer(buffer, at, staging, 0, nbytes);
      this.#device.queue.submit([encoder.finish()]);
      await this.#unlessLost(staging.mapAsync(GPUMapMode.READ, 0, nbytes)).catch((error) => {
        if (error.name === "AbortError") this.#lose(error.message); // ahead of `lost` itself
        throw this.#lost === null ? error : this.#loss();
      });
      const bytes = new Uint8Array(staging.getMappedRange(0, nbytes).slice(0));
      staging.unmap();
      idle = staging.size < KEPT_STAGING_BYTES;
      this.#check();
      return bytes;
    } finally {
      if (idle) this.#idle.get(staging.size)?.push(staging);
      else staging.destroy();
    }
  }

  /**
   * A staging buffer of the next power of two, an idle one if there is.
   *
   * @param {number} nbytes
   */
  #take(nbytes) {
    const size = 2 ** Math.ceil(Math.log2(Math.max(nbytes, 256)));
    let idle = this.#idle.get(size);
    if (!idle) this.#idle.set(size, (idle = []));
    const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
    return idle.pop() ?? this.#device.createBuffer({ label: "staging", size, usage });
  }
}
