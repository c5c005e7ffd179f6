"""The readers of files refuse damaged ones cleanly. `./dev fuzz` tries for a minute each."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import fuzz

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("name", fuzz.READERS)
def test_damaged_files(name: str):
    command = [sys.executable, str(ROOT / "tools" / "fuzz.py"), name, "--files=150"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith(f"{name}: 150 files of seed 0, ")
    assert int(result.stdout.split()[-2]) > 50


def test_an_unclean_error_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def read(path: Path) -> object:
        return path.read_bytes().decode("ascii")

    monkeypatch.setattr(fuzz, "ROOT", tmp_path)
    monkeypatch.setitem(fuzz.READERS, "text", fuzz.Reader(lambda path: path.write_bytes(b"plain text"), read))
    with pytest.raises(AssertionError, match=r"an error that is not clean, on .*fuzz-text: UnicodeDecodeError"):
        fuzz.attack("text", 0, 1000, 60)
    assert not (tmp_path / "runs" / "fuzz-text").read_bytes().isascii()
