"""Where the rows of a file's tensors go: each to one place, whatever the limits and the types."""

import asyncio
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from py_engine.base.errors import BadTensor, UnsupportedConfig, UnsupportedType
from py_engine.formats.gguf import GGUF, MetaValue, TensorInfo
from py_engine.formats.quants import QUANTS
from py_engine.gpu.device import Segment
from py_engine.gpu.dry import DEFAULT_LIMITS, DryDevice
from py_engine.gpu.recorder import Library, Recorder
from py_engine.gpu.tensor import Memory, Tensor
from py_engine.layers.linear import Linear
from py_engine.layers.loading import Rows, Values
from py_engine.layers.weights import Weights
from tests.unit.test_recorder import read

TYPES = st.sampled_from(["F32", "Q8_0", "Q5_1", "F16"])


def info(name: str, type: str, *shape: int) -> TensorInfo:
    quant = QUANTS[type]
    weights = 1
    for size in shape:
        weights *= size
    return TensorInfo(name, shape, type, weights // quant.block * quant.nbytes, 0, 0)


def weights_of(infos: Sequence[TensorInfo], limit: int = 2**27) -> Weights:
    gguf = GGUF({}, {tensor.name: tensor for tensor in infos}, 0, 3)
    device = DryDevice(limits={**DEFAULT_LIMITS, "maxStorageBufferBindingSize": limit})
    return Weights(gguf, Memory(device))


def placed(weights: Weights, linear: Linear) -> dict[int, tuple[str, int]]:
    """For each row of the whole the tensor and row that fill it; none may be filled twice."""
    firsts = {id(weight): first for weight, first in linear.parts}
    out: dict[int, tuple[str, int]] = {}
    for name, places in weights._places.items():
        for place in (place for place in places if isinstance(place, Rows)):
            for i in range(place.rows):
                inside = i * place.stride + place.offset
                assert 0 <= inside < place.weight.rows
                assert place.weight.type == weights.gguf.tensors[name].type
                row = firsts[id(place.weight)] + inside
                assert row not in out
                out[row] = (name, place.first + i)
    return out


@settings(max_examples=60, deadline=None)
@given(
    parts=st.lists(st.tuples(TYPES, st.integers(1, 400)), min_size=1, max_size=4),
    limit=st.sampled_from([20_000, 40_000, 2**27]),
)
def test_stacked_rows_are_placed_once_and_in_order(
    parts: list[tuple[str, int]], limit: int
) -> None:
    infos = [info(f"m{i}", type, 64, rows) for i, (type, rows) in enumerate(parts)]
    weights = weights_of(infos, limit)
    linear = weights.matrix([tensor.name for tensor in infos], [r for _, r in parts], 64)
    whole = [(f"m{i}", row) for i, (_, rows) in enumerate(parts) for row in range(rows)]
    assert placed(weights, linear) == dict(enumerate(whole))
    assert linear.rows == len(whole) == sum(weight.rows for weight, _ in linear.parts)
    for weight, first in linear.parts:
        assert weight.tensor.nbytes <= limit
        assert linear.rows - first >= weight.rows


@settings(max_examples=40, deadline=None)
@given(kind=TYPES, rows=st.integers(1, 400), limit=st.sampled_from([20_000, 40_000, 2**27]))
def test_pairs_are_interleaved(kind: str, rows: int, limit: int) -> None:
    weights = weights_of([info("gate", kind, 64, rows), info("up", kind, 64, rows)], limit)
    linear = weights.pair(("gate", "up"), rows, 64)
    assert linear.interleaved and linear.rows == 2 * rows
    want = {2 * row + order: (name, row) for order, name in enumerate(("gate", "up"))
            for row in range(rows)}  # fmt: skip
    assert placed(weights, linear) == want
    for weight, first in linear.parts:
        assert weight.rows % 2 == first % 2 == 0  # both rows of a pair lie in one shard


def test_a_pair_of_two_types_is_a_stack() -> None:
    weights = weights_of([info("gate", "F16", 64, 9), info("up", "Q8_0", 64, 9)])
    linear = weights.pair(("gate", "up"), 9, 64)
    assert not linear.interleaved
    assert [(weight.type, first) for weight, first in linear.parts] == [("F16", 0), ("Q8_0", 9)]


def test_types_in_turn_keep_the_order() -> None:
    """q and v of one type, k of another: nothing may be taken out of its place."""
    infos = [info(name, type, 64, 8) for name, type in (("q", "F16"), ("k", "F32"), ("v", "F16"))]
    weights = weights_of(infos)
    linear = weights.matrix(["q", "k", "v"], [8, 8, 8], 64)
    assert [(weight.type, first) for weight, first in linear.parts] == [
        ("F16", 0), ("F32", 8), ("F16", 16)
    ]  # fmt: skip


def test_what_does_not_fit_is_refused_by_name() -> None:
    weights = weights_of(
        [
            info("matrix", "F32", 64, 8),
            info("half", "F16", 64),
            info("narrow", "F32", 40, 8),
            *(info(type, type, 256, 8) for type in ("F64", "I8", "I16", "I32", "I64")),
        ]
    )
    with pytest.raises(BadTensor, match="no tensor absent"):
        weights.matrix(["absent"], [8], 64)
    with pytest.raises(BadTensor, match="no matrix absent"):
        weights.rows("absent")
    with pytest.raises(BadTensor, match="no matrix half"):
        weights.rows("half")
    with pytest.raises(BadTensor, match=r"matrix has the shape \[64, 8\].*\[64, 9\]"):
        weights.matrix(["matrix"], [9], 64)
    with pytest.raises(BadTensor, match="matrix"):
        weights.vector(["matrix"], [64])
    for type in ("F64", "I8", "I16", "I32", "I64"):
        with pytest.raises(UnsupportedType, match=f"has the weight type {type}, which is not"):
            weights.matrix([type], [8], 256)
    with pytest.raises(UnsupportedType, match="half"):
        weights.vector(["half"], [64])
    with pytest.raises(UnsupportedConfig, match="narrow"):
        weights.matrix(["narrow"], [8], 40)


class LoadingDevice(DryDevice):
    """Remembers which bytes of the file were asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[int, int]] = []

    async def load(self, source: object, segments: Sequence[Segment]) -> None:
        await super().load(source, segments)
        self.asked += [(at, nbytes) for at, nbytes, _, _ in segments]


def test_what_no_reply_needs_is_not_fetched() -> None:
    """Draft blocks, which are whole blocks beside their `nextn` tensors, and quantisers' scales."""
    names = ["blk.0.a", "blk.0.a.input_scale", "blk.1.a", "blk.1.nextn.eh_proj", "blk.2.a",
             "nextn.pre_projection", "cls.output.weight", "norm"]  # fmt: skip
    infos = {}
    for i, name in enumerate(names):
        infos[name] = TensorInfo(name, (64,), "F32", 256, 96 + 256 * i, 0)
    keys: dict[str, MetaValue] = {"general.architecture": "x", "x.block_count": 2}

    def fetched(more: Mapping[str, MetaValue], *wanted: str) -> None:
        device = LoadingDevice()
        weights = Weights(GGUF({**keys, **more}, infos, 0, 3), Memory(device))
        assert [name for name in names if weights.has(name)] == list(wanted)
        for name in wanted:
            weights.vector([name], [64])
        weights.check_all_used()
        source: list = [object()]
        told: list[tuple[int, int]] = []
        loading = weights.load(source, Library(read, device), lambda *done: told.append(done))
        asyncio.run(loading)
        assert {at for at, _ in device.asked} == {infos[name].at for name in wanted}
        assert told[-1] == (256 * len(wanted),) * 2

    fetched({}, "blk.0.a", "blk.1.a", "blk.2.a", "norm")  # the last one's is refused as unused
    fetched({"x.nextn_predict_layers": 1}, "blk.0.a", "blk.2.a", "norm")
    for odd in (0, 2, -1, "1", 1.0):
        fetched({"x.nextn_predict_layers": odd}, "blk.0.a", "blk.1.a", "blk.2.a", "norm")


def test_halves_are_placed_in_turn() -> None:
    weights = weights_of([info("u.weight", "Q8_0", 64, 12)], 20_000)
    want = {2 * i + half: ("u.weight", 6 * half + i) for i in range(6) for half in range(2)}
    assert placed(weights, weights.halves("u.weight", 6, 64)) == want


def test_alternating_rows_are_taken_apart() -> None:
    """Heads of 4 rows, each before as many of its gate; keys follow, of another type."""
    weights = weights_of([info("q.weight", "Q8_0", 64, 16), info("k.weight", "F16", 64, 3)])
    own, gate = weights.alternating(["q.weight", "k.weight"], [8, 3], 64, of=4)
    below = tuple((weight, first + own.rows) for weight, first in gate.parts)
    want = {i: ("q.weight", i + i // 4 * 4) for i in range(8)}
    want |= {8 + i: ("k.weight", i) for i in range(3)}
    want |= {11 + i: ("q.weight", 4 + i + i // 4 * 4) for i in range(8)}
    assert placed(weights, Linear(own.parts + below, 19, 64)) == want


def test_a_stack_has_the_biases_that_the_file_has() -> None:
    infos = [info(f"{name}.weight", "F32", 64, 8) for name in "qkv"]
    assert weights_of(infos).linear(["q.weight", "k.weight"], [8, 8], 64).bias is None
    weights = weights_of([*infos, info("k.bias", "F32", 8)])
    bias = weights.linear([f"{name}.weight" for name in "qkv"], [8, 8, 8], 64).bias
    assert bias and bias.shape == (24,)
    assert weights._places["k.bias"] == [Values(0, Tensor(bias.handle, (8,), at=32))]
    pair = weights.pair(("q.weight", "k.weight"), 8, 64)
    assert pair.bias and not pair.interleaved
    with pytest.raises(BadTensor, match=r"k\.bias has the shape \[9\]"):
        weights_of([*infos, info("k.bias", "F32", 9)]).linear(["k.weight"], [8], 64)
    with pytest.raises(UnsupportedType, match=r"k\.bias"):
        weights_of([*infos, info("k.bias", "F16", 8)]).linear(["k.weight"], [8], 64)


def test_every_byte_is_streamed_once_in_order_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("py_engine.layers.loading._PIECE", 3000)
    infos, at = [], 96
    for name, type, shape in (
        ("norm", "F32", (64,)),
        ("gate", "Q8_0", (64, 500)),
        ("up", "Q8_0", (64, 500)),
    ):
        plain = info(name, type, *shape)
        infos.append(TensorInfo(name, shape, type, plain.nbytes, at, 0))
        at += plain.nbytes
    device = LoadingDevice()
    weights = Weights(GGUF({}, {tensor.name: tensor for tensor in infos}, 0, 3), Memory(device))
    weights.vector(["norm"], [64])
    weights.pair(("gate", "up"), 500, 64)
    before = device.nbytes
    told: list[tuple[int, int]] = []
    source: list = [object()]
    loading = weights.load(source, Library(read, device), lambda *done: told.append(done))
    asyncio.run(loading)
    covered: list[int] = []
    for first, nbytes in device.asked:
        assert nbytes <= 3000
        covered += range(first, first + nbytes)
    assert covered == [b for tensor in infos for b in range(tensor.at, tensor.at + tensor.nbytes)]
    total = sum(tensor.nbytes for tensor in infos)
    assert told[-1] == (total, total) and told == sorted(told) and {t for _, t in told} == {total}
    assert device.nbytes == before  # the staging buffer is gone


def test_scales_are_kept_beside_biases() -> None:
    """(rows, 2) where any matrix of a stack has one; a pair without biases stays in turn."""
    infos = [info(f"blk.0.{name}.weight", "F32", 64, 8) for name in ("attn_q", "ffn_up", "a")]
    scale, bias = info("blk.0.ffn_up.scale", "F32", 1), info("blk.0.ffn_up.bias", "F32", 8)
    names = [tensor.name for tensor in infos]
    weights = weights_of([*infos, scale])
    assert weights.matrix(names, [8] * 3, 64).bias is None
    linear = weights.linear(names, [8] * 3, 64)
    assert linear.bias and linear.bias.shape == (24, 2)
    pair = weights.pair((names[0], names[1]), 8, 64)
    assert pair.interleaved and pair.bias and pair.bias.shape == (16, 2)
    halves = weights.halves(names[1], 4, 64)
    assert halves.interleaved and halves.bias and halves.bias.shape == (8, 2)
    other = weights_of([*infos, scale, bias]).pair((names[0], names[1]), 8, 64)
    assert other.bias and not other.interleaved
    with pytest.raises(BadTensor, match=r"ffn_up\.scale has the shape \[8\].*\[1\]"):
        weights_of([*infos, info(scale.name, "F32", 8)]).linear([names[1]], [8], 64)
    with pytest.raises(UnsupportedType, match=r"ffn_up\.scale"):
        weights_of([*infos, info(scale.name, "F16", 1)]).linear([names[1]], [8], 64)


def test_the_order_of_scale_and_bias() -> None:
    """The scale comes last in a feed-forward layer, unless it belongs to NVFP4 weights."""

    def after(name: str, type: str) -> list[int]:
        parts = [info(f"{name}.weight", type, 64, 8), info(f"{name}.bias", "F32", 8)]
        weights = weights_of([*parts, info(f"{name}.scale", "F32", 1)])
        weights.linear([f"{name}.weight"], [8], 64)
        rec = Recorder(Library(read, weights.memory.device), weights.memory)
        for record in weights._afterwards:
            record(rec)
        return [dispatch.shader.constants["AFTER"] for dispatch in rec.dispatches]

    assert after("blk.0.attn_q", "F32") == after("blk.0.ffn_up", "NVFP4") == [0]
    assert after("blk.0.ffn_up", "F32") == [1]


def test_biases_of_alternating_rows_are_taken_apart() -> None:
    infos = [info("q.weight", "Q8_0", 64, 16), info("k.weight", "F16", 64, 3)]
    weights = weights_of([*infos, info("q.bias", "F32", 16), info("k.bias", "F32", 3)])
    own, gate = weights.alternating(["q.weight", "k.weight"], [8, 3], 64, of=4)
    assert own.bias and gate.bias and own.bias.shape == (11,) and gate.bias.shape == (8,)
    places = [
        Values(8 * i + 4 * other, Tensor(bias.handle, (4,), at=16 * i))
        for other, bias in enumerate((own.bias, gate.bias))
        for i in range(2)
    ]
    assert weights._places["q.bias"] == places
    assert weights._places["k.bias"] == [Values(0, Tensor(own.bias.handle, (3,), at=32))]
