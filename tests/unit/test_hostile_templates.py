"""Templates by an enemy: none gets out, hangs, or takes more memory than its caps."""

import time
import tracemalloc

import pytest

from py_engine.text.chat import ChatTemplate
from tests.unit.test_chat import HI
from tests.vocabularies import tokenizer

R = "range(10000)"
NEST = "{% for a in R %}{% for b in R %}{% for c in R %}x{% endfor %}{% endfor %}{% endfor %}"
GROW = "{% set n = namespace(s='x' ~ messages[0].content) %}{% for i in range(60) %}%s{% endfor %}"
HOSTILE = {
    "power": "{{ 9 ** 9 ** 9 }}",
    "power of a name": "{% set a = 10 %}{{ a ** 100000000 }}",
    "times": "{{ 'a' * 1000000000 }}",
    "times a list": "{{ [1] * 1000000000 }}",
    "times a number": "{% set n = namespace(i=9) %}{% for i in range(60) %}"
    "{% set n.i = n.i * n.i %}{% endfor %}",
    "range": "{{ range(100000) | list }}",
    "loops": NEST.replace("R", R),
    "loops over text": NEST.replace("R", "'" + "x" * 10_000 + "'"),
    "doubling +": GROW.replace("%s", "{% set n.s = n.s + n.s %}"),
    "doubling ~": GROW.replace("%s", "{% set n.s = n.s ~ n.s %}"),
    "doubling %": GROW.replace("%s", "{% set n.s = '%s%s' % (n.s, n.s) %}"),
    "doubling format": GROW.replace("%s", "{% set n.s = '{0}{0}'.format(n.s) %}"),
    "doubling join": GROW.replace("%s", "{% set n.s = [n.s, n.s] | join %}"),
    "doubling method join": GROW.replace("%s", "{% set n.s = n.s.join([n.s, n.s]) %}"),
    "doubling replace": GROW.replace("%s", "{% set n.s = n.s | replace('x', n.s) %}"),
    "doubling method replace": GROW.replace("%s", "{% set n.s = n.s.replace('x', n.s) %}"),
    "doubling lists": GROW.replace("%s", "{% set n.s = n.s | list + n.s | list %}"),
    "doubling block": GROW.replace("%s", "{% set t %}{{ n.s }}{{ n.s }}{% endset %}"
                                   "{% set n.s = t %}"),
    "sharing": GROW.replace("%s", "{% set n.s = [n.s, n.s] %}") + "{{ n.s }}",
    "sharing as JSON": GROW.replace("%s", "{% set n.s = {'a': n.s, 'b': n.s} %}")
    + "{{ n.s | tojson }}",
    "sharing through dict": GROW.replace("%s", "{% set n.s = dict(a=n.s, b=n.s) %}") + "{{ n.s }}",
    "sharing compared": GROW.replace("%s", "{% set n.s = [n.s, n.s] %}") + "{{ n.s == [n.s] }}",
    "long output": "{% for i in range(10000) %}{% for j in range(10000) %}"
    + "x" * 1000 + "{% endfor %}{% endfor %}",
    "round": "{{ 5 | round(-16000000) }}",
    "round up": "{{ 5 | round(8000000, 'ceil') }}",
    "round by map": "{{ [5] | map('round', -16000000) | list }}",
    "width %": "{{ '%1000000000d' % 1 }}",
    "width *": "{{ '%*d' % (1000000000, 1) }}",
    "width format": "{{ '{:>1000000000}'.format(1) }}",
    "width nested": "{{ '{:>{}}'.format(1, 1000000000) }}",
    "width indent": "{{ 'a' | indent(1000000000, true) }}",
    "JSON indent": "{{ [[1]] | tojson(indent=1000000000) }}",
    "center": "{{ 'x'.center(100000000) }}",
    "center filter": "{{ 'x' | center(100000000) }}",
    "ljust": "{{ 'x'.ljust(100000000) }}",
    "zfill": "{{ 'x'.zfill(100000000) }}",
    "expandtabs": "{{ '\t'.expandtabs(100000000) }}",
    "batch": "{{ [1] | batch(100000000, 0) | list }}",
    "slice": "{{ [1] | slice(100000000) | list }}",
    "wordwrap": "{{ 'abc' | wordwrap(1, wrapstring='x') }}",
    "lipsum": "{{ lipsum(n=100000) }}",
    "cycler": "{{ cycler.__init__.__globals__ }}",
    "recursion": "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "recursion that branches": "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}"
    "{% endif %}{% endmacro %}{{ f(50) }}",
    "recursive loop": "{% for a in [1] recursive %}{{ loop([1]) }}{% endfor %}",
    "deep expression": "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
    "deep not": "{{ " + "not " * 20_000 + "1 }}",
    "deep blocks": "{% if 1 %}" * 3000 + "{% endif %}" * 3000,
    "deep minus": "{{ " + "-" * 20_000 + "1 }}",
    "deep else": "{{ " + "1 if 0 else " * 20_000 + "1 }}",
    "deep sum": "{{ " + "+".join("1" * 20_000) + " }}",
    "deep filters": "{{ 1" + "|string" * 20_000 + " }}",
    "deep block sets": "{% set a %}" * 3000 + "{% endset %}" * 3000,
    "deep lists": "{% set n = namespace(s=[]) %}{% for i in range(10000) %}"
    "{% set n.s = [n.s] %}{% endfor %}{{ n.s }}",
    "long chain": "{{ a" + ".b" * 50_000 + " }}",
    "huge number": "{{ " + "9" * 100_000 + " }}",
    "search again and again": "{% set s = 'ab' * 1 %}" + "{% set t = messages[0].content %}"
    "{% for i in R %}{% for j in R %}{{ 'zz' in t }}{% endfor %}{% endfor %}".replace("R", R),
    "class": "{{ ''.__class__.__mro__ }}",
    "attr filter": "{{ '' | attr('__class__') }}",
    "map attribute": "{{ [''] | map(attribute='__class__') | list }}",
    "format attribute": "{{ '{0.__class__}'.format(1) }}",
    "format_map": "{{ '{a}'.format_map({'a': 1}) }}",
    "globals": "{{ raise_exception.__globals__ }}",
    "self": "{{ self.__init__ }}",
    "namespace": "{{ namespace().__init__.__globals__ }}",
    "namespace key": "{% set n = namespace() %}{% set n.__class__ = 1 %}",
    "our filter": "{{ 'x' | _loop(0) }}",
    "import": "{% import 'os' as os %}",
    "extends": "{% extends 'x' %}",
    "block": "{% block a %}{% endblock %}",
    "mutation": "{{ messages.append(1) }}",
    "mutation of a dict": "{{ messages[0].update({'a': 1}) }}",
}  # fmt: skip
SEEN_AS_NOTHING = (
    "class", "attr filter", "map attribute", "globals", "self", "namespace", "cycler",
    "format attribute", "format_map",
)  # fmt: skip


