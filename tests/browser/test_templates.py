"""Chat templates in the page: the trimmed library renders what CPython's whole one does.

Jinja2 compiles templates to Python and asks the library for things by name, codecs above all. What
trim.py has left out is missing only then, and only there.
"""

import json
from typing import Any

import pytest

from demo.export import TEMPLATE as DEMO
from tests.browser import rendering
from tests.browser.watched import Watched
from tests.fixture_vocab import INST, tokenizer_metadata
from tests.unit.test_chat import INLINE
from tests.vocabularies import TEMPLATES

LITERALS = r"""{%- set names = {"user": "Mensch 👤", "assistant": 'Maschine\t"M"'} -%}
{{- 'a\n\u00e9\x41\N{BULLET}\'' ~ "\U0001F600\\ é" -}}
{%- for message in messages -%}
{{ '<|im_start|>' + message['role'] + '\n' + (message.content or '') | trim + '<|im_end|>\n' }}
{{- names.get(message.role, "niemand") | upper ~ "%5.2f|%-4s|%d" % (1.005, "ü", 10000000000 * 7) }}
{{- (message.content or '').split('\n') | map('capitalize') | sort | unique | join(', ') }}
{{- {"z": [1.5, none, true], "a": "é<"} | tojson(indent=2) }}{{ {"é": 1} | dictsort }}
{%- for call in message.tool_calls or [] %}{{ call.function | tojson }}{% endfor -%}
{%- endfor -%}
{%- for group in (tools or []) | groupby('type') %}{{ group | tojson }}{% endfor -%}
{%- set größe = 3 %}{{ größe / 7 }}{{ 2 * 4000000000 }}{{ 10000000000 // 3 }}
{{- strftime_now("%d %b %Y")[-4:] }}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif -%}
"""
"""Everything in a template for which Python may look into its library."""
OURS = {
    "literals": LITERALS, "demo": DEMO, "fixture": INST,
    "broken": "{{ 'a' }}{% for %}", "raises": "{{ raise_exception('no \u2026 é') }}",
    "empty": "", "ends": "{{ messages[0].nothing.at.all }}", **INLINE,
}  # fmt: skip


def in_both(watched: Watched, templates: dict[str, str]) -> dict[str, dict[str, Any]]:
    """What both hosts make of the templates: the same texts, and the same refusals."""
    given = json.dumps(tokenizer_metadata(640, "gpt2", "qwen2")), json.dumps(templates)
    native: dict[str, dict[str, Any]] = json.loads(rendering.rendered(*given))
    here: dict[str, dict[str, Any]] = watched.run(rendering, "rendered", *given)
    assert here.keys() == native.keys() == templates.keys()
    for name in templates:
        assert here[name] == native[name], name
    assert watched.missed() == set()
    return here


def test_our_templates_render_as_they_do_natively(watched: Watched) -> None:
    found = in_both(watched, OURS)
    for name in ("literals", "demo", "fixture", "ChatML", "Llama 2", "Llama 3", "plain"):
        assert (found[name]["format"], found[name]["warnings"]) == ("model", []), name
    assert found["literals"]["texts"]["plain"].startswith("a\néA•'😀\\ é")
    for name in ("broken", "raises", "empty", "ends"):
        assert found[name]["format"] == "ChatML" and found[name]["warnings"], name


def test_real_templates_render_as_they_do_natively(watched: Watched) -> None:
    files = sorted(TEMPLATES.glob("*.jinja"))
    if not files:
        pytest.skip("no chat templates (set LLAMA_CPP_MODELS to llama.cpp's models folder)")
    assert len(files) >= 60
    templates = {file.stem: file.read_text(encoding="utf-8") for file in files}
    found = in_both(watched, templates)
    own = [name for name, of in found.items() if of["format"] == "model"]
    assert len(own) >= len(files) - 2  # one wants a variable that no conversation has
    assert all(rendering.HI["content"] in found[name]["texts"]["plain"] for name in own)
