/**
 * Python with the engine imported: Pyodide, started so that whatever goes wrong comes out.
 *
 * Where its wasm or its library does not come or may not run, Pyodide 314 tells the console and
 * waits for ever; and it takes neither of them as bytes. So while it starts, the `fetch` and the
 * `instantiateStreaming` that it calls are ours. Both can go once `loadPyodide` rejects then.
 */

import { Arrival, StartError, loaded } from "../base/arrival.js";
import { startPython } from "./snapshot.js";

/** @typedef {Map<string, Arrival>} Arrivals  by address */

const ENGINE = "/lib/engine.zip"; // where Python finds it: it imports from the archive
const INDEX = new URL("../pyodide/", import.meta.url).href;
const IMPORTED = ["pyodide.mjs", "pyodide.asm.mjs"].map((name) => INDEX + name);
const WASM = `${INDEX}pyodide.asm.wasm`;
const FETCHED = [WASM, `${INDEX}python_stdlib.zip`, `${INDEX}pyodide-lock.json`];

/**
 * @param {string} host  the module to import
 * @param {Promise<unknown>} ready  what else has to be there. It comes before Python, which blocks
 *   this thread for seconds; until then a silence is noticed
 */
export async function startEngine(host, ready) {
  await mayCompile();
  const engine = contents(new Arrival(new URL("../engine.zip", import.meta.url).href));
  const modules = loaded(IMPORTED, Promise.all(IMPORTED.map((url) => import(url))));
  modules.catch(() => {}); // it is told where they are needed
  return startPython(async (snapshot) => {
    /** @type {Arrivals} */
    const arrivals = new Map(FETCHED.map((url) => [url, new Arrival(url)]));
    const loading = outspoken(arrivals, async () => {
      const [[pyodide]] = await Promise.all([modules, ready]);
      const { loadPyodide } = /** @type {typeof import("pyodide")} */ (pyodide);
      return loadPyodide({
        indexURL: INDEX,
        env: { PYTHONPATH: ENGINE },
        fsInit: async (fs) => fs.writeFile(ENGINE, await engine),
        ...snapshot,
      });
    });
    const all = [...arrivals.values()].map(({ whole }) => whole);
    const [python] = await Promise.all([loading, engine, ...all]);
    python.pyimport(host).destroy();
    return python;
  }, engine);
}

/** @param {Arrival} arrival */
async function contents({ response, whole }) {
  const bytes = response.then((answer) => answer.arrayBuffer());
  await Promise.all([whole, bytes.catch(() => {})]); // `whole` says it better
  return new Uint8Array(await bytes);
}

/** A policy may forbid WebAssembly, and some browsers can be told to. */
async function mayCompile() {
  try {
    await WebAssembly.compile(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0)); // an empty module
  } catch (error) {
    if (error instanceof ReferenceError) {
      throw new StartError("this browser has no WebAssembly, or it is turned off",
        "Turn its lockdown mode off for this site, or use another browser.");
    }
    throw new StartError("this page's Content-Security-Policy forbids WebAssembly",
      "Whoever runs this page must add 'wasm-unsafe-eval' to its script-src.");
  }
}

/**
 * Start Pyodide on files that are on their way; it fails if its wasm does.
 *
 * @template T
 * @param {Arrivals} arrivals
 * @param {() => Promise<T>} start
 * @returns {Promise<T>}
 */
async function outspoken(arrivals, start) {
  const { fetch } = self;
  const { instantiateStreaming } = WebAssembly;
  self.fetch = (input, init) => arrivals.get(String(input))?.response ?? fetch(input, init);
  /** @type {Promise<never>} */
  const failed = new Promise((_, reject) => {
    WebAssembly.instantiateStreaming = async (source, imports) => {
      try {
        const response = await source;
        return response.headers.get("content-type") === "application/wasm"
          ? await instantiateStreaming.call(WebAssembly, response, imports)
          : await WebAssembly.instantiate(await response.arrayBuffer(), imports);
      } catch (error) {
        const why = new StartError(`${WASM} does not run: ${/** @type {Error} */ (error).message}`,
          "Reload the page. If that does not help, close other pages: memory may be short.");
        reject(await arrivals.get(WASM)?.whole.then(() => why, (told) => told));
        throw error;
      }
    };
  });
  try {
    return await Promise.race([start(), failed]);
  } finally {
    self.fetch = fetch;
    WebAssembly.instantiateStreaming = instantiateStreaming;
  }
}
