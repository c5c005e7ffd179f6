"""docs/derivatives.md is what the op table says, and the guide docs/autograd.md runs."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

import derivatives
import needle.autograd as ad
import needle.ndarray as nd
from needle.autograd.op import table

GUIDE = Path(__file__).parent.parent / "docs" / "autograd.md"


def test_the_page_is_up_to_date():
    assert derivatives.PAGE.read_text() == derivatives.page(), "run ./dev matrix"


def test_every_special_op_has_a_reason():
    assert [name for name, block in derivatives.blocks().items() if block.kind == "special" and not block.reason] == []


def test_every_op_has_all_that_its_kind_can_give():
    rows = re.findall(r"^\| `(\w+)` \| \w+ \| (.*) \| \S+ \| +\d* ?\|$", derivatives.PAGE.read_text(), re.MULTILINE)
    assert len(rows) > 150
    lacking = {name for name, cells in rows if "no" in cells.split(" | ")}
    assert lacking <= {"nonzero", "unique"}, "how many results these have depends on values"


def test_the_rules_of_a_block_are_those_that_it_names():
    found = derivatives.blocks()
    assert found["sin"] == derivatives.Block("elementwise", 1, "")
    assert found["prod"].lines > found["sum"].lines
    assert found["mean"].kind in ("linear", "composite")


SESSION = re.compile(r"```pycon\n(.*?)```", re.DOTALL)


@pytest.mark.parametrize("number", range(len(SESSION.findall(GUIDE.read_text()))))
def test_the_guide_runs(number: int):
    source = SESSION.findall(GUIDE.read_text())[number]
    names = {"ad": ad, "nd": nd, "tensor": ad.tensor}
    test = doctest.DocTestParser().get_doctest(source, names, f"block {number}", str(GUIDE), 0)
    problems: list[str] = []
    before = dict(table)
    try:
        result = doctest.DocTestRunner().run(test, out=problems.append)
    finally:
        table.clear()
        table.update(before)
    assert result.attempted
    assert not result.failed, "".join(problems)


def test_links_of_the_guide_lead_somewhere():
    links = re.findall(r"\]\(([^)#]+)\)", GUIDE.read_text())
    assert links
    assert [link for link in links if not (GUIDE.parent / link).exists()] == []
