"""Small reckoning: sums, comparing, counting letters, spelling, sorting.

Numbers go to 99 and factors to twelve. The split is by the numbers and words themselves.
"""

from __future__ import annotations

import random

from demo.grammar.turns import Turn, ends_with, join, says, sentence, typed
from demo.grammar.words import PLAIN, spellable

_DIGITS = "zero one two three four five six seven eight nine ten eleven twelve".split()
_SIGNS = {"+": ("+", "plus"), "-": ("-", "−", "minus"), "*": ("×", "*", "x", "times")}
_SHOWN = {"+": "+", "-": "−", "*": "×"}
_SUM_ASKS = (
    *("What is {sum}?", "{sum}", "{sum}?", "{sum} =", "How much is {sum}?", "Calculate {sum}."),
    *("What does {sum} make?", "Can you work out {sum}?", "Compute {sum}", "Solve {sum}."),
    *("Do you know what {sum} is?", "Please calculate {sum}.", "{sum} = ?", "I need {sum}."),
    *("Tell me what {sum} is.", "What do you get for {sum}?", "What is the result of {sum}?"),
)
_WORDED = {
    "+": (
        *("What is the sum of {a} and {b}?", "Add {a} and {b}.", "Add {b} to {a}."),
        *("I have {a} apples and get {b} more. How many do I have?", "What do {a} and {b} make?"),
        *("There are {a} birds, and {b} more come. How many birds are there?",),
    ),
    "-": (
        *("Subtract {b} from {a}.", "Take {b} away from {a}.", "What is {a} less {b}?"),
        *("I have {a} sweets and eat {b}. How many are left?", "How much is {b} less than {a}?"),
        *("What is the difference between {a} and {b}?",),
    ),
    "*": (
        *("Multiply {a} by {b}.", "What is the product of {a} and {b}?", "Multiply {a} and {b}."),
        *("There are {a} boxes with {b} eggs each. How many eggs are there?",),
    ),
}
_LARGER = (
    *("Which is larger, {a} or {b}?", "Which number is bigger: {a} or {b}?", "Is {a} or {b} more?"),
    *("Which is greater, {a} or {b}?", "What is more, {a} or {b}?", "Compare {a} and {b}."),
    *("Which of {a} and {b} is the larger one?", "Is {a} bigger than {b}?", "larger: {a} or {b}"),
)
_SMALLER = (
    *("Which is smaller, {a} or {b}?", "Which number is less: {a} or {b}?", "Is {a} or {b} less?"),
    *("Is {a} smaller than {b}?", "Which of {a} and {b} is the smaller one?"),
)
_COUNT_ASKS = (
    *('How many times does the letter {letter} appear in "{word}"?', "Count the {letter}s in {word}."),
    *('How many {letter}s are in "{word}"?', "How many {letter}'s are there in {word}?"),
    *('How often is {letter} in "{word}"?', "How many {letter} in {word}?", "How many {letter}s does"
      " {word} have?", "Count the letter {letter} in the word {word}.", "How many {letter}s in {word}?"),
    *("How many letters {letter} are in {word}?", 'How many "{letter}" are in "{word}"?'),
)  # fmt: skip
_LENGTH_ASKS = (
    *("How many letters does {word} have?", 'How many letters are in "{word}"?'),
    *(
        "How long is the word {word}?",
        "Count the letters of {word}.",
        "How many letters has {word}?",
    ),
    *('Count the letters in "{word}".', "How many letters are there in the word {word}?"),
)
_SPELL_ASKS = (
    *("Spell {word}.", "How do you spell {word}?", 'Spell the word "{word}".'),
    *("Can you spell {word}?", "Spell out {word}.", "Write {word} letter by letter."),
)
_SORT_ASKS = (
    *("Sort these words: {items}", "Sort {items}.", "Put these words in order: {items}"),
    *("Sort alphabetically: {items}", "Put {items} in alphabetical order.", "Order these: {items}"),
    *(
        "Can you sort {items}?",
        "Sort these words by the alphabet: {items}.",
        "Please sort: {items}",
    ),
)
_ORDER_ASKS = (
    *("Sort these numbers: {items}", "Sort {items}.", "Put these numbers in order: {items}"),
    *("Sort from small to large: {items}", "Order these numbers: {items}", "Can you sort {items}?"),
    *("Put {items} in order.", "Sort the numbers {items}.", "Arrange {items}, smallest first."),
)


