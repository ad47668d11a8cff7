"""The filters and methods of templates that could multiply text, with a bound on each.

They are Jinja2's and transformers' own in what they give; each pays the meter before it works.
"""

import json
import re
from collections.abc import Iterable, Sized
from typing import Any

from jinja2.exceptions import SecurityError
from jinja2.filters import do_indent, do_round
from jinja2.sandbox import SandboxedEnvironment, SandboxedFormatter

from py_engine.text.meter import Meter
from py_engine.text.vocabulary import SENTINEL

_SENTINEL_ESCAPED = re.compile(r"(?<!\\)((?:\\\\)*)\\ufdd0")
_WIDE_PERCENT = re.compile(r"%(?:\([^()]*\))?+[^a-zA-Z%]*(\d{4}|[*(])")
_FIELD = 1000
"""No width that is let through gives a field longer than this, but for what it shows."""
_MAX_PLACES = 20


def _unescaped(text: str) -> str:
    """Python and JSON write the sentinel as an escape: make it the character again."""
    return _SENTINEL_ESCAPED.sub(rf"\1{SENTINEL}", text) if "\\ufdd0" in text else text


class _Formatter(SandboxedFormatter):
    """`str.format` whose widths and sizes are bounded."""

    def __init__(self, env: SandboxedEnvironment, meter: Meter) -> None:
        super().__init__(env)
        self._meter = meter

    def format_field(self, value: Any, format_spec: str) -> str:
        """One replacement field."""
        if re.search(r"\d{4}", format_spec):
            raise SecurityError("a format width is too large")
        self._meter.weigh(value)
        text = _unescaped(str(super().format_field(value, format_spec)))
        self._meter.made(text)
        return text


class TextFilters:
    """The bounded forms, paid from one meter."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter

    def text(self, value: Any) -> str:
        """What `{{ value }}` prints."""
        if isinstance(value, str):
            return value
        self._meter.weigh(value)
        return _unescaped(str(value))

    def concat(self, parts: Iterable[Any]) -> str:
        """`a ~ b`."""
        return self.join(list(parts))

    def join(self, value: Any, d: Any = "") -> str:
        """`value | join(d)` and `d.join(value)`."""
        if isinstance(value, Sized):
            self._meter.charge(len(value))
        separator = self.text(d)
        texts = [self.text(item) for item in value]
        self._meter.room(sum(map(len, texts)) + len(separator) * len(texts))
        return separator.join(texts)

    def replace(self, value: Any, old: Any, new: Any, count: int | None = None) -> str:
        """`value | replace(old, new)` and `value.replace(old, new)`."""
        text, before, after = self.text(value), self.text(old), self.text(new)
        times = -1 if count is None else int(count)
        self._meter.weigh(text)
        found = text.count(before)
        found = found if times < 0 else min(found, times)
        self._meter.room(len(text) + found * max(0, len(after) - len(before)))
        return text.replace(before, after, times)

    def indent(
        self, value: Any, width: int | str = 4, first: bool = False, blank: bool = False
    ) -> str:
        """`value | indent`."""
        text = self.text(value)
        per_line = len(width) if isinstance(width, str) else int(width)
        if not 0 <= per_line <= 1000:
            raise SecurityError(f"an indent of {per_line}")
        self._meter.room(len(text) + (text.count("\n") + 1) * per_line)
        return str(do_indent(text, width, first, blank))

    def tojson(
        self,
        value: Any,
        ensure_ascii: bool = False,
        indent: int | None = None,
        separators: tuple[str, str] | None = None,
        sort_keys: bool = False,
    ) -> str:
        """`value | tojson`, without HTML escapes."""
        if not isinstance(indent, (int, type(None))) or not 0 <= (indent or 0) <= 16:
            raise SecurityError(f"an indent of {indent!r}")
        if separators is not None and not all(len(one) <= 16 for one in separators):
            raise SecurityError("a separator is too long")
        self._meter.weigh(value)
        text = json.dumps(
            value,
            ensure_ascii=ensure_ascii,
            indent=indent,
            separators=separators,
            sort_keys=sort_keys,
        )
        text = _unescaped(text)
        self._meter.made(text)
        return text

    def format(self, env: SandboxedEnvironment, text: str, *args: Any, **kwargs: Any) -> str:
        """`text.format(...)`."""
        return _Formatter(env, self._meter).vformat(text, args, kwargs)

    def check_percent(self, text: str, values: Any) -> None:
        """Pay for `text % values`."""
        if _WIDE_PERCENT.search(text):
            raise SecurityError("a format width is too large")
        self._meter.weigh(values)
        self._meter.room(len(text) + text.count("%") * (_FIELD + len(str(values))))

    def round(self, value: Any, precision: int = 0, method: Any = "common") -> float:
        """`value | round(precision)`: a large power of ten would take seconds to compute."""
        if abs(precision) > _MAX_PLACES:
            raise SecurityError(f"rounding to {precision} places")
        return do_round(value, precision, method)
