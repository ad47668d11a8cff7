/**
 * What of a stranger's text may be seen and clicked: characters without a picture are shown by
 * their code, and links go to http, https and mailto only, with the host in sight.
 */

import { element } from "./dom.js";

const SCHEMES = new Set(["http:", "https:", "mailto:"]);
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
 * The address if a link may go there. Only absolute ones: relative ones would be our own pages.
 * @param {string} text
 */
export function address(text) {
  const url = URL.canParse(text) ? new URL(text) : null;
  return url && SCHEMES.has(url.protocol) ? url : null;
}

/**
 * A link that shows where it goes: its host follows, unless the label is plainly the address.
 * @param {URL} url
 * @param {Node[]} content
 */
export function anchor(url, content) {
  const label = content.map((node) => node.textContent).join("");
  const host = url.protocol === "mailto:" ? url.pathname : url.host;
  const told = label === host || label === url.origin || label.startsWith(`${url.origin}/`);
  const rest = told ? [] : [element("span", { class: "host" }, ` (${visible(host)})`)];
  const attributes = { href: url.href, target: "_blank", rel: "noopener noreferrer nofollow" };
  return element("a", attributes, content, rest);
}
