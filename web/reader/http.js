/**
 * A file behind HTTP: read in pieces, or streamed from any place.
 *
 * One download serves both the header and the weights: bytes read before the first stream are
 * kept, and the response goes on where they end. With Range support any place can be reached;
 * without, a file is read front to back, and a step back starts it anew. What fails and may pass
 * is tried again: retries.js. A download goes on only if the file has the same size and ETag.
 */

import { Forbidden, fetched } from "../base/arrival.js";
import { SourceError } from "../base/source.js";
import { Body } from "./body.js";
import { PASSING, POLICY, Passing, Retries } from "./retries.js";

/** @import { Bytes, Sink, Source } from "../base/source.js" */

/** Skipping so many bytes of a response is quicker than asking again. */
export const SKIP_BYTES = 1 << 20;

/**
 * See above.
 *
 * @implements {Source}
 */
export class UrlSource {
  #url;
  #retries;
  #abort = new AbortController();
  /** Of the request that runs. */ #connection = new AbortController();
  /** @type {Body | null} */ #body = null;
  /** Where in the file #body stands. */ #position = 0;
  /** How far it ever stood. */ #furthest = 0;
  /** @type {number | null} where #body ends, if the server tells */ #end = null;
  /** @type {Bytes} received but not yet asked for; ends at #position */ #rest = new Uint8Array();
  /** @type {boolean | null} whether the server has Range; null: not known */ #ranges = null;
  /** @type {string | null} */ #etag = null;
  /** @type {Bytes[] | null} the file's first bytes, until streaming begins */ #kept = [];
  #nkept = 0;
  /** @type {number | null} */ size = null;

  /**
   * @param {string} url
   * @param {string} name
   * @param {import("./retries.js").Policy} [policy]
   */
  constructor(url, name, policy = POLICY) {
    this.#url = url;
    this.name = name;
    this.#retries = new Retries(policy, this.#abort.signal);
  }

  /** Ask for the file. */
  async begin() {
    await this.#request(0);
  }

  /** Give the connection back; what is asked for next takes a new one. */
  pause() {
    this.#body?.cancel();
    this.#body = null;
  }

  close() {
    this.#abort.abort();
    this.#connection.abort();
    this.#body = null;
    this.#kept = null;
  }

  /**
   * @param {number} at
   * @param {number} nbytes
   */
  async read(at, nbytes) {
    const kept = this.#kept;
    /** @type {Bytes[]} */
    const parts = [];
    const take = (/** @type {Bytes} */ bytes) => void parts.push(bytes.slice());
    if (!kept || at > this.#nkept + SKIP_BYTES) {
      await this.#pump(at, nbytes, take);
      return joined(parts, 0, nbytes);
    }
    this.#nkept += await this.#pump(this.#nkept, at + nbytes - this.#nkept, take);
    kept.push(...parts);
    return joined(kept, at, nbytes);
  }

  /**
   * @param {number} at
   * @param {number} nbytes
   * @param {Sink} sink
   */
  async stream(at, nbytes, sink) {
    const end = at + nbytes;
    if (this.#kept && at < this.#nkept) {
      const head = joined(this.#kept, at, nbytes);
      await sink(head);
      at += head.length;
    }
    if (at < end) {
      this.#kept = null; // what follows is not kept, so there is no front to add to
      at += await this.#pump(at, end - at, sink);
    }
    if (at < end) {
      throw new SourceError("TRUNCATED", this.name, `it ends ${end - at} bytes too early`,
        "The download broke off, or the file is incomplete. Try again.");
    }
  }

  /**
   * Give [at, at + nbytes) to a sink, fewer only where the file ends.
   *
   * @param {number} at
   * @param {number} nbytes
   * @param {Sink} sink
   * @returns {Promise<number>} how many
   */
  async #pump(at, nbytes, sink) {
    const end = Math.min(at + nbytes, this.size ?? Infinity);
    if (at >= end) return 0;
    await this.#seek(at);
    let given = 0;
    while (at + given < end) {
      const bytes = await this.#next(end - at - given);
      if (!bytes) break;
      given += bytes.length;
      await sink(bytes);
    }
    return given;
  }