@pytest.mark.parametrize("title", HOSTILE)
def test_hostile_template(title: str) -> None:
    began = time.process_time()
    template = ChatTemplate(HOSTILE[title] + "{{ messages[0].content }}", tokenizer("qwen2"))
    if template.name == "model":
        assert title in SEEN_AS_NOTHING
        rendered = template.render([HI])
        assert len(rendered) < 500 and "object" not in rendered and "class" not in rendered
    else:
        assert template.warnings
    assert time.process_time() - began < 10


WIDE = {
    "of a key": "{{ '%(a)30000000d' % {'a': 1} }}",
    "of a key in brackets": "{{ '%(a(b)c)30000000d' % {'a(b)c': 1} }}",
    "of a key with a letter and a sign": "{{ '%(a%s)-30000000d' % {'a%s': 1} }}",
    "as precision": "{{ '%(a).30000000f' % {'a': 1} }}",
}


@pytest.mark.parametrize("title", WIDE)
def test_a_width_is_refused_before_it_is_written(title: str) -> None:
    template = ChatTemplate(WIDE[title] + "{{ messages[0].content }}", tokenizer("qwen2"))
    assert "a format width is too large" in template.warnings[0]


def test_many_fields_are_refused_before_they_are_written() -> None:
    grown = "{% set n = namespace(s='%(a)999d') %}{% for i in range(18) %}"
    grown += "{% set n.s = n.s ~ n.s %}{% endfor %}"
    whole = grown + "{{ n.s % {'a': 1} }}{{ messages[0].content }}"
    tracemalloc.start()
    try:
        template = ChatTemplate(whole, tokenizer("qwen2"))
        assert tracemalloc.get_traced_memory()[1] < 50 * 2**20  # in full, it would be 260 MB
    finally:
        tracemalloc.stop()
    assert template.warnings


def test_a_number_is_rounded_as_jinja_does() -> None:
    source = "{{ 2.567 | round(2) }} {{ 1250 | round(-2, 'floor') }} {{ messages[0].content }}"
    assert ChatTemplate(source, tokenizer("qwen2")).render([HI]).startswith("2.57 1200")
