"""`./dev neon` says what it needs, and hands on what the program that it speaks with answers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import neon
from needle.ndarray._core import dtypes
from needle.ndarray.backend import View

ROOT = Path(__file__).parent.parent
PROGRAM = """
import sys
answers = {"alloc": "0 4096", "free": "0 ", "copy": "2 out of memory"}
for line in sys.stdin:
    print(line, end="", file=sys.stderr)
    if line.split()[0] not in answers:
        sys.exit(3)
    print(answers[line.split()[0]], flush=True)
"""


def test_what_is_missing_is_named(tmp_path: Path):
    command = [sys.executable, str(ROOT / "tools" / "neon.py")]
    environment = {**os.environ, "PATH": str(tmp_path)}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert result.stderr == (
        "[neon] a program is missing; got no aarch64-linux-gnu-g++ and no qemu-aarch64; "
        "hint: apt install g++-aarch64-linux-gnu qemu-user\n"
    )


def test_the_programs_answers(capfd: pytest.CaptureFixture[str]):
    backend = neon.Served(sys.executable, "-c", PROGRAM)
    with backend.process:
        view = View(backend.alloc(256, 0), dtypes["int32"], (2, 3), (3, 1), 5)
        with pytest.raises(MemoryError, match=r"^out of memory$"):
            backend.copy(view, view)
        del view
        with pytest.raises(RuntimeError, match=r"^the program ended in synchronize, with exit code 3$"):
            backend.synchronize(0)
    written = "2 4096 0 32 20 2 3 3 1"
    assert capfd.readouterr().err == f"alloc 256\ncopy {written} {written}\nfree 4096 0 256\nsynchronize 0\n"
