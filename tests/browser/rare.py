"""What Python looks up in its library only when it happens: run natively and in the page alike.

It is Python for both hosts, of any version: the standard library and what engine.zip has.
"""

import asyncio
import datetime
import decimal
import json
import sys
import time
import traceback
import warnings
from contextlib import suppress

CODECS = (
    "latin-1", "utf-8", "utf-8-sig", "utf-7", "utf-16", "utf-16-le", "utf-16-be", "utf-32",
    "utf-32-le", "utf-32-be", "unicode-escape", "raw-unicode-escape",
)  # fmt: skip
HANDLERS = (
    "ignore", "replace", "backslashreplace", "namereplace", "xmlcharrefreplace", "surrogateescape",
    "surrogatepass",
)  # fmt: skip
FAULTS = (
    "1 / 0", "{}['key']", "[].apend", "undefined", "impot json", "f(", "'\\N{NO SUCH THING}'",
    "int('x' * 9)", "b'\\xff'.decode()", "'\\ud800'.encode()", "json.loads('{')", "None + 1",
    "import nothing_of_this_name", "from json import lods", "assert 0, {1: 2}", "deep(0)",
    "raise ExceptionGroup('several', [ValueError(1), KeyError(2)])", "raise SystemError(b'\\0')",
)  # fmt: skip


def deep(n: int) -> int:
    """Recursion without an end."""
    return deep(n + 1)


def encoded() -> list[str]:
    """Every codec there and back, every way with what a codec lacks, every escape."""
    found = ["Aé".encode(name).decode(name) for name in CODECS]
    for handler in HANDLERS:
        with suppress(UnicodeError):
            found.append(repr("é•\ud800".encode("ascii", handler)))
        with suppress(UnicodeError, TypeError):  # some only write
            found.append(repr(b"a\xff\xed\xa0\x80".decode("utf-8", handler)))
    return [*found, eval("'\\N{BULLET}\\u00e9\\x41\\t'")]


def told() -> list[str]:
    """The kind of each fault whose traceback can be told."""
    kinds = []
    for fault in FAULTS:
        try:
            exec(fault)
        except Exception as error:
            error.add_note("a note")
            assert "a note" in "".join(traceback.format_exception(error))
            kinds.append(type(error).__name__)
    return kinds


async def waited() -> list[str]:
    """How tasks end: too late, and badly."""

    async def fail() -> None:
        raise ValueError("in a task")

    found = []
    try:
        async with asyncio.timeout(0.001):
            await asyncio.sleep(10)
    except TimeoutError as error:
        found.append(repr(error))
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(fail())
    except ExceptionGroup as error:
        found.append(str("in a task" in "".join(traceback.format_exception(error))))
    results = await asyncio.gather(asyncio.shield(fail()), return_exceptions=True)
    async with asyncio.Lock():
        await asyncio.wait([asyncio.ensure_future(asyncio.sleep(0))])
    return [*found, *map(repr, results)]


def counted() -> list[str]:
    """Huge numbers, dates, JSON."""
    limit = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    numbers = [str(7**40_000)[-9:], str(int("9" * 20_000) % 97), str(decimal.Decimal("1.1") / 3)]
    sys.set_int_max_str_digits(limit)
    now = datetime.datetime(2026, 11, 28, 7, 5)
    dates = [now.strftime("%d %b %Y, %A %H:%M %j"), now.isoformat(), time.strftime("%B", (1,) * 9)]
    texts = [json.dumps({"é": [1.5, None]}, indent=2), json.dumps("\ud800é"), f"{1e22:,.3f}"]
    return [*numbers, *dates, *texts]


def warned() -> list[str]:
    """A warning, as it is written."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warnings.warn("careful", stacklevel=1)
    return [warnings.formatwarning(one.message, one.category, "file", 1) for one in caught]


async def rare() -> str:
    """All of it, as JSON."""
    return json.dumps([encoded(), told(), await waited(), counted(), warned()])
