/**
 * When a download is taken up again: the policy, which is also py_engine/hosts/retries.py's; the
 * tests run one table of cases through both.
 *
 * A fault that may pass (a status of PASSING, no connection, a cut, a stall) is met by another try,
 * after a wait that doubles and is spread by chance, so that many visitors do not come back at
 * once. The server's own Retry-After counts, up to `mostMs`. Each new byte resets the count.
 */

/**
 * @typedef {object} Policy
 * @property {number} tries  in a row without a new byte
 * @property {number} firstMs  the first wait; the next ones double
 * @property {number} mostMs  of any wait
 * @property {number} stallMs  so long without a byte is a cut
 */

/** @type {Policy} */
export const POLICY = { tries: 6, firstMs: 1000, mostMs: 60_000, stallMs: 30_000 };
/** Statuses that may pass. */
export const PASSING = [408, 429, 500, 502, 503, 504];

/** A fault that may pass. */
export class Passing extends Error {
  /**
   * @param {Error} error  what to throw when it does not
   * @param {string | null} [retryAfter]  the server's header
   */
  constructor(error, retryAfter = null) {
    super(error.message);
    this.error = error;
    this.retryAfter = retryAfter;
  }
}

/** The tries of one file. */
export class Retries {
  #policy;
  #signal;
  #failed = 0;

  /**
   * @param {Policy} policy
   * @param {AbortSignal} signal  ends a wait
   */
  constructor(policy, signal) {
    this.#policy = policy;
    this.#signal = signal;
  }

  /** New bytes came. */
  progress() {
    this.#failed = 0;
  }

  /**
   * Wait until the next try is due, or throw the fault's error if it was the last one.
   *
   * @param {Passing} fault
   */
  async wait({ error, retryAfter }) {
    const { tries, firstMs, mostMs } = this.#policy;
    if (++this.#failed === tries) throw error;
    const backoff = firstMs * 2 ** (this.#failed - 1) * (0.5 + Math.random() / 2);
    const ms = Math.min(mostMs, Math.max(backoff, millisecondsOf(retryAfter)));
    await new Promise((resolve, reject) => {
      const leave = () => {
        clearTimeout(timer);
        reject(error);
      };
      const timer = setTimeout(() => {
        this.#signal.removeEventListener("abort", leave);
        resolve(undefined);
      }, ms);
      this.#signal.addEventListener("abort", leave);
      if (this.#signal.aborted) leave();
    });
  }

  /**
   * A promise that rejects with a `TimeoutError` where it takes longer than a stall.
   *
   * @template T
   * @param {Promise<T>} promise
   * @returns {Promise<T>}
   */
  async unstalled(promise) {
    const { stallMs } = this.#policy;
    /** @type {number | undefined} */ let timer;
    /** @type {Promise<never>} */
    const stall = new Promise((_, reject) => {
      const why = `no byte came for ${stallMs / 1000} s`;
      timer = setTimeout(() => reject(new DOMException(why, "TimeoutError")), stallMs);
    });
    promise.catch(() => {}); // it may fail later than the stall
    return Promise.race([promise, stall]).finally(() => clearTimeout(timer));
  }
}

/**
 * @param {string | null} retryAfter  seconds, or a date
 * @returns {number}  0 where it says nothing
 */
function millisecondsOf(retryAfter) {
  if (retryAfter === null) return 0;
  if (/^\s*\d+\s*$/.test(retryAfter)) return 1000 * Number(retryAfter);
  return Math.max(0, Date.parse(retryAfter) - Date.now()) || 0;
}
