/**
 * The engine's worker: boots Python from ./pyodide/ and ./engine.zip, gives it the GPU, the files
 * and the tokenizers, and hands it each message. What is said is in protocol.js, what is done in
 * py_engine/hosts/worker.py.
 */

import { startPython } from "./snapshot.js";

/** @import { Files } from "./files.js" */
/** @import { Answer, Model, Request, StartOptions } from "./protocol.js" */
/** @import { Start } from "./snapshot.js" */

/**
 * @typedef {object} Started
 * @property {(json: string) => void} receive  Python's door for requests
 * @property {Files} files
 * @property {Start} start
 */

const ENGINE = "/lib/engine.zip"; // where Python finds it: it imports from the archive
const HOST = "py_engine.hosts.worker";

/** @type {Promise<Started> | undefined} */
let started;

/**
 * @param {StartOptions} options
 * @returns {Promise<Started>}
 */
async function boot(options) {
  const indexURL = new URL("pyodide/", import.meta.url).href;
  const engine = fetched(new URL("engine.zip", import.meta.url));
  /** @type {Promise<typeof import("pyodide")>} */
  const pyodide = import(`${indexURL}pyodide.mjs`);
  const starting = startPython(async (snapshot) => {
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
  // Not at the head of this file: there they would hold up Python, which is the longest to come.
  const [{ python, start }, { openDevice }, { Files }, { Gpu }, { makeEncoder }] =
    await Promise.all([
      starting,
      import("./device.js"),
      import("./files.js"),
      import("./gpu.js"),
      import("./tokens.js"),
    ]);
  const files = new Files();
  const receive = python.pyimport(HOST).serve({
    files,
    makeEncoder,
    openGpu: async () => {
      const { device, info } = await openDevice(options);
      return new Gpu(device, info, files);
    },
    emit: (/** @type {string} */ json) => self.postMessage(JSON.parse(json)),
    emitLogits: (/** @type {number} */ id, /** @type {Uint8Array<ArrayBuffer>} */ rows) =>
      self.postMessage({ kind: "logits", id, rows: rows.buffer }, { transfer: [rows.buffer] }),
  });
  return { receive, files, start };
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
 * @param {Files} files
 */
function located(model, files) {
  const parts = Array.isArray(model) ? model : [model];
  return parts.map((part) => (typeof part === "string" ? part : files.add(part)));
}

self.onmessage = async ({ data }) => {
  const request = /** @type {Request} */ (data);
  try {
    if (request.kind === "start") {
      started = boot(request.options);
      answer({ kind: "done", id: request.id, result: (await started).start });
    } else if (started) {
      const { receive, files } = await started;
      const model = "model" in request && request.model && located(request.model, files);
      receive(JSON.stringify({ ...request, model: model || undefined }));
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
