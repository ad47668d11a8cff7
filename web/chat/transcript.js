/**
 * The list of messages: what was asked, what the model says, and staying at the newest line.
 * It knows DOM only; neither the engine nor what the messages mean.
 */

import { element, icon, patch } from "./dom.js";
import { visible } from "./links.js";
import { Growing } from "./markdown.js";

const NEAR = 48; // so many pixels above the end count as back at the end
const HAND_MS = 1500; // how long after a reader's move a scroll may be theirs
const ARROW_DOWN = "M12 5v14M6 13l6 6 6-6";

export class Transcript {
  #list;
  #latest;
  #following = true;
  #top = 0;
  #moved = -HAND_MS;

  constructor() {
    // A live region would read every token out: widget.js announces whole replies instead.
    this.#list = element("div", {
      class: "log", role: "log", "aria-live": "off", "aria-label": "Conversation", tabindex: 0,
    });
    this.#latest = element("button", {
      class: "latest", type: "button", hidden: true, "aria-label": "Go to the newest message",
    }, icon(ARROW_DOWN));
    this.element = element("div", { class: "transcript" }, this.#list, this.#latest);
    this.#list.addEventListener("scroll", () => this.#look());
    for (const move of ["wheel", "touchmove", "pointerdown", "keydown"]) {
      const note = () => void (this.#moved = performance.now());
      this.#list.addEventListener(move, note, { passive: true });
    }
    this.#latest.addEventListener("click", () => this.#follow());
    new ResizeObserver(() => this.scroll()).observe(this.#list);
  }

  /** Whoever scrolls up is reading: do not move the text under them until they are back. */
  #look() {
    const { scrollHeight, scrollTop, clientHeight } = this.#list;
    const left = scrollHeight - scrollTop - clientHeight;
    // Only a reader's move ends it: the browser scrolls by itself where the list grows or shrinks.
    const theirs = performance.now() - this.#moved < HAND_MS;
    if (theirs && scrollTop < this.#top) this.#following = left < 2;
    else if (left < NEAR) this.#following = true;
    this.#top = scrollTop;
    this.#latest.hidden = this.#following;
  }

  #follow() {
    this.#following = true;
    this.scroll();
    this.#list.focus();
  }

  /** Show the end, if the reader is there already. */
  scroll() {
    if (this.#following) this.#list.scrollTop = this.#list.scrollHeight;
    this.#look();
  }

  /** @param {Node[]} nodes  what stands here instead of messages */
  clear(...nodes) {
    this.#list.replaceChildren(...nodes);
  }

  /** @param {string} text */
  addQuestion(text) {
    const body = element("div", { class: "text", dir: "auto" }, visible(text));
    const message = element("article", { class: "message user", "aria-label": "You" }, body);
    this.#list.append(message);
    this.#following = true;
    this.scroll();
    return message;
  }

  addReply() {
    const reply = new Reply(() => this.scroll());
    this.#list.append(reply.element);
    this.scroll();
    return reply;
  }

  /** @param {boolean} busy  whether a message is still being written */
  set busy(busy) {
    this.#list.setAttribute("aria-busy", String(busy));
  }
}

/** One message of the model, as it grows. */
export class Reply {
  text = "";
  ended = false;
  #drawn = "";
  #markdown = new Growing();
  #frame = 0;
  #due = 0; // when drawing may begin again
  #grown;
  #body = element("div", { class: "text", dir: "auto" });
  #note = element("p", { class: "note" });

  /** @param {() => void} grown  called after the message has become longer */
  constructor(grown) {
    this.#grown = grown;
    const label = { class: "message model writing", "aria-label": "Model" };
    this.element = element("article", label, this.#body, this.#note);
  }

  /** @param {string} text  @param {string} note  what stands below, such as the speed */
  append(text, note) {
    this.text += text;
    this.#note.textContent = note;
    this.#frame ||= requestAnimationFrame((now) => this.#drawDue(now));
  }

  /** @param {string} note */
  end(note) {
    cancelAnimationFrame(this.#frame);
    this.ended = true;
    this.element.classList.remove("writing");
    this.#note.textContent = note;
    this.#draw();
  }

  /** @param {string} text  a message of an earlier visit */
  restore(text) {
    this.text = text;
    this.end("");
  }

  /**
   * Tokens come faster than frames: draw once per frame, not at all in a hidden tab, and never for
   * more than a third of the time, however long a list or a paragraph gets.
   * @param {number} now
   */
  #drawDue(now) {
    if (now < this.#due) {
      this.#frame = requestAnimationFrame((later) => this.#drawDue(later));
      return;
    }
    this.#draw();
    const end = performance.now();
    this.#due = end + 2 * (end - now);
  }

  #draw() {
    this.#frame = 0;
    if (this.text !== this.#drawn) patch(this.#body, this.#markdown.nodes(this.text));
    this.#drawn = this.text;
    this.#grown();
  }
}
