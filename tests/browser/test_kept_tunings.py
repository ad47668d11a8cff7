"""Tuning in the browser: what was found is kept in Cache Storage, and found again there."""

from pathlib import Path

from playwright.sync_api import Browser

from py_engine.hosts.static import Server
from tests.fixtures import write

STORY = """async (model) => {
  const client = await import("./client.js");
  // Without subgroups, SwiftShader is not known as a CPU, and is tuned.
  const worker = await client.start({ withhold: ["subgroups"] });
  const ids = async (tune) => {
    const engine = await client.load(model, { worker, tune });
    const { warnings } = engine.info;
    const reply = await engine.complete("The fox", { temperature: 0, max_tokens: 6 }).result;
    return [reply.ids, warnings];
  };
  const kept = async () => {
    const found = await (await caches.open("inferaived-tunings")).matchAll();
    return Promise.all(found.map((one) => one.json()));
  };
  const plain = await ids(false);
  const before = await kept();
  const tuned = await ids(true);
  const after = await kept();
  return { plain, before, tuned, after, recalled: await ids(true) };
}"""


def test_what_was_tuned_is_kept(chromium: Browser, server: Server, tmp_path: Path) -> None:
    model = write(tmp_path / "m.gguf", "qwen2", "Q4_K")
    server.files["/models/tuned.gguf"] = model.path
    page = chromium.new_page()
    page.goto(f"{server.url}headless.html")
    got = page.evaluate(STORY, "models/tuned.gguf")
    page.close()
    assert got["before"] == []
    (kept,) = got["after"]
    assert set(kept) == {"Q4_K 256", "Q4_K 512"}
    assert got["plain"] == got["tuned"] == got["recalled"]
