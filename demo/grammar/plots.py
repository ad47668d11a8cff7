"""The sentences that stories are made of: places, moods, troubles of things, friends, endings.

{h} is the character with its article ("the fox"), {H} the same at the start of a sentence, {o}
the thing ("the lantern"), {O} likewise, {w} its, her or his, {f} and {F} the friend.
"""

from __future__ import annotations

PLACES = {
    "in the rain": ("The rain drummed on every leaf and every roof.", "It had rained since the early morning."),
    "in the forest": ("The forest was full of tall trees and whispering leaves.", "Moss lay on the stones, and the forest smelled of pine."),
    "by the sea": ("The sea rolled in, wave after wave.", "Gulls cried over the sea, and the wind tasted of salt."),
    "in the mountains": ("The mountains stood like old kings, white at the top.", "High in the mountains, the air was thin and clear."),
    "in the snow": ("The snow lay deep and made the world quiet.", "Soft snow fell without a sound."),
    "in the desert": ("The desert was wide, and the sand was warm as bread.", "In the desert the wind drew long lines into the sand."),
    "in a castle": ("The castle had forty rooms and only one warm stove.", "Old banners hung in the castle, and every step had an echo."),
    "in a small village": ("The village had nine houses, and everybody knew everybody.", "Smoke rose from the chimneys of the village."),
    "in a big city": ("The city hummed with trams, voices and bells.", "In the city a thousand windows were shining."),
    "in a garden": ("The garden was green, and bees hummed over the beds.", "Roses climbed up the old wall of the garden."),
    "on an island": ("The island was so small that one could walk around it before lunch.", "All around the island there was nothing but blue water."),
    "on the moon": ("On the moon every jump took as long as a song.", "The dust of the moon was grey, and the sky above it black."),
    "at night": ("It was night, and the stars were very bright.", "The night was dark, and the streets lay still."),
    "in a storm": ("The storm shook the trees and rattled at the doors.", "The storm had blown all day and would not tire."),
    "in winter": ("It was a hard winter, and the windows had flowers of ice.", "That winter even the river stood still."),
    "in spring": ("It was spring, and the first buds opened.", "Spring had come, with mud and birdsong."),
    "in a cave": ("The cave was cool and dark, and water dripped from the stones.", "Nobody knew how deep the cave was."),
    "at school": ("The school had a red door and a very loud bell.", "In the school it smelled of chalk and apples."),
    "in a library": ("The library was quiet, and the books reached up to the ceiling.", "Dust danced in the light of the library."),
    "on a train": ("The train rattled along through fields and tunnels.", "Outside of the train the trees flew by."),
    "on a farm": ("The farm woke early, with buckets and hooves.", "Hay was piled up high on the farm."),
    "under the sea": ("Under the sea everything was blue and slow.", "Light fell in long ribbons under the sea."),
    "in the fog": ("The fog was as thick as milk.", "In the fog every tree looked like a stranger."),
    "by the river": ("The river ran past, quick and silver.", "Willows hung over the river."),
}  # fmt: skip
MOODS = {
    "funny": ("It all began in a rather funny way: {h} wore a soup bowl as a hat.", "Everyone laughed, and {h} laughed the loudest. It was too funny."),
    "sad": ("{H} was sad that day and did not know why.", "It was a sad goodbye, but a gentle one."),
    "happy": ("{H} was happy and hummed a small tune.", "{H} was so happy that even the stones seemed to smile."),
    "spooky": ("It was a spooky evening, and something creaked where nothing should creak.", "Only the spooky creaking never stopped. Perhaps it was the wind."),
    "exciting": ("It was to be the most exciting day of the year.", "What an exciting day! {H} could hardly fall asleep."),
    "calm": ("Everything was calm, and nobody was in a hurry.", "Then it was calm again, and {h} breathed slowly in and out."),
    "magical": ("There was something magical in the air, like sparks.", "And for one magical moment everything was shining."),
    "brave": ("{H} wanted to be brave, at least once.", "It had been a brave thing to do, and everybody said so."),
    "cosy": ("It was a cosy day, made for tea and blankets.", "The evening was as cosy as a warm pocket."),
    "strange": ("It was a strange day, and the clocks ran backwards.", "It remained a strange story, and {h} told it often."),
    "warm": ("{H} had a warm heart and an open door.", "A warm feeling stayed with {h} for a long time."),
    "romantic": ("It was a romantic evening with a round moon.", "How romantic it was, with the moon above and nobody else awake."),
}  # fmt: skip
HAVING = (
    "{H} had {o}, and it was the finest thing that {h} had ever owned.",
    "One morning {h} found {o} beside the path.",
    "For {w} birthday {h} had been given {o}.",
    "{H} took {o} along wherever the way went.",
    "Long ago a traveller had left {o} with {h}.",
)
TROUBLES = {
    "light": (("But a gust came and {o} went dark.", "{H} waited, cupped both hands around it and tried again, until it glowed."),
              ("But {o} shone weaker and weaker.", "{H} cleaned it with great care, and soon it shone like new.")),
    "music": (("But one day {o} gave no sound at all.", "{H} looked inside and found a sleeping moth, and carried it out into the open."),
              ("But whenever {h} tried to play {o}, it sounded terrible.", "{H} practised every evening, and on the seventh it sounded lovely.")),
    "paper": (("But the wind tore {o} away and carried it off.", "{H} ran after it over three hills and caught it at last."),
              ("But half of the words on {o} had faded.", "{H} held it against the light, and the words came back, one by one.")),
    "lock": (("But {o} was stuck, and nothing would move it.", "{H} used a drop of oil and a lot of patience, and then it clicked."),
             ("But nobody knew what {o} was for.", "{H} tried it here and there, and at the very last place it fitted.")),
    "food": (("But on the way home somebody had nibbled at {o}.", "{H} followed the crumbs and found a hungry little mouse, and they shared the rest."),
             ("But there was only one piece of it, and everybody wanted {o}.", "{H} cut it into many small parts, and there was enough for all.")),
    "clothes": (("But {o} had a hole as big as a plum.", "{H} mended it with red thread, stitch by stitch."),
                ("But {o} was far too large.", "{H} put straw into it, and then it was just right.")),
    "travel": (("But halfway {o} broke down with a loud crack.", "{H} tied it together with a rope and a good deal of hope, and it held."),
               ("But {o} would not move at all.", "{H} pushed, and pushed once more, and suddenly it rolled along by itself.")),
    "jewel": (("But {o} slipped away and fell into a deep well.", "{H} let down a bucket, again and again, until something glittered in it."),
              ("But a magpie stole {o} and flew off.", "{H} climbed the tallest tree, spoke politely to the bird, and got it back.")),
    "tool": (("But {o} broke just when it was needed.", "{H} sat down, thought about it, and repaired it with a piece of wire."),
             ("But {o} had vanished overnight.", "{H} searched everywhere and found it in the last place, right behind the door.")),
    "plant": (("But {o} began to wither.", "{H} brought fresh water every morning, and after a week there was a green leaf."),
              ("But a hungry goat wanted to eat {o}.", "{H} built a little fence, and the goat got hay instead.")),
    "any": (("But one evening {o} was gone.", "{H} looked under every stone, and found it at last, safe and sound."),
            ("But nobody else believed that {o} was worth anything.", "{H} showed it to everyone with patience, and then they understood.")),
}  # fmt: skip
BARE_TROUBLES = (
    ("But one evening {h} lost the way home.", "{H} followed the brightest star, and there was the old gate."),
    ("But a great stone had fallen across the path.", "{H} did not push it; {h} dug a little tunnel below it."),
    ("But {h} could not sleep, because something was knocking.", "{H} gathered all courage and looked: it was only a branch at the window."),
)  # fmt: skip
FEELINGS = (
    "{H} sat down and sighed.",
    "That was a problem, and {h} did not know what to do.",
    "For a while {h} felt very small.",
    "At first {h} wanted to give up.",
)
TRIES = (
    "First {h} asked the wind, but the wind only laughed.",
    "{H} asked the old well for advice, but wells are slow to answer.",
    "A passing snail advised patience and went on its way.",
    "{H} counted to ten, which helps more often than one thinks.",
    "{H} drew a plan into the dust, with arrows and a small sun.",
    "An old crow knew a spell for it, but it only made things worse.",
    "{H} drank a cup of tea, because nobody can think without tea.",
)
LESSONS = (
    '"Well," said {h}, "that is how one learns."',
    "Small steps, thought {h}, are steps as well.",
    '"It was not so hard," said {h}, and everybody laughed.',
    "{H} bowed, although nobody was watching.",
    "Even the stars seemed to nod.",
    "A little song was made of it, with only one verse.",
)
FRIENDS = (
    'Then {f} came along and said: "Two heads are better than one."',
    "Just then {f} came by and offered to help.",
    "Luckily {f} was near and knew what trouble is.",
    "Then there was a voice: it was {f}, and {f} had time.",
)
THANKS = (
    "{H} and {f} were friends from that day on.",
    "{H} thanked {f} with all {w} heart.",
    "Without {f} it would never have worked, and {h} knew it.",
)
ENDINGS = (
    "In the evening {h} went home, tired and content.",
    "And since that day {h} has never been afraid of trouble again.",
    "That night {h} slept deeply and dreamed of it all.",
    "So everything was good in the end.",
    "And if you listen carefully, you can still hear {h} tell of it.",
)
OPENINGS = (
    "Once upon a time there was {a} who lived {p}.",
    "There once was {a}, {p}.",
    "Long ago, {p}, there lived {a}.",
    "This is the story of {a}, and it happened {p}.",
)
WHEN = (
    "in the rain",
    "in the snow",
    "at night",
    "in a storm",
    "in winter",
    "in spring",
    "in the fog",
)
"""Places that are rather times: nobody lives there."""
OPENINGS_WHEN = (
    "It happened {p}: {a} was on the way home.",
    "Once, {p}, there was {a} with nothing to do.",
    "One day, {p}, {a} was out and about.",
    "This is the story of {a}, and it begins {p}.",
)
OPENINGS_NAMED = (
    "Once upon a time {h} lived {p}.",
    "This is a story of {h}, and it happened {p}.",
    "Long ago, {p}, somebody called {h} was at home.",
)
