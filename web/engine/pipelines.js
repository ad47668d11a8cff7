/**
 * Compute pipelines by the text of their shader, with explicit layouts made from its bindings.
 */

import { GpuError } from "../base/adapter.js";

/**
 * @typedef {{ name: string, code: string, bindings: ("read" | "read_write" | "uniform")[] }} Wgsl
 */

/** @typedef {{ pipeline: GPUComputePipeline, layout: GPUBindGroupLayout }} Built */

/** @type {Record<Wgsl["bindings"][0], GPUBufferBindingType>} */
const BINDING_TYPES = { read: "read-only-storage", read_write: "storage", uniform: "uniform" };

export class Pipelines {
  #device;
  /** @type {Built[]} */ #built = [];
  /** @type {Map<string, Promise<number>>} final text → index into #built */ #numbers = new Map();
  /** @type {Map<string, GPUBindGroupLayout>} */ #layouts = new Map();

  /** @param {GPUDevice} device */
  constructor(device) {
    this.#device = device;
  }

  /**
   * @param {number} number
   * @returns {Built}
   */
  get(number) {
    const built = this.#built[number];
    if (!built) throw new Error(`there is no pipeline ${number}`);
    return built;
  }

  /**
   * Compile a shader, unless that was done or begun before. A refusal carries `index`.
   *
   * @param {Wgsl} shader
   * @param {number} index
   * @returns {Promise<number>}
   */
  async build(shader, index) {
    let number = this.#numbers.get(shader.code);
    if (!number) this.#numbers.set(shader.code, number = this.#compile(shader));
    try {
      return await number;
    } catch (error) {
      throw new GpuError("ShaderError", /** @type {Error} */ (error).message, { index });
    }
  }

  /**
   * @param {Wgsl} shader
   * @returns {Promise<number>}
   */
  async #compile({ name, code, bindings }) {
    const device = this.#device;
    const layout = this.#layout(bindings);
    device.pushErrorScope("validation"); // a module's error is told by its pipeline, too
    const module = device.createShaderModule({ label: name, code });
    device.popErrorScope().catch(() => {});
    try {
      const pipeline = await device.createComputePipelineAsync({
        label: name,
        layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
        compute: { module, entryPoint: "main" },
      });
      return this.#built.push({ pipeline, layout }) - 1;
    } catch (error) {
      const { messages } = await module.getCompilationInfo();
      const lines = messages
        .filter(({ type }) => type === "error")
        .map(({ lineNum, linePos, message }) => `${lineNum}:${linePos} ${message}`);
      throw new Error(lines.join("\n") || /** @type {Error} */ (error).message);
    }
  }

  /**
   * @param {Wgsl["bindings"]} bindings
   * @returns {GPUBindGroupLayout}
   */
  #layout(bindings) {
    const key = bindings.join();
    let layout = this.#layouts.get(key);
    if (!layout) {
      layout = this.#device.createBindGroupLayout({
        label: key,
        entries: bindings.map((access, binding) => ({
          binding,
          visibility: GPUShaderStage.COMPUTE,
          buffer: { type: BINDING_TYPES[access] },
        })),
      });
      this.#layouts.set(key, layout);
    }
    return layout;
  }
}
