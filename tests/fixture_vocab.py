"""Small tokenizers for the fixture models, learned from a page of our own text.

Gives the `tokenizer.*` metadata of a GGUF file: a byte-level BPE vocabulary as GPT-2, Llama 3 and
Qwen files carry, or a SentencePiece one as Llama 2 files do. Knows nothing of weights.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from gguf import TokenType

TEXT = """\
Inferaived runs language models on your own machine, in a web page. The engine is written in
Python and the arithmetic in WGSL shaders; WebGPU runs them on the graphics card. A model is one
GGUF file: it holds the weights, the tokenizer and the chat template, so that nothing else has to
be fetched. What you write stays where you write it. No text leaves the page, and no server
answers for it.

To try it, open the page, choose a model and ask a question. The answer appears token by token,
and you can stop it at any time. The same engine runs in a terminal: "inferaived ask model 'Hi'".
Why is the sky blue? How many days are there in a week? Who was the first person on the moon?
It's fine that they've no answer; I'm sure we'll find one, don't you think? You're right, I'd say.

Numbers: 1, 2, 3, 10, 42, 365, 1024, 65536; prices of 3.50 and 12.99; dates: 2026-09-30 at 12:45.
def mean(values): return sum(values) / len(values)   # for (i = 0; i < n; i++) { sum += x[i]; }
Umlaute und Akzente: für, über, größer, schön, Straße; café, naïve, déjà vu, señor, ação, İstanbul.
Привет, как дела? Καλημέρα κόσμε. 你好世界。 こんにちは世界。 안녕하세요. שלום. مرحبا. नमस्ते. 🙂🚀
"""

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
INST = (
    "{{ bos_token }}{% for message in messages %}{% if message.role == 'user' %}"
    "[INST] {{ message.content }} [/INST]{% elif message.role == 'assistant' %}"
    " {{ message.content }}{{ eos_token }}{% else %}{{ message.content }}\n{% endif %}{% endfor %}"
)
CONTROL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
USER_DEFINED = ["<think>", "</think>"]

Metadata = dict[str, object]


def tokenizer_metadata(vocab_size: int, model: str, pre: str | None) -> Metadata:
    """The keys and values for a vocabulary of exactly vocab_size; model is `gpt2` or `llama`."""
    return byte_level(vocab_size, pre or "gpt-2") if model == "gpt2" else sentencepiece(vocab_size)


def byte_level(vocab_size: int, pre: str) -> Metadata:
    """256 byte letters, then merged tokens in the order learned, then control and other tokens."""
    letters = byte_letters()
    words = re.findall(r" ?[^\W\d_]+| ?\d| ?[^\s\w]+|\s+", TEXT)
    spelled = ["".join(letters[byte] for byte in word.encode()) for word in words]
    bos = ["<|begin_of_text|>"] if pre == "llama-bpe" else []
    special = bos + CONTROL + USER_DEFINED
    merges = learn_merges(spelled, vocab_size - 256 - len(special))
    normal = [letters[byte] for byte in order_of_bytes()] + [a + b for a, b in merges]
    normal = list(dict.fromkeys(normal))  # two merges may spell the same token
    fill = [f"[PAD{i}]" for i in range(vocab_size - len(normal) - len(special))]
    types = [TokenType.NORMAL] * len(normal)
    types += [TokenType.CONTROL] * len(bos + CONTROL) + [TokenType.USER_DEFINED] * len(USER_DEFINED)
    tokens = normal + special + fill
    return {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": pre,
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": [int(t) for t in types + [TokenType.UNUSED] * len(fill)],
        "tokenizer.ggml.merges": [f"{a} {b}" for a, b in merges],
        "tokenizer.ggml.bos_token_id": tokens.index(special[0]),
        "tokenizer.ggml.eos_token_id": tokens.index("<|im_end|>"),
        "tokenizer.ggml.padding_token_id": tokens.index("<|endoftext|>"),
        "tokenizer.ggml.add_bos_token": bool(bos),
        "tokenizer.chat_template": "{{ bos_token }}" + CHATML if bos else CHATML,
    }


def sentencepiece(vocab_size: int) -> Metadata:
    """<unk>, <s>, </s>, 256 byte tokens, merged pieces by score, then single characters."""
    words = [word.replace(" ", "▁") for word in re.findall(r" ?[^\W\d_]+| ?\d| ?[^\s\w]+", TEXT)]
    characters = sorted(set("".join(words)), key=lambda c: (-"".join(words).count(c), c))
    head = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)]
    characters = characters[: (vocab_size - len(head)) // 2]
    known = set(characters)
    words = [word for word in words if known.issuperset(word)]
    count = vocab_size - len(head) - len(characters)
    pieces = [a + b for a, b in learn_merges(words, 2 * count)]
    pieces = list(dict.fromkeys(pieces))[:count]
    if len(pieces) < count:
        raise ValueError(f"the text gives {len(pieces)} pieces, not {count}")
    ranked = pieces + characters
    types = [TokenType.UNKNOWN, TokenType.CONTROL, TokenType.CONTROL] + [TokenType.BYTE] * 256
    return {
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.pre": "default",
        "tokenizer.ggml.tokens": head + ranked,
        "tokenizer.ggml.scores": [0.0] * len(head) + [float(-rank) for rank in range(len(ranked))],
        "tokenizer.ggml.token_type": [int(t) for t in types + [TokenType.NORMAL] * len(ranked)],
        "tokenizer.ggml.bos_token_id": 1,
        "tokenizer.ggml.eos_token_id": 2,
        "tokenizer.ggml.unknown_token_id": 0,
        "tokenizer.ggml.add_bos_token": True,
        "tokenizer.ggml.add_eos_token": False,
        "tokenizer.ggml.add_space_prefix": True,
        "tokenizer.chat_template": INST,
    }


def learn_merges(words: Sequence[str], count: int) -> list[tuple[str, str]]:
    """At most count merges by byte-pair encoding (Sennrich et al. 2016); ties go by the text."""
    spelled = Counter(tuple(word) for word in words)
    merges: list[tuple[str, str]] = []
    while len(merges) < count:
        pairs: Counter[tuple[str, str]] = Counter()
        for word, n in spelled.items():
            for pair in pairwise(word):
                pairs[pair] += n
        if not pairs:
            break
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        joined: Counter[tuple[str, ...]] = Counter()
        for word, n in spelled.items():
            joined[_join(word, best)] += n
        spelled = joined
    return merges


def _join(word: tuple[str, ...], pair: tuple[str, str]) -> tuple[str, ...]:
    out: list[str] = []
    i = 0
    while i < len(word):
        both = word[i : i + 2] == pair
        out.append(word[i] + word[i + 1] if both else word[i])
        i += 2 if both else 1
    return tuple(out)


def order_of_bytes() -> list[int]:
    """Bytes in GPT-2's order of ids: the 188 that are printable in Latin-1 first."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    return printable + [byte for byte in range(256) if byte not in printable]


def byte_letters() -> dict[int, str]:
    """GPT-2's letter for each byte: itself where printable, else U+0100 and on."""
    order = order_of_bytes()
    return {byte: chr(byte) if i < 188 else chr(0x100 + i - 188) for i, byte in enumerate(order)}
