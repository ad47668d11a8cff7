/**
 * Whether there is a GPU, and what the engine's errors about one are made of. The page asks before
 * anything is fetched, the worker before it opens a device.
 */

/** An error for Python to rebuild: `name` is a class of base/errors.py, the rest its data. */
export class GpuError extends Error {
  /**
   * @param {"MissingFeature" | "DeviceRefused" | "DeviceLost" | "DeviceMemory" | "ShaderError"
   *   | "GpuError"} name
   * @param {string} message
   * @param {{ hint?: string, nbytes?: number, limit?: number, index?: number }} [data]
   */
  constructor(name, message, { hint = "", nbytes = 0, limit = 0, index = 0 } = {}) {
    super(message);
    this.name = name;
    this.hint = hint;
    this.nbytes = nbytes;
    this.limit = limit;
    this.index = index;
  }
}

/** Throw if this page, or this worker, has no WebGPU. It may be missing in workers alone. */
export function needWebGpu() {
  if (navigator.gpu) return;
  if (!isSecureContext) {
    throw new GpuError("MissingFeature", "browsers offer WebGPU to secure pages only", {
      hint: "Open this page over https, or from localhost.",
    });
  }
  throw "document" in globalThis
    ? new GpuError("MissingFeature", "this browser has no WebGPU, or it is turned off", {
      hint: "Use a current Chrome, Edge or Safari, and let it use graphics acceleration.",
    })
    : new GpuError("MissingFeature", "this browser has no WebGPU in workers, where models run", {
      hint: "Use a current Chrome, Edge or Safari.",
    });
}

/**
 * @returns {Promise<GPUAdapter>}  the best one
 */
export async function findAdapter() {
  needWebGpu();
  const adapter = await navigator.gpu.requestAdapter({ powerPreference: "high-performance" });
  if (adapter) return adapter;
  throw new GpuError("MissingFeature", "the browser found no GPU that it may use", {
    hint: "Check chrome://gpu, or update the graphics driver. If the GPU has just crashed, "
      + "wait for two minutes and reload the page.",
  });
}
