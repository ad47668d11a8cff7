"""Loops written out: what they become, and which are refused."""

import pytest

from py_engine.gpu.unroll import unroll


def test_a_loop_becomes_a_block_per_turn() -> None:
    code = """const N: u32 = 2 * (1u + 2u) / 2;
fn f() {
    // #unroll
    for (var i = 1u; i < N; i += 1u) { sums[i] += a[index + i]; }
    done();
}
"""
    assert (
        unroll(code)
        == """const N: u32 = 2 * (1u + 2u) / 2;
fn f() {
    { sums[1u] += a[index + 1u]; }
    { sums[2u] += a[index + 2u]; }
    done();
}
"""
    )


def test_inner_bounds_may_use_the_outer_variable() -> None:
    code = """const SPAN: u32 = select(4u, 2u, WIDE && !FLAT);
const WIDE: bool = true;
const FLAT: bool = 1 > 2;
    // #unroll
    for (var s = 0u; s < 4u; s += SPAN) {
        // #unroll
        for (var i = s; i < s + SPAN; i += 1u) {
            f(i, s);
        }
    }
"""
    wide = code.replace("WIDE && !FLAT", "true")
    calls = [line.strip() for line in unroll(wide).splitlines() if "f(" in line]
    assert calls == ["f(0u, 0u);", "f(1u, 0u);", "f(2u, 2u);", "f(3u, 2u);"]


def test_unmarked_loops_stay() -> None:
    code = "for (var i = 0u; i < n; i += 1u) { f(i); }\n"
    assert unroll(code) == code


def test_no_turn_leaves_nothing() -> None:
    assert unroll("// #unroll\nfor (var i = 3u; i < 3u; i += 1u) { f(i); }\nend\n") == "end\n"


@pytest.mark.parametrize(
    ("loop", "message"),
    [
        ("for (var i = 0u; i < n; i += 1u) { f(i); }", "not constant"),
        ("for (var i = 0u; i < 4u; i += 0u) { f(i); }", "not constant"),
        ("for (var i = 0u; i < 4 / 0; i += 1u) { f(i); }", "not constant"),
        ("for (var i = 0u; i <= 4u; i += 1u) { f(i); }", "cannot be unrolled"),
        ("for (var i = 0u; i < __import__('os'); i += 1u) { f(i); }", "not constant"),
        ("while (true) { }", "cannot be unrolled"),
    ],
)
def test_what_cannot_be_unrolled_is_refused(loop: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        unroll(f"// #unroll\n{loop}\n")
