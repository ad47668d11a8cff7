/**
 * Markdown of a language model → DOM nodes: a useful part of CommonMark, with tables.
 *
 * The text is hostile. It is never parsed as HTML, it loads nothing (there are no images), and
 * nesting is capped. Half-open markup is fine: a message is rendered again while it streams.
 * This file knows lines; inline.js knows what stands in them.
 */

import { element } from "./dom.js";
import { MAX_DEPTH, inline, visible } from "./inline.js";

const MAX_LENGTH = 200_000;
const FENCE = /^ {0,3}(`{3,}|~{3,}) *([^`]*)$/;
const HEADING = /^ {0,3}(#{1,6}) +(.*?)(?: +#+)? *$/;
const RULE = /^ {0,3}(?:(?:- *){3,}|(?:\* *){3,}|(?:_ *){3,})$/;
const QUOTE = /^ {0,3}> ?/;
const ITEM = /^( *)([-*+]|\d{1,9}[.)])( +|$)/;
const DASHES = /^ *:?-+:? *$/;
/**
 * The nodes of a whole message.
 * @param {string} text
 * @returns {Node[]}
 */
export function render(text) {
  const cut = text.length > MAX_LENGTH;
  const lines = text.slice(0, MAX_LENGTH).replace(/\r\n?/g, "\n").replaceAll("\t", "    ");
  const nodes = blocks(lines.split("\n"), 0);
  if (cut) nodes.push(element("p", {}, "… (the rest is too long to show)"));
  return nodes;
}

/**
 * @param {string[]} lines
 * @param {number} depth
 * @returns {Node[]}
 */
function blocks(lines, depth) {
  const nodes = [];
  for (let at = 0; at < lines.length; ) {
    const [node, next] = block(lines, at, depth);
    if (node) nodes.push(node);
    at = next;
  }
  return nodes;
}

/**
 * The block that starts at line `at`, and the line after it.
 * @param {string[]} lines
 * @param {number} at
 * @param {number} depth
 * @returns {[Node | null, number]}
 */
function block(lines, at, depth) {
  const line = lines[at] ?? "";
  if (line.trim() === "") return [null, at + 1];
  const fence = FENCE.exec(line);
  if (fence) return codeBlock(lines, at, fence[1] ?? "", fence[2] ?? "");
  const heading = HEADING.exec(line);
  if (heading) {
    const level = Math.min(6, (heading[1] ?? "").length + 2); // h1 and h2 belong to the page
    return [element(/** @type {"h3"} */ (`h${level}`), {}, inline(heading[2] ?? "")), at + 1];
  }
  if (RULE.test(line)) return [element("hr"), at + 1];
  if (depth < MAX_DEPTH && QUOTE.test(line)) return quote(lines, at, depth);
  if (depth < MAX_DEPTH && ITEM.test(line)) return list(lines, at, depth);
  if (isTable(lines, at)) return table(lines, at);
  let end = at + 1;
  while (end < lines.length && !interrupts(lines, end)) end++;
  return [element("p", {}, inline(lines.slice(at, end).join("\n"))), end];
}

/**
 * Whether line `at` ends the paragraph above it.
 * @param {string[]} lines
 * @param {number} at
 */
function interrupts(lines, at) {
  const line = lines[at] ?? "";
  const starts = [FENCE, HEADING, RULE, QUOTE, ITEM].some((start) => start.test(line));
  return line.trim() === "" || starts || isTable(lines, at);
}

/**
 * @param {string[]} lines
 * @param {number} at
 * @param {string} fence
 * @param {string} language
 * @returns {[Node, number]}
 */
