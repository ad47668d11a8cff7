"""The syntax tree of a stranger's template: what may stand in it, and the calls that meter it.

Knows Jinja2's nodes; what the meter costs and does is the sandbox's business.
"""

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
