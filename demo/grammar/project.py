"""Turns about the project and about the model itself, from the texts beside this file."""

from __future__ import annotations

import random

from demo.grammar import project_text, self_text, use_text
from demo.grammar.turns import Rule, Turn, no_loop, says_one, sentence, typed

TOPICS = project_text.TOPICS | use_text.TOPICS | self_text.TOPICS
_FRAMES = (
    *("What is {name}?", "Explain {name}.", "Can you explain {name}?", "Tell me about {name}."),
    *("What does {name} mean?", "{name}?", "I don't know what {name} is.", "Define {name}."),
    *(
        "What exactly is {name}?",
        "Explain {name} to me like I am five.",
        "What do you mean by {name}?",
    ),
    *("I keep reading about {name}. What is it?", "In short, what is {name}?", "{name}: explain."),
    *("Can you tell me what {name} is?", "Do you know what {name} is?", "So what is {name} then?"),
    *("Please explain {name} in simple words.", "I have never heard of {name}.", "what's {name}"),
    *("Could you tell me something about {name}?", "Help me understand {name}.", "and {name}?"),
)


def _rules(must: tuple[str, ...]) -> tuple[Rule, ...]:
    return (*(says_one(*group.split("|")) for group in must), no_loop)


def ask(rng: random.Random) -> Turn:
    """A question on any topic; a topic has the more turns the more ways to ask it has."""
    names = list(TOPICS)
    sizes = [len(TOPICS[name].asks) + 2 * len(TOPICS[name].names) + 5 for name in names]
    name = rng.choices(names, sizes)[0]
    topic = TOPICS[name]
    if rng.random() < 2 * len(topic.names) / (len(topic.asks) + 2 * len(topic.names)):
        template, about = rng.choice(_FRAMES), rng.choice(topic.names)
        plural = about.endswith("s") and " " not in about and about not in ("weights",)
        if plural and " is" in template:
            template = template.replace("What is", "What are").replace("{name} is", "{name} are")
        question = typed(rng, template, name=about)
    else:
        question = typed(rng, rng.choice(topic.asks))
        template, about = question, ""
    answer = rng.choice(topic.answers)
    rules = _rules(tuple(part.strip() for part in topic.must))
    return Turn("project", name, sentence(question) if rng.random() < 0.1 else question, answer,
                rules, f"project|{template}|{about}")  # fmt: skip
