"""The words of the grammar: names, beings, things, places, and words made of nothing.

Only words and where they may stand; sentences are made elsewhere.
"""

from __future__ import annotations

import random

from demo.grammar.turns import held

SHE = (
    "Anna Mia Lena Ella Sofia Clara Emma Lucy Alice Ruby Nora Ida Zoe Maya Hannah Grace Olivia "
    "Amelia Ava Isla Freya Astrid Ingrid Greta Hilda Rosa Carmen Lucia Elena Marta Julia Kasia "
    "Zofia Irina Olga Nadia Fatima Amina Layla Yasmin Leila Priya Asha Meera Sana Yuki Hana Aiko "
    "Mei Lin Thuy Kim Ngozi Amara Zuri Abena Chloe Camille Juliette Margot Beatrice Harriet Martha "
    "Edith Molly Poppy Daisy Violet Iris Hazel Ivy Rose Pearl June Sarah Rachel Laura Linda Susan "
    "Karen Maria Eva Lisa Jana Petra Vera Tessa Wendy Abigail Charlotte Madison Stella Luna Nina"
).split()
HE = (
    "Tom Ben Max Leo Paul Jonas Felix Oskar Emil Anton Karl Otto Hugo Oliver Jack Harry Charlie "
    "George Arthur Theo Finn Liam Noah Ethan Lucas Mason Logan James William Henry Edward Robert "
    "Peter John David Daniel Michael Andrew Simon Martin Stefan Jan Piotr Marek Ivan Dmitri Boris "
    "Sergei Omar Ali Hassan Karim Yusuf Ahmed Arjun Ravi Anil Sanjay Kenji Hiroshi Takeshi Wei Jin "
    "Minh Kofi Kwame Chidi Tunde Pierre Louis Marcel Antoine Luca Marco Paolo Diego Carlos Pablo "
    "Mateo Rafael Tiago Miguel Sven Lars Erik Nils Bjorn Mikko Aaron Adam Samuel Isaac Jacob Toby "
    "Steve Kevin Brian Mark Chris Alex Sam Nick Eric Ryan Patrick Thomas Richard Frank Walter"
).split()
ANIMALS = (
    "fox bear wolf rabbit hare mouse cat dog horse pony donkey cow goat sheep lamb pig hen rooster "
    "duck goose swan owl raven crow sparrow robin eagle hawk heron stork penguin parrot pigeon dove "
    "frog toad turtle tortoise lizard snake crocodile dragonfly butterfly bee beetle ladybird snail "
    "spider ant cricket hedgehog squirrel badger otter beaver mole deer moose elk lion tiger "
    "leopard panther elephant giraffe zebra camel monkey gorilla panda koala kangaroo whale dolphin "
    "seal walrus octopus crab lobster shark salmon bat raccoon hamster puppy kitten duckling"
).split()
JOBS_SHE = (
    *("queen", "princess", "witch", "girl", "grandmother", "baker", "teacher", "gardener"),
    *("mermaid", "nurse", "dancer", "pilot", "inventor", "librarian", "violinist", "doctor"),
)
JOBS_HE = (
    *("king", "prince", "wizard", "boy", "grandfather", "knight", "pirate", "farmer", "fisherman"),
    *("sailor", "postman", "tailor", "cook", "shepherd", "clockmaker", "painter", "astronaut"),
    *("giant", "magician", "lighthouse keeper", "miller", "blacksmith", "hunter", "thief"),
)
BEINGS_IT = (
    *("dragon", "ghost", "robot", "unicorn", "troll", "goblin", "fairy", "snowman", "scarecrow"),
    *("monster", "dwarf", "elf", "phoenix", "teapot", "toaster", "cloud", "puppet", "star"),
)
OBJECTS = {
    "light": "lantern candle lamp torch firefly lighthouse matchbox lightbulb".split(),
    "music": "violin flute drum bell guitar trumpet piano harp whistle music-box".split(),
    "paper": "map letter book diary newspaper postcard notebook picture stamp poem".split(),
    "lock": "key box chest door suitcase drawer cupboard gate treasure cage".split(),
    "food": "cake pie cookie sandwich muffin apple pear cheese pancake pumpkin waffle plum".split(),
    "clothes": "scarf hat coat boot shoe glove sock cloak dress jacket mitten button".split(),
    "travel": "boat kite balloon sledge bicycle train car wagon ship rocket raft skateboard".split(),
    "jewel": "ring pearl coin crown necklace diamond feather shell marble stone mirror".split(),
    "tool": "umbrella ladder rope bucket clock hammer spoon broom kettle watch basket compass".split(),
    "plant": "flower seed rose tree acorn leaf sunflower mushroom tulip pinecone".split(),
}
EXTRA = (
    "table chair window garden river mountain island forest desert castle village bridge tower "
    "summer winter morning evening breakfast dinner lunch school teacher student friend neighbour "
    "brother sister mother father cousin uncle aunt baby family holiday birthday present party "
    "music song dance story question answer number letter word sentence page paper pencil "
    "computer keyboard screen phone camera radio engine wheel hammer needle thread button pocket "
    "water fire earth wind rain snow storm thunder lightning rainbow sunshine shadow moon planet "
    "banana strawberry blueberry raspberry cherry orange lemon melon grape peach plum apricot mango "
    "pineapple coconut tomato potato carrot onion garlic cabbage lettuce spinach cucumber pepper "
    "butter sugar flour pepper coffee chocolate biscuit noodle pizza sausage yoghurt cinnamon "
    "mississippi banana committee balloon coffee letter better bottle rabbit puzzle giggle bubble "
    "hello goodbye thanks please welcome today tomorrow yesterday always never sometimes maybe "
    "purple yellow green orange silver golden little bigger happy angry hungry thirsty sleepy "
    "clever gentle honest patient careful beautiful wonderful terrible possible different important "
    "language model python browser kernel token tensor memory weight shader pixel server network "
    "football tennis hockey swimming running chess cricket basketball volleyball running winner "
    "doctor nurse farmer baker painter writer singer dancer driver pilot captain soldier lawyer "
    "elephant crocodile hippopotamus rhinoceros chimpanzee butterfly caterpillar grasshopper "
    "alphabet dictionary encyclopedia university hospital library museum theatre restaurant airport "
    "parallel address success possess occurrence tomorrow embarrass accommodate bookkeeper "
    "apple box bus city dress glass house jacket kitchen ladder mirror nose pillow quilt ribbon "
    "sofa towel vase wallet yard zebra book door egg fish goat hat ink jam kite lake map net oven "
    "pen queen rope salt tent van web yarn cup dog ear fan gate hill ice jug key leg milk nut owl"
).split()
THINGS = sorted({thing for things in OBJECTS.values() for thing in things})
_NO_NOUNS = set(
    "purple yellow green orange silver golden little bigger happy angry hungry thirsty sleepy clever "
    "gentle honest patient careful beautiful wonderful terrible possible different important hello "
    "goodbye thanks please welcome today tomorrow yesterday always never sometimes maybe better fire "
    "water earth wind rain snow thunder sunshine music butter sugar flour coffee chocolate yoghurt "
    "cinnamon mississippi parallel address success possess occurrence embarrass accommodate garlic "
    "breakfast dinner lunch spinach football tennis hockey swimming running chess cricket basketball "
    "volleyball python memory summer winter morning evening salt jam ice milk family silver glass "
    "paper lettuce giggle hungry ink question answer".split()
)
NOUNS = sorted({word for word in EXTRA if word not in _NO_NOUNS and word != "data"})
"""Things one can count, for stories and lists."""
PLAIN = sorted({w for w in [*ANIMALS, *THINGS, *EXTRA, *JOBS_SHE, *JOBS_HE] if w.isalpha()})
"""Words to spell, count in, and sort."""

