"""The codebooks of the IQ types equal gguf-py's."""

import numpy as np
import pytest
from gguf import quants

from py_engine.formats.codebooks import grid
from py_engine.formats.quants import SUPPORTED

BOOKS = ("IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ3_XXS", "IQ3_S")


@pytest.mark.parametrize("type", BOOKS)
def test_values_are_gguf_pys(type: str) -> None:
    kind = getattr(quants, type)
    kind.init_grid()
    unit = 8 if type.startswith("IQ1") else 1
    assert np.array_equal(np.frombuffer(grid(type), np.int8), unit * kind.grid.ravel())


def test_other_types_have_none() -> None:
    assert {type for type in SUPPORTED if grid(type)} == set(BOOKS)
