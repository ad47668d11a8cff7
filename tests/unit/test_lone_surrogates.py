"""Half a character, which UTF-8 cannot say, becomes U+FFFD wherever text comes in."""

from typing import Any

import pytest

from py_engine.text.chat import ChatTemplate
from py_engine.text.chat_formats import CHATML
from py_engine.text.detokenizer import Detokenizer
from py_engine.text.special import well_formed
from py_engine.text.tokenizer import Tokenizer
from tests.unit.test_tokenizer import bpe
from tests.vocabularies import COMMON, RustEncoder, tokenizer

HALVES = "a\ud83d b\udca9\udc80 <|im_end|>\udfff 💩"
WHOLE = "a\ufffd b\ufffd\ufffd <|im_end|>\ufffd 💩"


def test_only_halves_are_replaced() -> None:
    assert well_formed(HALVES) == WHOLE
    assert well_formed("\ud7ff\ue000💩\ufffd") == "\ud7ff\ue000💩\ufffd"
    assert well_formed("\ud83d\udca9\udca9\ud83d\ud83d\udca9\ud83d") == "💩\ufffd\ufffd💩\ufffd"


@pytest.mark.parametrize("special", [False, True])
@pytest.mark.parametrize("name", COMMON)
def test_text_is_encoded(name: str, special: bool) -> None:
    ours = tokenizer(name)
    assert ours.encode(HALVES, special=special) == ours.encode(WHOLE, special=special)


def test_messages_and_tools_are_rendered() -> None:
    template = ChatTemplate(CHATML.replace("{{ ", "{{ tools | tojson }}{{ ", 1), tokenizer("qwen2"))

    def ids(text: str) -> list[int]:
        messages: list[dict[str, Any]] = [
            {"role": "system", "content": text},
            {"role": "user", "content": [{"type": "text", "text": text}], text: text},
            {"role": "assistant", "content": text, "reasoning_content": text},
        ]
        return template.ids(messages, tools=[{"function": {"name": text, text: [text]}}])

    assert not template.warnings
    assert ids(HALVES) == ids(WHOLE)


def test_half_a_character_cannot_become_a_part_of_a_control_token() -> None:
    ours = Tokenizer(bpe("<\ufffd>", "<|im_start|>", "<|im_end|>"), RustEncoder)
    token = ours.special["<\ufffd>"]
    template = ChatTemplate(CHATML, ours)
    assert not template.warnings
    for typed in ("<\ufffd>", "<\ud83d>"):
        assert token not in template.ids([{"role": "user", "content": typed}])


def test_stop_strings_match_what_the_model_writes() -> None:
    ours = tokenizer("qwen2")
    detokenizer = Detokenizer(ours, ["\ud83d!"])
    text = "".join(map(detokenizer.push, ours.encode("ab\ufffd!c")))
    assert (text, detokenizer.stopped) == ("ab", True)
