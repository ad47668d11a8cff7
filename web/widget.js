/**
 * <inferaived-chat model="models/some.gguf" system="…">: a chat with a model on this machine.
 *
 *     <script type="module" src="https://…/widget.js"></script>
 *     <inferaived-chat model="https://…/model.gguf"></inferaived-chat>
 *
 * DOM and events; it knows messages and the client, not Python and not the GPU. Nothing is loaded
 * before the visitor presses Start or sends a message. Where the script comes from another origin
 * than the page, the element holds a frame on that origin: our worker and policy stay ours, and
 * neither side can reach into the other.
 */

import { load } from "./client.js";
import { element, icon } from "./dom.js";
import { framed } from "./frame.js";
import { facts, modelName, problem, replyNote } from "./messages.js";
import { Notice } from "./notice.js";
import { Transcript } from "./transcript.js";

/** @import { Engine, ModelLike } from "./client.js" */
/** @import { ChatMessage, Options } from "./protocol.js" */
/** @import { Reply } from "./transcript.js" */

/** @typedef {"idle" | "loading" | "ready" | "answering" | "failed"} State */

const HERE = new URL(".", import.meta.url);
const DEMO = new URL("models/demo.gguf", HERE).href;
const ARROW_UP = "M12 19V5M6 11l6-6 6 6";
const SQUARE = "M7 7h10v10H7z";

