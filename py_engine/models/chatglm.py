"""ChatGLM 3 and GLM-4: fused rows with biases, half rotated.

Reference: modeling_chatglm.py of THUDM/glm-4-9b-chat
"""

from py_engine.layers.build import Block, Config, Decoder, Scope, Weights, dense, rotation


def model(weights: Weights, config: Config, context: int) -> Decoder:
    freqs = rotation(weights, config, context)

    def block(at: Scope, i: int) -> Block:
        heads = config.heads(i, neox=False)
        return dense(at, heads, freqs, context, config.feed_forward(i), packed=True)

    return Decoder(weights, config, block)
