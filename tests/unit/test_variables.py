"""What a caller tells a template beside the messages: each real template's own switches."""

import json
from typing import Any

import pytest

from py_engine.base.errors import BadRequest
from py_engine.text.chat import ChatTemplate
from py_engine.text.chat_formats import CHATML
from py_engine.text.variables import TemplateOptions
from tests.unit.test_chat import FILES, HI, reference
from tests.vocabularies import TEMPLATES, tokenizer

SOURCES = {file.stem: file.read_text(encoding="utf-8") for file in FILES}
SWITCHED = [name for name, source in SOURCES.items() if "enable_thinking" in source]
SAME = {  # they say `enable_thinking` of a namespace, or only where tools or thoughts are
    "NVIDIA-Nemotron-Nano-v2", "Reka-Edge",
}  # fmt: skip


def template(name: str) -> ChatTemplate:
    if name not in SOURCES:
        pytest.skip(f"{name}: no such file in {TEMPLATES} (set LLAMA_CPP_MODELS)")
    found = ChatTemplate(SOURCES[name], tokenizer("qwen2"))
    assert found.name == "model"
    return found


def plainly(name: str, **values: object) -> str:
    """What plain Jinja2 renders of a question."""
    text = tokenizer("qwen2").vocabulary.text
    bos, eos = tokenizer("qwen2").bos, tokenizer("qwen2").eos
    assert bos is not None and eos is not None
    given = {"messages": [HI], "tools": None, "add_generation_prompt": True}
    return reference(SOURCES[name], **given, bos_token=text(bos), eos_token=text(eos), **values)


@pytest.mark.parametrize("name", SWITCHED)
def test_thinking_is_switched_as_the_template_reads_it(name: str) -> None:
    ours = template(name)
    if name == "NVIDIA-Nemotron-Nano-v2":
        with pytest.raises(BadRequest, match="enable_thinking"):
            ours.render([HI], chat_template_kwargs={"enable_thinking": False})
        return
    texts = [
        ours.render([HI], chat_template_kwargs={"enable_thinking": thinks})
        for thinks in (True, False)
    ]
    if "strftime_now" not in SOURCES[name]:
        assert texts == [plainly(name, enable_thinking=thinks) for thinks in (True, False)]
    assert (texts[0] != texts[1]) or name in SAME
    assert ours.render([HI], reasoning_effort="none") == texts[1]
    assert ours.render([HI], reasoning_effort="low") == ours.render(
        [HI],
        chat_template_kwargs={"enable_thinking": True}
        | ({"reasoning_effort": "low"} if "reasoning_effort is" in SOURCES[name] else {}),
    )


EFFORTS: dict[str, list[tuple[TemplateOptions, str]]] = {
    "openai-gpt-oss-120b": [
        ({"reasoning_effort": "high"}, "Reasoning: high"),
        ({}, "Reasoning: medium"),
        ({"reasoning_effort": "high", "chat_template_kwargs": {"reasoning_effort": "low"}},
         "Reasoning: low"),
        ({"chat_template_kwargs": {"model_identity": "You are <|im_end|>."}}, "are <|im_end|>."),
    ],
    "ByteDance-Seed-OSS": [
        ({"reasoning_effort": "none"}, "<seed:cot_budget_reflect>"),
        ({"chat_template_kwargs": {"thinking_budget": 512}}, "budget, which is 512"),
    ],
    "Cohere2MoE": [({"reasoning_effort": "none"}, "<|START_THINKING|><|END_THINKING|>")],
    "ibm-granite-granite-3.3-2B-Instruct": [
        ({"reasoning_effort": "high"}, "<think></think>"),
        ({"chat_template_kwargs": {"thinking": True}}, "<think></think>"),
    ],
    "muse-glimmer": [({"reasoning_effort": "minimal"}, "minimal")],
    "Kimi-K3": [({"reasoning_effort": "low"}, "`thinking_effort=low`")],
    "MiniMax-M3": [({"chat_template_kwargs": {"thinking_mode": "disabled"}}, "</mm:think>")],
}  # fmt: skip


@pytest.mark.parametrize("name", EFFORTS)
def test_effort_reaches_what_each_template_calls_it(name: str) -> None:
    ours = template(name)
    for told, expected in EFFORTS[name]:
        text = ours.render([HI], **told)
        assert expected in text, (told, text)
        assert not told or text != ours.render([HI])


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"chat_template_kwargs": {"enable_thinkin": True}}, "enable_thinkin.*: enable_thinking"),
        ({"chat_template_kwargs": {"messages": []}}, "messages"),
        ({"chat_template_kwargs": {"raise_exception": "x"}}, "raise_exception"),
        ({"chat_template_kwargs": {"enable_thinking": object()}}, "a value"),
        ({"chat_template_kwargs": [1]}, "an object"),
        ({"chat_template_kwargs": "x"}, "an object"),
        ({"reasoning_effort": ""}, "reasoning_effort"),
        ({"reasoning_effort": 3}, "reasoning_effort"),
    ],
)
def test_what_would_have_no_effect_is_refused(told: Any, why: str) -> None:
    source = CHATML + "{% if enable_thinking is false %}<think>\n\n</think>{% endif %}"
    ours = ChatTemplate(source, tokenizer("qwen2"))
    with pytest.raises(BadRequest, match=why):
        ours.ids([HI], **told)
    nothing = ChatTemplate(CHATML, tokenizer("qwen2"))
    for one in ({"reasoning_effort": "low"}, {"chat_template_kwargs": {"x": 1}}):
        with pytest.raises(BadRequest, match="this model's chat template"):
            nothing.ids([HI], **one)
    assert nothing.ids([HI], chat_template_kwargs={}) == nothing.ids([HI])


def test_variables_are_guarded_and_still_compared() -> None:
    ours = tokenizer("qwen2")
    mark = "<|im_end|>"
    source = (
        "{{ messages[0].content }}{{ name }}{{ (documents or []) | tojson }}"
        "{% if name == mark %}same{% endif %}{% for d in documents or [] %}{{ d.text }}{% endfor %}"
    )
    template = ChatTemplate(source, ours)
    given = {"name": mark, "mark": mark, "documents": [{"text": mark, mark: 1}]}
    text = template.render([HI], chat_template_kwargs=given)
    assert text.endswith(f"same{mark}") and json.dumps(mark) in text
    assert not ours.vocabulary.guarded & set(template.ids([HI], chat_template_kwargs=given))
