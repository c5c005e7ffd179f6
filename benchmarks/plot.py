"""Draw results: a dot for each case, at Needle's time over that of the best peer."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from benchmarks.case import Case
from benchmarks.report import ratio
from benchmarks.results import Results
from needle.ndarray.io import atomic_write

LINE = 0.17  # inches that a case takes


def draw(path: Path, cases: tuple[Case, ...], results: Results, threads: int) -> None:
    """Write a picture, PNG or SVG by the path's suffix, unless no peer was measured: on the left Needle is faster."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - its import takes longer than that of all else together

    measured = results.times(threads)
    found = [(case, ratio(measured.get(case.name, {}))) for case in cases]
    dots = [(case, value) for case, value in found if value is not None]
    if not dots:
        return
    figure: Any = Figure(figsize=(9, 1.5 + LINE * len(dots)), layout="constrained")
    axes = figure.subplots()
    families = list(dict.fromkeys(case.family for case, _ in dots))
    for index, family in enumerate(families):
        places = [i for i, (case, _) in enumerate(dots) if case.family == family]
        axes.plot([dots[i][1] for i in places], places, "o", color=f"C{index}", markersize=4, label=family)
    goals = [
        (case.target.ratio, i) for i, (case, _) in enumerate(dots) if case.target and case.target.against == "best"
    ]
    axes.plot(*zip(*goals, strict=True) if goals else ((), ()), "|", color="gray", label="target")
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_xscale("log")
    axes.set_yticks(range(len(dots)), [case.name for case, _ in dots], fontsize=6)
    axes.set_ylim(len(dots) - 0.5, -0.5)
    axes.set_xlabel(f"Needle's time over the best peer's, {threads} thread{'s' * (threads > 1)}; left is faster")
    axes.grid(alpha=0.3)
    axes.legend(loc="upper right", fontsize=7)
    picture = io.BytesIO()
    figure.savefig(picture, format=path.suffix[1:])
    with atomic_write(path) as file:
        file.write(picture.getvalue())
