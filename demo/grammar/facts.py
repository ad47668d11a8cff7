"""Facts to learn by heart: capitals, sounds, opposites, plurals, colours, days and months.

Each fact has several questions; which of them belongs to which fact in training is the split.
What is not in these tables is refused (refusals.py).
"""

from __future__ import annotations

import random
import re
from typing import Any

from demo.grammar.turns import Turn, article, says, sentence, typed

CAPITALS = dict(
    pair.split("=")
    for pair in (
        "France=Paris,Germany=Berlin,Italy=Rome,Spain=Madrid,Portugal=Lisbon,Sweden=Stockholm,"
        "Norway=Oslo,Denmark=Copenhagen,Finland=Helsinki,Iceland=Reykjavik,Ireland=Dublin,"
        "Austria=Vienna,Switzerland=Bern,Belgium=Brussels,the Netherlands=Amsterdam,Poland=Warsaw,"
        "the Czech Republic=Prague,Hungary=Budapest,Greece=Athens,Turkey=Ankara,Romania=Bucharest,"
        "Bulgaria=Sofia,Croatia=Zagreb,Serbia=Belgrade,Ukraine=Kyiv,Estonia=Tallinn,Latvia=Riga,"
        "Lithuania=Vilnius,the United Kingdom=London,the United States=Washington,Canada=Ottawa,"
        "Mexico=Mexico City,Brazil=Brasília,Argentina=Buenos Aires,Chile=Santiago,Peru=Lima,"
        "Colombia=Bogotá,Cuba=Havana,Japan=Tokyo,China=Beijing,India=New Delhi,South Korea=Seoul,"
        "Thailand=Bangkok,Vietnam=Hanoi,Indonesia=Jakarta,Australia=Canberra,"
        "New Zealand=Wellington,Egypt=Cairo,Kenya=Nairobi,Morocco=Rabat"
    ).split(",")
)
SOUNDS = dict(
    pair.split("=")
    for pair in (
        "dog=barks: woof,cat=meows: meow,cow=moos: moo,sheep=bleats: baa,duck=quacks: quack,"
        "pig=grunts: oink,horse=neighs: neigh,rooster=crows: cock-a-doodle-doo,"
        "hen=clucks: cluck,owl=hoots: hoo,frog=croaks: ribbit,lion=roars: roar,wolf=howls: awoo,"
        "bee=buzzes: buzz,snake=hisses: hiss,mouse=squeaks: squeak,crow=caws: caw,"
        "donkey=brays: hee-haw,turkey=gobbles: gobble,elephant=trumpets: toot,goat=bleats: maa,"
        "sparrow=chirps: chirp,dove=coos: coo,bear=growls: grr,cricket=chirps: chirp,"
        "goose=honks: honk,chick=cheeps: cheep,tiger=roars: roar,raven=croaks: kraa,"
        "cuckoo=calls its own name: cuckoo"
    ).split(",")
)
OPPOSITES = [
    tuple(pair.split("/"))
    for pair in (
        "hot/cold,big/small,tall/short,fast/slow,old/young,happy/sad,light/dark,day/night,"
        "up/down,left/right,open/closed,full/empty,hard/soft,wet/dry,clean/dirty,rich/poor,"
        "strong/weak,early/late,near/far,loud/quiet,true/false,good/bad,high/low,wide/narrow,"
        "thick/thin,deep/shallow,sweet/sour,sharp/blunt,smooth/rough,"
        "brave/cowardly,kind/cruel,polite/rude,cheap/expensive,easy/difficult,first/last,"
        "inside/outside,front/back,above/below,before/after,always/never,everything/nothing,"
        "begin/end,push/pull,give/take,buy/sell,win/lose,love/hate,laugh/cry,come/go,"
        "arrive/leave,remember/forget,build/destroy,sink/float,rise/fall,awake/asleep,"
        "alive/dead,safe/dangerous,simple/complicated,straight/crooked,tight/loose,wild/tame,"
        "summer/winter,morning/evening,north/south,east/west,question/answer,friend/enemy,"
        "war/peace,yes/no,more/less,same/different,public/private,lazy/hardworking,calm/nervous"
    ).split(",")
]
IRREGULAR = dict(
    pair.split("=")
    for pair in (
        "mouse=mice,goose=geese,child=children,foot=feet,tooth=teeth,man=men,woman=women,"
        "person=people,ox=oxen,sheep=sheep,fish=fish,deer=deer,leaf=leaves,wolf=wolves,"
        "knife=knives,wife=wives,life=lives,half=halves,shelf=shelves,loaf=loaves,thief=thieves,"
        "calf=calves,scarf=scarves,potato=potatoes,tomato=tomatoes,hero=heroes,echo=echoes"
    ).split(",")
)
REGULAR = (
    "apple,box,bus,baby,city,dog,cat,fox,glass,church,brush,lady,story,berry,cherry,toy,boy,"
    "key,day,monkey,donkey,window,table,chair,house,horse,garden,river,bridge,star,stone,flower,"
    "book,letter,lamp,pencil,spoon,cup,plate,dress,watch,witch,peach,beach,bench,match,kiss,wish,"
    "dish,party,puppy,pony,country,family,fly,cow,hen,duck,owl,bear,train,boat,ship,tree,cloud,"
    "road,wall,door,bed,clock,hat,coat,shoe,sock,glove,ring,coin,bag,basket,bottle,bell,drum,"
    "violin,piano,photo,radio,zebra,panda,tiger,lion,rabbit,turtle,frog,spider,butterfly,daisy,"
    "cookie,cake,pie,orange,lemon,banana,carrot,onion,nut,egg,tax,lunch,branch,torch,class,boss"
).split(",")
COLOURS = {
    line.split("=")[0]: line.split("=")[1].split("|")
    for line in (
        "yellow=a banana|a lemon|the sun in a picture book|a canary|a sunflower|a chick",
        "green=grass|a frog|a cucumber|a pea|spinach|a clover leaf|a lime",
        "blue=the clear sky|the deep sea|a blueberry|a cornflower",
        "red=a strawberry|a ripe tomato|a fire engine|a ladybird|blood|a poppy|a cherry",
        "orange=a carrot|a pumpkin|a tangerine|an orange",
        "white=snow|milk|a swan|a polar bear|salt|chalk|a snowman",
        "black=coal|a raven|a crow|a panther|soot",
        "brown=chocolate|a chestnut|a coffee bean|a walnut|tree bark|soil",
        "pink=a flamingo|a piglet|cherry blossom|bubblegum",
        "grey=an elephant|ash|a mouse|a rain cloud|a dolphin",
        "purple=an aubergine|a plum|lavender|a violet",
    )
}
MIXTURES = {
    "red and yellow": "orange", "blue and yellow": "green", "red and blue": "purple",
    "red and white": "pink", "black and white": "grey",
}  # fmt: skip
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
MONTHS = (
    "January February March April May June July August September October November December"
).split()

