/**
 * The client of the engine's worker: an engine, how it starts, what can be asked of it. It knows
 * the protocol and nothing of Python.
 */

import { findAdapter } from "../base/adapter.js";
import { loaded } from "../base/arrival.js";
import { MODULES, spawned } from "../base/spawn.js";
import { EngineWorker, InferaivedError, Stream } from "./calls.js";
import { chunks, completion } from "./openai.js";
import { asked } from "./request.js";

/** @import { Message, Piece } from "./calls.js" */
/** @import { Chunk, Completion } from "./openai.js" */
/** @import { Request } from "./request.js" */
/** @import { ChatMessage, Info, Model, Options, StartOptions,
 *   TemplateOptions } from "../base/protocol.js" */

export { EngineWorker, InferaivedError, Stream };

/** @typedef {string | URL | Blob | Blob[]} ModelLike  a relative URL is the document's */
/** @typedef {{ signal?: AbortSignal }} Abortable */

/** A loaded model. */
export class Engine {
  #worker;
  #owned;
  #model;

  /**
   * @param {EngineWorker} worker
   * @param {Info} info
   * @param {Model} model
   * @param {boolean} owned  close() ends the worker too
   */
  constructor(worker, info, model, owned) {
    this.#worker = worker;
    this.#owned = owned;
    this.#model = model;
    this.info = info;
    this.chat = {
      completions: {
        create: /** @type {typeof this.create} */ ((request) => this.create(request)),
      },
    };
  }

  /**
   * The answer to a conversation piece by piece; `result` is a `Reply`, with all token ids.
   *
   * @param {ChatMessage[]} messages
   * @param {Options & TemplateOptions & Abortable} [options]
   */
  reply(messages, { signal, tools, chat_template_kwargs, reasoning_effort, ...options } = {}) {
    const told = { tools, chat_template_kwargs, reasoning_effort };
    return this.#pieces({ kind: "chat", messages, options, ...told }, signal);
  }

  /**
   * The continuation of a text or of token ids, without the chat template; else as `reply`.
   *
   * @param {string | number[]} prompt
   * @param {Options & Abortable} [options]
   */
  complete(prompt, { signal, ...options } = {}) {
    return this.#pieces({ kind: "complete", prompt, options }, signal);
  }

  /**
   * @param {Message} message
   * @param {AbortSignal} [signal]
   * @returns {Stream<Piece>}
   */
  #pieces(message, signal) {
    return new Stream(this.#worker, message, (take) => ({ token: take }), signal);
  }

  /**
   * OpenAI's chat.completions.create. An abort ends the answer with finish_reason "abort". A
   * stream is computed as soon as it is iterated: what the engine refuses is thrown there.
   *
   * @template {boolean} [S=false]
   * @param {Request<S>} request
   * @returns {Promise<S extends true ? AsyncGenerator<Chunk> : Completion>}
   * @throws {InferaivedError} BadRequest: an option has no meaning here; see request.js
   */
  async create(request) {
    const { messages, stream, usage, options } = asked(request);
    const pieces = this.reply(messages, options);
    const head = {
      id: `chatcmpl-${crypto.randomUUID()}`,
      created: Math.floor(Date.now() / 1000),
      model: this.info.name,
    };
    const made = stream ? chunks(head, pieces, usage) : completion(head, await pieces.result);
    return /** @type {any} */ (made);
  }

  /**
   * Token ids of a text, or of each of several. `special`: control tokens in the text count.
   *
   * @template {string | string[]} T
   * @param {T} text
   * @param {{ special?: boolean }} [options]
   * @returns {Promise<T extends string ? number[] : number[][]>}
   */
  tokenize(text, { special = false } = {}) {
    return tokenizeOn(this.#worker, text, special);
  }

  /**
   * Logits after each of `ids`, as a float32 row of `info.n_vocab` each. The engine stays a few
   * rows ahead of the loop; what else is asked of it meanwhile has its turn between two rows.
   *
   * @param {number[]} ids
   * @param {Abortable} [options]
   * @returns {AsyncGenerator<Float32Array<ArrayBuffer>>}
   */
  async *score(ids, { signal } = {}) {
    /** @type {Stream<Float32Array<ArrayBuffer>>} */
    const rows = new Stream(this.#worker, { kind: "score", ids }, (take) => ({
      logits: ({ row }) => take(new Float32Array(row)),
    }), signal);
    for await (const row of rows) {
      rows.taken();
      yield row;
    }
  }

  /** The header of this model's file: metadata, types, memory. */
  inspect() {
    return this.#worker.ask({ kind: "inspect", model: this.#model });
  }

  /** End the running reply between two tokens. */
  stop() {
    this.#worker.stop();
  }

  /** Free the model; a worker that `load` started ends with it. */
  async close() {
    if (this.#owned) this.#worker.end();
    else await this.#worker.ask({ kind: "close" });
  }
}

