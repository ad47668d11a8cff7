"""Products of a weight with activations: `matvec` for one token, `matmul` for many.

Both take the options that spare a pass over the result. Two weights whose rows are interleaved,
gate 0, up 0, gate 1, up 1, …, and `gated` make the first half of a SwiGLU layer
(Shazeer, arXiv 2002.05202): activation(gate · x) · (up · x).
"""

from typing import NamedTuple

from py_engine.gpu.recorder import SINGLE, Library, Recorder
from py_engine.gpu.tensor import Tensor
from py_engine.gpu.wgsl import Value
from py_engine.ops.weight import Weight


def _bias_form(bias: Tensor) -> dict[str, str]:
    form = "bias" if len(bias.shape) == 1 else "scaled_bias"
    return {"lib/no_bias.wgsl": f"lib/{form}.wgsl"}


def activation_form(name: str) -> dict[str, str]:
    """What `lib/silu.wgsl`, the default, stands for in a shader: `gelu` or `relu2`, say."""
    return {} if name in ("", "silu") else {"lib/silu.wgsl": f"lib/{name}.wgsl"}


def _options(
    activation: str, cap: float, *, add: bool, gated: bool
) -> tuple[dict[str, Value], dict[str, str]]:
    """The constants and includes for what becomes of a row's sum."""
    constants: dict[str, Value] = {"ADD": add, "GATED": gated}
    if cap:
        return constants | {"ACTIVATED": True, "SOFTCAP": cap}, activation_form("capped")
    constants["ACTIVATED"] = bool(activation) and not gated
    return constants, activation_form(activation)


class Tiling(NamedTuple):
    """How matvec divides a weight."""

    threads: int
    """Of a workgroup, a power of two."""
    rows: int
    """Of a team."""
    teams: int = 1
    """Parts of a workgroup, each with rows of its own: x is read once for all of them."""


def _reduction(library: Library, chosen: Tiling) -> dict[str, str]:
    """The form of lib/reduce_rows.wgsl: subgroups add up what is theirs, but not parts of them."""
    if chosen.teams == 1:
        return SINGLE if 0 < chosen.threads <= library.subgroup_size else {}
    whole = chosen.threads // chosen.teams >= library.subgroup_size > 0
    return {} if whole else {"lib/reduce_rows.wgsl": "lib/reduce_rows.wgsl"}


