"""The metadata and tensors of the models in fixture_models.py: random, and the same anywhere."""

from __future__ import annotations

import math
import zlib

import numpy as np

from tests.fixture_models import Shape
from tests.fixture_saved import BIASED, SAVED
from tests.fixture_vocab import tokenizer_metadata


def metadata(shape: Shape, name: str) -> dict[str, object]:
    """All keys of a file."""
    inner = shape.feed_forward
    if shape.architecture == "qwen":  # which counts gate and up together
        assert isinstance(inner, int)
        inner *= 2
    own: dict[str, object] = {
        "context_length": shape.context,
        "embedding_length": shape.embedding,
        "block_count": shape.layers + shape.drafts,
        "feed_forward_length": _list(inner),
        "attention.head_count": _list(shape.heads),
        "attention.head_count_kv": _list(shape.kv_heads),
        "attention.layer_norm_rms_epsilon": shape.eps,
        "rope.freq_base": shape.theta,
    }
    if shape.head_size:
        own |= {"attention.key_length": shape.head_size, "attention.value_length": shape.head_size}
    if shape.rotated or shape.architecture == "llama" or shape.saved:  # qwen files do not say it
        own["rope.dimension_count"] = shape.rotated or shape.head
        own["vocab_size"] = shape.vocab
    own |= shape.keys
    if shape.saved:
        own |= SAVED
    if shape.saved or shape.drafts:
        own["nextn_predict_layers"] = shape.drafts
    whole: dict[str, object] = {"general.name": name}
    whole |= {f"{shape.architecture}.{key}": value for key, value in own.items()}
    if shape.saved:
        tokens = [f"tok_{i}" for i in range(shape.vocab)]
        return whole | {"tokenizer.ggml.model": "test", "tokenizer.ggml.tokens": tokens}
    return whole | tokenizer_metadata(shape.vocab, shape.tokenizer, shape.pre)


def _list(number: int | tuple[int, ...]) -> int | list[int]:
    return number if isinstance(number, int) else list(number)


def tensors(shape: Shape, seed: int) -> dict[str, np.ndarray]:
    """All tensors by name, float32; matrices (rows, columns), in the order files have them."""
    made, c = _Tensors(shape, seed), shape.embedding
    made.matrix("token_embd", shape.vocab, c, gain=shape.spread)
    made.per_layer_table()
    for i in range(shape.layers + shape.drafts):
        made.attention(i)
        made.feed_forward(i)
        made.per_layer(i)
        if i >= shape.layers:
            made.matrix(f"blk.{i}.nextn.eh_proj", c, 2 * c)
            made.norm(f"blk.{i}.nextn.enorm", c)
            made.norm(f"blk.{i}.nextn.hnorm", c)
    made.norm("token_embd_norm" if shape.architecture == "lfm2" else "output_norm", c)
    if not shape.tied:
        made.matrix("output", shape.vocab, c, gain=shape.spread)
    if shape.saved and shape.architecture == "qwen3":
        made.out["cls.output.weight"] = normal("cls.output.weight", seed, c)
    made.rotation()
    return {name: values.astype(np.float32) for name, values in made.out.items()}