/** The events are `state` (see `state`) and `change` (see `messages`). */
export class InferaivedChat extends HTMLElement {
  static observedAttributes = ["model"];
  /** Sampling options of the next reply. @type {Options} */ options = {};
  /** What the next load tells the console: see protocol.js. */ debug = 0;
  /** @type {ChatMessage[]} */ #messages = [];
  /** @type {State} */ #state = "idle";
  /** @type {ModelLike | null} */ #model = null;
  #name = "";
  /** @type {Promise<Engine | null> | null} */ #engine = null;
  /** @type {AbortController | null} */ #loading = null;
  /** @type {AbortController | null} */ #replying = null;
  /** @type {AbortController | null} */ #framed = null;
  #transcript = new Transcript();
  #notice = new Notice(() => this.focus());
  #input = element("textarea", {
    rows: 1, placeholder: "Message", "aria-label": "Message", enterkeyhint: "send",
  });
  #send = button("Send", ARROW_UP, "submit");
  #stop = button("Stop", SQUARE, "button");
  #facts = element("p", { class: "facts" });
  #fresh = element("button", { class: "quiet", type: "button" }, "New conversation");
  #status = element("p", { class: "status", role: "status" });

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open" });
    const href = new URL("widget.css", HERE).href;
    const style = element("link", { rel: "stylesheet", href, crossorigin: "anonymous" });
    if (HERE.origin === location.origin) {
      const form = element("form", { class: "composer" }, this.#input, this.#send, this.#stop);
      const foot = element("div", { class: "foot" }, this.#facts, this.#fresh);
      const parts = [this.#transcript.element, this.#notice.element, form, foot, this.#status];
      const name = { class: "chat", "aria-label": "Chat", hidden: true };
      const chat = element("section", name, ...parts);
      const show = () => (chat.hidden = false); // not before its style is there
      style.addEventListener("load", show);
      style.addEventListener("error", show);
      setTimeout(show, 8000); // it may neither come nor fail
      root.append(style, chat);
      this.#listen(form);
    } else {
      root.append(style);
    }
  }

  connectedCallback() {
    if (HERE.origin !== location.origin) this.#embed();
    else this.#show(this.#state);
  }

  attributeChangedCallback() {
    if (this.isConnected && this.#state === "idle") this.connectedCallback();
  }

  disconnectedCallback() {
    this.stop();
    this.#framed?.abort();
    this.#unload();
    this.#state = "idle";
  }

  /** The whole product in a frame on the script's own origin. */
  #embed() {
    const page = new URL("index.html", HERE);
    page.searchParams.set("model", new URL(this.#chosen().toString(), document.baseURI).href);
    const alone = page.href;
    page.searchParams.set("embed", "");
    page.searchParams.set("system", this.system);
    this.#framed?.abort();
    this.#framed = new AbortController();
    this.shadowRoot?.querySelector(".frame")?.remove();
    this.shadowRoot?.append(framed(page.href, alone, this.#framed.signal));
  }

  /** @param {HTMLFormElement} form */
  #listen(form) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const text = this.#input.value.trim();
      if (text === "" || this.#replying) return;
      this.#input.value = "";
      void this.send(text);
    });
    this.#input.addEventListener("keydown", (event) => {
      // While an input method composes, Enter picks its candidate (229: Safari says so only there).
      const composing = event.isComposing || event.keyCode === 229;
      if (event.key !== "Enter" || event.shiftKey || composing) return;
      event.preventDefault();
      form.requestSubmit();
    });
    this.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !event.isComposing) this.stop();
    });
    this.#stop.addEventListener("click", () => this.stop());
    this.#fresh.addEventListener("click", () => {
      this.messages = [];
      this.#input.focus();
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

  /** The conversation so far, without the system message. @returns {ChatMessage[]} */
  get messages() {
    return structuredClone(this.#messages);
  }

  set messages(messages) {
    this.stop();
    this.#replying = null; // a reply that still runs belongs to no conversation now
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
    this.#input.focus();
  }

  /** What the model is called: as it says itself once it is loaded, else its file. */
  get modelName() {
    return this.#name || modelName(this.#chosen());
  }

  #chosen() {
    return this.#model ?? (this.getAttribute("model") || DEMO);
  }

  /**
   * Load a model, instead of the one that is loaded. Problems are shown, not thrown.
   * @param {ModelLike} [model]  else the attribute's
   * @returns {Promise<Engine | null>}  null if it failed or was cancelled
   */
  load(model) {
    if (this.#state === "answering") this.stop();
    this.#unload();
    this.#model = model ?? this.#chosen();
    this.#engine = this.#load(this.#model, (this.#loading = new AbortController()));
    return this.#engine;
  }

  /**
   * @param {ModelLike} model
   * @param {AbortController} loading
   */
  async #load(model, loading) {
    this.#show("loading");
    const bar = this.#notice.progress(this.modelName, () => this.cancel());
    this.#say(`Loading the model ${this.modelName}.`);
    /** @type {(done: number, total: number) => void} */
    const onProgress = (done, total) => {
      if (loading === this.#loading) bar(done, total);
    };
    try {
      const { debug } = this;
      const engine = await load(model, { signal: loading.signal, onProgress, debug });
      if (loading === this.#loading) {
        this.#ready(engine);
        return engine;
      }
      await engine.close();
    } catch (error) {
      if (loading === this.#loading) this.#fail(error);
    }
    return null;
  }

  /** @param {Engine} engine */
  #ready({ info }) {
    this.#name = info.name;
    this.#facts.textContent = facts(info);
    this.#say(`The model ${info.name} is ready.`);
    this.#show("ready");
    this.#notice.warn(info.warnings);
  }

  /** End the load that runs, and what waits for it. */
  cancel() {
    this.stop();
    this.#unload();
    this.#show("idle");
    this.#say("Loading was cancelled.");
  }

  #unload() {
    this.#loading?.abort();
    this.#loading = null;
    const old = this.#engine;
    this.#engine = null;
    this.#facts.textContent = this.#name = "";
    old?.then((engine) => engine?.close()).catch(() => {}); // a dead worker is closed already
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
    const replying = (this.#replying = new AbortController());
    if (this.#messages.length === 0) this.#transcript.clear();
    this.#messages.push({ role: "user", content: text });
    const question = this.#transcript.addQuestion(text);
    const reply = this.#transcript.addReply();
    this.#show(this.#state);
    const engine = await this.#waited(replying.signal);
    const { failure, warnings } = engine ? await this.#answer(engine, reply, replying.signal) : {};
    if (this.#replying !== replying) return; // the conversation was replaced meanwhile
    this.#replying = null;
    if (reply.ended) {
      this.#messages.push({ role: "assistant", content: reply.text });
    } else {
      // Templates want user and assistant in turn: a question without an answer is taken back.
      this.#messages.pop();
      question.remove();
      reply.element.remove();
      this.#input.value ||= text;
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
      const engine = await Promise.race([this.#engine ?? this.load(), stopped]);
      // Still loading: another model was chosen meanwhile, and is the one to wait for.
      if (engine || signal.aborted || this.#state !== "loading") return engine;
    }
  }

  /**
   * @param {Engine} engine
   * @param {Reply} reply
   * @param {AbortSignal} signal
   * @returns {Promise<{ failure?: unknown, warnings?: string[] }>}  what went wrong or is odd
   */
  async #answer(engine, reply, signal) {
    const system = this.system === "" ? [] : [{ role: "system", content: this.system }];
    let tokens = 0;
    let first = 0;
    const speed = () => (tokens > 1 ? ((tokens - 1) * 1000) / (performance.now() - first) : 0);
    this.#show("answering");
    this.#say("Generating…");
    try {
      const stream = engine.reply([...system, ...this.#messages], { ...this.options, signal });
      for await (const { text, ids } of stream) {
        first ||= performance.now();
        tokens += ids.length;
        reply.append(text, replyNote(tokens, speed()));
      }
      const { text, ids, finish_reason: reason, timings, warnings } = await stream.result;
      if (text === "" && reason === "abort") return { warnings };
      reply.text = text;
      reply.end(replyNote(ids.length, timings.decode_tok_s ?? speed(), reason));
      this.#say(text);
      return { warnings };
    } catch (error) {
      const why = signal.aborted ? "abort" : "error";
      if (reply.text !== "") reply.end(replyNote(tokens, speed(), why));
      return signal.aborted ? {} : { failure: error };
    }
  }

  /** @param {unknown} error */
  #fail(error) {
    console.warn(error); // with the trace, for whoever looks for it
    const found = problem(error);
    if (found.fatal) this.#unload();
    this.#show(found.fatal ? "failed" : this.#state);
    this.#notice.problem(found, found.fatal ? () => void this.load() : undefined);
  }

  /**
   * Draw what a state looks like; what is said below the messages starts empty.
   * @param {State} state
   */
  #show(state) {
    const changed = state !== this.#state;
    this.#state = state;
    this.#send.hidden = this.#replying !== null;
    this.#stop.hidden = this.#replying === null;
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

/**
 * @param {string} label
 * @param {string} path
 * @param {"submit" | "button"} type
 */
function button(label, path, type) {
  const name = { class: label.toLowerCase(), "aria-label": label, title: label };
  return element("button", { ...name, type, hidden: type === "button" }, icon(path));
}

customElements.define("inferaived-chat", InferaivedChat);
