"""One version everywhere: in this repository, and the tool that checks and sets it."""

from __future__ import annotations

from pathlib import Path

import pytest

import versions

ROOT = Path(__file__).parent.parent


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    files = {
        "VERSION": "1.2.3\n",
        "pixi.toml": '[workspace]\nversion = "1.2.3"\nrequires-pixi = ">=0.75"\n',
        "packages/needle-a/pyproject.toml": '[project]\nname = "needle-a"\nversion = "1.2.3"\n',
        "packages/needle-a/recipe.yaml": 'context:\n  version: "1.2.3"\npackage:\n  version: ${{ version }}\n',
        "packages/needle-b/pyproject.toml": '[project]\nversion = "1.2.3"\n'
        'dependencies = ["needle-a==1.2.3", "tqdm>=4", "needle-c==1.2.3"]\n',
        "packages/needle-b/recipe.yaml": 'context:\n  version: "1.2.3"\n',
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_this_repository_agrees():
    assert versions.disagreements(ROOT) == []


def test_agreement(tree: Path, capsys: pytest.CaptureFixture[str]):
    assert versions.main(["--check"], tree) == 0
    assert capsys.readouterr().out == "all places state version 1.2.3\n"


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("pixi.toml", 2),
        ("packages/needle-a/pyproject.toml", 3),
        ("packages/needle-a/recipe.yaml", 2),
        ("packages/needle-b/recipe.yaml", 2),
    ],
)
def test_each_place_is_checked(tree: Path, name: str, line: int, capsys: pytest.CaptureFixture[str]):
    path = tree / name
    path.write_text(path.read_text().replace("1.2.3", "1.2.4"))
    assert versions.main([], tree) == 1
    assert capsys.readouterr().out == f"[versions] {name}:{line} differs; got 1.2.4; expected 1.2.3\n"


def test_each_pin_is_checked(tree: Path):
    path = tree / "packages/needle-b/pyproject.toml"
    path.write_text(path.read_text().replace("needle-c==1.2.3", "needle-c==1.2.2"))
    assert versions.disagreements(tree) == [
        "[versions] packages/needle-b/pyproject.toml:3 differs; got 1.2.2; expected 1.2.3"
    ]


def test_missing_version_is_found(tree: Path):
    (tree / "pixi.toml").write_text("[workspace]\n")
    assert versions.disagreements(tree) == ["[versions] pixi.toml states no version; expected 1.2.3"]


def test_version_file_must_hold_a_version(tree: Path):
    (tree / "VERSION").write_text("one\n")
    first = "[versions] VERSION holds no version; got 'one'; expected one like 1.2.3 or 1.2.3rc1"
    assert versions.disagreements(tree)[0] == first


def test_set_changes_versions_and_pins_alone(tree: Path):
    before = {path: path.read_text() for path in tree.rglob("*.*ml")}
    assert versions.main(["--set", "2.0.0rc1"], tree) == 0
    assert (tree / "VERSION").read_text() == "2.0.0rc1\n"
    assert {path: path.read_text() for path in before} == {p: t.replace("1.2.3", "2.0.0rc1") for p, t in before.items()}


@pytest.mark.parametrize("bad", ["2", "v2.0.0", "2.0.0-1", ""])
def test_set_refuses_what_is_no_version(tree: Path, bad: str, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        versions.main(["--set", bad], tree)
    assert f"not a version; got '{bad}'" in capsys.readouterr().err
    assert (tree / "VERSION").read_text() == "1.2.3\n"
