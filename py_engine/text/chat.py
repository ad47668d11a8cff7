"""A conversation to the prompt that a model expects, by the templates in its file.

What people type can never become a control token: their text carries a sentinel (U+FDD0) inside
whatever looks like one, the control tokens of the rendered text are split off, and only then does
the sentinel go. Knows one tokenizer and its file's templates; does not know the model.
"""

from collections.abc import Mapping, Sequence
from typing import Unpack

from py_engine.base.errors import BadRequest, BadTemplate
from py_engine.text.chat_formats import built_in
from py_engine.text.messages import Form, Marks, Message, checked, plain
from py_engine.text.outline import Outline, outline
from py_engine.text.special import Splitter
from py_engine.text.template import Template
from py_engine.text.tokenizer import Tokenizer
from py_engine.text.variables import TemplateOptions, variables
from py_engine.text.vocabulary import SENTINEL

_KEY = "tokenizer.chat_template"
_TOOLS = "tool_use"
"""The name of the template that files give for conversations with tools."""


def chat_template(metadata: Mapping[str, object], tokenizer: Tokenizer) -> "ChatTemplate":
    """By a GGUF's `tokenizer.chat_template` and `tokenizer.chat_template.*`."""
    named = {
        key.removeprefix(f"{_KEY}."): value
        for key, value in metadata.items()
        if key.startswith(f"{_KEY}.") and isinstance(value, str)
    }
    source = metadata.get(_KEY)
    return ChatTemplate(source if isinstance(source, str) else "", tokenizer, named)


class ChatTemplate:
    """One model's chat format.

    Args:
        source: the template in the file; empty where it has none.
        tokenizer: of the same file.
        named: the file's other templates. With tools `tool_use` comes first; else any of them is
            used where the one before it does not write the whole conversation.

    A missing or broken template is replaced by a built-in format; `name` says which one is in
    use ("model" for the file's own), `warnings` says why.
    """

    def __init__(
        self, source: str, tokenizer: Tokenizer, named: Mapping[str, str] | None = None
    ) -> None:
        self.name = "model"
        self.warnings: list[str] = []
        self.tokenizer = tokenizer
        text = tokenizer.vocabulary.text
        self._values: dict[str, object] = {
            "add_generation_prompt": True,
            "bos_token": text(tokenizer.bos) if tokenizer.bos is not None else "",
            "eos_token": text(tokenizer.eos) if tokenizer.eos is not None else "",
        }
        guarded = {text: i for text, i in tokenizer.special.items() if tokenizer.is_guarded(i)}
        thoughts = {text: i for text, i in tokenizer.special.items() if "think" in text.lower()}
        typed, own = Splitter(guarded), Splitter(guarded | thoughts, keep=frozenset(thoughts))
        self._cut = Marks(typed.cut, own.cut, typed.cut, typed.cut)
        self._cut_all = Marks(
            lambda text: SENTINEL + typed.cut_all(text), own.cut_all, typed.cut_all, typed.cut
        )
        if any(len(text) == 1 for text in guarded):
            self.warnings.append(
                "the vocabulary has control tokens of one character; they are removed from messages"
            )
        given = {"": source, _TOOLS: "", **(named or {})}
        self._sources = {name: text for name, text in given.items() if text.strip()}
        self._templates: dict[str, Template | BadTemplate] = {}
        self._default = self._choose()

    def render(self, messages: Sequence[Message], **told: Unpack[TemplateOptions]) -> str:
        """The prompt as text, for people; `ids` is what a model gets.

        Raises:
            BadRequest: a message is not of the API's form, or a variable not of the template's.
            BadTemplate: the template refuses the conversation, or takes too much work.
        """
        return self._render(messages, told, self._cut).replace(SENTINEL, "")

    def ids(self, messages: Sequence[Message], **told: Unpack[TemplateOptions]) -> list[int]:
        """The prompt as tokens, BOS included once where the model wants it.

        Rendered twice: the second time every character that could begin a control token is
        marked. Where the control tokens of the two differ, the template has put typed text
        together to form one, and the second is used.

        Raises:
            BadRequest: a message is not of the API's form, or a variable not of the template's.
            BadTemplate: the template refuses the conversation, or takes too much work.
        """
        text = self._render(messages, told, self._cut)
        strict = self._render(messages, told, self._cut_all)
        tokenizer = self.tokenizer
        if tokenizer.control_ids(strict) != tokenizer.control_ids(text):
            text = strict
        ids = tokenizer.encode(text, special=True, drop=SENTINEL)
        if tokenizer.add_bos and tokenizer.bos is not None and ids[:1] != [tokenizer.bos]:
            ids.insert(0, tokenizer.bos)
        return ids

    def _choose(self) -> str:
        """The name of the first template that takes a plain question, else of a built-in one."""
        why = ""
        for name in self._sources:
            try:
                self._template(name)
            except BadTemplate as error:
                why = why or str(error)
                continue
            if why:
                self.warnings.append(f"{why}; the file's template {name!r} is used instead")
            return name
        vocabulary = self.tokenizer.vocabulary
        self.name, source = built_in(vocabulary.model, vocabulary.ids)
        self.warnings.append(
            f"{why or 'the file has no chat template'}; the built-in format {self.name!r} is used"
            " instead, so answers may be worse than this model can give"
        )
        self._templates[self.name] = Template(source, self._values)
        return self.name

    def _template(self, name: str) -> Template:
        """Compiled when first needed.

        Raises:
            BadTemplate: it cannot be used at all.
        """
        if name not in self._templates:
            try:
                self._templates[name] = Template(self._sources[name], self._values)
            except BadTemplate as error:
                self._templates[name] = error
        template = self._templates[name]
        if isinstance(template, BadTemplate):
            raise template
        return template

    def _fitting(self, of: Outline) -> tuple[Template, Form]:
        """The first template that writes all of such conversations, and its form.

        Raises:
            BadTemplate: none does, with the reason of the first.
        """
        first = [_TOOLS] if of.tools and _TOOLS in self._sources else []
        failure: BadTemplate | None = None
        for name in dict.fromkeys([*first, self._default, *self._sources]):
            try:
                template = self._template(name)
                return template, template.form(of)
            except BadTemplate as error:
                failure = failure or error
        assert failure
        raise failure

    def _render(self, messages: object, told: TemplateOptions, marks: Marks) -> str:
        tools = told.get("tools")
        if tools is not None and (not isinstance(tools, Sequence) or isinstance(tools, str)):
            raise BadRequest("tools", tools, "a list of tools")
        given = plain(tools or [], marks.data, marks.key)
        conversation = checked(messages)
        template, form = self._fitting(outline(conversation, given))
        return template.render(
            conversation, given, form, marks, variables(lambda: template.reads, told, marks)
        )