_CAPITAL_ASKS = (
    *("What is the capital of {country}?", "Which city is the capital of {country}?"),
    *("What is {country}'s capital?", "Tell me the capital of {country}.", "Capital of {country}?"),
    *("Do you know the capital of {country}?", "Name the capital of {country}."),
    *("What is the capital city of {country}?", "{country}: what is the capital?"),
    *("Can you tell me the capital of {country}?", "the capital of {country}"),
    *("I forgot the capital of {country}. What is it?", "What city is {country}'s capital?"),
)
_CITY_ASKS = (
    *("Which country has {city} as its capital?", "{city} is the capital of which country?"),
    *("What country is {city} the capital of?", "Of which country is {city} the capital?"),
)
_SOUND_ASKS = (
    *("What sound does {animal} make?", "What does {animal} say?", "How does {animal} sound?"),
    *("Which noise does {animal} make?", "What noise does {animal} make?", "How does {animal} go?"),
    *("Tell me the sound of {animal}.", "Do you know what sound {animal} makes?"),
    *("Can you imitate {animal}?", "Make the sound of {animal}."),
)
_OPPOSITE_ASKS = (
    *("What is the opposite of {word}?", "Tell me the opposite of {word}.", "Opposite of {word}?"),
    *('What is the opposite of "{word}"?', "Which word is the opposite of {word}?"),
    *("Do you know the opposite of {word}?", "What word means the opposite of {word}?"),
    *("Name the opposite of {word}.", "Give me the opposite of {word}.", "{word} - opposite?"),
)
_PLURAL_ASKS = (
    *("What is the plural of {word}?", "Tell me the plural of {word}.", "Plural of {word}?"),
    *('What is the plural of "{word}"?', "How do you write the plural of {word}?"),
    *(
        "One {word}, two what?",
        "Give me the plural of {word}.",
        "Do you know the plural of {word}?",
    ),
    *("What do you call more than one {word}?", "Make {word} plural."),
)
_COLOUR_ASKS = (
    *("What colour is {thing}?", "What color is {thing}?", "Which colour has {thing}?"),
    *("Tell me the colour of {thing}.", "What is the colour of {thing}?"),
    *("Do you know the colour of {thing}?", "What is the color of {thing}?"),
)
_MIX_ASKS = (
    *("What do you get if you mix {pair}?", "What colour do {pair} make?", "Mix {pair}."),
    *("Which colour comes from {pair}?", "What colour is {pair} mixed?"),
    *("If I mix {pair}, what do I get?", "What color do I get from {pair}?"),
)
_NEXT_ASKS = {
    1: (
        *("What comes after {item}?", "Which {unit} comes after {item}?", "What is after {item}?"),
        *("What {unit} follows {item}?", "Today is {item}. What is next?", "Which {unit} is next"
          " after {item}?", "What is the {unit} after {item}?"),
    ),
    -1: (
        *("What comes before {item}?", "Which {unit} comes before {item}?"),
        *("What is the {unit} before {item}?", "Which {unit} is right before {item}?"),
        *("What {unit} is before {item}?", "What was before {item}?"),
    ),
}  # fmt: skip


