/**
 * The engine's own files on their way here. Whatever a network, a server or a page's policy does
 * to one of them, there is an end: all of its bytes, or a `StartError` that says what to do.
 */

/** So many seconds without a byte are a fault. */
const SILENCE_S = 6;
/** How long modules may take before it is asked why. */
const PATIENCE_MS = 2000;
const POLICY_MS = 50; // a violation of the policy is told a moment after the fetch has failed

const AGAIN = "Check the connection and try again.";
const INCOMPLETE = "The site is not complete. Whoever keeps it should upload all of dist/ again.";

/** The engine cannot start: what is wrong (`message`) and what to do (`hint`). */
export class StartError extends Error {
  /**
   * @param {string} message
   * @param {string} hint
   */
  constructor(message, hint) {
    super(message);
    this.name = "StartError";
    this.hint = hint;
  }
}

/** The page's policy does not let a file be fetched. */
export class Forbidden extends Error {
  /**
   * @param {string} url
   * @param {string} directive  of the policy
   */
  constructor(url, directive) {
    super(`this page's Content-Security-Policy forbids it (${directive})`);
    this.hint = `Whoever runs this page must add ${new URL(url).origin} to its ${directive}.`;
  }
}

/**
 * `fetch`, which tells of a policy no more than of a network.
 *
 * @param {string} url
 * @param {RequestInit} options
 */
export async function fetched(url, options) {
  let directive = "";
  const note = (/** @type {Event} */ event) => {
    const { blockedURI, effectiveDirective } = /** @type {SecurityPolicyViolationEvent} */ (event);
    if (blockedURI && url.startsWith(blockedURI)) directive = effectiveDirective;
  };
  addEventListener("securitypolicyviolation", note);
  try {
    return await fetch(url, options);
  } catch (error) {
    if (!options.signal?.aborted) await sleep(POLICY_MS);
    throw directive ? new Forbidden(url, directive) : error;
  } finally {
    removeEventListener("securitypolicyviolation", note);
  }
}

/**
 * A promise's outcome; `late` is called once there was no news for so many seconds. They are
 * counted one by one: while the thread is blocked nothing can come, and all of that counts as one.
 *
 * @template T
 * @param {number} seconds
 * @param {(news: () => void) => Promise<T>} act  to call `news` whenever something came
 * @param {() => void} late  makes the promise fail, or fails itself
 * @returns {Promise<T>}
 */
async function attended(seconds, act, late) {
  let silent = 0;
  const timer = setInterval(() => {
    if (++silent < seconds) return;
    clearInterval(timer);
    late();
  }, 1000);
  try {
    return await act(() => (silent = 0));
  } finally {
    clearInterval(timer);
  }
}

/** One file. */
export class Arrival {
  #url;
  #signal;
  #abort = new AbortController();
  #late = false;

  /**
   * @param {string} url
   * @param {AbortSignal} [signal]  ends it
   */
  constructor(url, signal) {
    this.#url = url;
    this.#signal = signal;
    /** @type {(response: Response) => void} */ let answer = () => {};
    /** @type {(error: unknown) => void} */ let refuse = () => {};
    /**
     * The server's answer, as soon as it is known to be the file. Its body can be read once.
     *
     * @type {Promise<Response>}
     */
    this.response = new Promise((resolve, reject) => ([answer, refuse] = [resolve, reject]));
    this.response.catch(() => {}); // `whole` tells it
    /** That all of its bytes are here. @type {Promise<void>} */
    this.whole = this.#attended(answer).catch((error) => {
      refuse(error);
      throw error;
    });
    this.whole.catch(() => {}); // those who wait are told; another file's failure may come first
  }

  /** @param {(response: Response) => void} answer */
  async #attended(answer) {
    const stop = () => this.#abort.abort();
    this.#signal?.addEventListener("abort", stop);
    try {
      return await attended(SILENCE_S, (news) => this.#come(answer, news), () => {
        this.#late = true;
        stop();
      });
    } catch (error) {
      this.#signal?.throwIfAborted();
      if (error instanceof StartError) throw error;
      if (error instanceof Forbidden) throw this.#error(error.message, error.hint);
      throw this.#explained();
    } finally {
      this.#signal?.removeEventListener("abort", stop);
    }
  }

  /**
   * @param {(response: Response) => void} answer
   * @param {() => void} news
   */
  async #come(answer, news) {
    const response = await fetched(this.#url, { signal: this.#abort.signal });
    news();
    this.#judge(response);
    const reader = response.clone().body?.getReader();
    answer(response);
    while (!(await reader?.read())?.done) news();
  }

  /** @param {Response} response */
  #judge({ ok, status, headers }) {
    if (!ok) {
      const hint = status === 429 || status >= 500
        ? "The server is busy or out of order. Try again in a minute."
        : INCOMPLETE;
      throw this.#error(`the server answered with HTTP ${status}`, hint);
    }
    if (headers.get("content-type")?.startsWith("text/html")) {
      throw this.#error("the server sent a web page in its place", INCOMPLETE);
    }
  }

  #explained() {
    if (this.#late) return this.#error(`no byte came for ${SILENCE_S} seconds`, AGAIN);
    if (!navigator.onLine) return this.#error("this device is offline", AGAIN);
    return this.#error("the connection broke, or something blocks it",
      "Check the connection and what may block requests, such as an extension; then try again.");
  }

  /**
   * @param {string} why
   * @param {string} hint
   */
  #error(why, hint) {
    return new StartError(`${this.#url} did not arrive: ${why}`, hint);
  }
}

/**
 * The outcome of loading modules. An `import`, or a worker's start, names no file that fails and
 * never says that one is silent. So where it fails or takes long we fetch them, too.
 *
 * @template T
 * @param {string[]} urls  the modules
 * @param {Promise<T>} loading
 * @param {AbortSignal} [signal]  leaves off
 * @returns {Promise<T>}
 */
export async function loaded(urls, loading, signal) {
  const done = loading.then(() => true, () => false);
  if (await Promise.race([done, sleep(PATIENCE_MS)])) return loading;
  signal?.throwIfAborted();
  const begin = performance.now();
  const fetching = Promise.all(urls.map((url) => new Arrival(url, signal).whole));
  await Promise.race([loading.catch(() => fetching), fetching]);
  // All are there. A browser without a cache may still be fetching its own, at the same speed.
  const seconds = SILENCE_S + Math.ceil(3 * (performance.now() - begin) / 1000);
  const late = new StartError(`${urls[0]} did not start: the browser got no answer`, AGAIN);
  return new Promise((resolve, reject) => {
    void attended(seconds, () => loading, () => reject(late)).then(resolve, reject);
  });
}

/** @param {number} ms */
function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
