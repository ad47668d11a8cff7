/**
 * The rows of a bench page: what is asked of an engine, and which clock readings count.
 *
 * An engine is a `Subject` with start, load, complete, memory and end; everything is timed from
 * outside of it, by the page's clock, in the same way for each. What the readings mean in tokens
 * and bytes per second is decided by tests/bench/report.py.
 */

/**
 * @typedef {object} Plan
 * @property {string} model  URL
 * @property {string[]} rows  prefill:N, decode:N, followup:N, memory
 * @property {number} context  positions of the cache
 * @property {number} tokens  of a timed reply
 * @property {number} repeats  at most so many timed repetitions of a row,
 * @property {number} seconds  and no further one after so long
 * @property {Record<string, any>} options  for the engine
 */

/**
 * @typedef {object} Reply  how one request went
 * @property {number} prompt  tokens of it
 * @property {number} computed  tokens of the prompt that were not in the cache
 * @property {Record<string, number>} own  the engine's own timings
 */

/**
 * @typedef {object} Subject
 * @property {(options: Plan["options"]) => Promise<Record<string, number>>} start  seconds
 * @property {(url: string, plan: Plan) => Promise<Record<string, unknown>>} load
 * @property {(prompt: string, tokens: number, arrived: (tokens: number) => void)
 *   => Promise<Reply>} complete
 * @property {() => Promise<Record<string, unknown>>} memory
 */

/** @typedef {(value: Record<string, unknown>) => Promise<void>} Report */

/** Tokens that come so soon after one came with it: they were not decoded since. */
const TOGETHER_MS = 1;
/** After the first reply: what is still built beside it is done by then, and the GPU is awake. */
const SETTLE_MS = 3000;
const CONSONANTS = "bcdfghjklmnpqrstvwxyz";
const VOWELS = "aeiou";

/**
 * @param {Subject} subject
 * @param {Plan} plan
 * @param {Report} report
 */
export async function measure(subject, plan, report) {
  await report({ k: "begin", row: "start" });
  await report({ k: "row", row: "start", ...(await subject.start(plan.options)) });

  await report({ k: "begin", row: "load" });
  const begun = performance.now();
  const info = await subject.load(plan.model, plan);
  const load = (performance.now() - begun) / 1e3;
  await report({ k: "row", row: "load", s: load, ...info });

  await report({ k: "begin", row: "first" });
  const words = new Words();
  const first = await request(subject, words.take(64), 8);
  await report({ k: "row", row: "first", s: load + first.ttft });
  words.perToken = 64 / first.prompt; // a word of vocabulary.py is a token; others have more

  for (const until = performance.now() + SETTLE_MS; performance.now() < until; ) {
    await request(subject, words.take(64), 64);
  }
  for (const row of plan.rows) {
    await report({ k: "begin", row });
    const [kind, at] = row.split(":");
    const values = await rows[kind ?? ""]?.(subject, plan, words, Number(at));
    await report({ k: "row", row, ...values });
  }
}

/** @type {Record<string, (s: Subject, p: Plan, w: Words, at: number) => Promise<object>>} */
const rows = { prefill, decode, followup, memory: (subject) => subject.memory() };

/**
 * A new prompt each time: to the first token.
 *
 * @param {Subject} subject
 * @param {Plan} plan
 * @param {Words} words
 * @param {number} at
 */
async function prefill(subject, plan, words, at) {
  const first = await request(subject, words.take(at), 1); // its pipelines may have to be made
  const replies = await repeated(plan, () => request(subject, words.take(at), 1));
  return { first_s: first.ttft, replies };
}

/**
 * The same prompt each time, so that the cache holds it: from the first token on.
 *
 * @param {Subject} subject
 * @param {Plan} plan
 * @param {Words} words
 * @param {number} at
 */
async function decode(subject, plan, words, at) {
  const prompt = words.take(at);
  await request(subject, prompt, 8);
  return { replies: await repeated(plan, () => request(subject, prompt, plan.tokens)) };
}

/**
 * A turn of 32 words more than one of `at`, which the cache holds: to the first token.
 *
 * @param {Subject} subject
 * @param {Plan} plan
 * @param {Words} words
 * @param {number} at
 */
async function followup(subject, plan, words, at) {
  const replies = await repeated(plan, async () => {
    const prompt = words.take(at);
    await request(subject, prompt, 4);
    return request(subject, prompt + words.take(32), 1);
  });
  return { replies };
}

/**
 * @template T
 * @param {Plan} plan
 * @param {() => Promise<T>} once
 */
async function repeated(plan, once) {
  const begun = performance.now();
  const all = [];
  do all.push(await once());
  while (all.length < plan.repeats && performance.now() - begun < plan.seconds * 1e3);
  return all;
}

/**
 * @param {Subject} subject
 * @param {string} prompt
 * @param {number} tokens
 */
async function request(subject, prompt, tokens) {
  /** @type {Arrival[]} */
  const arrivals = [];
  const begun = performance.now();
  const reply = await subject.complete(prompt, tokens, (count) => {
    arrivals.push({ at: performance.now(), count });
  });
  const ended = performance.now();
  const first = arrivals[0]?.at ?? begun;
  const [ttft, s] = [(first - begun) / 1e3, (ended - first) / 1e3];
  return { ...reply, ttft, s, ...streamed(arrivals) };
}

/** @typedef {{ at: number, count: number }} Arrival  tokens, and the page's clock in ms */

/**
 * How a reply came: its tokens, those after the first moment, the longest wait between two of
 * them in seconds, and the most that came together.
 *
 * @param {Arrival[]} arrivals
 */
function streamed(arrivals) {
  const tokens = (/** @type {Arrival[]} */ some) => some.reduce((sum, { count }) => sum + count, 0);
  const from = (/** @type {number} */ begin) =>
    tokens(arrivals.filter(({ at }) => at >= begin && at - begin < TOGETHER_MS));
  const n = tokens(arrivals);
  const gaps = arrivals.map(({ at }, i) => at - (arrivals[i - 1]?.at ?? at));
  return {
    n,
    decoded: n - from(arrivals[0]?.at ?? 0),
    gap: Math.max(0, ...gaps) / 1e3,
    burst: Math.max(0, ...arrivals.map(({ at }) => from(at))),
  };
}

/** Prompts of made-up words, each another; the same sequence on every page. */
class Words {
  #state = 1;
  perToken = 1;

  /** @param {number} tokens */
  take(tokens) {
    let text = "";
    for (let i = Math.max(1, Math.round(tokens * this.perToken)); i > 0; i--) {
      text += ` ${this.#syllable()}${this.#syllable()}`;
    }
    return text;
  }

  #syllable() {
    return `${this.#letter(CONSONANTS)}${this.#letter(VOWELS)}`;
  }

  /** A linear congruential generator (Numerical Recipes); its high bits are the good ones. */
  #letter(/** @type {string} */ of) {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0;
    return of[Math.floor((this.#state / 2 ** 32) * of.length)];
  }
}
