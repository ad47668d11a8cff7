/**
 * The engine's worker: starts Python, gives it the GPU, the files and the tokenizers, and hands it
 * each message. What is said is in protocol.js, what is done in py_engine/hosts/worker.py.
 */

import { findAdapter } from "../base/adapter.js";
import { openDevice } from "./device.js";
import { Files } from "./files.js";
import { Gpu } from "./gpu.js";
import { startEngine } from "./python.js";
import { makeEncoder } from "./tokens.js";
import { tunings } from "./tunings.js";

/** @import { Answer, Model, Request, Start, StartRequest } from "../base/protocol.js" */

const HOST = "py_engine.hosts.worker";
const RELOAD = "Reload the page. The engine's own files could not be started.";

const files = new Files();
/** @type {Promise<(json: string) => void> | undefined} Python's door for requests */
let door;

/**
 * @param {StartRequest} request
 * @returns {Promise<{ receive: (json: string) => void, start: Start }>}
 */
async function boot({ options, gpu }) {
  if (gpu) await findAdapter(); // before megabytes are fetched in vain
  const { python, start } = await startEngine(HOST, files.ready);
  const receive = python.pyimport(HOST).serve({
    debug: options.debug ?? 0,
    heapBytes: () => /** @type {any} */ (python)._module.HEAPU8.length,
    files,
    makeEncoder,
    tunings,
    openGpu: async () => {
      const { device, info } = await openDevice(options);
      return new Gpu(device, info, files);
    },
    emit: (/** @type {string} */ json) => self.postMessage(JSON.parse(json)),
    /** @type {(id: number, text: string, ...ids: number[]) => void} */
    emitToken: (id, text, ...ids) => answer({ kind: "token", id, text, ids }),
    emitLogits: (/** @type {number} */ id, /** @type {Uint8Array<ArrayBuffer>} */ row) =>
      self.postMessage({ kind: "logits", id, row: row.buffer }, { transfer: [row.buffer] }),
  });
  return { receive, start };
}

/**
 * Files cross to Python as numbers of the table.
 *
 * @param {Model} model
 */
function located(model) {
  const parts = Array.isArray(model) ? model : [model];
  return parts.map((part) => (typeof part === "string" ? part : files.add(part)));
}

self.onmessage = async ({ data }) => {
  const request = /** @type {Request} */ (data);
  try {
    if (request.kind === "start") {
      answer({ kind: "progress", id: request.id, done: 0, total: 0 }); // a sign of life
      const booting = boot(request);
      door = booting.then(({ receive }) => receive);
      answer({ kind: "done", id: request.id, result: (await booting).start });
    } else {
      const receive = await door;
      const model = "model" in request && request.model ? located(request.model) : undefined;
      receive?.(JSON.stringify({ ...request, model }));
    }
  } catch (thrown) {
    const { name, message, stack, hint = RELOAD } = /** @type {Error & { hint?: string }} */ (
      thrown);
    const error = { name, message, hint, trace: stack ?? "" };
    answer({ kind: "fail", id: request.id, error, loaded: false });
  }
};

/** @param {Answer} message */
function answer(message) {
  self.postMessage(message);
}
