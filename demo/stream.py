"""From dialogues to ids: the tokenizer, and processes that generate and encode without end.

The tokenizer is byte-level BPE behind Qwen2's expression, which cuts digits apart; so a number is
read digit by digit. Knows nothing of PyTorch.
"""

from __future__ import annotations

import multiprocessing
import random
import threading
from collections.abc import Sequence
from multiprocessing.process import BaseProcess

import numpy as np
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from demo.generate import Dialogue, dialogue
from py_engine.text.pretokenizers import PRE_TOKENIZERS

PRE = "qwen2"
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
Encoded = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Ids (uint16) and learn (bool) of many dialogues one after another, and their lengths."""


def new_tokenizer(vocab: int, dialogues: int, seed: int) -> Tokenizer:
    """Learn a vocabulary of exactly `vocab` tokens from generated text."""
    rng = random.Random(f"tokenizer {seed}")
    tokenizer = Tokenizer(models.BPE())
    (expression,) = PRE_TOKENIZERS[PRE].expressions
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(expression), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab,
        special_tokens=SPECIAL,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    texts = (m["content"] for _ in range(dialogues) for m in dialogue(rng).messages())
    tokenizer.train_from_iterator(texts, trainer)
    if tokenizer.get_vocab_size() != vocab:
        raise ValueError(f"{dialogues} dialogues give {tokenizer.get_vocab_size()} tokens only")
    return tokenizer


class ChatML:
    """Dialogues as ids, in the form of export.py's chat template."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self.start, self.end = SPECIAL.index("<|im_start|>"), SPECIAL.index("<|im_end|>")
        self._newline = self.encode("\n")

    def encode(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(text).ids
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        return str(self._tokenizer.decode([i for i in ids if i >= 0], skip_special_tokens=False))

    def ids(self, one: Dialogue) -> tuple[list[int], list[bool]]:
        """Ids, and where the model is to learn: the answers and their ends."""
        ids, learn = list[int](), list[bool]()
        for message in one.messages():
            role, text = message["role"], self.encode(message["content"])
            head, mine = [self.start, *self.encode(f"{role}\n")], role == "assistant"
            ids += [*head, *text, self.end, *self._newline]
            learn += [False] * len(head) + [mine] * (len(text) + 1) + [False] * len(self._newline)
        return ids, learn

    def prompt(self, one: Dialogue) -> list[int]:
        """Ids up to where the last answer begins."""
        ids, learn = self.ids(one)
        last = len(self.encode(one.turns[-1].answer)) + 1 + len(self._newline)
        assert learn[-last], "the last answer begins here"
        return ids[:-last]


def _produce(tokenizer: str, seed: str, context: int, out: multiprocessing.Queue[Encoded]) -> None:
    rng, chat = random.Random(seed), ChatML(Tokenizer.from_str(tokenizer))
    while True:
        ids, learn, lengths = list[int](), list[bool](), list[int]()
        while len(lengths) < 256:
            one, mask = chat.ids(dialogue(rng))
            if len(one) <= context:
                ids += one
                learn += mask
                lengths.append(len(one))
        out.put((np.array(ids, np.uint16), np.array(learn, bool), np.array(lengths, np.int64)))


class Stream:
    """Processes that fill a queue with encoded dialogues, each from a seed of its own."""

    def __init__(self, tokenizer: Tokenizer, seed: int, context: int, processes: int) -> None:
        fork = multiprocessing.get_context("fork")
        self._queue: multiprocessing.Queue[Encoded] = fork.Queue(64)
        text = tokenizer.to_str()
        self._processes: list[BaseProcess] = [
            fork.Process(
                target=_produce, args=(text, f"{seed} {n}", context, self._queue), daemon=True
            )
            for n in range(processes)
        ]
        for process in self._processes:
            process.start()
        self._ready: list[Encoded] = []
        self._some = threading.Event()
        threading.Thread(target=self._collect, daemon=True).start()

    def _collect(self) -> None:
        """Empty the queue as fast as it fills: asked now and then, it gives little."""
        while True:
            self._ready.append(self._queue.get())
            self._some.set()

    def take(self, *, wait: bool) -> list[Encoded]:
        """What is ready; with `wait` at least one."""
        if wait:
            self._some.wait()
        self._some.clear()
        count = len(self._ready)
        taken, self._ready[:count] = self._ready[:count], []
        return taken

    def close(self) -> None:
        for process in self._processes:
            process.terminate()
