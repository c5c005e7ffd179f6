"""Start the workers: a process for each library, some cases and a round, in turns, as the machine changes over time."""

from __future__ import annotations

import json
import os
import resource
import subprocess
from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path
from time import monotonic
from typing import Any

from benchmarks.case import Case
from benchmarks.peers import VARIANTS, python
from benchmarks.results import BUSY, LAG

ROOT = Path(__file__).resolve().parent.parent
CHUNK = 56  # cases that a process runs: many, for some libraries take seconds to load


def run(
    cases: list[Case], variants: list[str], threads: list[int], rounds: int, seconds: float
) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """Yield what each library reports, with its name and the threads, process by process. Another begins each round."""
    late: set[tuple[str, str]] = set()
    for i, count in product(range(0, len(cases), CHUNK), threads):
        chunk, found = cases[i : i + CHUNK], dict[tuple[str, str], float]()
        for turn in range(rounds):
            shift = turn % len(variants)
            for variant in variants[shift:] + variants[:shift]:
                library, extra = VARIANTS[variant]
                names = [
                    case.name for case in chunk
                    if case.runs_in(library) and (case.is_large or not extra) and (variant, case.name) not in late
                ]  # fmt: skip
                for line in work(library, extra, count, seconds, names) if names else ():
                    if "median" in line and line["foreign"] <= BUSY:
                        found[variant, line["case"]] = line["median"]
                    yield variant, count, line
            late |= too_slow(found)


def too_slow(found: Mapping[tuple[str, str], float]) -> set[tuple[str, str]]:
    """Return which of the times by library and case are so long that they need not be measured again."""
    best: dict[str, float] = {}
    for (_, case), time in found.items():
        best[case] = min(time, best.get(case, time))
    return {(variant, case) for (variant, case), time in found.items() if time > LAG * best[case]}


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
