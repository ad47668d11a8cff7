"""Where the native host keeps what was tuned: a file that may be missing, damaged or refused."""

import asyncio
import sys
from pathlib import Path

import pytest

from py_engine.hosts.native import KeptTunings

VARIABLE = {"win32": "LOCALAPPDATA", "darwin": "HOME"}.get(sys.platform, "XDG_CACHE_HOME")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty place for the user's cache."""
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    return tmp_path


def file(folder: Path) -> Path:
    (found,) = folder.rglob("tunings.json")
    return found


def test_a_text_is_kept_for_its_driver_and_key(folder: Path) -> None:
    async def story() -> None:
        assert await KeptTunings("1.0").get("gpu") == ""
        await KeptTunings("1.0").put("gpu", "text")
        await KeptTunings("1.0").put("other", "more")
        assert await KeptTunings("1.0").get("gpu") == "text"
        assert await KeptTunings("2.0").get("gpu") == ""
        assert await KeptTunings("1.0").get("other") == "more"

    asyncio.run(story())
    assert [one.name for one in file(folder).parent.iterdir()] == ["tunings.json"]


@pytest.mark.parametrize("damage", [b"", b"{", b"[1]", b"\xff\xfe"])
def test_a_damaged_file_is_written_anew(folder: Path, damage: bytes) -> None:
    async def story() -> None:
        await KeptTunings("1.0").put("gpu", "text")
        file(folder).write_bytes(damage)
        assert await KeptTunings("1.0").get("gpu") == ""
        await KeptTunings("1.0").put("gpu", "text")
        assert await KeptTunings("1.0").get("gpu") == "text"

    asyncio.run(story())


def test_without_a_folder_nothing_is_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    occupied = folder / "file"
    occupied.touch()
    monkeypatch.setenv(VARIABLE, str(occupied))

    async def story() -> None:
        await KeptTunings("1.0").put("gpu", "text")
        assert await KeptTunings("1.0").get("gpu") == ""

    asyncio.run(story())
