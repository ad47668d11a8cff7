"""Jinja2 for templates written by strangers: no way out, and no way to run long or grow large.

The syntax tree must consist of allowed nodes, filters and methods. Work is metered: loops pay for
each round by the size of their body, operations by the size of their operands, new text by its
length. Options, globals and filters are those of transformers 5 (utils/chat_template_utils.py).
Knows nothing of tokens; the sentinel only passes through it as text.
"""

import datetime
import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

from jinja2 import Template, TemplateError, Undefined, meta, nodes
from jinja2.exceptions import SecurityError
from jinja2.ext import Extension, loopcontrols
from jinja2.filters import make_attrgetter
from jinja2.parser import Parser
from jinja2.runtime import Context, Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace

from py_engine.base.errors import BadTemplate
from py_engine.text.meter import MAX_TEXT, Meter, TooMuchWork
from py_engine.text.template_filters import TextFilters
from py_engine.text.template_tree import TreeChecker, check_nesting

MAX_TEMPLATE = 256 * 1024
"""Characters of source."""
MAX_RANGE = 10_000
MAX_DEPTH = 24
"""Of macros that call each other (Pyodide 314 under Node: 50 pass, 100 end the worker)."""
CALL_COST = 20
"""Units for a call of anything, as measured against a loop's round."""
MAX_NUMBER = 10**18


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_FREE_FILTERS = _words("count d default first float int last length safe")
_METERED_FILTERS = _words(
    "abs capitalize dictsort e escape groupby items list lower map max min reject rejectattr"
    " reverse select selectattr sort striptags title trim truncate unique upper wordcount"
)
_STR_METHODS = _words(
    "capitalize casefold count endswith find index isalnum isalpha isdecimal isdigit islower"
    " isnumeric isspace istitle isupper lower lstrip partition removeprefix removesuffix rfind"
    " rindex rpartition rsplit rstrip split splitlines startswith strip swapcase title"
    " upper"
)
_METHODS: tuple[tuple[type, frozenset[str]], ...] = (
    (str, _STR_METHODS),
    (dict, frozenset(["get", "items", "keys", "values", "copy"])),
    (list, frozenset(["index", "count", "copy"])),
    (tuple, frozenset(["index", "count"])),
)
_COMPARISONS = _words("in eq == equalto ne != gt > greaterthan ge >= lt < lessthan le <=")
_FAILURES = (
    TemplateError, ArithmeticError, AttributeError, LookupError, MemoryError, NameError,
    RecursionError, SyntaxError, TypeError, ValueError,
)  # fmt: skip
"""What a template can make Jinja and Python raise."""


class _Generation(Extension):
    """`{% generation %}`: transformers marks a span for training; here it is its content."""

    tags = {"generation"}  # noqa: RUF012 - as the base class declares it

    def parse(self, parser: Parser) -> nodes.Node:
        """The block's body, in a scope of its own."""
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.Scope(body, lineno=line)


