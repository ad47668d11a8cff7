"""Load a GGUF, talk to it, score with it: the one door that hosts and tests use.

Puts the floors together: bytes from Sources, a Device, the host's tokenizer library and the
shaders' texts come in; text comes out. Knows no browser and no command line.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Unpack

from py_engine.base.debug import SILENT, Debug
from py_engine.base.errors import BadRequest, BadTensor, InferaivedError, NoTokenizer
from py_engine.formats.gguf import GGUF, read_split
from py_engine.formats.source import Source
from py_engine.generate.loop import Sequencer
from py_engine.generate.pace import Pace
from py_engine.generate.profile import profile, step_bytes, table
from py_engine.generate.programs import CHUNKS, Programs
from py_engine.generate.sampling import Sampling
from py_engine.generate.selfcheck import SelfCheck
from py_engine.generate.tune import Tuner, Tunings
from py_engine.gpu.device import Device
from py_engine.gpu.dry import DryDevice
from py_engine.gpu.probe import probe
from py_engine.gpu.recorder import Library
from py_engine.gpu.tensor import Memory
from py_engine.layers.about import described
from py_engine.models import built
from py_engine.text.chat import ChatTemplate, chat_template
from py_engine.text.detokenizer import Detokenizer
from py_engine.text.tokenizer import MakeEncoder, Tokenizer
from py_engine.text.variables import TemplateOptions

CONTEXT = 4096
"""Positions of the cache unless the caller asks for others; never more than the model has."""
_PROFILED = 512
"""Positions of the cache with which DEBUG=2 times the kernels."""


@dataclass(frozen=True)
class Reply:
    """A finished reply."""

    text: str
    prompt_ids: tuple[int, ...]
    ids: tuple[int, ...]
    """Sampled tokens, the end-of-generation token included."""
    finish_reason: str
    """`stop` (the model ended, or a stop string), `length`, or `abort`."""
    timings: Mapping[str, float]
    """load_s, prefill_tokens, prefill_tok_s, ttft_s, decode_tokens, decode_tok_s."""
    warnings: Sequence[str] = ()
    """What came up since the load, or since the last reply: a kernel that fails its check."""


@dataclass(frozen=True)
class Piece:
    """What one token added to a reply; `text` may be empty. The last piece carries the reply."""

    text: str
    ids: tuple[int, ...]
    reply: Reply | None = None


async def inspect(sources: Sequence[Source]) -> dict[str, Any]:
    """What a file is and what it would take, from its header alone.

    Works for vocabulary-only files too; `unsupported` says why a model would not run.
    """
    gguf = await read_split(sources)
    about = described(gguf, sources[0].name)
    if gguf.tensors:
        device = DryDevice()
        memory = Memory(device)
        try:
            model, context = built(gguf, memory, None, usual=CONTEXT)
            Programs(model, memory, None, context)
            about["memory"] = {"context": context, "nbytes": device.nbytes}
        except InferaivedError as error:
            about["unsupported"] = f"{error}. {error.hint}".strip()
    return about


async def check(
    sources: Sequence[Source], make_encoder: MakeEncoder, *, context: int | None = None
) -> GGUF:
    """The header of a model that can run, as far as a header tells: for `load`.

    So a host finds out about a file before it frees the model that it has.

    Raises:
        InferaivedError: the file, or the network.
    """
    gguf = await read_split(sources)
    model, _ = built(gguf, Memory(DryDevice()), context, usual=CONTEXT)
    _template(gguf, make_encoder, model.vocabulary)
    return gguf


async def load(
    sources: Sequence[Source],
    opening: Awaitable[Device],
    make_encoder: MakeEncoder,
    read_shader: Callable[[str], str],
    *,
    header: GGUF | None = None,
    context: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    tunings: Tunings | None = None,
    retune: bool = False,
) -> "Engine":
    """Read a model onto a device.

    Args:
        sources: its files, in order; closed when this returns or raises.
        opening: gives the device; the header is read meanwhile. It stays open whatever happens.
        make_encoder: makes the host's encoder of a vocabulary.
        read_shader: gives the text of a path below shaders/.
        header: what `check` gave; None reads it.
        context: positions of the cache; None takes the model's, up to 4096.
        progress: called with (bytes done, bytes in all).
        tunings: where tilings are kept that were found on this device; None does not tune.
        retune: find them again.

    Raises:
        InferaivedError: the file, the network or the machine; nothing is left allocated.
    """
    started = time.monotonic()
    memory, programs = None, None
    device_opens = asyncio.ensure_future(opening)  # a task can be ended before it has begun
    working: list[asyncio.Future[Any]] = [device_opens]
    try:
        preparing = _prepare(device_opens, read_shader, tunings, again=retune)
        working += map(asyncio.ensure_future, (_header(sources, header), preparing))
        _, gguf, (device, library, tuner) = await asyncio.gather(*working)
        memory = Memory(device)
        model, cached = built(gguf, memory, context, usual=CONTEXT)
        programs = Programs(model, memory, library, cached, SelfCheck(library, device).check)
        weights = model.weights.load(sources, library, progress or (lambda done, total: None))
        working += map(asyncio.ensure_future, (weights, programs.compile()))
        await asyncio.sleep(0)  # the compilers run while the tokenizer is made and weights arrive
        template = _template(gguf, make_encoder, model.vocabulary)
        await asyncio.gather(*working)
        await tuner.tune(programs)
        pace = await Pace.measured(programs.try_steps)
        about, seconds = described(gguf, sources[0].name), time.monotonic() - started
        engine = Engine(about, memory, Sequencer(programs, pace), template, seconds)
        programs.build_ahead()
        return engine
    except BaseException:
        await _ended(working)
        if programs:
            programs.close()
        if memory:
            memory.close()
        raise
    finally:
        for source in sources:
            source.close()


async def _header(sources: Sequence[Source], known: GGUF | None) -> GGUF:
    return known or await read_split(sources)


async def _ended(working: Sequence[asyncio.Future[Any]]) -> None:
    for task in working:
        task.cancel()
    await asyncio.gather(*working, return_exceptions=True)


async def _prepare(
    opening: Awaitable[Device],
    read_shader: Callable[[str], str],
    tunings: Tunings | None,
    *,
    again: bool,
) -> tuple[Device, Library, Tuner]:
    """All that does not depend on the model."""
    device = await opening
    library = Library(read_shader, device)
    await probe(library, device)
    tuner = Tuner(library, device, tunings, again=again)
    await tuner.recall()
    return device, library, tuner


def _template(gguf: GGUF, make_encoder: MakeEncoder, rows: int) -> ChatTemplate | None:
    """Over the file's tokenizer, if any, each of whose tokens must have a row of the embedding."""
    try:
        tokenizer = Tokenizer(gguf.metadata, make_encoder)
    except NoTokenizer:
        return None
    if rows < tokenizer.n_vocab:
        raise BadTensor(
            f"token_embd.weight has {rows} rows, and the tokenizer {tokenizer.n_vocab} tokens"
        )
    return chat_template(gguf.metadata, tokenizer)


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


