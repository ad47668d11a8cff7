"""Every kernel of whole models, recorded on every rung and no GPU: what all of them must keep."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import pytest

from py_engine.engine import CONTEXT
from py_engine.formats.gguf import GGUF, MetaValue, TensorInfo, read_gguf
from py_engine.formats.quants import QUANTS, SUPPORTED
from py_engine.generate.known import known
from py_engine.generate.patterns import _KINDS
from py_engine.generate.programs import CHUNKS, Key, Kind, Programs
from py_engine.gpu.device import Dispatch
from py_engine.gpu.dry import DEFAULT_LIMITS, DryDevice
from py_engine.gpu.recorder import Library
from py_engine.gpu.tensor import Memory
from py_engine.gpu.wgsl import Shader
from py_engine.hosts.files import open_sources
from py_engine.layers.state import COPIES
from py_engine.models import built
from py_engine.ops.attention import splits
from tests.fixtures import write
from tests.shader_variants import MATRICES, shaders
from tests.unit.test_recorder import SHADERS, read

ROOM = {"maxBufferSize": 1 << 40, "maxStorageBufferBindingSize": 1 << 40}
"""No weight is cut into shards, so that dispatches are as large as they get."""
SHARED = {"maxComputeWorkgroupStorageSize": 32768}
SUBGROUPS = frozenset({"subgroups"})


@dataclass(frozen=True)
class Rung:
    """A device by what chooses variants; a CPU is `software`."""

    features: frozenset[str] = SUBGROUPS
    subgroup_size: int = 0
    software: bool = False

    def library(self) -> tuple[Library, Memory]:
        device = DryDevice(self.features, {**DEFAULT_LIMITS, **ROOM, **SHARED})
        device.software = self.software
        library = Library(read, device)
        library.subgroup_size = self.subgroup_size
        return library, Memory(device)


RUNGS = {
    "plain": Rung(frozenset()),
    "subgroups": Rung(),
    "subgroups of 32": Rung(subgroup_size=32),
    "a CPU": Rung(subgroup_size=8, software=True),
    "a narrow CPU": Rung(subgroup_size=4, software=True),
    "matrices": Rung(MATRICES, subgroup_size=32),
}


@dataclass(frozen=True)
class Shape:
    """A model of one architecture: C width, H heads, K key heads, D head size, F feed-forward."""

    architecture: str = "qwen3"
    V: int = 3000
    C: int = 512
    H: int = 8
    K: int = 2
    D: int = 64
    F: int = 768
    context: int = 1024
    type: str = "Q4_K"
    up: str = ""
    """The type of ffn_up, if it is another."""

    def gguf(self) -> GGUF:
        """A header of two layers, as if read from a file."""
        matrices = {"token_embd.weight": (self.C, self.V)}
        vectors = {"output_norm.weight": self.C}
        queries, keys = self.H * self.D, self.K * self.D
        for i in range(2):
            for name, columns, rows in (
                ("attn_q", self.C, queries),
                ("attn_k", self.C, keys),
                ("attn_v", self.C, keys),
                ("attn_output", queries, self.C),
                ("ffn_gate", self.C, self.F),
                ("ffn_up", self.C, self.F),
                ("ffn_down", self.F, self.C),
            ):
                matrices[f"blk.{i}.{name}.weight"] = (columns, rows)
                if self.architecture == "qwen2" and name in ("attn_q", "attn_k", "attn_v"):
                    vectors[f"blk.{i}.{name}.bias"] = rows
            norms = {"attn_norm": self.C, "ffn_norm": self.C}
            if self.architecture == "qwen3":
                norms |= {"attn_q_norm": self.D, "attn_k_norm": self.D}
            vectors |= {f"blk.{i}.{name}.weight": size for name, size in norms.items()}
        tensors = {name: self._tensor(name, shape) for name, shape in matrices.items()}
        for name, size in vectors.items():
            tensors[name] = TensorInfo(name, (size,), "F32", 4 * size, 0, 0)
        return GGUF(self._metadata(), tensors, 0, 3)

    def _tensor(self, name: str, shape: tuple[int, int]) -> TensorInfo:
        kind = self.up if self.up and "ffn_up" in name else self.type
        quant = QUANTS[kind]
        nbytes = shape[0] * shape[1] // quant.block * quant.nbytes
        return TensorInfo(name, shape, kind, nbytes, 0, 0)

    def _metadata(self) -> dict[str, MetaValue]:
        keys: dict[str, MetaValue] = {
            "block_count": 2,
            "embedding_length": self.C,
            "feed_forward_length": self.F,
            "context_length": self.context,
            "attention.head_count": self.H,
            "attention.head_count_kv": self.K,
            "attention.key_length": self.D,
            "attention.layer_norm_rms_epsilon": 1e-6,
        }
        named = {f"{self.architecture}.{key}": value for key, value in keys.items()}
        return {"general.architecture": self.architecture, **named}


LARGEST = Shape(
    V=300_000, C=16384, H=128, K=64, D=256, F=32768, context=32768, type="Q8_0", up="F16"
)
"""Its rows have up to 32768 weights, its matrices up to 300000 rows."""
SMALL = Shape()
MIXED = replace(SMALL, architecture="qwen2", up="Q8_0")
KERNELS = {file.stem for file in SHADERS.glob("*.wgsl")}


OTHERS = ("olmo2", "gemma2", "gemma3n", "gemma4", "lfm2", "qwen35")
"""Fixtures that take kernels which `Shape` has no use for."""


def written(model: str, folder: Path, rung: str) -> list[Dispatch]:
    """The dispatches of all programs of a fixture."""
    (source,) = open_sources(str(write(folder / f"{model}.gguf", model).path))
    try:
        return programmed(asyncio.run(read_gguf(source)), rung)
    finally:
        source.close()


@cache
def recorded(shape: Shape, rung: str) -> list[Dispatch]:
    """The dispatches of all programs of a model."""
    return programmed(shape.gguf(), rung, shape.context)


def programmed(gguf: GGUF, rung: str, context: int | None = None) -> list[Dispatch]:
    library, memory = RUNGS[rung].library()
    model, context = built(gguf, memory, context, usual=CONTEXT)
    programs = Programs(model, memory, library, context)
    asyncio.run(programs.prepare(1, scored=True))
    keys = [Key(Kind.LOGITS), Key(Kind.ALL_LOGITS), Key(Kind.SAMPLE)]
    keys += [Key(Kind.PREFILL, size) for size in CHUNKS]
    most = splits(context).bit_length()
    keys += [Key(kind, 1 << n) for kind in (Kind.DECODE, Kind.LAST) for n in range(most)]
    if model.states:
        keys += [Key(kind, i) for kind in (Kind.SAVE, Kind.RESTORE) for i in range(COPIES)]
    return [dispatch for key in keys for dispatch in programs.recorded(key)]


def unanswered(shaders: Iterable[Shader]) -> set[str]:
    """What of these kernels and their weights has no known answer."""
    found = set()
    for shader in {shader.code: shader for shader in shaders}.values():
        try:
            if not known(shader).want:
                found.add(f"{shader.label}: nothing is wanted")
        except AssertionError as error:
            found.add(str(error))
    return found


@pytest.mark.parametrize("rung", RUNGS)
@pytest.mark.parametrize("shape", [LARGEST, replace(LARGEST, up="")], ids=["split gate", "gated"])
def test_no_dimension_of_a_dispatch_is_above_the_limit(shape: Shape, rung: str) -> None:
    limit = DEFAULT_LIMITS["maxComputeWorkgroupsPerDimension"]
    above = {d.shader.name: d.groups for d in recorded(shape, rung) if max(d.groups) > limit}
    assert not above


def test_some_model_on_some_rung_takes_each_kernel(tmp_path: Path) -> None:
    """Else the other tests here say nothing about it."""
    taken = {d.shader.name for rung in RUNGS for d in recorded(MIXED, rung)}
    for model in OTHERS:
        taken |= {d.shader.name for d in written(model, tmp_path, "plain")}
    assert taken == KERNELS


@pytest.mark.parametrize("rung", RUNGS)
def test_what_programs_record_has_a_known_answer(rung: str, tmp_path: Path) -> None:
    models = [replace(SMALL, architecture=name) for name in ("llama", "qwen2", "qwen3")]
    missing = unanswered(d.shader for model in (*models, MIXED) for d in recorded(model, rung))
    for model in OTHERS:
        missing |= unanswered(d.shader for d in written(model, tmp_path, rung))
    assert not missing


@pytest.mark.parametrize("rung", ["plain", "a CPU", "matrices"])
def test_every_weight_type_has_a_known_answer(rung: str) -> None:
    """In each kernel that reads weights: these rungs take all of them."""
    models = [replace(SMALL, type=type, context=256) for type in SUPPORTED]
    missing = unanswered(d.shader for model in models for d in recorded(model, rung))
    assert not missing


@pytest.mark.parametrize("features", [frozenset(), SUBGROUPS, MATRICES], ids=len)
def test_every_declared_variant_has_a_known_answer(features: frozenset[str]) -> None:
    """Those of shaders/load/ run before there are programs: the tests see to them."""
    own = [one for one in shaders(read, features, frozenset()) if one.name in KERNELS]
    assert {shader.name for shader in own} >= KERNELS - {"matmul_matrix"}
    missing = unanswered(own)
    assert not missing


def test_an_unknown_kernel_or_type_is_not_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    library, _ = RUNGS["plain"].library()
    weight = {"lib/weight.wgsl": "lib/weight_q5_0.wgsl"}
    with pytest.raises(AssertionError, match="the kernel load/rope_divide has no known answer"):
        known(library.shader("load/rope_divide", {"P": 32}, {}))
    shader = library.shader("matvec", {"K": 32}, weight)
    assert known(shader).want
    monkeypatch.delitem(_KINDS, "Q5_0")
    with pytest.raises(AssertionError, match="the weight type Q5_0 has no known answer"):
        known(shader)
