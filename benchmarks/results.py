"""What was measured: kept in a JSON file that further runs add to, and summed up case by case."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from needle.ndarray.io import atomic_write

WIDE = 0.25  # part of the median by which the processes may differ before the case says so
BUSY = 0.1  # part of the processors that other programs may take before a process counts only for want of quieter ones
LAG = 20  # times the fastest library's time from which on a slower one is not asked again


@dataclass(frozen=True)
class Time:
    """The seconds that a library takes for a case: the median of its processes' medians."""

    seconds: float
    best: float
    spread: float
    """How far the processes' medians lie apart, as a part of their median."""
    foreign: float
    """The part of the processors that other programs took, at most."""

    @property
    def doubt(self) -> str:
        """Why not to compare it closely: the processes differ, by so much, or had to share the processors."""
        return f"~{self.spread:.0%}" if self.spread > WIDE else "busy" if self.foreign > BUSY else ""


@dataclass
class Results:
    """The measurements of one file."""

    path: Path | None = None
    facts: dict[str, Any] = field(default_factory=dict[str, Any])
    """The machine, the day, the versions of the libraries."""
    limits: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    """A line for each measurement of the machine's limits, with the number of threads."""
    records: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    """A line for each case in each process: case, library, threads, the times or the error, and foreign load."""

    @classmethod
    def read(cls, path: Path) -> Results:
        """Return the results in a file; none where there is no such file."""
        return cls(path, **json.loads(path.read_text())) if path.exists() else cls(path)

    def write(self) -> None:
        """Write them to the file that they were read from."""
        assert self.path
        self.path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"facts": self.facts, "limits": self.limits, "records": self.records}, indent=0)
        with atomic_write(self.path) as file:
            file.write(text.encode())

    def limit(self, name: str, threads: int) -> float | None:
        """Return a limit of the machine: the median of its measurements."""
        found = [line[name] for line in self.limits if line["threads"] == threads and name in line]
        return statistics.median(found) if found else None

    def threads(self) -> list[int]:
        """Return the numbers of threads that there are results of, the greatest first."""
        return sorted({line["threads"] for line in self.records}, reverse=True)

    def libraries(self, threads: int) -> list[str]:
        """Return the libraries that there are results of, Needle first."""
        found = dict.fromkeys(line["library"] for line in self.records if line["threads"] == threads)
        return sorted(found, key=lambda name: (name != "needle", list(found).index(name)))

    def times(self, threads: int) -> dict[str, dict[str, Time]]:
        """Return the time of each library by case, then library."""
        groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for line in self.records:
            if line["threads"] == threads and "median" in line:
                groups.setdefault((line["case"], line["library"]), []).append(line)
        found: dict[str, dict[str, Time]] = {}
        for (case, library), lines in groups.items():
            quiet = [line for line in lines if line["foreign"] <= BUSY]
            found.setdefault(case, {})[library] = _time(quiet or lines)
        return found

    def errors(self) -> Iterable[str]:
        """Return a line for each library that could not do a case."""
        return dict.fromkeys(
            f"{line['case']}, {line['library']}: {line['error']}" for line in self.records if "error" in line
        )


def _time(lines: list[dict[str, Any]]) -> Time:
    medians = [line["median"] for line in lines]
    middle = statistics.median(medians)
    spread, foreign = (max(medians) - min(medians)) / middle, max(line["foreign"] for line in lines)
    return Time(middle, min(line["best"] for line in lines), spread, foreign)