class _Tensors:
    """The tensors of a shape as they are made, in `out`."""

    def __init__(self, shape: Shape, seed: int) -> None:
        self.shape, self.seed = shape, seed
        self.out: dict[str, np.ndarray] = {}
        self._biased = BIASED[shape.architecture] if shape.saved else shape.bias

    def matrix(self, name: str, rows: int, columns: int, gain: float = 1.0) -> None:
        values = normal(f"{name}.weight", self.seed, rows, columns)
        self.out[f"{name}.weight"] = gain / math.sqrt(columns) * values
        if name.rpartition(".")[2] in self._biased:
            self.out[f"{name}.bias"] = 0.5 * normal(f"{name}.bias", self.seed, rows)
        if self.shape.scaled and name.startswith("blk."):
            self.out[f"{name}.scale"] = 1.25 + 0.25 * normal(f"{name}.scale", self.seed, 1)
        if self.shape.saved and name.startswith("blk."):
            self.out[f"{name}.input_scale"] = normal(f"{name}.input_scale", self.seed, 1)

    def norm(self, name: str, size: int) -> None:
        self.out[f"{name}.weight"] = 1 + 0.25 * normal(f"{name}.weight", self.seed, size)

    def attention(self, i: int) -> None:
        shape, blk, c = self.shape, f"blk.{i}", self.shape.embedding
        heads, kv_heads = shape.of(shape.heads, i), shape.of(shape.kv_heads, i)
        if not heads:
            return
        if shape.norms != "after":
            self.norm(f"{blk}.attn_norm", c)
        if shape.architecture == "lfm2" and not kv_heads:
            self.matrix(f"{blk}.shortconv.in_proj", 3 * c, c, gain=1.5)
            self.table(f"{blk}.shortconv.conv.weight", c, 3)
            self.matrix(f"{blk}.shortconv.out_proj", c, c)
            return
        if shape.architecture == "qwen35" and (i + 1) % 4:
            self.delta_net(blk)
            return
        size = shape.head_of(i)
        q, kv = heads * size, kv_heads * size
        owned = i < shape.layers - shape.keys.get("attention.shared_kv_layers", 0)
        if shape.fused:
            self.matrix(f"{blk}.attn_qkv", q + 2 * kv, c, gain=1.5)
        elif kv:
            own = 2 * q if shape.architecture == "qwen35" else q  # its gates lie between queries
            for letter, rows in ("q", own), ("k", kv), ("v", kv):
                if letter == "v" and shape.tied_values and size == shape.head:
                    continue
                if letter != "q" and not owned and shape.architecture == "gemma4":
                    continue
                self.matrix(f"{blk}.attn_{letter}", rows, c, gain=1.5)
                if shape.qk_norm and letter != "v":
                    self.norm(
                        f"{blk}.attn_{letter}_norm", size if shape.qk_norm == "head" else rows
                    )
        self.matrix(f"{blk}.attn_output", c, q if kv else c)
        if shape.norms != "before":
            self.norm(f"{blk}.post_attention_norm", c)

    def delta_net(self, blk: str) -> None:
        c, keys = self.shape.embedding, self.shape.keys
        size, shared, heads = (
            keys[f"ssm.{name}"] for name in ("state_size", "group_count", "time_step_rank")
        )
        assert isinstance(size, int) and isinstance(shared, int) and isinstance(heads, int)
        mixed, values = (2 * shared + heads) * size, heads * size
        self.matrix(f"{blk}.attn_qkv", mixed, c, gain=1.5)
        self.matrix(f"{blk}.attn_gate", values, c)
        self.matrix(f"{blk}.ssm_alpha", heads, c)
        self.matrix(f"{blk}.ssm_beta", heads, c)
        self.out[f"{blk}.ssm_dt.bias"] = normal(f"{blk}.ssm_dt.bias", self.seed, heads)
        decay = np.exp(normal(f"{blk}.ssm_a", self.seed, heads) - 2)
        self.out[f"{blk}.ssm_a"] = -decay
        self.table(f"{blk}.ssm_conv1d.weight", mixed, 4)
        self.norm(f"{blk}.ssm_norm", size)
        self.matrix(f"{blk}.ssm_out", c, values, gain=2)

    def table(self, name: str, rows: int, columns: int) -> None:
        self.out[name] = 0.6 * normal(name, self.seed, rows, columns)

    def feed_forward(self, i: int) -> None:
        shape, blk, c = self.shape, f"blk.{i}", self.shape.embedding
        inner = shape.of(shape.feed_forward, i)
        if not inner:
            return
        if shape.norms != "after":
            self.norm(f"{blk}.{shape.ffn_norm}", c)
        if shape.gate == "apart":
            self.matrix(f"{blk}.ffn_gate", inner, c)
        self.matrix(f"{blk}.ffn_up", inner * (2 if shape.gate == "packed" else 1), c)
        self.matrix(f"{blk}.ffn_down", c, inner, gain=2)
        if shape.norms != "before":
            self.norm(f"{blk}.post_ffw_norm", c)

    def per_layer(self, i: int) -> None:
        """What Gemma 4 has at a block's end."""
        shape, blk, c = self.shape, f"blk.{i}", self.shape.embedding
        own = shape.keys.get("embedding_length_per_layer_input", 0)
        if own:
            self.matrix(f"{blk}.inp_gate", own, c)
            self.matrix(f"{blk}.proj", c, own)
            self.norm(f"{blk}.post_norm", c)
        if shape.architecture == "gemma3n":
            self.out[f"{blk}.attn_q_norm.weight"] *= 0.25  # nothing else scales scores
            for name in "post_attention_norm", "post_ffw_norm", "post_norm":
                self.out[f"{blk}.{name}.weight"] *= 0.3  # so that many blocks are no chaos
            for name, rows in (f"{blk}.altup_predict_coef", 16), (f"{blk}.altup_correct_coef", 4):
                self.out[f"{name}.weight"] = 0.15 * normal(name, self.seed, rows, 4)
            self.matrix(f"{blk}.altup_router", 4, c, gain=c)
            for name in "altup_router_norm", "altup_correct_scale", "laurel_post_norm":
                self.norm(f"{blk}.{name}", c)
            self.matrix(f"{blk}.laurel_l", 64, c)
            self.matrix(f"{blk}.laurel_r", c, 64)
        if shape.architecture == "gemma4":
            name = f"{blk}.layer_output_scale.weight"
            self.out[name] = 0.7 + 0.1 * np.abs(normal(name, self.seed, 1))

    def per_layer_table(self) -> None:
        shape, c = self.shape, self.shape.embedding
        own = shape.keys.get("embedding_length_per_layer_input", 0)
        if own:
            self.matrix("per_layer_token_embd", shape.vocab, own * shape.layers, gain=shape.spread)
            self.matrix("per_layer_model_proj", own * shape.layers, c)
            self.norm("per_layer_proj_norm", own)
        if shape.architecture == "gemma3n":
            for name in "altup_proj.weight", "altup_unembd_proj.weight":
                self.out[name] = normal(name, self.seed, 3, c, c) / math.sqrt(c)

    def rotation(self) -> None:
        shape = self.shape
        if shape.rope_factors and shape.architecture == "gemma4":  # some pairs do not turn
            pairs = shape.head // 2
            self.out["rope_freqs.weight"] = np.where(np.arange(pairs) < pairs // 4, 1, 1e30)
        elif shape.rope_factors:
            self.out["rope_freqs.weight"] = np.array(rope_factors(shape.head, shape.theta))
        if shape.keys.get("rope.scaling.type") == "longrope":
            pairs = np.arange(shape.rotated // 2)
            self.out["rope_factors_long.weight"] = 1 + pairs / 3
            self.out["rope_factors_short.weight"] = 1 + pairs / 50


def rope_factors(head: int, theta: float, factor: float = 8, original: int = 32) -> list[float]:
    """What divides each frequency in Llama 3.1 (its "llama3" rope type: low 1, high 4).

    The original context is 32 positions and not 8192, so that a short test sees every band.
    """
    factors = []
    for i in range(head // 2):
        turns = original / (2 * math.pi * theta ** (2 * i / head))
        smooth = min(max((turns - 1) / 3, 0), 1)
        factors.append(1 / ((1 - smooth) / factor + smooth))
    return factors


def normal(name: str, seed: int, *shape: int) -> np.ndarray:
    """Nearly normal values of variance 1, float64: sums of four 16-bit integers, exact anywhere."""
    rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
    sums = rng.integers(-(2**15), 2**15, (4, *shape), dtype=np.int32).sum(axis=0)
    return sums * (math.sqrt(3) / 2**16)
