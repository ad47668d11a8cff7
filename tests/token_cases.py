"""Texts to cut, and vocabularies whose tokens have roles: what llama.cpp says of them is recorded.

tests/vectors/record_tokens.py asks llama.cpp, tests/unit/test_pretokenizers.py compares.
"""

from collections.abc import Iterable, Mapping

from py_engine.text.vocabulary import BYTE_OF_CHAR

CHAR_OF_BYTE = {byte: char for char, byte in BYTE_OF_CHAR.items()}

TEXTS = (
    "Hello world", " Hello  world ", "I'm he'LL WE'd it's 'S 're", "don't you'Ve", "'", "''s",
    "1", "12 123", "1234567", "x1234y", "12,345.678", "1000000000 00", "٣٤٥ ½ Ⅵ", "2026-11-28",
    "a\nb", "a\n\n\nb", "a \n b", "\n\n", "\r\n\r\nx", "a\r", "x  \n\t y", "\t\tif", " " * 9 + "x",
    "end   ", "\u3000x\u3000", "\xa0a\xa0b", "a\u2029b", "x\x0by", "camelCase", "HTTPServer URL",
    "ABCdef GHi", "x.y", "a.b()", "path/to/file", "https://a.b/c?d=1", "#include <x>", "!!! ...",
    "(a) [b] {c}", "$5 = <6>", "a_b-c", "`x` ~ ^|", '"quoted"', "a=b;//c\n", "*/\n}\n\n", "...\n/x",
    "é e\u0301x", "naïve Straße", "Ünder ÀÉ", "Привет мир", "ΑΒγ", "漢字かな", "日本 語",
    "한국어 좋아", "ไทย กำ", "हिन्दी की", "בְּרֵא", "العربية، نعم۔", "👍", "👩‍👩‍👧 ok", "🇩🇪!", "ー゛",
    "“a” — b…", "，。、！", "中1234文", "ab中文cd", "x\u200by", "\ufeffx", "ǅa", "ªb ºc", "aʰ",
    "'sfoo'tbar", "It’s", "0x1F", "v1.2.3", "a\u0300\u0301 \u0302", "<|x|>", "　。",
)  # fmt: skip
"""Each of a few bytes, as every part of each becomes a token where llama.cpp is asked."""

AS_WRITTEN = (
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+",
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*",
    r" ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
)
"""Contractions, words of two kinds and the rest, as the models' own files write them."""

_CONTRACTED, _LOWER, _UPPER, _REST = AS_WRITTEN
_O200K = rf"{_LOWER}{_CONTRACTED}|{_UPPER}{_CONTRACTED}|\p{{N}}{{1,3}}|{_REST}"
_ASIAN = "[가-힣ㄱ-ㆎ]+|[！…“”‘’—：；，、-〿︰-﹏]+|[ㄅ-ㄯ]+|[一-龥぀-ゟ゠-ヿ]+"
CASED: Mapping[str, tuple[str, ...]] = {
    "tekken": (rf"{_LOWER}|{_UPPER}|\p{{N}}|{_REST}",),
    **dict.fromkeys(
        ("gpt-4o", "llama4", "kanana2", "talkie", "minimax-m2", "granite-embed-multi-97m"),
        (_O200K,),
    ),
    **dict.fromkeys(("tiny_aya", "cohere2moe"), (r"\d{1,3}(?=(?:\d{3})*\b)", _O200K)),
    "youtu": (_ASIAN, rf"{_LOWER}{_CONTRACTED}|{_UPPER}{_CONTRACTED}|\p{{N}}|{_REST}"),
}
"""Families that tell upper from lower case, by the models' own expressions.

llama.cpp takes every letter but a to z for upper case too, and splits otherwise where a text is
not ASCII; there the truth is what PyPI tokenizers makes of these.
"""

RAW = ("gemma4", "granite-embed-multi-311m", "sarvam-moe")
"""Families without the bytes' printable characters; a space is written as U+2581."""

BY_ASCII = ("deepseek-coder", "deepseek-llm")
"""Families of which llama.cpp reads a white space beyond ASCII as U+000B."""

