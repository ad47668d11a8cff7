/**
 * Bytes of files into buffers of the GPU, as they arrive and no faster than the GPU takes them.
 */

/** @import { Bytes } from "../base/source.js" */

/**
 * Where the bytes come from: `sink` gets them in order, and each call of it is awaited.
 *
 * @typedef {object} Streams
 * @property {(file: number, at: number, nbytes: number,
 *   sink: (bytes: Bytes) => Promise<void> | void) => Promise<void>} stream
 */

/**
 * @typedef {object} Segment  `nbytes` of a file from byte `at`, for a buffer at byte `to`
 * @property {number} at
 * @property {number} nbytes
 * @property {GPUBuffer} buffer
 * @property {number} to
 */

/** Bytes written between two waits, which bound the copies that wait for the GPU. */
const FENCE_BYTES = 16 << 20;

export class Uploads {
  #queue;
  #files;
  #unlessLost;
  #unfenced = 0;
  /** @type {Promise<undefined>} */ #fence = Promise.resolve(undefined);

  /**
   * @param {GPUQueue} queue
   * @param {Streams} files
   * @param {<T>(promise: Promise<T>) => Promise<T>} unlessLost  ends with the device
   */
  constructor(queue, files, unlessLost) {
    this.#queue = queue;
    this.#files = files;
    this.#unlessLost = unlessLost;
  }

  /**
   * Stream segments: all are asked for at once, so that no read waits for us.
   *
   * @param {number} file
   * @param {Segment[]} segments
   */
  add(file, segments) {
    return Promise.all(segments.map((segment) => this.#bring(file, segment)));
  }

  /**
   * `writeBuffer` takes multiples of 4, chunks have any length: up to 3 bytes are carried over,
   * and the last ones padded.
   *
   * @param {number} file
   * @param {Segment} segment
   */
  async #bring(file, { at, nbytes, buffer, to }) {
    const queue = this.#queue;
    const carry = new Uint8Array(4);
    let carried = 0;
    const sink = (/** @type {Bytes} */ bytes) => {
      let start = 0;
      if (carried) {
        start = Math.min(4 - carried, bytes.length);
        carry.set(bytes.subarray(0, start), carried);
        carried += start;
        if (carried < 4) return;
        queue.writeBuffer(buffer, to, carry);
        to += 4;
        carried = 0;
      }
      const whole = (bytes.length - start) & ~3;
      if (whole) queue.writeBuffer(buffer, to, bytes, start, whole);
      to += whole;
      carried = bytes.length - start - whole;
      carry.set(bytes.subarray(start + whole));
      return this.#throttle(whole);
    };
    await this.#files.stream(file, at, nbytes, sink);
    if (carried) queue.writeBuffer(buffer, to, carry.fill(0, carried));
  }

  /**
   * Bound what `writeBuffer` has copied and the GPU has not taken: two pieces of FENCE_BYTES.
   *
   * @param {number} nbytes
   */
  #throttle(nbytes) {
    this.#unfenced += nbytes;
    if (this.#unfenced < FENCE_BYTES) return;
    this.#unfenced = 0;
    const last = this.#fence;
    this.#queue.submit([]);
    this.#fence = this.#unlessLost(this.#queue.onSubmittedWorkDone());
    this.#fence.catch(() => {}); // the next wait throws it; there may be none
    return last;
  }
}
