/**
 * The peer under measure.js: wllama (llama.cpp's WebGPU backend), as its guides say, with one
 * sequence. `/wllama/` is the package's folder esm/. On an adapter without shader-f16 (SwiftShader)
 * it computed on the CPU; `webgpu` of `load` says which it is, by its own log.
 */

import { heaps } from "./ours.js";

/** @import { Plan, Reply } from "./measure.js" */

const KEPT = /webgpu|offload|backend|adapter|buffer size|graph splits|error|fail/i;
const LINES = 60;

export class Subject {
  /** @type {any} */ #wllama;
  /** @type {string[]} */ #log = [];

  /** The package and its worker start within `load`. */
  async start() {
    const begun = performance.now();
    const address = "/wllama/index.js"; // not in the type checker's reach
    const { Wllama } = await import(address);
    const keep = (/** @type {unknown[]} */ ...words) => {
      const line = words.join(" ");
      if (KEPT.test(line) && this.#log.length < LINES) this.#log.push(line.slice(0, 200));
    };
    const logger = { debug: keep, log: keep, warn: keep, error: keep };
    this.#wllama = new Wllama({ default: "/wllama/wasm/wllama.wasm" }, { logger });
    return { s: (performance.now() - begun) / 1e3 };
  }

  /**
   * @param {string} url
   * @param {Plan} plan
   */
  async load(url, { context, options }) {
    const begun = performance.now();
    const blob = await (await fetch(url)).blob();
    const fetched_s = (performance.now() - begun) / 1e3;
    await this.#wllama.loadModel([blob], { n_ctx: context, n_parallel: 1, ...options });
    const threads = this.#wllama.isMultithread() ? this.#wllama.getNumThreads() : 1;
    const log = this.#log.filter((line) => /buffer size|webgpu/i.test(line));
    const webgpu = !log.length || log.some((line) => /webgpu/i.test(line));
    return { fetched_s, threads, webgpu, log: this.#log };
  }

  /**
   * @param {string} prompt
   * @param {number} tokens
   * @param {(tokens: number) => void} arrived
   * @returns {Promise<Reply>}
   */
  async complete(prompt, tokens, arrived) {
    const chunks = await this.#wllama.createCompletion({
      prompt, max_tokens: tokens, stream: true, temperature: 0, top_k: 1, ignore_eos: true,
      cache_prompt: true,
    });
    let n = 0;
    /** @type {any} */ let own = {};
    /** @type {any} */ let usage = {};
    for await (const chunk of chunks) {
      own = chunk.timings ?? own;
      usage = chunk.usage ?? usage;
      if (chunk.choices?.[0]?.finish_reason) continue; // the end brings no token
      n += 1;
      arrived(1);
    }
    const made = own.predicted_n ?? n;
    if (made > n) arrived(made - n); // tokens without text have no chunk
    const computed = own.prompt_n ?? usage.prompt_tokens;
    return { prompt: usage.prompt_tokens ?? computed + (own.cache_n ?? 0), computed, own };
  }

  memory() {
    return heaps();
  }
}
