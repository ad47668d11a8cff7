"""Each template gets messages in the form that it takes, and nothing of a conversation vanishes.

The real templates are llama.cpp's, third-party and not in this repository; the kinds that they
show are here as small templates of our own.
"""

import json
from itertools import product
from pathlib import Path
from typing import Any

import jinja2
import pytest

from py_engine.base.errors import BadRequest, BadTemplate
from py_engine.text.chat import ChatTemplate, chat_template
from py_engine.text.messages import checked
from py_engine.text.outline import outline
from tests.unit.test_chat import reference
from tests.vocabularies import tokenizer

FOLDER = Path(__file__).parents[3] / "shared/data/templates"
FILES = sorted(FOLDER.glob("*.jinja"))
Messages = list[dict[str, Any]]


def said(role: str, content: str | None, **more: Any) -> dict[str, Any]:
    return {"role": role, "content": content, **more}


def called(*words: str, content: str | None = None, text: bool = True) -> dict[str, Any]:
    """A message with a call for each word, as OpenAI's API sends it unless `text` is off."""
    calls = []
    for at, word in enumerate(words):
        arguments: Any = {"city": f'{word} "Köln"', "days": [1, None]}
        if text:
            arguments = json.dumps(arguments, ensure_ascii=False)
        function = {"name": "forecast_tool", "arguments": arguments}
        calls.append({"id": f"call0000{at}", "type": "function", "function": function})
    return {"role": "assistant", "content": content, "tool_calls": calls}


def result(word: str, at: int = 0) -> dict[str, Any]:
    return said("tool", f"{word} 20 °C", tool_call_id=f"call0000{at}")


PARAMETERS = {"type": "object", "properties": {"city": {"type": "string", "description": "where"}}}
TOOLS: list[Any] = [
    {"type": "function", "function": {"name": name, "description": "<w>", "parameters": PARAMETERS}}
    for name in ("forecast_tool", "spare_tool")
]
SYSTEM, DEVELOPER = said("system", "sys-word 'Be' brief."), said("developer", "dev-word <b>")
ASK, AGAIN = said("user", 'ask-word Köln? <x> "y"'), said("user", "again-word & more")
ANSWER = said("assistant", "answer-word, it's fine")
CALL, DONE = called("arg-word"), result("result-word")
WITHOUT = {name: value for name, value in CALL.items() if name != "content"}
THOUGHT = {"reasoning_content": "a thought"}

CONVERSATIONS: dict[str, tuple[Messages, list[Any] | None]] = {
    "plain": ([ASK], None),
    "turns": ([ASK, ANSWER, AGAIN], None),
    "system": ([SYSTEM, ASK], None),
    "system, turns": ([SYSTEM, ASK, ANSWER, AGAIN], None),
    "developer": ([DEVELOPER, ASK], None),
    "system and developer": ([SYSTEM, DEVELOPER, ASK], None),
    "late system": ([ASK, ANSWER, SYSTEM, AGAIN], None),
    "no content": ([ASK, said("assistant", None), AGAIN], None),
    "thought": ([ASK, ANSWER | THOUGHT, AGAIN], None),
    "tools": ([ASK], TOOLS),
    "system, tools": ([SYSTEM, ASK], TOOLS),
    "call": ([ASK, CALL], TOOLS),
    "result": ([ASK, CALL, DONE], TOOLS),
    "result, no content key": ([ASK, WITHOUT, DONE], TOOLS),
    "result, empty content": ([ASK, CALL | {"content": ""}, DONE], TOOLS),
    "result, arguments as object": ([ASK, called("arg-word", text=False), DONE], TOOLS),
    "result, words beside the call": ([ASK, CALL | {"content": "Let me see."}, DONE], TOOLS),
    "result, thought": ([ASK, CALL | THOUGHT, DONE], TOOLS),
    "result, turns": ([SYSTEM, ASK, CALL, DONE, ANSWER, AGAIN], TOOLS),
    "result, tools no longer given": ([ASK, CALL, DONE, ANSWER, AGAIN], None),
    "call after call": ([ASK, CALL, DONE, called("arg2-word"), result("result2-word")], TOOLS),
    "two calls": (
        [ASK, called("arg-word", "arg2-word"), DONE, result("result2-word", 1)], TOOLS,
    ),
}  # fmt: skip


