/**
 * The offline copy of the site: one build, as a whole, or none.
 *
 * `sw.js?build=ID` takes every file that build.json names for that id, checks its hash, and
 * installs only if all are right. From then on the site's own files come from that copy alone, so
 * builds never mix. Weights pass through, except the demo model, which is one of the site's files;
 * so do other hosts. A newer build waits until the page asks it to take over.
 */

const DEMO = "models/demo.gguf";
const BUSY = "inferaived-busy"; // the lock that registration.js holds
const worker = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self));
const build = new URL(location.href).searchParams.get("build") ?? "";
const home = new URL("./", location.href);
const PREFIX = `inferaived-build ${home.pathname} `; // an origin may have several copies

/**
 * @typedef {{ build: string, files: Record<string, { sha256: string, bytes: number }> }} Manifest
 */

worker.addEventListener("install", (event) => event.waitUntil(install()));
worker.addEventListener("activate", (event) => event.waitUntil(activate()));
worker.addEventListener("message", (event) => {
  if (event.data?.kind !== "takeover") return;
  event.waitUntil(navigator.locks.request(BUSY, () => worker.skipWaiting()));
});
worker.addEventListener("fetch", (event) => {
  const name = ownName(event.request);
  if (name !== null) event.respondWith(answer(event.request, name));
});

async function install() {
  /** @type {Manifest} */
  const manifest = await (await fetch(new URL("build.json", home), { cache: "no-store" })).json();
  if (manifest.build !== build) throw new Error(`the server has build ${manifest.build} now`);
  const cache = await caches.open(PREFIX + build);
  try {
    const files = Object.entries(manifest.files).filter(([name]) => belongs(name));
    await Promise.all(files.map(([name, { sha256 }]) => keep(cache, name, sha256)));
  } catch (error) {
    await caches.delete(PREFIX + build);
    throw error;
  }
}

/**
 * Put one file into the copy. The browser's own cache will do, if the bytes are right.
 * @param {Cache} cache
 * @param {string} name
 * @param {string} sha256
 */
async function keep(cache, name, sha256) {
  const url = new URL(name, home);
  const asked = name === "index.html" ? home : url; // some hosts redirect to the shorter address
  for (const mode of /** @type {const} */ (["default", "reload"])) {
    const reply = await fetch(asked, { cache: mode });
    if (!reply.ok) continue;
    const bytes = await reply.clone().arrayBuffer();
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    if ([...hash].map((byte) => byte.toString(16).padStart(2, "0")).join("") !== sha256) continue;
    return cache.put(url, reply);
  }
  throw new Error(`${name} is not the file of build ${build}`);
}

async function activate() {
  const kept = (await caches.keys()).filter((key) => key.startsWith(PREFIX));
  await Promise.all(kept.map((key) => key === PREFIX + build || caches.delete(key)));
  await worker.clients.claim();
}

/**
 * The name of one of the site's files, or null for what is none of this worker's business.
 * @param {Request} request
 */
function ownName(request) {
  const url = new URL(request.url);
  if (url.origin !== home.origin || !url.pathname.startsWith(home.pathname)) return null;
  if (request.method !== "GET" && request.method !== "HEAD") return null;
  const name = decodeURIComponent(url.pathname.slice(home.pathname.length)) || "index.html";
  return belongs(name) ? name : null;
}

/**
 * Whether a file of this site is part of the copy: weights are not, except the demo's.
 * @param {string} name
 */
function belongs(name) {
  if (name === "build.json" || name === "sw.js") return false;
  return name === DEMO || !name.endsWith(".gguf");
}

/**
 * @param {Request} request
 * @param {string} name
 */
async function answer(request, name) {
  const cache = await caches.open(PREFIX + build);
  const found = await cache.match(new URL(name, home), { ignoreVary: true });
  if (!found) return fetch(request);
  if (request.method === "HEAD") return new Response(null, found);
  const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.get("Range") ?? "");
  return range ? part(await found.blob(), Number(range[1]), range[2]) : found;
}

/**
 * Bytes of a file, as a server with ranges sends them.
 * @param {Blob} file
 * @param {number} at
 * @param {string | undefined} last
 */
function part(file, at, last) {
  const end = Math.min(last ? Number(last) + 1 : file.size, file.size);
  if (at >= end) {
    const headers = { "Content-Range": `bytes */${file.size}` };
    return new Response(null, { status: 416, headers });
  }
  const headers = {
    "Content-Length": String(end - at),
    "Content-Range": `bytes ${at}-${end - 1}/${file.size}`,
  };
  return new Response(file.slice(at, end), { status: 206, headers });
}
