// What may import what in web/, types included: `python3 build.py check` sees to it. A room is what
// one thread runs, or what several share; ARCHITECTURE.md has the map.

/** What a room may import besides its own files: other rooms, and packages. */
const ROOMS = {
  base: [],
  reader: ["base"],
  engine: ["base", "pyodide", "tokenizers"],
  api: ["base"],
  chat: ["base", "api", "marked"],
  offline: ["chat"],
  page: ["base", "api", "chat", "offline"],
};
/** The addresses that others link to, and the one file that each imports. */
const ADDRESSES = { "client.js": "api/client.js", "widget.js": "chat/widget.js" };
/** What a page or a thread begins with, by its name. */
const STARTS = ["page/page.js", "engine/worker.js", "reader/reader.js", "sw.js", "offline/copy.js"];
/** A package's file in dist/, and its types. */
const PACKAGES = {
  marked: "npm/marked[.]esm[.]js$|/marked/",
  pyodide: "/pyodide/",
  tokenizers: "npm/tokenizers[.]min[.]mjs$|/@huggingface/tokenizers/",
};

const place = (name) => PACKAGES[name] ?? `^web/${name}/`;
const files = (names) => `^web/(${names.map((name) => name.replace(".", "[.]")).join("|")})$`;
const tops = files([...Object.keys(ADDRESSES), ...STARTS]);
const never = (name, from, to) => ({ name, severity: "error", from, to });

export default {
  forbidden: [
    ...Object.entries(ROOMS).map(([room, others]) => never(
      `${room}/ imports ${others.join(", ") || "nothing"}`,
      { path: place(room) }, { pathNot: [room, ...others].map(place) })),
    ...Object.entries(ADDRESSES).map(([address, file]) => never(
      `${address} imports ${file}`, { path: files([address]) }, { pathNot: files([file]) })),
    never("what begins is not imported", {}, { path: tops }),
    never("no circles", {}, { circular: true }),
    never("each file is of use",
      { path: tops }, { path: "^web/", pathNot: tops, reachable: false }),
  ],
  options: {
    parser: "tsc",
    detectJSDocImports: true, // @import and import() in comments
    doNotFollow: { path: "node_modules" },
  },
};