def words(messages: Messages, tools: object) -> list[str]:
    """What has to come out; a model's words beside a call need not."""
    told = json.dumps([one["content"] for one in messages if not one.get("tool_calls")])
    told += json.dumps([one.get("tool_calls") for one in messages])
    names = ["spare_tool"] if tools else []
    known = ("sys", "dev", "ask", "again", "answer", "arg", "arg2", "result", "result2")
    return [word for word in map("{}-word".format, known) if word in told] + names


def as_llama_cpp(messages: Messages, *, objects: bool, merged: bool) -> Messages:
    """Messages as llama.cpp's common/chat.cpp hands them to a template (2026-11)."""
    shaped = []
    for one in messages:
        role = "system" if one["role"] == "developer" else one["role"]
        shape = {**one, "role": role, "content": one.get("content") or ""}
        if one.get("tool_calls"):
            shape["tool_calls"] = [
                {**call, "function": {**call["function"], "arguments": arguments(call, objects)}}
                for call in one["tool_calls"]
            ]
        thought = one.get("reasoning_content")
        shaped.append(shape | ({"reasoning": thought, "thinking": thought} if thought else {}))
    if merged and shaped[0]["role"] == "system":
        system = shaped.pop(0)
        shaped[0] |= {"content": system["content"] + "\n" + shaped[0]["content"]}
    return shaped


def arguments(call: dict[str, Any], objects: bool) -> Any:
    given = call["function"]["arguments"]
    if objects:
        return json.loads(given) if isinstance(given, str) else given
    return given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)


def plainly(source: str, messages: Messages, tools: list[Any] | None) -> str | None:
    """What plain Jinja2 makes of it; None where it fails or leaves something out."""
    ours = tokenizer("qwen2")
    text = ours.vocabulary.text
    assert ours.bos is not None and ours.eos is not None
    for merged, objects, none in product((False, True), (True, False), (None, [])):
        values = {
            "messages": as_llama_cpp(messages, objects=objects, merged=merged),
            "tools": tools or none, "add_generation_prompt": True,
            "bos_token": text(ours.bos), "eos_token": text(ours.eos),
        }  # fmt: skip
        try:
            rendered = reference(source, **values)
        except (jinja2.TemplateError, TypeError, KeyError, ValueError, AttributeError):
            continue
        if all(word in rendered for word in words(messages, tools)):
            return rendered
    return None


CALLING = [title for title in CONVERSATIONS if title.startswith(("call", "result", "two"))]
ABOUT_TOOLS = ["tools", "system, tools", *CALLING]
GIVEN = [title for title in ABOUT_TOOLS if CONVERSATIONS[title][1]]
NO_TOOLS, NO_CALLS = "does not write the tools", "does not write tool calls"
ONE_CALL = "more than one tool call in a message"
REFUSED: dict[str, dict[str, list[str]]] = {
    "GigaChat3-10B-A1.8B": {ONE_CALL: ["two calls"]},
    "GigaChat3.1-10B-A1.8B": {ONE_CALL: ["two calls"]},
    "HuggingFaceTB-SmolLM3-3B": {NO_TOOLS: GIVEN, NO_CALLS: ABOUT_TOOLS},
    "Kimi-K2-Instruct": {"'append' of 'list' object is unsafe": CALLING},
    "Kimi-K2-Thinking": {"'append' of 'list' object is unsafe": CALLING},
    "LFM2-8B-A1B": {NO_CALLS: CALLING},
    "LFM2.5-Instruct": {NO_CALLS: CALLING},
    "NVIDIA-Nemotron-Nano-v2": {NO_CALLS: ["call"]},
    "deepseek-ai-DeepSeek-R1-Distill-Llama-8B": {NO_TOOLS: GIVEN},
    "deepseek-ai-DeepSeek-R1-Distill-Qwen-32B": {NO_TOOLS: GIVEN},
    "deepseek-ai-DeepSeek-V3.1": {NO_TOOLS: GIVEN},
    "fireworks-ai-llama-3-firefunction-v2": {NO_TOOLS: GIVEN, NO_CALLS: ABOUT_TOOLS},
    "google-gemma-2-2b-it": {
        NO_TOOLS: GIVEN,
        "roles must alternate": CALLING,
        "System role not supported": ["result, turns"],
    },
    "ibm-granite-granite-3.3-2B-Instruct": {NO_CALLS: CALLING},
    "llama-cpp-deepseek-r1": {"generator is not JSON serializable": GIVEN},
    "llama-cpp-rwkv-world": {NO_TOOLS: GIVEN, NO_CALLS: ABOUT_TOOLS},
    "meta-llama-Llama-3.1-8B-Instruct": {"only supports single tool-calls": ["two calls"]},
    "meta-llama-Llama-3.2-3B-Instruct": {"only supports single tool-calls": ["two calls"]},
    "meta-llama-Llama-3.3-70B-Instruct": {"only supports single tool-calls": ["two calls"]},
    "microsoft-Phi-3.5-mini-instruct": {NO_TOOLS: GIVEN, NO_CALLS: ABOUT_TOOLS},
    "mistralai-Ministral-3-14B-Reasoning-2512": {"must have a string or a list": ["no content"]},
    "openai-gpt-oss-120b": {ONE_CALL: ["two calls"]},
}
"""What each template of the 70 does not take, by a part of the sentence that says so."""
NEEDS_MORE = ["fireworks-ai-llama-3-firefunction-v2"]
"""It wants a variable `functions`, so a built-in format takes its place."""


