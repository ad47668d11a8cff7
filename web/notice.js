/**
 * What is said between the messages and the input: start, progress, warnings, problems. DOM only.
 */

import { element } from "./dom.js";
import { visible } from "./links.js";
import { progress } from "./messages.js";

export class Notice {
  element = element("div", { class: "notice" });
  #after;

  /** @param {() => void} after  called when a button here was used, which then goes away */
  constructor(after) {
    this.#after = after;
  }

  clear() {
    this.element.replaceChildren();
  }

  /**
   * @param {string} name  of the model
   * @param {() => void} act
   */
  start(name, act) {
    const title = element("strong", {}, name);
    this.element.append(element("div", { class: "start" }, title, this.#button("Start", act)));
  }

  /**
   * @param {string} name  of the model
   * @param {() => void} cancel
   * @returns {(done: number, total: number) => void}  to be told of the bytes
   */
  progress(name, cancel) {
    const text = element("span", {}, "Starting the engine…");
    const bar = element("progress", { "aria-label": `Loading ${name}`, max: 1 });
    const title = element("strong", {}, name);
    const line = element("div", { class: "line" }, title, text, this.#button("Cancel", cancel));
    this.element.append(element("div", { class: "progress" }, line, bar));
    return (done, total) => {
      text.textContent = progress(done, total);
      bar.setAttribute("aria-valuetext", text.textContent);
      if (total > 0) bar.value = done / total;
    };
  }

  /** @param {string[]} texts */
  warn(texts) {
    const nodes = texts.map((text) => element("p", { class: "warning" }, visible(text)));
    this.element.append(...nodes);
  }

  /**
   * @param {{ message: string, hint: string }} problem
   * @param {() => void} [again]  loads the model again
   */
  problem({ message, hint }, again) {
    const text = [element("strong", {}, visible(message)), element("p", {}, visible(hint))];
    const buttons = again ? [this.#button("Load again", again)] : [];
    const box = element("div", { class: "problem", role: "alert" }, ...text, ...buttons);
    this.element.append(box);
  }

  /**
   * @param {string} label
   * @param {() => void} act
   */
  #button(label, act) {
    const node = element("button", { class: "action", type: "button" }, label);
    node.addEventListener("click", () => {
      act();
      this.#after();
    });
    return node;
  }
}