_STARTS = (
    "b c d f g h j k l m n p r s t v w z br bl ch cl cr dr fl fr gl gr pl pr sh sl st th tr".split()
)
_VOWELS = "a e i o u a e i o ai ea ee oo ou".split()
_ENDS = "n r l s t m k d x nd rt sk ll ss ck ng mp b g p".split()


def invented(rng: random.Random) -> str:
    """A word that nobody has said before: two or three syllables."""
    word = ""
    for _ in range(rng.choice([1, 2, 2, 2, 3])):
        word += rng.choice(_STARTS) + rng.choice(_VOWELS)
    return word + (rng.choice(_ENDS) if rng.random() < 0.7 else rng.choice("aeioy"))


def spellable(rng: random.Random) -> str:
    """A word to look into letter by letter: known, with an ending, or invented."""
    how = rng.random()
    if how < 0.55:
        return rng.choice(PLAIN)
    if how < 0.65:
        return rng.choice(PLAIN) + rng.choice(["s", "ly", "er", "ing", "less", "ness", "ful"])
    if how < 0.75:
        return rng.choice(SHE + HE).lower()
    if how < 0.8:
        return "".join(rng.choice("abcdefghijklmnoprstuvwyz") for _ in range(rng.randint(3, 7)))
    return invented(rng)


def person(rng: random.Random) -> str:
    """A given name; some are invented, and one in twelve is only for the held-out part."""
    if rng.random() < 0.25:
        return invented(rng).capitalize()
    return rng.choice(SHE + HE)


def known_person(rng: random.Random, names: list[str] | None = None) -> str:
    """A name of the training part, for where a name is not what is asked for."""
    while held("name|" + (name := rng.choice(names or SHE + HE))):
        pass
    return name


def hero(rng: random.Random) -> tuple[str, str]:
    """A character of a story, without article, and its possessive pronoun."""
    pool, whose = rng.choices(
        [(ANIMALS, "its"), (JOBS_SHE, "her"), (JOBS_HE, "his"), (BEINGS_IT, "its"), (SHE, "her"),
         (HE, "his")], [8, 2, 3, 3, 2, 2]
    )[0]  # fmt: skip
    return rng.choice(pool), whose


def thing(rng: random.Random) -> tuple[str, str]:
    """An object and its class."""
    group = rng.choice(list(OBJECTS))
    return rng.choice(OBJECTS[group]), group
