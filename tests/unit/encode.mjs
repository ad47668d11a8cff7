// The browser's encoder under Node, for tests/unit/test_tokenizer_npm.py.
//
// stdin: one JSON object, {web, library, rules, tokens, merges, texts}: the paths of web/ and of the
// npm library, the rules, the paths of tokens and merges as `packed` gives them, and the texts.
// stdout: the ids of each.

import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const { web, library, rules, tokens, merges, texts } = JSON.parse(readFileSync(0, "utf8"));

// web/tokens.js imports its neighbour ./tokenizers.min.mjs, as the built site lays it out.
const folder = mkdtempSync(join(tmpdir(), "tokens-"));
try {
  writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }));
  copyFileSync(library, join(folder, "tokenizers.min.mjs"));
  for (const name of ["tokens.js", "merges.js"]) copyFileSync(join(web, name), join(folder, name));
  const { makeEncoder } = await import(pathToFileURL(join(folder, "tokens.js")).href);
  const encoder = makeEncoder(rules, readFileSync(tokens), readFileSync(merges));
  const ids = texts.map((/** @type {string} */ text) => Array.from(encoder.encode(text)));
  process.stdout.write(JSON.stringify(ids));
} finally {
  rmSync(folder, { recursive: true });
}
