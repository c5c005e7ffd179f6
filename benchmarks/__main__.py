"""Compare Needle with its peers on this machine: `./dev bench`, after `./dev bench --setup-peers`."""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import sys
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

from benchmarks import limits, peers, plot, report, runner
from benchmarks.case import Case
from benchmarks.cases import CASES
from benchmarks.results import BUSY, Results
from needle.ndarray.io import atomic_write

RUNS = runner.ROOT / "runs" / "bench"
PAGE = runner.ROOT / "docs" / "benchmarks.md"


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    made.add_argument("--setup-peers", action="store_true", help="make the peers' environments in the cache folder")
    made.add_argument("--list", action="store_true", help="print the names of the cases, and run none")
    made.add_argument("--only", nargs="+", metavar="PATTERN", default=["*"], help="cases, as in: matmul/f32_* conv/*")
    made.add_argument("--libraries", nargs="+", metavar="NAME", choices=peers.VARIANTS, default=list(peers.VARIANTS),
                      help=f"which of {', '.join(peers.VARIANTS)}; by default all that are installed")  # fmt: skip
    made.add_argument("--threads", nargs="+", type=int, metavar="N",
                      default=sorted({os.cpu_count() or 1, 1}, reverse=True),
                      help="numbers of them, one run each; by default one for each processor, and 1")  # fmt: skip
    made.add_argument("--rounds", type=int, default=3, help="processes for each library; 0 shows what --json holds")
    made.add_argument("--seconds", type=float, default=0.03, help="time that each case is measured for in a process")
    made.add_argument("--json", type=Path, help="file to keep the results in; what it holds already counts as well")
    made.add_argument("--compare", type=Path, metavar="OLD.json", help="show what has changed since those results")
    made.add_argument("--docs", action="store_true", help="write docs/benchmarks.md, and its picture, from the results")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line asks for."""
    chosen = parser().parse_args(arguments)
    if chosen.setup_peers:
        peers.set_up()
        return 0
    cases = [case for case in CASES if any(fnmatch(case.name, pattern) for pattern in chosen.only)]
    if chosen.list:
        print("\n".join(case.name for case in cases))
        return 0
    results = Results.read(chosen.json) if chosen.json else Results(RUNS / "results.json")
    installed = [name for name in chosen.libraries if peers.python(peers.VARIANTS[name][0])]
    if missing := [name for name in chosen.libraries if name not in installed]:
        say(f"not installed: {', '.join(missing)}; hint: ./dev bench --setup-peers")
    if chosen.rounds:
        measure(results, cases, installed, chosen.threads, chosen.rounds, chosen.seconds)
    show(results, cases, chosen.threads)
    if chosen.compare:
        old = Results.read(chosen.compare)
        for threads in chosen.threads:
            print(f"{report.plural(threads)}, then and now\n\n{report.changes(cases, old, results, threads)}")
    if chosen.docs:
        picture = PAGE.with_suffix(".svg")
        drawn = plot.draw(picture, CASES, results)
        with atomic_write(PAGE) as file:
            file.write(report.page(CASES, results, picture.name if drawn else None).encode())
    return 0


def measure(
    results: Results, cases: list[Case], variants: list[str], threads: list[int], rounds: int, seconds: float
) -> None:
    """Add measurements to the results, in their file as soon as each is there."""
    results.facts = {"date": str(datetime.date.today()), "machine": machine(), **results.facts}
    versions: dict[str, str] = results.facts.setdefault("versions", {})
    if program := limits.build(peers.CACHE):
        results.limits += [{"threads": count, **limits.measure(program, count)} for count in threads]
    else:
        say("the machine's limits are not measured: there is no C++ compiler that builds benchmarks/limits.cpp")
    for library, count, line in runner.run(cases, variants, threads, rounds, seconds):
        if "version" in line:
            versions[peers.VARIANTS[library][0]] = line["version"]
        else:
            results.records.append({"library": library, "threads": count, **line})
            time = line.get("error") or report.duration(line["median"])
            load = f", {line['foreign']:.0%} of the processors with others" if line["foreign"] > BUSY else ""
            say(f"{line['case']:36} {library:14} {report.plural(count):10} {time}{load}")
            results.write()


def show(results: Results, cases: list[Case], threads: list[int]) -> None:
    """Print the tables, and write them and a picture beside the results."""
    text = "\n".join([report.limits(results), *(report.tables(cases, results, count) for count in threads)])
    print(text)
    for line in results.errors():
        say(line)
    path = results.path or RUNS / "results.json"
    with atomic_write(path.with_suffix(".md")) as file:
        file.write(text.encode())
    plot.draw(path.with_suffix(".png"), tuple(cases), results)


def machine() -> str:
    """Return the processor, its count and the system, in a line."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    model = next(iter(models), platform.processor() or platform.machine())
    return f"{os.cpu_count()} processors of {model}, {platform.system()}"


def say(text: str) -> None:
    """Print a line about the progress, apart from the table."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
