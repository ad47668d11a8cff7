/**
 * Registers sw.js for the build that the server has now, and asks before a newer one takes over.
 * It knows the widget's state, so that no answer is cut short; what is kept, copy.js knows.
 */

/** @import { InferaivedChat } from "../chat/widget.js" */

const LOCK = "inferaived-busy"; // copy.js waits for it before it takes over

/**
 * @param {InferaivedChat} chat
 * @param {HTMLElement} prompt  with the button to press
 */
export async function keepOffline(chat, prompt) {
  const workers = navigator.serviceWorker; // absent in private windows and on plain http
  const build = workers && (await buildId());
  if (!build) return;
  holdLock(chat);
  const controlled = workers.controller !== null;
  workers.addEventListener("controllerchange", () => {
    // Every tab changes over, because two builds in one page could not talk to each other. The
    // first visit has nothing to change over from.
    if (controlled) whenFree(chat, () => location.reload());
  });
  try {
    // The build stands in the address: a new build is a new worker.
    const address = `sw.js?build=${encodeURIComponent(build)}`;
    const registration = await workers.register(address, { updateViaCache: "none" });
    registration.addEventListener("updatefound", () => offer(registration, prompt));
    offer(registration, prompt);
  } catch (error) {
    console.info("There will be no offline copy:", error);
  }
}

/** The server's build now, or null: no network, or a folder that build.py did not make. */
async function buildId() {
  try {
    const answer = await fetch("build.json", { cache: "no-store" });
    return answer.ok ? /** @type {string} */ ((await answer.json()).build) : null;
  } catch {
    return null;
  }
}

/**
 * Show the prompt once a new version has come as a whole.
 * @param {ServiceWorkerRegistration} registration
 * @param {HTMLElement} prompt
 */
function offer(registration, prompt) {
  const show = () => {
    if (!registration.waiting || !registration.active) return;
    prompt.hidden = false;
    const button = prompt.querySelector("button");
    if (button) button.onclick = () => registration.waiting?.postMessage({ kind: "takeover" });
  };
  registration.installing?.addEventListener("statechange", show);
  show();
}

/** @param {InferaivedChat} chat */
function busy(chat) {
  return chat.state === "loading" || chat.state === "answering";
}

/**
 * @param {InferaivedChat} chat
 * @param {() => void} act
 */
function whenFree(chat, act) {
  if (!busy(chat)) act();
  else chat.addEventListener("state", () => whenFree(chat, act), { once: true });
}

/**
 * Hold a lock while the model loads or answers, in any tab.
 * @param {InferaivedChat} chat
 */
function holdLock(chat) {
  /** @type {(() => void) | null} */ let release = null;
  const look = () => {
    if (busy(chat) && !release) {
      const { promise, resolve } = Promise.withResolvers();
      release = () => resolve(null);
      void navigator.locks.request(LOCK, { mode: "shared" }, () => promise);
    } else if (!busy(chat)) {
      release?.();
      release = null;
    }
  };
  chat.addEventListener("state", look);
  look();
}
