/**
 * The chat page: <inferaived-chat> with a model picker, settings, a drop target and an offline
 * copy. It knows the widget's few properties and events; the conversation is the widget's.
 *
 * The address may say `?model=URL`, which waits for the visitor's Start, `?debug=2`, which tells
 * the console how long each kernel takes, and where the widget holds this page in a frame also
 * `?embed` and `?system=text`.
 */

import { announce } from "../chat/frame.js";
import { modelName } from "../chat/messages.js";
import { InferaivedChat } from "../chat/widget.js";
import { keepOffline } from "../offline/registration.js";
import { modelAddress } from "./address.js";

/** @import { ModelLike } from "../api/client.js" */
/** @import { ChatMessage } from "../base/protocol.js" */
/** @import { Action } from "../chat/notice.js" */

/** @typedef {"localStorage" | "sessionStorage"} Place */

const CONVERSATION = "inferaived-conversation";
const SETTINGS = "inferaived-settings";

const chat = byId("chat", InferaivedChat);
const models = byId("models", HTMLElement);
const settings = byId("settings", HTMLFormElement);
const address = byId("url", HTMLInputElement);
const files = byId("files", HTMLInputElement);
const parameters = new URLSearchParams(location.search);

/**
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} kind
 * @returns {T}
 */
function byId(id, kind) {
  const node = document.getElementById(id);
  if (!(node instanceof kind)) throw new TypeError(`index.html has no #${id}`);
  return node;
}

/**
 * What was remembered, or null: in frames and private windows there may be no storage.
 * @param {Place} place
 * @param {string} key
 */
function recall(place, key) {
  try {
    return JSON.parse(window[place].getItem(key) ?? "null");
  } catch {
    return null;
  }
}

/**
 * @param {Place} place
 * @param {string} key
 * @param {unknown} value
 */
function remember(place, key, value) {
  try {
    window[place].setItem(key, JSON.stringify(value));
  } catch {
    // No storage, or it is full: the page works without.
  }
}

// ---- the model

/**
 * @param {ModelLike} [model]  else the demo
 */
function loadModel(model) {
  models.hidePopover();
  const one = Array.isArray(model) && model.length === 1 ? model[0] : model;
  void chat.load(one ?? new URL("models/demo.gguf", document.baseURI));
  chat.focus();
}

/** @param {FileList | undefined} list */
function loadFiles(list) {
  const parts = [...(list ?? [])].sort((one, other) => one.name.localeCompare(other.name));
  if (parts.length > 0) loadModel(parts);
}

function listenForModels() {
  byId("address", HTMLFormElement).addEventListener("submit", (event) => {
    event.preventDefault();
    const { url, wrong } = modelAddress(address.value, document.baseURI);
    address.setCustomValidity(wrong);
    if (address.reportValidity()) loadModel(url);
  });
  address.addEventListener("input", () => address.setCustomValidity(""));
  files.addEventListener("change", () => {
    loadFiles(files.files ?? undefined);
    files.value = ""; // so that the same file can be chosen again
  });
  byId("demo", HTMLButtonElement).addEventListener("click", () => loadModel());
  const showName = () => {
    byId("name", HTMLElement).textContent = chat.modelName;
  };
  chat.addEventListener("state", showName);
  showName();
}

function listenForDrops() {
  /** @param {DragEvent} event */
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files") ?? false;
  document.addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    document.body.classList.add("dropping");
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) document.body.classList.remove("dropping");
  });
  document.addEventListener("drop", (event) => {
    document.body.classList.remove("dropping");
    if (!hasFiles(event)) return;
    event.preventDefault();
    loadFiles(event.dataTransfer?.files);
  });
}

// ---- settings and conversation

/** Give the chat what the form says; a value out of its range counts as not given. */
function applySettings() {
  /** @type {Record<string, number>} */ const options = {};
  for (const input of settings.querySelectorAll("input")) {
    if (input.value !== "" && input.checkValidity()) options[input.name] = input.valueAsNumber;
  }
  chat.options = options;
  chat.system = settings.querySelector("textarea")?.value.trim() ?? "";
}

