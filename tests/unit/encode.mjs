// The browser's encoder under Node, for tests/unit/test_tokenizer_npm.py.
//
// stdin: one JSON object, {web, library, cases: [{rules, tokens, merges, texts}]}: the paths of web/
// and of the npm library; of each case the rules, the paths of tokens and merges as `packed` gives
// them, and the texts.
// stdout: for each case the ids of each text.

import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const { web, library, cases } = JSON.parse(readFileSync(0, "utf8"));

// web/engine/tokens.js imports ../npm/tokenizers.min.mjs, as the built site lays it out.
const folder = mkdtempSync(join(tmpdir(), "tokens-"));
try {
  writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }));
  for (const room of ["npm", "engine"]) mkdirSync(join(folder, room));
  copyFileSync(library, join(folder, "npm/tokenizers.min.mjs"));
  for (const name of ["engine/tokens.js", "engine/merges.js"]) {
    copyFileSync(join(web, name), join(folder, name));
  }
  const { makeEncoder } = await import(pathToFileURL(join(folder, "engine/tokens.js")).href);
  /** @param {{ rules: string, tokens: string, merges: string, texts: string[] }} one */
  const idsOf = ({ rules, tokens, merges, texts }) => {
    const encoder = makeEncoder(rules, readFileSync(tokens), readFileSync(merges));
    return texts.map((text) => Array.from(encoder.encode(text)));
  };
  const ids = cases.map(idsOf);
  process.stdout.write(JSON.stringify(ids));
} finally {
  rmSync(folder, { recursive: true });
}
