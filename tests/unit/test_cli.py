"""The command line's grammar: every setting of a reply has its option."""

import pytest

from py_engine.base.errors import BadRequest
from py_engine.generate.sampling import Sampling
from py_engine.hosts import cli


def test_every_setting_has_its_option() -> None:
    settings = Sampling(
        temperature=0.5, top_k=3, top_p=0.5, min_p=0.25, repetition_penalty=1.5,
        presence_penalty=0.5, frequency_penalty=-0.5, logit_bias={7: 1.5, 8: -2.0}, seed=4,
        stop=("a", "b c"), max_tokens=9,
    )  # fmt: skip
    words = ["--stop", "a", "--stop", "b c", "--logit-bias", "7=1.5", "--logit-bias", "8=-2"]
    for name, value in vars(settings).items():
        if name not in ("stop", "logit_bias"):
            words += [f"--{name.replace('_', '-')}", str(value)]
    for command in (["ask", "demo", "Hi"], ["chat", "demo"]):
        assert cli._sampling(cli.parser().parse_args([*command, *words])) == settings
        assert cli._sampling(cli.parser().parse_args(command)) == Sampling()


def test_what_a_template_is_told() -> None:
    words = ["--reasoning-effort", "low", "--chat-template-kwargs"]
    for command in (["ask", "demo", "Hi"], ["chat", "demo"]):
        told = cli._told(cli.parser().parse_args([*command, *words, '{"enable_thinking": false}']))
        assert told == {
            "chat_template_kwargs": {"enable_thinking": False},
            "reasoning_effort": "low",
        }
        with pytest.raises(BadRequest, match=r"--chat-template-kwargs is .*valid JSON"):
            cli._told(cli.parser().parse_args([*command, *words, "{"]))
