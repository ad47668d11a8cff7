/**
 * The place for one model: the worker, what is loaded in it, and what is on its way. No DOM.
 *
 * One load follows the other in the same worker, which keeps the model it has until the next
 * one's header is known to be good. A worker without a model is ended: the next load begins anew.
 */

import { load, start } from "../api/client.js";

/** @import { Engine, EngineWorker, ModelLike } from "../api/client.js" */

export class Slot {
  /** The last model that was loaded, there or not. @type {ModelLike | null} */ model = null;
  /** @type {Engine | null} */ #engine = null;
  /** @type {EngineWorker | null} */ #worker = null;
  /** Ends a worker that only starts. @type {AbortController | null} */ #starting = null;
  /** @type {AbortController | null} */ #loading = null;
  /** The load before, to its very end. @type {Promise<unknown>} */ #last = Promise.resolve();

  /** What can be asked now; null where nothing is loaded. */
  get engine() {
    return this.#worker?.loaded ? this.#engine : null;
  }

  /**
   * Load a model in the place of the one that is there.
   * @param {ModelLike} model
   * @param {number} debug
   * @param {(done: number, total: number) => void} onProgress
   * @returns {Promise<Engine | null>}  null: it was cancelled, or another load came after it
   */
  load(model, debug, onProgress) {
    this.#loading?.abort();
    const loading = (this.#loading = new AbortController());
    const done = this.#last.then(() => this.#load(model, debug, onProgress, loading));
    this.#last = done.catch(() => {});
    return done;
  }

  /**
   * @param {ModelLike} model
   * @param {number} debug
   * @param {(done: number, total: number) => void} onProgress
   * @param {AbortController} loading
   */
  async #load(model, debug, onProgress, loading) {
    const { signal } = loading;
    try {
      const worker = (this.#worker ??= await this.#started(debug));
      const engine = await load(model, { worker, signal, onProgress });
      [this.#engine, this.model] = [engine, model];
      return engine;
    } catch (error) {
      const cancelled = signal.aborted;
      if (loading === this.#loading && !this.engine) this.end();
      if (cancelled) return null;
      throw error;
    }
  }

  /** @param {number} debug */
  async #started(debug) {
    const { signal } = (this.#starting = new AbortController());
    const worker = await start({ debug, gpu: true, signal });
    if (signal.aborted) worker.end();
    signal.throwIfAborted();
    return worker;
  }

  /** Give up the load that runs. The model that is there stays, unless it has gone for this one. */
  cancel() {
    this.#loading?.abort();
    if (!this.engine) this.end();
  }

  /** End everything: nothing is loaded afterwards. */
  end() {
    this.#loading?.abort();
    this.#starting?.abort();
    this.#worker?.end();
    this.#worker = null;
  }
}
