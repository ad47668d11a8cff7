/**
 * Every message between a page and the engine's worker, as types. Nothing else is said.
 *
 * A request carries an `id` of the page's choice; all answers carry the same one. A request has
 * any number of `progress`, `token` or `logits` answers and then exactly one of `ready`, `done`
 * and `fail`. `stop` has no answer of its own: the request that it names ends, a reply with
 * `finish_reason: "abort"`, anything else with the failure `Stopped`. Rows of logits are large, so
 * a `score` goes on only when the page has taken them: each `take` makes room for one row more than
 * the few that may wait, and other requests have their turn meanwhile. The result of `start` is how
 * Python began. Its one `progress` comes at once and says that the worker lives.
 *
 *     page → worker   start  load  chat  complete  score  take  tokenize  inspect  stop  close
 *     worker → page   progress  ready  token  logits  done  fail
 */

/**
 * @typedef {string | Blob | Blob[]} Model  an absolute URL, a file, or the files of a split model
 */

/** @typedef {"snapshot" | "plain"} Start  how Python began: see engine/snapshot.js */

/**
 * How messages spell a chat message: OpenAI's form.
 *
 * @typedef {{ role: string, content: string | null, [key: string]: unknown }} ChatMessage
 */

/**
 * Sampling options, named as in OpenAI's API; a missing one has the engine's default.
 *
 * @typedef {object} Options
 * @property {number} [max_tokens]
 * @property {number} [temperature]  0 is greedy
 * @property {number} [top_k]
 * @property {number} [top_p]
 * @property {number} [min_p]
 * @property {number} [repetition_penalty]
 * @property {number} [presence_penalty]
 * @property {number} [frequency_penalty]
 * @property {Record<string, number>} [logit_bias]  token id → added to its logit
 * @property {number} [seed]
 * @property {string | string[]} [stop]
 */

/**
 * What `start` may withhold, for tests and for finding faults, see device.js; and what is told.
 *
 * @typedef {object} StartOptions
 * @property {string[]} [withhold]  WebGPU features not to use, such as "subgroups"
 * @property {boolean} [defaultLimits]  ask for WebGPU's default limits instead of the adapter's
 * @property {number} [debug]  the level of py_engine/base/debug.py, which prints to the console
 */

/**
 * With `gpu` it fails where there is none, before anything large is fetched.
 *
 * @typedef {{ kind: "start", id: number, options: StartOptions, gpu: boolean }} StartRequest
 */
/**
 * `tune`: whether to find out, once, what is fast on this GPU; "again" forgets what was found.
 *
 * @typedef {{ kind: "load", id: number, model: Model, context?: number,
 *   tune?: boolean | "again" }} LoadRequest
 */
/**
 * What a chat template gets beside the conversation, named as in OpenAI's API and vLLM's.
 *
 * @typedef {object} TemplateOptions
 * @property {object[]} [tools]
 * @property {Record<string, unknown>} [chat_template_kwargs]  variables that the model's template
 *   reads, such as `enable_thinking`; others are refused
 * @property {string} [reasoning_effort]  "none" for no thought, or a word of the template's
 */
/**
 * @typedef {{ kind: "chat", id: number, messages: ChatMessage[], options: Options }
 *   & TemplateOptions} ChatRequest
 */
/**
 * @typedef {{ kind: "complete", id: number, prompt: string | number[], options: Options }}
 *   CompleteRequest
 */
/** @typedef {{ kind: "score", id: number, ids: number[] }} ScoreRequest */
/**
 * With `model`, by that file's vocabulary, read from its header alone; else by the loaded one's.
 *
 * @typedef {{ kind: "tokenize", id: number, text?: string, texts?: string[], special: boolean,
 *   model?: Model }} TokenizeRequest
 */
/** @typedef {{ kind: "inspect", id: number, model: Model }} InspectRequest */
/** @typedef {{ kind: "take", id: number }} TakeRequest  `id` is that of the `score` */
/** @typedef {{ kind: "stop", id: number }} StopRequest  `id` is that of the request to end */
/** @typedef {{ kind: "close", id: number }} CloseRequest  frees the model; the worker stays */

/**
 * @typedef {StartRequest | LoadRequest | ChatRequest | CompleteRequest | ScoreRequest
 *   | TokenizeRequest | InspectRequest | TakeRequest | StopRequest | CloseRequest} Request
 */

/**
 * The end of a reply, as the engine's `Reply`.
 *
 * @typedef {object} Reply
 * @property {string} text
 * @property {number[]} prompt_ids
 * @property {number[]} ids
 * @property {"stop" | "length" | "abort"} finish_reason
 * @property {Record<string, number>} timings  prefill_tokens, prefill_tok_s, ttft_s, …
 * @property {string[]} warnings  what came up since the last reply, or since the load
 * @property {number} [heap_bytes]  of Python's memory, which never shrinks
 */

/**
 * What is known of a loaded model and its device, as the engine's `info`.
 *
 * @typedef {object} Info
 * @property {string} name
 * @property {string} architecture
 * @property {number} parameters
 * @property {number} context
 * @property {string} adapter
 * @property {string[]} features
 * @property {string[]} warnings
 * @property {number} n_vocab
 * @property {string | null} chat_format  "model" is the file's own template, else a built-in one's
 *   name; null where the file has no tokenizer and cannot chat
 */

/** @typedef {{ name: string, message: string, hint: string, trace: string }} Failure */

/** @typedef {{ kind: "progress", id: number, done: number, total: number }} Progress  bytes */
/** @typedef {{ kind: "ready", id: number, info: Info }} Ready */
/** @typedef {{ kind: "token", id: number, text: string, ids: number[] }} Token */
/** @typedef {{ kind: "logits", id: number, row: ArrayBuffer }} Logits  float32 [n_vocab] */
/** @typedef {{ kind: "done", id: number, result: any }} Done */
/**
 * `loaded`: whether there is a model to ask; a load may fail before it takes the last one's place.
 *
 * @typedef {{ kind: "fail", id: number, error: Failure, loaded: boolean }} Fail
 */

/** @typedef {Progress | Ready | Token | Logits | Done | Fail} Answer */

export {};
