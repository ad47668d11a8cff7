/**
 * Where a person writes: the text, Send, and Stop in its place while a reply is written. DOM only.
 */

import { element, icon } from "./dom.js";

const ARROW_UP = "M12 19V5M6 11l6-6 6 6";
const SQUARE = "M7 7h10v10H7z";

export class Composer {
  #input = element("textarea", {
    rows: 1, placeholder: "Message", "aria-label": "Message", enterkeyhint: "send",
  });
  #send = button("Send", ARROW_UP, "submit");
  #stop = button("Stop", SQUARE, "button");
  #busy = false;
  element = element("form", { class: "composer" }, this.#input, this.#send, this.#stop);

  /**
   * @param {(text: string) => void} send  called with a text that is not empty
   * @param {() => void} stop
   */
  constructor(send, stop) {
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      const text = this.text.trim();
      if (text === "" || this.#busy) return;
      this.text = "";
      send(text);
    });
    this.#input.addEventListener("keydown", (event) => {
      // While an input method composes, Enter picks its candidate (229: Safari says so only there).
      const composing = event.isComposing || event.keyCode === 229;
      if (event.key !== "Enter" || event.shiftKey || composing) return;
      event.preventDefault();
      this.element.requestSubmit();
    });
    this.#stop.addEventListener("click", stop);
  }

  /** What is written and not sent. */
  get text() {
    return this.#input.value;
  }

  set text(text) {
    this.#input.value = text;
  }

  /** @param {boolean} busy  whether a reply is being written */
  set busy(busy) {
    this.#busy = busy;
    this.#send.hidden = busy;
    this.#stop.hidden = !busy;
  }

  focus() {
    this.#input.focus();
  }
}

/**
 * @param {string} label
 * @param {string} path
 * @param {"submit" | "button"} type
 */
function button(label, path, type) {
  const name = { class: label.toLowerCase(), "aria-label": label, title: label };
  return element("button", { ...name, type, hidden: type === "button" }, icon(path));
}
