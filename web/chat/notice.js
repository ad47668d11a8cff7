/**
 * What is said between the messages and the input: start, progress, warnings, problems, and above
 * them what stays until it is answered. DOM only.
 */

import { element } from "./dom.js";
import { visible } from "./links.js";
import { progress } from "./messages.js";

/** @typedef {[label: string, act: () => void]} Action  a button and what it does */

export class Notice {
  #lasting = element("div");
  #passing = element("div");
  element = element("div", { class: "notice" }, this.#lasting, this.#passing);
  #after;

  /** @param {() => void} after  called when a button here was used, which then goes away */
  constructor(after) {
    this.#after = after;
  }

  /** What is not meant to last goes. */
  clear() {
    this.#passing.replaceChildren();
  }

  /** What is meant to last goes, too: another model is there. */
  forget() {
    this.#lasting.replaceChildren();
    this.clear();
  }

  /**
   * Say something that stays, whatever else is said, until one of its buttons is used.
   * @param {string} title
   * @param {string} text
   * @param {Action[]} actions
   * @returns {HTMLElement}  to be removed when it is no longer true
   */
  tell(title, text, actions) {
    const box = element("div", { class: "told", role: "status" });
    this.#lasting.append(box); // before its text: only so is it read out
    const buttons = [...actions, /** @type {Action} */ (["Dismiss", () => {}])];
    box.append(
      element("strong", {}, visible(title)),
      element("p", {}, visible(text)),
      ...buttons.map(([label, act]) => this.#button(label, () => {
        box.remove();
        act();
      })),
    );
    return box;
  }

  /**
   * @param {string} name  of the model
   * @param {() => void} act
   */
  start(name, act) {
    const title = element("strong", {}, name);
    this.#passing.append(element("div", { class: "start" }, title, this.#button("Start", act)));
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
    this.#passing.append(element("div", { class: "progress" }, line, bar));
    return (done, total) => {
      text.textContent = progress(done, total);
      bar.setAttribute("aria-valuetext", text.textContent);
      if (total > 0) bar.value = done / total;
    };
  }

  /** @param {string[]} texts */
  warn(texts) {
    const nodes = texts.map((text) => element("p", { class: "warning" }, visible(text)));
    this.#passing.append(...nodes);
  }

  /**
   * @param {{ message: string, where: string, hint: string }} problem
   * @param {Action[]} actions  what may be done about it
   */
  problem({ message, where, hint }, actions) {
    const text = [element("strong", {}, visible(message))];
    if (where !== "") text.push(element("p", { class: "where" }, visible(where)));
    if (hint !== "") text.push(element("p", {}, visible(hint)));
    const buttons = actions.map(([label, act]) => this.#button(label, act));
    const box = element("div", { class: "problem", role: "alert" }, ...text, ...buttons);
    this.#passing.append(box);
    this.element.scrollTop = this.element.scrollHeight;
  }

  /** Lead to the first thing that can be done here. */
  focus() {
    this.element.querySelector("button")?.focus();
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