def arithmetic(rng: random.Random) -> Turn:
    sign = rng.choices("+-*", [4, 4, 3])[0]
    if sign == "*":
        a, b = rng.randint(0, 12), rng.randint(0, 12)
    else:
        a, b = rng.randint(0, 99), rng.randint(0, 99)
        if rng.random() < 0.25:
            a, b = rng.randint(0, 20), rng.randint(0, 20)
        if sign == "-" and a < b:
            a, b = b, a
    result = {"+": a + b, "-": a - b, "*": a * b}[sign]
    one, two = str(a), str(b)
    if max(a, b) <= 12 and rng.random() < 0.25:
        one, two = _DIGITS[a], _DIGITS[b]
    if rng.random() < 0.3 and a > 1 and b > 1:
        ask = typed(rng, rng.choice(_WORDED[sign]), a=one, b=two)
    else:
        spoken = rng.choice(_SIGNS[sign])
        gap = "" if len(spoken) == 1 and one.isdigit() and rng.random() < 0.35 else " "
        ask = typed(rng, rng.choice(_SUM_ASKS), sum=f"{one}{gap}{spoken}{gap}{two}")
    answer = rng.choice(["{x} = {r}", "{x} = {r}.", "That is {r}: {x} = {r}.", "{x} makes {r}."])
    answer = answer.replace("{x}", f"{a} {_SHOWN[sign]} {b}").replace("{r}", str(result))
    return Turn("sums", "sum " + sign, ask, answer, (ends_with(str(result)),), f"{a}{sign}{b}")


def compare(rng: random.Random) -> Turn:
    a, b = rng.sample(range(100), 2)
    if rng.random() < 0.4:
        b = min(99, max(0, a + rng.choice([-10, -2, -1, 1, 2, 10])))
        b = b if b != a else (a + 1) % 100
    large = rng.random() < 0.6
    template = rng.choice(_LARGER if large else _SMALLER)
    first, second = (max(a, b), min(a, b)) if large else (min(a, b), max(a, b))
    word = "larger" if large else "smaller"
    answer = f"{first} is {word} than {second}."
    if template.startswith("Is {a} bigger") or template.startswith("Is {a} smaller"):
        answer = f"{'Yes' if a == first else 'No'}: {answer}"
    rules = (says(f"{first} is {word} than {second}"),)
    ask = typed(rng, template, a=a, b=b)
    return Turn("sums", "compare", ask, answer, rules, f"compare|{a}|{b}")


def _spelled(word: str) -> str:
    return "-".join(word)


def count(rng: random.Random) -> Turn:
    word = spellable(rng)
    letter = rng.choice(word) if rng.random() < 0.85 else rng.choice("aeiourstnlm")
    n = word.count(letter)
    times = {0: "does not appear", 1: "appears once", 2: "appears twice"}.get(
        n, f"appears {n} times"
    )
    answer = f"{_spelled(word)}: the letter {letter} {times}."
    ask = typed(rng, rng.choice(_COUNT_ASKS), keep=True, word=word, letter=letter)
    return Turn("sums", "count", ask, answer, (says(times),), f"count|{word}|{letter}")


def length(rng: random.Random) -> Turn:
    word = spellable(rng)
    numbered = " ".join(f"{letter}-{at}" for at, letter in enumerate(word, 1))
    answer = f"{numbered}: {word} has {len(word)} letter{'s' * (len(word) > 1)}."
    rules = (says(f"{len(word)} letter{'s' * (len(word) > 1)}"),)
    ask = typed(rng, rng.choice(_LENGTH_ASKS), word=word)
    return Turn("sums", "length", ask, answer, rules, f"length|{word}")


def spell(rng: random.Random) -> Turn:
    word = spellable(rng)
    answer = f"{sentence(word)} is spelled {_spelled(word)}."
    ask = typed(rng, rng.choice(_SPELL_ASKS), word=word)
    return Turn("sums", "spell", ask, answer, (says(_spelled(word)),), f"spell|{word}")


def sort_words(rng: random.Random) -> Turn:
    words: set[str] = set()
    n = rng.choice([3, 3, 4, 4, 5])
    while len(words) < n:
        if words and rng.random() < 0.15:  # a tie in the first letter
            first = rng.choice(sorted(words))[0]
            words.add(rng.choice([word for word in PLAIN if word[0] == first]))
        words.add(rng.choice(PLAIN))
        words = set(sorted(words)[:n])
    right = sorted(words)
    asked = rng.sample(right, n)
    return _sorted(rng, _SORT_ASKS, "sort words", asked, right)


def sort_numbers(rng: random.Random) -> Turn:
    numbers = rng.sample(range(100), rng.choice([3, 3, 4, 4, 5]))
    asked, right = map(str, numbers), map(str, sorted(numbers))
    return _sorted(rng, _ORDER_ASKS, "sort numbers", list(asked), list(right))


def _sorted(
    rng: random.Random, asks: tuple[str, ...], sort: str, asked: list[str], right: list[str]
) -> Turn:
    items = rng.choice([", ".join(asked), ", ".join(asked), join(asked), " ".join(asked)])
    answer = ", ".join(right)

    def rule(given: str) -> bool:
        return given.strip(" .").lower() == answer

    ask = typed(rng, rng.choice(asks), items=items)
    return Turn("sums", sort, ask, answer, (rule,), f"{sort}|{'|'.join(asked)}")


TOPICS = {
    arithmetic: 13, compare: 5, count: 6, length: 3, spell: 2, sort_words: 7, sort_numbers: 3,
}  # fmt: skip


def ask(rng: random.Random) -> Turn:
    """Any of them."""
    return rng.choices(list(TOPICS), list(TOPICS.values()))[0](rng)
