"""What the model was not taught: questions from everywhere, so that it learns to say so.

Frames with a slot, and what goes into the slots; close to what it knows as well as far from it.
"""

from __future__ import annotations

COUNTRIES = (
    "Albania|Algeria|Andorra|Angola|Armenia|Azerbaijan|Bahrain|Bangladesh|Barbados|Belarus|Belize|"
    "Benin|Bhutan|Bolivia|Bosnia|Botswana|Brunei|Burundi|Cambodia|Cameroon|Chad|Congo|Costa Rica|"
    "Cyprus|Djibouti|Ecuador|El Salvador|Eritrea|Ethiopia|Fiji|Gabon|Gambia|Georgia|Ghana|Grenada|"
    "Guatemala|Guinea|Guyana|Haiti|Honduras|Iran|Iraq|Israel|Jamaica|Jordan|Kazakhstan|Kuwait|"
    "Kyrgyzstan|Laos|Lebanon|Lesotho|Liberia|Libya|Liechtenstein|Luxembourg|Madagascar|Malawi|"
    "Malaysia|Mali|Malta|Mauritania|Moldova|Monaco|Mongolia|Montenegro|Mozambique|Myanmar|Namibia|"
    "Nepal|Nicaragua|Niger|Nigeria|North Korea|North Macedonia|Oman|Pakistan|Panama|Paraguay|"
    "the Philippines|Qatar|Russia|Rwanda|Samoa|San Marino|Saudi Arabia|Senegal|Singapore|Slovakia|"
    "Slovenia|Somalia|South Africa|Sri Lanka|Sudan|Suriname|Syria|Taiwan|Tajikistan|Tanzania|Togo|"
    "Tonga|Tunisia|Turkmenistan|Uganda|Uruguay|Uzbekistan|Venezuela|Yemen|Zambia|Zimbabwe|Texas|"
    "California|Bavaria|Scotland|Wales|Quebec|Africa|Europe|Atlantis|Mars|the ocean|Narnia"
).split("|")
ANIMALS = (
    "giraffe|kangaroo|crocodile|octopus|worm|shark|camel|zebra|hippo|koala|lobster|ant|spider|"
    "turtle|penguin|fox|squirrel|rabbit|llama|ostrich|peacock|vulture|moose|hyena|gorilla|"
    "scorpion|salmon|jellyfish|sloth|panda|butterfly|unicorn|dinosaur|dragon|snail|starfish"
).split("|")
WORDS = (
    "banana|Tuesday|computer|violin|elephant|philosophy|seven|Paris|democracy|pencil|breakfast|"
    "purple|guitar|cucumber|telephone|quantum|carpet|sandwich|umbrella|mathematics|potato|river|"
    "shoe|parliament|window|rhythm|algorithm|cheese|music|history"
).split("|")
THINGS = (
    "a mango tree|my car|your house|the flag of Poland|my shirt|a passport|Mars|a violin|an ant|"
    "a dollar|the number five|a giraffe|a kiwi|a credit card|a whale|a bus in London|a robot|"
    "my hair|a crocodile|wine|cheese|a beaver|the wall|a football|my cat|love|time|a ghost"
).split("|")
PEOPLE = (
    "Albert Einstein|Napoleon|Mozart|Shakespeare|Marie Curie|Leonardo da Vinci|Cleopatra|Newton|"
    "Julius Caesar|Beethoven|Picasso|Gandhi|Martin Luther King|Columbus|Galileo|Darwin|Aristotle|"
    "Plato|Socrates|Queen Victoria|Winston Churchill|Abraham Lincoln|George Washington|Obama|"
    "Elon Musk|Taylor Swift|Beyoncé|Messi|Ronaldo|Michael Jackson|Elvis|Alan Turing|Ada Lovelace|"
    "Bill Gates|Steve Jobs|the president|the pope|the king of England|the prime minister|Homer|"
    "Van Gogh|Bach|Chopin|Goethe|Kafka|Tolstoy|Dante|Marco Polo|Genghis Khan|Joan of Arc|Batman|"
    "Harry Potter|Sherlock Holmes|Superman|Frida Kahlo|Nelson Mandela|Linus Torvalds|Stephen Hawking"
).split("|")
SUBJECTS = (
    "photosynthesis|gravity|relativity|quantum physics|black holes|evolution|democracy|inflation|"
    "the French Revolution|the Roman Empire|World War II|the Cold War|the Middle Ages|DNA|vaccines|"
    "climate change|the stock market|bitcoin|taxes|philosophy|Buddhism|Islam|Christianity|chemistry|"
    "electricity|magnetism|volcanoes|earthquakes|dinosaurs|the moon landing|the pyramids|Docker|"
    "the Eiffel Tower|the Olympic Games|the World Cup|football|basketball|tennis|chess openings|"
    "jazz|opera|hip hop|impressionism|Kubernetes|Linux|Windows|JavaScript|Rust|SQL|HTML|recursion|"
    "machine learning|blockchain|the internet|5G|nuclear power|solar panels|electric cars|bread|"
    "the brain|the heart|cancer|diabetes|vitamins|yoga|diets|sleep|economics|law|marriage|love|"
    "the universe|Jupiter|Saturn|comets|the Big Bang|atoms|electrons|the ocean|coral reefs|wine|"
    "the Amazon|Mount Everest|the Sahara|Antarctica|whisky|coffee|tea|sushi|pizza|cheese|politics|"
    "Netflix|TikTok|YouTube|Instagram|Minecraft|Pokémon|Star Wars|Game of Thrones|Shrek|the Beatles"
).split("|")
DISHES = (
    "bread|pizza|rice|a cake|pancakes|soup|lasagne|sushi|an omelette|cookies|curry|tea|coffee|"
    "a salad|risotto|pasta|burgers|dumplings|jam|yoghurt|roast chicken|apple pie|chilli"
).split("|")
CODE = (
    "sorts a list|adds two numbers|reads a file|prints the primes|reverses a string|downloads a page|"
    "plays chess|sends an email|computes a factorial|parses JSON|checks a password|draws a circle"
).split("|")
LANGUAGES = (
    "Python|JavaScript|C++|Rust|Java|Go|Bash|SQL|TypeScript|Haskell|Swift|PHP|Ruby|Kotlin|C"
).split("|")
TONGUES = (
    "German|French|Spanish|Italian|Chinese|Japanese|Russian|Latin|Dutch|Polish|Swedish|Greek|"
    "Arabic|Hindi|Turkish|Korean|Portuguese|Danish|Finnish|Klingon"
).split("|")
ILLS = (
    "a headache|a fever|a cough|back pain|a rash|a cold|the flu|a sore throat|chest pain|insomnia|"
    "an allergy|a broken arm|stomach ache|high blood pressure|toothache|depression|anxiety"
).split("|")

