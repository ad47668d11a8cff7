/**
 * One answer of an engine, drawn as it comes. It knows the stream and the message that grows.
 */

import { replyNote } from "./messages.js";

/** @import { Engine } from "../api/client.js" */
/** @import { ChatMessage, Options } from "../base/protocol.js" */
/** @import { Reply } from "./transcript.js" */

/**
 * Ask, and fill `reply`; it is ended only if there is something to keep.
 *
 * @param {Engine} engine
 * @param {ChatMessage[]} messages
 * @param {Options & { signal: AbortSignal }} options
 * @param {Reply} reply
 * @returns {Promise<{ failure?: unknown, warnings?: string[] }>}  what went wrong or is odd
 */
export async function answer(engine, messages, options, reply) {
  const { signal } = options;
  let tokens = 0;
  let first = 0;
  const speed = () => (tokens > 1 ? ((tokens - 1) * 1000) / (performance.now() - first) : 0);
  try {
    const stream = engine.reply(messages, options);
    for await (const { text, ids } of stream) {
      first ||= performance.now();
      tokens += ids.length;
      reply.append(text, replyNote(tokens, speed()));
    }
    const { text, ids, finish_reason: reason, timings, warnings } = await stream.result;
    if (text === "" && reason === "abort") return { warnings };
    reply.text = text;
    reply.end(replyNote(ids.length, timings.decode_tok_s ?? speed(), reason));
    return { warnings };
  } catch (error) {
    const why = signal.aborted ? "abort" : "error";
    if (reply.text !== "") reply.end(replyNote(tokens, speed(), why));
    return signal.aborted ? {} : { failure: error };
  }
}
