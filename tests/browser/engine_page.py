"""A page with client.js, a started worker and a small model loaded, for what callers may do.

All that goes to the worker and comes from it is recorded, and passed on.
"""

from pathlib import Path

from playwright.sync_api import Browser, Page

from py_engine.hosts.static import Server
from tests.fixtures import write

_OPEN = """async (model) => {
  globalThis.model = model;
  globalThis.sent = [];
  globalThis.got = [];
  const { postMessage } = Worker.prototype;
  const known = new WeakSet();
  Worker.prototype.postMessage = function (message, ...rest) {
    if (!known.has(this)) this.addEventListener("message", ({ data }) => got.push(data));
    known.add(this);
    sent.push(message);
    postMessage.call(this, message, ...rest);
  };
  globalThis.client = await import("./client.js");
  globalThis.worker = await client.start();
  globalThis.engine = await client.load(model, { worker });
  globalThis.failure = (promise) => promise.then(
    () => null, ({ name, message, hint }) => ({ name, message, hint }));
  globalThis.kinds = (list, id) => list.filter((one) => one.id === id).map(({ kind }) => kind);
  globalThis.wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
}"""


def open_engine(chromium: Browser, server: Server, folder: Path, *, template: str = "") -> Page:
    """The page; `sent` and `got` are the messages, `engine` is of `model` in `worker`."""
    texts = {"tokenizer.chat_template": template} if template else {}
    spec = write(folder / "m.gguf", "qwen2", "Q4_K", texts=texts)
    server.files[f"/models/{folder.name}.gguf"] = spec.path
    page = chromium.new_page()
    page.goto(f"{server.url}headless.html")
    page.evaluate(_OPEN, f"models/{folder.name}.gguf")
    return page
