"""Show results: a table of cases and libraries, what has changed since others, the page of the documentation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby

from benchmarks.case import Case
from benchmarks.results import LAG, Results, Time

UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}


def duration(seconds: float) -> str:
    """Return a time in three digits, as in 4.65 us."""
    unit = next((name for name, size in UNITS.items() if seconds >= size), "ns")
    return f"{seconds / UNITS[unit]:#.3g}".rstrip(".") + f" {unit}"


def plural(threads: int) -> str:
    """Return a number of threads in words."""
    return f"{threads} thread{'s' * (threads > 1)}"


def cell(time: Time | None) -> str:
    """Return a time, and why to doubt it."""
    return "" if time is None else f"{duration(time.seconds)} {time.doubt}".rstrip()


def best_peer(times: dict[str, Time]) -> str | None:
    """Return the fastest library but Needle."""
    peers = {name: time.seconds for name, time in times.items() if name != "needle"}
    return min(peers, key=peers.__getitem__) if peers else None


def ratio(times: dict[str, Time], against: str = "best") -> float | None:
    """Return Needle's time over that of the best peer, or of the one named, its variants included."""
    if "needle" not in times:
        return None
    others = [
        time.seconds for name, time in times.items()
        if name != "needle" and (against == "best" or name.partition("+")[0] == against)
    ]  # fmt: skip
    return times["needle"].seconds / min(others) if others else None


def share(case: Case, seconds: float, limit: float | None) -> float | None:
    """Return the part of the machine's limit that a time amounts to."""
    return case.work.amount / seconds / limit if case.work and limit else None


def verdict(case: Case, times: dict[str, Time], limit: float | None) -> str:
    """Say what the target is and whether it is met: the ratio and the share of the limit. Busy times leave it open."""
    if case.target is None:
        return ""
    found = ratio(times, case.target.against)
    against = "" if case.target.against == "best" else f" of {case.target.against}"
    words = f"{case.target.ratio:.2f}{against}"
    if found is None:
        return words
    met = found <= case.target.ratio
    if case.target.share:
        words += f", {case.target.share:.0%}"
        part = share(case, times["needle"].seconds, limit)
        met = met and (part is None or part >= case.target.share)
    if any(time.doubt == "busy" for time in times.values()):
        return f"{words}: unclear"
    return f"{words}: {'met' if met else 'MISSED'}"


def rate(case: Case, time: Time | None) -> str:
    """Return the operations or bytes a second of a time."""
    if case.work is None or time is None:
        return ""
    unit = "GB/s" if case.work.limit in ("read", "copy") else "GOP/s" if case.work.limit == "int8" else "GFLOP/s"
    return f"{case.work.amount / time.seconds / 1e9:.0f} {unit}"


def rows(cases: Iterable[Case], results: Results, threads: int) -> Iterator[list[str]]:
    """Yield the head of the table, then the cells of each case that was measured."""
    libraries = results.libraries(threads)
    yield ["case", *libraries, "rate", "limit", "best peer", "ratio", "target"]
    measured = results.times(threads)
    for case in cases:
        if times := measured.get(case.name):
            limit = results.limit(case.work.limit, threads) if case.work else None
            own, peer, found = times.get("needle"), best_peer(times), ratio(times)
            part = share(case, own.seconds, limit) if own else None
            yield [
                case.name.partition("/")[2],
                *(cell(times.get(name)) for name in libraries),
                rate(case, own),
                "" if part is None else f"{part:.0%}",
                peer or "",
                "" if found is None else f"{found:.2f}",
                verdict(case, times, limit),
            ]


def markdown(lines: Iterable[list[str]]) -> str:
    """Return a table, the first line being its head; all columns but the first are aligned to the right."""
    head, *rest = lines
    widths = [max(len(line[i]) for line in (head, *rest)) for i in range(len(head))]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    texts = [[line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])] for line in (head, rule, *rest)]
    return "\n".join(f"| {' | '.join(line)} |" for line in texts) + "\n"


def tables(cases: Iterable[Case], results: Results, threads: int) -> str:
    """Return a table for each family that was measured."""
    parts: list[str] = []
    for family, members in groupby(cases, lambda case: case.family):
        lines = list(rows(members, results, threads))
        if len(lines) > 1:
            parts.append(f"### {family}, {plural(threads)}\n\n{markdown(lines)}")
    return "\n".join(parts)


def limits(results: Results) -> str:
    """Return a table of the machine's limits by the number of threads."""
    counts = sorted({line["threads"] for line in results.limits})
    names = list(dict.fromkeys(name for line in results.limits for name in line if name != "threads"))
    head = ["limit", *map(plural, counts)]
    lines = [
        [name, *("" if (value := results.limit(name, count)) is None else f"{value / 1e9:.0f} G/s" for count in counts)]
        for name in names
    ]
    return markdown([head, *lines]) if lines else ""


def changes(cases: Iterable[Case], old: Results, new: Results, threads: int) -> str:
    """Return a table of Needle's times then and now, and of its ratios to the best peer of each run."""
    before, after = old.times(threads), new.times(threads)
    lines = [["case", "then", "now", "now / then", "ratio then", "ratio now"]]
    for case in cases:
        then, now = before.get(case.name, {}), after.get(case.name, {})
        if "needle" in then and "needle" in now:
            quotient = now["needle"].seconds / then["needle"].seconds
            ratios = ["" if found is None else f"{found:.2f}" for found in (ratio(then), ratio(now))]
            lines.append([case.name, cell(then["needle"]), cell(now["needle"]), f"{quotient:.2f}", *ratios])
    return markdown(lines)


def page(cases: tuple[Case, ...], results: Results, picture: str | None) -> str:
    """Return docs/benchmarks.md, which shows the picture of that name."""
    facts = results.facts
    peers = sorted(f"{name} {version}" for name, version in facts["versions"].items() if name != "needle")
    processes = Counter((line["case"], line["library"], line["threads"]) for line in results.records)
    parts = [HEAD.format(lag=LAG, beside=", ".join(peers), processes=max(processes.values()), **facts), limits(results)]
    if picture:
        parts += ["", f"![Needle's time over the best peer's, case by case]({picture})"]
    for threads in results.threads():
        parts += ["", f"## {plural(threads)}", "", tables(cases, results, threads)]
    return "\n".join(parts).rstrip() + "\n"


HEAD = """# Benchmarks

Written by `./dev bench --docs`. Measured on {date}: {machine}.

Needle {versions[needle]} beside {beside}.

Each library ran each case in up to {processes} processes, in turns with the others; a time is the median of their
medians. One that took over {lag} times as long as the fastest was not asked again. ~ and their spread mark a time whose
processes differ by more than a quarter of it, busy one whose processes all had to share the processors with other
programs: whether a target is met is unclear there. `+malloc` is a peer whose C library was told to keep freed memory
and to use huge pages (`MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=4294967296
GLIBC_TUNABLES=glibc.malloc.hugetlb=1`); it runs the cases with large arrays. JAX runs under `jit` and tinygrad under
`TinyJit`, except in the family dispatch; images are (N, H, W, C) in JAX and MLX, and (N, C, H, W) in the others. Rate
and limit are Needle's: what it reaches, and what part that is of what the machine can do. The ratio is Needle's time
over that of the best peer. The target names the largest ratio and, where there is one, the part of the limit to reach.

What the machine can do, in operations or bytes a second, measured in the same run:
"""
