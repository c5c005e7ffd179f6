"""Draw results: a dot for each case, at Needle's time over that of the best peer, family by family."""

from __future__ import annotations

import io
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from benchmarks.case import Case
from benchmarks.report import plural, ratio, verdict
from benchmarks.results import Results
from needle.ndarray.io import atomic_write

COLORS = {"met": "tab:green", "MISSED": "tab:red", "": "tab:gray"}
LABELS = {"met": "target met", "MISSED": "target missed", "": "no target, or unclear"}
TICKS = {0.05: "1/20", 0.1: "1/10", 0.2: "1/5", 0.5: "1/2", 1.0: "1", 2.0: "2", 5.0: "5"}


def draw(path: Path, cases: tuple[Case, ...], results: Results) -> bool:
    """Write a picture, SVG or PNG by the path's suffix, unless no peer was measured; say whether. Left is faster."""
    # Their import takes longer than that of all else together.
    matplotlib, drawing = (cast("Any", import_module(name)) for name in ("matplotlib", "matplotlib.figure"))
    panels = {count: dots for count in results.threads() if (dots := _dots(cases, results, count))}
    if not panels:
        return False
    families = list(dict.fromkeys(case.family for dots in panels.values() for case, _, _ in dots))
    figure = drawing.Figure(figsize=(8, 0.6 + len(panels) * (0.6 + 0.3 * len(families))), layout="constrained")
    grid = figure.subplots(len(panels), sharex=True, squeeze=False)
    for (count, dots), (axes,) in zip(panels.items(), grid, strict=True):
        for key, color in COLORS.items():
            places = [_place(dots, i, families) for i, (_, _, met) in enumerate(dots) if met == key]
            values = [value for _, value, met in dots if met == key]
            axes.plot(values, places, "o", color=color, markersize=3.5, alpha=0.8, label=LABELS[key])
        axes.axvline(1, color="black", linewidth=0.8)
        axes.set_xscale("log")
        axes.set_xticks(list(TICKS), list(TICKS.values()))
        axes.set_xticks([], minor=True)
        axes.set_yticks(range(len(families)), families)
        axes.set_ylim(len(families) - 0.5, -0.5)
        axes.set_title(plural(count), fontsize=10)
        axes.grid(axis="x", alpha=0.3)
    grid[0][0].legend(loc="lower right", fontsize=7)
    grid[-1][0].set_xlabel("Needle's time over the best peer's: left of 1 it is the faster")
    picture = io.BytesIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "needle"}):
        figure.savefig(picture, format=path.suffix[1:], metadata={"Date": None} if path.suffix == ".svg" else None)
    with atomic_write(path) as file:
        file.write(picture.getvalue())
    return True


def _dots(cases: tuple[Case, ...], results: Results, threads: int) -> list[tuple[Case, float, str]]:
    """Return the cases with a peer, their ratios, and whether the target is met: a key of `COLORS`."""
    measured, found = results.times(threads), list[tuple[Case, float, str]]()
    for case in cases:
        times = measured.get(case.name, {})
        value = ratio(times)
        if value is not None:
            limit = results.limit(case.work.limit, threads) if case.work else None
            word = verdict(case, times, limit).rpartition(": ")[2]
            found.append((case, value, word if word in COLORS else ""))
    return found


def _place(dots: list[tuple[Case, float, str]], index: int, families: list[str]) -> float:
    """Return the height of a dot: those of a family lie one below the other in its stripe."""
    family = dots[index][0].family
    members = [i for i, (case, _, _) in enumerate(dots) if case.family == family]
    return families.index(family) + 0.7 * ((members.index(index) + 0.5) / len(members) - 0.5)
