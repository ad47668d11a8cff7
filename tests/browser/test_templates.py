"""Chat templates in the page: the trimmed library renders what CPython's whole one does.

Jinja2 compiles templates to Python and asks the library for things by name, codecs above all. What
trim.py has left out is missing only then, and only there.
"""

import base64
import json
from pathlib import Path
from typing import Any

import gguf
import pytest
from playwright.sync_api import Page

from demo.export import TEMPLATE as DEMO
from py_engine.text.chat_formats import CHATML, LLAMA_2, LLAMA_3, PLAIN
from tests.browser import rendering
from tests.browser.apart import apart
from tests.fixture_vocab import INST, tokenizer_metadata
from tests.vocabularies import TEMPLATES

LITERALS = r"""{%- set names = {"user": "Mensch 👤", "assistant": 'Maschine\t"M"'} -%}
{{- 'a\n\u00e9\x41\N{BULLET}\'' ~ "\U0001F600\\ é" -}}
{%- for message in messages -%}
{{ '<|im_start|>' + message['role'] + '\n' + (message.content or '') | trim + '<|im_end|>\n' }}
{{- names.get(message.role, "niemand") | upper ~ "%5.2f|%-4s|%d" % (1.005, "ü", 10000000000 * 7) }}
{{- (message.content or '').split('\n') | map('capitalize') | sort | unique | join(', ') }}
{{- {"z": [1.5, none, true], "a": "é<"} | tojson(indent=2) }}{{ {"é": 1} | dictsort }}
{%- endfor -%}
{%- for group in tools or [] | groupby('type') %}{{ group | tojson }}{% endfor -%}
{%- set größe = 3 %}{{ größe / 7 }}{{ 2 * 4000000000 }}{{ 10000000000 // 3 }}
{{- strftime_now("%d %b %Y")[-4:] }}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif -%}
"""
"""Everything in a template for which Python may look into its library."""
OURS = {
    "literals": LITERALS, "demo": DEMO, "fixture": INST,
    "ChatML": CHATML, "Llama 2": LLAMA_2, "Llama 3": LLAMA_3, "plain": PLAIN,
    "broken": "{{ 'a' }}{% for %}", "raises": "{{ raise_exception('no \u2026 é') }}",
    "empty": "", "ends": "{{ messages[0].nothing.at.all }}",
}  # fmt: skip

RENDER = """async ({ vocabulary, templates, source }) => {
  const { loadPyodide } = await import("./pyodide/pyodide.mjs");
  const engine = new Uint8Array(await (await fetch("engine.zip")).arrayBuffer());
  const ENGINE = "/lib/engine.zip";
  const python = await loadPyodide({
    indexURL: new URL("pyodide/", location).href,
    env: { PYTHONPATH: ENGINE },
    fsInit: async (fs) => fs.writeFile(ENGINE, engine),
  });
  python.FS.writeFile("/lib/rendering.py", source);
  python.globals.set("vocabulary", Uint8Array.from(atob(vocabulary), (c) => c.charCodeAt(0)));
  python.globals.set("templates", templates);
  return python.runPythonAsync(`
import sys
sys.path.insert(0, "/lib")
from rendering import rendered
await rendered(vocabulary.to_bytes(), templates)
`);
}"""


@pytest.fixture
def vocabulary(tmp_path: Path) -> bytes:
    """A GGUF with a vocabulary alone."""
    writer = gguf.GGUFWriter(tmp_path / "vocabulary.gguf", "qwen2")
    for key, value in tokenizer_metadata(640, "gpt2", "qwen2").items():
        integer = isinstance(value, int) and not isinstance(value, bool)
        kind = gguf.GGUFValueType.UINT32 if integer else gguf.GGUFValueType.get_type(value)
        writer.add_key_value(key, value, kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    return (tmp_path / "vocabulary.gguf").read_bytes()


def in_both(page: Page, vocabulary: bytes, templates: dict[str, str]) -> dict[str, dict[str, Any]]:
    """What both hosts make of the templates; it must be the same."""
    texts = json.dumps(templates)
    native = json.loads(apart(lambda: rendering.rendered(vocabulary, texts)))
    given = {
        "vocabulary": base64.b64encode(vocabulary).decode(),
        "templates": texts,
        "source": Path(rendering.__file__).read_text(encoding="utf-8"),
    }
    here: dict[str, dict[str, Any]] = json.loads(page.evaluate(RENDER, given))
    assert here.keys() == native.keys() == templates.keys()
    for name in templates:
        for form, text in native[name]["texts"].items():
            got = here[name]["texts"][form]
            if text.startswith(
                "BadTemplate"
            ):  # Python's own sentences vary from version to version
                assert got.startswith("BadTemplate"), (name, form)
            else:
                assert got == text, (name, form)
        assert here[name]["format"] == native[name]["format"], name
    return here


def test_our_templates_render_as_they_do_natively(page: Page, vocabulary: bytes) -> None:
    found = in_both(page, vocabulary, OURS)
    for name in ("literals", "demo", "fixture", "ChatML", "Llama 2", "Llama 3", "plain"):
        assert (found[name]["format"], found[name]["warnings"]) == ("model", []), name
    assert found["literals"]["texts"]["plain"].startswith("a\néA•'😀\\ é")
    for name in ("broken", "raises", "empty", "ends"):
        assert found[name]["format"] == "ChatML" and found[name]["warnings"], name


def test_real_templates_render_as_they_do_natively(page: Page, vocabulary: bytes) -> None:
    files = sorted(TEMPLATES.glob("*.jinja"))
    if not files:
        pytest.skip("no chat templates (set LLAMA_CPP_MODELS to llama.cpp's models folder)")
    assert len(files) >= 60
    templates = {file.stem: file.read_text(encoding="utf-8") for file in files}
    found = in_both(page, vocabulary, templates)
    own = [name for name, of in found.items() if of["format"] == "model"]
    assert len(own) >= len(files) - 2  # one wants a variable that no conversation has
    assert all(rendering.HI["content"] in found[name]["texts"]["plain"] for name in own)
