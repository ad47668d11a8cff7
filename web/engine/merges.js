/**
 * Byte-pair merges: a word's characters are joined pair by pair, that pair first whose merge comes
 * first in the file's list, until the list has none of them; what then stands are tokens.
 *
 * The library's own model makes strings, objects and maps of 150,000 tokens and as many merges,
 * which takes it half a second. Here they stay the file's bytes, found through tables of numbers.
 */

const END = 0xff; // parts the texts of a list: no byte of UTF-8
const SPACE = 0x20; // parts the two sides of a merge: no word has one
const HIGH = 2 ** 32;
const KEPT_WORDS = 4096;
const KEPT_LENGTH = 32; // of a word, in UTF-16 units

/** @type {(list: ArrayLike<number>, i: number) => number} where an index cannot be wrong */
const at = (list, i) => /** @type {number} */ (list[i]);

/** The texts of a list by their places: a hash table with linear probing. */
class Texts {
  #bytes;
  /** @type {Int32Array} where each text begins, and the end */ #starts;
  /** @type {Int32Array} place + 1, or 0 */ #slots;
  /** Without it a file could be made whose texts all fall into one slot. */
  #seed = Math.random() * HIGH;

  /** @param {Uint8Array} bytes  texts parted by END; the last of equal ones counts, "" is none */
  constructor(bytes) {
    let n = 1;
    for (let i = 0; i < bytes.length; i++) if (bytes[i] === END) n++;
    this.#bytes = bytes;
    this.#starts = new Int32Array(n + 1);
    this.#slots = new Int32Array(2 ** Math.ceil(Math.log2(2 * n)));
    for (let place = 0, start = 0; place < n; place++) {
      let end = start; // indexOf would take longer for texts so short
      while (end < bytes.length && bytes[end] !== END) end++;
      if (start < end) this.#slots[this.#slot(bytes, start, end)] = place + 1;
      start = this.#starts[place + 1] = end + 1;
    }
  }

  get size() {
    return this.#starts.length - 1;
  }

