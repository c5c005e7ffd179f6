"""Source files keep to their limits, and the tool that says so can say otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest

import sizes

ROOT = Path(__file__).parent.parent


def test_this_repository_keeps_the_limits():
    assert sizes.faults(sizes.merged(sizes.sources(ROOT))) == []


@pytest.fixture
def tree(tmp_path: Path):
    """Write files of so many lines; each is `packages/a/` + its name. Return the tool's exit code."""

    def check(**lengths: int) -> int:
        for name, length in lengths.items():
            path = tmp_path / "packages" / "a" / "cpp" / f"{name}.cpp"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("x\n" * length)
        return sizes.main(tmp_path)

    return check


def test_table_counts_by_folder(tree, capsys: pytest.CaptureFixture[str]):
    assert tree(short=10, middle=20, long=400) == 0
    out = capsys.readouterr().out
    assert [row.split() for row in out.splitlines()[1:]] == [
        ["packages/a/cpp", "3", "430", "20", "400", "long.cpp"],
        ["all", "3", "430", "20", "400", "long.cpp"],
    ]


def test_long_file_needs_a_reason(tree, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert tree(a=1, b=1, long=401) == 1
    assert "cpp/long.cpp is long without a reason; got 401 lines; hint: split it" in capsys.readouterr().out
    path = tmp_path / "packages/a/cpp/long.cpp"
    path.write_text("// One table.\n// Over 400 lines: it is one table.\n" + path.read_text())
    assert sizes.main(tmp_path) == 0
    path.write_text("x\n" * 100 + path.read_text())
    assert sizes.main(tmp_path) == 1


def test_no_reason_excuses_800_lines(tree, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert tree(a=1, b=1, long=801) == 1
    path = tmp_path / "packages/a/cpp/long.cpp"
    path.write_text("// Over 400 lines: it is one table.\n" + path.read_text())
    assert sizes.main(tmp_path) == 1
    assert "cpp/long.cpp is too long; got 802 lines; expected at most 800" in capsys.readouterr().out


def test_median_is_limited(tree, capsys: pytest.CaptureFixture[str]):
    assert tree(a=199, b=199, c=300) == 0
    assert tree(b=200, c=300) == 1
    assert "the median file is too long; got 200 lines; expected under 200" in capsys.readouterr().out
