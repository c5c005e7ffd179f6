"""Measure what the machine can do at most, with a C++ program that is compiled on the spot."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("limits.cpp")
FLAGS = ["-O3", "-march=native", "-ffp-contract=fast", "-std=c++20", "-pthread"]


def build(folder: Path) -> Path | None:
    """Compile the program into a folder unless it is there; None where there is no compiler that can."""
    program = folder / "limits"
    if program.exists() and program.stat().st_mtime > SOURCE.stat().st_mtime:
        return program
    compiler = os.environ.get("CXX") or shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run([compiler, *FLAGS, str(SOURCE), "-o", str(program)], capture_output=True, check=False)
    return program if done.returncode == 0 else None


def measure(program: Path, threads: int) -> dict[str, float]:
    """Return operations a second by dtype, and bytes a second of reading and of copying."""
    lines = subprocess.run([program, str(threads)], stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
    return {name: float(value) for name, value in (line.split() for line in lines)}