  /**
   * The place of the text [from, to) of `bytes`, or -1.
   *
   * @param {Uint8Array} bytes
   * @param {number} from
   * @param {number} to
   */
  find(bytes, from, to) {
    return at(this.#slots, this.#slot(bytes, from, to)) - 1;
  }

  /**
   * The slot where a text is or would be.
   *
   * @param {Uint8Array} bytes
   * @param {number} from
   * @param {number} to
   */
  #slot(bytes, from, to) {
    let hash = this.#seed;
    for (let i = from; i < to; i++) hash = Math.imul(hash ^ at(bytes, i), 0x9e3779b1);
    for (let slot = hash ^ (hash >>> 15); ; slot++) {
      slot &= this.#slots.length - 1;
      const place = at(this.#slots, slot) - 1;
      if (place < 0 || this.#is(place, bytes, from, to)) return slot;
    }
  }

  /**
   * @param {number} place
   * @param {Uint8Array} bytes
   * @param {number} from
   * @param {number} to
   */
  #is(place, bytes, from, to) {
    const start = at(this.#starts, place);
    if (at(this.#starts, place + 1) - 1 - start !== to - from) return false;
    for (let i = from; i < to; i++) if (this.#bytes[start + i - from] !== bytes[i]) return false;
    return true;
  }
}

/** Words to ids. */
export class Merges {
  #tokens;
  #merges;
  /** @type {Uint8Array} by merge: 1 if it counts, 2 if not, 0 if nobody has looked */ #counts;
  #whole;
  #unknown;
  #utf8 = new TextEncoder();
  /** @type {Map<string, number[]>} texts repeat their words */ #kept = new Map();

  /**
   * @param {Uint8Array} tokens  texts by id, parted by 0xff; "" cannot be found
   * @param {Uint8Array} merges  "left right" by rank, parted by 0xff; one counts if both sides and
   *   what it makes are tokens
   * @param {boolean} whole  a word that is a token is taken whole
   * @param {number | null} unknown  the id of characters, one or several, that have no token and
   *   whose bytes have none; without it they are dropped
   */
  constructor(tokens, merges, whole, unknown) {
    this.#tokens = new Texts(tokens);
    this.#merges = new Texts(merges);
    this.#counts = new Uint8Array(this.#merges.size);
    this.#whole = whole;
    this.#unknown = unknown;
  }

  /**
   * @param {string} word  without spaces
   * @returns {number[]}
   */
  ids(word) {
    let ids = this.#kept.get(word);
    if (ids) return ids;
    ids = this.#found(word);
    if (this.#kept.size === KEPT_WORDS) this.#kept.clear();
    if (word.length <= KEPT_LENGTH) this.#kept.set(word, ids);
    return ids;
  }

  /** @param {string} word */
  #found(word) {
    const text = this.#utf8.encode(word);
    const id = this.#whole ? this.#tokens.find(text, 0, text.length) : -1;
    if (id >= 0) return [id];
    /** @type {number[]} */
    const ids = [];
    const starts = this.#joined(text);
    for (let i = 0; i + 1 < starts.length; i++) {
      const found = this.#tokens.find(text, at(starts, i), at(starts, i + 1));
      if (found >= 0) ids.push(found);
      else this.#spell(text.subarray(starts[i], starts[i + 1]), ids);
    }
    return ids;
  }

  /**
   * Add a character without a token: by the tokens of its bytes, or as unknown.
   *
   * @param {Uint8Array} character
   * @param {number[]} ids
   */
  #spell(character, ids) {
    const bytes = Array.from(character, (byte) => {
      const name = `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`;
      return this.#tokens.find(this.#utf8.encode(name), 0, 6);
    });
    if (!bytes.includes(-1)) ids.push(...bytes);
    else if (this.#unknown !== null && ids.at(-1) !== this.#unknown) ids.push(this.#unknown);
  }

  /**
   * Where the pieces begin that are left after all merges, and the end.
   *
   * @param {Uint8Array} text
   * @returns {number[]}
   */
  #joined(text) {
    /** @type {number[]} of each character, and the end */
    const starts = [];
    for (let i = 0; i < text.length; i++) if ((at(text, i) & 0xc0) !== 0x80) starts.push(i);
    const n = starts.push(text.length) - 1;
    // Pieces go by the number of their first character. Plain lists: most words are short.
    /** @type {number[]} */ const next = [];
    /** @type {number[]} */ const before = [];
    /** @type {number[]} of a piece and the next one */ const ranks = [];
    for (let i = 0; i <= n; i++) {
      next.push(i + 1);
      before.push(i - 1);
      ranks.push(-1);
    }
    const key = new Uint8Array(text.length + 1);
    const heap = new Heap();
    const weigh = (/** @type {number} */ i) => {
      const j = at(next, i);
      const rank = j < n
        ? this.#rank(text, at(starts, i), at(starts, j), at(starts, at(next, j)), key)
        : -1;
      ranks[i] = rank;
      if (rank >= 0) heap.push(rank * HIGH + i); // of equal ranks the leftmost first
    };
    for (let i = 0; i < n; i++) weigh(i);
    for (let least = heap.pop(); least !== undefined; least = heap.pop()) {
      const i = least % HIGH;
      if (at(ranks, i) !== Math.floor(least / HIGH)) continue; // either piece is another by now
      const j = at(next, i);
      ranks[j] = -1;
      next[i] = at(next, j);
      before[at(next, i)] = i;
      weigh(i);
      if (i > 0) weigh(at(before, i));
    }
    const left = [];
    for (let i = 0; i <= n; i = at(next, i)) left.push(at(starts, i));
    return left;
  }

  /**
   * The rank of the merge of [from, middle) and [middle, to), or -1.
   *
   * @param {Uint8Array} text
   * @param {number} from
   * @param {number} middle
   * @param {number} to
   * @param {Uint8Array} key  room for to - from + 1 bytes
   */
  #rank(text, from, middle, to, key) {
    for (let i = from; i < middle; i++) key[i - from] = at(text, i);
    key[middle - from] = SPACE;
    for (let i = middle; i < to; i++) key[i - from + 1] = at(text, i);
    const rank = this.#merges.find(key, 0, to - from + 1);
    if (rank < 0) return -1;
    const made = () => this.#tokens.find(text, from, middle) >= 0
      && this.#tokens.find(text, middle, to) >= 0
      && this.#tokens.find(text, from, to) >= 0;
    this.#counts[rank] ||= made() ? 1 : 2;
    return this.#counts[rank] === 1 ? rank : -1;
  }
}

/** Numbers, the least first: a binary heap. */
class Heap {
  /** @type {number[]} */ #items = [];

  /** @param {number} item */
  push(item) {
    const items = this.#items;
    let i = items.length;
    for (let up = (i - 1) >> 1; i > 0 && item < at(items, up); up = (i - 1) >> 1) {
      items[i] = at(items, up);
      i = up;
    }
    items[i] = item;
  }

  pop() {
    const items = this.#items;
    const least = items[0];
    const last = items.pop();
    if (last === undefined || !items.length) return least;
    let i = 0;
    for (let down = 1; down < items.length; down = 2 * i + 1) {
      if (down + 1 < items.length && at(items, down + 1) < at(items, down)) down++;
      if (last <= at(items, down)) break;
      items[i] = at(items, down);
      i = down;
    }
    items[i] = last;
    return least;
  }
}
