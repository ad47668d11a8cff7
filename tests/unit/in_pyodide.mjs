// Runs Python code in the Pyodide of a built site, with its archives: node in_pyodide.mjs SITE CODE

import { readFileSync } from "node:fs";
import { loadPyodide } from "pyodide";

const [site, code] = process.argv.slice(2);
const engine = readFileSync(`${site}/engine.zip`);
const python = await loadPyodide({
  indexURL: `${site}/pyodide/`,
  env: { PYTHONPATH: "/lib/engine.zip" },
  fsInit: async (fs) => fs.writeFile("/lib/engine.zip", engine),
});
await python.runPythonAsync(code).catch((error) => {
  console.error(error.message); // not its stack, which quotes all of Pyodide
  process.exit(1);
});
