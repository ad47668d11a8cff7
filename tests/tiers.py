"""Tiers of tests side by side: standard library only, since build.py asks for it."""

import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def beside(commands: Sequence[Sequence[str]], environment: Mapping[str, str]) -> int:
    """Run commands at the same time; the status of the first that fails, or 0.

    What the first prints is seen at once, what the others print when all are done.
    """
    environment = {**environment, "PYTHONUNBUFFERED": "1"}  # what is told is there to be read
    with ExitStack() as stack:
        told = [stack.enter_context(tempfile.TemporaryFile()) for _ in commands[1:]]
        running = []
        for command, out in zip(commands, [None, *told], strict=True):
            print("+", *command, flush=True)
            process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=out)
            running.append(stack.enter_context(process))
        try:
            statuses = [process.wait() for process in running]
        finally:
            for process in running:
                process.terminate()
        for out in told:
            out.seek(0)
            sys.stdout.buffer.write(out.read())
            sys.stdout.flush()
    return next((status for status in statuses if status), 0)
