/**
 * <inferaived-chat model="models/some.gguf" system="…">: a chat with a model on this machine.
 *
 * DOM and events; it knows messages and the client, not Python and not the GPU. Nothing is loaded
 * before the visitor presses Start or sends a message. Where the script comes from another origin
 * than the page, the element holds a frame on that origin: our worker and policy stay ours, and
 * neither side can reach into the other.
 */

import { answer } from "./answer.js";
import { Composer } from "./composer.js";
import { element } from "./dom.js";
import { framed } from "./frame.js";
import { facts, formatNotice, modelName, problem } from "./messages.js";
import { Notice } from "./notice.js";
import { Slot } from "./slot.js";
import { Transcript } from "./transcript.js";

/** @import { Engine, ModelLike } from "../api/client.js" */
/** @import { ChatMessage, Info, Options } from "../base/protocol.js" */
/** @import { Action } from "./notice.js" */
/** @import { Reply } from "./transcript.js" */

/** @typedef {"idle" | "loading" | "ready" | "answering" | "failed"} State */

const SITE = new URL("../", import.meta.url);
const DEMO = new URL("models/demo.gguf", SITE).href;

/** The events are `state` (see `state`) and `change` (see `messages`). */
export class InferaivedChat extends HTMLElement {
  static observedAttributes = ["model"];
  /** Sampling options of the next reply. @type {Options} */ options = {};
  /** What the next load tells the console: see protocol.js. */ debug = 0;
  /** @type {ChatMessage[]} */ #messages = [];
  /** @type {State} */ #state = "idle";
  /** What is to be loaded. @type {ModelLike | null} */ #model = null;
  #name = "";
  #slot = new Slot();
  /** @type {Promise<Engine | null> | null} */ #loading = null;
  /** @type {AbortController | null} */ #replying = null;
  /** What is being written. @type {Reply | null} */ #reply = null;
  /** @type {AbortController | null} */ #framed = null;
  #transcript = new Transcript();
  #notice = new Notice(() => this.focus());
  #composer = new Composer((text) => void this.send(text), () => this.stop());
  #facts = element("p", { class: "facts" });
  #fresh = element("button", { class: "quiet", type: "button" }, "New conversation");
  #status = element("p", { class: "status", role: "status" });

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open" });
    const href = new URL("widget.css", import.meta.url).href;
    const style = element("link", { rel: "stylesheet", href, crossorigin: "anonymous" });
    if (SITE.origin === location.origin) {
      const foot = element("div", { class: "foot" }, this.#facts, this.#fresh);
      const parts = [this.#transcript, this.#notice, this.#composer].map((part) => part.element);
      const name = { class: "chat", "aria-label": "Chat", hidden: true };
      const chat = element("section", name, ...parts, foot, this.#status);
      const show = () => (chat.hidden = false); // not before its style is there
      style.addEventListener("load", show);
      style.addEventListener("error", show);
      setTimeout(show, 8000); // it may neither come nor fail
      root.append(style, chat);
      this.#listen();
    } else {
      root.append(style);
    }
  }

  connectedCallback() {
    if (SITE.origin !== location.origin) this.#embed();
    else this.#show(this.#state);
  }

  attributeChangedCallback() {
    if (this.isConnected && this.#state === "idle") this.connectedCallback();
  }

  disconnectedCallback() {
    this.stop();
    this.#framed?.abort();
    this.#slot.end();
    this.#state = "idle";
  }

  /** The whole product in a frame on the script's own origin. */
  #embed() {
    const page = new URL("index.html", SITE);
    page.searchParams.set("model", new URL(this.#chosen().toString(), document.baseURI).href);
    const alone = page.href;
    page.searchParams.set("embed", "");
    page.searchParams.set("system", this.system);
    this.#framed?.abort();
    this.#framed = new AbortController();
    this.shadowRoot?.querySelector(".frame")?.remove();
    this.shadowRoot?.append(framed(page.href, alone, this.#framed.signal));
  }

  #listen() {
    this.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !event.isComposing) this.stop();
    });
    this.#fresh.addEventListener("click", () => {
      this.messages = [];
      this.focus();
    });
  }

  /** What it is doing. @returns {State} */
  get state() {
    return this.#state;
  }

  /** What is put before each conversation; empty for nothing. @returns {string} */
  get system() {
    return this.getAttribute("system") ?? "";
  }

  set system(text) {
    this.setAttribute("system", text);
  }

