"""Weights: how a matrix of a GGUF lies on the GPU, and the kernel that brings it there.

A matrix of `rows` x `columns` becomes three planes in one buffer of u32 words, so that every type
takes one storage binding and no kernel reads unaligned blocks. The unit is the octet: 8 consecutive
weights of a row, number `row * columns / 8 + column / 8`.

    qs  at word 0. 4-bit quants: one word per octet, low nibbles of bytes 0..3 are weights 0..3,
        high nibbles 4..7. Q8_0: two words. F16, BF16: four. F32: eight. 2-bit quants: a word per
        two octets, byte i has the weights i, 8 + i, 4 + i and 12 + i. 1-bit quants: a byte.
        Numbers in a codebook: a half per octet, with its signs or its scale where they fit.
    hi  upper bits of 5- and 6-bit quants: a byte or a half per octet, weight 0 lowest. Of 3-bit
        quants: a word per four octets; in its nibbles, which are in the order of 4-bit quants, bit
        k is octet k's. IQ3_XXS and IQ3_S: signs. The codebook of an IQ type, if it has one, is the
        end of this plane.
    sc  scales: as in the file, but each in a byte of its own, and an f32 where a half would be
        alone (Q4_K, Q5_K, Q2_K: halves d and dmin).

shaders/lib/weight_<type>.wgsl reads this layout, shaders/load/repack_<type>.wgsl writes it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from py_engine.formats.codebooks import grid
from py_engine.formats.quants import QUANTS
from py_engine.gpu.recorder import Library, Recorder
from py_engine.gpu.tensor import Memory, Tensor
from py_engine.gpu.wgsl import Shader, Value

_WORDS = {
    "F32": (256, 0, 0),
    "F16": (128, 0, 0),
    "BF16": (128, 0, 0),
    "Q8_0": (64, 0, 4),
    "Q4_0": (32, 0, 4),
    "Q4_1": (32, 0, 8),
    "Q5_0": (32, 8, 4),
    "Q5_1": (32, 8, 8),
    "Q2_K": (16, 0, 5),
    "Q3_K": (16, 8, 5),
    "Q4_K": (32, 0, 5),
    "Q5_K": (32, 8, 5),
    "Q6_K": (32, 16, 5),
    "IQ1_S": (16, 0, 1),
    "IQ1_M": (16, 0, 1),
    "IQ2_XXS": (16, 0, 2),
    "IQ2_XS": (16, 0, 3),
    "IQ2_S": (16, 0, 5),
    "IQ3_XXS": (16, 8, 2),
    "IQ3_S": (16, 8, 4),
    "IQ4_NL": (32, 0, 4),
    "IQ4_XS": (32, 0, 3),
    "MXFP4": (32, 0, 2),
    "NVFP4": (32, 0, 4),
    "Q1_0": (8, 0, 1),
    "Q2_0": (16, 0, 2),
    "TQ1_0": (16, 0, 1),
    "TQ2_0": (16, 0, 1),
}
"""Words per 256 weights in the planes qs, hi and sc."""

_REPACK: Mapping[str, tuple[str, Mapping[str, Value]]] = {
    "F32": ("float", {"WORDS": 32}),
    "F16": ("float", {"WORDS": 16}),
    "BF16": ("float", {"WORDS": 16}),
    "Q8_0": ("q8_0", {}),
    "Q4_0": ("q4_0", {}),
    "Q4_1": ("q4_0", {"MINIMUM": True}),
    "Q5_0": ("q4_0", {"FIFTH": True}),
    "Q5_1": ("q4_0", {"MINIMUM": True, "FIFTH": True}),
    "Q2_K": ("q2_k", {}),
    "Q3_K": ("q3_k", {}),
    "Q4_K": ("q4_k", {}),
    "Q5_K": ("q4_k", {"FIFTH": True}),
    "Q6_K": ("q6_k", {}),
    "IQ1_S": ("iq1_s", {}),
    "IQ1_M": ("iq1_m", {}),
    "IQ2_XXS": ("iq2_xxs", {}),
    "IQ2_XS": ("iq2_xs", {}),
    "IQ2_S": ("iq2_s", {}),
    "IQ3_XXS": ("iq3_xxs", {}),
    "IQ3_S": ("iq3_s", {}),
    "IQ4_NL": ("q4_0", {}),
    "IQ4_XS": ("iq4_xs", {}),
    "MXFP4": ("mxfp4", {}),
    "NVFP4": ("nvfp4", {}),
    "Q1_0": ("q1_0", {}),
    "Q2_0": ("q2_0", {}),
    "TQ1_0": ("tq1_0", {}),
    "TQ2_0": ("tq2_0", {}),
}
"""The file shaders/load/repack_<name>.wgsl that knows the blocks of a type, and its constants."""

_INCLUDE = "lib/weight.wgsl"
_FILES = {type: f"lib/weight_{type.lower()}.wgsl" for type in _WORDS}
_TYPES = {file: type for type, file in _FILES.items()}
_THREADS = 64


@dataclass(frozen=True)
class Weight:
    """A matrix in planes. `hi` and `sc` are the words of `tensor` at which these planes begin."""

    type: str
    rows: int
    columns: int
    tensor: Tensor
    hi: int
    sc: int

    @property
    def includes(self) -> dict[str, str]:
        """What `lib/weight.wgsl` stands for in a shader of this weight."""
        return {_INCLUDE: _FILES[self.type]}


def weight_type(shader: Shader) -> str:
    """The type of the weight that a shader reads; one that reads none is a KeyError."""
    return _TYPES[shader.includes[_INCLUDE]]


def plane_words(type: str, rows: int, columns: int) -> tuple[int, int, int]:
    """Words of the whole buffer, and the words at which planes hi and sc begin."""
    block = max(QUANTS[type].block, 32)
    if columns % block:
        raise ValueError(f"{type} takes rows of a multiple of {block} weights, not {columns}")
    qs, hi, sc = (-(-rows * columns * words // 1024) * 4 for words in _WORDS[type])
    hi += len(grid(type)) // 4
    return qs + hi + sc, qs, qs + hi


def allocate(memory: Memory, type: str, rows: int, columns: int, label: str) -> Weight:
    """A weight of zeros and its type's codebook, to be filled by `repack` once."""
    words, hi, sc = plane_words(type, rows, columns)
    tensor, codebook = memory.tensor((words,), label, "u32"), grid(type)
    if codebook:
        memory.device.write(tensor.handle, 4 * sc - len(codebook), codebook)
    return Weight(type, rows, columns, tensor, hi, sc)