class Sandbox(ImmutableSandboxedEnvironment):
    """The environment of one template: compile it once, render it as often as wanted."""

    intercepted_binops = frozenset(["+", "-", "*", "/", "//", "%"])

    def __init__(self) -> None:
        super().__init__(
            trim_blocks=True,
            lstrip_blocks=True,
            optimized=False,
            finalize=self._output,
            extensions=[loopcontrols, _Generation],
        )
        self._meter = Meter()
        self._filters = TextFilters(self._meter)
        self._depth = 0
        self._macro_cost = 0
        for name in set(self.filters) - _FREE_FILTERS:
            function = cast(Callable[..., Any], self.filters.pop(name))
            if name in _METERED_FILTERS:
                self.filters[name] = self._metered(function)
        bounded = self._filters
        self.filters |= {
            "tojson": bounded.tojson, "replace": bounded.replace, "indent": bounded.indent,
            "string": bounded.text, "round": bounded.round, "join": self._join,
            "_loop": self._loop, "_weigh": self._weighed, "_concat": bounded.concat,
        }  # fmt: skip
        for name in _COMPARISONS & self.tests.keys():
            self.tests[name] = self._metered(cast(Callable[..., Any], self.tests[name]))
        self.globals = {
            "range": self._range, "dict": self._dict, "namespace": self._namespace,
            "raise_exception": _raise_exception, "strftime_now": _strftime_now,
        }  # fmt: skip

    def template(self, source: str) -> Template:
        """Parse, check and compile.

        Raises:
            BadTemplate: too long, wrong syntax, or something that is not allowed.
        """
        if len(source) > MAX_TEMPLATE:
            raise BadTemplate(f"the chat template has {len(source)} characters")
        self._meter.refill()
        self._depth = 0
        try:
            check_nesting(self.lex(source))
            checker = TreeChecker()
            tree = checker.checked(self.parse(source))
            tree.set_environment(self)
            self._macro_cost = checker.macro_cost
            code = self.compile(tree)
            return Template.from_code(self, code, dict(self.globals))
        except _FAILURES as error:
            raise BadTemplate(f"the chat template is not valid: {_why(error)}") from error

    def reads(self, source: str) -> frozenset[str]:
        """The names of variables that a template which `template` took may read from its values."""
        return frozenset(meta.find_undeclared_variables(self.parse(source)) - self.globals.keys())

    def run(self, template: Template, values: Mapping[str, object]) -> str:
        """Render; `values` are plain data.

        Raises:
            BadTemplate: the template fails, or takes too much work or space.
        """
        self._meter.refill()
        self._depth = 0
        parts: list[str] = []
        length = 0
        try:
            for part in template.generate(values):
                length += len(part)
                if length > MAX_TEXT:
                    raise TooMuchWork("the chat template writes too much text")
                parts.append(part)
        except _FAILURES as error:
            raise BadTemplate(f"the chat template failed: {_why(error)}") from error
        return "".join(parts)

    def _metered(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """A filter or test that pays for its arguments and its result."""
        skip = 1 if hasattr(function, "jinja_pass_arg") else 0

        @functools.wraps(function)
        def run(*args: Any, **kwargs: Any) -> Any:
            for value in (*args[skip:], *kwargs.values()):
                self._meter.weigh(value)
            result = function(*args, **kwargs)
            if isinstance(result, Iterator):
                return self._each(result, 1)
            self._meter.made(result)
            return result

        return run

    def _each(self, items: Iterator[Any], cost: int) -> Iterator[Any]:
        for item in items:
            self._meter.charge(cost)
            self._meter.made(item)
            yield item

    # -- what the checked tree calls

    def _loop(self, value: Any, cost: int) -> Any:
        """What a `for` runs over, paid for."""
        if isinstance(value, Iterator):
            return self._each(value, cost)
        if hasattr(value, "__len__"):
            self._meter.charge(len(value) * cost)
        return value

    def _join(self, value: Any, d: Any = "", attribute: str | int | None = None) -> str:
        if attribute is None:
            return self._filters.join(value, d)
        return self._filters.join(list(map(make_attrgetter(self, attribute), value)), d)

    def _weighed(self, value: Any) -> Any:
        self._meter.weigh(value)
        return value

    def _output(self, value: Any) -> Any:
        text = value if isinstance(value, Undefined) else self._filters.text(value)
        self._meter.made(str(text))
        return text

    # -- Jinja's hooks

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Methods of plain data by a list; of the rest what Jinja's sandbox allows."""
        for kind, allowed in _METHODS:
            if isinstance(obj, kind):
                return attr in allowed
        return super().is_safe_attribute(obj, attr, value)

    def getattr(self, obj: Any, attribute: str) -> Any:
        """`obj.attribute`; the methods that can multiply text are ours."""
        if isinstance(obj, str) and attribute in ("format", "join", "replace"):
            return self._str_method(obj, attribute)
        return super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """`obj[argument]`, where a name may also be an attribute."""
        if isinstance(obj, str) and isinstance(argument, str):
            return self.getattr(obj, argument)
        return super().getitem(obj, argument)

    def _str_method(self, text: str, name: str) -> Callable[..., str]:
        if name == "join":
            return lambda items: self._filters.join(items, text)
        if name == "replace":
            return functools.partial(self._filters.replace, text)
        return functools.partial(self._filters.format, self, text)

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:
        """Any call in a template; Jinja's own names of the parameters leave all others free."""
        owner = getattr(__obj, "__self__", None)
        if __self._depth >= MAX_DEPTH:
            raise TooMuchWork("the chat template's macros call each other too deeply")
        __self._meter.charge(CALL_COST + (__self._macro_cost if isinstance(__obj, Macro) else 0))
        if isinstance(owner, str):
            __self._meter.weigh(owner)
        elif isinstance(owner, (dict, list, tuple)) and __obj.__name__ != "get":
            __self._meter.charge(len(owner))
        __self._depth += 1
        try:
            result = super().call(__context, __obj, *args, **kwargs)
        finally:
            __self._depth -= 1
        if not isinstance(owner, (dict, list, tuple)):
            __self._meter.made(result)
        return result

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Arithmetic: numbers of bounded size; `+` also on text and lists, `%` on text."""
        numbers = isinstance(left, (int, float)) and isinstance(right, (int, float))
        if operator == "+" and isinstance(left, str) and isinstance(right, str):
            self._meter.room(len(left) + len(right))
        elif operator == "%" and isinstance(left, str):
            self._filters.check_percent(left, right)
        elif operator == "*" and not numbers and not isinstance(left, Undefined):
            raise SecurityError("only numbers can be multiplied")
        result = super().call_binop(context, operator, left, right)
        if isinstance(result, (int, float)):
            if not abs(result) <= MAX_NUMBER:
                raise SecurityError("a number is too large")
        else:
            self._meter.made(result)
        return result

    def _range(self, *args: int) -> range:
        numbers = range(*args)
        if len(numbers) > MAX_RANGE:
            raise SecurityError(f"range() is limited to {MAX_RANGE} numbers")
        return numbers

    def _dict(self, *args: Any, **kwargs: Any) -> dict[Any, Any]:
        for value in (*args, *kwargs.values()):
            self._meter.weigh(value)
        return dict(*args, **kwargs)

    def _namespace(self, *args: Any, **kwargs: Any) -> Namespace:
        return _Attributes(self._dict(*args, **kwargs))


class _Attributes(Namespace):
    """`namespace(...)`: names that a template may set. Its text does not show what it holds."""

    def __setitem__(self, name: str, value: Any) -> None:
        if name.startswith("_"):
            raise SecurityError(f"a namespace cannot hold {name!r}")
        super().__setitem__(name, value)

    def __repr__(self) -> str:
        return "<Namespace>"


def _raise_exception(message: str) -> None:
    raise TemplateError(message)


def _strftime_now(form: str) -> str:
    if len(form) > 256:
        raise SecurityError("the format of a date is too long")
    return datetime.datetime.now().strftime(form)


def _why(error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 300 else f"{text[:300]}…"
