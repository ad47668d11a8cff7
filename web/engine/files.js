/**
 * Model files, by number: a URL or a File, read in pieces or streamed to a sink.
 *
 * The table that py_engine/hosts/worker.py sees, and whence `Gpu.load` takes weights. The reading
 * itself is done by a thread. It knows nothing of GGUF or the GPU.
 */

import { Reading } from "./reading.js";

/** @import { Bytes, Sink } from "../base/source.js" */

/** With more files open only those asked for have a connection: a body that waits holds it, and
 * browsers allow six to a host. */
const CONNECTIONS = 4;

export class Files {
  #next = 1;
  #reading = new Reading();
  /** @type {Map<number, Blob>} */ #blobs = new Map();
  /** Their names. @type {Map<number, string>} */ #open = new Map();
  /** When the thread is there. It need not be awaited: where it fails, every call does. */
  ready = this.#reading.ready;

  /**
   * Note a file that the page gave, so that Python can open it by number, once.
   *
   * @param {Blob} blob
   */
  add(blob) {
    this.#blobs.set(this.#next, blob);
    return { blob: this.#next++, name: nameOf(blob) };
  }

  /**
   * Nothing is asked for before `begin`.
   *
   * @param {string | number} spec  an absolute URL, or a number from `add`
   * @returns {number}
   */
  open(spec) {
    const given = typeof spec === "string" ? spec : this.#blob(spec);
    const name = nameOf(given);
    this.#open.set(this.#next, name);
    this.#reading.tell({ verb: "open", file: this.#next, spec: given, name });
    return this.#next++;
  }

  /** @param {number} number */
  #blob(number) {
    const blob = this.#blobs.get(number);
    if (!blob) throw new Error(`file ${number} was never given, or it was opened before`);
    this.#blobs.delete(number);
    return blob;
  }

  /**
   * For messages.
   *
   * @param {number} id
   */
  name(id) {
    const name = this.#open.get(id);
    if (name === undefined) throw new Error(`file ${id} is closed or was never opened`);
    return name;
  }

  /**
   * Comes before `read` and `stream`.
   *
   * @param {number} id
   * @returns {Promise<number | undefined>} its size, if the server tells
   */
  async begin(id) {
    this.#prefer(id);
    return this.#reading.ask({ verb: "begin", file: id });
  }

  /**
   * @param {number} id
   * @param {number} at
   * @param {number} nbytes
   * @returns {Promise<Bytes>} fewer only at the end
   */
  async read(id, at, nbytes) {
    this.#prefer(id);
    return this.#reading.ask({ verb: "read", file: id, at, nbytes });
  }

  /**
   * @param {number} id
   * @param {number} at
   * @param {number} nbytes
   * @param {Sink} sink
   * @returns {Promise<void>} all, or an error
   */
  async stream(id, at, nbytes, sink) {
    this.#prefer(id);
    return this.#reading.ask({ verb: "stream", file: id, at, nbytes }, sink);
  }

  /**
   * Let the others give their connections back if there are many.
   *
   * @param {number} id
   */
  #prefer(id) {
    this.name(id);
    const many = this.#open.size > CONNECTIONS;
    for (const file of many ? this.#open.keys() : []) {
      if (file !== id) this.#reading.tell({ verb: "pause", file });
    }
  }

  /**
   * It also ends a download.
   *
   * @param {number} id
   */
  close(id) {
    if (this.#open.delete(id)) this.#reading.tell({ verb: "close", file: id });
  }
}

/**
 * What follows a `?` may be a secret.
 *
 * @param {string | Blob} spec
 */
function nameOf(spec) {
  if (typeof spec === "string") return spec.split(/[?#]/, 1)[0] ?? spec;
  return spec instanceof File ? spec.name : "the given file";
}
