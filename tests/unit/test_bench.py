"""tests/bench: the models that it makes up, the server, and how figures come from readings."""

import ast
import asyncio
import http.client
import json
import math
import random
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest

from py_engine.engine import inspect
from py_engine.hosts.files import FileSource
from py_engine.hosts.native import LibraryEncoder
from py_engine.hosts.static import threaded
from py_engine.text.tokenizer import Tokenizer
from tests.bench import bench, blocks, facts, models, peer, picture, report
from tests.bench.facts import Facts
from tests.bench.figures import Series, figures
from tests.bench.native import Words
from tests.bench.server import Site
from tests.bench.shapes import SHAPES, rope_factors, tensors
from tests.bench.vocabulary import tokenizer_metadata
from tests.blocks import dequantize

ROOT = Path(__file__).parents[2]
MODEL = "tiny:Q4_K"
KNOWN = {MODEL: Facts(10**6, 2 * 10**6, 1000, 10**6, 2048)}


@pytest.mark.parametrize("kind", blocks.TYPES)
def test_random_weights_have_unit_gain(kind: str) -> None:
    data = b"".join(blocks.random_bytes(kind, 64 * 512, 512, random.Random(0)))
    rows = np.frombuffer(data, np.uint8).reshape(64, -1)
    values = dequantize(kind, rows)
    apart = 0.42 if kind == "MXFP4" else 0.25  # whose scales are powers of two
    assert values.std() * math.sqrt(512) == pytest.approx(1, rel=apart)
    if kind not in ("TQ2_0", "Q2_0"):  # whose random bits mean -1 to 2
        assert abs(values.mean()) < 0.15 * values.std()


