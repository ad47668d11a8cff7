"""What llama.cpp's saver adds to the models of its own tests: keys with defaults, biases."""

import math
from collections.abc import Mapping

Value = int | float | bool | str | list[int] | list[float] | list[bool]
QKV = ("attn_q", "attn_k", "attn_v")

SAVED: Mapping[str, Value] = {
    "expert_count": 0, "expert_used_count": 0, "expert_weights_scale": 0.0, "expert_gating_func": 0,
    "expert_feed_forward_length": 0, "expert_group_scale": 0.05, "leading_dense_block_count": 0,
    "swiglu_clamp_exp": [0.0, 0.0], "use_parallel_residual": False, "nextn_predict_layers": 0,
    "pooling_type": 2**32 - 1, "logit_scale": 0.0, "residual_scale": 0.0, "embedding_scale": 0.0,
    "attn_logit_softcapping": 50.0, "final_logit_softcapping": 30.0, "decoder_start_token_id": -1,
    "deepstack_mapping": [-1, -1], "attention.max_alibi_bias": 0.0, "attention.clamp_kqv": 0.0,
    "attention.scale": 0.0, "attention.output_scale": 0.0, "attention.value_scale": 0.0,
    "attention.causal": True, "attention.layer_norm_epsilon": 0.0, "attention.rope_pattern": 1,
    "attention.sliding_window": 0, "attention.q_lora_rank": 0, "attention.key_length_mla": 0,
    "attention.indexer.top_k": 0, "attention.recurrent_layers": 0, "attention.compress_ratios": 0,
    "rope.dimension_sections": [0, 0, 0, 0], "rope.freq_base_swa": 10000.0,
    "rope.scaling.type": "linear", "rope.scaling.factor": 0.0, "rope.scaling.attn_factor": 1.0,
    "rope.scaling.original_context_length": 256, "rope.scaling.finetuned": False,
    "rope.scaling.yarn_log_multiplier": 0.0, "rope.scaling.yarn_ext_factor": -1.0,
    "rope.scaling.yarn_attn_factor": 1.0, "rope.scaling.yarn_beta_fast": 32.0,
    "ssm.inner_size": 0, "kda.gate_lower_bound": -math.inf,
}  # fmt: skip
"""What it writes into every file, so a key's presence says nothing. Without the prefix."""
BIASED: Mapping[str, tuple[str, ...]] = {
    "llama": (*QKV, "attn_output", "ffn_gate", "ffn_up", "ffn_down"),
    "qwen2": (*QKV, "output"),
    "qwen3": QKV,
}
"""The matrices that have a bias in a saved file: llama.cpp, src/models/*.cpp."""