  /** @param {number} at */
  async #seek(at) {
    const here = this.#position - this.#rest.length;
    const near = at >= here && (at - here <= SKIP_BYTES || !this.#ranges);
    if (!this.#body || !near) await this.#request(this.#ranges === false ? 0 : at);
    for (;;) {
      const skip = at - (this.#position - this.#rest.length);
      if (skip === 0 || !(await this.#next(skip))) return;
    }
  }

  /**
   * The response's next bytes, at most so many, good until the next call; null at its end.
   *
   * @param {number} most
   * @returns {Promise<Bytes | null>}
   */
  async #next(most) {
    if (!this.#rest.length) {
      const value = await this.#receive();
      if (!value) return null;
      this.#rest = value;
    }
    const bytes = this.#rest.subarray(0, most);
    this.#rest = this.#rest.subarray(most);
    return bytes;
  }

  /**
   * The body's next bytes, from a new connection where one broke or gave a part only.
   *
   * @returns {Promise<Bytes | undefined>}
   */
  async #receive() {
    const wanted = this.#position;
    for (;;) {
      if (!this.#body) throw this.#unreachable("it was closed");
      const begin = this.#position;
      try {
        const bytes = await this.#retries.unstalled(this.#body.read());
        if (!bytes && begin >= (this.size ?? 0)) return undefined;
        if (!bytes && begin !== this.#end) throw new Error("it ended early");
        if (!bytes) await this.#request(begin); // it was a part of what we asked for
        this.#position += bytes?.length ?? 0;
        if (this.#position > this.#furthest) this.#retries.progress();
        this.#furthest = Math.max(this.#furthest, this.#position);
        if (bytes && this.#position > wanted) return bytes.subarray(Math.max(0, wanted - begin));
      } catch (error) {
        if (error instanceof SourceError) throw error;
        this.#connection.abort();
        this.#body = null;
        await this.#resume(/** @type {Error} */ (error));
      }
    }
  }

  /**
   * Ask for the file from where it broke on; without Range from its start.
   *
   * @param {Error} broken
   */
  async #resume({ message }) {
    const at = this.#position;
    const error = new SourceError("TRUNCATED", this.name,
      `the connection broke at byte ${at}: ${message}`, "Check the connection and try again.");
    const known = this.size !== null || this.#etag !== null; // else it may be another file
    if (!known || this.#abort.signal.aborted) throw error;
    await this.#retries.wait(new Passing(error));
    await this.#request(this.#ranges ? at : 0);
  }

  /**
   * Get the bytes from `at` on, and leave #body at the first that comes.
   *
   * @param {number} at
   */
  async #request(at) {
    for (;;) {
      try {
        return await this.#ask(at);
      } catch (fault) {
        if (!(fault instanceof Passing)) throw fault;
        await this.#retries.wait(fault);
      }
    }
  }

  /** @param {number} at */
  async #ask(at) {
    this.#body?.cancel();
    this.#body = null;
    if (this.#abort.signal.aborted) throw this.#unreachable("it was closed");
    const { signal } = (this.#connection = new AbortController());
    const headers = { Range: `bytes=${at}-` };
    const asking = fetched(this.#url, { headers, cache: "no-store", signal });
    const response = await this.#retries.unstalled(asking).catch(async (error) => {
      throw await this.#unanswered(error);
    });
    try {
      this.#judge(response, at);
    } catch (error) {
      this.#connection.abort();
      throw error;
    }
    this.#rest = new Uint8Array();
    this.#body = new Body(/** @type {ReadableStream<Bytes>} */ (response.body));
  }

  /**
   * No answer: what may pass, unless the server does answer those who may not read it.
   *
   * @param {Error} error
   */
  async #unanswered(error) {
    this.#connection.abort();
    if (error instanceof Forbidden) {
      return new SourceError("NETWORK", this.name, error.message, error.hint);
    }
    const failure = this.#unreachable(error.message);
    const { signal } = this.#abort;
    if (signal.aborted || (offline() && this.size === null)) return failure;
    if (!this.#foreign) return new Passing(failure);
    const refused = await this.#retries.unstalled(
      fetch(this.#url, { method: "HEAD", mode: "no-cors", cache: "no-store", signal }),
    ).then(() => true, () => false);
    return refused ? failure : new Passing(failure);
  }

  get #foreign() {
    return new URL(this.#url).origin !== globalThis.location?.origin;
  }

  /**
   * Refuse a wrong answer; note size, ETag, Range support and where the body begins.
   *
   * @param {Response} response
   * @param {number} at
   */
  #judge(response, at) {
    const { status, headers } = response;
    if (PASSING.includes(status)) {
      throw new Passing(this.#refused(status, at), headers.get("retry-after"));
    }
    if (status !== 200 && status !== 206) throw this.#refused(status, at);
    if (headers.get("content-type")?.startsWith("text/html")) {
      throw new SourceError("HTML", this.name, "the server sent a web page instead of a file",
        "Use the address of the file itself (on Hugging Face: …/resolve/main/….gguf).");
    }
    const told = headers.has("content-encoding") ? null : headers.get("content-length");
    const length = told === null ? null : Number(told);
    const range = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(headers.get("content-range") ?? "");
    const begin = status === 200 ? 0 : range ? Number(range[1]) : at;
    // A server of another origin may hide Content-Range; then its length must fit what is known.
    const rest = length === null ? null : begin + length;
    const size = range && status === 206 ? Number(range[3]) : rest;
    if (begin !== at && status === 206) {
      throw new SourceError("RANGE", this.name, `asked for byte ${at}, the server sent ${begin}`,
        "The server answers Range requests wrongly; use another one.");
    }
    const etag = headers.get("etag");
    const changed = this.size !== null && size !== null && size !== this.size;
    if (changed || (this.#etag && etag && etag !== this.#etag)) {
      throw this.#changed();
    }
    this.#ranges = status === 206;
    this.#etag = etag ?? this.#etag;
    this.size ??= size;
    this.#end = range && status === 206 ? Number(range[2]) + 1 : rest;
    this.#position = begin;
  }

  /**
   * @param {number} status
   * @param {number} at
   */
  #refused(status, at) {
    if (status === 404 || status === 410) {
      return new SourceError("NOT_FOUND", this.name, `the server has no such file (HTTP ${status})`,
        "Check the address.");
    }
    if (status === 416 && this.size !== null) return this.#changed();
    if (status === 416) {
      return new SourceError("RANGE", this.name, `the server has no byte ${at} of it (HTTP 416)`,
        "The file is empty or was replaced by a shorter one.");
    }
    const hint = status === 401 || status === 403
      ? "The file needs a permission; download it, and choose it as a local file."
      : "Try again later.";
    return new SourceError("HTTP", this.name, `the server answered with HTTP ${status}`, hint);
  }

  #changed() {
    return new SourceError("CHANGED", this.name, "the file on the server has changed meanwhile",
      "Load the model again.");
  }

  /** @param {string} why */
  #unreachable(why) {
    if (offline()) {
      return new SourceError("NETWORK", this.name, "this device is offline",
        "Connect it and try again. A model from a file on this device needs no network.");
    }
    return new SourceError("NETWORK", this.name, `no answer came (${why})`, this.#foreign
      ? "Check the address and the connection. A server of another site must also allow this "
        + "page to read it (CORS: Access-Control-Allow-Origin)."
      : "Check the address and the connection.");
  }
}

/** The browser knows of no network; to wait for it could take hours. */
function offline() {
  return globalThis.navigator?.onLine === false;
}

/**
 * Bytes [at, at + nbytes) of parts that begin at 0, as far as they reach.
 *
 * @param {Bytes[]} parts
 * @param {number} at
 * @param {number} nbytes
 * @returns {Bytes}
 */
function joined(parts, at, nbytes) {
  const have = parts.reduce((sum, part) => sum + part.length, 0);
  const bytes = new Uint8Array(Math.max(0, Math.min(nbytes, have - at)));
  let begin = 0;
  for (const part of parts) {
    const [from, to] = [Math.max(at - begin, 0), Math.min(at + nbytes - begin, part.length)];
    if (from < to) bytes.set(part.subarray(from, to), begin + from - at);
    begin += part.length;
  }
  return bytes;
}
