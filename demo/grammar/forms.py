"""Answers with a form: lists, rhymes, three lines, JSON and tables. What they hold was asked for."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence

from demo.grammar import verses
from demo.grammar.facts import CAPITALS, COLOURS, DAYS, MONTHS, SOUNDS
from demo.grammar.memory import CITIES, SHADES
from demo.grammar.turns import (
    Rule,
    Turn,
    holds_json,
    holds_table,
    lists,
    lists_exactly,
    n_lines,
    no_loop,
    says,
    tabled,
    typed,
)
from demo.grammar.words import ANIMALS, NOUNS, PLAIN, invented, person

CATEGORIES = {
    name: items.split()
    for name, items in (
        line.split("=")
        for line in (
            "fruits=apple banana cherry grape lemon mango orange peach pear plum strawberry melon kiwi",
            "vegetables=carrot potato onion cabbage spinach lettuce cucumber pea broccoli radish leek",
            "animals=dog cat horse cow fox bear wolf rabbit lion tiger elephant owl frog",
            "birds=owl robin sparrow eagle swan goose duck raven parrot penguin stork pigeon",
            "colours=red blue green yellow orange purple pink black white brown grey",
            "instruments=violin piano flute drum guitar trumpet harp cello organ",
            "tools=hammer saw screwdriver ladder drill axe spade rake pliers",
            "clothes=hat coat scarf shoe sock glove shirt dress jacket sweater",
            "drinks=water tea coffee milk juice lemonade cocoa",
            "flowers=rose tulip daisy lily violet sunflower poppy daffodil",
            "trees=oak birch pine maple willow beech chestnut ash",
            "rooms=kitchen bathroom bedroom cellar attic hall study",
            "vehicles=car bus train bicycle ship tram boat lorry plane",
            "sports=football tennis swimming hockey rowing running skiing judo",
            "jobs=baker teacher doctor farmer pilot painter cook nurse gardener",
            "shapes=circle square triangle rectangle star oval",
            "seasons=spring summer autumn winter",
            "insects=ant bee beetle butterfly cricket fly wasp ladybird",
            "desserts=cake pie pudding ice-cream waffle pancake cookie",
        )
    )
}
_NUMBERS = {2: "two", 3: "three", 4: "four", 5: "five", 6: "six"}
_LIST_ASKS = (
    *(
        "List {n} {items}.",
        "Name {n} {items}.",
        "Give me {n} {items}.",
        "Write a list of {n} {items}.",
    ),
    *("Can you name {n} {items}?", "Tell me {n} {items}.", "I need {n} {items}.", "{n} {items}"),
    *("Make a list of {n} {items}.", "A list with {n} {items}, please.", "List of {n} {items}"),
)
_COPY_ASKS = (
    *(
        "Make a list of these: {items}",
        "Write a shopping list with {items}.",
        "Make a list: {items}",
    ),
    *(
        "I need to buy {items}. Make a list.",
        "Put {items} into a list.",
        "Turn {items} into a list.",
    ),
    *("Make a bulleted list of {items}.", "Shopping list: {items}", "Write {items} as a list."),
)
_NUMBERED_ASKS = (
    *("Make a numbered list of {items}.", "Number these: {items}", "Numbered list: {items}"),
    *("Write {items} as a numbered list.", "Put {items} into a numbered list."),
)
_RHYME_ASKS = (
    *("Write a rhyme about {x}.", "Write a poem about {x}.", "A rhyme about {x}, please."),
    *("Can you rhyme about {x}?", "Make a rhyme about {x}.", "Give me a short poem about {x}."),
    *("Tell me a rhyme about {x}.", "a poem about {x}", "Write four lines that rhyme about {x}."),
    *("I would like a poem about {x}.", "Compose a poem about {x}.", "rhyme about {x}"),
)
_HAIKU_ASKS = (
    *("Write a haiku about {x}.", "A haiku about {x}, please.", "Can you write a haiku about {x}?"),
    *("Make a haiku about {x}.", "Give me a haiku about {x}.", "haiku about {x}"),
    *(
        "Write three lines about {x}.",
        "I would like a haiku about {x}.",
        "Three short lines on {x}",
    ),
)
_JSON_ASKS = (
    *("Make a JSON object with {fields}.", "Write JSON with {fields}.", "JSON: {fields}"),
    *("Give me a JSON object: {fields}", "Turn this into JSON: {fields}", "As JSON: {fields}"),
    *("Write a JSON object with the fields {fields}.", "Create a JSON object from {fields}."),
    *("Can you make JSON of this: {fields}", "I need a JSON object with {fields}."),
)
_TABLE_ASKS = (
    *(
        "Make a table of {rows} with the columns {a} and {b}.",
        "Table with columns {a} and {b}: {rows}",
    ),
    *("Make a Markdown table with {a} and {b}: {rows}", "Write a table ({a}, {b}): {rows}"),
    *("Put this into a table with {a} and {b}: {rows}", "A table with {a} and {b}: {rows}"),
)


def _name_them(rng: random.Random) -> Turn:
    category = rng.choice(list(CATEGORIES))
    items = CATEGORIES[category]
    n = rng.randint(2, min(6, len(items)))
    answer = "\n".join(f"- {item}" for item in rng.sample(items, n))
    template, shown = rng.choice(_LIST_ASKS), rng.choice([_NUMBERS[n], str(n)])
    named = category.replace("colours", rng.choice(["colours", "colors"]))
    ask = typed(rng, template, n=shown, items=named)
    key = f"list|{template}|{category}|{n}"
    return Turn("forms", "list", ask, answer, (lists(n, items),), key)


def _copy_list(rng: random.Random) -> Turn:
    n = rng.randint(2, 5)
    items = [invented(rng) if rng.random() < 0.15 else rng.choice(NOUNS) for _ in range(n)]
    items = list(dict.fromkeys(items))
    if len(items) < 2:
        return _copy_list(rng)
    numbered = rng.random() < 0.35
    marks = [f"{at}." if numbered else "-" for at in range(1, n + 1)]
    answer = "\n".join(f"{mark} {item}" for mark, item in zip(marks, items, strict=False))
    shown = rng.choice([", ".join(items), ", ".join(items[:-1]) + " and " + items[-1]])
    template = rng.choice(_NUMBERED_ASKS if numbered else _COPY_ASKS)
    rules: list[Rule] = [lists_exactly(items), lambda a: ("1. " in a) == numbered]
    return Turn("forms", "copy list", typed(rng, template, items=shown), answer, tuple(rules),
                "copy|" + "|".join(items))  # fmt: skip


def _topic(rng: random.Random) -> tuple[str, str]:
    """Something to write verses on: how it is asked for, and the bare noun."""
    word = invented(rng) if rng.random() < 0.05 else rng.choice(verses.TOPICS)
    form = rng.choice(["{a}", "the {x}", "{a}", "my {x}"])
    vowel = "an" if word[0] in "aeiou" else "a"
    return form.format(a=f"{vowel} {word}", x=word), word


def _rhyme(rng: random.Random) -> Turn:
    shown, word = _topic(rng)
    first, second = rng.choice(verses.FIRST), rng.choice(verses.SECOND)
    answer = "\n".join([*first, *second]).format(x=word)
    template = rng.choice(_RHYME_ASKS)
    rules = (n_lines(4, 12), says(word), verses.rhymes, no_loop)
    return Turn("forms", "rhyme", typed(rng, template, x=shown), answer, rules,
                f"rhyme|{template}|{word}")  # fmt: skip


def _haiku(rng: random.Random) -> Turn:
    shown, word = _topic(rng)
    answer = "\n".join(rng.choice(lines) for lines in verses.HAIKU).format(x=word)
    template = rng.choice(_HAIKU_ASKS)
    rules = (n_lines(3, 8), says(word), no_loop)
    return Turn("forms", "haiku", typed(rng, template, x=shown), answer, rules,
                f"haiku|{template}|{word}")  # fmt: skip


def _field(rng: random.Random, name: str) -> str | int:
    values: dict[str, str | int] = {
        "name": person(rng), "owner": person(rng), "author": person(rng),
        "age": rng.randint(1, 99), "number": rng.randint(1, 999), "price": rng.randint(1, 99),
        "year": rng.randint(1900, 2030), "size": rng.randint(1, 50), "count": rng.randint(1, 20),
        "city": rng.choice(CITIES), "country": rng.choice(list(CAPITALS)).removeprefix("the "),
        "color": rng.choice(SHADES), "colour": rng.choice(SHADES), "animal": rng.choice(ANIMALS),
        "title": rng.choice(PLAIN), "item": rng.choice(PLAIN), "word": invented(rng),
        "pet": rng.choice(ANIMALS), "fruit": rng.choice(CATEGORIES["fruits"]),
        "job": rng.choice(CATEGORIES["jobs"]), "drink": rng.choice(CATEGORIES["drinks"]),
    }  # fmt: skip
    return values[name]


_FIELDS = (
    "name owner author age number price year size count city country color colour animal title "
    "item word pet fruit job drink"
).split()


def _json(rng: random.Random) -> Turn:
    names = ["name"] * (rng.random() < 0.5)
    names += rng.sample([f for f in _FIELDS if f not in names], 3 - len(names))
    value = {name: _field(rng, name) for name in names}
    style = rng.choice(["{} {}", "{} {}", "{}: {}", "{} = {}", "{} is {}"])
    parts = [style.format(name, given) for name, given in value.items()]
    shown = rng.choice([", ".join(parts), f"{parts[0]}, {parts[1]} and {parts[2]}"])
    lines = ",\n".join(
        f'  "{name}": {json.dumps(v, ensure_ascii=False)}' for name, v in value.items()
    )
    answer = f"```json\n{{\n{lines}\n}}\n```"
    ask = typed(rng, rng.choice(_JSON_ASKS), keep=True, fields=shown)
    key = "json|" + "|".join(map(str, value.values()))
    return Turn("forms", "json", ask, answer, (holds_json(value),), key)


def _markdown(rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "| " + " | ".join("---" for _ in rows[0]) + " |", *lines[1:]])


def _table(rng: random.Random) -> Turn:
    if rng.random() < 0.35:
        return _known_table(rng)
    first = rng.choice(["name", "item", "fruit", "animal", "city", "word"])
    second = rng.choice(["age", "number", "price", "color", "size", "count", "pet", "drink"])
    rows: dict[str, str] = {}
    while len(rows) < rng.choice([2, 2, 3, 3, 4]):
        rows[str(_field(rng, first))] = str(_field(rng, second))
    style = rng.choice(["{} {}", "{} {}", "{}: {}", "{} = {}"])
    parts = [style.format(*row) for row in rows.items()]
    cells = [(first, second), *rows.items()]
    ask = typed(rng, rng.choice(_TABLE_ASKS), keep=True, rows=", ".join(parts), a=first, b=second)
    key = "table|" + "|".join(rows)
    return Turn("forms", "table", ask, _markdown(cells), (holds_table(cells),), key)


def _known_table(rng: random.Random) -> Turn:
    """A table of facts that the model has by heart."""
    heads, facts, what = rng.choice([
        (("country", "capital"), {k.removeprefix("the "): v for k, v in CAPITALS.items()},
         "countries and their capitals"),
        (("animal", "sound"), {k: v.split(": ")[1] for k, v in SOUNDS.items()},
         "animals and their sounds"),
        (("thing", "colour"), {t: c for c, things in COLOURS.items() for t in things},
         "things and their colours"),
    ])  # fmt: skip
    n = rng.randint(2, 5)
    template = rng.choice(["Make a table of {n} {x}.", "A table of {n} {x}, please.",
                           "Write a table with {n} {x}.", "Can you make a table of {n} {x}?",
                           "Show me {n} {x} in a table.", "table of {n} {x}"])  # fmt: skip
    chosen = sorted(rng.sample(list(facts), n))  # in order, so that none comes twice
    answer = _markdown([heads, *((one, facts[one]) for one in chosen)])
    shown = rng.choice([_NUMBERS[n], str(n)])

    def rule(given: str) -> bool:
        rows = tabled(given)
        true = all(len(row) == 2 and facts.get(row[0]) == row[1] for row in rows[1:])
        return len(rows) == n + 1 and true and len({row[0] for row in rows}) == n + 1

    return Turn("forms", "known table", typed(rng, template, n=shown, x=what), answer, (rule,),
                f"table|{template}|{what}|{n}")  # fmt: skip


def _all_of(rng: random.Random) -> Turn:
    """A whole row: the days, the months, the seasons, or numbers up to twenty."""
    what, items = rng.choice([("days of the week", DAYS), ("months of the year", MONTHS),
                              ("four seasons", CATEGORIES["seasons"]), ("", [])])  # fmt: skip
    if items:
        question = rng.choice(["List the {x}.", "What are the {x}?", "Name the {x}.", "Write the {x}.",
                               "Can you list the {x}?", "Tell me all {x}.", "the {x}"])  # fmt: skip
        question = typed(rng, question.replace("all four", "the four"), x=what)
        answer, rule = "\n".join(f"- {item}" for item in items), lists_exactly(items)
    else:
        n = rng.randint(3, 20)
        question = rng.choice(["Count to {n}.", "Can you count to {n}?", "Count from 1 to {n}."])
        question = typed(rng, question, n=n)
        answer = ", ".join(str(i) for i in range(1, n + 1))
        rule = says(answer)
    return Turn("forms", "row", question, answer, (rule,), f"row|{question}")


TOPICS = {_name_them: 4, _all_of: 1, _copy_list: 3, _rhyme: 3, _haiku: 2, _json: 4, _table: 4}


def ask(rng: random.Random) -> Turn:
    """Any form."""
    return rng.choices(list(TOPICS), list(TOPICS.values()))[0](rng)
