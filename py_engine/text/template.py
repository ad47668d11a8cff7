"""One template: renders conversations in the form that it takes, which is found by rendering.

A template says nowhere which messages it knows. So a conversation's outline is rendered in one
form after the other until everything in it comes out. Knows no tokens.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import product

from py_engine.base.errors import BadTemplate
from py_engine.text.messages import UNMARKED, Form, Marks, Message, shaped
from py_engine.text.meter import TooMuchWork
from py_engine.text.outline import CALLS, MORE_CALLS, RESULTS, TOOLS, Outline, rehearsal
from py_engine.text.sandbox import Sandbox
from py_engine.text.variables import GIVEN

PLAIN = Outline((("user", True, 0),), tools=False)
"""A question: every template must take it."""


class Template:
    """A compiled template.

    Args:
        source: in Jinja2.
        values: its variables besides messages and tools.

    Raises:
        BadTemplate: it is not valid, or takes no plain question.
    """

    def __init__(self, source: str, values: Mapping[str, object]) -> None:
        self._values, self._source = values, source
        self._sandbox = Sandbox()
        self._compiled = self._sandbox.template(source)
        self._forms: dict[Outline, Form] = {}
        self._plain = self.form(PLAIN)

    def render(
        self,
        messages: Sequence[Message],
        tools: Sequence[object] | None,
        form: Form,
        marks: Marks = UNMARKED,
        variables: Mapping[str, object] | None = None,
    ) -> str:
        """Checked messages, shaped and marked, plain tools and variables as a prompt's text.

        Raises:
            BadRequest: a value is not plain JSON.
            BadTemplate: the template fails, or takes too much work.
        """
        absent: list[object] | None = None if form.no_tools else []
        values = {"messages": shaped(messages, form, marks), "tools": tools or absent}
        return self._sandbox.run(self._compiled, {**self._values, **(variables or {}), **values})

    @cached_property
    def reads(self) -> frozenset[str]:
        """The names of variables that a caller may give."""
        return self._sandbox.reads(self._source) - GIVEN

    def form(self, outline: Outline) -> Form:
        """The form in which the template writes everything of such conversations.

        Raises:
            BadTemplate: there is none, with what it leaves out or why it fails.
        """
        if outline not in self._forms:
            self._forms[outline] = self._found(outline)
        return self._forms[outline]

    def _found(self, outline: Outline) -> Form:
        words = rehearsal(outline)
        failure: BadTemplate | None = None
        least: list[str] = []
        for form in self._tries(outline):
            try:
                text = self.render(words.messages, words.tools, form)
            except TooMuchWork:
                raise
            except BadTemplate as error:
                failure = failure or error
                continue
            lost = words.lost(text)
            if not lost:
                return form
            if not least or len(lost) < len(least):
                least = lost
        raise _refusal(outline, least, failure)

    def _tries(self, outline: Outline) -> Iterator[Form]:
        """The forms that may make a difference to an outline, the most common first."""
        bools, systems = (False, True), ("each", "first", "asked")
        plain, told = outline == PLAIN, outline.has("system", "developer")
        silent = any(role == "assistant" and not speaks for role, speaks, _ in outline.kinds)
        for no_tools, parts, system, as_text, silence in product(
            (True, False) if plain else (self._plain.no_tools,),
            bools if plain else (self._plain.parts,),
            systems if told else systems[:1],
            bools if outline.calls else bools[:1],
            ("", None) if silent else ("",),
        ):
            yield Form(parts, no_tools, system, as_text, silence)


def _refusal(outline: Outline, lost: list[str], failure: BadTemplate | None) -> BadTemplate:
    """Why there is no form: what the best one leaves out, else the first one's failure."""
    if CALLS in lost:
        lost = [meaning for meaning in lost if meaning != MORE_CALLS]
    why = f"the chat template does not write {' and '.join(lost)}" if lost else str(failure)
    hint = ""
    if lost == [MORE_CALLS]:
        hint = "Give each tool call a message of its own, followed by its result."
    elif outline.about_tools and (not lost or {TOOLS, CALLS, RESULTS} & set(lost)):
        hint = (
            "The model may know no tools: ask without them, or choose one that was made for them."
        )
    return BadTemplate(why, hint)
