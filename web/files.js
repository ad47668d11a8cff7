/**
 * Model files, by number: a URL or a File, read in pieces or streamed to a sink.
 *
 * The table behind the sources of py_engine/hosts/worker.py, and whence `Gpu.load` takes weights.
 * It knows nothing of GGUF or the GPU.
 */

import { SourceError, UrlSource } from "./http.js";

/** @import { Bytes, Sink } from "./http.js" */

/**
 * @typedef {object} Source
 * @property {string} name  for messages
 * @property {number | null} size  null where the server does not tell
 * @property {() => Promise<void>} [begin]  comes first; `size` is known then
 * @property {(at: number, nbytes: number) => Promise<Bytes>} read  fewer only at the end
 * @property {(at: number, nbytes: number, sink: Sink) => Promise<void>} stream  all or an error
 * @property {() => void} [pause]  gives its connection or memory back
 * @property {() => void} [close]  also ends a download
 */

/** With more files open only one has a connection: a body that waits holds it, and browsers allow
 * six to a host. */
const CONNECTIONS = 4;
/** Bytes of a local file that are read at a time. */
const WINDOW_BYTES = 8 << 20;

/** The table that Python sees. */
export class Files {
  #next = 1;
  /** @type {Map<number, Blob>} */ #blobs = new Map();
  /** @type {Map<number, Source>} */ #open = new Map();

  /**
   * Note a file that the page gave, so that Python can open it by number, once.
   *
   * @param {Blob} blob
   */
  add(blob) {
    this.#blobs.set(this.#next, blob);
    return { blob: this.#next++, name: blob instanceof File ? blob.name : "the given file" };
  }

  /**
   * Nothing is asked for before `begin`.
   *
   * @param {string | number} spec  an absolute URL, or a number from `add`
   * @returns {number}
   */
  open(spec) {
    this.#open.set(this.#next, typeof spec === "string" ? new UrlSource(spec) : this.#blob(spec));
    return this.#next++;
  }

  /** @param {number} id */
  name(id) {
    return this.#source(id).name;
  }

  /**
   * @param {number} id
   * @returns {Promise<number | undefined>} its size, if the server tells
   */
  async begin(id) {
    const source = this.#source(id);
    await source.begin?.();
    return source.size ?? undefined;
  }

  /** @param {number} number */
  #blob(number) {
    const blob = this.#blobs.get(number);
    if (!blob) throw new Error(`file ${number} was never given, or it was opened before`);
    this.#blobs.delete(number);
    return new BlobSource(blob);
  }

  /** @param {number} id */
  #source(id) {
    const source = this.#open.get(id);
    if (!source) throw new Error(`file ${id} is closed or was never opened`);
    const many = this.#open.size > CONNECTIONS;
    for (const other of many ? this.#open.values() : []) if (other !== source) other.pause?.();
    return source;
  }

  /**
   * @param {number} id
   * @param {number} at
   * @param {number} nbytes
   */
  async read(id, at, nbytes) {
    return this.#source(id).read(at, nbytes);
  }

  /**
   * @param {number} id
   * @param {number} at
   * @param {number} nbytes
   * @param {Sink} sink
   */
  async stream(id, at, nbytes, sink) {
    return this.#source(id).stream(at, nbytes, sink);
  }

  /** @param {number} id */
  close(id) {
    this.#open.get(id)?.close?.();
    this.#open.delete(id);
  }
}

/**
 * A File or Blob, read by windows: some streams of blobs never end, nor tell why (Chromium 156).
 *
 * @implements {Source}
 */
class BlobSource {
  #blob;
  /** @type {Map<number, Promise<Bytes>>} by number: the one in use, and the next */
  #windows = new Map();

  /** @param {Blob} blob */
  constructor(blob) {
    this.#blob = blob;
    this.name = blob instanceof File ? blob.name : "the given file";
    this.size = blob.size;
  }

  /**
   * @param {number} at
   * @param {number} nbytes
   */
  async read(at, nbytes) {
    const slice = this.#blob.slice(at, at + nbytes);
    return new Uint8Array(await slice.arrayBuffer().catch((error) => this.#fail(error)));
  }

  /**
   * @param {number} at
   * @param {number} nbytes
   * @param {Sink} sink
   */
  async stream(at, nbytes, sink) {
    for (let left = nbytes; left; ) {
      const skip = (at + nbytes - left) % WINDOW_BYTES;
      const window = await this.#window((at + nbytes - left - skip) / WINDOW_BYTES);
      const bytes = window.subarray(skip, skip + left);
      left -= bytes.length;
      if (!bytes.length) {
        throw new SourceError("TRUNCATED", this.name, `it ends ${left} bytes too early`);
      }
      await sink(bytes);
    }
  }

  /** Forget what was read, as other files' turn has come. */
  pause() {
    this.#windows.clear();
  }

  /**
   * Bytes [number, number + 1) · WINDOW_BYTES; the next ones are asked for while these are used.
   *
   * @param {number} number
   */
  async #window(number) {
    const have = this.#windows;
    this.#windows = new Map();
    for (const one of [number, number + 1]) {
      const bytes = have.get(one) ?? this.read(one * WINDOW_BYTES, WINDOW_BYTES);
      bytes.catch(() => {}); // told to whoever asks for it, if anybody does
      this.#windows.set(one, bytes);
    }
    return /** @type {Promise<Bytes>} */ (this.#windows.get(number));
  }

  /**
   * @param {Error} error
   * @returns {never}
   */
  #fail(error) {
    throw new SourceError("CHANGED", this.name, `the browser refuses to read on: ${error.message}`,
      "Choose the file again; it was changed, moved or removed.");
  }
}
