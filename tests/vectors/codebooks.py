"""Write py_engine/formats/codebooks.py from gguf-py; run by hand, the result is committed.

python -m tests.vectors.codebooks                                # from the repository's root
"""

import base64
import importlib.metadata
import textwrap
from pathlib import Path

from gguf import quants

TYPES = ("IQ1_S", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ3_XXS", "IQ3_S")
TARGET = Path(__file__).resolve().parents[2] / "py_engine" / "formats" / "codebooks.py"
HEAD = '''"""The codebooks of the IQ types: octets or fours of values that blocks name by number.

They are data of the format; no formula gives them. Written by tests/vectors/codebooks.py from
PyPI's gguf {version} (gguf/quants.py, MIT, the ggml authors): do not edit.
"""

from binascii import a2b_base64
from collections.abc import Mapping, Sequence
from functools import cache


@cache
def grid(type: str) -> bytes:
    """The values of a type's codebook, a signed byte each, entry after entry; else no bytes.

    Entries are octets, of the IQ3 types fours. IQ1's values are eighths.
    """
    own = "IQ1_S" if type == "IQ1_M" else type
    if own not in _CODES:
        return b""
    values = [value & 255 for value in _VALUES[own]]
    width = 2 if len(values) == 4 else 4
    places = range(0, 8, width)
    runs = [bytes(values[i >> at & len(values) - 1] for at in places) for i in range(256)]
    return b"".join(runs[byte] for byte in a2b_base64(_CODES[own]))


'''


def main() -> None:
    text = HEAD.format(version=importlib.metadata.version("gguf"))
    text += "_VALUES: Mapping[str, Sequence[int]] = {\n"
    kinds = {type: getattr(quants, type) for type in TYPES}
    for type, kind in kinds.items():
        scale = 8 if type == "IQ1_S" else 1
        values = [int(scale * value) for value in kind.grid_map]
        values += [0] * (-len(values) % 4)  # the fourth of three is never meant
        text += f'    "{type}": {tuple(values)},\n'
    text += "}\n\n_CODES: Mapping[str, str] = {\n"
    for type, kind in kinds.items():
        codes = base64.b64encode(bytes.fromhex(kind.grid_hex.decode())).decode()
        lines = "".join(f'        "{line}"\n' for line in textwrap.wrap(codes, 88))
        text += f'    "{type}": (\n{lines}    ),\n'
    TARGET.write_text(text + "}\n")


if __name__ == "__main__":
    main()
