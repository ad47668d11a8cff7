r"""The table of `tokenizer.ggml.pre`: how text is cut into words before byte-pair merges.

A family is a list of expressions, applied in order; each cuts the pieces that the one before it
left, and what lies between two matches is a piece of its own. The expressions are the models' own,
written so that Oniguruma (PyPI tokenizers) and JavaScript (npm @huggingface/tokenizers) read them
alike: no `(?i:)`, whose case folding differs outside ASCII.
Source: the models' tokenizer.json files, names and flags as in llama.cpp's src/llama-vocab.cpp.
"""

from dataclasses import dataclass, replace

_CONTRACTIONS = "(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])"
_SPACES = r"\s*[\r\n]+|\s+(?!\S)|\s+"
_WORD = r"[^\r\n\p{L}\p{N}]?\p{L}+"
_SYMBOLS = r" ?[^\s\p{L}\p{N}]+[\r\n]*"

_LLAMA3 = rf"{_CONTRACTIONS}|{_WORD}|\p{{N}}{{1,3}}|{_SYMBOLS}|{_SPACES}"
_QWEN2 = rf"{_CONTRACTIONS}|{_WORD}|\p{{N}}|{_SYMBOLS}|{_SPACES}"
_QWEN35 = (
    rf"{_CONTRACTIONS}|[^\r\n\p{{L}}\p{{N}}]?[\p{{L}}\p{{M}}]+|\p{{N}}"
    rf"| ?[^\s\p{{L}}\p{{M}}\p{{N}}]+[\r\n]*|{_SPACES}"
)
_GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)"
_DEEPSEEK3 = (
    r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"""
    rf"| ?[\p{{P}}\p{{S}}]+[\r\n]*|{_SPACES}"
)
# Upper- and lower-case runs, as tekken and o200k split them.
_UPPER, _LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_LEAD = r"[^\r\n\p{L}\p{N}]?"
_PATHS = rf" ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*|{_SPACES}"
_TEKKEN = rf"{_LEAD}{_UPPER}*{_LOWER}+|{_LEAD}{_UPPER}+{_LOWER}*|\p{{N}}|{_PATHS}"
_GPT4O = (
    rf"{_LEAD}{_UPPER}*{_LOWER}+{_CONTRACTIONS}?|{_LEAD}{_UPPER}+{_LOWER}*{_CONTRACTIONS}?"
    rf"|\p{{N}}{{1,3}}|{_PATHS}"
)
# The letters that deepseek-llm knows: those with case, as far as its authors listed them.
_DEEPSEEK_LETTERS = (
    "A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚ"
    "Ḁ-ἕἘ-Ἕἠ-ὅὈ-Ὅὐ-ὗὙὛὝὟ-ώᾀ-ᾴᾶ-ᾼιῂ-ῄῆ-ῌῐ-ΐῖ-Ίῠ-Ῥῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ-ℝℤΩℨK-ℭℯ-ℴℹℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻ"
    "Ȿ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-Ｚａ-ｚ𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃"
)
_THREES = r"\p{Nd}{1,3}(?=(?:\p{Nd}{3})*"  # digits in threes, counted from their end
_BLOOM = r" ?[^(\s|.,!?…。，、।۔،)]+"
_LINES = r"[^\n]+|[\n]+"
_YOUTU = "[가-힣ㄱ-ㆎ]+|[！…“”‘’—：；，、-〿︰-﹏]+|[ㄅ-ㄯ]+|[一-龥぀-ゟ゠-ヿ]+"
_HALVED = "|".join(rf"\s{{{n}}}(?!\S)" for n in (512, 256, 128, 64, 32, 16, 8, 4))
_HALVED += r"|\s{1,2}(?!\S)|\s"  # runs of spaces in parts of jais-2's own sizes


@dataclass(frozen=True)
class PreTokenizer:
    """How one family cuts text, and what follows for the tokenizer.

    Args:
        expressions: applied in order.
        byte_level: bytes are written as GPT-2's printable characters before the merges; otherwise
            the merges work on the text itself, with a space written as U+2581 (▁).
        ignore_merges: a word that is a token is taken whole.
        add_bos: the default where the file does not say.
        default_bos: False where the family's files have no BOS unless they name one.
    """

    expressions: tuple[str, ...]
    byte_level: bool = True
    ignore_merges: bool = False
    add_bos: bool = False
    default_bos: bool = True


_llama3 = PreTokenizer((_LLAMA3,))
_qwen2 = PreTokenizer((_QWEN2,))
_gpt2 = PreTokenizer((_GPT2,))
_digit_gpt2 = PreTokenizer((r"\p{N}", _GPT2))
_deepseek3 = PreTokenizer((r"\p{N}{1,3}", r"[一-龥぀-ゟ゠-ヿ]+", _DEEPSEEK3))
_gpt4o = PreTokenizer((_GPT4O,))
_bloom = PreTokenizer((_BLOOM,))

DEFAULT = PreTokenizer((r"[\p{P}\$\+<=>\^~\|]+", _GPT2, r"\p{N}+", "[0-9][0-9][0-9]"))
"""What a file without the key gets."""

GEMMA4 = PreTokenizer((_LINES,), byte_level=False, add_bos=True)
"""Its BOS is added whatever the file says: llama.cpp PR 21500."""

_FAMILIES: tuple[tuple[PreTokenizer, str], ...] = (
    (DEFAULT, "default"),
    (
        replace(_llama3, ignore_merges=True, add_bos=True),
        "llama3 llama-v3 llama-bpe falcon3 falcon-h1 pixtral midm-2.0 lfm2 jina-v5-nano",
    ),
    (_llama3, "dbrx smaug-bpe"),
    (replace(_llama3, default_bos=False), "chatglm-bpe"),
    (replace(_llama3, default_bos=False, ignore_merges=True), "glm4 glm5"),
    (
        _qwen2,
        "qwen2 deepseek-r1-qwen kormo f2llmv2 megrez stablelm2 hunyuan solar-open grok-2",
    ),
    (PreTokenizer((_QWEN35,)), "qwen35"),
    (
        _gpt2,
        "gpt-2 phi-2 jina-es jina-de jina-v2-es jina-v2-de gigachat a.x-4.0 mellum modern-bert"
        " exaone4 jina-v1-en jina-v2-code roberta-bpe mpt olmo jais trillion granite-docling",
    ),
    (
        _digit_gpt2,
        "starcoder refact command-r smollm codeshell exaone minerva-7b mellum2",
    ),
    (PreTokenizer((r"[\p{P}\$\+<=>\^~\|`]+", _GPT2, "[0-9][0-9][0-9]")), "falcon"),
    (_deepseek3, "deepseek-v3 hunyuan-dense joyai-llm hy_v4"),
    (
        PreTokenizer(
            (
                r"\p{N}{1,3}",
                r"[一-龥぀-ゟ゠-ヿ]+",
                _DEEPSEEK3.replace(rf"[\r\n]*|{_SPACES}", r"|[\r\n]|\s+(?!\S)|\s+"),
                r"\p{N}",
            )
        ),
        "spark2_5",
    ),
    (
        PreTokenizer(
            (
                r"[\r\n]",
                rf"\s?[{_DEEPSEEK_LETTERS}]+",
                r"\s?[!-/:-~！-／：-～‘-‟　-。]+",
                r"\s+$",
                r"[一-龥ࠀ-一가-\uD7FF]+",
                r"\p{N}+",
            ),
        ),
        "deepseek-llm",
    ),
    (
        PreTokenizer(
            (r"[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", r"[一-龥ࠀ-一가-\uD7FF]+", r"\p{N}"),
        ),
        "deepseek-coder",
    ),
    (PreTokenizer((_TEKKEN,), ignore_merges=True, add_bos=True), "tekken"),
    (_gpt4o, "gpt-4o llama4 kanana2 talkie minimax-m2"),
    (replace(_gpt4o, ignore_merges=True), "granite-embed-multi-97m"),
    (
        PreTokenizer((rf"{_THREES}(?![\p{{L}}\p{{M}}\p{{Nd}}\p{{Pc}}]))", _GPT4O)),
        "tiny_aya cohere2moe",
    ),
    (
        PreTokenizer((_YOUTU, _GPT4O.replace("{1,3}", "")), ignore_merges=True),
        "youtu",
    ),
    (PreTokenizer((r"\p{N}+", rf"{_THREES}(?!\p{{Nd}}))")), "superbpe"),
    (_bloom, "bloom gpt3-finnish poro-chat"),
    (replace(_bloom, expressions=(_BLOOM, r"\p{N}")), "viking"),
    (GEMMA4, "gemma4 granite-embed-multi-311m"),
    (replace(GEMMA4, add_bos=False), "sarvam-moe"),
    (
        PreTokenizer(
            (r"\p{N}{1,3}", _LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}+")), ignore_merges=True
        ),
        "minicpm5",
    ),
    (PreTokenizer((_LINES, _QWEN2)), "laguna"),
    (PreTokenizer((_QWEN2.removeprefix(f"{_CONTRACTIONS}|"),)), "ufakzeka"),
    (
        PreTokenizer((_QWEN2.replace(_SYMBOLS, r" ?[^\s\p{L}\p{N}\r\n]+"),)),
        "seed-coder",
    ),
    (
        PreTokenizer(
            (
                rf"'(?:[sSdDmMtT]|[lL][lL]|[vV][eE]|[rR][eE])|{_WORD}|\p{{N}}|{_SYMBOLS}"
                r"|\s*[\r\n]|\s+(?!\S)|\s+",
            )
        ),
        "bailingmoe bailingmoe2 llada-moe",
    ),
    (
        PreTokenizer(
            (
                rf"{_CONTRACTIONS}|{_LEAD}(?:\p{{L}}\p{{M}}*(?: \p{{L}}\p{{M}}*)*)+|\p{{N}}"
                r"| ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+",
            )
        ),
        "exaone-moe",
    ),
    (PreTokenizer((_LLAMA3.replace(r"\s+(?!\S)|\s+", _HALVED),)), "jais-2"),
)

PRE_TOKENIZERS: dict[str, PreTokenizer] = {
    name: family for family, names in _FAMILIES for name in names.split()
}
"""Every `tokenizer.ggml.pre` that the engine takes."""
