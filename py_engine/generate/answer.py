"""What a known answer is made of: a run of one shader, and the bytes of its inputs."""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

UNTOUCHED = 3.0
"""What `out` holds before a run."""


@dataclass(frozen=True)
class Known:
    """One run of a shader.

    Inputs are the bytes of each binding but `params`; `sizes` makes a buffer larger than these,
    with zeros. `out` names the binding whose first values, of the `struct` format `form`, must be
    `want`.
    """

    out: str
    want: Sequence[float]
    inputs: Mapping[str, bytes]
    groups: tuple[int, int, int] = (1, 1, 1)
    params: Mapping[str, int | float] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)
    form: str = ""


def floats(*values: float) -> bytes:
    return struct.pack(f"<{len(values)}f", *values)


def state(n: int, pos: int = 0) -> bytes:
    return struct.pack("<4I", pos, n, 0, 0)
