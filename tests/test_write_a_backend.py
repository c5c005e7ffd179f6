"""The guide docs/write-a-backend.md: its code is that of the example backends, its links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
GUIDE = ROOT / "docs" / "write-a-backend.md"
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", GUIDE.read_text(), re.DOTALL)
CODE = [(kind, source) for kind, source in BLOCKS if kind not in ("sh", "text")]
SUFFIXES = {"c": ".c", "python": ".py", "toml": ".toml", "cmake": ".txt"}
SOURCES = [path for path in (ROOT / "examples").glob("backend-*/**/*") if path.suffix in SUFFIXES.values()]


@pytest.mark.parametrize(("kind", "source"), CODE, ids=[f"{kind}-{i}" for i, (kind, _) in enumerate(CODE)])
def test_code_is_a_part_of_an_example(kind: str, source: str):
    assert [path for path in SOURCES if path.suffix == SUFFIXES[kind] and source in path.read_text()]


def test_there_is_code_of_each_kind():
    assert {kind for kind, _ in CODE} == SUFFIXES.keys()
    assert len(CODE) >= 15


def test_the_command_is_that_of_the_readme():
    readme = (ROOT / "examples" / "backend-c" / "README.md").read_text()
    command, *_ = re.findall(r"^cc .*$", readme, re.MULTILINE)
    assert command in GUIDE.read_text()


PAGES = [GUIDE, *(ROOT / "examples").glob("backend-*/README.md")]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.parent.name)
def test_links_lead_somewhere(path: Path):
    links = re.findall(r"\]\(([^)#]+)\)", re.sub(r"```.*?```", "", path.read_text(), flags=re.DOTALL))
    assert links
    assert [link for link in links if not (path.parent / link).exists()] == []
