/**
 * Stands in for web/api/client.js in tests of what a person sees: same names, no Python, no GPU.
 *
 * A model's name says how its load goes: `fail-Name.gguf` fails with the error of that name,
 * before the loaded model has to go or, where it is one of the GPU, after; `stuck.gguf` stops at
 * 412 of 986 MB; `formatless.gguf` has no chat template; all others load. A question says what the
 * answer is: `say ["a", "b"]` these pieces; `fail Name` breaks after two pieces; `endless` goes on
 * until it is stopped; anything else is answered with what was asked for, as JSON.
 * `globalThis.fake` records it; `fake.held`, a promise, holds loads back.
 */

import { InferaivedError } from "./calls.js";

export { InferaivedError };

const FAILURES = {
  MissingFeature: ["this browser has no WebGPU", "Use a current Chrome, Edge, Safari or Firefox."],
  GGUFError: [
    "not a usable GGUF at byte 0: the file begins with '<htm' (BAD_MAGIC)",
    "Check that the file is a complete GGUF (version 2 or 3, little-endian).",
  ],
  SourceError: [
    "could not read https://models.example/gone.gguf: the server says 404 Not Found",
    "Check the address.",
  ],
  CORS: [
    "could not read https://models.example/m.gguf: the server did not answer this page",
    "It may be down, or it allows no other sites (CORS). Download the file and drop it here.",
  ],
  DeviceMemory: [
    "not enough GPU memory for the weights: it needs 4,812 MiB, and 2,048 MiB is the limit",
    "Choose a smaller model or a shorter context, or close other pages that use the GPU.",
  ],
  DeviceLost: [
    "the GPU was lost: unknown",
    "Reload the page, or start the program again; a smaller model needs less memory.",
  ],
  ContextFull: [
    "the conversation has 2101 tokens, and the context holds 2048",
    "Start a new conversation, shorten the text, or load the model with a longer context.",
  ],
};

/** @param {string} key */
function failure(key) {
  const [message, hint] = FAILURES[key] ?? [`no such failure: ${key}`, ""];
  const name = key === "CORS" ? "SourceError" : key;
  return new InferaivedError({ name, message, hint, trace: "" });
}

/** What goes wrong after the loaded model was freed for the new one. */
const LATE = new Set(["DeviceMemory", "DeviceLost"]);

const fake = { loads: [], requests: [], closed: 0, pause: 4, held: null };
globalThis.fake = fake;

const aborted = (signal) =>
  new Promise((_, reject) => {
    signal?.throwIfAborted();
    signal?.addEventListener("abort", () => reject(signal.reason));
  });
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export async function start({ signal } = {}) {
  signal?.throwIfAborted();
  return {
    loaded: false,
    end() {
      if (this.loaded) fake.closed++;
      this.loaded = false;
    },
  };
}

export async function load(model, { worker, onProgress, signal }) {
  const parts = [model].flat().map((part) => part.name ?? new URL(part, document.baseURI).href);
  fake.loads.push(parts);
  const name = parts[0].split("/").pop();
  const work = async () => {
    const failing = /^fail-(\w+)\.gguf$/.exec(name)?.[1];
    if (failing && !LATE.has(failing)) throw failure(failing);
    for (const done of [0, 104, 251, 412, 700, 986]) {
      await wait(fake.pause);
      await fake.held;
      onProgress?.(done * 1e6, 986 * 1e6);
      if (done === 412 && failing) {
        worker.loaded = false;
        throw failure(failing);
      }
      if (done === 412 && name === "stuck.gguf") await new Promise(() => {});
    }
    worker.loaded = true;
    return new Engine(name);
  };
  return Promise.race([work(), aborted(signal)]);
}

class Engine {
  constructor(name) {
    this.info = {
      name: name === "demo.gguf" ? "Demo: a tiny test model" : name,
      architecture: "llama",
      parameters: 1_236_000,
      context: 2048,
      adapter: "SwiftShader (software)",
      features: ["subgroups"],
      warnings: name === "warned.gguf" ? ["This is a software GPU: answers will be slow."] : [],
      n_vocab: 512,
      chat_format: name === "formatless.gguf" ? "ChatML" : "model",
    };
  }

  reply(messages, { signal, ...options } = {}) {
    fake.requests.push({ messages: structuredClone(messages), options });
    return new Reply(messages.at(-1).content, { messages, options }, signal);
  }
}

class Reply {
  constructor(question, request, signal) {
    this.pieces = pieces(question, request);
    this.pause = question === "endless" ? 15 : fake.pause;
    this.signal = signal;
    this.text = "";
    this.ids = [];
    this.result = new Promise((resolve, reject) => Object.assign(this, { resolve, reject }));
    this.result.catch(() => {});
  }

  async *[Symbol.asyncIterator]() {
    try {
      for (const text of this.pieces) {
        await wait(this.pause);
        if (this.signal?.aborted) break;
        this.text += text;
        this.ids.push(7);
        yield { text, ids: [7] };
      }
    } catch (error) {
      this.reject(error);
      throw error;
    }
    const finish_reason = this.signal?.aborted ? "abort" : "stop";
    const timings = { decode_tok_s: 31.4, decode_tokens: this.ids.length };
    const { text, ids } = this;
    this.resolve({ text, ids, prompt_ids: [1], finish_reason, timings, warnings: [] });
  }
}

function* pieces(question, request) {
  if (question.startsWith("say ")) yield* JSON.parse(question.slice(4));
  else if (question.startsWith("fail ")) {
    const [, key, quiet] = question.split(" ");
    if (!quiet) yield* ["half an ", "answer"];
    throw failure(key);
  } else if (question === "endless") for (let count = 1; ; count++) yield `word${count} `;
  else yield JSON.stringify(request);
}
