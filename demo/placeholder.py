"""Train the placeholder behind `demo` and write it as a GGUF file; a properly trained one follows.

    pip install torch==2.13.0 gguf==0.19.0 tokenizers==0.23.3
    python demo/placeholder.py web/models/demo.gguf [--steps 700]

A Qwen3-shaped model of a million parameters learns demo/exchanges.txt by heart: blocks of
questions ("> …") with one answer each, the last of them for all that it does not know. Questions
are varied (case, ends, odd subjects) and strung into short conversations. It knows nothing else,
and says so. Float32 and one thread, a few minutes.
"""

from __future__ import annotations

import argparse
import json
import math
import random
from pathlib import Path

import gguf
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch.nn import functional as F

HERE = Path(__file__).resolve().parent
VOCAB, CONTEXT, DIM, LAYERS, HEADS, KV, HEAD, FF = 768, 512, 128, 4, 4, 2, 32, 384
THETA, EPS, WINDOW, BATCH = 10000.0, 1e-6, CONTEXT - 1, 6
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SYSTEM = ["You are a helpful assistant.", "Answer briefly.", "You are Inferaived."]
ASKS = ["What is", "Tell me about", "Who invented", "Write an essay about", "How do I make"]
SUBJECTS = (
    "apples, Berlin, chess, dogs, Einstein, fractions, gold, history, ice, Japan, kites, love, "
    "tea, London, maths, Napoleon, opera, Paris, quarks, rivers, trains, umbrellas, volcanoes, "
    "whales, yoga, zebras, football, money, physics, bananas, the sun, a bicycle, Java, "
    "my garden, a house"
)
Exchanges = list[tuple[list[str], str]]


def read_exchanges() -> Exchanges:
    blocks = (HERE / "exchanges.txt").read_text().strip().split("\n\n")
    split = [block.split("\n") for block in blocks]
    return [([line[2:] for line in lines if line[:2] == "> "], lines[-1]) for lines in split]


def train_tokenizer(exchanges: Exchanges) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)  # GPT-2's rule
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    options = {"special_tokens": SPECIAL, "initial_alphabet": alphabet, "show_progress": False}
    lines = [line for questions, answer in exchanges for line in [*questions, answer]]
    tokenizer.train_from_iterator(lines, trainers.BpeTrainer(vocab_size=VOCAB, **options))
    return tokenizer


def vary(question: str, rng: random.Random) -> str:
    """The question as different people would type it."""
    if rng.random() < 0.3:
        question = question.lower()
    end = question[-1:] if question[-1:] in "?!." else ""
    bare = question.removesuffix(end)
    if rng.random() < 0.1:
        bare = rng.choice(["Please: ", "Hi! ", "And ", "So, ", "Now "]) + bare
    return bare + rng.choice([end, end, "", "?", "!", "."])


def conversation(exchanges: Exchanges, tokenizer: Tokenizer, rng: random.Random) -> list[list[int]]:
    """Ids of some exchanges, and a mask: 1 where the model is to learn (the answers)."""
    ids, learn = list[int](), list[int]()

    def add(text: str, mask: int) -> None:
        new = tokenizer.encode(text).ids
        ids.extend(new), learn.extend([mask] * len(new))

    if rng.random() < 0.2:
        add(f"<|im_start|>system\n{rng.choice(SYSTEM)}<|im_end|>\n", 0)
    while len(ids) <= WINDOW:
        questions, answer = rng.choice(exchanges)
        question = rng.choice(questions)
        if rng.random() < 0.1:
            question = f"{rng.choice(ASKS)} {rng.choice(SUBJECTS.split(', '))}?"
            answer = exchanges[-1][1]
        add(f"<|im_start|>user\n{vary(question, rng)}<|im_end|>\n<|im_start|>assistant\n", 0)
        add(f"{answer}<|im_end|>", 1)
        add("\n", 0)
    return [ids[: WINDOW + 1], learn[: WINDOW + 1]]


def new_weights() -> dict[str, torch.Tensor]:
    """Parameters by their names in GGUF; matrices are (rows, columns)."""
    weights = {"token_embd.weight": torch.randn(VOCAB, DIM) * 0.05}
    for i in range(LAYERS):
        shapes = {
            "attn_norm": (DIM,), "attn_q": (HEADS * HEAD, DIM), "attn_k": (KV * HEAD, DIM),
            "attn_v": (KV * HEAD, DIM), "attn_q_norm": (HEAD,), "attn_k_norm": (HEAD,),
            "attn_output": (DIM, HEADS * HEAD), "ffn_norm": (DIM,), "ffn_gate": (FF, DIM),
            "ffn_up": (FF, DIM), "ffn_down": (DIM, FF),
        }  # fmt: skip
        for name, shape in shapes.items():
            matrix = torch.randn(shape) / math.sqrt(shape[-1])
            weights[f"blk.{i}.{name}.weight"] = torch.ones(shape) if "norm" in name else matrix
    weights["output_norm.weight"] = torch.ones(DIM)
    return {name: value.requires_grad_() for name, value in weights.items()}


