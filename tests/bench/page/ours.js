/**
 * Inferaived under measure.js, through its public API alone. `/web/` is the built site.
 */

import { load, start } from "../../../web/client.js";

/** @import { Engine, EngineWorker } from "../../../web/client.js" */
/** @import { Plan, Reply } from "./measure.js" */

export class Subject {
  /** @type {EngineWorker | undefined} */ #worker;
  /** @type {Engine | undefined} */ #engine;
  /** Bytes of Python's memory at the end of the last reply. */ #python = 0;

  /**
   * Twice: as on a first visit, and with everything in the browser's cache.
   *
   * @param {Plan["options"]} options  `withhold` of client.js's `start`, `tune` of its `load`
   */
  async start({ withhold }) {
    const once = async () => {
      const begun = performance.now();
      this.#worker = await start({ withhold });
      return (performance.now() - begun) / 1e3;
    };
    const first_s = await once();
    this.#worker?.end();
    return { first_s, s: await once() };
  }

  /**
   * @param {string} url
   * @param {Plan} plan
   */
  async load(url, { context, options }) {
    // A second of trials on a device's first load is no part of every load.
    const tune = Boolean(options["tune"]);
    this.#engine = await load(url, { worker: this.#worker, context, tune });
    const { template: _, ...info } = /** @type {Record<string, any>} */ (this.#engine.info);
    return { info };
  }

  /**
   * @param {string} prompt
   * @param {number} tokens
   * @param {(tokens: number) => void} arrived
   * @returns {Promise<Reply>}
   */
  async complete(prompt, tokens, arrived) {
    if (!this.#engine) throw new Error("no model is loaded");
    const pieces = this.#engine.complete(prompt, { temperature: 0, max_tokens: tokens });
    for await (const { ids } of pieces) if (ids.length) arrived(ids.length);
    const { prompt_ids, timings, heap_bytes } = await pieces.result;
    this.#python = heap_bytes ?? 0;
    const computed = timings["prefill_tokens"] ?? prompt_ids.length;
    return { prompt: prompt_ids.length, computed, own: timings };
  }

  async memory() {
    return { python: this.#python, ...(await heaps()) };
  }
}

/**
 * Bytes of the page's and its workers' heaps, by the browser's count, which leaves out memories of
 * WebAssembly that may grow, as Python's.
 */
export async function heaps() {
  const { bytes, breakdown } = await /** @type {any} */ (performance)
    .measureUserAgentSpecificMemory();
  /** @type {Record<string, number>} */
  const parts = {};
  for (const { bytes: n, attribution, types } of breakdown) {
    const scopes = attribution.map((/** @type {any} */ { scope }) => scope);
    if (n) parts[[...new Set(scopes), ...types].join(" ") || "other"] = n;
  }
  return { bytes, parts };
}
