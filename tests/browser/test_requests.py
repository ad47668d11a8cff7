"""What may be asked of the JavaScript API: OpenAI's options, and what is refused by name."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from py_engine.hosts.static import Server
from tests.browser.engine_page import open_engine

TEMPLATE = (
    "{{ tools | tojson if tools }}{% for m in messages %}"
    "<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}<|im_start|>assistant\n"
)
ASK = """async (more) => {
  const before = sent.length;
  const messages = [{ role: "user", content: "Hello" }];
  const request = { messages, temperature: 0, max_tokens: 5, ...eval(`(${more})`) };
  const error = await failure(engine.chat.completions.create(request));
  return { error, sent: sent.slice(before) };
}"""


@pytest.fixture(scope="module")
def client(
    chromium: Browser, server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Page]:
    folder = tmp_path_factory.mktemp("requests")
    page = open_engine(chromium, server, folder, template=TEMPLATE)
    yield page
    page.close()


NO_EFFECT = """{
  model: "gpt-4o", n: 1, stream: false, stream_options: { include_usage: true }, user: "me",
  safety_identifier: "me", prompt_cache_key: "k", store: false, metadata: { a: "b" },
  service_tier: "auto", tool_choice: "auto", parallel_tool_calls: true, modalities: ["text"],
  response_format: { type: "text" }, logprobs: false, top_logprobs: 0, presence_penalty: 0,
}"""
NULLS = """{
  model: null, n: null, stream: null, stream_options: null, max_completion_tokens: null, user: null,
  store: null, metadata: null, service_tier: null, tools: null, tool_choice: null, stop: null,
  parallel_tool_calls: null, response_format: null, modalities: null, logprobs: null, seed: null,
  top_logprobs: null, functions: null, function_call: null, audio: null, prediction: null,
  web_search_options: null, reasoning_effort: null, verbosity: null, logit_bias: null, top_p: null,
  chat_template_kwargs: null, frequency_penalty: null, presence_penalty: null, signal: undefined,
  top_k: undefined,
}"""


@pytest.mark.parametrize("more", [NO_EFFECT, NULLS])
def test_options_of_openai_that_change_nothing(client: Page, more: str) -> None:
    told = client.evaluate(ASK, more)
    assert told["error"] is None
    [sent] = told["sent"]
    plain = client.evaluate(ASK, "{ presence_penalty: undefined }")["sent"][0]
    options = {name: value for name, value in sent["options"].items() if value is not None}
    options.pop("presence_penalty", None)
    assert options == {name: value for name, value in plain["options"].items() if value is not None}
    assert (sent["messages"], sent.get("tools")) == (plain["messages"], None)


def test_options_of_openai_reach_the_engine(client: Page) -> None:
    more = """{ max_tokens: undefined, max_completion_tokens: 3, seed: 7, stop: ["x"],
      logit_bias: { 5: -1 }, tools: [{ type: "function", function: { name: "f" } }] }"""
    [sent] = client.evaluate(ASK, more)["sent"]
    wanted = {"temperature": 0, "max_tokens": 3, "seed": 7, "stop": ["x"], "logit_bias": {"5": -1}}
    assert sent["options"] == wanted
    assert sent["tools"] == [{"type": "function", "function": {"name": "f"}}]
    none = client.evaluate(ASK, more.replace("tools", 'tool_choice: "none", tools'))["sent"]
    assert none[0].get("tools") is None
    again = client.evaluate(ASK, "{ max_completion_tokens: 5, stop: 'x' }")["sent"]
    assert (again[0]["options"]["max_tokens"], again[0]["options"]["stop"]) == (5, "x")


def test_options_of_the_template_reach_it_or_are_refused(client: Page) -> None:
    more = '{ reasoning_effort: "low", chat_template_kwargs: { enable_thinking: false } }'
    told = client.evaluate(ASK, more)
    [sent] = told["sent"]
    assert sent["reasoning_effort"] == "low"
    assert sent["chat_template_kwargs"] == {"enable_thinking": False}
    assert "chat template" in told["error"]["message"]  # which reads neither


def test_the_answer_has_the_loaded_models_name(client: Page) -> None:
    body = """async () => (await engine.chat.completions.create({ model: "gpt-4o", max_tokens: 1,
      messages: [{ role: "user", content: "Hello" }] })).model === engine.info.name"""
    assert client.evaluate(body)


@pytest.mark.parametrize("options", ["{ include_usage: true }", "{ include_usage: false }", "null"])
def test_the_usage_of_a_stream(client: Page, options: str) -> None:
    """In a last chunk without choices where it is asked for, and told once in any case."""
    chunks: list[dict[str, Any]] = client.evaluate(
        f"""async () => {{
          const stream = await engine.chat.completions.create({{
            messages: [{{ role: "user", content: "Hello" }}], temperature: 0, max_tokens: 5,
            stream: true, stream_options: {options} }});
          const chunks = [];
          for await (const chunk of stream) chunks.push(chunk);
          return chunks;
        }}"""
    )
    told = [chunk["usage"] for chunk in chunks if "usage" in chunk]
    assert [usage["completion_tokens"] for usage in told] == [5]
    assert "usage" in chunks[-1]
    apart = options == "{ include_usage: true }"
    assert (chunks[-1]["choices"] == []) == apart
    finish = chunks[-2 if apart else -1]
    assert finish["choices"][0]["finish_reason"] == "length"
    assert finish["timings"]["decode_tokens"] == 4


REFUSED = {
    "n": ("2", "0", '"1"'),
    "stream": ("1", '"true"'),
    "stream_options": ("true", "[]", "{ include_usage: 1 }", "{ usage: true }"),
    "max_completion_tokens": ("4",),  # max_tokens is 5
    "tools": ("{}", '"f"'),
    "tool_choice": ('"required"', '{ type: "function", function: { name: "f" } }'),
    "parallel_tool_calls": ("false",),
    "response_format": ('{ type: "json_object" }', '{ type: "json_schema" }', '"text"'),
    "modalities": ('["text", "audio"]', '"text"'),
    "logprobs": ("true",),
    "top_logprobs": ("3",),
    "store": ("true",),
    "model": ("5",),
    "metadata": ('"x"',),
    "user": ("5",),
    "functions": ("[]",),
    "function_call": ('"auto"',),
    "audio": ("{}",),
    "prediction": ("{}",),
    "web_search_options": ("{}",),
    "reasoning_effort": ("1", '""', "true"),
    "chat_template_kwargs": ("[]", '"x"', "1"),
    "chat_template_kwargs.x": ("NaN", "() => 1"),
    "verbosity": ('"low"',),
    "messages": ("[]", "null", "undefined", '"Hello"', "{}", "5", "{ 0: {} }"),
    "temperature": ("NaN", "Infinity", "-Infinity", "5n", "() => 1", "Symbol()"),
    "top_k": ("NaN",),
    "seed": ("NaN", "7n"),
    "max_tokens": ("Infinity",),
    "logit_bias.5": ("NaN",),
    "messages[0].content": ("NaN",),
    "tools[0].strict": ("NaN",),
}
SHAPES = {
    "logit_bias.5": "{{ logit_bias: {{ 5: {} }} }}",
    "messages[0].content": "{{ messages: [{{ role: 'user', content: {} }}] }}",
    "tools[0].strict": "{{ tools: [{{ strict: {} }}] }}",
    "chat_template_kwargs.x": "{{ chat_template_kwargs: {{ x: {} }} }}",
}


@pytest.mark.parametrize("stream", ["false", "true"])
@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_is_named_before_anything_is_sent(
    client: Page, name: str, stream: str
) -> None:
    for value in REFUSED[name]:
        more = SHAPES.get(name, f"{{{{ {name}: {{}} }}}}").format(value)
        if name != "stream":
            more = f"{{ stream: {stream}, ...{more} }}"
        told = client.evaluate(ASK, more)
        assert told["error"] is not None, value
        assert told["error"]["name"] == "BadRequest", value
        message = told["error"]["message"]
        assert message.startswith(f"{name} is "), message
        assert "; wanted: " in message
        assert told["sent"] == [], value


def test_an_unknown_option_is_named_beside_the_known_ones(client: Page) -> None:
    message = client.evaluate(ASK, "{ temprature: 1 }")["error"]["message"]
    assert message.startswith('option is "temprature"; wanted: one of audio, ')
    assert "temperature" in message


CALLS = {
    "the request": "engine.chat.completions.create()",
    "messages": "engine.reply().result",
    "messages ": "engine.reply([]).result",
    "messages  ": "engine.reply('Hello').result",
    "prompt": "engine.complete().result",
    "prompt ": "engine.complete(null).result",
    "prompt  ": "engine.complete({ text: 'x' }).result",
    "prompt   ": "engine.complete([]).result",
    "prompt[1]": "engine.complete([5, NaN]).result",
    "token id": "engine.complete([5, '6']).result",
    "token id ": "engine.complete([true]).result",
    "token id  ": "engine.complete([1.5]).result",
    "temperature": "engine.complete('x', { temperature: NaN }).result",
    "temperature ": "engine.complete('x', { temperature: '1' }).result",
    "stop[0]": "engine.complete('x', { stop: [NaN] }).result",
    "tools": "engine.reply([{ role: 'user', content: 'x' }], { tools: {} }).result",
    "the nesting": "engine.reply(loop).result",
    "ids": "engine.score().next()",
    "ids ": "engine.score('12').next()",
    "ids[0]": "engine.score([-Infinity]).next()",
    "token id   ": "engine.score([null]).next()",
    "text": "engine.tokenize()",
    "text ": "engine.tokenize([5])",
    "context": "client.load('models/none.gguf', { worker, context: NaN })",
}


@pytest.mark.parametrize("name", CALLS)
def test_wrong_arguments_are_named(client: Page, name: str) -> None:
    body = "async () => { const loop = []; loop.push(loop); return failure(CALL); }"
    error = client.evaluate(body.replace("CALL", CALLS[name]))
    assert error["name"] == "BadRequest", error
    assert error["message"].startswith(name.strip()), error


def test_lone_surrogates_become_replacement_characters(client: Page) -> None:
    """Half an emoji, as a text has it that was cut: anywhere in a request."""
    same = client.evaluate(
        r"""async () => {
          const prompts = async (text) => {
            const options = { temperature: 0, max_tokens: 3, stop: [`${text} stop`] };
            const messages = [{ role: "system", content: text }, { role: "user", content: text }];
            const tools = [{ type: "function", function: { name: "f", [text]: text } }];
            const results = [
              engine.complete(text, options).result,
              engine.reply(messages, { ...options, tools }).result,
            ];
            const [raw, said] = await Promise.all(results);
            return JSON.stringify([raw.prompt_ids, said.prompt_ids, await engine.tokenize(text)]);
          };
          const halves = "a\ud83db \udca9 c\ud800";
          return [await prompts(halves), await prompts("a\ufffdb \ufffd c\ufffd")];
        }"""
    )
    assert same[0] == same[1]
