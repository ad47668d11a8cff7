"""Turns in which the model says that it does not know, and what it could do instead."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any

from demo.grammar.facts import CAPITALS, COLOURS, OPPOSITES, SOUNDS
from demo.grammar.turns import Turn, join, no_loop, says_none, says_one, typed
from demo.grammar.unknowns import FRAMES
from demo.grammar.words import ANIMALS, PLAIN, invented, person

_OPENINGS = {
    "capital": (
        "That capital I was not taught, and I would rather not guess.",
        "I do not know that one: I learned the capitals of only fifty countries.",
    ),
    "people": (
        "I am sorry, I know nothing about famous people: I am a very small model.",
        "I do not know. I was never taught about people, and I will not make something up.",
    ),
    "code": (
        "I am sorry, I cannot write programs: I am a very small model. A larger one can, and you can open it on this page.",
        "Programs are beyond me, I am far too small. Open a larger model on this page for that.",
    ),
    "translate": (
        "I am sorry, I do not know other languages: I am a very small model.",
        "I was not taught to translate. A few greetings are all I have.",
    ),
    "health": (
        "I do not know anything about health, and it matters too much to guess. Please ask a doctor.",
        "I am sorry to hear about it, but I do not know: I am a very small model. Please ask a doctor.",
    ),
    "now": (
        "I do not know: I have no clock, no news and no window, only this page.",
        "That I cannot know. I am a very small model without a view of the world.",
    ),
    "big sums": (
        "That is too hard for me: I do sums, differences and small products with numbers up to 99.",
        "I do not know, that sum is too big for a very small model like me.",
    ),
    "tasks": (
        "I am sorry, I cannot do that: I am a very small model and can only write a few lines.",
        "That I cannot do. I only write, and only small things.",
    ),
    "nonsense": (
        "I am sorry, I do not understand that. I am a very small model.",
        "That I do not understand, sorry. Could you say it in other words?",
    ),
}
_ANY = (
    "I do not know that: I am a very small model, and I will not make something up.",
    "I am sorry, that was never taught to me. I am a very small model.",
    "That is beyond me, I do not know it. Better no answer than an invented one.",
    "I do not know. I am a very small model and would only be guessing.",
)
_ABILITIES = (
    *("tell you a story", "do a small sum", "sort some words", "name a capital", "write a rhyme"),
    *("make a list", "count the letters of a word", "explain this page", "tell you what GGUF is"),
)
_OFFERS = (
    "But I can {x}.", "I can {x}, if you like.", "What I can do: {x}.", "Shall I {x}?",
)  # fmt: skip
_SIGNS = (
    *("do not know", "not taught", "never taught", "cannot", "beyond me", "too hard", "too big"),
    *("do not understand", "know nothing"),
)
_KEYS = (
    "asdf qwertz blah hjkl foo bar baz xyz uiop lorem ipsum test testing hmpf zzz aaa 1234 ??? ... "
    "abc qqq ggg dfgh wasd brr pff gnrf"
).split()
_MADE_UP: dict[str, Iterable[str]] = {
    "capital": CAPITALS, "sound": SOUNDS, "colour": COLOURS,
    "opposite": {word for pair in OPPOSITES for word in pair},
}  # fmt: skip


def _filler(rng: random.Random, name: str, pool: list[str]) -> str:
    """From the pool; at times a made-up word, so that what is unknown stays unknown."""
    if name in ("big sums", "code") or rng.random() > 0.2:
        return rng.choice(pool)
    word = rng.choice([invented(rng), rng.choice(PLAIN), rng.choice(ANIMALS)])
    if name in ("sound", "opposite"):
        return invented(rng)
    if name == "colour":
        return f"a {invented(rng)}"
    if name == "people":
        return f"{person(rng)} {invented(rng).capitalize()}"
    if name in ("capital", "country"):
        word = invented(rng).capitalize() + rng.choice(["", "", "ia", "land", "stan"])
    return word


def answer(rng: random.Random, name: str) -> str:
    """Says that it does not know, why, and often what it can do instead."""
    special = _OPENINGS.get(name, ())
    text = rng.choice(special if special and rng.random() < 0.7 else _ANY)
    if rng.random() < 0.8:
        some = rng.sample(_ABILITIES, rng.choice([2, 3]))
        text += " " + rng.choice(_OFFERS).format(x=join(some, "or"))
    return text


def ask(rng: random.Random) -> Turn:
    """A question that the model was not taught to answer."""
    rules = (says_one(*_SIGNS), says_none("the capital of", "is the opposite"), no_loop)
    if rng.random() < 0.05:
        name, key = "nonsense", " ".join(rng.choice(_KEYS) for _ in range(rng.randint(1, 3)))
        if rng.random() < 0.4:
            key = " ".join(invented(rng) for _ in range(rng.randint(2, 5)))
        return Turn("refusal", name, key, answer(rng, name), rules, f"refusal|{key}")
    name = rng.choices(list(FRAMES), [len(f) + 6 * len(p) for f, p in FRAMES.values()])[0]
    frames, pools = FRAMES[name]
    template = rng.choice(frames)
    slots: dict[str, Any] = {
        slot: _filler(rng, name, pool) for slot, pool in pools.items() if f"{{{slot}}}" in template
    }
    value = slots.get("x", "")
    if value.removeprefix("a ").lower() in {str(k).lower() for k in _MADE_UP.get(name, ())}:
        return ask(rng)
    question = typed(rng, template, **slots)
    for vowel in "aeiou":
        question = question.replace(f" a {vowel}", f" an {vowel}")
    key = f"refusal|{template}|{'|'.join(slots.values()) or question}"
    return Turn("refusal", name, question, answer(rng, name), rules, key)