@pytest.mark.parametrize("file", FILES or [None], ids=lambda file: file.stem if file else "none")
def test_a_real_template(file: Path | None) -> None:
    """Byte-equal to plain Jinja2 where that says everything; else all of it, or a refusal."""
    if file is None:
        pytest.skip(f"no chat templates in {FOLDER}")
    source = file.read_text(encoding="utf-8")
    template = ChatTemplate(source, tokenizer("qwen2"))
    assert (template.name == "model") == (not template.warnings) == (file.stem not in NEEDS_MORE)
    refused = REFUSED.get(file.stem, {})
    for title, (messages, tools) in CONVERSATIONS.items():
        expected = plainly(source, messages, tools)
        if any(title in titles for titles in refused.values()):
            assert expected is None, title
            with pytest.raises(BadTemplate) as caught:
                template.render(messages, tools=tools)
            assert any(why in str(caught.value) for why in refused if title in refused[why])
            assert caught.value.hint or title not in ABOUT_TOOLS
            continue
        rendered = template.render(messages, tools=tools)
        assert rendered == (expected or rendered), title
        assert all(word in rendered for word in words(messages, tools)), title
        assert template.ids(messages, tools=tools)


# ---- each kind, as a small template of our own

TURNS = """\
{% for m in messages %}<{{ m.role }}>{{ m.content }}\
{% for c in m.tool_calls or [] %}[{{ c.function.name }} {{ c.function.arguments | tojson }}]\
{% endfor %}{% endfor %}"""
KNOWS_TOOLS = "{{ tools | tojson if tools else '' }}" + TURNS


def ours(source: str, **named: str) -> ChatTemplate:
    template = ChatTemplate(source, tokenizer("qwen2"), named)
    assert (template.name, template.warnings) == ("model", [])
    return template


@pytest.mark.parametrize("call", [CALL, WITHOUT, CALL | {"content": ""}, CALL | {"refusal": None}])
@pytest.mark.parametrize(
    ("content", "rendered"),
    [
        ("{% if '<x>' in m.content %}{% endif %}{{ m.content }}", "<assistant>["),
        ("{{ m.content + '' }}", "<assistant>["),
        ("{{ m.content.split('x')[0] if m.role == 'assistant' else m.content }}", "<assistant>["),
        ("{% if m.content is none %}none{% else %}{{ m.content }}"
         "{% if m.tool_calls %}{{ raise_exception('both') }}{% endif %}{% endif %}",
         "<assistant>none["),
    ],
)  # fmt: skip
def test_a_call_without_words(call: dict[str, Any], content: str, rendered: str) -> None:
    template = ours(KNOWS_TOOLS.replace("{{ m.content }}", content))
    text = template.render([ASK, call, DONE], tools=TOOLS)
    assert rendered + 'forecast_tool {"city": "arg-word \\"Köln\\"", "days": [1, null]}]' in text


