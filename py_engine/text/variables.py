"""What a caller tells a template beside the conversation: whether to think, and how hard.

Names are those of other engines: `chat_template_kwargs` (vLLM, llama-server) for what a template
reads by a name of its own, `reasoning_effort` (OpenAI) for thinking, whatever its template calls
it. What a template does not read is refused: it would have no effect.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypedDict

from py_engine.base.errors import BadRequest
from py_engine.text.messages import Marks, plain

GIVEN = frozenset(["messages", "tools", "add_generation_prompt", "bos_token", "eos_token"])
"""Variables that are ours to fill."""

_SWITCHES = ("enable_thinking", "thinking")
"""True or false, in all templates that read them."""
_EFFORTS = ("reasoning_effort", "reasoning_strength", "thinking_effort")
"""Words, each template's own."""
_BUDGET = "thinking_budget"
"""Tokens; 0 is no thought."""


class TemplateOptions(TypedDict, total=False):
    """What a template gets beside the messages, named as in OpenAI's API and vLLM's."""

    tools: Sequence[object] | None
    chat_template_kwargs: Mapping[str, object] | None
    """Values of the template's own variables, such as `enable_thinking`, by name."""
    reasoning_effort: str | None
    """"none" turns thinking off. All else turns it on, and is told to templates that read such
    words."""


TEMPLATE_OPTIONS = tuple(TemplateOptions.__annotations__)


def variables(
    reads: Callable[[], frozenset[str]], told: TemplateOptions, marks: Marks
) -> dict[str, Any]:
    """The values of a template's own variables; of two that say the same, `told` by name counts.

    Text that stands alone is marked as keys are, so that it stays what a template compares it
    with; text within lists and objects as all data.

    Args:
        reads: gives the names that the template reads.

    Raises:
        BadRequest: a name that the template does not read, or a value that is not plain JSON.
    """
    given, effort = told.get("chat_template_kwargs"), told.get("reasoning_effort")
    found = _by_effort(reads(), effort) if effort is not None else {}
    if given is not None and not isinstance(given, Mapping):
        raise BadRequest("chat_template_kwargs", given, "an object")
    for name, value in (given or {}).items():
        if name not in reads():
            raise BadRequest("a name in chat_template_kwargs", name, _one_of(reads()))
        mark = marks.key if isinstance(value, str) else marks.data
        found[name] = plain(value, mark, marks.key)
    return found


def _by_effort(reads: frozenset[str], effort: str) -> dict[str, Any]:
    if not isinstance(effort, str) or not effort:
        raise BadRequest("reasoning_effort", effort, 'a word such as "none", "low" or "high"')
    thinks = effort != "none"
    found: dict[str, Any] = {name: thinks for name in _SWITCHES if name in reads}
    if not thinks and _BUDGET in reads:
        found[_BUDGET] = 0
    if thinks or not found:
        found |= {name: effort for name in _EFFORTS if name in reads}
    if not found and _BUDGET not in reads:
        wanted = "nothing, as this model's chat template knows no thinking that can be chosen"
        raise BadRequest("reasoning_effort", effort, wanted)
    return found


def _one_of(reads: frozenset[str]) -> str:
    if not reads:
        return "none, as this model's chat template reads none"
    return f"one that this model's chat template reads: {', '.join(sorted(reads))}"
