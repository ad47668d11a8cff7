/**
 * The thread that reads: network and disk go on while the engine's own is busy. Bytes leave in
 * buffers that go round, and it reads no further ahead than these hold. reading.js asks.
 */

import { UrlSource } from "./http.js";
import { BlobSource } from "./local.js";

/** @import { Answer, Order, Source } from "../base/source.js" */

/** Room for what layers/weights.py asks for ahead, where its segments are large. */
const BUFFERS = 32;
const BUFFER_BYTES = 1 << 20;

/** @type {Map<number, { source: Source, turn: Promise<unknown> }>} */ const files = new Map();
/** Calls whose bytes are wanted. @type {Set<number>} */ const streams = new Set();
/** @type {ArrayBuffer[]} */ const idle = [];
/** @type {((buffer: ArrayBuffer) => void)[]} */ const waiting = [];
let made = 0;

/** @returns {ArrayBuffer | Promise<ArrayBuffer>} */
function take() {
  const buffer = idle.pop();
  if (buffer) return buffer;
  if (made === BUFFERS) return new Promise((resolve) => waiting.push(resolve));
  const fresh = new ArrayBuffer(BUFFER_BYTES); // which may fail
  made++;
  return fresh;
}

/** @param {ArrayBuffer} buffer */
function give(buffer) {
  const next = waiting.shift();
  if (next) next(buffer);
  else idle.push(buffer);
  forget();
}

/** Without files there is nothing to hold buffers for. */
function forget() {
  if (!files.size) made -= idle.splice(0).length;
}

/**
 * Send bytes of a source, each buffer as it is full, the last one as it is.
 *
 * @param {Source} source
 * @param {Order} order
 */
async function stream(source, { call = 0, at = 0, nbytes = 0 }) {
  /** @type {ArrayBuffer | null} */ let buffer = null;
  let used = 0;
  const send = () => {
    if (buffer) tell({ call, bytes: new Uint8Array(buffer, 0, used) }, [buffer]);
    buffer = null;
    used = 0;
  };
  streams.add(call);
  try {
    await source.stream(at, nbytes, async (bytes) => {
      for (let from = 0; from < bytes.length; ) {
        buffer ??= await take();
        if (!streams.has(call)) throw new Error("nobody wants it any more");
        const part = bytes.subarray(from, from + BUFFER_BYTES - used);
        new Uint8Array(buffer).set(part, used);
        used += part.length;
        from += part.length;
        if (used === BUFFER_BYTES) send();
      }
    });
    send();
  } finally {
    if (buffer) give(buffer);
    streams.delete(call);
  }
}

/**
 * @param {Order} order
 * @returns {Promise<unknown>} what `call` is answered with
 */
async function carryOut(order) {
  const { verb, file } = order;
  if (verb === "drop") return void streams.delete(order.stream ?? 0);
  if (verb === "open") files.set(file, { source: opened(order), turn: Promise.resolve() });
  const known = files.get(file);
  if (!known) throw new Error(`file ${file} is closed`);
  if (verb === "close") {
    files.delete(file);
    known.source.close?.();
    forget();
  }
  const turn = known.turn.then(() => use(known.source, order));
  known.turn = turn.catch(() => {});
  return turn;
}

/**
 * @param {Source} source
 * @param {Order} order
 */
async function use(source, order) {
  const { verb, at = 0, nbytes = 0 } = order;
  if (verb === "begin") {
    await source.begin?.();
    return source.size ?? undefined;
  }
  if (verb === "read") return source.read(at, nbytes);
  if (verb === "stream") return stream(source, order);
  if (verb === "pause") source.pause?.();
  return undefined;
}

/**
 * @param {Order} order
 * @returns {Source}
 */
function opened({ spec = "", name = "" }) {
  return typeof spec === "string" ? new UrlSource(spec, name) : new BlobSource(spec, name);
}

/**
 * @param {Answer} answer
 * @param {ArrayBuffer[]} [transfer]
 */
function tell(answer, transfer = []) {
  self.postMessage(answer, { transfer });
}

tell({ call: 0 }); // a sign of life, which nobody asked for

self.onmessage = async ({ data }) => {
  if (data instanceof ArrayBuffer) return give(data);
  const order = /** @type {Order} */ (data);
  const { call = 0 } = order;
  try {
    const value = await carryOut(order);
    tell({ call, value }, value instanceof Uint8Array ? [/** @type {any} */ (value).buffer] : []);
  } catch (caught) {
    const { name, message, code, source, hint } = /** @type {any} */ (caught ?? {});
    tell({ call, error: { name, message, code, source, hint } });
  }
};