ROLES: Mapping[str, tuple[str, str, Mapping[str, str]]] = {  # control, user-defined, ids by text
    "llama 3": ("<|begin_of_text|> <|end_of_text|> <|start_header_id|> <|eom_id|> <|eot_id|>"
                " <|python_tag|>", "", {"bos": "<|begin_of_text|>", "eos": "<|eot_id|>"}),
    "qwen 3": ("<|endoftext|> <|im_start|> <|im_end|> <|fim_prefix|> <|fim_suffix|> <|fim_middle|>"
               " <|fim_pad|> <|repo_name|> <|file_sep|>", "<think> </think> <tool_call>",
               {"eos": "<|im_end|>", "padding": "<|endoftext|>"}),
    "gemma 3": ("<pad> <eos> <bos> <unk> <start_of_turn> <end_of_turn>", "\\n\\n <table>",
                {"bos": "<bos>", "eos": "<eos>", "unknown": "<unk>"}),
    "gemma 4": ("<pad> <eos> <bos> <|turn> <turn|>", "<|channel> <|tool_response> </s>",
                {"bos": "<bos>", "eos": "<turn|>"}),
    "harmony": ("<|startoftext|> <|endoftext|> <|return|> <|constrain|> <|channel|> <|start|>"
                " <|end|> <|message|> <|call|>", "", {"eos": "<|return|>"}),
    "solar": ("<|startoftext|> <|flush|> <|end|> <|calls|> <|begin|>", "", {"eos": "<|flush|>"}),
    "phi 4": ("<|endoftext|> <|end|> <|user|> <|assistant|>", "", {"eos": "<|end|>"}),
    "granite": ("<|end_of_text|> <fim_prefix> <fim_middle> <fim_suffix> <fim_pad> <reponame>"
                " <|start_of_role|> <|tool_call|>", "", {"eos": "<|end_of_text|>"}),
    "mistral": ("<unk> <s> </s> [INST] [/INST] [TOOL_CALLS]", "", {"bos": "<s>", "eos": "</s>"}),
    "glm 4": ("<|endoftext|> [gMASK] <sop> <|user|> <|observation|> <|code_prefix|>",
              "<think> </think>", {"eos": "<|endoftext|>", "eot": "<|user|>",
                                   "eom": "<|observation|>"}),
    "exaone": ("[BOS] [PAD] [|endofturn|] [|user|]", "<think>", {"eos": "[|endofturn|]"}),
    "deepseek": ("<｜begin▁of▁sentence｜> <｜end▁of▁sentence｜> <｜fim▁hole｜> <｜fim▁begin｜>"
                 " <｜fim▁end｜>", "<｜User｜>", {"eos": "<｜end▁of▁sentence｜>"}),
    "lfm 2": ("<|pad|> <|startoftext|> <|endoftext|> <|im_start|> <|im_end|>", "",
              {"bos": "<|startoftext|>", "eos": "<|im_end|>"}),
    "hunyuan": ("<|startoftext|> <|extra_0|> <|eos|> <|endoftext|>", "", {"eos": "<|eos|>"}),
    "seed": ("<seed:bos> <seed:eos> <seed:pad>", "<seed:think>", {"eos": "<seed:eos>"}),
    "kimi": ("[BOS] [EOS] [EOT] [PAD] <|im_end|>", "", {"eos": "[EOS]"}),
    "minimax": ("]~b] [e~[ ]~!b[", "<think>", {"eos": "[e~["}),
    "plamo": ("<|plamo:bos|> <|plamo:eos|> </s>", "", {"eos": "<|plamo:eos|>"}),
    "ordinary ends": ("<s>", "<|im_end|> <|eot_id|> <EOT>", {"eos": "<s>"}),
}  # fmt: skip
"""The special tokens of families of models, and which of them their files name.

Source: the models' tokenizer_config.json and generation_config.json, as conversions keep them.
"""


def parts(texts: Iterable[str]) -> list[str]:
    """Every part of each text, short ones first."""
    found = {
        text[at:end]
        for text in texts
        for at in range(len(text))
        for end in range(at + 1, len(text) + 1)
    }
    return sorted(found, key=lambda part: (len(part), part))


def flagged(pre: str) -> tuple[dict[str, object], list[str]]:
    """Metadata of a vocabulary that shows what follows from a name, and the texts of its tokens.

    "abc" is a token that no merge makes, and the usual BOS, 11, is a control token.
    """
    raw = pre in RAW
    tokens = [f"<0x{byte:02X}>" for byte in range(256)] if raw else [*CHAR_OF_BYTE.values()]
    tokens += ["a", "b", "c", "abc"] if raw else ["abc"]
    kinds = [1] * len(tokens)
    kinds[11] = 3
    made: dict[str, object] = {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": pre,
        "tokenizer.ggml.tokens": [token.encode() for token in tokens],
        "tokenizer.ggml.token_type": kinds,
        "tokenizer.ggml.merges": [b"x y"],
    }
    return made, tokens


def by_bytes(text: str) -> str:
    """GPT-2's printable characters for a text's bytes."""
    return "".join(CHAR_OF_BYTE[byte] for byte in text.encode())


def roles(name: str) -> tuple[dict[str, object], list[str]]:
    """Metadata of a vocabulary with a family's special tokens, and the texts of its tokens."""
    control, user_defined, named = ROLES[name]
    special = [*control.split(), *user_defined.split()]
    tokens = [*map(CHAR_OF_BYTE.__getitem__, range(256)), *special]
    kinds = [1] * 256 + [3] * len(control.split()) + [4] * len(user_defined.split())
    made: dict[str, object] = {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "gpt-2",
        "tokenizer.ggml.tokens": [token.encode() for token in tokens],
        "tokenizer.ggml.token_type": kinds,
        "tokenizer.ggml.merges": [b"a b"],
    }
    made |= {f"tokenizer.ggml.{role}_token_id": tokens.index(text) for role, text in named.items()}
    return made, tokens