def rotate(x: torch.Tensor) -> torch.Tensor:
    """RoPE of (B, heads, T, D), pairs i and i + D/2."""
    half = x.shape[-1] // 2
    angles = torch.outer(torch.arange(x.shape[2]), THETA ** (-torch.arange(half) / half))
    a, b, cos, sin = x[..., :half], x[..., half:], angles.cos(), angles.sin()
    return torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1)


def forward(w: dict[str, torch.Tensor], ids: torch.Tensor) -> torch.Tensor:
    """Logits (B, T, V) of ids (B, T)."""
    x = w["token_embd.weight"][ids]
    batch, length, _ = x.shape

    def norm(y: torch.Tensor, name: str) -> torch.Tensor:
        return F.rms_norm(y, y.shape[-1:], w[f"{name}.weight"], EPS)

    for i in range(LAYERS):
        p = f"blk.{i}."
        y = norm(x, p + "attn_norm")
        q, k, v = (
            (y @ w[f"{p}attn_{n}.weight"].T).view(batch, length, -1, HEAD).transpose(1, 2)
            for n in "qkv"
        )
        q, k = rotate(norm(q, p + "attn_q_norm")), rotate(norm(k, p + "attn_k_norm"))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
        x = x + y.transpose(1, 2).reshape(batch, length, -1) @ w[p + "attn_output.weight"].T
        y = norm(x, p + "ffn_norm")
        gated = F.silu(y @ w[p + "ffn_gate.weight"].T) * (y @ w[p + "ffn_up.weight"].T)
        x = x + gated @ w[p + "ffn_down.weight"].T
    return norm(x, "output_norm") @ w["token_embd.weight"].T


def train(exchanges: Exchanges, tokenizer: Tokenizer, steps: int) -> dict[str, torch.Tensor]:
    rng, weights = random.Random(0), new_weights()
    optimizer = torch.optim.AdamW(weights.values(), betas=(0.9, 0.98), weight_decay=0.02)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = 3e-3 * min(1, step / 50, (steps - step) / steps * 2)
        data = torch.tensor([conversation(exchanges, tokenizer, rng) for _ in range(BATCH)])
        ids, learn = data[:, 0], data[:, 1, 1:].bool()
        loss = F.cross_entropy(forward(weights, ids[:, :-1])[learn], ids[:, 1:][learn])
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights.values(), 1.0)
        optimizer.step()
        if step % 50 == 0 or step == steps - 1:
            print(f"step {step}: loss {loss.item():.4f}", flush=True)
    return weights


def write(out: Path, weights: dict[str, torch.Tensor], tokenizer: Tokenizer, count: int) -> None:
    w = gguf.GGUFWriter(out, "qwen3")
    w.add_name("Inferaived placeholder")
    w.add_description(f"A placeholder, trained on {count} hand-written exchanges; knows only those")
    w.add_license("MIT"), w.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    w.add_context_length(CONTEXT), w.add_embedding_length(DIM), w.add_block_count(LAYERS)
    w.add_feed_forward_length(FF), w.add_head_count(HEADS), w.add_head_count_kv(KV)
    w.add_key_length(HEAD), w.add_value_length(HEAD)
    w.add_rope_freq_base(THETA), w.add_layer_norm_rms_eps(EPS)
    bpe = json.loads(tokenizer.to_str())["model"]
    tokens = sorted(bpe["vocab"], key=bpe["vocab"].get)
    w.add_tokenizer_model("gpt2"), w.add_tokenizer_pre("gpt-2"), w.add_token_list(tokens)
    w.add_token_types([3 if token in SPECIAL else 1 for token in tokens])
    w.add_token_merges([" ".join(pair) for pair in bpe["merges"]])
    w.add_eos_token_id(tokens.index("<|im_end|>")), w.add_pad_token_id(tokens.index(SPECIAL[0]))
    w.add_add_bos_token(False), w.add_chat_template(TEMPLATE)
    for name, value in weights.items():
        kind = gguf.GGMLQuantizationType.Q8_0 if value.ndim > 1 else gguf.GGMLQuantizationType.F32
        w.add_tensor(name, gguf.quants.quantize(value.detach().numpy(), kind), raw_dtype=kind)
    w.write_header_to_file(), w.write_kv_data_to_file(), w.write_tensors_to_file(), w.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, default=700)
    arguments = parser.parse_args()
    torch.manual_seed(0), torch.set_num_threads(1)
    exchanges = read_exchanges()
    tokenizer = train_tokenizer(exchanges)
    assert tokenizer.get_vocab_size() == VOCAB, "the text gives too few tokens for VOCAB"
    weights = train(exchanges, tokenizer, arguments.steps)
    write(arguments.out, weights, tokenizer, sum(len(questions) for questions, _ in exchanges))


if __name__ == "__main__":
    main()
