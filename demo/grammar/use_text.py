"""What the model can say about using Inferaived: same shape as project_text.py."""

from __future__ import annotations

from demo.grammar.project_text import topic

TOPICS = {
    "browsers": topic(
        "",
        """Which browser do I need?
        Does it work in Firefox?
        Does it work in Safari?
        Does it work in Chrome?
        Does it work on my phone?
        What do I need to run this?
        Do I need a special computer?
        What are the requirements?
        Which browsers are supported?
        Do I need an expensive graphics card?""",
        """You need a browser with WebGPU in workers. The tests run in Chromium; Safari and Firefox have not been tried yet.
        Any browser with WebGPU in workers should do. It is tested in Chromium only: Firefox and Safari have not been tried.""",
        "browser,WebGPU,Chromium,Safari",
    ),
    "offline": topic(
        "",
        """Does it work offline?
        Can I use this without internet?
        Do I need the internet?
        Does it need a connection?
        Can I use you on a plane?
        What if my network is down?
        Do you need the internet?
        Does the page work without a network?""",
        """Yes. After the first visit the page can keep an offline copy of itself and of me. Another model has to be fetched again.
        It does: the page can keep a copy of itself and of me for use offline. Other models need the network for their download.""",
        "offline,copy,model",
    ),
    "fast": topic(
        "",
        """How fast are you?
        How fast is it?
        Why is it slow?
        How many tokens per second do you make?
        Why does a large model take so long?
        Is it fast?
        What makes it faster?""",
        """That depends on your graphics card and on the size of the model. A small model like me needs little work per token; a larger one needs more.
        I am small, so I am quick. How fast it really is depends on your graphics card and on the model.""",
        "depends,graphics card,model",
    ),
    "stop": topic(
        "",
        """How do I stop you?
        How can I stop the answer?
        Can I interrupt you?
        How do I make you stop talking?
        What does the stop button do?
        Is there a way to cancel an answer?""",
        """Press Stop while I write. I then end between two tokens, and you can ask something else.
        Use the Stop button: I end between two tokens, and nothing breaks.""",
        "stop,between two tokens",
    ),
    "cli": topic(
        "the command line, the command inferaived, inferaived ask, the CLI",
        """Is there a command line?
        Can I use it in the terminal?
        How do I use it without a browser?
        Can I run this outside the browser?
        How do I ask a question from the terminal?
        Does it run on the desktop too?
        Is there a native version?""",
        """The same engine runs in a terminal: `inferaived ask demo "Hello"` asks me one question, and `inferaived chat demo` holds a conversation.
        On the command line it is `inferaived ask MODEL "prompt"` or `inferaived chat MODEL`. The engine is the same, over wgpu-py instead of a browser.""",
        "inferaived ask,inferaived chat,engine",
    ),
    "embed": topic(
        "the widget, widget.js, the inferaived-chat element",
        """How do I put this on my own page?
        Can I embed the chat in my website?
        Is there a widget?
        How do I use the widget?
        Can I have this chat on my blog?
        How do I add the chat to my site?""",
        """Load `widget.js` with one script tag of type module, and write `<inferaived-chat model="models/demo.gguf"></inferaived-chat>` where the chat should be.
        The widget is one element: `<inferaived-chat model="…"></inferaived-chat>`. Load `widget.js` from your host, and the chat appears there.""",
        "widget.js,inferaived-chat",
    ),
    "api": topic(
        "the API, client.js, the JavaScript API",
        """Is there a JavaScript API?
        How do I call it from JavaScript?
        Does it have an OpenAI API?
        How do I use the engine from my own code?
        Can I program against Inferaived?""",
        """Import `load` from `client.js`: it gives an engine with `engine.chat.completions.create`, in the shapes of OpenAI's API, with streaming.
        The API is in `client.js`: call `load`, then `engine.chat.completions.create`. It has the shapes of OpenAI's API, but everything stays on your machine.""",
        "client.js,load,OpenAI",
    ),
    "serve": topic(
        "",
        """How do I start it myself?
        How do I install Inferaived?
        How do I build it?
        How do I run the server?
        How do I get this on my computer?
        How can I host this page?
        What do I need to install?
        How do I run it locally?""",
        """With Python 3.11 or later and Node.js 20 or later, run `python3 build.py serve` in the repository. It builds the page and prints the address.
        Clone the repository and run `python3 build.py serve`. You get a static folder, `dist/`, that any host can serve.""",
        "python3 build.py serve",
    ),
    "licence": topic(
        "",
        """Is it free?
        What does it cost?
        Do I have to pay?
        Is it open source?
        What is the license?
        Which licence does it have?
        May I use it at work?
        How much is it?
        Is there a subscription?""",
        """It is free and open: Inferaived has the MIT licence. There is no server to pay for.
        Inferaived is open source under the MIT licence and costs nothing.""",
        "MIT licence",
    ),
}
