"""Load a shader file: bake its constants, splice its includes, read its interface.

A file under shaders/ is plain WGSL. Five things are resolved here and nowhere else:

    override NAME: T = default;       ->  const NAME: T = value;
    // #include "lib/reduce.wgsl"     ->  that file, once (the caller may map the name to a variant)
    @binding(3)                       ->  @binding(2), where an include's variant leaves a gap
    // #unroll                        ->  the loop below it written out, see unroll.py
    subgroupAdd(…)                    ->  the same, below the `enable` lines of this compiler

The text that results is the pipeline's identity: two requests with equal text are one pipeline.
"""

import re
import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from py_engine.gpu.unroll import unroll

_OVERRIDE = re.compile(r"^override (\w+): (\w+) = ([^;]+);", re.M)
_INCLUDE = re.compile(r'^// #include "([^"]+)"$', re.M)
_BINDING = re.compile(
    r"^@group\(0\) @binding\((\d+)\) var<(storage, read|storage, read_write|uniform)> (\w+):", re.M
)
_PARAMS = re.compile(r"^struct Params \{(.*?)^\}", re.M | re.S)
_SUBGROUPS = re.compile(r"\bsubgroup\w+\(|\bsubgroup_")
_FIELD = re.compile(r"^\s*(\w+): (u32|i32|f32),", re.M)
_CONSTANT = re.compile(r"^const (\w+): \w+ = (\d+|true|false)u?;", re.M)
_REAL = re.compile(r"^const (\w+): f32 = (-?\d[\d.e+-]*);", re.M)
_FORMAT = {"u32": "I", "i32": "i", "f32": "f"}

Value = int | float | bool | str


@dataclass(frozen=True)
class Shader:
    """A final shader text and the interface read from it."""

    name: str
    label: str
    """The name, what its includes stand for, and its constants: for people."""
    code: str
    bindings: tuple[tuple[str, str], ...]
    """(name, access) in binding order; access is `read`, `read_write` or `uniform`."""
    params: tuple[tuple[str, str], ...]
    """(field, WGSL type) of `struct Params`, in order; empty if there is none."""
    constants: Mapping[str, int] = field(default_factory=dict)
    """The whole numbers and bools that stand in the text as constants; true is 1."""
    reals: Mapping[str, float] = field(default_factory=dict)
    """Its constants that are f32."""
    includes: Mapping[str, str] = field(default_factory=dict)
    """The paths of includes that were replaced, and by which."""

    @property
    def uses_subgroups(self) -> bool:
        """Its threads talk within their subgroup."""
        return bool(_SUBGROUPS.search(self.code))

    def pack(self, values: Mapping[str, int | float]) -> bytes:
        """The bytes of `struct Params`; a missing or unknown field is a TypeError."""
        names, layout = self._layout
        if values.keys() != names.keys():
            raise TypeError(f"{self.name}: Params are {list(names)}, got {sorted(values)}")
        return layout.pack(*[values[name] for name in names])

    @cached_property
    def _layout(self) -> tuple[dict[str, str], struct.Struct]:
        names = dict(self.params)
        return names, struct.Struct("<" + "".join(_FORMAT[kind] for kind in names.values()))


def load(
    read: Callable[[str], str],
    name: str,
    *,
    includes: Mapping[str, str] | None = None,
    constants: Mapping[str, Value] | None = None,
    enables: Iterable[str] = (),
) -> Shader:
    """The shader `name` with its holes filled.

    Args:
        read: gives the text of a path below shaders/.
        includes: replaces an include's path by that of a variant with the same functions.
        constants: values for `override`s; one that is not declared is a KeyError.
        enables: what the host's compiler wants enabled where subgroups are used.
    """
    includes = includes or {}
    constants = constants or {}
    unused = set(constants)
    seen: set[str] = set()

    def splice(path: str) -> str:
        def once(match: re.Match[str]) -> str:
            target = includes.get(match[1], match[1])
            if target in seen:
                return ""
            seen.add(target)
            return splice(target).rstrip()

        return _INCLUDE.sub(once, read(path))

    def bake(match: re.Match[str]) -> str:
        unused.discard(match[1])
        return f"const {match[1]}: {match[2]} = {_literal(constants.get(match[1], match[3]))};"

    code = _OVERRIDE.sub(bake, splice(f"{name}.wgsl"))
    if unused:
        raise KeyError(f"{name}.wgsl declares no {sorted(unused)}")
    body = _PARAMS.search(code)
    bindings = sorted(_BINDING.findall(code), key=lambda found: int(found[0]))
    if len({number for number, _, _ in bindings}) < len(bindings):
        raise ValueError(f"{name}.wgsl: two bindings have one number: {bindings}")
    order = {label: number for number, (_, _, label) in enumerate(bindings)}

    def renumber(match: re.Match[str]) -> str:
        return match[0].replace(f"@binding({match[1]})", f"@binding({order[match[3]]})")

    code = unroll(_BINDING.sub(renumber, code))
    if _SUBGROUPS.search(code):
        code = "".join(f"enable {one};\n" for one in sorted(enables)) + code
    return Shader(
        name=name,
        label=" ".join([name, *_stems(includes), *(f"{k}={v}" for k, v in constants.items())]),
        code=code,
        bindings=tuple((label, access.removeprefix("storage, ")) for _, access, label in bindings),
        params=tuple(_FIELD.findall(body[1])) if body else (),
        constants={name: _number(value) for name, value in _CONSTANT.findall(code)},
        reals={name: float(value) for name, value in _REAL.findall(code)},
        includes=dict(includes),
    )


def _stems(includes: Mapping[str, str]) -> list[str]:
    return [path.rpartition("/")[2].removesuffix(".wgsl") for path in includes.values()]


def _number(text: str) -> int:
    return int(text) if text.isdigit() else int(text == "true")


def _literal(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
