"""What the tests need of the machine: a Chromium, and a Vulkan driver where there is no GPU.

`build.py test` calls this before pytest starts. Standard library only; it installs Debian's
packages where apt works and this user may, and otherwise says what to install.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

BROWSERS = ("chromium", "google-chrome", "google-chrome-stable", "chromium-browser")
MAC_CHROME = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
PLAYWRIGHT_PATH = """
from playwright.sync_api import sync_playwright
with sync_playwright() as playwright:
    print(playwright.chromium.executable_path)
"""
HAS_ADAPTER = "import sys, wgpu; sys.exit(not wgpu.gpu.enumerate_adapters_sync())"


def find_chromium(python: Path) -> str:
    """A Chromium or Chrome: $CHROME, the PATH, Debian's package, else Playwright's download."""
    wanted = os.environ.get("CHROME")
    if wanted and not _works(wanted, "--version"):
        sys.exit(f"CHROME={wanted} is not a browser that starts")
    for name in (wanted, *BROWSERS, MAC_CHROME):
        path = shutil.which(name) if name else None
        # Ubuntu's chromium-browser is a script that only asks for a snap: try before trusting.
        if path and _works(path, "--version"):
            return path
    if _distribution() == "debian" and _apt_install("chromium"):
        return "/usr/bin/chromium"
    return _playwright_chromium(python)


def _playwright_chromium(python: Path) -> str:
    """Playwright's own Chromium: the full one, as its headless shell has no WebGPU."""
    command = [str(python), "-m", "playwright", "install", "--no-shell", "chromium"]
    if _root() is not None:
        command.append("--with-deps")
    print("+", *command, flush=True)
    if subprocess.call(command):
        sys.exit("no Chromium was found or could be installed; set CHROME to the path of one")
    return subprocess.check_output([str(python), "-c", PLAYWRIGHT_PATH], text=True).strip()


def find_vulkan(python: Path) -> None:
    """Make sure that wgpu-py finds an adapter; without a GPU that is Mesa's software Vulkan."""
    if _works(str(python), "-c", HAS_ADAPTER):
        return
    mesa = ("mesa-vulkan-drivers", "libvulkan1")
    if not (_apt_install(*mesa) and _works(str(python), "-c", HAS_ADAPTER)):
        sys.exit(
            "no GPU adapter was found: install a Vulkan driver (Debian, Ubuntu: "
            f"sudo apt install {' '.join(mesa)}), or run only `build.py test unit`"
        )


def _works(*command: str) -> bool:
    """Whether a command exists and ends with status 0; its output is dropped."""
    try:
        subprocess.run(command, capture_output=True, check=True, timeout=600)
    except (OSError, subprocess.SubprocessError):
        return False
    return True


def _distribution() -> str:
    """The ID of /etc/os-release, such as `debian`; empty elsewhere."""
    file = Path("/etc/os-release")
    found = re.search(r'^ID="?(\w+)', file.read_text(), re.M) if file.is_file() else None
    return found[1] if found else ""


def _root() -> list[str] | None:
    """What goes before a command that installs system packages; None if we may not."""
    if not shutil.which("apt-get"):
        return None
    if os.geteuid() == 0:
        return []
    return ["sudo", "-n"] if _works("sudo", "-n", "true") else None


def _apt_install(*packages: str) -> bool:
    """Install Debian packages where apt works and we may; False where not."""
    before = _root()
    if before is None:
        return False
    apt = [*before, "apt-get", "-qq"]
    print("+", *apt, "install", *packages, flush=True)
    _works(*apt, "update")
    return _works(*apt, "install", "-y", "--no-install-recommends", *packages)
