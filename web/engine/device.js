/**
 * Opening the GPU: which features and limits are asked for, and what Python is told of it.
 */

import { GpuError, findAdapter } from "../base/adapter.js";

const MATRICES = "chromium-experimental-subgroup-matrix";
const WANTED_LIMITS = [
  "maxBufferSize", "maxStorageBufferBindingSize", "maxComputeWorkgroupStorageSize",
];

/**
 * Open the best adapter with all of the limits and features that the engine can use.
 *
 * @param {import("../base/protocol.js").StartOptions} options
 * @returns {Promise<{ device: GPUDevice, info: string }>}  `info`: the adapter, for people
 */
export async function openDevice({ withhold = [], defaultLimits = false }) {
  const adapter = await findAdapter();
  /** @type {Record<string, number>} */
  const requiredLimits = {};
  const limits = /** @type {Record<string, any>} */ (/** @type {unknown} */ (adapter.limits));
  for (const name of defaultLimits ? [] : WANTED_LIMITS) requiredLimits[name] = limits[name];
  const wanted = ["subgroups", "timestamp-query"];
  if (multiplies(adapter, withhold)) wanted.push("shader-f16", MATRICES);
  const requiredFeatures = /** @type {GPUFeatureName[]} */ (wanted.filter(
    (name) => adapter.features.has(name) && !withhold.includes(name)));
  const device = await adapter.requestDevice({ requiredFeatures, requiredLimits })
    .catch((error) => { // it names no remedy; base/errors.py does
      throw new GpuError("DeviceRefused", error.message || error.name);
    });
  const { vendor, architecture, description, isFallbackAdapter } = adapter.info;
  const words = [vendor, architecture, description, isFallbackAdapter && "(software, slow)"];
  return { device, info: words.filter(Boolean).join(" ") };
}

/**
 * What py_engine/gpu/device.py has of an adapter.
 *
 * @param {GPUDevice} device
 */
export function described(device) {
  /** @type {Record<string, number>} */
  const limits = {};
  const all = /** @type {Record<string, any>} */ (/** @type {unknown} */ (device.limits));
  for (const name in all) if (typeof all[name] === "number") limits[name] = all[name];
  const { subgroupMinSize = 0, subgroupMaxSize, isFallbackAdapter: software = false } =
    device.adapterInfo ?? {};
  const subgroupSize = subgroupMinSize === subgroupMaxSize ? subgroupMinSize : 0;
  return { features: [...device.features], limits, software, subgroupSize };
}

/**
 * Whether subgroups multiply matrices of the one kind that shaders/matmul_matrix.wgsl takes.
 *
 * @param {GPUAdapter} adapter
 * @param {string[]} withhold
 */
function multiplies({ features, info }, withhold) {
  const needed = ["subgroups", "shader-f16", MATRICES];
  const { subgroupMatrixConfigs: kinds = [] } = /** @type {any} */ (info); // not in the types yet
  return needed.every((name) => features.has(name) && !withhold.includes(name))
    && navigator.gpu.wgslLanguageFeatures.has("buffer_view")
    && kinds.some((/** @type {any} */ kind) => kind.M === 16 && kind.N === 16 && kind.K === 16
      && kind.componentType === "f16" && kind.resultComponentType === "f32");
}
