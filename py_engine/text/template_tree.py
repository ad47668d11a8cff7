"""The syntax tree of a stranger's template: what may stand in it, and the calls that meter it.

Knows Jinja2's nodes; what the meter costs and does is the sandbox's business.
"""

from collections.abc import Iterable
from typing import Any, cast

from jinja2 import TemplateSyntaxError, nodes
from jinja2.visitor import NodeTransformer

_ALLOWED = frozenset(
    [
        nodes.Template, nodes.Output, nodes.TemplateData, nodes.For, nodes.If, nodes.Macro,
        nodes.CallBlock, nodes.FilterBlock, nodes.With, nodes.Assign, nodes.AssignBlock,
        nodes.Scope, nodes.Break, nodes.Continue, nodes.Name, nodes.NSRef, nodes.Const,
        nodes.Tuple, nodes.List, nodes.Dict, nodes.Pair, nodes.Keyword, nodes.CondExpr,
        nodes.Filter, nodes.Test, nodes.Call, nodes.Getitem, nodes.Getattr, nodes.Slice,
        nodes.Concat, nodes.Compare, nodes.Operand, nodes.Add, nodes.Sub, nodes.Mul, nodes.Div,
        nodes.FloorDiv, nodes.Mod, nodes.And, nodes.Or, nodes.Not, nodes.Neg, nodes.Pos,
    ]
)  # fmt: skip
"""No blocks, includes or imports (there is no loader), no `**`."""


MAX_TREE = 48
"""Levels of the syntax tree; real templates have up to 29.

In a browser deep recursion is no exception, it ends the worker. Measured in Pyodide 314 under
Node: walking a tree of 100 levels passes and of 200 does not, freeing one of 2000 does."""
MAX_CHAIN = 128
"""Operators of one expression that each nest the tree; real templates have up to 26."""
MAX_BRACKETS = 16
MAX_BLOCKS = 20
MAX_PREFIXES = 16
"""Of `not` and signs in a row, and of `else` in one expression: the parser recurses for each."""

_OPENERS = frozenset(
    ["if", "for", "macro", "call", "filter", "with", "generation", "block", "autoescape"]
)


def check_nesting(tokens: Iterable[tuple[int, str, str]]) -> None:
    """Refuse what would make the parser recurse deeply; `tokens` as Environment.lex gives them.

    Raises:
        TemplateSyntaxError: brackets, blocks or prefixes are nested too deeply.
    """
    blocks = prefixes = choices = 0
    chains = [0]  # of each open bracket, the operators since the last comma
    statement: str | None = None  # the first name of a `{% %}`
    assigns = True
    for line, kind, value in tokens:
        prefixes = prefixes + 1 if value in ("not", "-", "+") else prefixes * (kind == "whitespace")
        if kind in ("block_begin", "variable_begin"):
            statement, assigns, choices, chains = None, kind != "block_begin", 0, [0]
        elif kind == "block_end" and statement == "set" and not assigns:
            blocks += 1
        elif kind == "operator":
            assigns |= value == "="
            _count(chains, value)
        elif kind == "name":
            if statement is None:
                statement = value
                blocks += (value in _OPENERS) - value.startswith("end")
            choices += value == "else"
            chains[-1] += value in ("and", "or", "is")
        if (
            len(chains) > MAX_BRACKETS
            or sum(chains) > MAX_CHAIN
            or blocks > MAX_BLOCKS
            or max(prefixes, choices) > MAX_PREFIXES
        ):
            raise TemplateSyntaxError("it is nested too deeply", line)


def _count(chains: list[int], operator: str) -> None:
    if operator in (",", ":", "=", "~"):
        chains[-1] = 0
    elif operator in (")", "]", "}"):
        del chains[max(1, len(chains) - 1) :]
    else:
        chains[-1] += 1
        if operator in ("(", "[", "{"):
            chains.append(0)


def _check_depth(tree: nodes.Node) -> None:
    stack = [(tree, 1)]
    while stack:
        node, depth = stack.pop()
        if depth > MAX_TREE:
            raise TemplateSyntaxError("it is nested too deeply", node.lineno)
        stack += [(child, depth + 1) for child in node.iter_child_nodes()]


def _size(node: nodes.Node) -> int:
    """The work of evaluating a node once, loops not counted: nodes and 16 characters of text."""
    total = 0
    stack = [node]
    while stack:
        item = stack.pop()
        total += 1
        if isinstance(item, nodes.TemplateData):
            total += len(item.data) >> 4
        stack += item.iter_child_nodes()
    return total


class TreeChecker(NodeTransformer):
    """Refuses what is not allowed and wraps what can grow in the sandbox's metering filters.

    `_loop(items, cost)` around what a loop runs over, `_concat` in the place of `~`, `_weigh`
    around literals of lists, operands of comparisons and whatever is sliced. `macro_cost` is
    the size of the largest macro.

    Raises:
        TemplateSyntaxError: a node that is not allowed.
    """

    def __init__(self) -> None:
        self.macro_cost = 0

    def checked(self, tree: nodes.Template) -> nodes.Template:
        """The whole tree, checked and wrapped."""
        _check_depth(tree)
        return cast(nodes.Template, self.visit(tree))

    def visit(self, node: nodes.Node, *args: Any, **kwargs: Any) -> Any:
        """Check a node, then its children, then wrap."""
        kind = type(node)
        if kind not in _ALLOWED:
            raise TemplateSyntaxError(f"{kind.__name__} is not allowed", node.lineno)
        if isinstance(node, nodes.For):
            if node.recursive:
                raise TemplateSyntaxError("recursive loops are not allowed", node.lineno)
            cost = _size(node)
            self.generic_visit(node)
            node.iter = _filter(node.iter, "_loop", nodes.Const(cost))
            return node
        if isinstance(node, (nodes.Macro, nodes.CallBlock)):
            self.macro_cost = max(self.macro_cost, _size(node))
        if isinstance(node, nodes.Filter) and node.name.startswith("_"):
            raise TemplateSyntaxError(f"no filter named {node.name!r}", node.lineno)
        self.generic_visit(node)
        return _wrapped(node)


def _wrapped(node: nodes.Node) -> nodes.Node:
    if isinstance(node, nodes.Concat):
        return _filter(nodes.List(node.nodes, lineno=node.lineno), "_concat")
    if isinstance(node, (nodes.List, nodes.Dict, nodes.Tuple)):
        stored = isinstance(node, nodes.Tuple) and node.ctx != "load"
        if stored or all(isinstance(child, nodes.Const) for child in node.iter_child_nodes()):
            return node
        return _filter(node, "_weigh")
    if isinstance(node, nodes.Compare):
        sides = [node.expr, *(operand.expr for operand in node.ops)]
        searches = any(operand.op in ("in", "notin") for operand in node.ops)
        if searches or not any(isinstance(side, nodes.Const) for side in sides):
            node.expr = _filter(node.expr, "_weigh")
            for operand in node.ops:
                operand.expr = _filter(operand.expr, "_weigh")
    if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Slice):
        node.node = _filter(node.node, "_weigh")
    return node


def _filter(node: nodes.Node, name: str, *args: nodes.Expr) -> nodes.Filter:
    return nodes.Filter(
        cast(nodes.Expr, node), name, list(args), [], None, None, lineno=node.lineno
    )
