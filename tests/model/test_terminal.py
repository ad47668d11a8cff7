"""The command in a terminal: conversations that go on, and Ctrl-C where it was pressed."""

import json
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pty = pytest.importorskip("pty", reason="Windows has no pseudo-terminals in Python")

COMMAND = (sys.executable, "-m", "py_engine.hosts.cli")
ROOT = Path(__file__).parents[2]
DEMO = str(ROOT / "web/models/demo.gguf")
CTRL_C, CTRL_D = "\x03", "\x04"
WAIT_S = 120


class Terminal:
    """A command in a pseudo-terminal; `shown` is all that it has written."""

    def __init__(self, *words: str) -> None:
        self.pid, self._descriptor = pty.fork()
        if self.pid == 0:
            os.chdir(ROOT)
            os.execv(COMMAND[0], [*COMMAND, *words])
        self.shown = ""

    def type(self, text: str) -> None:
        os.write(self._descriptor, text.encode())

    def wait_for(self, pattern: str) -> str:
        """Read on until a pattern is shown; what was shown up to it is taken away."""
        deadline = time.monotonic() + WAIT_S
        while not (found := re.search(pattern, self.shown, re.S)):
            if not self._read(deadline):
                raise AssertionError(f"no {pattern!r} in {self.shown!r}")
        self.shown = self.shown[found.end() :]
        return found[0]

    def ended(self, seconds: float) -> bool:
        """Whether nothing more is shown within so long because it has ended."""
        while self._read(time.monotonic() + seconds):
            pass
        looking = os.WEXITED | os.WNOHANG | os.WNOWAIT
        for _ in range(50):  # the terminal closes before the process ends
            if os.waitid(os.P_PID, self.pid, looking):
                return True
            time.sleep(0.1)
        return False

    def status(self) -> int:
        """Read to the end; the exit status."""
        assert self.ended(WAIT_S), f"it goes on after {self.shown!r}"
        _, status = os.waitpid(self.pid, 0)
        self.pid = 0
        return os.waitstatus_to_exitcode(status)

    def _read(self, deadline: float) -> bool:
        ready, _, _ = select.select([self._descriptor], [], [], max(0, deadline - time.monotonic()))
        try:
            data = os.read(self._descriptor, 4096) if ready else b""
        except OSError:  # Linux tells so that the other side is closed
            data = b""
        self.shown += data.decode(errors="replace")
        return bool(data)

    def close(self) -> None:
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self._descriptor)


@pytest.fixture(scope="module")
def endless() -> list[str]:
    """Options with which no answer of the demo ends by itself."""
    words = ["tokenize", DEMO, "<|im_end|><|endoftext|>", "--special"]
    ids = json.loads(subprocess.check_output([*COMMAND, *words], cwd=ROOT, text=True))
    return [f"--logit-bias={token}=-10000" for token in ids] + ["--no-tune", "--context", "160"]


@pytest.fixture
def chat(endless: list[str]) -> Iterator[Terminal]:
    terminal = Terminal("chat", DEMO, *endless)
    terminal.wait_for("Ctrl-D.*> ")
    yield terminal
    terminal.close()


def test_a_conversation_outlives_what_goes_wrong_in_it(chat: Terminal) -> None:
    chat.type("Tell me a story.\n")
    chat.wait_for(r"story\.\r\n\S")  # the first word of the answer
    chat.type(CTRL_C)
    chat.wait_for(r"\[stopped, \d+ tokens.*> ")
    chat.type("word " * 300 + "\n")
    chat.wait_for("the context holds 160.*taken back.*> ")
    chat.type("And then?\n")
    chat.wait_for(r"\[cut off, \d+ tokens.*> ")  # the context is full
    chat.type("And then?\n")
    chat.wait_for("the context holds 160.*taken back.*> ")
    chat.type("/new\n")
    chat.wait_for("> ")
    chat.type("Tell me a story.\n")
    chat.wait_for(r"story\.\r\n\S")
    chat.type(CTRL_C)
    chat.wait_for(r"\[stopped, \d+ tokens.*> ")
    chat.type(CTRL_D)
    assert chat.status() == 0
    assert "Traceback" not in chat.shown


def test_ctrl_c_at_the_prompt_ends_it(chat: Terminal) -> None:
    chat.type(CTRL_C)
    if not chat.ended(10):  # it came just between Python's prompt and its read, which misses it
        chat.type(CTRL_C)
    assert chat.status() == 130
    assert "Traceback" not in chat.shown


def test_ctrl_c_ends_an_answer(endless: list[str]) -> None:
    terminal = Terminal("ask", DEMO, "Tell me a story.", *endless)
    try:
        terminal.wait_for("[a-z]{3} .*[a-z]{3} ")
        terminal.type(CTRL_C)
        assert terminal.status() == 130
        assert "Traceback" not in terminal.shown
        assert len(terminal.shown) < 200  # the whole answer would be three times as long
    finally:
        terminal.close()


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_an_answer_goes_into_a_file_whatever_the_code_page(encoding: str, tmp_path: Path) -> None:
    """Half a character is U+FFFD, which no code page of Windows has."""
    ids = json.loads(subprocess.check_output([*COMMAND, "tokenize", DEMO, "世"], cwd=ROOT))
    options = ("--logit-bias", f"{ids[0]}=10000", "--max-tokens", "1", "--no-tune")
    out = tmp_path / "answer.txt"
    env = {**os.environ, "PYTHONIOENCODING": encoding}
    with out.open("wb") as file:
        subprocess.run(
            [*COMMAND, "ask", DEMO, "Hello", *options], cwd=ROOT, env=env, stdout=file, check=True
        )
    assert out.read_bytes().decode("utf-8").strip() == "\ufffd"
