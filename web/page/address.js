/**
 * The address of a model's file, as people type, copy and link it. Pure text, no DOM.
 */

const THIS_MACHINE = /^(localhost|127\.0\.0\.1|\[::1\])(:|\/|$)/;
const HUB = "https://huggingface.co/";
/** owner/repository, and what comes after: a path in it, or the short name of a type. */
const REPOSITORY = /^([\w-][\w.-]*\/[\w-][\w.-]*)([:/].*)?$/s;
/** An address without its scheme: a host has a dot, or is this machine. */
const HOST = /^([\w-]+(\.[\w-]+)*\.[a-z]{2,}|localhost|127\.0\.0\.1)(:\d+)?\//i;
const FILE = /\.gguf(?:[?#]|$)/i;
const FILE_WANTED = "This names a repository of Hugging Face, not a file in it. Open its list of "
  + "files and copy the address of one that ends in .gguf, or write owner/repository/file.gguf.";

/**
 * The file's absolute address, or what is wrong with the text and what to write instead.
 *
 * `owner/repository/file.gguf`, with or without `hf:` before it, is a file on Hugging Face. A path
 * on the page's own server begins with `/`, `./`, `../` or `models/`, or is a file's name alone.
 *
 * @param {string} text
 * @param {string} base  the page's own address
 * @returns {{ url: string, wrong: string }}
 */
export function modelAddress(text, base) {
  const whole = written(text.trim());
  if (whole === "") return { url: "", wrong: FILE_WANTED };
  if (!URL.canParse(whole, base)) return { url: "", wrong: "This is not an address." };
  const url = new URL(whole, base);
  const here = url.origin === new URL(base).origin;
  const local = url.protocol === "http:" && THIS_MACHINE.test(url.hostname);
  if (!here && url.protocol !== "https:" && !local) {
    return { url: "", wrong: "It must begin with https://, except on this machine." };
  }
  if (url.hostname === "hf.co") url.hostname = "huggingface.co";
  if (url.hostname !== "huggingface.co") return { url: url.href, wrong: "" };
  // The address bar of Hugging Face shows a file's page; the file itself is beside it.
  url.pathname = url.pathname.replace("/blob/", "/resolve/");
  const file = /^\/[^/]+\/[^/]+\/resolve\/[^/]+\/./.test(url.pathname);
  return file ? { url: url.href, wrong: "" } : { url: "", wrong: FILE_WANTED };
}

/**
 * Short names written out as addresses; other text as it is; nothing for a repository alone.
 * @param {string} text
 */
function written(text) {
  const [, hub, name] = /** @type {RegExpExecArray} */ (/^(hf:(?:\/\/)?)?(.*)$/is.exec(text));
  if (!hub && HOST.test(text)) return `${THIS_MACHINE.test(text) ? "http" : "https"}://${text}`;
  const [, repository, rest = ""] = REPOSITORY.exec(name ?? "") ?? [];
  const own = !repository || /^models\//.test(text) || (rest === "" && FILE.test(text));
  if (own) return hub ? "" : text;
  if (!rest.startsWith("/") || !FILE.test(rest)) return "";
  return HUB + repository + (/^\/(blob|resolve)\//.test(rest) ? "" : "/resolve/main") + rest;
}
