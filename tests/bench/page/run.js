/**
 * One page of a bench run: one engine, one model, some rows. visit.py opens it, or anybody, where
 * `bench --serve` prints such addresses:
 *
 *     bench.html?engine=ours&model=/models/x.gguf&rows=prefill:512,decode:16&tokens=128
 *
 * Reports go to /report and onto the page; the last one is {k: "done"}. It knows no engine: ours.js
 * and wllama.js do, with the same interface.
 */

import { measure } from "./measure.js";

/** @param {Record<string, unknown>} value */
async function report(value) {
  const log = document.getElementById("log");
  if (log) log.textContent += `${JSON.stringify(value)}\n`;
  await fetch("/report", { method: "POST", body: JSON.stringify(value) });
}

/** What the browser says of the GPU; a page on a software adapter measures nothing. */
async function adapter() {
  const found = await navigator.gpu?.requestAdapter({ powerPreference: "high-performance" });
  if (!found) return { name: "none", features: [] };
  const { vendor, architecture, device, description } = found.info;
  const name = [vendor, architecture, device, description].filter(Boolean).join(" ");
  return { name, features: [...found.features].sort() };
}

const query = new URL(location.href).searchParams;
/** @param {string} name @param {number} fallback */
const number = (name, fallback) => Number(query.get(name) ?? fallback);
const plan = {
  model: query.get("model") ?? "/models/model.gguf",
  rows: (query.get("rows") ?? "prefill:512,decode:16").split(","),
  context: number("context", 2304),
  tokens: number("tokens", 128),
  repeats: number("repeats", 3),
  seconds: number("seconds", 6),
  options: JSON.parse(query.get("options") ?? "{}"),
};

try {
  const gpu = await adapter();
  await report({ k: "adapter", ...gpu });
  const software = /swiftshader|llvmpipe|lavapipe|basic render|^none$/i.test(gpu.name);
  if (software && !query.has("software")) throw new Error(`the adapter is ${gpu.name}`);
  const name = query.get("engine") === "wllama" ? "wllama" : "ours";
  const { Subject } = await import(`./${name}.js`);
  await measure(new Subject(), plan, report);
} catch (thrown) {
  const { name, message, hint, trace, stack } = /** @type {any} */ (thrown ?? {});
  const told = [name, message ?? String(thrown), hint].filter(Boolean).join(": ");
  await report({ k: "error", message: told, trace: String(trace || stack || "").slice(0, 2000) });
}
await report({ k: "done" });
