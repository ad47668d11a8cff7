"""What a person tells and the model gives back later: the name, and a few stated facts.

`Person` is one conversation's memory: `tell` gives turns that state something, `recall` turns
that ask for what was stated, or for what was not.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from demo.grammar.facts import CAPITALS
from demo.grammar.turns import Rule, Turn, article, says, says_one, sentence, typed
from demo.grammar.words import ANIMALS, PLAIN, invented, person

_NAME_TELLS = (
    *("My name is {name}.", "I am {name}.", "I'm {name}", "Call me {name}.", "Hi, I am {name}."),
    *("Hello, my name is {name}.", "You can call me {name}.", "Hi, I'm {name}!", "It's {name}."),
    *("My friends call me {name}.", "This is {name}.", "Hey, {name} here.", "The name is {name}."),
    *("Please call me {name}.", "Hello! I am called {name}.", "I am {name}, nice to meet you."),
)
_NAME_GREETS = (
    *("Nice to meet you, {name}!", "Hello, {name}! What can I do for you?", "Welcome, {name}!"),
    *("A lovely name. Hello, {name}!", "Hello, {name}! I will remember that while we talk."),
)
_NAME_ASKS = (
    *("What is my name?", "Do you remember my name?", "Who am I?", "What was my name?", "my name?"),
    *("Do you know my name?", "Can you tell me my name?", "What am I called?", "Say my name."),
    *("Do you still know my name?", "How am I called?", "What did I say my name was?"),
    *("Do you know who I am?", "Remember my name?", "Tell me my name."),
)
_NAME_SAYS = (
    *("Your name is {name}.", "You are {name}.", "You told me that your name is {name}."),
    *("Of course: you are {name}!", "{name}. I remember!"),
)
_FOODS = (
    "pizza pasta soup salad rice bread cheese chocolate pancakes apples noodles sushi curry "
    "tomatoes cake cookies strawberries potatoes honey ice-cream sandwiches dumplings waffles"
).split()
_HOBBIES = (
    "chess painting swimming reading cooking dancing running gardening singing climbing knitting "
    "fishing cycling drawing football tennis sailing hiking photography baking pottery skating"
).split()
_JOBS = (
    "teacher baker nurse doctor pilot farmer painter gardener librarian lawyer carpenter cook "
    "programmer engineer musician tailor driver student plumber dentist translator architect"
).split()
SHADES = "red blue green yellow orange purple pink black white brown grey turquoise gold".split()
_MONTHS = (
    "January February March April May June July August September October November December"
).split()
CITIES = [
    *CAPITALS.values(),
    *("Hamburg Munich Milan Naples Porto Lyon Geneva Zurich Bergen Boston Chicago Seattle".split()),
    *("Toronto Sydney Osaka Mumbai Bristol Leeds Glasgow Cork Valencia Krakow Ghent".split()),
]


@dataclass(frozen=True)
class Fact:
    """How one kind of fact is told, acknowledged, asked for and given back; {x} is the value."""

    tells: tuple[str, ...]
    nods: tuple[str, ...]
    asks: tuple[str, ...]
    says: tuple[str, ...]


FACTS = {
    "colour": Fact(
        ("My favourite colour is {x}.", "I like {x} best of all colours.", "I love the colour {x}.",
         "My favorite color is {x}.", "{x} is my favourite colour."),
        ("A fine colour, {x}! I will remember that.", "{x}, how nice.", "Good choice, I like {x}."),
        ("What is my favourite colour?", "Which colour do I like?", "What is my favorite color?",
         "Do you remember my favourite colour?", "What colour do I like best?"),
        ("Your favourite colour is {x}.", "You like {x} best.", "It is {x}, you told me."),
    ),
    "pet": Fact(
        ("I have a pet {x}.", "My pet is a {x}.", "I live with a {x}.", "At home I have a {x}."),
        ("A {x}! Give it my regards.", "How nice, a {x}.", "A {x} is good company."),
        ("What pet do I have?", "Which animal do I have?", "Do you remember my pet?",
         "What animal lives with me?", "What kind of pet do I have?"),
        ("You have a {x}.", "Your pet is a {x}.", "It is a {x}, you told me."),
    ),
    "petname": Fact(
        ("My dog is called {x}.", "My dog's name is {x}.", "I have a dog named {x}.",
         "The name of my dog is {x}."),
        ("Give {x} a pat from me!", "{x} is a good name for a dog.", "Hello, {x}!"),
        ("What is my dog called?", "What is the name of my dog?", "Do you remember my dog's name?",
         "How is my dog called?"),
        ("Your dog is called {x}.", "{x}, that is your dog.", "Your dog's name is {x}."),
    ),
    "home": Fact(
        ("I live in {x}.", "I am from {x}.", "My home is in {x}.", "I come from {x}.",
         "I was born in {x}."),
        ("{x}! I have never left this page, so I envy you.", "Greetings to {x}!",
         "How nice, {x}. I will keep it in mind."),
        ("Where do I live?", "Where am I from?", "Which city do I come from?",
         "Do you remember where I live?", "What is my home town?"),
        ("You told me {x}.", "In {x}, you said.", "It is {x}."),
    ),
    "food": Fact(
        ("My favourite food is {x}.", "I love {x}.", "I like to eat {x}.", "I could eat {x} every day.",
         "My favorite food is {x}."),
        ("{x}! I cannot eat, but that sounds good.", "{x}, noted.", "Mm, {x}. Good choice."),
        ("What is my favourite food?", "What do I like to eat?", "Which food do I like?",
         "Do you remember what I like to eat?", "What is my favorite food?"),
        ("You like {x}.", "Your favourite food is {x}.", "It is {x}, you said."),
    ),
    "hobby": Fact(
        ("My hobby is {x}.", "I enjoy {x}.", "In my free time I go for {x}.", "I am fond of {x}."),
        ("{x} sounds like fun.", "How nice! {x} is a fine hobby.", "{x}, I will remember."),
        ("What is my hobby?", "What do I enjoy?", "Which hobby do I have?",
         "Do you remember my hobby?", "What do I do in my free time?"),
        ("Your hobby is {x}.", "You enjoy {x}.", "It is {x}, you told me."),
    ),
    "job": Fact(
        ("I am {a}.", "I work as {a}.", "My job is {x}.", "By profession I am {a}."),
        ("{A}! That is useful work.", "How nice, {a}.", "I have always wanted to meet {a}."),
        ("What is my job?", "What do I do for a living?", "What do I work as?",
         "Do you remember my job?", "Which profession do I have?"),
        ("You are {a}.", "You work as {a}.", "You told me that you are {a}."),
    ),
    "number": Fact(
        ("My lucky number is {x}.", "My favourite number is {x}.", "Remember the number {x}.",
         "Please remember this number: {x}"),
        ("{x}, I will remember it.", "{x} it is.", "Noted: {x}."),
        ("What is my number?", "Which number did I tell you?", "What is my lucky number?",
         "Which number should you remember?", "What was the number?"),
        ("It is {x}.", "The number is {x}.", "You told me {x}."),
    ),
    "word": Fact(
        ("Remember the word {x}.", "The secret word is {x}.", 'Please remember the word "{x}".',
         "Our password is {x}."),
        ("I will remember {x}.", "{x}. It is safe with me.", "Noted: {x}."),
        ("What was the word?", "What is the secret word?", "Which word should you remember?",
         "What is our password?", "Do you remember the word?"),
        ("It is {x}.", "The word is {x}.", "You told me {x}."),
    ),
    "birthday": Fact(
        ("My birthday is in {x}.", "I was born in {x}.", "I have my birthday in {x}."),
        ("{x} is a good month for a cake.", "In {x}, I will remember.", "How nice, {x}!"),
        ("When is my birthday?", "In which month is my birthday?", "Which month was I born in?",
         "Do you remember my birthday?"),
        ("Your birthday is in {x}.", "In {x}, you said.", "It is in {x}."),
    ),
}  # fmt: skip
_UNTOLD = (
    "You have not told me that yet. What is it?",
    "I do not know: you have not told me yet.",
    "That you have not told me. I know only what stands in this conversation.",
)


def _value(rng: random.Random, kind: str) -> str:
    if rng.random() < 0.08 and kind in ("pet", "food", "hobby", "word", "colour"):
        return invented(rng)
    values: dict[str, Callable[[], object]] = {
        "colour": lambda: rng.choice(SHADES),
        "pet": lambda: rng.choice([a for a in ANIMALS if a[0] not in "aeiou"]),
        "petname": lambda: person(rng),
        "home": lambda: rng.choice(CITIES),
        "food": lambda: rng.choice(_FOODS),
        "hobby": lambda: rng.choice(_HOBBIES),
        "job": lambda: rng.choice(_JOBS),
        "number": lambda: rng.randint(2, 999),
        "word": lambda: rng.choice(PLAIN),
        "birthday": lambda: rng.choice(_MONTHS),
    }
    return str(values[kind]())


def _slots(text: str, value: str) -> str:
    named = {"x": value, "a": article(value) if value[:1].islower() else value}
    return sentence(text.format(**named, A=sentence(named["a"])))


@dataclass
class Person:
    """The one who types, as far as the conversation has told."""

    name: str = ""
    facts: dict[str, str] = field(default_factory=dict)

    def tell(self, rng: random.Random, *, name: bool) -> Turn:
        """The name, or another fact, is stated; a later statement takes the place of an earlier."""
        if name:
            self.name = person(rng)
            template = rng.choice(_NAME_TELLS)
            ask = typed(rng, template, wrap=False, keep=rng.random() < 0.6, name=self.name)
            answer = rng.choice(_NAME_GREETS).format(name=self.name)
            return Turn("talk", "tell name", ask, answer, (says(self.name),), f"name|{self.name}")
        kind = rng.choice([kind for kind in FACTS if not {kind, *self.facts} >= {"pet", "petname"}])
        if {kind, *self.facts} >= {"home", "birthday"}:
            kind = "word"  # "I was born in" would be about either
        value = _value(rng, kind)
        self.facts[kind] = value
        template = rng.choice(FACTS[kind].tells)
        slots: dict[str, Any] = {"x": value, "a": article(value) if value[:1].islower() else value}
        ask = typed(rng, template, wrap=False, keep=True, **slots)
        answer = _slots(rng.choice(FACTS[kind].nods), value)
        return Turn("talk", "tell", ask, answer, (_mentions(value),),
                    f"tell|{kind}|{value}")  # fmt: skip

    def recall(self, rng: random.Random, *, name: bool) -> Turn:
        """The name, or another fact, is asked for: what was told, or that nothing was."""
        if name:
            template = rng.choice(_NAME_ASKS)
            ask = typed(rng, template, wrap=False)
            if not self.name:
                return _untold(rng, ask)
            answer = rng.choice(_NAME_SAYS).format(name=self.name)
            return Turn("talk", "recall name", ask, answer, (says(self.name),),
                        f"recall|{template}|{self.name}")  # fmt: skip
        told = rng.random() < 0.8 and bool(self.facts)
        near = {"pet", "petname", "home", "birthday"} if self.facts else set()
        kinds = [k for k in FACTS if k not in self.facts and k not in near]
        kind = rng.choice(list(self.facts)) if told else rng.choice(kinds)
        template = rng.choice(FACTS[kind].asks)
        ask = typed(rng, template, wrap=False)
        if not told:
            return _untold(rng, ask)
        value = self.facts[kind]
        answer = _slots(rng.choice(FACTS[kind].says), value)
        return Turn("talk", "recall", ask, answer, (says(value),), f"recall|{template}|{value}")

    def farewell(self, rng: random.Random) -> Turn:
        """Goodbye by name."""
        ask = typed(rng, rng.choice(["Goodbye!", "Bye!", "I have to go now.", "Good night!"]))
        answer = rng.choice(
            ["Goodbye, {n}! It was nice to talk to you.", "Take care, {n}. Goodbye!"]
        )
        return Turn("talk", "bye name", ask, answer.format(n=self.name), (says(self.name),),
                    f"name|{self.name}")  # fmt: skip


def _mentions(value: str) -> Rule:
    """What is told is acknowledged: with its value, or in the words of an acknowledgement."""
    return says_one(value, "useful work", "how nice", "wanted to meet")


def _untold(rng: random.Random, ask: str) -> Turn:
    rules = (says_one("not told me"),)
    return Turn("talk", "untold", ask, rng.choice(_UNTOLD), rules, f"untold|{ask}")
