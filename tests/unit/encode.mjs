// The browser's encoder under Node, for tests/unit/test_tokenizer_npm.py.
//
// stdin: one JSON object, {library, tokens, json, texts}: the paths of the npm library and of
// web/tokens.js, the path of a tokenizer.json, and the texts. stdout: {ids, seconds}.

import { copyFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const { library, tokens, json, texts } = JSON.parse(readFileSync(0, "utf8"));

// web/tokens.js imports its neighbour ./tokenizers.min.mjs, as the built site lays it out.
const folder = mkdtempSync(join(tmpdir(), "tokens-"));
try {
  copyFileSync(library, join(folder, "tokenizers.min.mjs"));
  copyFileSync(tokens, join(folder, "tokens.mjs"));
  const { makeEncoder } = await import(pathToFileURL(join(folder, "tokens.mjs")).href);
  const began = performance.now();
  const encoder = makeEncoder(readFileSync(json, "utf8"));
  const seconds = (performance.now() - began) / 1000;
  const ids = texts.map((/** @type {string} */ text) => Array.from(encoder.encode(text)));
  process.stdout.write(JSON.stringify({ ids, seconds }));
} finally {
  rmSync(folder, { recursive: true });
}
