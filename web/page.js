/**
 * The chat page: <inferaived-chat> with a model picker, settings, a drop target and an offline
 * copy. It knows the widget's few properties and events; the conversation is the widget's.
 *
 * The address may say `?model=URL`, which waits for the visitor's Start, `?debug=2`, which tells
 * the console how long each kernel takes, and where the widget holds this page in a frame also
 * `?embed` and `?system=text`.
 */

import { announce } from "./frame.js";
import { keepOffline } from "./offline.js";
import { InferaivedChat } from "./widget.js";

/** @typedef {"localStorage" | "sessionStorage"} Place */

const CONVERSATION = "inferaived-conversation";
const SETTINGS = "inferaived-settings";
const LOCAL = /^(localhost|127\.0\.0\.1)$/;

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
 * @param {string | File[]} [model]  else the demo
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

/**
 * The address of a file, as a person types or copies it, or what is wrong with it.
 * @param {string} text
 * @returns {{ url: string, wrong: string }}
 */
function modelAddress(text) {
  if (!URL.canParse(text, document.baseURI)) return { url: "", wrong: "This is not an address." };
  const url = new URL(text, document.baseURI);
  const safe = url.protocol === "https:" || url.origin === location.origin;
  if (!safe && !(url.protocol === "http:" && LOCAL.test(url.hostname))) {
    return { url: "", wrong: "It must begin with https://, except on this machine." };
  }
  // The address bar of Hugging Face shows a file's page; the file itself is beside it.
  if (url.hostname === "huggingface.co") url.pathname = url.pathname.replace("/blob/", "/resolve/");
  return { url: url.href, wrong: "" };
}

function listenForModels() {
  byId("address", HTMLFormElement).addEventListener("submit", (event) => {
    event.preventDefault();
    const { url, wrong } = modelAddress(address.value.trim());
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

/** A reload keeps the conversation; another tab, or the next visit, begins anew. */
function keepConversation() {
  const stored = recall("sessionStorage", CONVERSATION);
  if (Array.isArray(stored)) chat.messages = stored;
  chat.addEventListener("change", () => remember("sessionStorage", CONVERSATION, chat.messages));
}

// ---- start

chat.debug = Number(parameters.get("debug")) || 0;
const model = parameters.get("model");
if (model) chat.setAttribute("model", modelAddress(model).url);
if (parameters.has("embed")) {
  document.body.classList.add("embed");
  announce();
  chat.system = parameters.get("system") ?? "";
} else {
  listenForModels();
  listenForDrops();
  listenForSettings();
  keepConversation();
  // The demo is small: a newcomer finds it ready. Any other model waits for Start.
  if (!model) void chat.load();
  void keepOffline(chat, byId("update", HTMLElement));
}
