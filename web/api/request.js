/**
 * OpenAI's request for a chat completion, as the engine takes it.
 *
 * An option that has one meaning here is taken, and null means the default of every one. All else
 * is refused by name, with what is wanted, before anything is computed. Numbers are checked by
 * py_engine/generate/sampling.py.
 */

import { InferaivedError } from "./calls.js";
import { badRequest, unsayable } from "./plain.js";

/** @import { ChatMessage, Options, TemplateOptions } from "../base/protocol.js" */

/**
 * What OpenAI's API has besides `Options` and `TemplateOptions`.
 *
 * @typedef {object} Extras
 * @property {"auto" | "none"} [tool_choice]  "none" keeps the tools from the model
 * @property {true} [parallel_tool_calls]
 * @property {string} [model]  any name: the answer has the loaded model's own
 * @property {1} [n]
 * @property {number} [max_completion_tokens]  the newer name of `max_tokens`
 * @property {{ include_usage?: boolean, include_obfuscation?: boolean }} [stream_options]
 * @property {{ type: "text" }} [response_format]
 * @property {["text"]} [modalities]
 * @property {false} [logprobs]
 * @property {0} [top_logprobs]
 * @property {false} [store]
 * @property {string} [user]
 * @property {string} [safety_identifier]
 * @property {string} [prompt_cache_key]
 * @property {string} [service_tier]
 * @property {object} [metadata]
 */
/**
 * @template T
 * @typedef {{ [K in keyof T]?: T[K] | null }} Nullable
 */
/**
 * @template {boolean} S
 * @typedef {{ messages: ChatMessage[], stream?: S | null, signal?: AbortSignal }
 *   & Nullable<Options> & Nullable<TemplateOptions> & Nullable<Extras>} Request
 */

const SAMPLING = [
  "max_tokens", "temperature", "top_k", "top_p", "min_p", "repetition_penalty",
  "presence_penalty", "frequency_penalty", "logit_bias", "seed", "stop",
];

/** @param {unknown} value */
const isText = (value) => typeof value === "string";
/** @param {unknown} value */
const isFlag = (value) => typeof value === "boolean";
/** @param {unknown} value */
const isObject = (value) => typeof value === "object" && !Array.isArray(value);
/** @param {unknown} value */
const isList = (value) => Array.isArray(value);

/** @typedef {[takes: (value: any) => boolean, wanted: string]} Rule */
/** @type {Record<string, Rule>} what is taken of each option that is not the sampler's */
const RULES = {
  messages: [
    (value) => isList(value) && value.length > 0,
    "a list of messages, at least one, each with role and content",
  ],
  stream: [isFlag, "true or false"],
  stream_options: [
    (value) => isObject(value) && Object.entries(value).every(([name, flag]) =>
      ["include_usage", "include_obfuscation"].includes(name) && (flag === null || isFlag(flag))),
    "an object with include_usage, true or false",
  ],
  max_completion_tokens: [() => true, ""], // checked as max_tokens
  tools: [isList, "a list of tools"],
  tool_choice: [
    (value) => ["auto", "none"].includes(value),
    '"auto" or "none", as no reply can be made to call a tool yet',
  ],
  parallel_tool_calls: [(value) => value === true, "true, as calls cannot be kept to one yet"],
  n: [(value) => value === 1, "1, as each request has one answer: ask again for the next"],
  response_format: [
    (value) => value.type === "text",
    'an object with type "text", as answers cannot be made to follow a grammar yet',
  ],
  modalities: [
    (value) => isList(value) && value.every((/** @type {unknown} */ kind) => kind === "text"),
    '["text"], as models write text only',
  ],
  logprobs: [(value) => value === false, "false, as probabilities are not told yet"],
  top_logprobs: [(value) => value === 0, "0, as probabilities are not told yet"],
  store: [(value) => value === false, "false, as nothing is stored"],
  model: [isText, "a name, of any model: the loaded one answers"],
  user: [isText, "a text"],
  safety_identifier: [isText, "a text"],
  prompt_cache_key: [isText, "a text"],
  service_tier: [isText, "a text"],
  metadata: [isObject, "an object"],
  functions: [() => false, "tools in its place"],
  function_call: [() => false, "tool_choice in its place"],
  audio: [() => false, "nothing, as models write text only"],
  prediction: [() => false, "nothing, as answers are not predicted"],
  web_search_options: [() => false, "nothing, as the engine reaches no network"],
  reasoning_effort: [
    (value) => isText(value) && value !== "", 'a word such as "none", "low" or "high"',
  ],
  chat_template_kwargs: [isObject, "an object"],
  verbosity: [() => false, "nothing, as templates are not told it"],
};

/**
 * @param {Request<boolean>} request
 * @returns {{ messages: ChatMessage[], stream: boolean, usage: boolean,
 *   options: Options & TemplateOptions & { signal?: AbortSignal } }}  `usage`: whether a stream
 *   ends with a chunk of it
 * @throws {InferaivedError} BadRequest
 */
export function asked(request) {
  if (typeof request !== "object" || request === null) {
    refuse("the request", request, "an object with messages");
  }
  const { signal, ...given } = request;
  /** @type {any} what each value has to be, the rules say */
  const { messages = null, ...rest } = Object.fromEntries(
    Object.entries(given).filter(([, value]) => value !== null && value !== undefined));
  for (const [name, value] of Object.entries({ messages, ...rest })) {
    if (SAMPLING.includes(name)) continue; // checked by sampling.py
    const known = [...Object.keys(RULES), ...SAMPLING].sort();
    const [takes, wanted] = RULES[name] ?? refuse("option", name, `one of ${known.join(", ")}`);
    if (!takes(value)) refuse(name, value, wanted);
  }
  const { max_completion_tokens: most = rest.max_tokens } = rest;
  if (most !== (rest.max_tokens ?? most)) {
    refuse("max_completion_tokens", most, `the same as max_tokens, ${rest.max_tokens}`);
  }
  const options = Object.fromEntries(
    Object.entries({ ...rest, max_tokens: most }).filter(([name]) => SAMPLING.includes(name)));
  const { chat_template_kwargs, reasoning_effort } = rest;
  const tools = rest.tool_choice === "none" ? undefined : rest.tools;
  const failure = unsayable({ messages, options, tools, chat_template_kwargs });
  if (failure) throw new InferaivedError(failure);
  return {
    messages,
    stream: rest.stream ?? false,
    usage: rest.stream_options?.include_usage ?? false,
    options: { ...options, tools, chat_template_kwargs, reasoning_effort, signal },
  };
}

/**
 * @param {string} name
 * @param {unknown} value
 * @param {string} wanted
 * @returns {never}
 */
function refuse(name, value, wanted) {
  throw new InferaivedError(badRequest(name, value, wanted));
}
