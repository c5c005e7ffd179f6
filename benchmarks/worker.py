"""Time cases with one library, in a process of its own.

``python -m benchmarks.worker LIBRARY THREADS SECONDS CASE...`` prints a line of JSON for the library, then one for each
case as it is done.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
from collections.abc import Callable
from itertools import repeat
from time import perf_counter
from typing import Any

from benchmarks.cases import CASES
from benchmarks.libraries import LOADERS

SAMPLE = 0.002  # seconds that a sample takes at least: short calls are timed many at once
SLOW = 0.2  # seconds of a call from which on one sample is enough
ENDLESS = 1.0  # seconds from which on it needs no call before


def timed(call: Callable[[], Any], calls: int) -> float:
    """Return the seconds that a call takes, averaged over so many."""
    start = perf_counter()
    for _ in repeat(None, calls):
        call()
    return (perf_counter() - start) / calls


def measure(call: Callable[[], Any], seconds: float, full_speed: int = 1) -> list[float]:
    """Return samples of the time of a call, those from a certain one on; they take about so many seconds."""
    end = perf_counter() + seconds / 3
    times = [timed(call, 1) for _ in range(full_speed)]
    if times[-1] < ENDLESS:
        times.append(timed(call, 1))
    if times[-1] > SLOW:
        return times[-1:]
    while perf_counter() < end:
        times.append(timed(call, 1))
    calls = max(1, int(SAMPLE / min(times)))
    end = perf_counter() + seconds
    samples = [timed(call, calls) for _ in range(3)]
    while perf_counter() < end:
        samples.append(timed(call, calls))
    return samples


def main(name: str, threads: int, seconds: float, names: list[str]) -> None:
    """Time the cases of these names."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    library = LOADERS[name](threads)
    print(json.dumps({"version": library.version}), flush=True)
    for case in (case for case in CASES if case.name in names):
        try:
            samples = measure(library.call(case, library.arrays(case)), seconds, library.full_speed)
            found = {"median": statistics.median(samples), "best": min(samples)}
        except Exception as error:  # a peer may raise anything; the other cases go on
            found = {"error": f"{type(error).__name__}: {error}".partition("\n")[0]}
        print(json.dumps({"case": case.name, **found}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), sys.argv[4:])
