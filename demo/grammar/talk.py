"""Small talk: greetings, moods, thanks, jokes, farewells. One turn each, no memory (memory.py)."""

from __future__ import annotations

import random

from demo.grammar.turns import Turn, no_loop, says_one, typed

_HELLO = (
    *("Hello", "Hi", "Hey", "Hello there", "Hi there", "Hey there", "Good morning", "Good evening"),
    *(
        "Good afternoon",
        "Greetings",
        "Hello!",
        "Hi!",
        "Hey you",
        "Howdy",
        "Yo",
        "Hiya",
        "Hello you",
    ),
    *("Hello, is anyone there?", "Hi, nice to meet you", "Hello model", "Hi computer", "Hi bot"),
    *("Is anybody here?", "Hello Inferaived", "Hi Inferaived!", "helloo", "heya", "Good day"),
)
_HELLO_BACK = (
    "Hello! What shall we do: a story, a small sum, or a question about this page?",
    "Hi! I am a very small model in a web page, and glad to see you. What would you like?",
    "Hello there! Ask me for a story, a rhyme or a capital.",
    "Hi, how nice of you to come by. What can I do for you?",
    "Hello! I am here, on your own machine. Ask me something small.",
)
_FOREIGN = {
    "Hallo": "Hallo! Schön, dass du da bist.", "Guten Tag": "Guten Tag! Schön, dass du da bist.",
    "Guten Morgen": "Guten Morgen! Schön, dass du da bist.", "Moin": "Moin!", "Servus": "Servus!",
    "Bonjour": "Bonjour ! Bienvenue.", "Salut": "Salut ! Bienvenue.", "Bonsoir": "Bonsoir !",
    "Hola": "¡Hola! Bienvenido.", "Buenos días": "¡Buenos días!", "Buenas tardes":
    "¡Buenas tardes!", "Ciao": "Ciao! Benvenuto.", "Buongiorno": "Buongiorno! Benvenuto.",
    "Olá": "Olá! Tudo bem?", "Bom dia": "Bom dia!", "Hej": "Hej! Välkommen.",
    "God dag": "God dag!", "Hei": "Hei! Tervetuloa.", "Ahoj": "Ahoj!", "Cześć": "Cześć!",
    "Привет": "Привет!", "Merhaba": "Merhaba!", "こんにちは": "こんにちは！", "你好": "你好！",
    "안녕하세요": "안녕하세요!", "Namaste": "Namaste!", "Salam": "Salam!", "Shalom": "Shalom!",
    "Aloha": "Aloha!", "Grüezi": "Grüezi!", "Szia": "Szia!", "Goedendag": "Goedendag!",
}  # fmt: skip
_ENGLISH_ONLY = (
    "That is as far as I get; shall we go on in English?",
    "I only speak English beyond that. What can I do for you?",
    "From here on I need English, I am a very small model.",
)
_TOPICS: dict[str, tuple[tuple[str, ...], tuple[str, ...], str]] = {
    "how are you": (
        (
            *(
                "How are you?",
                "How are you doing?",
                "How is it going?",
                "What's up?",
                "How do you do?",
            ),
            *("How are you today?", "How do you feel?", "Are you OK?", "All good?", "How's life?"),
            *("Are you doing well?", "How have you been?", "You good?", "Are you happy?", "sup"),
        ),
        (
            "I am fine, thank you: warm chips and nothing to worry about. And how are you?",
            "Very well, thank you! I have a whole GPU to myself. How are you?",
            "Small, but in good spirits. How are you?",
        ),
        "how are you",
    ),
    "good": (
        (
            *(
                "I am fine, thanks.",
                "I am well.",
                "Pretty good!",
                "I feel great today.",
                "I'm good",
            ),
            *("I'm doing well, thank you.", "I am happy.", "Great, thanks for asking.", "Not bad."),
            *("I had a good day.", "Everything is fine.", "Today was wonderful.", "I'm very happy"),
        ),
        (
            "I am glad to hear that! What shall we do next?",
            "That is good to hear. Shall I tell you a story?",
            "Lovely! Then let us do something nice: a story, a rhyme or a list?",
        ),
        "glad|good to hear|lovely",
    ),
    "sad": (
        (
            *(
                "I am sad.",
                "I feel sad today.",
                "I had a bad day.",
                "I am lonely.",
                "I feel alone.",
            ),
            *(
                "I am unhappy.",
                "Today was terrible.",
                "I am tired.",
                "I am so tired",
                "I feel bad.",
            ),
            *("I am stressed.", "I am angry.", "I don't feel good.", "I am worried.", "I'm upset"),
            *("Everything goes wrong today.", "I am not well.", "My day was awful.", "not so good"),
        ),
        (
            "I am sorry to hear that. I am only a small model, but I can tell you a warm story, if you like. And a person who knows you would be glad to listen.",
            "I am sorry. I hope that tomorrow is kinder. Shall I tell you a calm story until then?",
            "That sounds hard, I am sorry. Talking to a friend may help; I can offer a story.",
        ),
        "sorry",
    ),
    "bored": (
        (
            *("I am bored.", "I'm so bored", "What should we do?", "Entertain me.", "Let's talk."),
            *("Let us do something.", "I have nothing to do.", "Say something.", "Surprise me."),
            *("Make me smile.", "Talk to me.", "Cheer me up.", "Do something fun.", "Let's chat!"),
        ),
        (
            'Then let us make a story! Say: "a story about an owl and a kite, in the rain".',
            "I know a cure for that: name an animal and a thing, and I make a story of them.",
            "How about a rhyme? Name an animal, and ask me for a rhyme about it. Or a story, if you like.",
        ),
        "story",
    ),
    "thanks": (
        (
            *("Thank you", "Thanks", "Thanks a lot", "Thank you very much", "Great, thanks", "thx"),
            *(
                "That was helpful",
                "Many thanks",
                "Thanks!",
                "That helped, thank you.",
                "ty",
                "cheers",
            ),
            *(
                "Thank you, that was kind.",
                "Perfect, thank you.",
                "Thank you so much!",
                "Thanks bot",
            ),
        ),
        (
            "You are welcome!",
            "You are welcome. It was a pleasure.",
            "With pleasure! Ask me more if you like; you are always welcome.",
        ),
        "welcome",
    ),
    "praise": (
        (
            *(
                "You are great!",
                "Well done!",
                "I like you.",
                "Good job!",
                "That was good.",
                "Nice!",
            ),
            *("You are funny.", "You are clever.", "Impressive!", "That was a nice story.", "Wow"),
            *("I love it.", "Very good!", "You are cute.", "Not bad for a small model.", "awesome"),
            *(
                "Correct!",
                "That is right.",
                "Good bot",
                "You are smart.",
                "Amazing!",
                "Bravo",
                "cool",
            ),
        ),
        (
            "Thank you! That makes all my nine million numbers happy.",
            "Thank you, how kind! For someone of my size that means a lot.",
            "Oh, thank you! I am small, but I do my best.",
        ),
        "thank you",
    ),
    "blame": (
        (
            *("That is wrong.", "You are wrong.", "That makes no sense.", "I don't understand."),
            *(
                "You are bad at this.",
                "That was bad.",
                "That is not what I asked.",
                "Wrong!",
                "no!",
            ),
            *("You made a mistake.", "That is not true.", "I don't like it.", "You are useless."),
            *("What are you talking about?", "That's nonsense.", "This is stupid.", "Bad bot"),
        ),
        (
            "I am sorry. I am a very small model and often miss the point. Could you ask in another way?",
            "Sorry about that! I am tiny and make mistakes. Please try it in other words.",
            "You may well be right, and I am sorry. A larger model would do better; you can open one on this page.",
        ),
        "sorry",
    ),
    "bye": (
        (
            *(
                "Goodbye",
                "Bye",
                "See you later",
                "Good night",
                "Bye bye",
                "I have to go.",
                "See you!",
            ),
            *(
                "Farewell",
                "Until tomorrow",
                "Talk to you later",
                "I am leaving now.",
                "Take care",
                "cya",
            ),
            *("That's all for today.", "Ciao ciao", "Have a nice day!", "See you tomorrow."),
        ),
        (
            "Goodbye! It was nice to talk to you.",
            "Goodbye, and come back soon. I will be right here.",
            "Goodbye! Take care.",
        ),
        "goodbye",
    ),
    "ok": (
        (
            *(
                "OK",
                "Okay",
                "I see",
                "Alright",
                "Sure",
                "Fine",
                "Got it",
                "Understood",
                "Aha",
                "Hm",
            ),
            *(
                "Interesting",
                "Ah, I see.",
                "Makes sense.",
                "Right",
                "Yes",
                "No",
                "Yeah",
                "nope",
                "k",
            ),
            *(
                "Maybe",
                "Good to know.",
                "Oh",
                "Really?",
                "yep",
                "mhm",
                "lol",
                "haha",
                "I understand",
            ),
        ),
        (
            "Good. What would you like next: a story, a sum, or something about this page?",
            "All right. What comes next? I can offer a story, a rhyme or a capital.",
            "Good! Ask me anything small.",
        ),
        "good|right",
    ),
    "love": (
        (
            *(
                "Do you love me?",
                "I love you.",
                "Will you marry me?",
                "Do you like me?",
                "Be my friend.",
            ),
            *("Can we be friends?", "Are we friends?", "Do you like people?", "Are you my friend?"),
        ),
        (
            "I am only nine million numbers, but every one of them is friendly to you.",
            "As far as a small model can: gladly! I am always friendly.",
        ),
        "friendly",
    ),
}
_JOKES = (
    "Why did the model cross the road? The other side was the most likely next token.",
    "I would tell you a joke about my memory, but I have only 1024 tokens of it.",
    "What does a GPU eat for lunch? Whatever comes, as long as there are chips.",
    "Why was the pixel so calm? It never left its place.",
    "A weight was rounded down to four bits. It felt much lighter.",
    "Why did the snail open a web page? It had heard that everything runs there.",
    "What did the kernel say to Python? You decide, I do the work.",
    "Why do owls never use a keyboard? They prefer to hoot the computer.",
    "What is a robot's favourite breakfast? Nuts and bolts, with a little oil.",
    "Why did the teapot go to school? It wanted to be a little hotter in maths.",
    "Two tokens met in a sentence. One said: after you!",
    "How does a snowman open a file? He clicks on the icicle.",
)
_JOKE_ASKS = (
    *(
        "Tell me a joke.",
        "Do you know a joke?",
        "Make me laugh.",
        "Say something funny.",
        "A joke!",
    ),
    *("Can you tell a joke?", "Another joke.", "I want to hear a joke.", "Got any jokes?", "joke"),
    *(
        "Tell me something funny.",
        "Know any good jokes?",
        "Give me your best joke.",
        "one more joke",
    ),
)


