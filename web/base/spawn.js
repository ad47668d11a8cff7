/**
 * Workers of our own modules.
 */

import { StartError } from "./arrival.js";

const at = (/** @type {string} */ name) => new URL(`../${name}`, import.meta.url).href;

/** What each worker is made of: its own file, and all that it imports. */
export const MODULES = {
  worker: [
    "engine/worker.js", "base/adapter.js", "base/arrival.js", "base/source.js", "base/spawn.js",
    "engine/clock.js", "engine/device.js", "engine/files.js", "engine/gpu.js", "engine/merges.js",
    "engine/pipelines.js", "engine/python.js", "engine/reading.js", "engine/snapshot.js",
    "engine/tokens.js", "engine/tunings.js", "engine/upload.js", "npm/tokenizers.min.mjs",
  ].map(at),
  reader: [
    "reader/reader.js", "base/arrival.js", "base/source.js", "reader/body.js", "reader/http.js",
    "reader/local.js", "reader/retries.js",
  ].map(at),
};

/** What to do about a worker whose files are there and which does not start. */
export const WORKER_POLICY = "Reload the page. If that does not help, whoever runs it must allow "
  + `worker-src blob: ${new URL(import.meta.url).origin} in its Content-Security-Policy.`;

/**
 * @param {keyof typeof MODULES} kind
 * @param {string} name  for the developer's tools
 */
export function spawned(kind, name) {
  // A blob worker inherits the page's <meta> policy; one from a URL would be free of it.
  const code = `import ${JSON.stringify(MODULES[kind][0])};`;
  const address = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
  try {
    const worker = new Worker(address, { type: "module", name });
    for (const sign of ["message", "error"]) {
      worker.addEventListener(sign, () => URL.revokeObjectURL(address), { once: true });
    }
    return worker;
  } catch (error) { // of a policy some browsers say so, others by an error event
    const { message } = /** @type {Error} */ (error);
    throw new StartError(`the worker ${kind}.js may not start: ${message}`, WORKER_POLICY);
  }
}
