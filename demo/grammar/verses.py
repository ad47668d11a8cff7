"""Lines for rhymes and for three short lines; {x} is what they are about."""

from __future__ import annotations

from demo.grammar.turns import plain

TOPICS = (
    "cat dog fox owl bear mouse frog duck hen goose horse cow pig sheep goat bee snail turtle fish "
    "whale seal penguin lion tiger wolf rabbit hedgehog squirrel moose dragon robot ghost witch "
    "king queen knight pirate teapot kettle cake lantern kite boat train moon star cloud river sea "
    "tree rose garden mountain forest house castle bicycle umbrella clock piano violin scarf hat "
    "snowman spoon button pumpkin apple lemon computer keyboard window door storm rainbow candle"
).split()
FIRST = (
    ("The {x} sat down beside the sea", "and had a pot of mint and tea."),
    ("I met a {x} on the hill", "who stood up there so very still."),
    ("The {x} looked up into the night", "and saw a tiny silver light."),
    ("A {x} once went into town", "and wore a red and golden gown."),
    ("My {x} has a secret dream", "of strawberries with clouds of cream."),
    ("There was a {x}, round and small,", "who leaned against the garden wall."),
    ("The {x} woke up with the sun", "and hoped the day would be great fun."),
    ("Who knocked upon my door today?", "A {x} that had lost its way."),
    ("The {x} hummed a little song", "and waited for it all day long."),
    ("Beneath a tree, beside a lake,", "the {x} shared a piece of cake."),
    ("A {x} came in from the rain", "and took the seven o'clock train."),
    ("The {x} wrote a letter home", "and put it in a silver dome."),
)
SECOND = (
    ("And when the evening came around,", "it fell asleep without a sound."),
    ("It danced, it laughed, it turned about,", "until the stars came slowly out."),
    ('"How good," it said, "to have a friend,', 'and to be happy in the end."'),
    ("The wind was soft, the grass was green,", "the finest day there's ever been."),
    ("It waved at me and winked an eye,", "then sailed away across the sky."),
    ("And all the birds from near and far", "sang softly to the evening star."),
    ("It was so kind, it was so wise,", "and gave us all a nice surprise."),
    ("I said hello, it took a bow,", "and we are best of friends by now."),
    ("So if you pass there, stop and stay,", "and wish it well along its way."),
    ("Then came the moon, so big and bright,", "and wished us all a good, good night."),
)
HAIKU = (
    ("The {x} is waiting", "Morning, and a {x}", "A {x} in the mist", "Look, the quiet {x}",
     "Only the {x} wakes", "There, a small {x}", "Evening, and the {x}"),
    ("silver rain falls on the hills", "between two drops of water", "the old pond listens to it",
     "a leaf sails over the lake", "wind goes softly through the grass", "far away a bell is heard",
     "the first snow lies on the roof"),
    ("nobody hurries", "and the day begins", "how still the world is", "a light goes on there",
     "the night holds its breath", "spring is on its way", "then silence again"),
)  # fmt: skip
_PAIRS = {
    tuple(line.split()[-1].strip(".,?!\"'").lower() for line in couplet)
    for couplet in (*FIRST, *SECOND)
}


def rhymes(answer: str) -> bool:
    """Lines 1 and 2, and 3 and 4, end in words that the couplets rhyme."""
    ends = [line.split()[-1].strip(".,?!\"'") for line in plain(answer).split("\n") if line.split()]
    return len(ends) == 4 and {(ends[0], ends[1]), (ends[2], ends[3])} <= _PAIRS
