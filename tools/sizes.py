"""Count the lines of the Python and C++ sources, and hold them to the limits that keep a file readable.

The median is under 200 lines; a file over 400 says why in its head comment ("Over 400 lines: ..."); none is over 800.
"""

from __future__ import annotations

import re
import statistics
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KINDS = {".py", ".pyi", ".c", ".cpp", ".h", ".hpp", ".inc", ".mm"}
FOLDERS = ("packages/*/src", "packages/*/cpp", "packages/*/tests", "tests", "tools", "examples", "benchmarks")
MEDIAN, LONG, LONGEST = 200, 400, 800
HEAD = 40  # lines in which the reason of a long file must stand


def sources(root: Path) -> dict[str, dict[Path, list[str]]]:
    """Return the lines of each source file, by folder."""
    found: dict[str, dict[Path, list[str]]] = {}
    for folder in (folder for pattern in FOLDERS for folder in sorted(root.glob(pattern))):
        paths = [path for path in sorted(folder.rglob("*")) if path.suffix in KINDS]
        if paths:
            name = str(folder.relative_to(root))
            found[name] = {path.relative_to(root): path.read_text().splitlines() for path in paths}
    return found


def table(groups: dict[str, dict[Path, list[str]]]) -> str:
    """Return one line for each folder, and one for all."""
    rows = [f"{'':36} files   lines  median  longest"]
    rows += [_row(name, files) for name, files in groups.items()]
    return "\n".join([*rows, _row("all", merged(groups))])


def _row(name: str, files: dict[Path, list[str]]) -> str:
    lengths = {path: len(lines) for path, lines in files.items()}
    longest = max(lengths, key=lengths.__getitem__)
    middle = statistics.median(lengths.values())
    return f"{name:36} {len(files):5} {sum(lengths.values()):7} {middle:7.0f} {lengths[longest]:8}  {longest.name}"


def merged(groups: dict[str, dict[Path, list[str]]]) -> dict[Path, list[str]]:
    """Return the files of all folders."""
    return {path: lines for files in groups.values() for path, lines in files.items()}


def faults(files: dict[Path, list[str]]) -> list[str]:
    """Return a line for each limit that is not kept."""
    found: list[str] = []
    for path, lines in files.items():
        if len(lines) > LONGEST:
            found.append(f"[sizes] {path} is too long; got {len(lines)} lines; expected at most {LONGEST}")
        elif len(lines) > LONG and not re.search(rf"(?i)over {LONG} lines\W+\w", "\n".join(lines[:HEAD])):
            hint = f"split it, or say why in its head comment: 'Over {LONG} lines: ...'"
            found.append(f"[sizes] {path} is long without a reason; got {len(lines)} lines; hint: {hint}")
    median = statistics.median(len(lines) for lines in files.values())
    if median >= MEDIAN:
        found.append(f"[sizes] the median file is too long; got {median:.0f} lines; expected under {MEDIAN}")
    return found


def main(root: Path = ROOT) -> int:
    """Print the table and the faults."""
    groups = sources(root)
    print(table(groups))
    found = faults(merged(groups))
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
