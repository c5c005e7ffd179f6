"""Write ``_elementwise.pyi``, which tells type checkers and editors the functions of cpp/ops/elementwise.inc.

Run it after a change of elementwise.inc; with ``--check`` it only says whether the file is up to date.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

NDARRAY = Path(__file__).parent.parent / "packages" / "needle-ndarray"
SOURCE = NDARRAY / "cpp" / "ops" / "elementwise.inc"
STUB = NDARRAY / "src" / "needle" / "ndarray" / "_elementwise.pyi"

LINE = re.compile(r'^(UNARY|BINARY)\((\w+), .*, "(.*)"\)$', re.MULTILINE)
HEAD = '''"""The elementwise functions. Written by tools/stubs.py from cpp/ops/elementwise.inc."""
# ruff: noqa: D403 - x is a name

from needle.ndarray._core import NDArray, Operand

'''
FUNCTION = '''def {name}({operands}, /, *, out: NDArray | None = None) -> NDArray:
    """{doc}"""

'''
OPERANDS = {"UNARY": "x: NDArray", "BINARY": "x: Operand, y: Operand"}


def stub(source: str) -> str:
    """Return the stub's text for the text of elementwise.inc."""
    ops = LINE.findall(source)
    names = "".join(f'    "{name}",\n' for name in sorted((name for _, name, _ in ops), key=natural))
    functions = "".join(FUNCTION.format(name=name, operands=OPERANDS[kind], doc=doc) for kind, name, doc in ops)
    return f"{HEAD}__all__ = [\n{names}]\n\n{functions}".rstrip() + "\n"


def natural(name: str) -> list[str | int]:
    """Return a key by which log2 comes before log10."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


def main() -> int:
    """Write or check the stub; return the exit code."""
    text = stub(SOURCE.read_text())
    if "--check" not in sys.argv[1:]:
        STUB.write_text(text)
        return 0
    if STUB.exists() and STUB.read_text() == text:
        return 0
    print(f"{STUB} is out of date; run: python tools/stubs.py", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
