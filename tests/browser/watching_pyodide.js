/**
 * Served in place of pyodide/pyodide.mjs, which it passes on: `python` is the worker's Pyodide, and
 * its `builtins.asked` has the names of all modules that were asked for and not found.
 */

import { loadPyodide as load } from "./original.mjs";

const WATCH = `
def watch():
    import builtins, sys

    class Watch:
        @staticmethod
        def find_spec(name, path=None, target=None):
            builtins.asked.append(name)

    builtins.asked = []
    finders = [getattr(finder, "__name__", "") for finder in sys.meta_path]
    sys.meta_path.insert(finders.index("PathFinder") + 1, Watch)  # after all that find files

watch()
`;

export async function loadPyodide(options) {
  globalThis.python = await load(options);
  if (!options._loadSnapshot) python.runPython(WATCH); // else it is in the snapshot
  return python;
}
