/**
 * The engine's worker: boots Python from ./pyodide/ and ./engine.zip, gives it the GPU, the files
 * and the tokenizers, and hands it each message. What is said is in protocol.js, what is done in
 * py_engine/hosts/worker.py.
 */

import { openDevice } from "./device.js";
import { Files } from "./files.js";
import { Gpu } from "./gpu.js";
import { startPython } from "./snapshot.js";
import { makeEncoder } from "./tokens.js";
import { tunings } from "./tunings.js";

/** @import { Answer, Model, Request, StartOptions } from "./protocol.js" */
/** @import { Start } from "./snapshot.js" */

const ENGINE = "/lib/engine.zip"; // where Python finds it: it imports from the archive
const HOST = "py_engine.hosts.worker";

const files = new Files();
/** @type {Promise<(json: string) => void> | undefined} Python's door for requests */
let door;

/**
 * @param {StartOptions} options
 * @returns {Promise<{ receive: (json: string) => void, start: Start }>}
 */
async function boot(options) {
  const indexURL = new URL("pyodide/", import.meta.url).href;
  const engine = fetched(new URL("engine.zip", import.meta.url));
  /** @type {Promise<typeof import("pyodide")>} */
  const pyodide = import(`${indexURL}pyodide.mjs`);
  const { python, start } = await startPython(async (snapshot) => {
    const { loadPyodide } = await pyodide;
    const loading = loadPyodide({
      indexURL,
      env: { PYTHONPATH: ENGINE },
      fsInit: async (fs) => fs.writeFile(ENGINE, await engine),
      ...snapshot,
    });
    const [python] = await Promise.all([loading, engine]); // Pyodide would overlook its failure
    python.pyimport(HOST).destroy();
    return python;
  }, engine);
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

/** @param {URL} url */
async function fetched(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} answered with HTTP ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
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
      const booting = boot(request.options);
      door = booting.then(({ receive }) => receive);
      answer({ kind: "done", id: request.id, result: (await booting).start });
    } else {
      const receive = await door;
      const model = "model" in request && request.model ? located(request.model) : undefined;
      receive?.(JSON.stringify({ ...request, model }));
    }
  } catch (thrown) {
    const { name, message, stack } = /** @type {Error} */ (thrown);
    const hint = "Reload the page. The engine's own files could not be started.";
    answer({ kind: "fail", id: request.id, error: { name, message, hint, trace: stack ?? "" } });
  }
};

/** @param {Answer} message */
function answer(message) {
  self.postMessage(message);
}
