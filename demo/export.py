"""Writes what train.py left as the GGUF file that ships.

    python -m demo.export out/ web/models/demo.gguf

Matrices are packed as Q8_0 from the very numbers that train.py scored; norms stay float32.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import gguf
import numpy as np

from demo.stream import PRE, SPECIAL

TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
NAME = "Inferaived demo"
DESCRIPTION = (
    "A very small chat model that the Inferaived project trained from nothing on text of its own "
    "generator: small talk, the project, short stories, small sums, a few facts, lists and tables."
)
Q8_0 = gguf.GGMLQuantizationType.Q8_0


def packed(whole: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Rows of Q8_0 blocks: two bytes of float16 scale, then 32 int8."""
    rows, columns = whole.shape
    parts = [
        scale.astype(np.float16).reshape(rows, -1, 1).view(np.uint8),
        whole.reshape(rows, -1, 32).view(np.uint8),
    ]
    return np.concatenate(parts, axis=2).reshape(rows, columns // 32 * 34)


def write_tokenizer(writer: gguf.GGUFWriter, tokenizer: Path) -> None:
    bpe = json.loads(tokenizer.read_text(encoding="utf-8"))["model"]
    tokens = sorted(bpe["vocab"], key=bpe["vocab"].__getitem__)
    kinds = [gguf.TokenType.CONTROL if t in SPECIAL else gguf.TokenType.NORMAL for t in tokens]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(PRE)
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges([" ".join(pair) for pair in bpe["merges"]])
    writer.add_eos_token_id(tokens.index("<|im_end|>"))
    writer.add_pad_token_id(tokens.index("<|endoftext|>"))
    writer.add_add_bos_token(False)
    writer.add_chat_template(TEMPLATE)


def write_shape(writer: gguf.GGUFWriter, shape: dict[str, float]) -> None:
    writer.add_context_length(int(shape["context"]))
    writer.add_embedding_length(int(shape["dim"]))
    writer.add_block_count(int(shape["layers"]))
    writer.add_feed_forward_length(int(shape["feed_forward"]))
    writer.add_head_count(int(shape["heads"]))
    writer.add_head_count_kv(int(shape["shared"]))
    writer.add_key_length(int(shape["head"]))
    writer.add_value_length(int(shape["head"]))
    writer.add_rope_freq_base(shape["theta"])
    writer.add_layer_norm_rms_eps(shape["eps"])


def export(trained: Path, out: Path) -> None:
    """One GGUF file from weights.npz, tokenizer.json and training.json."""
    writer = gguf.GGUFWriter(out, "qwen3")
    writer.add_name(NAME)
    writer.add_description(DESCRIPTION)
    writer.add_license("MIT")
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    write_shape(writer, json.loads((trained / "training.json").read_text())["shape"])
    write_tokenizer(writer, trained / "tokenizer.json")
    with np.load(trained / "weights.npz") as arrays:
        for name in arrays.files:
            if name.endswith(".scale"):
                continue
            array = arrays[name]
            if array.ndim == 1:
                writer.add_tensor(name, array.astype(np.float32))
            else:
                blocks = packed(array, arrays[f"{name}.scale"])
                writer.add_tensor(name, blocks, raw_dtype=Q8_0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("trained", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    export(arguments.trained, arguments.out)
    print(f"{arguments.out}: {arguments.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
