"""Scores the shipped model by rule, through the engine itself, and writes the model card's figures.

    python -m demo.evaluate web/models/demo.gguf            500 held-out questions, natively
    python -m demo.evaluate … --host browser --count 50     the same in headless Chromium (dist/)

Every question belongs to the part that training never sees (demo/generate.py). Answers are greedy;
one is right when it meets every rule of its turn and ends by itself. With --card, the scores and
twenty conversations, the first twenty seeds as they come, go into README.md beside this file.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import time
from collections import defaultdict
from pathlib import Path

from demo.generate import KINDS, Dialogue, dialogue, held_out
from py_engine.generate.sampling import Sampling
from py_engine.hosts.headless import BrowserEngine
from py_engine.hosts.native import NativeEngine

ROOT = Path(__file__).resolve().parents[1]
CARD = ROOT / "demo" / "README.md"
GREEDY = Sampling(temperature=0.0, max_tokens=400)
BARS = {
    "talk": ("small talk and memory", 95), "project": ("about the project", 95),
    "story": ("stories", 90), "sums": ("arithmetic, letters, sorting", 90),
    "facts": ("facts", 98), "forms": ("lists, verses, JSON, tables", 90),
    "refusal": ("refusals", 90),
}  # fmt: skip
SHARES = {
    "talk": 90, "project": 90, "story": 60, "sums": 90, "facts": 60, "forms": 60, "refusal": 50,
}  # fmt: skip
"""Questions of each kind among 500."""
CONVERSATIONS = 20
Host = NativeEngine | BrowserEngine
Message = dict[str, str]


async def reply(host: Host, messages: list[Message]) -> tuple[str, bool]:
    """A greedy answer, and whether it ended by itself."""
    text, ended = "", False
    async for piece in host.chat(messages, GREEDY):
        text += piece.text
        if piece.reply:
            ended = piece.reply.finish_reason == "stop"
    return text, ended


async def score(host: Host, count: int) -> list[dict[str, object]]:
    """One record per question: kind, sort, question, answer, right."""
    records: list[dict[str, object]] = []
    for kind in KINDS:
        for seed in range(round(SHARES[kind] * count / sum(SHARES.values()))):
            asked = held_out(seed, kind)
            turn = asked.turns[-1]
            text, ended = await reply(host, asked.messages()[:-1])
            right = ended and turn.accepts(text)
            record = {"kind": kind, "sort": turn.sort, "ask": turn.ask, "answer": text}
            records.append(record | {"right": right, "good": turn.answer})
            if not right:
                print(f"  {kind}/{turn.sort}: {turn.ask!r} -> {text!r}", flush=True)
        print(f"{kind}: {sum(bool(r['right']) for r in records if r['kind'] == kind)}", flush=True)
    return records


async def converse(host: Host, one: Dialogue) -> list[Message]:
    """The questions of a dialogue, with the model's own answers."""
    messages = one.messages()[:1] if one.system else []
    for turn in one.turns:
        messages.append({"role": "user", "content": turn.ask})
        text, _ = await reply(host, messages)
        messages.append({"role": "assistant", "content": text})
    return messages


def table(records: list[dict[str, object]]) -> str:
    """Scores by kind, as Markdown."""
    rights = defaultdict[str, list[bool]](list)
    for record in records:
        rights[str(record["kind"])].append(bool(record["right"]))
    lines = ["| kind | right | of | score | bar | met |", "| --- | --- | --- | --- | --- | --- |"]
    for kind, given in rights.items():
        share = 100 * sum(given) / len(given)
        name, bar = BARS[kind]
        met = "yes" if share >= bar else "**no**"
        lines.append(f"| {name} | {sum(given)} | {len(given)} | {share:.1f} % | {bar} % | {met} |")
    total = [right for given in rights.values() for right in given]
    lines.append(
        f"| all | {sum(total)} | {len(total)} | {100 * sum(total) / len(total):.1f} % | | |"
    )
    return "\n".join(lines)


def written(conversations: list[list[Message]]) -> str:
    """Conversations as Markdown: what was typed as quotes, answers in fences."""
    parts = []
    for number, messages in enumerate(conversations, 1):
        lines = [f"**{number}**", ""]
        for message in messages:
            if message["role"] == "assistant":
                lines += ["````", message["content"], "````", ""]
            else:
                mark = "(system) " if message["role"] == "system" else ""
                lines += [f"> {mark}{message['content']}", ""]
        parts.append("\n".join(lines))
    return "\n".join(parts)


def put(card: str, name: str, text: str) -> str:
    """The card with what stands between the marks of `name` replaced."""
    pattern = rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)"
    return re.sub(pattern, lambda m: f"{m[1]}\n{text}\n\n{m[2]}", card, flags=re.S)


def host_of(name: str) -> Host:
    return NativeEngine() if name == "native" else BrowserEngine(ROOT / "dist", software=True)


async def run(options: argparse.Namespace) -> None:
    begin = time.monotonic()
    async with host_of(options.host) as host:
        await host.load(options.model)
        records = await score(host, options.count)
        shown = f"{table(records)}\n\n{options.count} questions, {options.host} host, greedy."
        print(f"{shown}\n{time.monotonic() - begin:.0f} s", flush=True)
        if options.records:
            options.records.write_text(json.dumps(records, indent=1, ensure_ascii=False))
        if not options.card:
            return
        card = put(CARD.read_text(encoding="utf-8"), f"scores {options.host}", shown)
        if options.host == "native":
            dialogues = [dialogue(random.Random(f"shown {n}")) for n in range(CONVERSATIONS)]
            spoken = [await converse(host, one) for one in dialogues]
            card = put(card, "conversations", written(spoken))
        CARD.write_text(card, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("model")
    parser.add_argument("--host", choices=("native", "browser"), default="native")
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--card", action="store_true", help="write the figures into the card")
    parser.add_argument("--records", type=Path, help="all answers, as JSON")
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
