"""A made-up byte-level vocabulary of any size, in which whole words are single tokens.

Words are syllables of a consonant and a vowel, with a space before: " ba", " baba", " bababa". A
merge joins what stands left to the next syllable, so every engine cuts a word in the same way,
whatever its merges' order: no other merge fits. Of two syllables there are 11,025 words (the
pages' prompts are made of these), of three more than any vocabulary holds. Standard library
only, Python 3.10.
"""

from itertools import chain, islice, product

NORMAL, CONTROL, UNUSED = 1, 3, 5
"""Token types of GGUF."""

SPACE = "Ġ"
"""GPT-2's letter for the byte of a space."""
SYLLABLES = [a + b for a, b in product("bcdfghjklmnpqrstvwxyz", "aeiou")]

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SPECIAL = {
    "qwen2": ("<|endoftext|>", "<|im_start|>", "<|im_end|>"),
    "llama-bpe": ("<|begin_of_text|>", "<|end_of_text|>", "<|im_start|>", "<|im_end|>"),
}
END = {"qwen2": "<|im_end|>", "llama-bpe": "<|end_of_text|>"}


def tokenizer_metadata(pre: str, n_tokens: int, n_unused: int) -> dict[str, object]:
    """The keys `tokenizer.*` of a GGUF with `n_tokens` tokens, of which the last are unused.

    Args:
        pre: `qwen2` or `llama-bpe`.
        n_unused: tokens that no text gives, as the padding of real vocabularies.
    """
    special = SPECIAL[pre]
    merges = list(islice(_merges(), n_tokens - 256 - len(special) - n_unused))
    words = [left + right for left, right in merges]
    unused = [f"[PAD{i}]" for i in range(n_unused)]
    tokens = [*_byte_letters(), *words, *special, *unused]
    types = [NORMAL] * (256 + len(words)) + [CONTROL] * len(special) + [UNUSED] * n_unused
    return {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": pre,
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": types,
        "tokenizer.ggml.merges": [f"{left} {right}" for left, right in merges],
        "tokenizer.ggml.bos_token_id": tokens.index(special[0]),
        "tokenizer.ggml.eos_token_id": tokens.index(END[pre]),
        "tokenizer.ggml.add_bos_token": False,  # so that n words are n tokens
        "tokenizer.chat_template": CHATML,
    }


def _merges() -> "chain[tuple[str, str]]":
    """Pairs that merge, in order of rank: syllables, words of one, of two, of three."""
    letters = ((s[0], s[1]) for s in SYLLABLES)
    one = ((SPACE, s) for s in SYLLABLES)
    two = ((SPACE + a, b) for a, b in product(SYLLABLES, repeat=2))
    three = ((SPACE + a + b, c) for a, b, c in product(SYLLABLES, repeat=3))
    return chain(letters, one, two, three)


def _byte_letters() -> list[str]:
    """The 256 byte tokens as GPT-2 orders and spells them: printable Latin-1, then U+0100 on."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    return [chr(code) for code in (*printable, *range(0x100, 0x100 + 256 - len(printable)))]
