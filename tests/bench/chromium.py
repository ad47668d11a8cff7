"""A headless Chromium for one page: its flags, its start, its end. Python 3.10, nothing else.

Each page gets a browser and a profile of its own, so that nothing is left of the one before: no
compiled pipeline, no memory, no dead GPU process.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

NAMES = ("chromium", "google-chrome", "google-chrome-stable", "chromium-browser", "chrome")
MAC_CHROME = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
COMMON = (
    "--headless", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-quic", "--enable-unsafe-webgpu",
    # measureUserAgentSpecificMemory answers now, and not after the next garbage collection
    "--enable-blink-features=ForceEagerMeasureMemory",
)  # fmt: skip
VULKAN = (
    "--enable-features=Vulkan", "--use-angle=vulkan", "--disable-vulkan-surface",
    "--ignore-gpu-blocklist", "--disable-gpu-sandbox",
    "--disable-gpu-compositing",  # else the first GPU process dies where there is no display
)  # fmt: skip
GPU = {
    "default": (),
    "vulkan": VULKAN,
    # Dawn hides shader-f16 on NVIDIA's Vulkan unless asked by name
    "nvidia-f16": (
        *VULKAN, "--enable-dawn-features=allow_unsafe_apis,vulkan_enable_f16_on_nvidia",
    ),
    "swiftshader": ("--use-webgpu-adapter=swiftshader",),
}  # fmt: skip
"""Flags by the name that `--gpu` takes."""


def usual_gpu() -> str:
    """The flags that show the machine's GPU to a headless Chromium."""
    return "vulkan" if sys.platform == "linux" else "default"


def find(given: str | None) -> str:
    """The browser to use: the given one, $CHROME, or one on the PATH.

    Raises:
        FileNotFoundError: there is none.
    """
    for name in (given, os.environ.get("CHROME"), *NAMES, MAC_CHROME):
        path = shutil.which(name) if name else None
        if path:
            return path
    raise FileNotFoundError("no Chromium was found: set CHROME or --chromium to the path of one")


def version(chromium: str) -> str:
    """What the browser calls itself; empty where it does not say (Windows)."""
    if sys.platform == "win32":  # there, --version opens a window
        return ""
    try:
        return subprocess.check_output(
            [chromium, "--version"], text=True, timeout=30, stderr=subprocess.DEVNULL
        ).strip()
    except (OSError, subprocess.SubprocessError):
        return ""


@contextmanager
def opened(chromium: str, flags: Sequence[str], url: str) -> Iterator["subprocess.Popen[bytes]"]:
    """A browser at `url` with a profile of its own; it ends with the block."""
    sandbox = ["--no-sandbox"] if sys.platform == "linux" else []  # root has none
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [chromium, *COMMON, *sandbox, *flags, f"--user-data-dir={Path(profile)}", url]
        browser = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            yield browser
        finally:
            browser.kill()
            browser.wait()


def renderer_memory(browser: int) -> dict[str, dict[str, int]]:
    """Bytes of the page's process, {"renderer": …}: what it holds, and at the most in its life.

    From /proc, so on Linux only; elsewhere the answer is empty. The browser's own count
    (page/ours.js) leaves WebAssembly memories out that were made growable.
    """
    best: dict[str, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes()
            if b"--type=renderer" not in command or not _descends(folder, browser):
                continue
            status = dict(
                line.split(":", 1) for line in (folder / "status").read_text().splitlines()
            )
        except OSError:  # it has ended
            continue
        found = {key: 1024 * int(status[name].split()[0]) for key, name in _COUNTS.items()}
        if found["peak"] > best.get("peak", 0):  # a spare renderer is smaller
            best = found
    return {"renderer": best} if best else {}


_COUNTS = {"anonymous": "RssAnon", "peak": "VmHWM"}


def _descends(folder: Path, ancestor: int) -> bool:
    """Whether a process of /proc is a child of `ancestor`, or a child of one."""
    while folder.name not in ("0", "1"):
        parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
        if int(parent) == ancestor:
            return True
        folder = folder.with_name(parent)
    return False
