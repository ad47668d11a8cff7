/**
 * Python's memory as it was when the engine stood imported, kept in this browser: the next worker
 * begins with it instead of importing everything again. There is one for each site, in Cache
 * Storage; another build, Pyodide or browser does not take it but replaces it. It is never needed:
 * whatever goes wrong is told to the console, and Python starts plainly. What it freezes is the
 * seed of Python's hashes, which the first visit drew and nobody else knows.
 */

import { StartError } from "../base/arrival.js";

/** @import { Start } from "../base/protocol.js" */
/** @import { PyodideAPI } from "pyodide" */

const CACHE = "inferaived-start";
const ADDRESS = new URL("../snapshot", import.meta.url).href; // no file: a name for what is kept
const PAGE = 4096; // bytes; half of the memory is pages of zeros, which are left out

/**
 * @param {(options: { _loadSnapshot?: Promise<Uint8Array>, _makeSnapshot?: boolean }) =>
 *   Promise<PyodideAPI>} load  starts Pyodide with these options of its own, imports the engine
 * @param {Promise<BufferSource>} engine  the archive: what the memory has to agree with
 * @returns {Promise<{ python: PyodideAPI, start: Start }>}
 */
export async function startPython(load, engine) {
  const store = await tried(() => caches.open(CACHE));
  if (!store) return { python: await load({}), start: "plain" };
  const kept = await tried(() => store.match(ADDRESS));
  const key = async () => `${await sha256(await engine)} ${navigator.userAgent}`;
  if (kept) {
    // It is read and checked while WebAssembly compiles; what does not fit makes the load fail.
    const memory = memoryOf(kept, key());
    const python = await tried(() => load({ _loadSnapshot: memory }));
    if (python) {
      const { buffer } = await memory;
      structuredClone(buffer, { transfer: [buffer] }); // Pyodide would hold on to it
      python.pyimport("random").seed(); // or every worker would draw the same
      return { python, start: "snapshot" };
    }
    await tried(() => store.delete(ADDRESS));
  }
  const python = await load({ _makeSnapshot: true });
  // Now, while Python holds nothing of JavaScript's; kept later, when the page has its answer.
  const made = await tried(() => python.makeMemorySnapshot());
  if (made) setTimeout(() => tried(async () => keep(store, await key(), made)));
  return { python, start: "plain" };
}

/**
 * @template T
 * @param {() => T | Promise<T>} act
 * @returns {Promise<T | null>}
 */
async function tried(act) {
  try {
    return await act();
  } catch (error) {
    if (error instanceof StartError) throw error; // which a plain start would meet, too
    console.info("Python's start could not be shortened:", error);
    return null;
  }
}

/**
 * @param {Response} kept
 * @param {Promise<string>} key
 */
async function memoryOf(kept, key) {
  const packed = await kept.arrayBuffer();
  if (kept.headers.get("key") !== (await key)) throw new Error("it is of another build");
  if (kept.headers.get("sha256") !== (await sha256(packed))) throw new Error("it was damaged");
  return unpacked(packed);
}

/**
 * @param {Cache} store
 * @param {string} key
 * @param {Uint8Array} memory
 */
async function keep(store, key, memory) {
  const data = packed(memory);
  const headers = { key, sha256: await sha256(data) };
  await store.put(ADDRESS, new Response(data, { headers }));
}

/** @param {BufferSource} data */
async function sha256(data) {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", data));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * Without its pages of zeros: where the last other one ends, how many there are, their places,
 * the pages; all in u32.
 *
 * @param {Uint8Array} memory  of a multiple of four bytes
 */
function packed(memory) {
  const words = new Uint32Array(memory.buffer, memory.byteOffset, memory.byteLength / 4);
  const step = PAGE / 4;
  const places = [];
  for (let at = 0; at < words.length; at += step) {
    if (words.subarray(at, at + step).some((word) => word !== 0)) places.push(at);
  }
  const out = new Uint32Array(2 + places.length * (1 + step));
  out.set([4 * (places.at(-1) ?? 0) + PAGE, places.length, ...places]);
  let to = 2 + places.length;
  for (const at of places) {
    out.set(words.subarray(at, at + step), to);
    to += step;
  }
  return out;
}

/**
 * The inverse of `packed`.
 *
 * @param {ArrayBuffer} data
 */
function unpacked(data) {
  const words = new Uint32Array(data);
  const [nbytes = 0, n = 0] = words;
  const step = PAGE / 4;
  const out = new Uint32Array(nbytes / 4);
  for (let i = 0; i < n; i++) {
    const from = 2 + n + i * step;
    out.set(words.subarray(from, from + step), words[2 + i]);
  }
  return new Uint8Array(out.buffer);
}
