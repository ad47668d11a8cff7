/**
 * A source of bytes: what can be asked of one, what goes wrong with it, and the messages by which
 * the engine's thread asks the one that reads.
 */

/** @typedef {Uint8Array<ArrayBuffer>} Bytes */
/** @typedef {(bytes: Bytes) => Promise<void> | void} Sink */
/** @typedef {"NOT_FOUND" | "HTTP" | "NETWORK" | "HTML" | "RANGE" | "TRUNCATED" | "CHANGED"} Code */

/**
 * Its calls come one after the other; only `close` may come within one.
 *
 * @typedef {object} Source
 * @property {number | null} size  null where the server does not tell
 * @property {() => Promise<void>} [begin]  comes first; `size` is known then
 * @property {(at: number, nbytes: number) => Promise<Bytes>} read  fewer only at the end
 * @property {(at: number, nbytes: number, sink: Sink) => Promise<void>} stream  all or an error
 * @property {() => void} [pause]  gives its connection or memory back
 * @property {() => void} [close]  also ends a download
 */

/**
 * What reader.js is told; else it gets an `ArrayBuffer` back.
 *
 * @typedef {object} Order
 * @property {"open" | "begin" | "read" | "stream" | "drop" | "pause" | "close"} verb
 * @property {number} file
 * @property {number} [call]  that waits for an answer
 * @property {number} [stream]  the call whose bytes to `drop`
 * @property {string | Blob} [spec]  what to open: an absolute URL, or a file
 * @property {string} [name]  of what to open, for messages
 * @property {number} [at]
 * @property {number} [nbytes]
 */

/**
 * What it answers: more bytes of a call, or how the call ended.
 *
 * @typedef {object} Answer
 * @property {number} call
 * @property {Bytes} [bytes]  in a buffer that is to go back
 * @property {unknown} [value]
 * @property {{ name: string, message: string, [more: string]: unknown }} [error]
 */

/** base/errors.py's SourceError, for Python to rebuild. */
export class SourceError extends Error {
  /**
   * @param {Code} code
   * @param {string} source
   * @param {string} why
   * @param {string} [hint]
   */
  constructor(code, source, why, hint = "") {
    super(why);
    this.name = "SourceError";
    this.code = code;
    this.source = source;
    this.hint = hint;
  }
}
