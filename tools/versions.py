"""One version for all packages: check that every file states that of VERSION, or set a new one everywhere."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# Where versions stand as literals; group `version` is the version.
PLACES = {
    "VERSION": r"\A(?P<version>.*)$",
    "pixi.toml": r'^version = "(?P<version>.*)"$',
    "packages/*/pyproject.toml": r'^version = "(?P<version>.*)"$',
    "packages/*/recipe.yaml": r'^  version: "(?P<version>.*)"$',
}
PINS = {"packages/*/pyproject.toml": r'"needle-[a-z-]+==(?P<version>[^"]*)"'}
FORM = r"\d+\.\d+\.\d+((a|b|rc)\d+)?"


def places(root: Path) -> Iterator[tuple[Path, str, bool]]:
    """Yield each file, a pattern to look for in it, and whether it must be found."""
    for table, required in ((PLACES, True), (PINS, False)):
        for glob, pattern in table.items():
            for path in sorted(root.glob(glob)):
                yield path, pattern, required


def disagreements(root: Path) -> list[str]:
    """Return a line for each place that does not state the version of VERSION."""
    version = (root / "VERSION").read_text().strip()
    found: list[str] = []
    if not re.fullmatch(FORM, version):
        found.append(f"[versions] VERSION holds no version; got '{version}'; expected one like 1.2.3 or 1.2.3rc1")
    for path, pattern, required in places(root):
        matches = list(re.finditer(pattern, text := path.read_text(), re.MULTILINE))
        name = path.relative_to(root)
        if required and not matches:
            found.append(f"[versions] {name} states no version; expected {version}")
        for match in matches:
            if match["version"] != version:
                line = text.count("\n", 0, match.start("version")) + 1
                found.append(f"[versions] {name}:{line} differs; got {match['version']}; expected {version}")
    return found


def assign(root: Path, version: str) -> None:
    """Write the version into every place."""
    for path, pattern, _ in places(root):
        text = path.read_text()
        for match in reversed(list(re.finditer(pattern, text, re.MULTILINE))):
            text = text[: match.start("version")] + version + text[match.end("version") :]
        path.write_text(text)


def main(argv: list[str] | None = None, root: Path = ROOT) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="versions", description=__doc__)
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--check", action="store_true", help="check that all places agree (the default)")
    action.add_argument("--set", metavar="X", dest="version", help="write version X into all places")
    version: str | None = parser.parse_args(argv).version
    if version is not None:
        if not re.fullmatch(FORM, version):
            parser.error(f"not a version; got '{version}'; expected one like 1.2.3 or 1.2.3rc1")
        assign(root, version)
    found = disagreements(root)
    print("\n".join(found) or f"all places state version {(root / 'VERSION').read_text().strip()}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
