"""What the model can say about how Inferaived works: topics, how people ask, true answers.

A topic: its names ("What is {name}?"), other questions, answers, and words of which each group
has to appear in an answer. Only text; project.py makes turns of it. Change it with the project.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Topic:
    """names go into the frames of project.py; a `|` in `must` parts words of which one suffices."""

    names: tuple[str, ...]
    asks: tuple[str, ...]
    answers: tuple[str, ...]
    must: tuple[str, ...]


def topic(names: str, asks: str, answers: str, must: str) -> Topic:
    """Names and words by comma, questions and answers by line."""

    def split(text: str) -> tuple[str, ...]:
        return tuple(line.strip() for line in text.strip().split("\n") if line.strip())

    return Topic(
        tuple(name.strip() for name in names.split(",") if name.strip()),
        split(asks),
        split(answers),
        tuple(must.split(",")),
    )


TOPICS = {
    "engine": topic(
        "Inferaived, this page, this project, this site, this thing",
        """What runs here?
        What is running here?
        What is this?
        What am I looking at?
        What does Inferaived do?
        What is Inferaived good for?
        What is this website for?
        What does this page do?
        Why does Inferaived exist?
        Describe Inferaived in one sentence.""",
        """Inferaived is an engine for language models in a web page. It is written in Python, and its kernels run on your own graphics card through WebGPU.
        This is Inferaived: a language model in a web page. The engine is Python, the arithmetic happens on your GPU, and no server takes part.
        Inferaived runs language models right here in your browser, on your own GPU. Nothing that you type leaves the machine.""",
        "Inferaived|This,language model,GPU|graphics card",
    ),
    "how": topic(
        "",
        """How does Inferaived work?
        How does it work?
        How does this work?
        How does the engine work?
        How does this page work?
        Explain how the engine works.
        What happens inside?
        How does Inferaived make an answer?
        What happens when I press Send?
        How is it built?
        How does all of this work under the hood?""",
        """Python runs in a worker of this page. It reads the header of the GGUF file, streams the weights to your GPU and records the work for one token. Then the GPU repeats that work, token by token.
        Python decides and the GPU computes. The engine records lists of kernel launches once, when a model is loaded, and replays them for every token.""",
        "Python,GPU,token",
    ),
    "privacy": topic(
        "",
        """Where does my text go?
        Where does my data go?
        Is this private?
        Is my text private?
        Who can read what I write?
        Do you store my messages?
        Do you save my chats?
        Is my text sent to a server?
        Does my text leave my computer?
        What happens to my data?
        What happens with what I type?
        Do you send anything over the network?
        Are you sending my words anywhere?
        Can the server see my questions?
        Is it safe to write secrets here?
        Do you track me?
        Does anybody read this conversation?
        Is anyone else listening?
        Do you spy on me?
        Where are my messages kept?
        Can my boss read this?""",
        """Nowhere. Your text stays in this page: the model reads it on your own machine, and no server sees it.
        It goes nowhere. The model runs on your own machine, so no server needs your words and none gets them.
        Your words stay on your machine. Nothing that you type is sent to a server.""",
        "server,machine|page",
    ),
    "gguf": topic(
        "GGUF, a GGUF file, the GGUF format, a .gguf file, gguf",
        """What is in a model file?
        What is inside a GGUF file?
        Which file format do the models have?
        What kind of file is a model?
        What does a GGUF file hold?""",
        """GGUF is a file format for language models. One file holds the weights, the vocabulary, the chat template and the numbers that describe the model.
        A GGUF file is a whole language model in one file: its weights, its vocabulary, its chat template and a header that describes them.""",
        "GGUF,file,weights",
    ),
    "webgpu": topic(
        "WebGPU, webgpu, web gpu",
        """Why do you use WebGPU?
        Do you use my graphics card?
        Does this use my GPU?
        How do you use the graphics card?
        How does a page reach the GPU?
        What lets a web page use the graphics card?""",
        """WebGPU is how a web page reaches the graphics card. Inferaived uses it for all the arithmetic of the model.
        With WebGPU a page can run its own programs on the graphics card. All the arithmetic of my answers is done that way.""",
        "WebGPU,graphics card|GPU,arithmetic",
    ),
    "wgsl": topic(
        "WGSL, a shader, a kernel, shaders, a compute shader, a GPU kernel",
        """What are the kernels?
        Which language are the shaders written in?
        What language are the kernels in?
        What are shaders for?""",
        """A kernel, or shader, is a small program that runs many times at once on the GPU. Inferaived's kernels are plain files in WGSL, the shader language of WebGPU.
        WGSL is the shader language of WebGPU. Inferaived's kernels, small programs that run on the GPU, are plain WGSL files.""",
        "WGSL,GPU,program",
    ),
    "pyodide": topic(
        "Pyodide, pyodide",
        """How does Python run in the browser?
        How can Python run in a web page?
        Can Python run in a browser?
        What runs the Python code in the page?
        How do you get Python into a browser?""",
        """Pyodide is Python compiled to WebAssembly, so that it runs in a browser. Inferaived's engine runs inside it, in a worker beside the page.
        Pyodide brings Python into the browser as WebAssembly. The engine behind me is Python and runs in it.""",
        "Pyodide,Python,WebAssembly,browser",
    ),
    "wasm": topic(
        "WebAssembly, wasm, web assembly",
        """What is WebAssembly used for here?
        Do you use WebAssembly?
        Where does WebAssembly come in?""",
        """WebAssembly is a compact format for programs, which browsers run fast. Pyodide, the Python of this page, is compiled to it.
        WebAssembly is a format for programs that a browser runs nearly as fast as native ones. Here it carries Python.""",
        "WebAssembly,program,Python",
    ),
    "python": topic(
        "",
        """Why Python?
        Is this written in Python?
        Which language is Inferaived written in?
        Which programming language do you use?
        What is the engine written in?
        Is it written in JavaScript?
        Isn't Python too slow for this?
        Why is the engine written in Python?
        What language is this made with?""",
        """The engine is written in Python, because Python is easy to read. It only decides what to do; the heavy work is done by kernels on the GPU, so that Python is not in the way.
        It is Python. Python never touches a number of the model: it records the work once, and the GPU does it.""",
        "Python,GPU",
    ),
    "quant": topic(
        "a quantised weight, quantisation, quantization, a quantized model, a quantised model, "
        "quantized weights, Q4_K_M, Q8_0, a quant",
        """Why are models quantised?
        Why are weights quantized?
        What do names like Q8_0 mean?
        How are weights made smaller?
        How do large models get small enough?
        What does the Q in Q8_0 stand for?""",
        """A quantised weight is stored in fewer bits: about eight in Q8_0, about five in Q4_K_M. The file gets smaller and faster to run, and loses a little accuracy.
        Quantisation rounds the weights of a model to few bits each. The model gets smaller and loses a little accuracy. My own weights are Q8_0, about eight bits each.""",
        "quantis,bits,smaller,accuracy",
    ),
    "types": topic(
        "",
        """Which quantisations do you support?
        Which weight types run here?
        Does Q4_K_M run?
        Can I use Q6_K files?
        What quant formats are supported?
        Which kinds of weights can you read?
        Is Q5_K supported?
        Which quantised types work?""",
        """These weight types run here, in any mix: F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q4_K, Q5_K and Q6_K. Others are refused by name.
        You can use F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q4_K, Q5_K and Q6_K. Anything else is refused when the file is opened.""",
        "F16,Q8_0,Q4_K,Q6_K,refused",
    ),
    "cache": topic(
        "a KV cache, the KV cache, a key-value cache, kv cache, the cache",
        """What is in the KV cache?
        Why do you need a KV cache?
        How do you avoid reading the whole text again?
        What does the KV cache do?
        Why is the second answer faster?""",
        """The KV cache keeps the keys and values that attention has already computed for earlier tokens. So every new token costs only its own work.
        A KV cache is the model's notes: the keys and values of all earlier tokens, kept on the GPU. Nothing has to be computed twice.""",
        "cache,keys and values,tokens",
    ),
    "switch": topic(
        "",
        """How do I open another model?
        How can I use another model?
        How do I switch models?
        How do I load a model?
        Can I use my own model?
        How do I load my own GGUF file?
        How do I open a GGUF file?
        Can I open a bigger model?
        How do I change the model?
        How do I open a real model?
        I want a better model.
        Give me a smarter model.
        Can I swap you for a larger model?
        Where do I put my model file?
        How do I get a different model in here?
        Where do I drop the file?""",
        """Paste the address of a GGUF file on the page, or drop a GGUF file from your disk onto it. When it has loaded, you talk to that model.
        Drop a GGUF file onto the page, or paste the address of one. I will step aside for the larger model without any hard feelings.""",
        "GGUF,drop,paste,address",
    ),
    "archs": topic(
        "",
        """Which models can I use?
        Which models are supported?
        Which models run here?
        Does it run Llama?
        Can it run Qwen?
        Can I run Mistral here?
        Does SmolLM2 work?
        Which architectures do you support?
        What models does Inferaived run?
        What kinds of models work?
        Does Qwen3 work here?""",
        """Three architectures run here: llama, qwen2 and qwen3. That covers Llama 2 and 3, Mistral, SmolLM2, Qwen2, Qwen2.5 and Qwen3.
        Models of the families Llama, Qwen2 and Qwen3 run here, as GGUF files. Mistral and SmolLM2 belong to the llama family.""",
        "Llama,Qwen2,Qwen3,Mistral",
    ),
    "where": topic(
        "",
        """Where do I find models?
        Where can I get GGUF files?
        Where can I download a model?
        Where do models come from?
        Which site has GGUF files?
        Can you recommend a model to load?
        Which model should I try first?
        What is a good model to start with?""",
        """Hugging Face has many GGUF files. Begin with a small one of about one billion parameters or less, for example in Q4_K_M or Q8_0.
        Look for GGUF files on Hugging Face. A small one of a billion parameters or less is a good start.""",
        "Hugging Face,GGUF,billion",
    ),
    "token": topic(
        "a token, tokens, a tokenizer, tokenization, the tokenizer",
        """Why do you write word by word?
        What are tokens made of?
        How is text cut into tokens?
        What does a tokenizer do?
        How big is your vocabulary?
        How many tokens do you know?""",
        """A token is a piece of text: a word, a part of a word or a single character. The tokenizer cuts text into tokens; my own vocabulary has 4096 of them.
        Tokens are the pieces in which a model reads and writes: words, parts of words, single characters. I know 4096 of them.""",
        "token,4096,word",
    ),
    "lm": topic(
        "a language model, an LLM, a large language model, LLMs, language models",
        """How do language models work?
        How does a language model write?
        How do you make your answers?
        How do you find the next word?
        How does a model think?""",
        """A language model reads text and gives every possible next token a probability. One is chosen, added, and the model reads again. So an answer grows token by token.
        A language model guesses the next token, again and again. It learned from much text which token tends to follow which.""",
        "model,next token",
    ),
    "weights": topic(
        "a weight, weights, a parameter, parameters, the weights of a model",
        """What is a weight in a model?
        What are the parameters of a model?
        What is stored in a model?""",
        """Weights, or parameters, are the numbers that a model has learned. I have about nine million of them; large models have billions.
        A weight is one learned number of a model. About nine million of them make me what I am, which is little: large models have billions.""",
        "weight,number,nine million",
    ),
    "attention": topic(
        "attention, self-attention, an attention head, a transformer, the transformer",
        """What does attention do in a model?
        How does a model look back at the text?
        Why do models need attention?""",
        """Attention is how a transformer looks back: for every new token it weighs all earlier tokens and takes from each what seems useful.
        A transformer is a model built on attention: each new token looks back at the earlier tokens and takes what it needs from them.""",
        "attention,transformer,earlier tokens",
    ),
    "temperature": topic(
        "temperature, the temperature, sampling temperature",
        """What does the temperature do?
        What does temperature 0 mean?
        How do I make answers less random?
        How do I make you more creative?
        Why do I get different answers each time?
        How can I get the same answer twice?""",
        """Temperature says how freely the next token is chosen. At 0 the likeliest token is always taken; higher values give more varied text.
        With a low temperature I nearly always choose the likeliest token; a higher temperature makes the choice more varied. At 0 the answer is always the same.""",
        "temperature,likeliest token,varied",
    ),
    "sampling": topic(
        "top-k, top-p, min-p, sampling, top k, top p",
        """Which sampling settings are there?
        How is the next token sampled?
        What sampling options do you have?
        Can I set a seed?""",
        """Sampling is how the next token is picked from the likely ones. You can set temperature, top-k, top-p, min-p, penalties, a seed and stop strings.
        Top-k, top-p and min-p leave only likely tokens to choose from; that is sampling. There are also temperature, penalties and a seed.""",
        "sampling,likely,top-k,temperature,seed",
    ),
    "template": topic(
        "a chat template, the chat template, chat templates",
        """What does the chat template do?
        How do you know who said what?
        How do messages become text?""",
        """A chat template turns the messages of a conversation into the one text that the model was trained on. It comes with the GGUF file.
        The chat template writes down who said what in the way a model has learned it. Every GGUF file brings its own.""",
        "chat template,GGUF,model",
    ),
    "context": topic(
        "the context length, the context window, a context window, context length",
        """How much can you remember?
        How long can a conversation be?
        How long is your memory?
        How many tokens fit into your context?
        How long may my question be?""",
        """The context is the number of tokens a model can look back on. Mine is 1024 tokens, a few pages; larger models have many thousands.
        I can look back on 1024 tokens, that is my context. What lies further back is out of my reach.""",
        "context,1024,tokens",
    ),
}
