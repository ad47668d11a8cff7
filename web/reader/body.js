/**
 * The bytes of a stream, read into one buffer over and over where the browser can (BYOB readers).
 * Else each chunk is a new buffer, and hundreds of megabytes of them wait for the collector.
 */

/** @import { Bytes } from "../base/source.js" */

const BUFFER_BYTES = 1 << 20;

export class Body {
  /** @type {ReadableStreamDefaultReader<Bytes> | null} */ #plain = null;
  /** @type {ReadableStreamBYOBReader | null} */ #byob = null;
  /** @type {Bytes} the browser takes it for a read and gives it back */ #buffer = new Uint8Array();

  /** @param {ReadableStream<Bytes>} stream */
  constructor(stream) {
    try {
      this.#byob = stream.getReader({ mode: "byob" });
      this.#buffer = new Uint8Array(BUFFER_BYTES);
    } catch {
      this.#plain = stream.getReader(); // not a stream of bytes, in this browser
    }
  }

  /**
   * The next bytes, good until the next call; undefined at the end.
   *
   * @returns {Promise<Bytes | undefined>}
   */
  async read() {
    if (!this.#byob) return (await this.#plain?.read())?.value;
    const { value } = await this.#byob.read(this.#buffer);
    if (!value?.length) return undefined;
    this.#buffer = new Uint8Array(value.buffer);
    return value;
  }

  /** End what is on its way. */
  cancel() {
    (this.#byob ?? this.#plain)?.cancel().catch(() => {});
  }
}