def plural(word: str) -> str:
    """By the table, else by the rules of spelling."""
    if word in IRREGULAR:
        return IRREGULAR[word]
    if re.search(r"(s|x|z|ch|sh)$", word):
        return word + "es"
    if re.search(r"[^aeiou]y$", word):
        return word[:-1] + "ies"
    return word + "s"


def _turn(
    sort: str, rng: random.Random, asks: tuple[str, ...], answers: list[str], *wanted: str,
    about: str, **slots: Any,
) -> Turn:  # fmt: skip
    template = rng.choice(asks)
    answer = sentence(rng.choice(answers))
    key = f"{sort}|{template}|{about}"
    return Turn("facts", sort, typed(rng, template, **slots), answer, (says(*wanted),), key)


def capital(rng: random.Random) -> Turn:
    country = rng.choice(list(CAPITALS))
    city = CAPITALS[country]
    if rng.random() < 0.2:
        answers = [f"{city} is the capital of {country}.", f"That is {country}."]
        bare = country.removeprefix("the ")
        return _turn("capital", rng, _CITY_ASKS, answers, bare, about=country, city=city)
    shown = country if rng.random() < 0.85 else country.removeprefix("the ")
    answers = [
        *(f"The capital of {country} is {city}.", f"It is {city}.", f"{city}."),
        *(f"{city} is the capital of {country}.", f"That is {city}."),
    ]
    return _turn("capital", rng, _CAPITAL_ASKS, answers, city, about=country, country=shown)


def sound(rng: random.Random) -> Turn:
    animal = rng.choice(list(SOUNDS))
    verb, noise = SOUNDS[animal].split(": ")
    answers = [
        f"{article(animal)} {verb}: {noise}!",
        f"{sentence(noise)}! That is how {article(animal)} {verb}.",
    ]
    named = rng.choice([article(animal), article(animal), f"the {animal}"])
    return _turn("sound", rng, _SOUND_ASKS, answers, noise, about=animal, animal=named)


def opposite(rng: random.Random) -> Turn:
    pair = rng.choice(OPPOSITES)
    one, other = pair if rng.random() < 0.5 else pair[::-1]
    answers = [f"The opposite of {one} is {other}.", f"{other}.", f"It is {other}."]
    return _turn("opposite", rng, _OPPOSITE_ASKS, answers, other, about=one, word=one)


def plurals(rng: random.Random) -> Turn:
    word = rng.choice(list(IRREGULAR)) if rng.random() < 0.35 else rng.choice(REGULAR)
    many = plural(word)
    answers = [f"The plural of {word} is {many}.", f"One {word}, two {many}.", f"{many}."]
    return _turn("plural", rng, _PLURAL_ASKS, answers, many, about=word, word=word)


def colour(rng: random.Random) -> Turn:
    if rng.random() < 0.3:
        pair = rng.choice(list(MIXTURES))
        mixed = MIXTURES[pair]
        shown = pair if rng.random() < 0.5 else " and ".join(reversed(pair.split(" and ")))
        answers = [f"{shown} make {mixed}.", f"You get {mixed}.", f"Mixed, {shown} give {mixed}."]
        return _turn("mix", rng, _MIX_ASKS, answers, mixed, about=shown, pair=shown)
    shade = rng.choice(list(COLOURS))
    thing = rng.choice(COLOURS[shade])
    answers = [f"{thing} is {shade}.", f"{shade}.", f"It is {shade}."]
    return _turn("colour", rng, _COLOUR_ASKS, answers, shade, about=thing, thing=thing)


def neighbour(rng: random.Random) -> Turn:
    """The day or month before or after."""
    unit, items = rng.choice([("day", DAYS), ("day", DAYS), ("month", MONTHS)])
    step = rng.choice([1, 1, 1, -1])
    at = rng.randrange(len(items))
    item, result = items[at], items[(at + step) % len(items)]
    side = "after" if step > 0 else "before"
    answers = [f"{result} comes {side} {item}.", f"The {unit} {side} {item} is {result}."]
    return _turn(
        "neighbour", rng, _NEXT_ASKS[step], answers, result, about=item, item=item, unit=unit
    )


TOPICS = {capital: 6, sound: 3, opposite: 8, plurals: 7, colour: 4, neighbour: 3}


def ask(rng: random.Random) -> Turn:
    """Any fact."""
    return rng.choices(list(TOPICS), list(TOPICS.values()))[0](rng)
