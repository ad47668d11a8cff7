/**
 * Served in place of pyodide/pyodide.mjs, which it passes on: the worker of a test counts what it
 * asks of the GPU, of gpu.js and of the page. `counted` has the numbers, `python` is the Pyodide.
 */

import { Gpu } from "../engine/gpu.js";
import { loadPyodide as load } from "./original.mjs";

globalThis.counted = {};

/** Count the calls of some methods, under `as` or each under its own name. */
function count(owner, names, as) {
  for (const name of names) {
    const method = owner[name];
    owner[name] = function (...given) {
      counted[as ?? name] = (counted[as ?? name] ?? 0) + 1;
      return method.apply(this, given);
    };
  }
}

const making = Object.getOwnPropertyNames(GPUDevice.prototype)
  .filter((name) => /^(create|import)/.test(name) && name !== "createCommandEncoder");
count(GPUDevice.prototype, making);
count(GPUQueue.prototype, ["submit", "writeBuffer"]);
count(GPUBuffer.prototype, ["mapAsync"]);
const verbs = Object.getOwnPropertyNames(Gpu.prototype).filter((name) => name !== "constructor");
count(Gpu.prototype, verbs, "crossings");
count(globalThis, ["postMessage"]);

// An await of Python's is a `then` on what a verb returned, from outside of gpu.js.
const { read } = Gpu.prototype;
Gpu.prototype.read = function (...given) {
  const promise = read.apply(this, given);
  count(promise, ["then"], "awaits");
  return promise;
};

export async function loadPyodide(options) {
  globalThis.python = await load(options);
  return python;
}
