/**
 * Markdown of a language model → DOM nodes, by marked's lexer (lexer.js) and nodes made by hand.
 *
 * The text is hostile. It is never parsed as HTML, and it loads nothing: an image becomes a link.
 * Half-open markup is fine: a message is rendered again while it streams.
 */

import { element } from "./dom.js";
import { decoded } from "./entities.js";
import { lex } from "./lexer.js";
import { address, anchor, visible } from "./links.js";

/** @import { MarkedToken, Token, Tokens } from "marked" */

const MAX_LENGTH = 200_000;

/**
 * The nodes of a whole message.
 * @param {string} text
 * @returns {Node[]}
 */
export function render(text) {
  return new Growing().nodes(text);
}

/** A message that grows: blocks that no more text can change are lexed and built once. */
export class Growing {
  #source = ""; // of the finished blocks
  /** @type {Node[]} */ #finished = [];

  /**
   * The nodes of the whole text; those of finished blocks are the same ones each time.
   * @param {string} text
   * @returns {Node[]}
   */
  nodes(text) {
    const source = text.slice(0, MAX_LENGTH).replace(/\r\n?/g, "\n");
    if (!source.startsWith(this.#source)) {
      this.#source = "";
      this.#finished = [];
    }
    const tokens = lex(source.slice(this.#source.length));
    // More text goes on with the last block, or makes its line a part of the one before it.
    const blocks = tokens.filter(({ type }) => type !== "space");
    const open = tokens.indexOf(/** @type {Token} */ (blocks.at(-2)));
    for (const token of tokens.splice(0, Math.max(0, open))) {
      this.#source += token.raw;
      this.#finished.push(...block(token));
    }
    const cut = text.length > MAX_LENGTH;
    const rest = cut ? [element("p", {}, "… (the rest is too long to show)")] : [];
    return [...this.#finished, ...tokens.flatMap(block), ...rest];
  }
}

/**
 * @param {Token} token
 * @returns {Node[]}
 */
function block(token) {
  const known = /** @type {MarkedToken} */ (token);
  switch (known.type) {
    case "space":
      return [];
    case "heading": {
      const level = Math.min(6, known.depth + 2); // h1 and h2 belong to the page
      return [element(/** @type {"h3"} */ (`h${level}`), {}, inline(known.tokens))];
    }
    case "hr":
      return [element("hr")];
    case "code": {
      const label = /^[\w+#.-]{1,20}/.exec(known.lang ?? "")?.[0] ?? false;
      const code = element("code", {}, visible(known.text.replace(/\n$/, "")));
      return [element("pre", { tabindex: 0, "data-language": label }, code)];
    }
    case "blockquote":
      return [element("blockquote", {}, known.tokens.flatMap(block))];
    case "list":
      return [list(known)];
    case "table":
      return [table(known)];
    case "paragraph":
      return [element("p", {}, inline(known.tokens))];
    default:
      return inline([token]);
  }
}

/** @param {Tokens.List} token */
function list({ ordered, start, items }) {
  const first = start === "" || start === 1 ? false : start;
  const node = ordered ? element("ol", { start: first }) : element("ul");
  for (const item of items) node.append(element("li", {}, item.tokens.flatMap(block)));
  return node;
}

/** @param {Tokens.Table} token */
function table({ header, rows }) {
  /** @type {(tag: "th" | "td", cells: Tokens.TableCell[]) => HTMLElement} */
  const row = (tag, cells) => {
    const made = cells.map(({ align, tokens }) => {
      return element(tag, { class: align ?? false }, inline(tokens));
    });
    return element("tr", {}, made);
  };
  const body = element("tbody", {}, rows.map((cells) => row("td", cells)));
  const inner = element("table", {}, element("thead", {}, row("th", header)), body);
  return element("div", { class: "table", tabindex: 0 }, inner);
}

/**
 * @param {Token[]} tokens
 * @param {boolean} [links]  false inside of a link
 * @returns {Node[]}
 */
function inline(tokens, links = true) {
  return tokens.flatMap((token) => mark(/** @type {MarkedToken} */ (token), links));
}

/**
 * @param {MarkedToken} token
 * @param {boolean} links
 * @returns {Node[]}
 */
function mark(token, links) {
  switch (token.type) {
    case "strong":
    case "em":
    case "del":
      return [element(token.type, {}, inline(token.tokens, links))];
    case "codespan":
      return [element("code", {}, visible(token.text))];
    case "br":
      return [element("br")];
    case "checkbox":
      return [new Text(token.checked ? "☑ " : "☐ ")];
    case "link":
    case "image":
      return link(token, links);
    case "escape":
      return [new Text(visible(token.text))];
    case "text":
      return token.tokens ? inline(token.tokens, links) : [new Text(visible(decoded(token.text)))];
    default:
      return [new Text(visible(token.raw))];
  }
}

/**
 * A link, an image as a link to it, or what was written where a link may not go.
 * @param {Tokens.Link | Tokens.Image} token
 * @param {boolean} links
 * @returns {Node[]}
 */
function link(token, links) {
  const bare = token.type === "link" && token.autolink;
  const url = address(bare ? token.href : decoded(token.href));
  if (!url) return [new Text(visible(token.raw))];
  const content = bare ? [new Text(visible(token.text))] : inline(token.tokens, false);
  if (!links) return content;
  return [anchor(url, content.length > 0 ? content : [new Text(visible(url.href))])];
}
