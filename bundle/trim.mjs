// Runs trim.py in Pyodide: node trim.mjs LIBRARY ENGINE OUT. The hash seed is fixed, because the
// order of sets gets into compiled code; columns are left out of it, because tracebacks without
// source lines have no use for them.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { loadPyodide } from "pyodide";

const [library, engine, out] = process.argv.slice(2);
const env = { PYTHONHASHSEED: "0", PYTHONNODEBUGRANGES: "1" };
const python = await loadPyodide({ env });
python.FS.writeFile("trim.py", readFileSync(new URL("trim.py", import.meta.url)));
python.FS.writeFile("library.zip", readFileSync(library));
python.FS.writeFile("engine.zip", readFileSync(engine));
try {
  python.pyimport("trim").trim("library.zip", "engine.zip");
} catch (error) {
  console.error(error.message); // not its stack, which quotes all of Pyodide
  process.exit(1);
}
writeFileSync(join(out, "python_stdlib.zip"), python.FS.readFile("library.zip"));
writeFileSync(join(out, "engine.zip"), python.FS.readFile("engine.zip"));