def repacker(library: Library, weight: Weight) -> Shader:
    """The kernel of `repack`, so that it can be compiled ahead of its use."""
    return library.shader("load/repack", *_variant(weight))


def repack(
    rec: Recorder,
    weight: Weight,
    raw: Tensor,
    *,
    first_row: int,
    rows: int,
    row_stride: int = 1,
    row_offset: int = 0,
) -> None:
    """Put rows `first_row` … `first_row + rows - 1` of a GGUF tensor into the weight's planes.

    Row r becomes row r * row_stride + row_offset, so that several tensors can be stacked or
    interleaved in one weight. Each row of it is written once: scales are or-ed into zeros.

    Args:
        raw: these rows as the file holds them, as u32 words.
    """
    last = (first_row + rows - 1) * row_stride + row_offset
    quant = QUANTS[weight.type]
    nbytes = rows * weight.columns // quant.block * quant.nbytes
    if last >= weight.rows or raw.nbytes < nbytes:
        raise ValueError(f"{rows} rows from {first_row} do not fit: {weight}, {raw}")
    constants, includes = _variant(weight)
    rec.run(
        "load/repack",
        -(-rows * weight.columns // (32 * _THREADS)),
        {"raw": raw, "w": weight.tensor},
        params={
            "first_row": first_row,
            "rows": rows,
            "row_stride": row_stride,
            "row_offset": row_offset,
            "hi": weight.hi,
            "sc": weight.sc,
        },
        includes=includes,
        **constants,
    )


def _variant(weight: Weight) -> tuple[dict[str, Value], dict[str, str]]:
    """The constants and includes of a weight's `load/repack`."""
    name, constants = _REPACK[weight.type]
    includes = {"load/repack_type.wgsl": f"load/repack_{name}.wgsl"}
    return {"WG": _THREADS, "K": weight.columns, **constants}, includes
