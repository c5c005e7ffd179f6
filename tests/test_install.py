"""Which packages `./dev build` installs again, and what it says where it cannot."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import install
from environment import Failure


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "needle-x"
    for name in ("pyproject.toml", "CMakeLists.txt", "cpp/ops/add.inc", "src/needle/x/a.py", "src/needle/x/x.h"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


@pytest.mark.parametrize("name", ["pyproject.toml", "CMakeLists.txt", "cpp/ops/add.inc", "src/needle/x/x.h"])
def test_edit_that_an_editable_does_not_see(package: Path, name: str):
    before = install.digest(package)
    (package / name).write_text("edited")
    assert install.digest(package) != before


@pytest.mark.parametrize("name", ["cpp/new.cpp", "src/needle/x/new.py"])
def test_new_file(package: Path, name: str):
    before = install.digest(package)
    (package / name).touch()
    assert install.digest(package) != before


@pytest.mark.parametrize("name", ["src/needle/x/a.py", "build/cp311/a.o", "tests/test_a.py"])
def test_edit_that_needs_no_install(package: Path, name: str):
    before = install.digest(package)
    (package / name).parent.mkdir(parents=True, exist_ok=True)
    (package / name).write_text("edited")
    assert install.digest(package) == before


def test_packages_are_installed_when_changed(package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    installed: list[str] = []
    monkeypatch.setattr(install, "STAMP", tmp_path / "stamp.json")
    monkeypatch.setattr(install, "members", lambda: [package])
    monkeypatch.setattr(install, "install", lambda path: installed.append(path.name))
    install.main()
    install.main()
    assert installed == ["needle-x"]
    (package / "pyproject.toml").write_text("edited")
    install.main()
    assert installed == ["needle-x", "needle-x"]


def test_failed_install_is_tried_again(package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    tries: list[Path] = []

    def fail(path: Path) -> None:
        tries.append(path)
        raise Failure

    monkeypatch.setattr(install, "STAMP", tmp_path / "stamp.json")
    monkeypatch.setattr(install, "members", lambda: [package])
    monkeypatch.setattr(install, "install", fail)
    for _ in range(2):
        with pytest.raises(Failure):
            install.main()
    assert tries == [package, package]


def test_compiler_output_is_shown_without_that_of_pip(
    package: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
):
    pip = tmp_path / "python"
    output = "Collecting\n*** scikit-build-core\na.cpp:1: error\nerror: subprocess-exited\n"
    pip.write_text(f"#!/bin/sh\ncat <<END\n{output}END\nexit 1")
    pip.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(pip))
    with pytest.raises(Failure, match=r"needle-x could not be built"):
        install.install(package)
    assert capfd.readouterr().err.strip() == "*** scikit-build-core\na.cpp:1: error"


def test_missing_compiler_names_the_fix(package: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(Failure, match=r"no C\+\+ compiler; expected one of c\+\+, g\+\+, clang\+\+ on PATH; .*apt"):
        install.install(package)
    monkeypatch.setenv("CXX", "no-such-compiler -m64")
    with pytest.raises(Failure, match=r"expected one of no-such-compiler on PATH"):
        install.install(package)