@pytest.mark.parametrize("as_text", [False, True])
@pytest.mark.parametrize(
    ("arguments", "rendered"),
    [
        ("c.function.arguments | tojson", '{"city": "arg-word \\"Köln\\"", "days": [1, null]}'),
        ("c.function.arguments", '{"city": "arg-word \\"Köln\\"", "days": [1, null]}'),
        ("'' + c.function.arguments", '{"city": "arg-word \\"Köln\\"", "days": [1, null]}'),
        ("c.function.arguments.items() | list", """[('city', 'arg-word "Köln"'), ('days', """),
    ],
)
def test_arguments_as_text_or_object(arguments: str, rendered: str, as_text: bool) -> None:
    template = ours(KNOWS_TOOLS.replace("c.function.arguments | tojson", arguments))
    messages = [ASK, called("arg-word", text=as_text), DONE]
    assert f"[forecast_tool {rendered}" in template.render(messages, tools=TOOLS)


RAISES = "{% if m.role == '%s' %}{{ raise_exception('no %s') }}{% endif %}{{ m.content }}"
DROPS = "{% if m.role != '%s' %}{{ m.content }}{% endif %}"
SYS, DEV, ASKED = SYSTEM["content"], DEVELOPER["content"], ASK["content"]


def but(rule: str) -> str:
    """TURNS with a rule for system messages instead of each message's content."""
    return TURNS.replace("{{ m.content }}", rule.replace("%s", "system"))


LATE = RAISES.replace("%}", "and not loop.first %}", 1)
ALTERNATE = RAISES.replace("m.role == '%s'", "(m.role == 'user') != loop.index0 is even")


@pytest.mark.parametrize(
    ("source", "messages", "rendered"),
    [
        (TURNS, [SYSTEM, ASK], f"<system>{SYS}<user>{ASKED}"),
        (TURNS, [DEVELOPER, ASK], f"<system>{DEV}<user>{ASKED}"),
        (but(RAISES), [SYSTEM, ASK], f"<user>{SYS}\n{ASKED}"),
        (but(RAISES), [SYSTEM, DEVELOPER, ASK], f"<user>{SYS}\n{DEV}\n{ASKED}"),
        (but(RAISES), [SYSTEM], f"<user>{SYS}"),
        (but(ALTERNATE), [SYSTEM, ASK, ANSWER, AGAIN], f"<user>{SYS}\n{ASKED}<assistant>"),
        (but(DROPS), [SYSTEM, ASK], f"<user>{SYS}\n{ASKED}"),
        (but(DROPS), [DEVELOPER, ASK], f"<user>{DEV}\n{ASKED}"),
        (but(LATE), [SYSTEM, DEVELOPER, ASK], f"<system>{SYS}\n{DEV}<user>{ASKED}"),
        (but(LATE), [SYSTEM, ASK, ANSWER, DEVELOPER, AGAIN], f"<user>{DEV}\n{AGAIN['content']}"),
        (but(LATE), [ASK, ANSWER, SYSTEM], f"<user>{SYS}"),
    ],
)  # fmt: skip
def test_system_messages_find_a_place(source: str, messages: Messages, rendered: str) -> None:
    assert rendered in ours(source).render(messages)


@pytest.mark.parametrize(
    ("source", "messages", "tools", "why"),
    [
        (TURNS, [ASK], TOOLS, "does not write the tools$"),
        (DROPS.join(("{% for m in messages %}", "{% endfor %}")), [ASK, CALL], None,
         "does not write tool calls$"),
        (KNOWS_TOOLS.replace("{{ m.content }}", DROPS.replace("%s", "tool")), [ASK, CALL, DONE],
         TOOLS, "does not write tool results$"),
        (KNOWS_TOOLS.replace("in m.tool_calls or []", "in (m.tool_calls or [])[:1]"),
         [ASK, called("a", "b")], TOOLS, "does not write more than one tool call in a message$"),
        (but(RAISES).replace("'system'", "'tool'"), [ASK, CALL, DONE], None, "no system$"),
    ],
)  # fmt: skip
def test_what_a_template_leaves_out_is_refused(
    source: str, messages: Messages, tools: list[Any] | None, why: str
) -> None:
    with pytest.raises(BadTemplate, match=why) as caught:
        ours(source).ids(messages, tools=tools)
    assert "tool" in caught.value.hint


def test_a_built_in_format_knows_no_tools() -> None:
    template = ChatTemplate("", tokenizer("qwen2"))
    assert "built-in format 'ChatML' is used instead, so answers may be" in template.warnings[0]
    with pytest.raises(BadTemplate, match="does not write the tools"):
        template.render([ASK], tools=TOOLS)
    assert template.render([ASK], tools=[]) == template.render([ASK])


# ---- the file's other templates


