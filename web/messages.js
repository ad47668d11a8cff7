/**
 * What the page says in words: sizes, speeds, models and errors. Pure text, no DOM.
 */

/** @import { Info, Reply } from "./protocol.js" */

const TITLES = /** @type {Record<string, string>} */ ({
  BadTemplate: "The model's chat template failed",
  BadTensor: "This file is damaged",
  ContextFull: "The conversation is too long",
  DeviceLost: "The GPU was lost",
  DeviceMemory: "Not enough GPU memory",
  GGUFError: "This is not a usable GGUF file",
  MissingFeature: "This browser cannot run the model",
  ShaderError: "The GPU refused the program",
  SourceError: "The model could not be read",
  UnsupportedConfig: "This model is not supported",
  UnsupportedModel: "This model is not supported",
  UnsupportedTokenizer: "This model is not supported",
  UnsupportedType: "This model is not supported",
  WorkerError: "The engine did not start",
});

/** Errors after which the loaded model goes on working. */
const HARMLESS = new Set(["BadRequest", "BadTemplate", "ContextFull"]);

/**
 * @typedef {object} Problem  an error as a person reads it
 * @property {string} title
 * @property {string} message
 * @property {string} hint
 * @property {boolean} fatal  the model must be loaded again
 */

/**
 * @param {unknown} error
 * @returns {Problem}
 */
export function problem(error) {
  const { name, message, hint = "" } = /** @type {Error & { hint?: string }} */ (
    error instanceof Error ? error : new Error(String(error)));
  const known = name in TITLES || "hint" in /** @type {object} */ (error);
  return {
    title: TITLES[name] ?? "Something went wrong",
    message: sentence(message),
    hint: known ? hint : "This looks like a mistake of ours. Load the model again, and report it.",
    fatal: !HARMLESS.has(name),
  };
}

/** @param {string} text */
function sentence(text) {
  const end = /[.!?…)]$/.test(text) ? "" : ".";
  return text.charAt(0).toUpperCase() + text.slice(1) + end;
}

/**
 * "412 of 986 MB"; one decimal below 10 MB; without a known total what has come.
 * @param {number} done
 * @param {number} total
 */
export function progress(done, total) {
  const digits = Math.max(done, total) < 1e7 ? 1 : 0;
  const [have, all] = [done, total].map((count) => (count / 1e6).toFixed(digits));
  return total > 0 ? `${have} of ${all} MB` : `${have} MB`;
}

/**
 * What a file or an address is called: its last part.
 * @param {string | URL | Blob | Blob[]} model
 * @returns {string}
 */
export function modelName(model) {
  if (Array.isArray(model)) {
    const more = model.length > 1 ? ` and ${model.length - 1} more` : "";
    return `${modelName(model[0] ?? "no file")}${more}`;
  }
  if (model instanceof Blob) return model instanceof File ? model.name : "a file";
  const last = String(model).split(/[?#]/)[0]?.split("/").pop();
  return last || String(model);
}

/**
 * @param {Info} info
 * @returns {string[]}  architecture and size, context, adapter
 */
export function facts(info) {
  const short = Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });
  return [
    `${info.architecture}, ${short.format(info.parameters)} parameters`,
    `context of ${info.context.toLocaleString("en")} tokens`,
    info.adapter,
  ].filter(Boolean);
}

/**
 * @param {number} tokens
 * @param {number} speed  tokens per second, 0 if not known
 * @param {Reply["finish_reason"] | "error" | ""} [reason]
 */
export function replyNote(tokens, speed, reason = "") {
  const why = { stop: "", length: "ended by the limit", abort: "stopped", error: "broke off" };
  const count = `${tokens} ${tokens === 1 ? "token" : "tokens"}`;
  const rate = speed > 0 ? `${speed < 10 ? speed.toFixed(1) : Math.round(speed)} tok/s` : "";
  return [count, rate, reason && why[reason]].filter(Boolean).join(" · ");
}