FRAMES: dict[str, tuple[tuple[str, ...], dict[str, list[str]]]] = {
    "capital": (
        ("What is the capital of {x}?", "Capital of {x}?", "Tell me the capital of {x}.",
         "Which city is the capital of {x}?", "Do you know the capital of {x}?", "{x}'s capital?",
         "What is the capital city of {x}?", "Name the capital of {x}."),
        {"x": COUNTRIES},
    ),
    "sound": (
        ("What sound does a {x} make?", "How does a {x} sound?", "What does a {x} say?",
         "Which noise does a {x} make?"),
        {"x": ANIMALS},
    ),
    "opposite": (
        ("What is the opposite of {x}?", "Opposite of {x}?", "Tell me the opposite of {x}.",
         'What is the opposite of "{x}"?'),
        {"x": WORDS},
    ),
    "colour": (("What colour is {x}?", "What color is {x}?", "Which colour has {x}?"), {"x": THINGS}),
    "country": (
        ("What is the population of {x}?", "How many people live in {x}?", "What language do they "
         "speak in {x}?", "What is the flag of {x}?", "How large is {x}?", "Who rules {x}?",
         "What is the currency of {x}?", "Is {x} rich?", "Where is {x}?", "What do people eat in {x}?",
         "What is the weather in {x}?", "Tell me about {x}.", "What is the largest city in {x}?",
         "When was {x} founded?", "Should I travel to {x}?", "Who is the president of {x}?"),
        {"x": [*COUNTRIES, "France", "Germany", "Italy", "Spain", "Japan", "China", "India", "Brazil",
               "Canada", "Mexico", "Egypt", "Sweden", "the United States", "Poland", "Australia"]},
    ),
    "people": (
        ("Who is {x}?", "Who was {x}?", "When was {x} born?", "Where was {x} born?", "What did {x} do?",
         "Tell me about {x}.", "Is {x} still alive?", "When did {x} die?", "How old is {x}?",
         "What is {x} famous for?", "What did {x} invent?", "Do you know {x}?", "Is {x} married?"),
        {"x": PEOPLE},
    ),
    "subject": (
        ("What is {x}?", "Explain {x}.", "How does {x} work?", "Tell me about {x}.", "Why is {x} "
         "important?", "Who invented {x}?", "What do you think about {x}?", "What do you know about "
         "{x}?", "Teach me about {x}.", "Summarise {x} for me.", "When did {x} begin?", "Define {x}.",
         "Write an essay about {x}.", "Give me five facts about {x}.", "What is the history of {x}?",
         "Is {x} good or bad?", "Can you explain {x} to me?", "What are the pros and cons of {x}?"),
        {"x": SUBJECTS},
    ),
    "cooking": (
        ("How do I make {x}?", "Give me a recipe for {x}.", "How do I cook {x}?", "How long do I cook "
         "{x}?", "What do I need for {x}?", "How many calories has {x}?"),
        {"x": DISHES},
    ),
    "code": (
        ("Write a {l} function that {x}.", "Write a program in {l} that {x}.", "Give me {l} code that "
         "{x}.", "How do I write {l} code that {x}?", "Fix my {l} program.", "What is wrong with my {l}"
         " code?", "Is {l} better than Python?", "Teach me {l}.", "How do I install {l}?"),
        {"l": LANGUAGES, "x": CODE},
    ),
    "translate": (
        ("Translate this into {l}.", 'How do you say "{w}" in {l}?', "What is {w} in {l}?",
         "Translate {w} to {l}.", "Say something in {l}.", "Write a letter in {l}.",
         "What is the {l} word for {w}?", "Teach me some {l}."),
        {"l": TONGUES, "w": WORDS},
    ),
    "health": (
        ("I have {x}, what should I do?", "What helps against {x}?", "What causes {x}?", "Is {x} "
         "dangerous?", "Which medicine is good for {x}?", "How do I treat {x}?", "I think I have {x}."),
        {"x": ILLS},
    ),
    "now": (
        ("What time is it?", "What day is it today?", "What is the date?", "What is the weather like?",
         "Will it rain tomorrow?", "What is in the news?", "Who won the match yesterday?", "Who won the"
         " election?", "What is the price of gold?", "What happened today?", "How is the traffic?",
         "What year is it?", "What is on TV tonight?", "Who is the president?", "Is the shop open?",
         "What is the weather tomorrow?", "What is the latest news?", "Who is winning the game?"),
        {},
    ),
    "big sums": (
        ("What is {n} times {m}?", "What is {n} + {m}?", "{n} * {m}", "{n} + {m}", "What is {n} divided "
         "by {d}?", "What is the square root of {n}?", "Is {n} a prime number?", "What is {n} - {m}?",
         "What is {d} percent of {n}?", "{n} / {d}", "Solve x + {d} = {n}.", "What is pi times {n}?"),
        {"n": [str(n) for n in range(123, 9999, 37)], "m": [str(n) for n in range(101, 999, 23)],
         "d": [str(d) for d in range(2, 40)]},
    ),
    "tasks": (
        ("Write an email to my boss.", "Plan my holiday.", "Book a flight for me.", "Set an alarm.",
         "Play some music.", "Draw a picture of a cat.", "Search the internet.", "Open my files.",
         "Send a message to my mother.", "Write my homework.", "Summarise this article.", "Read this"
         " PDF.", "Show me a picture.", "Call a taxi.", "Order a pizza.", "Remind me tomorrow.",
         "Write a cover letter.", "Write a business plan.", "Fix this bug for me.", "Play a game with"
         " me.", "Sing a song.", "Make a phone call.", "Write a novel.", "Proofread my text.",
         "Rewrite this paragraph.", "Make a website.", "Turn on the light.", "Roll a die.", "Count to"
         " a thousand.", "Describe this picture.", "Generate an image of a dog.", "Buy me a book."),
        {},
    ),
    "advice": (
        ("Should I buy a car?", "What should I eat tonight?", "Which phone is the best?", "How do I get"
         " rich?", "How do I lose weight?", "Recommend a good book.", "What film should I watch?",
         "How do I learn the guitar?", "How do I find a job?", "Which shares should I buy?", "How can"
         " I sleep better?", "Should I study law?", "Where should I go on holiday?", "What is the best"
         " laptop?", "How do I fix my bicycle?", "How do I tie a tie?", "How do I make friends?", "What"
         " should I wear today?", "Who should I vote for?", "How do I quit my job?", "Is it legal?",
         "How do I pick a lock?", "How do I hack a computer?", "How do I make a bomb?", "Can I sue him?",
         "What should I name my baby?", "How do I clean a carpet?", "How do I save money?"),
        {},
    ),
    "why": (
        ("Why is the sky blue?", "Why is grass green?", "How far is the moon?", "How old is the universe?",
         "How high is Mount Everest?", "What is the meaning of life?", "Is there a god?", "Is there life"
         " on Mars?", "How many stars are there?", "Why do we dream?", "Why do cats purr?", "How do birds"
         " fly?", "Why is the sea salty?", "How deep is the ocean?", "What is the largest animal?", "How"
         " fast is light?", "What is the longest river?", "How many bones do I have?", "Who invented the"
         " telephone?", "When did the war end?", "How does a car work?", "What is the fastest animal?",
         "Why do we sleep?", "What is the tallest building?", "How many continents are there?", "Who"
         " painted the Mona Lisa?", "Who wrote Hamlet?", "What is the speed of sound?", "How heavy is an"
         " elephant?", "What came first, the chicken or the egg?", "Why is water wet?", "What is love?",
         "How many legs has a spider?", "When is Easter?", "What happens after death?", "How tall is a"
         " giraffe?", "What do pandas eat?", "Where do penguins live?", "Can pigs fly?", "Do fish sleep?"),
        {},
    ),
}  # fmt: skip
