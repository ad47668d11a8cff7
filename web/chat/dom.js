/**
 * Building DOM nodes by hand: the only way anything gets on the page.
 * It takes text as text and knows no HTML, so no string can become markup here.
 */

/**
 * An element with attributes and children. `true` sets an empty attribute, `false` none. Long
 * lists of children come as arrays: a call takes no more than some 60,000 arguments.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, string | number | boolean>} [attributes]
 * @param {(Node | string | Node[])[]} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== false) node.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children.flat()) node.append(child);
  return node;
}

/**
 * A 24 × 24 line drawing that screen readers skip.
 * @param {string} path
 */
export function icon(path) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const line = document.createElementNS(space, "path");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}

/**
 * The same children with as few changed nodes as possible: a streamed message keeps its finished
 * paragraphs, and with them the reader's selection.
 * @param {Element} parent
 * @param {Node[]} next
 */
export function patch(parent, next) {
  const old = [...parent.childNodes];
  let same = 0;
  for (; same < Math.min(old.length, next.length); same++) {
    const [have, want] = [old[same], /** @type {Node} */ (next[same])];
    if (have !== want && !have?.isEqualNode(want)) break;
  }
  for (const node of old.slice(same)) node.remove();
  for (const node of next.slice(same)) parent.append(node);
}
