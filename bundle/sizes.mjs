// Prints what a site weighs: node sizes.mjs FOLDER. Per file and in all, without the weights: as it
// lies there, and as it comes from a host that packs with gzip (level 6) or brotli (quality 9).

import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const top = process.argv[2];
const names = readdirSync(top, { recursive: true }).sort();
const brotli = { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } };
const row = (cells, name) =>
  console.log(cells.map((cell) => cell.toLocaleString("en").padStart(12)).join(""), "", name);

row(["bytes", "gzip", "brotli"], "file");
const total = [0, 0, 0];
for (const name of names) {
  const file = join(top, name);
  if (statSync(file).isDirectory()) continue;
  const data = readFileSync(file);
  const sizes = [data.length, gzipSync(data).length, brotliCompressSync(data, brotli).length];
  row(sizes, name);
  if (!name.endsWith(".gguf")) sizes.forEach((size, i) => (total[i] += size));
}
row(total, "the engine's download: all but weights");
