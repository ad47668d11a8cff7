/**
 * Calls to the reading thread, reader.js.
 */

import { StartError, loaded } from "../base/arrival.js";
import { SourceError } from "../base/source.js";
import { MODULES, WORKER_POLICY, spawned } from "../base/spawn.js";

/** @import { Answer, Order, Sink } from "../base/source.js" */

/**
 * @typedef {object} Call
 * @property {(value: any) => void} resolve
 * @property {(error: unknown) => void} reject
 * @property {Sink} [sink]
 */

export class Reading {
  #thread = spawned("reader", "inferaived reader");
  #next = 1;
  /** @type {Map<number, Call>} */ #calls = new Map();
  /** One answer after the other: a sink may let us wait. */ #turn = Promise.resolve();
  /** @type {Error | null} */ #failure = null;

  constructor() {
    const sign = new Promise((resolve, reject) => {
      this.#thread.onmessage = ({ data }) => {
        resolve(undefined); // the first message comes by itself
        const turn = this.#turn.then(() => this.#take(data));
        this.#turn = turn.catch(({ message }) => this.#fail(message));
      };
      this.#thread.onerror = (event) => {
        event.preventDefault(); // it would count as a failure of the engine's worker, too
        const why = event.message || "it did not start";
        reject(new StartError(why, WORKER_POLICY));
        this.ready.then(() => this.#fail(why), () => {});
      };
    });
    /** When the thread is there. It need not be awaited: where it fails, every call does. */
    this.ready = loaded(MODULES.reader, sign);
    this.ready.catch(({ message, hint }) => this.#fail(message, hint));
  }

  /**
   * @param {string} why
   * @param {string} [hint]
   */
  #fail(why, hint = "Reload the page.") {
    this.#failure = new SourceError("NETWORK", "reader.js", `the thread that reads failed: ${why}`,
      hint);
    for (const { reject } of this.#calls.values()) reject(this.#failure);
    this.#calls.clear();
  }

  /**
   * @param {Order | ArrayBuffer} order  or a buffer to give back
   * @param {ArrayBuffer[]} [transfer]
   */
  tell(order, transfer = []) {
    this.#thread.postMessage(order, transfer);
  }

  /**
   * @param {Order} order
   * @param {Sink} [sink]
   * @returns {Promise<any>}
   */
  ask(order, sink) {
    return new Promise((resolve, reject) => {
      if (this.#failure) throw this.#failure;
      const call = this.#next++;
      this.#calls.set(call, { resolve, reject, sink });
      this.tell({ ...order, call });
    });
  }

  /** @param {Answer} answer */
  async #take({ call, bytes, value, error }) {
    const asked = this.#calls.get(call);
    if (bytes) {
      try {
        await asked?.sink?.(bytes);
      } catch (thrown) {
        asked?.reject(thrown);
        this.#calls.delete(call);
        this.tell({ verb: "drop", file: 0, stream: call });
      }
      this.tell(bytes.buffer, [bytes.buffer]);
      return;
    }
    this.#calls.delete(call);
    if (error) asked?.reject(Object.assign(new Error(error.message), error));
    else asked?.resolve(value);
  }
}
