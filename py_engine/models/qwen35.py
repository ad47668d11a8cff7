"""Qwen3.5, dense: three of four blocks are gated delta nets, the others gated attention.

Reference: transformers/models/qwen3_5. A text's positions are the same on all three axes, so its
rotation is plain; a quarter of each head turns.
"""

from py_engine.layers.build import (
    Attention,
    Block,
    Config,
    Decoder,
    DeltaHeads,
    DeltaNet,
    Gated,
    Scope,
    States,
    Weights,
    rotation,
)


def model(weights: Weights, config: Config, context: int) -> Decoder:
    freqs, states = rotation(weights, config, context), States(weights.memory)
    linear = config.recurrent(interval=4)
    width = config.size("ssm.conv_kernel", most=16)
    delta = DeltaHeads(
        config.size("ssm.time_step_rank"),
        config.size("ssm.group_count"),
        config.size("ssm.state_size", most=256),
    )

    def mixer(at: Scope, i: int) -> Attention | DeltaNet:
        norm = at.norm("attn_norm")
        if linear[i]:
            return DeltaNet(at, delta, width, states, norm=norm)
        heads = config.heads(i, neox=True)
        cache = at.cache(heads, context)
        return Attention(at, heads, cache, freqs, norm=norm, head_norm="head", gated=True)

    def block(at: Scope, i: int) -> Block:
        norm = at.norm("post_attention_norm")
        return mixer(at, i), Gated(at, config.feed_forward(i), norm=norm)

    return Decoder(weights, config, block, states=states)
