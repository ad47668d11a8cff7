"""Whole models on each rung of the ladder: written, loaded, and asked for logits and text."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import aclosing
from functools import cache

import numpy as np
import pytest

from py_engine.engine import Engine, Reply, load
from py_engine.generate.sampling import Sampling
from py_engine.gpu.device import opened as ready
from py_engine.gpu.native import NativeDevice
from py_engine.gpu.recorder import Library
from py_engine.hosts.files import open_sources
from py_engine.hosts.native import LibraryEncoder
from py_engine.hosts.shaders import read_shader
from tests.fixtures import Spec
from tests.gpu.conftest import opened
from tests.shader_variants import RUNGS

Open = Callable[..., Engine]
GREEDY = Sampling(temperature=0, max_tokens=12)


@pytest.fixture(params=list(RUNGS))
def rung(request: pytest.FixtureRequest) -> tuple[NativeDevice, Library, str]:
    """A native device with one rung's features; the lowest has WebGPU's default limits as well."""
    device = native(request.param)
    return device, Library(read_shader, device), request.param


@cache
def native(rung: str) -> NativeDevice:
    """One for all tests: pytest makes a fixture anew for each pair of parameters."""
    device = opened(rung)
    assert isinstance(device, NativeDevice)
    return device


@pytest.fixture
def open_model(rung: tuple[NativeDevice, Library, str]) -> Iterator[Open]:
    """A function that loads what `fixtures.write` wrote; its engines are closed after the test."""
    device, _, _ = rung
    engines: list[Engine] = []

    def open_one(spec: Spec, *, context: int | None = None) -> Engine:
        loading = load(
            open_sources(str(spec.path)),
            ready(device),
            LibraryEncoder,
            read_shader,
            context=context,
        )
        engines.append(asyncio.run(loading))
        return engines[-1]

    yield open_one
    for engine in engines:
        engine.close()


def scored(engine: Engine, ids: Sequence[int], *, by_step: bool = False) -> np.ndarray:
    """The engine's logits after each token, (T, V) float32."""

    async def rows() -> list[bytes]:
        return [row async for row in engine.score(ids, by_step=by_step)]

    return np.stack([np.frombuffer(row, np.float32) for row in asyncio.run(rows())])


def replied(engine: Engine, prompt: str | Sequence[int], sampling: Sampling = GREEDY) -> Reply:
    """A whole reply to a raw prompt."""

    async def last() -> Reply | None:
        reply = None
        async with aclosing(engine.complete(prompt, sampling)) as pieces:
            async for piece in pieces:
                reply = piece.reply
        return reply

    reply = asyncio.run(last())
    assert reply is not None
    return reply
