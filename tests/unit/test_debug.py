"""What DEBUG tells: at which level, and of what."""

import pytest

from py_engine.base.debug import Debug, level
from py_engine.generate.profile import KernelTime, table
from py_engine.generate.programs import Key, Kind


@pytest.mark.parametrize(
    ("text", "wanted"),
    [(None, 0), ("", 0), ("0", 0), ("1", 1), ("2", 2), ("pw:api", 0), ("true", 0), ("-1", 0)],
)
def test_levels(text: str | None, wanted: int) -> None:
    assert level(text) == wanted


TIMINGS = {
    "prefill_tokens": 12, "prefill_tok_s": 480.0, "ttft_s": 0.025, "decode_tokens": 99,
    "decode_tok_s": 500.0,
}  # fmt: skip


def test_a_reply_is_told_in_tokens_and_bytes_a_second() -> None:
    told: list[str] = []
    Debug(0, told.append).replied(TIMINGS, 400_000_000)
    assert not told
    Debug(1, told.append).replied(TIMINGS, 400_000_000)
    assert len(told) == 1
    for figure in ("12 new tokens", "480 a second", "25 ms", "99 steps", "500.0", "200.0 GB/s"):
        assert figure in told[0]


def test_the_table_has_the_slowest_kernel_first_and_a_sum() -> None:
    decode, logits = Key(Kind.DECODE, 4), Key(Kind.LOGITS)
    times = [
        KernelTime(decode, "quick", 4, 0.001, 2_000_000),
        KernelTime(decode, "slow", 2, 0.004, 4_000_000),
        KernelTime(logits, "alone", 1, 0.002, 1_000_000),
    ]
    head, *lines = table(times).splitlines()
    assert head.split() == ["program", "dispatches", "µs", "each", "ms", "GB/s", "kernel"]
    assert [line.split()[-1] for line in lines] == ["slow", "quick", "all", "alone", "all"]
    assert lines[0].split() == ["decode", "4", "2", "2000.0", "4.000", "1.0", "slow"]
    assert lines[2].split()[2:] == ["6", "5.000", "all"]
