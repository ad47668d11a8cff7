"""Stories on request: the characters, the thing, the place and the mood that were asked for.

A story opens at a place, has a thing and a trouble with it, a way out, and an end; 60 to 150
words. What was not asked for is chosen freely.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from demo.grammar import plots
from demo.grammar.turns import Rule, Turn, article, no_loop, says, sentence, typed, words_between
from demo.grammar.words import NOUNS, OBJECTS, hero, invented, thing

_STARTS = (
    *("Tell me a {m} story about {e}.", "a {m} story about {e}", "Write a {m} story about {e}."),
    *("Can you tell me a {m} story about {e}?", "I would like a {m} story about {e}."),
    *("A short {m} story with {e}, please.", "Make up a {m} story about {e}.", "{m} story: {e}"),
    *("Tell a {m} story with {e}.", "Please write a short {m} story about {e}."),
    *("Could you write a {m} story with {e}?", "I want to hear a {m} story about {e}."),
    *("Give me a {m} story about {e}.", "Invent a {m} story about {e}.", "story about {e}, {m}"),
)
_BARE = (
    *(
        "Tell me a {m} story.",
        "Tell me a {m} story!",
        "I want a {m} story.",
        "A {m} story, please.",
    ),
    *("Write a {m} story.", "Can you tell a {m} story?", "Do you know a {m} story?", "{m} story"),
    *("Another {m} story, please.", "Tell me another {m} story.", "One more {m} story!"),
    *("I would like to hear a {m} story.", "Please tell me a short {m} story."),
)


@dataclass(frozen=True)
class Request:
    """What a story is to hold; an empty string was not asked for.

    Args:
        who, friend: characters without article, a name with a capital.
        whose: its, her or his.
        what, group: a thing, and its class among plots.TROUBLES.
        where, mood: keys of plots.PLACES and plots.MOODS.
    """

    who: str
    whose: str
    friend: str
    what: str
    group: str
    where: str
    mood: str


def request(rng: random.Random) -> Request:
    who, whose = hero(rng)
    if rng.random() < 0.1:
        who, whose = invented(rng).capitalize(), rng.choice(["her", "his"])
    friend, (what, group) = hero(rng)[0], thing(rng)
    if rng.random() < 0.1:
        what, group = rng.choice([rng.choice(NOUNS), invented(rng)]), "any"
        group = next((g for g, things in OBJECTS.items() if what in things), group)
    if what == who or friend in (who, what):
        return request(rng)
    asked = rng.random()
    return Request(
        who, whose,
        friend if asked < 0.3 or asked > 0.9 else "",
        what if asked < 0.15 or asked > 0.35 else "",
        group,
        rng.choice(list(plots.PLACES)) if rng.random() < 0.5 else "",
        rng.choice(list(plots.MOODS)) if rng.random() < 0.35 else "",
    )  # fmt: skip


def _elements(rng: random.Random, wanted: Request) -> str:
    """`a fox and a lantern, in the rain`."""
    bare = rng.random() < 0.12
    nouns = [n if bare else article(n) for n in (wanted.who, wanted.friend, wanted.what) if n]
    text = ", ".join([*nouns[:-2], " and ".join(nouns[-2:])])
    if wanted.where:
        text += rng.choice([", ", " ", ", "]) + wanted.where
    return text


def _definite(noun: str) -> str:
    return noun if noun[0].isupper() else f"the {noun}"


def tell(rng: random.Random, wanted: Request) -> str:
    """A story of three short paragraphs."""
    where = wanted.where or rng.choice(list(plots.PLACES))
    slots = {
        "a": article(wanted.who), "h": _definite(wanted.who), "w": wanted.whose, "p": where,
        "o": article(wanted.what) if wanted.what else "",
        "f": _definite(wanted.friend) if wanted.friend else "",
    }  # fmt: skip
    named = wanted.who[0].isupper()
    openings = plots.OPENINGS_NAMED if named else plots.OPENINGS
    opening = [rng.choice(plots.OPENINGS_WHEN if where in plots.WHEN else openings)]
    opening.append(rng.choice(plots.PLACES[where]))
    begin, close = plots.MOODS[wanted.mood] if wanted.mood else ("", "")
    opening.append(begin)
    trouble, way_out = rng.choice(
        plots.TROUBLES[wanted.group] if wanted.what else plots.BARE_TROUBLES
    )
    if wanted.what:
        opening.append(rng.choice(plots.HAVING))
    middle = [trouble, rng.choice(plots.FEELINGS)]
    if not wanted.friend or rng.random() < 0.5:
        middle.append(rng.choice(plots.TRIES))
    if wanted.friend:
        middle.append(rng.choice(plots.FRIENDS).replace("{f}", article(wanted.friend), 1))
    middle.append(way_out)
    end = [rng.choice(plots.THANKS)] if wanted.friend else []
    end += [rng.choice(plots.LESSONS), rng.choice(plots.ENDINGS), close]

    def fill(parts: list[str], **more: str) -> str:
        filled = slots | more
        capitals = {name.upper(): sentence(text) for name, text in filled.items()}
        return " ".join(sentence(part.format(**filled, **capitals)) for part in parts if part)

    the_thing = {"o": _definite(wanted.what)} if wanted.what else {}
    return "\n\n".join([fill(opening), fill(middle, **the_thing), fill(end, **the_thing)])


def _told(rng: random.Random, wanted: Request) -> str:
    """A story of 60 to 150 words without a sentence twice."""
    while True:
        text = tell(rng, wanted)
        if 62 <= len(text.split()) <= 145 and no_loop(text):
            return text


def rules(wanted: Request) -> tuple[Rule, ...]:
    place = wanted.where.split()[-1:] or []
    mood = [wanted.mood] if wanted.mood else []
    nouns = [noun for noun in (wanted.who, wanted.friend, wanted.what) if noun]
    return (says(*nouns, *place, *mood), words_between(60, 150), no_loop, lambda a: "But " in a)


def ask(rng: random.Random) -> Turn:
    """A request with two to five elements, or, seldom, for any story at all."""
    wanted = request(rng)
    if rng.random() < 0.1:
        question = typed(rng, rng.choice(_BARE), m=wanted.mood or "@")
        held_back = rules(Request("", "", "", "", "", "", wanted.mood))
        sort, key = "free story", f"free|{question}"
    else:
        question = typed(rng, rng.choice(_STARTS), m=wanted.mood or "@", e=_elements(rng, wanted))
        held_back, sort = rules(wanted), "story"
        key = f"story|{wanted.who}|{wanted.friend}|{wanted.what}|{wanted.where}|{wanted.mood}"
    question = question.replace(", @", "").replace("@ ", "").replace("@", "")
    for vowel in ("exciting", "Exciting"):
        question = question.replace(f" a {vowel}", f" an {vowel}")
        question = question.removeprefix("a ") if question.startswith(f"a {vowel}") else question
    return Turn("story", sort, question, _told(rng, wanted), held_back, key)
