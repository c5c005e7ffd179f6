"""Start the workers: a process for each library, family and round, in turns, as the machine changes over time."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import tempfile
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from time import monotonic
from typing import Any

from benchmarks.case import Case
from benchmarks.peers import VARIANTS, python

ROOT = Path(__file__).resolve().parent.parent
CHUNK = 12  # cases of one process


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
    """Yield what each library reports, with its name. The one that begins changes from round to round."""
    for chunk in chunks(cases):
        for turn in range(rounds):
            shift = turn % len(variants)
            for variant in variants[shift:] + variants[:shift]:
                library, extra = VARIANTS[variant]
                names = [case.name for case in chunk if case.runs_in(library)]
                if names:
                    for line in work(library, extra, threads, seconds, names):
                        yield variant, line


def work(
    library: str, extra: dict[str, str], threads: int, seconds: float, names: list[str]
) -> Iterator[dict[str, Any]]:
    """Yield the lines of one worker, and at last what part of the processors other programs took meanwhile."""
    count = str(threads)
    counts = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), count)
    command = [str(python(library)), "-m", "benchmarks.worker", library, count, str(seconds), *names]
    before = _busy(), resource.getrusage(resource.RUSAGE_CHILDREN), monotonic()
    env = {**os.environ, **counts, **extra}
    with (
        tempfile.TemporaryFile("w+") as said,
        subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=said, text=True) as process,
    ):
        assert process.stdout
        for line in process.stdout:
            found = json.loads(line)
            names = [name for name in names if name != found.get("case")]
            yield found
        process.wait()
        said.seek(0)
        reason = said.read().strip().rpartition("\n")[2] or f"exit code {process.returncode}"
    yield from ({"case": name, "error": reason} for name in names)
    after = _busy(), resource.getrusage(resource.RUSAGE_CHILDREN), monotonic()
    own = sum(getattr(after[1], kind) - getattr(before[1], kind) for kind in ("ru_utime", "ru_stime"))
    span = (after[2] - before[2]) * (os.cpu_count() or 1)
    yield {"foreign": max(0.0, after[0] - before[0] - own) / span}


def _busy() -> float:
    """Return the seconds that all processors together have worked since the machine started; 0 where none can say."""
    try:
        user, nice, system, _, _, *rest = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    except OSError:
        return 0.0
    return sum(map(int, (user, nice, system, *rest[:3]))) / os.sysconf("SC_CLK_TCK")
