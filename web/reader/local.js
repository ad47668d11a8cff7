/**
 * A file on this machine.
 */

import { SourceError } from "../base/source.js";

/** @import { Bytes, Sink, Source } from "../base/source.js" */

/** Bytes that are read at a time. */
const WINDOW_BYTES = 8 << 20;

/**
 * A File or Blob, read by windows: some streams of blobs never end, nor tell why (Chromium 156).
 *
 * @implements {Source}
 */
export class BlobSource {
  #blob;
  #closed = false;
  /** @type {Map<number, Promise<Bytes>>} by number: the one in use, and the next */
  #windows = new Map();

  /**
   * @param {Blob} blob
   * @param {string} name
   */
  constructor(blob, name) {
    this.#blob = blob;
    this.name = name;
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
      if (this.#closed) throw new SourceError("TRUNCATED", this.name, "it was closed");
      const window = await this.#window((at + nbytes - left - skip) / WINDOW_BYTES);
      const bytes = window.subarray(skip, skip + left);
      left -= bytes.length;
      if (!bytes.length) {
        throw new SourceError("TRUNCATED", this.name, `it ends ${left} bytes too early`);
      }
      await sink(bytes);
    }
  }

  /** Forget what was read: other files are read now. */
  pause() {
    this.#windows.clear();
  }

  close() {
    this.#closed = true;
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
      bytes.catch(() => {}); // the read that wants it throws it
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
