/**
 * What the page says in words: sizes, speeds, models and errors. Pure text, no DOM.
 */

import { InferaivedError } from "../api/client.js";

/** @import { Info, Reply } from "../base/protocol.js" */

/** Errors after which the loaded model goes on working. */
const HARMLESS = new Set(["BadRequest", "BadTemplate", "ContextFull"]);

/** An address within a sentence, without the sign after it. */
const ADDRESS = /https?:\/\/[^\s]*[^\s:;,.]/;

/**
 * @typedef {object} Problem  an error as a person reads it
 * @property {string} message  an address in it is cut to its last part
 * @property {string} where  that address as a whole
 * @property {string} hint
 * @property {boolean} fatal  the model has to be loaded again
 */

/**
 * @param {unknown} error
 * @returns {Problem}
 */
export function problem(error) {
  if (error instanceof InferaivedError) {
    const { name, message, hint } = error;
    const where = ADDRESS.exec(message)?.[0] ?? "";
    const short = where === "" ? message : message.replace(where, modelName(where));
    const fatal = !HARMLESS.has(name);
    return { message: sentence(short), where, hint: sentence(hint), fatal };
  }
  const said = error instanceof Error ? error.message : error;
  const message = sentence(`something went wrong: ${said}`);
  return { message, where: "", hint: "This is a mistake of ours. Please report it.", fatal: true };
}

/**
 * That a model is spoken to in a format that is not its own; nothing where it is.
 * @param {Info} info
 * @returns {{ title: string, text: string } | null}
 */
export function formatNotice({ name, chat_format: format }) {
  if (format === null || format === "model") return null;
  return {
    title: "Answers may be worse than this model can do.",
    text: `The file of ${name} has no chat template that works, so a common format is used instead `
      + `(${format}). The model may misunderstand you, or not know when to stop. Another file of `
      + "the same model may do better.",
  };
}

/** @param {string} text */
function sentence(text) {
  const end = text === "" || /[.!?…]$/.test(text) ? "" : ".";
  return text.charAt(0).toUpperCase() + text.slice(1) + end;
}

/**
 * "412 of 986 MB", with one decimal below 10 MB; without a known total what has come.
 * @param {number} done
 * @param {number} total
 */
export function progress(done, total) {
  const digits = Math.max(done, total) < 1e7 ? 1 : 0;
  const [have, all] = [done, total].map((count) => (count / 1e6).toFixed(digits));
  if (total <= 0) return `${have} MB`;
  return done < total ? `${have} of ${all} MB` : `${all} MB · preparing the GPU…`;
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
 * The model and the GPU in one line.
 * @param {Info} info
 */
export function facts({ name, architecture, parameters, adapter }) {
  const short = Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });
  return `${name} · ${architecture}, ${short.format(parameters)} parameters · ${adapter}`;
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