  /** What is written and not sent. @returns {string} */
  get draft() {
    return this.#composer.text;
  }

  set draft(text) {
    this.#composer.text = text;
  }

  /**
   * The conversation so far, without the system message; of a reply that is being written what
   * there is.
   * @returns {ChatMessage[]}
   */
  get messages() {
    const content = this.#reply?.text ?? "";
    const written = content === "" ? [] : [{ role: "assistant", content }];
    return structuredClone([...this.#messages, ...written]);
  }

  set messages(messages) {
    this.stop();
    this.#replying = this.#reply = null; // a reply that still runs belongs to no conversation now
    this.#messages = structuredClone(messages);
    this.#transcript.clear();
    for (const { role, content } of messages) {
      if (role === "user") this.#transcript.addQuestion(content ?? "");
      else this.#transcript.addReply().restore(content ?? "");
    }
    this.#show(this.#state === "answering" ? "ready" : this.#state);
    this.dispatchEvent(new Event("change"));
  }

  focus() {
    this.#composer.focus();
  }

  /** What the model is called: as it says itself once it is loaded, else its file. */
  get modelName() {
    return this.#name || modelName(this.#chosen());
  }

  /** The model that is loaded, or will be. @returns {ModelLike} */
  get model() {
    return this.#chosen();
  }

  #chosen() {
    return this.#model ?? (this.getAttribute("model") || DEMO);
  }

  /**
   * Say something above the input that stays until one of its buttons is used or a model is ready.
   * @param {string} title
   * @param {string} text
   * @param {Action[]} actions  besides Dismiss
   * @returns {HTMLElement}  to be removed when it is no longer true
   */
  tell(title, text, actions) {
    return this.#notice.tell(title, text, actions);
  }

  /**
   * Load a model, instead of the one that is loaded. Problems are shown, not thrown.
   * @param {ModelLike} [model]  else the attribute's
   * @returns {Promise<Engine | null>}  null if it failed or was cancelled
   */
  load(model) {
    if (this.#state === "answering") this.stop();
    this.#model = model ?? this.#chosen();
    this.#facts.textContent = this.#name = "";
    const loading = this.#load(this.#model, () => loading === this.#loading);
    return (this.#loading = loading);
  }

  /**
   * @param {ModelLike} model
   * @param {() => boolean} current  whether no other load has begun since
   */
  async #load(model, current) {
    this.#show("loading");
    this.#notice.clear(); // also of another load
    const bar = this.#notice.progress(this.modelName, () => this.cancel());
    this.#say(`Loading the model ${this.modelName}.`);
    try {
      const engine = await this.#slot.load(model, this.debug, (done, total) => {
        if (current()) bar(done, total);
      });
      if (!current()) return null;
      this.#loading = null;
      if (engine) this.#ready(engine.info);
      else this.#settle("idle");
      return engine;
    } catch (error) {
      if (!current()) return null;
      this.#loading = null;
      console.warn(error); // with the trace, for developers
      this.#settle("failed");
      const found = problem(error);
      if (this.#slot.engine) found.hint = `${found.hint} ${this.#name} is still loaded.`.trim();
      this.#notice.problem(found, this.#ways(model));
      return null;
    }
  }

  /**
   * After a load that came to nothing: back to the model that is still there, if there is one.
   * @param {State} state  where none is
   */
  #settle(state) {
    const { engine, model } = this.#slot;
    if (engine) [this.#model, this.#name] = [model, engine.info.name];
    if (engine) this.#facts.textContent = facts(engine.info);
    else this.#notice.forget();
    this.#show(engine ? "ready" : state);
  }

  /**
   * What can be done where a model is not there: load it again, or the one that worked.
   * @param {ModelLike} model
   * @returns {Action[]}
   */
  #ways(model) {
    const { engine, model: worked } = this.#slot;
    /** @type {Action} */
    const again = ["Load again", () => void this.load(model)];
    if (engine || !worked || worked === model) return [again];
    return [again, [`Back to ${modelName(worked)}`, () => void this.load(worked)]];
  }

