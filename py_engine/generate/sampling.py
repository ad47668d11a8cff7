"""How the next token is chosen and when a reply ends: the caller's settings, checked."""

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from math import log

from py_engine.base.errors import BadRequest

_FAR = 1e9
"""A distance that no logit has: min-p is off."""
MAX_BIAS = 1e4
"""What is taken off a logit so that its token is never chosen."""


@dataclass(frozen=True)
class Sampling:
    """Settings of one reply. Names and meanings as in OpenAI's API and llama.cpp.

    Penalties and bias change the logits, then the temperature divides them, then top-k, top-p
    and min-p cut, each on what the one before left.
    """

    temperature: float = 0.7
    """0 is greedy: the largest logit, the lowest id of equal ones."""
    top_k: int = 40
    """0 keeps all."""
    top_p: float = 0.95
    min_p: float = 0.0
    """Tokens less likely than this share of the likeliest are cut."""
    repetition_penalty: float = 1.0
    """Divides positive and multiplies negative logits of tokens in the prompt or the reply."""
    presence_penalty: float = 0.0
    """Taken off the logits of tokens in the reply."""
    frequency_penalty: float = 0.0
    """Taken off once for each time a token is in the reply."""
    logit_bias: Mapping[int, float] = field(default_factory=dict)
    seed: int | None = None
    """32 bits; None takes a new one for each reply."""
    stop: tuple[str, ...] = ()
    """The reply ends before any of these."""
    max_tokens: int | None = None
    """None: as many as the context holds."""

    def __post_init__(self) -> None:
        _number("temperature", self.temperature, 0.0, 100.0)
        _number("top_p", self.top_p, 0.0, 1.0)
        _number("min_p", self.min_p, 0.0, 1.0)
        _number("repetition_penalty", self.repetition_penalty, 0.01, 100.0)
        _number("presence_penalty", self.presence_penalty, -100.0, 100.0)
        _number("frequency_penalty", self.frequency_penalty, -100.0, 100.0)
        _integer("top_k", self.top_k, 0, 2**31)
        if self.seed is not None:
            _integer("seed", self.seed, 0, 2**32 - 1)
        if self.max_tokens is not None:
            _integer("max_tokens", self.max_tokens, 1, 2**31)
        if not isinstance(self.stop, tuple) or not all(
            isinstance(stop, str) and stop for stop in self.stop
        ):
            raise BadRequest("stop", self.stop, "strings that are not empty")
        if not isinstance(self.logit_bias, Mapping):
            raise BadRequest("logit_bias", self.logit_bias, "token ids and numbers")
        for token, bias in self.logit_bias.items():
            _integer("logit_bias", token, 0, 2**31)
            _number("logit_bias", bias, -MAX_BIAS, MAX_BIAS)

    @classmethod
    def from_options(cls, options: Mapping[str, object]) -> "Sampling":
        """From a request's JSON: unknown names are refused, null means the default.

        `stop` may be one string; `logit_bias` has its token ids as strings.
        """
        known = {f.name for f in fields(cls)}
        given = {name: value for name, value in options.items() if value is not None}
        for name in given:
            if name not in known:
                raise BadRequest("option", name, f"one of {', '.join(sorted(known))}")
        stop = given.get("stop")
        if isinstance(stop, str):
            given["stop"] = (stop,)
        elif isinstance(stop, list):
            given["stop"] = tuple(stop)
        bias = given.get("logit_bias")
        if isinstance(bias, Mapping):
            try:
                given["logit_bias"] = {int(token): value for token, value in bias.items()}
            except ValueError as error:
                raise BadRequest("logit_bias", bias, "token ids and numbers") from error
        return cls(**given)  # type: ignore[arg-type]  # __post_init__ checks every value

    def without(self, tokens: Iterable[int]) -> "Sampling":
        """The same, and none of these tokens is ever chosen."""
        never = dict.fromkeys(tokens, -MAX_BIAS)
        return replace(self, logit_bias={**self.logit_bias, **never}) if never else self

    @property
    def penalises(self) -> bool:
        return (self.repetition_penalty, self.presence_penalty, self.frequency_penalty) != (1, 0, 0)

    def packed(self) -> bytes:
        """The shader's `struct Sampling`, 32 bytes (shaders/lib/sampling.wgsl)."""
        greedy = self.temperature == 0
        return struct.pack(
            "<fIfffffI",
            0.0 if greedy else 1.0 / max(self.temperature, 1e-3),
            self.top_k,
            max(self.top_p, 1e-6),
            -log(self.min_p) if self.min_p > 0 else _FAR,
            self.repetition_penalty,
            self.presence_penalty,
            self.frequency_penalty,
            int(self.penalises),
        )


def _number(name: str, value: object, low: float, high: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise BadRequest(name, value, f"a number from {low:g} to {high:g}")


def _integer(name: str, value: object, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise BadRequest(name, value, f"an integer from {low} to {high}")
