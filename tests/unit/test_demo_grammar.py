"""The grammar behind the demo model: its answers meet its own rules, and its parts do not meet."""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from demo.generate import KINDS, LONGEST, Dialogue, dialogue, held_out
from demo.grammar import facts, plots, project, stories
from demo.grammar.turns import (
    Turn,
    held,
    holds_json,
    holds_table,
    lists,
    n_lines,
    no_loop,
    says,
    typed,
    words_between,
)

SEEDS = st.integers(0, 2**32)


def text_of(one: Dialogue) -> str:
    return "\n".join(message["content"] for message in one.messages())


@pytest.mark.parametrize("kind", KINDS)
@given(seed=SEEDS)
@settings(max_examples=150, deadline=None)
def test_every_answer_meets_its_own_rules(kind: str, seed: int) -> None:
    turn = KINDS[kind](random.Random(seed))
    assert turn.kind == kind
    assert turn.accepts(turn.answer), (turn.ask, turn.answer)


@given(seed=SEEDS)
@settings(max_examples=150, deadline=None)
def test_dialogues_for_training(seed: int) -> None:
    one = dialogue(random.Random(seed))
    assert one.turns and len(text_of(one)) < LONGEST + 100
    assert not re.search(
        r"[{}@]", "".join(t.ask + t.answer for t in one.turns if "json" not in t.sort)
    )
    assert all(turn.accepts(turn.answer) for turn in one.turns)
    assert not any(held(turn.key) for turn in one.turns)
    assert text_of(one) == text_of(dialogue(random.Random(seed)))


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_held_back_is_not_for_training(kind: str) -> None:
    """The judged question has a held-back key, or asks for something told under one."""
    asked = [held_out(seed, kind) for seed in range(60)]
    assert all(one.turns[-1].kind == kind for one in asked)
    assert all(any(held(turn.key) for turn in one.turns) for one in asked)
    assert len({text_of(one) for one in asked}) > 55


def test_what_was_told_is_asked_for() -> None:
    asked = [held_out(seed, "talk") for seed in range(80)]
    recalls = [one for one in asked if one.turns[-1].sort.startswith("recall")]
    assert len(recalls) > 30
    for one in recalls:
        before = Dialogue("", one.turns[:-1])
        answer = re.findall(r"[\w-]+", one.turns[-1].answer.lower())
        assert set(answer) & set(re.findall(r"[\w-]+", text_of(before).lower()))


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        ("sums", "I think it is about 7777."),
        ("facts", "It is Springfield."),
        ("story", "The fox had a lantern. The end."),
        ("forms", "Here you are!"),
        ("project", "It is a kind of cheese."),
        ("refusal", "It was founded in 1823 by a baker."),
    ],
)
def test_wrong_answers_are_refused(kind: str, wrong: str) -> None:
    turns = [KINDS[kind](random.Random(seed)) for seed in range(100)]
    assert not any(turn.accepts(wrong) for turn in turns)


def test_rules() -> None:
    assert says("fox", "Mexico City")("A fox in mexico city.") and not says("fox")("foxes")
    assert not no_loop("The fox sat down. A bird sang. The fox sat down.")
    assert words_between(2, 3)("a b c") and not words_between(2, 3)("a")
    assert n_lines(2, 2)("a b\nc") and not n_lines(2, 2)("a b c\nd")
    assert lists(2, ["a", "b"])("- a\n- b") and not lists(2, ["a", "b"])("- a\n- a")
    assert not lists(2, ["a"])("- a\n- c")
    assert holds_json({"a": 1})('```json\n{"a": 1}\n```')
    assert not holds_json({"a": 1})('```json\n{"a": "1"}\n```') and not holds_json({})("{}")
    assert holds_table([["a", "b"], ["1", "2"]])("| a | b |\n| --- | --- |\n| 1 | 2 |")
    assert not holds_table([["a", "b"], ["1", "2"]])("| a | b |\n| --- | --- |\n| 1 | 3 |")


@given(seed=SEEDS)
def test_slips_spare_what_is_asked_for(seed: int) -> None:
    asked = typed(random.Random(seed), "Tell me about {x} again.", keep=True, x="Zanzibar")
    assert "Zanzibar" in asked


def test_facts_do_not_contradict_each_other() -> None:
    assert len(facts.CAPITALS) == 50 and len(set(facts.CAPITALS.values())) == 50
    words = [word for pair in facts.OPPOSITES for word in pair]
    assert not [word for word in words if words.count(word) > 1]
    things = [thing for shade in facts.COLOURS.values() for thing in shade]
    assert len(things) == len(set(things))
    assert [facts.plural(w) for w in ("fox", "city", "day", "child")] == [
        "foxes",
        "cities",
        "days",
        "children",
    ]


def test_a_story_holds_what_was_asked_for() -> None:
    wanted = stories.Request("fox", "its", "", "lantern", "light", "in the rain", "sad")
    for seed in range(50):
        text = stories.tell(random.Random(seed), wanted)
        assert all(word in text for word in ("the fox", "the lantern", "rain", "sad"))
    assert set(plots.WHEN) <= set(plots.PLACES)


def test_every_topic_of_the_project_can_be_asked_for() -> None:
    turns: list[Turn] = [project.ask(random.Random(seed)) for seed in range(4000)]
    assert {turn.sort for turn in turns} == set(project.TOPICS)
