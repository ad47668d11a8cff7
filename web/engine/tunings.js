/**
 * Texts that the engine keeps in this browser from load to load: what was tuned for this GPU.
 * Without storage, in a private window perhaps, nothing is kept and nothing is said.
 */

const CACHE = "inferaived-tunings";

export const tunings = {
  /** @param {string} key  @returns {Promise<string>} what was put there, or nothing */
  async get(key) {
    try {
      const found = await (await caches.open(CACHE)).match(address(key));
      return found ? await found.text() : "";
    } catch {
      return "";
    }
  },

  /** @param {string} key  @param {string} text */
  async put(key, text) {
    try {
      await (await caches.open(CACHE)).put(address(key), new Response(text));
    } catch {
      // it is found again at the next load
    }
  },
};

/**
 * No file: a name for what is kept. A new version of the browser may compile otherwise.
 *
 * @param {string} key
 */
function address(key) {
  const name = encodeURIComponent(`${navigator.userAgent} ${key}`);
  return new URL(`../tunings?${name}`, import.meta.url);
}
