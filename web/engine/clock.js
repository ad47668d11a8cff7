/**
 * The GPU's own clock around one pass. Browsers round it to 100 µs, so a pass should be long.
 */

export class Clock {
  #queries;

  /** @param {GPUDevice} device  with `timestamp-query` */
  constructor(device) {
    this.#queries = device.createQuerySet({ type: "timestamp", count: 2 });
    const usage = GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC;
    /** What `stop` fills. */
    this.buffer = device.createBuffer({ label: "timestamps", size: 16, usage });
  }

  /** @returns {GPUComputePassDescriptor}  of the pass to be timed */
  get pass() {
    const querySet = this.#queries;
    return {
      timestampWrites: { querySet, beginningOfPassWriteIndex: 0, endOfPassWriteIndex: 1 },
    };
  }

  /** @param {GPUCommandEncoder} encoder  after the pass */
  stop(encoder) {
    encoder.resolveQuerySet(this.#queries, 0, 2, this.buffer, 0);
  }

  /**
   * @param {Uint8Array<ArrayBuffer>} bytes  of `buffer`
   * @returns {number} seconds
   */
  read({ buffer }) {
    const [begin = 0n, end = 0n] = new BigUint64Array(buffer);
    return Number(end - begin) / 1e9;
  }

  /** Give everything back. */
  close() {
    this.#queries.destroy();
    this.buffer.destroy();
  }
}