function codeBlock(lines, at, fence, language) {
  let end = at + 1;
  while (end < lines.length) {
    const line = (lines[end] ?? "").trim();
    if (line.startsWith(fence) && line === fence.charAt(0).repeat(line.length)) break;
    end++;
  }
  const code = element("code", {}, visible(lines.slice(at + 1, end).join("\n")));
  const label = /^[\w+#.-]{1,20}/.exec(language.trim())?.[0] ?? false;
  return [element("pre", { tabindex: 0, "data-language": label }, code), end + 1];
}

/**
 * @param {string[]} lines
 * @param {number} at
 * @param {number} depth
 * @returns {[Node, number]}
 */
function quote(lines, at, depth) {
  let end = at;
  while (end < lines.length && QUOTE.test(lines[end] ?? "")) end++;
  const inner = lines.slice(at, end).map((line) => line.replace(QUOTE, ""));
  return [element("blockquote", {}, blocks(inner, depth + 1)), end];
}

/**
 * A list: items of one kind; deeper lines belong to the item above them.
 * @param {string[]} lines
 * @param {number} at
 * @param {number} depth
 * @returns {[Node, number]}
 */
function list(lines, at, depth) {
  const first = ITEM.exec(lines[at] ?? "");
  const indent = (first?.[1] ?? "").length;
  const ordered = /\d/.test(first?.[2] ?? "");
  const start = Number.parseInt(first?.[2] ?? "1", 10);
  const node = ordered ? element("ol", start === 1 ? {} : { start }) : element("ul");
  let end = at;
  while (end < lines.length) {
    const item = ITEM.exec(lines[end] ?? "");
    if (!item || (item[1] ?? "").length !== indent || /\d/.test(item[2] ?? "") !== ordered) break;
    const inner = [(lines[end] ?? "").slice(item[0].length)];
    const width = Math.max(item[0].length, indent + 2);
    for (end++; end < lines.length && belongs(lines, end, indent); end++) {
      inner.push(unindent(lines[end] ?? "", width));
    }
    node.append(element("li", {}, tight(blocks(inner, depth + 1))));
  }
  return [node, end];
}

/**
 * Whether line `at` continues an item whose mark stands at column `indent`.
 * @param {string[]} lines
 * @param {number} at
 * @param {number} indent
 */
function belongs(lines, at, indent) {
  const line = lines[at] ?? "";
  if (line.trim() === "") return lines[at + 1]?.startsWith(" ".repeat(indent + 2)) ?? false;
  const lazy = !interrupts(lines, at) && lines[at - 1]?.trim() !== "";
  return lazy || line.startsWith(" ".repeat(indent + 2));
}

/**
 * @param {string} line
 * @param {number} width
 */
function unindent(line, width) {
  const spaces = line.length - line.trimStart().length;
  return line.slice(Math.min(spaces, width));
}

/**
 * An item's first paragraph without its <p>, so that short lists are not spread out.
 * @param {Node[]} nodes
 * @returns {Node[]}
 */
function tight(nodes) {
  const [first, ...rest] = nodes;
  return first instanceof HTMLParagraphElement ? [...first.childNodes, ...rest] : nodes;
}

/**
 * @param {string[]} lines
 * @param {number} at
 */
function isTable(lines, at) {
  const below = lines[at + 1] ?? "";
  if (!lines[at]?.includes("|") || !below.includes("-")) return false;
  const dashes = cells(below);
  const fits = dashes.length === cells(lines[at] ?? "").length;
  return fits && dashes.every((cell) => DASHES.test(cell));
}

/** @param {string} line */
function cells(line) {
  const row = line.trim().replace(/^\|/, "").replace(/\|$/, "");
  return row.split("|");
}

/**
 * @param {string[]} lines
 * @param {number} at
 * @returns {[Node, number]}
 */
function table(lines, at) {
  /** @type {(tag: "th" | "td", line: string) => HTMLElement} */
  const row = (tag, line) => {
    const content = cells(line).map((cell) => element(tag, {}, inline(cell.trim())));
    return element("tr", {}, content);
  };
  const head = element("thead", {}, row("th", lines[at] ?? ""));
  const body = element("tbody");
  let end = at + 2;
  for (; lines[end]?.includes("|"); end++) body.append(row("td", lines[end] ?? ""));
  const inner = element("table", {}, head, body);
  return [element("div", { class: "table", tabindex: 0 }, inner), end];
}
