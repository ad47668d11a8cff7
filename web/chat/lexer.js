/**
 * marked's lexer with bounds: Markdown of a language model → tokens.
 *
 * The text is hostile. HTML stays text, nesting is capped, and time is linear in the length. No
 * block depends on a later one (there are no link references), so a text that grows needs its last
 * blocks lexed only. Nothing of marked but the lexer is used: it makes no HTML here.
 */

// @ts-expect-error -- build.py lays the npm package's file there; its types come below.
import { Lexer as LibraryLexer, Tokenizer as LibraryTokenizer } from "../npm/marked.esm.js";

/** @import { Token, Tokens } from "marked" */

/** @type {typeof import("marked").Lexer} */
const Lexer = LibraryLexer;
/** @type {typeof import("marked").Tokenizer} */
const Tokenizer = LibraryTokenizer;

const MAX_DEPTH = 8;
/** Long paragraphs and quotes are lexed in pieces: marked's time grows with the square of one. */
const PIECE = 8000;
const LINK = /^(?:https?:\/\/|www\.)/i;
/** Where something may begin that is not plain text. */
const MARK = /[\\<!\[`*_~]| {0,9}\n|https?:\/\/|www\./gi;
const TABLE = /^(?=[^\n]*\|)[^\n]*\n *[|:-][-|: ]*(?:\n|$)/;
const CODE = /(?<!`)(`+)(?!`)([^\n]*?[^`\n])\1(?!`)/g;

/**
 * The blocks of a text. Their `raw`, put together, is the text.
 * @param {string} text  without carriage returns
 * @returns {Token[]}
 */
export function lex(text) {
  return new BoundedLexer({ gfm: true, breaks: true, tokenizer: new Bounded() }).lex(text);
}

class BoundedLexer extends Lexer {
  /**
   * Pieces join in `tokens` one after the other.
   * @param {string} src
   * @param {Token[]} [tokens]
   */
  inline(src, tokens = []) {
    for (let at = 0; at < src.length; at += PIECE) super.inline(src.slice(at, at + PIECE), tokens);
    return tokens;
  }
}

class Bounded extends Tokenizer {
  #depth = 0;

  /**
   * What may hold others of its kind; too deep it is text.
   * @template T
   * @param {() => T} read
   */
  #nested(read) {
    if (this.#depth >= MAX_DEPTH) return undefined;
    this.#depth++;
    try {
      return read();
    } finally {
      this.#depth--;
    }
  }

  /** @param {string} src */
  blockquote(src) {
    const end = src.indexOf("\n", PIECE);
    return this.#nested(() => super.blockquote(end < 0 ? src : src.slice(0, end + 1)));
  }

  /** @param {string} src */
  list(src) {
    return this.#nested(() => super.list(src));
  }

  /** @param {string} src  @param {string} masked  @param {string} [before] */
  emStrong(src, masked, before) {
    return this.#nested(() => super.emStrong(src, masked, before));
  }

  /** @param {string} src  @param {string} masked  @param {string} [before] */
  del(src, masked, before) {
    return this.#nested(() => super.del(src, masked, before));
  }

  /** @param {string} src */
  link(src) {
    return this.#nested(() => super.link(src));
  }

  html() {
    return undefined;
  }

  tag() {
    return undefined;
  }

  def() {
    return undefined;
  }

  reflink() {
    return undefined;
  }

  /**
   * Only what says that it is an address: marked looks for e-mail, too, to the end of each word.
   * @param {string} src
   */
  url(src) {
    return LINK.test(src) ? super.url(src) : undefined;
  }

  /**
   * Text up to the next mark; at least one character, and no part of a run of backticks.
   * @param {string} src
   * @returns {Tokens.Text | undefined}
   */
  inlineText(src) {
    if (src === "") return undefined;
    MARK.lastIndex = Math.max(1, src.length - src.replace(/^`+/, "").length);
    const raw = src.slice(0, MARK.exec(src)?.index ?? src.length);
    return { type: "text", raw, text: raw, escaped: false };
  }

  /**
   * A bar inside of code does not end a cell, as writers expect (GFM wants a backslash there).
   * @param {string} src
   */
  table(src) {
    if (!TABLE.test(src)) return undefined;
    const end = src.indexOf("\n\n");
    const block = end < 0 ? src : src.slice(0, end + 1);
    const guarded = block.replace(CODE, (code) => code.replace(/\\?\|/g, "\\|"));
    const token = super.table(guarded);
    if (!token) return undefined;
    const lines = token.raw.split("\n").length - (token.raw.endsWith("\n") ? 1 : 0);
    const rows = block.split("\n").slice(0, lines).join("\n");
    const raw = token.raw.endsWith("\n") ? `${rows}\n` : rows;
    return { ...token, raw };
  }
}