def tiling(library: Library, weight: Weight) -> Tiling:
    """What was tuned for this type and width, else what does well on most devices."""
    tuned = library.tilings.get((weight.type, weight.columns))
    if tuned:
        return Tiling(*tuned)
    if library.narrow:
        return Tiling(library.subgroup_size, 8)  # 16 is faster, and takes twice as long to compile
    blocks = weight.columns // 32
    if blocks > 16:  # a small weight is cut into more parts
        rows = 4 if weight.rows * weight.columns >= 1 << 23 else 2
        return Tiling(128, rows, 128 // _team(weight.rows, blocks))
    most = 32 if weight.rows >= 12288 else 128  # enough workgroups whatever their size
    return Tiling(max(1 << (min(blocks, most) - 1).bit_length(), 4), 8 if most == 32 else 4)


def _team(rows: int, blocks: int) -> int:
    """Threads for a row: a subgroup or two, or so few that not many wait at a short row's end."""

    def busy(threads: int) -> float:
        return blocks / (-(-blocks // threads) * threads)

    if rows < 12288 or blocks > 96:
        return 32 if rows >= 6144 or blocks <= 32 else 64
    return next((threads for threads in (32, 16) if busy(threads) >= 0.85), 8)


_BATCH_ROWS, _BATCH_TOKENS = 4, 8
"""Of a workgroup of matvec_batch, which CPUs run 8 times as fast as tiles."""


_TILES = {(128, 64): 1.0, (64, 64): 0.9, (32, 64): 0.75, (16, 64): 0.6}
"""Tokens x rows per workgroup in matmul, and the speed that they allow, as shares of the best."""
_MATRIX_TILES = {(128, 128): 1.0, (128, 64): 0.75, (64, 64): 0.7, (32, 32): 0.5}
"""The same in matmul_matrix. Both were measured on one H200."""
_CORES = 128
"""A large GPU's, since WebGPU does not tell: on a smaller one every choice fills them."""


def tile(library: Library, tokens: int, rows: int) -> tuple[int, int]:
    """Tokens and rows per workgroup: large tiles, unless they leave cores or tokens idle."""

    def speed(size: tuple[int, int]) -> float:
        parts = -(-tokens // size[0])
        groups = -(-rows // size[1]) * parts
        rounds = -(-groups // _CORES)
        return tiles[size] * groups / (rounds * _CORES) * tokens / (parts * size[0])

    if library.matrices:
        tiles = _MATRIX_TILES
    else:
        shared = library.shared_bytes
        tiles = {size: share for size, share in _TILES.items() if 128 * (sum(size) + 2) <= shared}
    return max(tiles, key=speed)


def matvec(
    rec: Recorder,
    weight: Weight,
    x: Tensor,
    out: Tensor,
    *,
    norm: Tensor | None = None,
    eps: float = 0.0,
    bias: Tensor | None = None,
    add: bool = False,
    scale: float = 1.0,
    gated: bool = False,
    activation: str = "",
    cap: float = 0.0,
    out_at: int = 0,
) -> None:
    """out[out_at + r] = scale · (weight[r] · x[0] + bias) for each row r.   x (1, K), out f32

    Args:
        norm: weights (K,) of an RMSNorm of x, with `eps`, computed on the way.
        bias: (out_at + rows,) or more, of the stack that this weight is a part of: bias[out_at + r]
            is added to row r; gated: bias[2 · out_at + r]. With a second dimension, of 2, it has
            pairs: what multiplies the row, and what is added then.
        add: add to what `out` holds.
        gated: a row of `out` is activation(row 2r) · row (2r + 1), with their biases.
        activation: `silu`, `gelu`, …, of the gate, or of each row; "" for neither.
        cap: instead, each row becomes cap · tanh(row / cap).
    """
    buffers = {"w": weight.tensor, "x": x, "out": out}
    constants, includes = _options(activation, cap, add=add, gated=gated)
    includes |= weight.includes
    if norm:
        buffers["norm"] = norm
        includes["lib/no_norm.wgsl"] = "lib/norm.wgsl"
    if bias:
        buffers["bias"] = bias
        includes |= _bias_form(bias)
    chosen = tiling(rec.library, weight)
    includes |= _reduction(rec.library, chosen)
    rec.run(
        "matvec",
        -(-weight.rows // (chosen.rows * chosen.teams)),
        buffers,
        params={
            "rows": weight.rows,
            "out_at": out_at,
            "hi": weight.hi,
            "sc": weight.sc,
            "eps": eps,
            "scale": scale,
        },
        includes=includes,
        K=weight.columns,
        R=chosen.rows,
        WG=chosen.threads,
        TEAMS=chosen.teams,
        **constants,
        STAGED=chosen.teams > 1
        or (chosen.threads >= 32 and 128 * chosen.threads + 8192 <= rec.library.shared_bytes),
    )


def matmul(
    rec: Recorder,
    weight: Weight,
    x: Tensor,
    out: Tensor,
    *,
    state: Tensor,
    bias: Tensor | None = None,
    add: bool = False,
    scale: float = 1.0,
    gated: bool = False,
    activation: str = "",
    cap: float = 0.0,
    out_at: int = 0,
) -> None:
    """out[t, out_at + r] = scale · (weight[r] · x[t] + bias) for t < state.n.   x (T, K)

    `out` is (T, width). `bias`, `add`, `gated`, `activation` and `cap` as in `matvec`. Products and
    sums are f32, but where subgroups multiply matrices: these take halves, and values beyond their
    range as the largest half.
    """
    buffers = {"w": weight.tensor, "x": x, "out": out, "state": state}
    constants, includes = _options(activation, cap, add=add, gated=gated)
    includes |= weight.includes
    if bias:
        buffers["bias"] = bias
        includes |= _bias_form(bias)
    tokens, width = out.shape
    params = {
        "rows": weight.rows,
        "width": width,
        "out_at": out_at,
        "hi": weight.hi,
        "sc": weight.sc,
        "scale": scale,
    }
    constants["K"] = weight.columns
    if rec.library.narrow:
        includes |= SINGLE
        name, size, rows = "matvec_batch", min(tokens, _BATCH_TOKENS), _BATCH_ROWS
        constants |= {"WG": rec.library.subgroup_size, "R": rows, "M": size}
        across, down = rec.spread(-(-weight.rows // rows))
    else:
        size, rows = tile(rec.library, tokens, weight.rows)
        name = "matmul_matrix" if rec.library.matrices else "matmul"
        constants |= {"TM": size, "TN": rows} if rec.library.matrices else {"TM": size}
        across, down = -(-weight.rows // rows), 1
    groups = (across, -(-tokens // size), down)
    rec.run(name, groups, buffers, params=params, includes=includes, **constants)


def scaled_bias(
    rec: Recorder,
    scales: Tensor,
    bias: Tensor,
    out: Tensor,
    *,
    which: int,
    first: int,
    rows: int,
    stride: int,
    offset: int,
    after: bool,
) -> None:
    """out[i · stride + offset] = (scales[which], bias[first + i]) for i < rows: a product's `bias`.

    Args:
        after: the scale multiplies the bias too.
    """
    params = {"which": which, "first": first, "rows": rows, "stride": stride, "offset": offset}
    buffers = {"scales": scales, "bias": bias, "out": out}
    rec.run("load/scaled_bias", -(-rows // 64), buffers, params=params, AFTER=after)
