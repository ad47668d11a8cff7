/**
 * A reply in the shapes of OpenAI's chat completions. It knows nothing else.
 */

/** @import { Reply } from "../base/protocol.js" */
/** @import { Piece, Stream } from "./calls.js" */

/** @typedef {{ id: string, created: number, model: string }} Head */
/** @typedef {{ prompt_tokens: number, completion_tokens: number, total_tokens: number }} Usage */
/**
 * @typedef {Head & { object: "chat.completion", usage: Usage, timings: Reply["timings"],
 *   warnings: string[], choices: [{ index: 0, message: { role: "assistant", content: string },
 *     finish_reason: Reply["finish_reason"] }] }} Completion
 */
/**
 * @typedef {Head & { object: "chat.completion.chunk", usage?: Usage, timings?: Reply["timings"],
 *   warnings?: string[], choices: { index: 0, delta: { role?: "assistant", content?: string },
 *     finish_reason: Reply["finish_reason"] | null }[] }} Chunk
 */

/**
 * @param {Reply} reply
 * @returns {Usage}
 */
function usage({ prompt_ids: { length: before }, ids: { length: after } }) {
  return { prompt_tokens: before, completion_tokens: after, total_tokens: before + after };
}

/**
 * @param {Head} head
 * @param {Reply} reply
 * @returns {Completion}
 */
export function completion(head, reply) {
  const message = /** @type {const} */ ({ role: "assistant", content: reply.text });
  return {
    ...head,
    object: "chat.completion",
    choices: [{ index: 0, message, finish_reason: reply.finish_reason }],
    usage: usage(reply),
    timings: reply.timings,
    warnings: reply.warnings,
  };
}

/**
 * @param {Head} head
 * @param {Stream<Piece>} stream
 * @param {boolean} apart  the usage comes in a chunk of its own, as `include_usage` wants it
 * @returns {AsyncGenerator<Chunk>}
 */
export async function* chunks(head, stream, apart) {
  /**
   * @param {{ role?: "assistant", content?: string }} delta
   * @param {Partial<Chunk>} [more]
   * @param {Reply["finish_reason"] | null} [finish_reason]
   * @returns {Chunk}
   */
  const chunk = (delta, more, finish_reason = null) => ({
    ...head,
    object: "chat.completion.chunk",
    choices: [{ index: 0, delta, finish_reason }],
    ...more,
  });
  yield chunk({ role: "assistant", content: "" });
  for await (const { text } of stream) yield chunk({ content: text });
  const reply = await stream.result;
  const { timings, warnings, finish_reason } = reply;
  const told = { timings, warnings };
  const counted = { usage: usage(reply) };
  yield chunk({}, apart ? told : { ...told, ...counted }, finish_reason);
  if (apart) yield { ...chunk({}, counted), choices: [] };
}