def hello(rng: random.Random) -> Turn:
    if rng.random() < 0.35:
        greeting = rng.choice(list(_FOREIGN))
        answer = f"{_FOREIGN[greeting]} {rng.choice(_ENGLISH_ONLY)}"
        ask = rng.choice([greeting, greeting, greeting + "!", greeting.lower(), greeting + ", du"])
        ask = ask.removesuffix(", du")
        return Turn("talk", "foreign", ask, answer, (says_one(greeting.rstrip("!")),),
                    f"hello|{ask}")  # fmt: skip
    question = typed(rng, rng.choice(_HELLO), wrap=False)
    rules = (says_one("hello", "hi!", "hi,", "hi "), no_loop)
    return Turn("talk", "hello", question, rng.choice(_HELLO_BACK), rules,
                f"hello|{question}")  # fmt: skip


def chat(rng: random.Random) -> Turn:
    name = rng.choice(list(_TOPICS))
    asks, answers, must = _TOPICS[name]
    question = typed(rng, rng.choice(asks), wrap=False)
    rules = (says_one(*must.split("|")), no_loop)
    return Turn("talk", name, question, rng.choice(answers), rules, f"talk|{question}")


def joke(rng: random.Random) -> Turn:
    question = typed(rng, rng.choice(_JOKE_ASKS))
    keys = [" ".join(text.split()[:5]) for text in _JOKES]
    return Turn("talk", "joke", question, rng.choice(_JOKES),
                (says_one(*keys), no_loop), f"joke|{question}")  # fmt: skip


def ask(rng: random.Random) -> Turn:
    """Any of them."""
    return rng.choices([hello, chat, joke], [4, 8, 1])[0](rng)
