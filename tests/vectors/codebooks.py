"""Write the data of py_engine/formats/codebooks.py from gguf-py; run by hand, and committed.

python -m tests.vectors.codebooks                                # from the repository's root
"""

import base64
import importlib.metadata
import re
import textwrap
from pathlib import Path

from gguf import quants

TYPES = ("IQ1_S", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ3_XXS", "IQ3_S")
TARGET = Path(__file__).resolve().parents[2] / "py_engine" / "formats" / "codebooks.py"


def main() -> None:
    begin = "_VALUES: Mapping[str, Sequence[int]] = {\n"
    code, _, _ = TARGET.read_text(encoding="utf-8").partition(begin)
    text = re.sub(r"gguf [\d.]+ ", f"gguf {importlib.metadata.version('gguf')} ", code) + begin
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
