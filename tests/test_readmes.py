"""The Python examples of the READMEs run, and what a comment says that they print is what they print."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
READMES = sorted(
    path for path in [ROOT / "README.md", *ROOT.glob("packages/*/README.md")] if "```python" in path.read_text()
)


@pytest.mark.parametrize("path", READMES, ids=lambda path: path.parent.name)
def test_examples_run(path: Path):
    for source in re.findall(r"```python\n(.*?)```", path.read_text(), re.DOTALL):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(source, {})
        for line in re.findall(r"print\(.*\) +# (\[.*\])", source):
            assert line in printed.getvalue().splitlines()


def test_there_are_examples():
    assert len(READMES) >= 4