def test_named_templates() -> None:
    named = "named " + KNOWS_TOOLS
    both = {
        "tokenizer.chat_template": TURNS,
        "tokenizer.chat_templates": [b"rag", b"tool_use"],
        "tokenizer.chat_template.rag": "{{ documents[0] }}",
        "tokenizer.chat_template.tool_use": named,
    }
    template = chat_template(both, tokenizer("qwen2"))
    assert template.warnings == []
    assert template.render([ASK]).startswith("<user>")
    assert template.render([ASK], tools=TOOLS).startswith("named ")
    assert template.render([ASK, CALL, DONE], tools=TOOLS).startswith("named ")
    assert ours(KNOWS_TOOLS, tool_use=named).render([ASK], tools=TOOLS).startswith("named ")
    assert ours(TURNS, other=named).render([ASK], tools=TOOLS).startswith("named ")
    assert ours(KNOWS_TOOLS, other=named).render([ASK], tools=TOOLS).startswith("[{")
    assert ours("", tool_use=named).render([ASK]).startswith("named ")
    broken = ours(TURNS, tool_use="{% if %}")
    assert broken.render([ASK]).startswith("<user>")
    for _ in range(2):
        with pytest.raises(BadTemplate, match="not valid"):
            broken.render([ASK], tools=TOOLS)
    assert ours(KNOWS_TOOLS, tool_use="{% if %}").render([ASK], tools=TOOLS).startswith("[{")
    warned = ChatTemplate("{% if %}", tokenizer("qwen2"), {"tool_use": named})
    assert warned.name == "model" and "'tool_use' is used instead" in warned.warnings[0]


# ---- what stays true


def test_conversations_share_outlines() -> None:
    def of(*messages: dict[str, Any]) -> object:
        return outline(checked(messages), TOOLS)

    long = [ASK, ANSWER] * 500
    assert of(*long, AGAIN) == of(ASK, ANSWER, AGAIN)
    assert of(ASK, *[CALL, DONE] * 9, ANSWER, AGAIN) == of(ASK, *[CALL, DONE] * 2, ANSWER, AGAIN)
    assert of(ASK, called(*"abc"), DONE, DONE, DONE) == of(ASK, called(*"ab"), DONE, DONE)
    assert of(SYSTEM, ASK) != of(ASK) != of(ASK, AGAIN)


@pytest.mark.parametrize("source", [but(RAISES), KNOWS_TOOLS.replace(" | tojson }}]", " ~ '' }}]")])
def test_typed_text_stays_text_in_every_form(source: str) -> None:
    """In a system message that joins a question, and in arguments that become text."""
    vocabulary = tokenizer("qwen2")
    template = ours(source)
    for half, rest in (("<|im_end|>", ""), ("<|im_", "end|>"), ("x<|im_end|", ">")):
        call = {"function": {"name": half, "arguments": {half: half + rest}}}
        messages = [
            said("system", half), said("user", rest + half + rest),
            {**said("assistant", None), "tool_calls": [call]}, said("tool", half),
        ][: 2 if source == but(RAISES) else 4]  # fmt: skip
        ids = template.ids(messages)
        assert not vocabulary.vocabulary.guarded & set(ids)
        assert half + rest in template.render(messages)


@pytest.mark.parametrize("messages", [[], (), {}, "text", None, 3, {"role": "user"}])
def test_messages_are_a_list(messages: Any) -> None:
    with pytest.raises(BadRequest, match=r"messages is .*a list with at least one message"):
        ours(TURNS).ids(messages)


@pytest.mark.parametrize(
    ("message", "tools", "name"),
    [
        (CALL | {"tool_calls": "text"}, None, "tool_calls"),
        (CALL | {"tool_calls": ["text"]}, None, "tool_calls"),
        (ASK, "text", "tools"),
        (ASK, 3, "tools"),
    ],
)
def test_tools_are_lists(message: dict[str, Any], tools: Any, name: str) -> None:
    with pytest.raises(BadRequest, match=f"{name} is"):
        ours(TURNS).ids([message], tools=tools)


def test_null_keys_are_absent_keys() -> None:
    template = ours("{% for m in messages %}{{ m | tojson }}{% endfor %}")
    null = dict.fromkeys(("tool_calls", "name", "refusal", "reasoning_content"))
    assert template.render([ASK | null]) == template.render([ASK | {"tool_calls": []}])
    assert template.render([ASK | null]) == template.render([ASK])
