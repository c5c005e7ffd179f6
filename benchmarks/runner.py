"""Start the workers: a process for each library, family and round, in turns, as the machine changes over time."""

from __future__ import annotations

import json
import os
import resource
import subprocess
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from time import monotonic
from typing import Any

from benchmarks.case import Case
from benchmarks.peers import VARIANTS, python

ROOT = Path(__file__).resolve().parent.parent
CHUNK = 24  # cases of one process


def chunks(cases: list[Case]) -> Iterator[list[Case]]:
    """Yield the cases that one process runs: of one family, and not too many, so that libraries alternate quickly."""
    for _, family in groupby(cases, lambda case: case.family):
        rest = list(family)
        while rest:
            yield rest[:CHUNK]
            del rest[:CHUNK]


def run(
    cases: list[Case], variants: list[str], threads: int, rounds: int, seconds: float
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what each library reports, with its name, process by process. Another one begins each round."""
    for chunk in chunks(cases):
        for turn in range(rounds):
            shift = turn % len(variants)
            for variant in variants[shift:] + variants[:shift]:
                library, extra = VARIANTS[variant]
                names = [case.name for case in chunk if case.runs_in(library)]
                if names:
                    yield from ((variant, line) for line in work(library, extra, threads, seconds, names))


def work(library: str, extra: dict[str, str], threads: int, seconds: float, names: list[str]) -> list[dict[str, Any]]:
    """Return the lines of one worker, each with the part of the processors that other programs took meanwhile."""
    counts = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))
    command = [str(python(library)), "-m", "benchmarks.worker", library, str(threads), str(seconds), *names]
    start, busy, own = monotonic(), _busy(), _children()
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **counts, **extra}, capture_output=True, text=True,
                          check=False)  # fmt: skip
    span = (monotonic() - start) * (os.cpu_count() or 1)
    foreign = max(0.0, _busy() - busy - (_children() - own)) / span
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    reason = done.stderr.strip().rpartition("\n")[2] or f"exit code {done.returncode}"
    missing = set(names) - {line.get("case") for line in lines}
    lines += [{"case": name, "error": reason} for name in names if name in missing]
    return [{**line, "foreign": foreign} for line in lines]


def _children() -> float:
    """Return the seconds that all processes which we have started, and which have ended, have worked."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _busy() -> float:
    """Return the seconds that all processors together have worked since the machine started; 0 where none can say."""
    try:
        user, nice, system, _, _, *rest = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    except OSError:
        return 0.0
    return sum(map(int, (user, nice, system, *rest[:3]))) / os.sysconf("SC_CLK_TCK")
