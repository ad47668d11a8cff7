"""A page whose worker notes each module that Python looked for and did not find.

The built site in Chromium and its own worker, with watching_pyodide.js before Pyodide. What the
whole library has of the names that were noted, bundle/trim.py should have kept.
"""

import json
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

from playwright.sync_api import Browser

from py_engine.hosts.static import Server

WHOLE = Path(__file__).parents[2] / "node_modules/pyodide/python_stdlib.zip"

_START = """async () => {
  globalThis.client = await import("./client.js");
  globalThis.worker = await client.start({ debug: 2 });
}"""
_RUN = """async ({ source, call, given }) => {
  const globals = python.globals.get("dict")();
  python.runPython(source, { globals });
  return await globals.get(call)(...given);
}"""


class Watched:
    """A page with a started worker; `client` and `worker` are its globals.

    Args:
        server: of the built site; models and other files may be added to it.
    """

    def __init__(self, chromium: Browser, server: Server) -> None:
        self.server = server
        server.files["/pyodide/original.mjs"] = server.root / "pyodide/pyodide.mjs"
        server.files["/pyodide/pyodide.mjs"] = Path(__file__).with_name("watching_pyodide.js")
        self.page = chromium.new_context().new_page()
        self.page.goto(f"{server.url}headless.html")
        self.page.evaluate(_START)

    def run(self, module: ModuleType, call: str, *given: str) -> Any:
        """What a function of a module gives in the worker: it takes texts and returns JSON."""
        source = Path(str(module.__file__)).read_text(encoding="utf-8")
        what = {"source": source, "call": call, "given": given}
        return json.loads(self.page.workers[0].evaluate(_RUN, what))

    def missed(self) -> set[str]:
        """The modules of the whole library that were asked for and are not in the page's."""
        asked = self.page.workers[0].evaluate("python.runPython(`' '.join(asked)`)")
        with zipfile.ZipFile(WHOLE) as archive:
            files = [file.removesuffix(".py") for file in archive.namelist()]
        modules = {file.removesuffix("/__init__").replace("/", ".") for file in files}
        return modules & set(asked.split())

    def close(self) -> None:
        self.page.context.close()