def test_a_made_up_model_reads_back(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    models.write(path, SHAPES["tiny"], "Q4_K", "tiny")
    reader = gguf.GGUFReader(path)
    assert len(reader.tensors) == 2 + 2 * 11
    for tensor in reader.tensors:
        values = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
        if values.ndim == 2:
            assert values.std() * math.sqrt(values.shape[1]) == pytest.approx(1, rel=0.1)
        else:
            assert np.all(values == 1)
    told = facts.read(path)
    matrices = [t for t in reader.tensors if len(t.shape) == 2]
    assert told.weight_bytes == sum(int(t.n_bytes) for t in reader.tensors)
    assert told.parameters == sum(math.prod(map(int, t.shape)) for t in reader.tensors)
    assert len(matrices) == 1 + 2 * 7
    assert told.kv_bytes == 2 * 2 * 2 * (64 + 64)  # bytes, layers, heads, key and value
    assert told.context == 2048


def test_a_model_is_the_same_bytes_again_and_made_once(tmp_path: Path) -> None:
    first = models.ensure(tmp_path / "a", "tiny:Q4_0")
    other = models.ensure(tmp_path / "b", "tiny:Q4_0")
    assert first.read_bytes() == other.read_bytes()
    stamp = first.stat().st_mtime_ns
    assert models.ensure(tmp_path / "a", "tiny:Q4_0") == first
    assert first.stat().st_mtime_ns == stamp


PARAMETERS = {
    "qwen3-0.6b": 596_049_920, "llama-1b": 1_235_814_400, "llama-3b": 3_212_749_824,
    "gemma3-1b": 999_885_952, "qwen3.5-0.8b": 752_393_024, "lfm2-1.2b": 1_170_340_608,
    "phi4-mini": 3_836_021_760, "gemma4-e2b": 4_628_569_379,
}  # fmt: skip
"""By their safetensors; of Gemma 4, whose card says 2.3 B beside the embeddings, by its shape."""


@pytest.mark.parametrize("shape", PARAMETERS)
def test_shapes_have_as_many_weights_as_the_real_models(shape: str) -> None:
    made = tensors(SHAPES[shape], "F16")
    found = sum(math.prod(t.dims) for t in made if not t.name.startswith("rope_f"))
    assert found == PARAMETERS[shape]


@pytest.mark.parametrize("shape", PARAMETERS)
def test_a_header_is_one_of_a_model_that_runs(shape: str, tmp_path: Path) -> None:
    """With a small vocabulary; no weight is written."""
    path, small = tmp_path / "model.gguf", replace(SHAPES[shape], vocab=12288, unused=5)
    path.write_bytes(models.header(small, "Q4_K", shape))
    with path.open("r+b") as file:
        file.truncate(2**33)  # sparse
    about = asyncio.run(inspect([FileSource(str(path))]))
    assert about.get("unsupported") is None
    assert about["warnings"] == []


CACHED = {"qwen3.5-0.8b": 6 * 2 * 256, "lfm2-1.2b": 6 * 8 * 64, "phi4-mini": 32 * 8 * 128,
          "gemma4-e2b": 12 * 256 + 3 * 512}  # fmt: skip
"""Blocks with a cache, key heads, head size."""


@pytest.mark.parametrize("shape", CACHED)
def test_facts_count_what_a_token_reads(shape: str, tmp_path: Path) -> None:
    path, made = tmp_path / "model.gguf", SHAPES[shape]
    small = replace(made, vocab=12288, unused=5)
    path.write_bytes(models.header(small, "Q4_K", shape))
    with path.open("r+b") as file:
        file.truncate(2**33)
    told = facts.read(path)
    assert told.kv_bytes == 2 * 2 * CACHED[shape]
    rows = [t for t in tensors(small, "Q4_K") if t.name != "per_layer_token_embd.weight"]
    assert told.weight_bytes == sum(t.nbytes for t in rows)


def test_llama_factors_are_those_of_its_config() -> None:
    """factor 32, low 1, high 4, original context 8192: the ends are kept and divided by 32."""
    factors = rope_factors(SHAPES["llama-1b"])
    assert (factors[0], len(factors)) == (1, 32)
    assert factors[-1] == pytest.approx(32)
    assert factors == sorted(factors)


@pytest.mark.parametrize("pre", ["qwen2", "llama-bpe"])
def test_a_word_is_a_token(pre: str) -> None:
    tokenizer = Tokenizer(_encoded(tokenizer_metadata(pre, 12288, 5)), LibraryEncoder)
    ids = tokenizer.encode(Words().take(500))
    assert len(ids) == 500
    assert len(set(ids)) > 450


def _encoded(metadata: dict[str, object]) -> dict[str, object]:
    """As the header's reader gives it: the strings of an array as bytes."""
    return {
        key: [v.encode() if isinstance(v, str) else v for v in value]
        if isinstance(value, list)
        else value
        for key, value in metadata.items()
    }


def test_specs_that_say_nothing_are_refused() -> None:
    for spec in ("qwen3-0.6b", "qwen3-0.6b:Q9", "nothing.gguf"):
        with pytest.raises(ValueError, match="SHAPE:TYPE"):
            models.parse(spec)


# ---- the server


def test_the_server_gives_ranges_and_takes_reports(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/file.bin").write_bytes(bytes(range(100)))
    (tmp_path / "secret").write_text("no")

    def ask(method: str, path: str, body: str = "", **headers: str) -> tuple[int, bytes, Any]:
        link = http.client.HTTPConnection("127.0.0.1", site.server_port, timeout=10)
        link.request(method, path, body or None, headers)
        answer = link.getresponse()
        return answer.status, answer.read(), answer.headers

    with threaded(Site({"/files/": tmp_path / "in"})) as site:
        status, body, headers = ask("GET", "/files/file.bin")
        assert (status, body) == (200, bytes(range(100)))
        assert headers["Cross-Origin-Embedder-Policy"] == "require-corp"
        assert ask("GET", "/files/file.bin", Range="bytes=10-19")[:2] == (206, bytes(range(10, 20)))
        assert ask("GET", "/files/file.bin", Range="bytes=100-")[0] == 416
        for path in ("/files/../secret", "/files/%2e%2e/secret", "/files/", "/secret"):
            assert ask("GET", path)[0] == 404
        assert ask("GET", "/files/file.bin", **{"If-None-Match": headers["ETag"]})[:2] == (304, b"")
        assert ask("POST", "/report", json.dumps({"k": "done"}))[0] == 204
        assert site.reports.get(timeout=1) == {"k": "done"}


# ---- readings to figures


def _page(engine: str, seconds: float, **load: Any) -> dict[str, Any]:
    """A page whose prefill of 512 and 100 tokens after it took `seconds`, once, twice, thrice."""
    times = [seconds, 2 * seconds, 3 * seconds]
    prefill = [{"computed": 512, "prompt": 512, "ttft": s, "n": 1} for s in times]
    decode = [
        {"computed": 1, "prompt": 512, "n": 102, "decoded": 100, "s": s, "gap": s / 10, "burst": i}
        for i, s in enumerate(times)
    ]
    return {
        "engine": engine, "model": MODEL, "options": {}, "adapter": "a GPU", "errors": [],
        "features": ["shader-f16", "subgroups"],
        "rows": {
            "start": {"s": 1.0}, "load": {"s": 10 * seconds, **load}, "first": {"s": 11 * seconds},
            "prefill:512": {"first_s": 9.0, "replies": prefill}, "decode:512": {"replies": decode},
            "memory": {"bytes": 3 * 2**20, "python": 30 * 2**20},
        },
    }  # fmt: skip


def test_figures_are_medians_in_tokens_and_bytes() -> None:
    values = figures([_page("ours", 0.5)], KNOWN)[Series("ours", MODEL, "f16+subgroups")]
    assert values["prefill.512.tok_s"] == pytest.approx(512)
    assert values["prefill.512.gb_s"] == pytest.approx((2e6 + 512 * 1000) / 1e9)
    assert values["prefill.512.ttft_ms"] == pytest.approx(1000)
    assert values["decode.512.tok_s"] == pytest.approx(100)
    assert values["decode.512.gb_s"] == pytest.approx(100 * (2e6 + 563 * 1000) / 1e9)
    assert (values["load.s"], values["load.first_token_s"]) == (5, 5.5)
    assert values["ready.s"] == 6
    assert (values["memory.heap_mib"], values["memory.python_mib"]) == (3, 30)


def test_of_stutters_the_worst_is_shown() -> None:
    found = figures([_page("ours", 0.5), _page("ours", 0.1)], KNOWN)
    values = found[Series("ours", MODEL, "f16+subgroups")]
    assert (values["decode.512.gap_ms"], values["decode.512.burst"]) == (pytest.approx(150), 2)


def test_figures_pool_pages_and_tell_rungs_apart() -> None:
    info = {"features": ["subgroups"], "file_bytes": 10**6, "context": 1000, "gpu_bytes": 2_080_000}
    pages = [_page("ours", 0.1), _page("ours", 0.3), _page("ours", 1, info=info)]
    pages.append(_page("wllama", 1, webgpu=False))
    found = figures(pages, KNOWN)
    assert {(s.engine, s.rung) for s in found} == {
        ("ours", "f16+subgroups"), ("ours", "f32+subgroups"), ("wllama", "CPU"),
    }  # fmt: skip
    both = found[Series("ours", MODEL, "f16+subgroups")]
    assert both["prefill.512.ttft_ms"] == pytest.approx(300)  # of 100 200 300 300 600 900
    lower = found[Series("ours", MODEL, "f32+subgroups")]
    assert lower["load.gpu_beyond_pct"] == pytest.approx(8)


def test_the_table_judges_by_the_bars() -> None:
    pages = [_page("ours", 0.1), _page("wllama", 0.9)]
    pages[1]["errors"] = [{"row": "decode:8192", "message": "it crashed"}]
    text = report.table(figures(pages, KNOWN), KNOWN, pages)
    assert "| prefill 512, tokens/s | 2560 | 0.0126 | 284 | 0.0014 | 9.00 × | ≥ 8 ✓ |" in text
    assert "| decode 512, tokens/s | 500 | 1.28 | 55.6 | 0.142 | 9.00 × | ≥ 10 ✗ |" in text
    assert "| load, s | 1 | 0.001 | 9 | 0.000111 | 9.00 × | ≥ 3 ✓ |" in text
    assert "- tiny:Q4_K, wllama, decode:8192: it crashed" in text


def test_a_peer_on_the_cpu_is_not_compared() -> None:
    pages = [_page("ours", 0.1), _page("wllama", 0.9, webgpu=False)]
    text = report.table(figures(pages, KNOWN), KNOWN, pages)
    assert "wllama (CPU)" in text
    assert "×" not in text


def test_the_csv_has_a_line_for_each_figure() -> None:
    pages = [_page("ours", 0.1)]
    found = figures(pages, KNOWN)
    lines = report.csv_text(found, pages, "2026-11-23", "abc").splitlines()
    assert lines[0] == ",".join(report.FIELDS)
    assert len(lines) == 1 + sum(map(len, found.values()))
    assert "2026-11-23,abc,a GPU,f16+subgroups,ours,tiny:Q4_K,load.s,1" in lines


def test_the_picture_shows_both_engines() -> None:
    data = {
        "models": {MODEL: vars(KNOWN[MODEL])}, "pages": [_page("ours", 0.1), _page("wllama", 1.0)],
        "peer": "wllama 1", "date": "2026-11-23", "chromium": "<Chromium & co>",
    }  # fmt: skip
    picture_of = ET.fromstring(picture.draw(data))
    bars = picture_of.findall("{*}rect")
    assert [bar.get("class") for bar in bars] == ["ours", "wllama"] * 3
    widths = [float(bar.get("width", 0)) for bar in bars]
    assert widths[0] == pytest.approx(10 * widths[1], rel=0.01)


# ---- plan and package


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., bench.Run]:
    """A run that was set up and not started."""
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist/build.json").write_text('{"build": "abc"}')
    monkeypatch.setattr(bench, "DIST", tmp_path / "dist")

    def make(*words: str) -> bench.Run:
        folders = ("--out", str(tmp_path / "out"), "--models", str(tmp_path / "models"))
        options = bench.options([*words, *folders])
        return bench.Run(options)

    return make


def test_the_plan_takes_turns_and_leaves_out_what_does_not_fit(
    plan: Callable[..., bench.Run], capsys: pytest.CaptureFixture[str]
) -> None:
    run = plan("--model", "tiny:Q4_K", "tiny:Q8_0", "--withhold", "shader-f16,subgroups")
    tasks = run.tasks()
    assert [(t.engine, t.model) for t in tasks] == [
        ("ours", "tiny:Q4_K"), ("wllama", "tiny:Q4_K"), ("ours", "tiny:Q4_K"),
        ("ours", "tiny:Q4_K"), ("wllama", "tiny:Q8_0"), ("ours", "tiny:Q8_0"),
        ("ours", "tiny:Q8_0"),
    ]  # fmt: skip
    assert tasks[3].options == {"withhold": ["shader-f16", "subgroups"], "tune": False}
    assert tasks[0].rows == (
        "prefill:16", "prefill:128", "prefill:512", "followup:512", "decode:16", "decode:512",
        "memory",
    )  # fmt: skip
    assert tasks[0].context == 768
    said = capsys.readouterr().out
    assert "prefill:2048 is left out: the context is 2048" in said
    assert "decode:8192 is left out" in said


def test_what_is_packed_runs_on_an_older_python() -> None:
    files = [*(ROOT / "tests/bench").glob("*.py"), *(ROOT / "py_engine/base").glob("*.py")]
    files += [*(ROOT / "py_engine/formats").glob("*.py"), ROOT / "py_engine/hosts/static.py"]
    for file in files:
        ast.parse(file.read_text(encoding="utf-8"), feature_version=(3, 10))


def test_the_peer_is_pinned() -> None:
    lock = json.loads((ROOT / "tests/bench/package-lock.json").read_text(encoding="utf-8"))
    found = lock["packages"]["node_modules/@wllama/wllama"]
    assert found["version"] == peer.version()
    assert found["integrity"].startswith("sha512-")


def test_a_model_made_by_another_recipe_is_another_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = models.ensure(tmp_path, "tiny:F16")
    changed = tmp_path / "recipe.py"
    changed.write_text("another")
    monkeypatch.setattr(models, "_sources", lambda: (changed, changed))
    assert models.ensure(tmp_path, "tiny:F16") != first