/**
 * Start a worker ahead of a load, or to load one model after another in it.
 *
 * @param {StartOptions & Abortable & { gpu?: boolean }} [options]  `gpu`: fail at once where there
 *   is none, for a worker that is of no use without one
 * @returns {Promise<EngineWorker>}
 */
export async function start({ signal, gpu = false, ...options } = {}) {
  signal?.throwIfAborted();
  const ending = new AbortController();
  /** @type {EngineWorker | undefined} */ let engine;
  const end = () => {
    ending.abort();
    engine?.end();
  };
  signal?.addEventListener("abort", end);
  try {
    const worker = (engine = new EngineWorker(spawned("worker", "inferaived")));
    const finding = gpu && findAdapter();
    /** @type {(sign: unknown) => void} */ let live = () => {};
    const sign = new Promise((resolve) => (live = resolve));
    const starting = worker.ask({ kind: "start", options, gpu }, signal, { progress: live });
    const lives = loaded(MODULES.worker, Promise.race([starting, sign]), ending.signal);
    await Promise.all([lives, finding]);
    worker.began = await starting;
    return worker;
  } catch (error) {
    end();
    signal?.throwIfAborted();
    throw told(error);
  } finally {
    signal?.removeEventListener("abort", end);
  }
}

/**
 * A fault that this side found, as the worker would tell it.
 *
 * @param {unknown} error
 */
function told(error) {
  const { name, message, hint, stack = "" } = /** @type {Error & { hint?: string }} */ (error);
  if (error instanceof InferaivedError || hint === undefined) return error;
  return new InferaivedError({ name, message, hint, trace: stack });
}

/**
 * Load a model.
 *
 * @param {ModelLike} model
 * @param {StartOptions & Abortable & {
 *   onProgress?: (done: number, total: number) => void,
 *   context?: number,
 *   tune?: boolean | "again",
 *   worker?: EngineWorker,
 * }} [options]  `onProgress` counts bytes; `worker` is one from `start`; for `tune`, which is on,
 *   see protocol.js
 * @returns {Promise<Engine>}
 */
export async function load(
  model, { onProgress, context, tune, worker, signal, ...options } = {},
) {
  const host = worker ?? (await start({ signal, gpu: true, ...options }));
  const end = () => {
    if (!worker) host.end();
  };
  signal?.addEventListener("abort", end);
  try {
    const found = located(model);
    const info = await host.ask({ kind: "load", model: found, context, tune }, signal, {
      progress: (answer) => onProgress?.(answer.done, answer.total),
    });
    if (worker && signal?.aborted) await host.ask({ kind: "close" }); // ready before it heard of it
    signal?.throwIfAborted();
    return new Engine(host, info, found, !worker);
  } catch (error) {
    end();
    throw error;
  } finally {
    signal?.removeEventListener("abort", end);
  }
}

/**
 * What a file is, from its header alone: no GPU, no weights.
 *
 * @param {ModelLike} model
 * @param {Abortable & { worker?: EngineWorker }} [options]
 * @returns {Promise<Record<string, unknown>>}
 */
export function inspect(model, { worker, signal } = {}) {
  return briefly(worker, signal, (host) =>
    host.ask({ kind: "inspect", model: located(model) }, signal));
}

/**
 * Token ids of a text, or of each of several, by a file's vocabulary alone.
 *
 * @template {string | string[]} T
 * @param {ModelLike} model
 * @param {T} text
 * @param {Abortable & { special?: boolean, worker?: EngineWorker }} [options]
 * @returns {Promise<T extends string ? number[] : number[][]>}
 */
export function tokenize(model, text, { special = false, worker, signal } = {}) {
  return briefly(worker, signal, (host) => tokenizeOn(host, text, special, located(model)));
}

/**
 * @template T
 * @param {EngineWorker | undefined} worker
 * @param {AbortSignal | undefined} signal
 * @param {(host: EngineWorker) => Promise<T>} use
 * @returns {Promise<T>}
 */
async function briefly(worker, signal, use) {
  if (worker) return use(worker);
  const host = await start({ signal });
  try {
    return await use(host);
  } finally {
    host.end();
  }
}

/**
 * @param {EngineWorker} worker
 * @param {string | string[]} text
 * @param {boolean} special
 * @param {Model} [model]
 * @returns {Promise<any>}
 */
function tokenizeOn(worker, text, special, model) {
  const what = typeof text === "string" ? { text } : { texts: text };
  return worker.ask({ kind: "tokenize", special, model, ...what });
}

/**
 * @param {ModelLike} model
 * @returns {Model}
 */
function located(model) {
  if (model instanceof Blob || Array.isArray(model)) return model;
  const { document } = /** @type {{ document?: { baseURI: string } }} */ (globalThis);
  return new URL(model, document?.baseURI ?? location.href).href; // a worker has no document
}