  /** @param {Info} info */
  #ready(info) {
    this.#name = info.name;
    this.#facts.textContent = facts(info);
    this.#say(`The model ${info.name} is ready.`);
    this.#show("ready");
    this.#notice.forget();
    this.#notice.warn(info.warnings);
    const format = formatNotice(info);
    if (format) this.tell(format.title, format.text, []);
  }

  /** End the load that runs, and what waits for it. */
  cancel() {
    this.stop();
    this.#slot.cancel();
    this.#say("Loading was cancelled.");
  }

  /** End the reply that runs; what was said so far stays. */
  stop() {
    this.#replying?.abort();
  }

  /**
   * Ask the model. It is loaded first if need be.
   * @param {string} text
   */
  async send(text) {
    if (this.#replying) return;
    if (this.#state === "failed" && !this.#slot.model) {
      this.#composer.text ||= text; // to load again what has just failed is for a person to say
      this.#notice.focus();
      return;
    }
    const replying = (this.#replying = new AbortController());
    if (this.#messages.length === 0) this.#transcript.clear();
    this.#messages.push({ role: "user", content: text });
    const question = this.#transcript.addQuestion(text);
    const reply = (this.#reply = this.#transcript.addReply());
    this.#show(this.#state);
    this.dispatchEvent(new Event("change"));
    const engine = await this.#waited(replying.signal);
    const { failure, warnings } = engine ? await this.#answer(engine, reply, replying.signal) : {};
    if (this.#replying !== replying) return; // the conversation was replaced meanwhile
    this.#replying = this.#reply = null;
    if (reply.ended) {
      if (!failure) this.#say(reply.text);
      this.#messages.push({ role: "assistant", content: reply.text });
    } else {
      // Templates want user and assistant in turn: a question without an answer is taken back.
      this.#messages.pop();
      question.remove();
      reply.element.remove();
      this.#composer.text ||= text;
    }
    this.#show(this.#state === "answering" ? "ready" : this.#state);
    this.#notice.warn(warnings ?? []);
    if (failure) this.#fail(failure);
    this.dispatchEvent(new Event("change"));
  }

  /**
   * The engine as soon as it is loaded, or null if it fails or the signal comes first.
   * @param {AbortSignal} signal
   */
  async #waited(signal) {
    /** @type {Promise<null>} */
    const stopped = new Promise((resolve) => {
      signal.addEventListener("abort", () => resolve(null));
    });
    for (;;) {
      // Where a load failed, it is not tried again: the model that worked is.
      const failed = this.#state === "failed" && this.#slot.model;
      const there = this.#loading ?? this.#slot.engine;
      const engine = await Promise.race([there ?? this.load(failed || undefined), stopped]);
      // Still loading: another model was chosen meanwhile, and is the one to wait for.
      if (engine || signal.aborted || this.#state !== "loading") return engine;
    }
  }

  /**
   * @param {Engine} engine
   * @param {Reply} reply
   * @param {AbortSignal} signal
   */
  #answer(engine, reply, signal) {
    const system = this.system === "" ? [] : [{ role: "system", content: this.system }];
    this.#show("answering");
    this.#say("Generating…");
    return answer(engine, [...system, ...this.#messages], { ...this.options, signal }, reply);
  }

  /**
   * A reply that came to nothing.
   * @param {unknown} error
   */
  #fail(error) {
    console.warn(error); // with the trace, for developers
    const found = problem(error);
    if (found.fatal) this.#slot.end();
    if (found.fatal) this.#facts.textContent = this.#name = "";
    this.#show(found.fatal ? "failed" : this.#state);
    this.#notice.problem(found, found.fatal ? this.#ways(this.#chosen()) : []);
  }

  /**
   * Draw what a state looks like; what is said below the messages starts empty.
   * @param {State} state
   */
  #show(state) {
    const changed = state !== this.#state;
    this.#state = state;
    this.#composer.busy = this.#replying !== null;
    this.#fresh.hidden = this.#messages.length === 0;
    this.#transcript.busy = this.#replying !== null;
    if (changed || state === "idle") this.#notice.clear();
    if (state === "idle") this.#notice.start(this.modelName, () => void this.load());
    if (this.#messages.length === 0) this.#transcript.clear(this.#welcome());
    this.#transcript.scroll();
    if (changed) this.dispatchEvent(new Event("state"));
  }

  #welcome() {
    const title = element("p", { class: "title" }, "Ask the model anything");
    const text = "It runs on this machine. What you write and what it answers stay here.";
    return element("div", { class: "welcome" }, title, element("p", {}, text));
  }

  /**
   * For screen readers: one announcement, not one per token.
   * @param {string} text
   */
  #say(text) {
    this.#status.textContent = text;
  }
}

customElements.define("inferaived-chat", InferaivedChat);
