/**
 * The marks inside a paragraph of Markdown → DOM nodes: emphasis, code, links.
 *
 * The text is hostile. Links go to http, https and mailto only, with the host in sight; an image
 * becomes a link; invisible characters are shown. Time is linear in the text: nesting is capped,
 * and a mark that was once found unclosed is not searched for again.
 */

import { element } from "./dom.js";

export const MAX_DEPTH = 8;
const SCHEMES = new Set(["http:", "https:", "mailto:"]);
const MARKS = ["***", "**", "__", "~~", "*", "_"];
const ELEMENTS = /** @type {const} */ ({
  "**": "strong", __: "strong", "~~": "del", "*": "em", _: "em",
});
const ESCAPED = /[!-/:-@[-`{-~]/;
const PLAIN = /[^\\`*_~[!\nh]+/y;
const BARE_LINK = /https?:\/\/[^\s<>"`]{1,2000}/y;
const HIDDEN = new RegExp(
  "[\\0-\\x08\\x0b-\\x1f\\x7f-\\x9f\\xad\\u061c\\u180e\\u200b\\u200e\\u200f\\u2028-\\u202e" +
    "\\u2060-\\u206f\\ufeff\\ufff9-\\ufffb\\u{e0000}-\\u{e01ef}]",
  "gu",
);

/**
 * Text whose invisible and direction-changing characters are shown by their code.
 * @param {string} text
 */
export function visible(text) {
  return text.replace(HIDDEN, (mark) => {
    return `⟨U+${(mark.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}⟩`;
  });
}

/**
 * The marks inside a paragraph. `links` is false inside a link's own label.
 * @param {string} text
 * @param {number} [depth]
 * @param {boolean} [links]
 * @returns {Node[]}
 */
export function inline(text, depth = 0, links = true) {
  return depth >= MAX_DEPTH ? [new Text(visible(text))] : new Inline(text, depth, links).nodes();
}

/** One pass over one run of text. */
class Inline {
  /** @type {Node[]} */
  #nodes = [];
  #plain = "";
  #unclosed = new Set();
  #bracket = -1; // where the next "](" stands

  /**
   * @param {string} text
   * @param {number} depth
   * @param {boolean} links
   */
  constructor(text, depth, links) {
    this.text = text;
    this.depth = depth;
    this.links = links;
  }

  nodes() {
    for (let at = 0; at < this.text.length; ) at = this.#step(at);
    this.#flush();
    return this.#nodes;
  }

  #flush() {
    if (this.#plain !== "") this.#nodes.push(new Text(visible(this.#plain)));
    this.#plain = "";
  }

  /** @param {Node} node @param {number} end */
  #emit(node, end) {
    this.#flush();
    this.#nodes.push(node);
    return end;
  }

  /** @param {number} at @returns {number} */
  #step(at) {
    const { text } = this;
    PLAIN.lastIndex = at;
    const plain = PLAIN.exec(text)?.[0];
    const mark = text.charAt(at);
    if (plain === undefined) {
      if (mark === "\n") return this.#emit(element("br"), at + 1);
      if (mark === "\\" && ESCAPED.test(text.charAt(at + 1))) {
        this.#plain += text.charAt(at + 1);
        return at + 2;
      }
      const end = this.#code(at) ?? this.#emphasis(at) ?? this.#link(at) ?? this.#bareLink(at);
      if (end !== null) return end;
    }
    this.#plain += plain ?? mark;
    return at + (plain ?? mark).length;
  }

  /** @param {number} at @returns {number | null} */
  #code(at) {
    const { text } = this;
    if (text[at] !== "`") return null;
    let after = at;
    while (text[after] === "`") after++;
    const fence = text.slice(at, after);
    for (let end = after; !this.#unclosed.has(fence); ) {
      end = text.indexOf(fence, end);
      if (end < 0) break;
      let next = end;
      while (text[next] === "`") next++;
      if (next - end === fence.length) {
        const code = text.slice(after, end).replace(/^ (.*[^ ].*) $/s, "$1");
        return this.#emit(element("code", {}, visible(code)), next);
      }
      end = next;
    }
    this.#unclosed.add(fence);
    this.#plain += fence;
    return after;
  }

  /** @param {number} at @returns {number | null} */
  #emphasis(at) {
    const { text, depth, links } = this;
    const mark = MARKS.find((known) => text.startsWith(known, at));
    if (!mark || this.#unclosed.has(mark)) return null;
    const from = at + mark.length;
    const inWord = mark.startsWith("_") && /[\p{L}\p{N}]/u.test(text.charAt(at - 1));
    if (inWord || /^\s?$/.test(text.charAt(from))) return null;
    const end = closing(text, from, mark);
    if (end < 0) {
      this.#unclosed.add(mark);
      return null;
    }
    const inner = inline(text.slice(from, end), depth + 1, links);
    const node =
      mark === "***"
        ? element("strong", {}, element("em", {}, inner))
        : element(ELEMENTS[/** @type {keyof typeof ELEMENTS} */ (mark)], {}, inner);
    return this.#emit(node, end + mark.length);
  }

  /**
   * [label](address), and an image as a link to it.
   * @param {number} at
   * @returns {number | null}
   */
  #link(at) {
    const { text, depth } = this;
    const from = text.startsWith("![", at) ? at + 2 : at + 1;
    if (!this.links || text[from - 1] !== "[") return null;
    if (this.#bracket < from && this.#bracket !== Infinity) {
      const found = text.indexOf("](", from);
      this.#bracket = found < 0 ? Infinity : found;
    }
    if (this.#bracket - from > 1000) return null;
    const label = text.slice(from, this.#bracket);
    const close = closingParenthesis(text, this.#bracket + 2);
    if (label.includes("[") || close < 0) return null;
    const target = text.slice(this.#bracket + 2, close).trim().replace(/^<(.*)>$/, "$1");
    const url = address(target.split(/\s/)[0] ?? ""); // what follows a space is a title
    if (!url) return null;
    const content = inline(label || url.href, depth + 1, false);
    return this.#emit(anchor(url, label, content), close + 1);
  }

  /** @param {number} at @returns {number | null} */
  #bareLink(at) {
    BARE_LINK.lastIndex = at;
    const found = this.links && !/\w/.test(this.text.charAt(at - 1)) && BARE_LINK.exec(this.text);
    if (!found) return null;
    const shown = found[0].replace(/[.,:;!?'*_~)\]]+$/, "");
    const url = address(shown);
    const end = at + shown.length;
    return url && this.#emit(anchor(url, shown, [new Text(visible(shown))]), end);
  }
}

/**
 * Where an emphasis mark closes, or -1.
 * @param {string} text
 * @param {number} from
 * @param {string} mark
 */
function closing(text, from, mark) {
  const sign = mark.charAt(0);
  for (let at = text.indexOf(sign, from); at >= 0; at = text.indexOf(sign, at)) {
    let after = at;
    while (text[after] === sign) after++;
    const open = /\s/.test(text.charAt(at - 1));
    const inWord = sign === "_" && /[\p{L}\p{N}]/u.test(text.charAt(after));
    const single = mark.length === 1;
    const fits = single ? (after - at) % 2 === 1 : after - at >= mark.length;
    if (!open && !inWord && fits && at > from) return after - mark.length;
    at = after;
  }
  return -1;
}

/**
 * Where the parenthesis that was opened before `from` closes, or -1. An address is short.
 * @param {string} text
 * @param {number} from
 */
function closingParenthesis(text, from) {
  for (let at = from, open = 0; at < Math.min(text.length, from + 1000); at++) {
    if (text[at] === "(") open++;
    if (text[at] === ")" && open-- === 0) return at;
  }
  return -1;
}

/**
 * The address if a link may go there. Only absolute ones: relative ones would be our own pages.
 * @param {string} text
 */
function address(text) {
  const url = URL.canParse(text) ? new URL(text) : null;
  return url && SCHEMES.has(url.protocol) ? url : null;
}

/**
 * A link that shows where it goes: its host follows, unless the label is plainly the address.
 * @param {URL} url
 * @param {string} label
 * @param {Node[]} content
 */
function anchor(url, label, content) {
  const host = url.protocol === "mailto:" ? url.pathname : url.host;
  const told = label === host || label === url.origin || label.startsWith(`${url.origin}/`);
  const rest = told ? [] : [element("span", { class: "host" }, ` (${visible(host)})`)];
  const attributes = { href: url.href, target: "_blank", rel: "noopener noreferrer nofollow" };
  return element("a", attributes, content, rest);
}
