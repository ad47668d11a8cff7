/**
 * Requests to the engine's worker and their answers: who asked, what came, what failed.
 */

import { WORKER_POLICY } from "../base/spawn.js";
import { unsayable } from "./plain.js";

/** @import { Answer, Failure, Request, Start } from "../base/protocol.js" */

/** @typedef {{ text: string, ids: number[] }} Piece */
/**
 * @typedef {Request extends infer R ? R extends unknown ? Omit<R, "id"> : never : never} Message
 */

/** An error of the engine: what is wrong (`message`) and what to do (`hint`). */
export class InferaivedError extends Error {
  /** @param {Failure} failure */
  constructor({ name, message, hint, trace }) {
    super(message);
    this.name = name;
    this.hint = hint;
    this.trace = trace;
  }
}

/**
 * @typedef {object} Call  one request on its way
 * @property {Promise<any>} result
 * @property {() => void} stop  ends it; `result` still settles
 * @property {() => void} taken  says that one of its answers was taken
 */

/**
 * @typedef {{ [K in Answer["kind"]]?: (answer: Extract<Answer, { kind: K }>) => void }} Listeners
 */

/** A started worker: Python is running in it; it holds one model at a time. */
export class EngineWorker {
  #worker;
  #next = 1;
  /** @type {Map<number, { listeners: Listeners, settle: (answer: Answer) => void }>} */
  #calls = new Map();
  /** @type {Failure | null} */ #ended = null;
  /** @type {Start | null} how Python began; null before */ began = null;
  /** Whether a model is loaded, as far as the worker has said. */ loaded = false;

  /** @param {Worker} worker */
  constructor(worker) {
    this.#worker = worker;
    worker.onmessage = (event) => this.#receive(event.data);
    worker.onerror = (event) => {
      event.preventDefault?.();
      this.end("WorkerError", `the engine's worker failed: ${event.message || "not started"}`,
        WORKER_POLICY);
    };
  }

  /** @param {Answer} answer */
  #receive(answer) {
    const call = this.#calls.get(answer.id);
    if (!call) return;
    const listener = /** @type {((answer: Answer) => void) | undefined} */ (
      call.listeners[answer.kind]);
    listener?.(answer);
    call.settle(answer);
  }

  /**
   * Send a request and route its answers.
   *
   * @param {Message} message
   * @param {Listeners} [listeners]
   * @returns {Call}
   */
  call(message, listeners = {}) {
    const id = this.#next++;
    /** @type {Promise<any>} */
    const result = new Promise((resolve, reject) => {
      const failure = this.#ended ?? unsayable(message);
      if (failure) {
        reject(new InferaivedError(failure));
        return;
      }
      /** @param {Answer} answer */
      const settle = (answer) => {
        if (answer.kind === "ready") resolve(answer.info);
        else if (answer.kind === "done") resolve(answer.result);
        else if (answer.kind === "fail") reject(new InferaivedError(answer.error));
        else return;
        if (answer.kind === "fail") this.loaded = answer.loaded;
        else if (message.kind === "load") this.loaded = true;
        else if (message.kind === "close") this.loaded = false;
        this.#calls.delete(id);
      };
      this.#calls.set(id, { listeners, settle });
      this.#worker.postMessage({ ...message, id });
    });
    /** @param {"stop" | "take"} kind */
    const tell = (kind) => {
      if (this.#calls.has(id)) this.#worker.postMessage({ kind, id });
    };
    return { result, stop: () => tell("stop"), taken: () => tell("take") };
  }

  /**
   * `call`, of which a signal may make an end: then it fails with the signal's reason.
   *
   * @param {Message} message
   * @param {AbortSignal} [signal]
   * @param {Listeners} [listeners]
   * @returns {Promise<any>}
   */
  async ask(message, signal, listeners) {
    signal?.throwIfAborted();
    const { result, stop } = this.call(message, listeners);
    signal?.addEventListener("abort", stop);
    try {
      return await result;
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    } finally {
      signal?.removeEventListener("abort", stop);
    }
  }

  /** Stop whatever runs. */
  stop() {
    for (const id of this.#calls.keys()) this.#worker.postMessage({ kind: "stop", id });
  }

  /**
   * Terminate the worker; what was asked for fails.
   *
   * @param {string} [name]
   * @param {string} [message]
   * @param {string} [hint]
   */
  end(name = "Stopped", message = "the engine was closed", hint = "") {
    if (this.#ended) return;
    const error = { name, message, hint, trace: "" };
    this.#ended = error;
    this.loaded = false;
    this.#worker.terminate();
    for (const [id, { settle }] of [...this.#calls]) {
      settle({ kind: "fail", id, error, loaded: false });
    }
  }
}

/** Ends the requests of streams that were dropped half read: nobody can take what is to come. */
const dropped = new FinalizationRegistry((/** @type {() => void} */ stop) => stop());

/**
 * What comes bit by bit: iterate it, or await `result` for the end.
 *
 * The first of the two sends the request, so a stream that nobody reads costs nothing. To leave
 * the loop early stops the engine after the token at hand, as `signal` does. A stream that was
 * begun and dropped stops when the browser collects it.
 *
 * Items wait here for their reader, and a reply has no bound on them: tokens are small, and an
 * engine that stood still for its reader would never come to the next reply, which the reader may
 * be waiting for. What is large is bounded by `taken`.
 *
 * @template T
 */
export class Stream {
  /** @type {{ items: T[], ended: boolean, wake: () => void }} */
  #queue = { items: [], ended: false, wake: () => {} };
  #send;
  /** @type {Call | null} */ #call = null;

  /**
   * @param {EngineWorker} worker
   * @param {Message} message
   * @param {(take: (item: T) => void) => Listeners} listen
   * @param {AbortSignal} [signal]  ends it as `stop` does
   */
  constructor(worker, message, listen, signal) {
    const queue = this.#queue; // no closure holds the stream itself: it could not be collected
    this.#send = () => {
      const call = worker.call(message, listen((item) => {
        queue.items.push(item);
        queue.wake();
      }));
      if (signal?.aborted) call.stop();
      signal?.addEventListener("abort", call.stop);
      const result = call.result.finally(() => {
        signal?.removeEventListener("abort", call.stop);
        queue.ended = true;
        queue.wake();
      });
      result.catch(() => {}); // a reader gets the error; without one nothing is said
      return { ...call, result };
    };
  }

  #begun() {
    if (!this.#call) {
      this.#call = this.#send();
      dropped.register(this, this.#call.stop, this);
    }
    return this.#call;
  }

  /** The `result` of the `done` message, for a reply a `Reply`. @returns {Promise<any>} */
  get result() {
    const { result } = this.#begun();
    dropped.unregister(this); // who waits for the end wants it, also without the stream
    return result;
  }

  /** Tell a worker that waits for it that one item was taken: see `take` in protocol.js. */
  taken() {
    this.#begun().taken();
  }

  /** @returns {AsyncGenerator<T>} */
  async *[Symbol.asyncIterator]() {
    const queue = this.#queue;
    const { result } = this.#begun();
    try {
      for (;;) {
        const item = queue.items.shift();
        if (item !== undefined) yield item;
        else if (queue.ended) break;
        else await new Promise((resolve) => (queue.wake = () => resolve(null)));
      }
      await result;
    } finally {
      if (!queue.ended) this.#call?.stop(); // by `this`, so that no one collects it before
    }
  }
}
