"""tests/bench through the native host: a made-up model loads, generates, and has figures."""

import asyncio
import csv
import subprocess
import sys
from pathlib import Path

from tests.bench import facts, models, native, pack
from tests.bench.figures import figures
from tests.bench.visit import Task

ROWS = ("prefill:32", "followup:16", "decode:16")


def test_a_made_up_model_is_measured(tmp_path: Path) -> None:
    path = models.ensure(tmp_path, "tiny:Q4_K")
    task = Task("ours", "tiny", str(path), ROWS, 256, 8, 2, 60, {"withhold": []}, software=True)
    said: list[str] = []
    result = asyncio.run(native.run(task, path, said.append))
    assert result["errors"] == []
    replies = result["rows"]["prefill:32"]["replies"]
    assert [(reply["prompt"], reply["computed"], reply["n"]) for reply in replies] == [
        (32, 32, 1)
    ] * 2
    assert [reply["n"] for reply in result["rows"]["decode:16"]["replies"]] == [8, 8]
    turns = result["rows"]["followup:16"]["replies"]
    assert [(reply["prompt"], reply["computed"]) for reply in turns] == [(48, 32)] * 2
    (found,) = figures([result], {"tiny": facts.read(path)}).values()
    assert found["decode.16.tok_s"] > 0
    assert found["load.gpu_mib"] > 3


def test_a_packed_folder_measures_by_itself(tmp_path: Path) -> None:
    """Without dist/ and away from the repository."""
    pack.harness(tmp_path)
    command = [sys.executable, "bench.py", "--host", "native", "--software", "--quick"]
    small = ["--model", "tiny:Q4_K", "--prompts", "16", "--followup", "16", "--contexts", "16"]
    run = subprocess.run(
        [*command, *small], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    with (tmp_path / "build/bench/results.csv").open() as file:
        found = {row["metric"]: float(row["value"]) for row in csv.DictReader(file)}
    assert found["decode.16.tok_s"] > 0
    assert found["decode.16.gap_ms"] > 0
    assert found["decode.16.burst"] >= 1