function listenForSettings() {
  const fields = () => [...settings.querySelectorAll("textarea, input")].map((node) => {
    return /** @type {HTMLInputElement | HTMLTextAreaElement} */ (node);
  });
  const stored = recall("localStorage", SETTINGS) ?? {};
  for (const field of fields()) field.value = stored[field.name] ?? field.value;
  settings.addEventListener("submit", (event) => event.preventDefault());
  const changed = () => {
    applySettings();
    const values = fields().map(({ name, value }) => [name, value]);
    remember("localStorage", SETTINGS, Object.fromEntries(values));
  };
  settings.addEventListener("input", changed);
  settings.addEventListener("reset", () => queueMicrotask(changed)); // it is reset after this
  applySettings();
}

/**
 * @typedef {object} Held  a conversation as a reload finds it
 * @property {ChatMessage[]} messages
 * @property {string} draft  what was written and not sent
 * @property {string} name  of the model that it was held with
 * @property {string | null} address  of that model; null where it came from this device
 */

/**
 * A reload keeps the conversation; another tab, or the next visit, begins anew.
 * @returns {boolean}  whether it was held with a model that is not going to be loaded by itself
 */
function keepConversation() {
  const stored = /** @type {Held | null} */ (recall("sessionStorage", CONVERSATION));
  const offer = Array.isArray(stored?.messages) ? restored(stored) : null;
  const keep = () => {
    const { messages, draft, modelName: name, model } = chat;
    const address = typeof model === "string" || model instanceof URL ? whole(model) : null;
    remember("sessionStorage", CONVERSATION, { messages, draft, name, address });
  };
  chat.addEventListener("change", () => {
    if (chat.messages.length === 0) offer?.remove();
    keep();
  });
  chat.addEventListener("state", () => {
    if (chat.state === "ready") keep();
  });
  // The question is kept when it is asked; here, what there is of the answer.
  window.addEventListener("pagehide", () => {
    if (chat.state !== "idle") keep();
  });
  return offer !== null;
}

/**
 * @param {Held} stored
 * @returns {HTMLElement | null}  what offers the model again, if it is another one
 */
function restored({ messages, draft, name, address }) {
  const last = messages.at(-1);
  const open = last?.role === "user"; // its answer had not begun: it can be asked again
  chat.messages = open ? messages.slice(0, -1) : messages;
  chat.draft = draft || (open ? (last.content ?? "") : "");
  const next = chat.model;
  if (messages.length === 0 || address === whole(next)) return null;
  const title = `This conversation was held with ${name}.`;
  const others = parameters.get("model") ? modelName(next) : "the demo";
  /** @type {Action} */
  const other = [`Go on with ${others}`, () => loadModel(next)];
  if (address) {
    chat.setAttribute("model", address);
    return chat.tell(title, "It is not loaded now. Start loads it again.", [other]);
  }
  const text = "It came from a file on this device, which has to be chosen again.";
  return chat.tell(title, text, [["Choose the file", () => files.click()], other]);
}

/** @param {ModelLike} address */
function whole(address) {
  return new URL(String(address), document.baseURI).href;
}

// ---- start

/** Offer the model that the page's address names, or say why it cannot be loaded. */
function offerLinkedModel() {
  const text = parameters.get("model");
  if (!text) return;
  const { url, wrong } = modelAddress(text, document.baseURI);
  if (url) chat.setAttribute("model", url);
  else {
    const title = "The model in this page's address cannot be loaded.";
    chat.tell(title, `${text}: ${wrong}`, [["Use the demo", () => loadModel()]]);
  }
}

chat.debug = Number(parameters.get("debug")) || 0;
offerLinkedModel();
if (parameters.has("embed")) {
  document.body.classList.add("embed");
  announce();
  chat.system = parameters.get("system") ?? "";
} else {
  listenForModels();
  listenForDrops();
  listenForSettings();
  const waits = keepConversation();
  // The demo is small: a newcomer finds it ready. Any other model waits for Start.
  if (!waits && !parameters.get("model")) void chat.load();
  void keepOffline(chat, byId("update", HTMLElement));
}
