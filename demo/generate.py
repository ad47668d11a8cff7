"""Writes dialogues: any number, from a seed, for training or from the part held back.

    python -m demo.generate 1000 > dialogues.jsonl [--seed 1] [--held]

A dialogue is a list of turns from demo/grammar, with a system prompt at times; what a person tells
is asked for again later. Which turn belongs to which part is decided by its key, so a question of
the held-out part is a combination that training never shows, whatever the seed.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Callable
from dataclasses import dataclass

from demo.grammar import facts, forms, project, refusals, stories, sums, talk
from demo.grammar.memory import Person
from demo.grammar.turns import Turn, held

SYSTEMS = (
    *("You are a helpful assistant.", "You are a helpful assistant", "Answer briefly.", "Be kind."),
    *("You are Inferaived, a small model in a web page.", "You are a friendly assistant."),
    *("You are Inferaived.", "Answer in English.", "Be polite and short.", "You are a chatbot."),
    *("You are a helpful, honest and harmless assistant.", "Help the user as well as you can."),
)
KINDS: dict[str, Callable[[random.Random], Turn]] = {
    "talk": talk.ask, "project": project.ask, "story": stories.ask, "sums": sums.ask,
    "facts": facts.ask, "forms": forms.ask, "refusal": refusals.ask,
}  # fmt: skip
WEIGHTS = {
    "talk": 16, "project": 26, "story": 9, "sums": 42, "facts": 32, "forms": 20, "refusal": 22,
}  # fmt: skip
LONGEST = 3600
"""Characters of a dialogue for training: it has to stay well below the context."""


@dataclass(frozen=True)
class Dialogue:
    """Turns in order; the last one is judged. An empty system prompt is none."""

    system: str
    turns: tuple[Turn, ...]

    def messages(self) -> list[dict[str, str]]:
        """In the shape of a chat, with the last answer."""
        messages = [{"role": "system", "content": self.system}] if self.system else []
        for turn in self.turns:
            messages.append({"role": "user", "content": turn.ask})
            messages.append({"role": "assistant", "content": turn.answer})
        return messages


def _part(make: Callable[[], Turn], *, of_held: bool) -> Turn:
    """A turn of the wanted part."""
    while held((turn := make()).key) != of_held:
        pass
    return turn


def _some(rng: random.Random, *, of_held: bool = False, kind: str = "") -> Turn:
    chosen = kind or rng.choices(list(KINDS), list(WEIGHTS.values()))[0]
    return _part(lambda: KINDS[chosen](rng), of_held=of_held)


def _told(rng: random.Random, person: Person, *, name: bool, of_held: bool = False) -> Turn:
    """A turn that states something; only the statement of the wanted part is remembered."""
    before = person.name, dict(person.facts)

    def make() -> Turn:
        person.name, person.facts = before[0], dict(before[1])
        return person.tell(rng, name=name)

    return _part(make, of_held=of_held)


def dialogue(rng: random.Random) -> Dialogue:
    """One for training: one to eight turns, half of them with a thread of memory."""
    system = rng.choice(SYSTEMS) if rng.random() < 0.25 else ""
    person, turns, size = Person(), list[Turn](), 0
    memory = rng.random() < 0.55
    for _ in range(rng.choice([1, 1, 2, 2, 3, 4, 5, 6, 8])):
        chance = rng.random()
        if memory and chance < 0.25:
            turn = _told(rng, person, name=rng.random() < 0.5)
        elif memory and chance < 0.6 and (person.name or person.facts or rng.random() < 0.3):
            about_name = rng.random() < (0.5 if person.name else 0.2)
            turn = _part(lambda: person.recall(rng, name=about_name), of_held=False)  # noqa: B023
        elif memory and chance < 0.65 and person.name:
            turn = _part(lambda: person.farewell(rng), of_held=False)
        else:
            turn = _some(rng)
        size += len(turn.ask) + len(turn.answer) + 30
        if size > LONGEST:
            break
        turns.append(turn)
    return Dialogue(system, tuple(turns))


def _recalled(rng: random.Random, person: Person, *, name: bool) -> Turn:
    """A question for what was told; its key may be of either part, what was told is held back."""
    while (turn := person.recall(rng, name=name)).sort == "untold":
        pass
    return turn


def _remembering(rng: random.Random) -> Dialogue:
    """Something told, up to three other turns, and the question for it."""
    person, name = Person(), rng.random() < 0.5
    told = [_told(rng, person, name=name, of_held=True)]
    if rng.random() < 0.3:
        told.append(_told(rng, person, name=not name))
    others = [_some(rng, kind=rng.choice(["facts", "sums", "talk", "project"]))
              for _ in range(rng.randint(0, 3))]  # fmt: skip
    asked = _recalled(rng, person, name=name)
    return Dialogue("", (*told, *others, asked))


def held_out(seed: int, kind: str) -> Dialogue:
    """A question of the held-out part for the scores; some have turns before it."""
    rng = random.Random(f"held {kind} {seed}")
    if kind == "talk" and rng.random() < 0.6:
        return _remembering(rng)
    before = [_some(rng, kind=rng.choice(["facts", "talk", "sums"]))] if rng.random() < 0.3 else []
    system = rng.choice(SYSTEMS) if rng.random() < 0.2 else ""
    return Dialogue(system, (*before, _some(rng, of_held=True, kind=kind)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("count", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--held", action="store_true")
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    for at in range(arguments.count):
        kind = list(KINDS)[at % len(KINDS)]
        one = held_out(arguments.seed + at, kind) if arguments.held else dialogue(rng)
        print(json.dumps(one.messages(), ensure_ascii=False))


if __name__ == "__main__":
    main()