class Engine:
    """A loaded model with one conversation in its cache. Made by `load`.

    Args:
        template: over the file's tokenizer; without one there are token ids only.
    """

    def __init__(
        self,
        about: dict[str, Any],
        memory: Memory,
        sequencer: Sequencer,
        template: ChatTemplate | None,
        load_s: float,
    ) -> None:
        self._template = template
        self._tokenizer = tokenizer = template.tokenizer if template else None
        self._memory, self._sequencer = memory, sequencer
        self._programs = programs = sequencer.programs
        self._load_s = load_s
        self._stopping = False
        self._warned = len(programs.warnings)
        self._debug = SILENT
        device = memory.device
        warnings = list(about["warnings"])
        if tokenizer and template:
            warnings += [*tokenizer.warnings, *template.warnings]
        else:
            warnings.append(f"{NoTokenizer(about['tokenizer'])}. {NoTokenizer.hint}")
        self.info = about | {
            "context": programs.context,
            "n_vocab": programs.model.vocabulary,
            "chat_format": self._template.name if self._template else None,
            "gpu_bytes": memory.nbytes,
            "adapter": device.info,
            "features": sorted(device.features),
            "load_s": load_s,
            "warnings": warnings + programs.warnings,
        }

    @property
    def tokenizer(self) -> Tokenizer:
        """The file's.

        Raises:
            NoTokenizer: it has none.
        """
        if not self._tokenizer:
            raise NoTokenizer(self.info["tokenizer"])
        return self._tokenizer

    def prepare(self) -> None:
        """Make what the first prompt needs now, while nothing else is to do."""
        if self._tokenizer:
            self._tokenizer.prepare()

    async def report(self, debug: Debug) -> None:
        """Tell of the load and, from now on, of each reply; before the first one."""
        self._debug = debug
        debug.loaded(self.info)
        if debug.level >= 2:
            known = min(_PROFILED, self._programs.context)
            tokens = min(self._sequencer.pace.chunk(CHUNKS), known)
            debug.say(table(await profile(self._programs, known - 1, tokens)))
            # The cache's content is meaningless now.
            self._sequencer = Sequencer(self._programs, self._sequencer.pace)

    def chat(
        self,
        messages: Sequence[Mapping[str, object]],
        sampling: Sampling,
        **told: Unpack[TemplateOptions],
    ) -> AsyncGenerator[Piece]:
        """Reply to a conversation, {"role", "content"} each, through the model's chat template.

        What the last conversation and this one have in common is not computed again. Nothing is
        computed before the first piece is asked for; closing the generator frees the engine.
        """
        if not self._template:
            raise NoTokenizer(self.info["tokenizer"])
        return self._reply(self._template.ids(messages, **told), sampling)

    def complete(self, prompt: str | Sequence[int], sampling: Sampling) -> AsyncGenerator[Piece]:
        """Continue a text, or token ids, as they are: no template. Else as `chat`."""
        if isinstance(prompt, str):
            ids = self.tokenizer.encode(prompt)
            first = self.tokenizer.bos
            if self.tokenizer.add_bos and first is not None:
                ids = [first, *ids]
        elif _is_list(prompt):
            ids = list(prompt)
        else:
            raise BadRequest("prompt", prompt, "a text, or a list of token ids")
        return self._reply(ids, sampling)

    def score(self, ids: Sequence[int], *, by_step: bool = False) -> AsyncGenerator[bytes]:
        """For each of `ids` the logits of what follows it: (V,) f32, little-endian.

        Args:
            by_step: through the kernels of decoding instead of those of prefill.
        """
        if not _is_list(ids):
            raise BadRequest("ids", ids, "a list of token ids")
        self._check(ids)
        return self._sequencer.score(ids, by_step=by_step)

    def stop(self) -> None:
        """End the running reply after the token at hand."""
        self._stopping = True

    def close(self) -> None:
        """Free the GPU's memory; the engine cannot be used afterwards."""
        self._programs.close()
        self._memory.close()

    def _check(self, ids: Sequence[int]) -> None:
        vocabulary = self._programs.model.vocabulary
        for token in ids:
            if type(token) is not int or not 0 <= token < vocabulary:
                raise BadRequest("token id", token, f"an integer below {vocabulary}")

    async def _reply(self, prompt: list[int], sampling: Sampling) -> AsyncGenerator[Piece]:
        self._check(prompt)
        self._check(list(sampling.logit_bias))
        if self._tokenizer:
            sampling = sampling.without(self._tokenizer.vocabulary.suppressed)
        self._stopping = False
        tokenizer = self.tokenizer if sampling.stop else self._tokenizer
        detokenizer = Detokenizer(tokenizer, sampling.stop)
        stops = tokenizer.eog if tokenizer else ()
        started = time.monotonic()
        first = started
        texts: list[str] = []
        ids: list[int] = []
        reason = "length"
        async with self._sequencer.generate(prompt, sampling, stops) as sampled:
            async for token in sampled:
                if not ids:
                    first = time.monotonic()
                ids.append(token.id)
                if tokenizer and token.id in tokenizer.eog:
                    reason = "stop"
                    break
                texts.append(detokenizer.push(token.id))
                if detokenizer.stopped:
                    reason = "stop"
                    break
                yield Piece(texts[-1], (token.id,))
                if self._stopping:
                    reason = "abort"
                    break
        rest = detokenizer.finish() if not detokenizer.stopped else texts.pop()
        texts.append(rest)
        timings = self._timings(started, first, time.monotonic(), len(ids))
        late = self._programs.warnings[self._warned :]
        self._warned += len(late)
        reply = Reply("".join(texts), tuple(prompt), tuple(ids), reason, timings, late)
        if self._debug.level:
            middle = len(prompt) + len(ids) // 2
            self._debug.replied(timings, step_bytes(self._programs, middle - 1))
        yield Piece(rest, tuple(ids[-1:]) if reason == "stop" else (), reply)

    def _timings(self, started: float, first: float, ended: float, tokens: int) -> dict[str, float]:
        prefilled = self._sequencer.prefilled
        waited = max(first - started, 1e-9)
        decoding = max(ended - first, 1e-9)
        return {
            "load_s": self._load_s,
            "prefill_tokens": prefilled,
            "prefill_tok_s": prefilled / waited,
            "ttft_s": waited,
            "decode_tokens": max(tokens - 1, 0),
            "decode_tok_s": max(tokens - 1, 0) / decoding,
        }
