/**
 * The chat page in a frame, for pages of other origins. A page that restricts what it embeds may
 * refuse the frame, and no event tells. So the page inside says that it is there, and where that
 * does not come the reader gets a link instead of the browser's error.
 */

import { element } from "./dom.js";

const HERE = "inferaived is here";
/** After the frame's load event, which comes for the browser's own error page too. */
const AFTER_LOAD_MS = 1500;
const PATIENCE_MS = 10_000;

/** Tell the page outside, if there is one, that the frame came. */
export function announce() {
  if (window.parent !== window) window.parent.postMessage(HERE, "*");
}

/**
 * The page at `src`, or a link to `alone` as long as the frame does not come.
 *
 * @param {string} src
 * @param {string} alone  the same for a tab of its own
 * @param {AbortSignal} signal  the element is dropped
 * @returns {HTMLElement}
 */
export function framed(src, alone, signal) {
  const box = element("div", { class: "frame" });
  const link = element("a", { href: alone, target: "_blank", rel: "noopener" },
    "Open it in a tab of its own");
  const text = `The chat at ${new URL(src).host} does not come up inside of this page. `
    + "The site may be out of reach, or this page's security policy may keep it out. ";
  const absent = element("p", { class: "absent", role: "status" }, text, link);
  void (async () => {
    // A page with Cross-Origin-Embedder-Policy takes a frame that does not send the same, if the
    // frame has no credentials. It has no kept data either then, so this comes second.
    const anonymous = "credentialless" in HTMLIFrameElement.prototype;
    for (const credentialless of anonymous ? [false, true] : [false]) {
      const frame = element("iframe", {
        src, credentialless, title: "Chat with a language model",
        sandbox: "allow-scripts allow-same-origin allow-forms allow-popups",
      });
      const came = arrival(frame, signal);
      box.replaceChildren(frame);
      if (await came || signal.aborted) return;
    }
    box.replaceChildren(absent);
  })();
  return box;
}

/**
 * Whether the page in a frame says that it is there.
 *
 * @param {HTMLIFrameElement} frame  not in the document yet
 * @param {AbortSignal} signal
 * @returns {Promise<boolean>}
 */
function arrival(frame, signal) {
  const heard = new AbortController();
  /** @type {Promise<boolean>} */
  const came = new Promise((resolve) => {
    const lost = () => resolve(false);
    let timer = setTimeout(lost, PATIENCE_MS);
    frame.addEventListener("load", () => {
      clearTimeout(timer);
      timer = setTimeout(lost, AFTER_LOAD_MS);
    });
    const options = { signal: AbortSignal.any([signal, heard.signal]) };
    window.addEventListener("message", ({ source, data }) => {
      if (source === frame.contentWindow && data === HERE) resolve(true);
    }, options);
    signal.addEventListener("abort", lost, options);
  });
  return came.finally(() => heard.abort());
}
