"""The layers of the design hold, and the check that says so can say otherwise."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import layering

PACKAGES = Path(__file__).parent.parent / "packages"


def test_no_package_makes_the_namespaces_its_own():
    for folder in ("needle", "needle/backend"):
        assert not list(PACKAGES.glob(f"*/src/{folder}/__init__.py"))


def test_each_package_ships_its_types():
    tops = {path.parent for path in PACKAGES.glob("*/src/needle/*/__init__.py")}
    tops |= {path.parent for path in PACKAGES.glob("*/src/needle/backend/*/__init__.py")}
    assert len(tops) >= 2
    assert [top for top in tops if not (top / "py.typed").exists()] == []


def test_layers_hold():
    assert layering.faults(PACKAGES) == []


@pytest.mark.parametrize(("importer", "imported"), sorted(layering.LOOPS))
def test_declared_loops_are_there(importer: str, imported: str):
    package = next(path for path in PACKAGES.iterdir() if importer in layering.modules(path))
    targets = [target for target, _ in layering.imports(layering.modules(package)[importer])]
    assert imported in targets


def test_table_names_each_package():
    assert set(layering.MAY_IMPORT) == {path.name for path in PACKAGES.iterdir()}


@pytest.mark.parametrize("package", sorted(PACKAGES.iterdir()), ids=lambda path: path.name)
def test_other_imports_are_declared(package: Path):
    project = tomllib.loads((package / "pyproject.toml").read_text())["project"]
    declared = [need for extra in project.get("optional-dependencies", {}).values() for need in extra]
    names = {re.split(r"[^\w-]", need)[0] for need in [*declared, *project["dependencies"]]}
    assert layering.foreign(package) <= names


@pytest.mark.parametrize("module", ["ndarray", "autograd", "nn", "optim", "data"])
def test_imports_without_numpy(module: str):
    code = f"import sys; sys.modules['numpy'] = None; import needle.{module}"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def tree(tmp_path: Path):
    """Write modules of needle-nn and needle-data, given by their dotted names; return what the check finds."""

    def check(**sources: str) -> list[str]:
        for name, text in sources.items():
            package = "needle-data" if name.startswith("data") else "needle-nn"
            path = tmp_path / package / "src" / "needle" / f"{name.replace('__', '/')}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return layering.faults(tmp_path)

    return check


def test_lower_layers_may_be_imported(tree):
    assert tree(nn__layers="import needle.autograd\nfrom needle.ndarray.errors import message\nimport math\n") == []


def test_upper_layers_may_not_be_imported(tree):
    (fault,) = tree(data__loader="import math\nfrom needle.autograd import Tensor\n")
    assert fault == "needle-data/src/needle/data/loader.py:2 imports needle.autograd.Tensor, which needle-data may not"


def test_a_function_cannot_hide_an_import(tree):
    (fault,) = tree(data__loader="def f():\n    import needle.nn\n")
    assert "imports needle.nn" in fault


def test_types_alone_may_be_imported(tree):
    source = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from needle.autograd import Tensor\n"
    assert tree(data__loader=source) == []


def test_cycles_are_found(tree):
    (fault,) = tree(nn__a="from needle.nn.b import f\n", nn__b="from needle.nn import a\n")
    assert re.fullmatch(r"needle-nn: modules import each other: (needle\.nn\.[ab]( <- )?){3}", fault)


def test_relative_imports_are_found(tree):
    assert tree(nn__a="from . import b\n", nn__b="") == ["needle-nn/src/needle/nn/a.py:1 has a relative import"]


def test_foreign_modules_are_those_of_others(tmp_path: Path):
    path = tmp_path / "src" / "needle" / "x.py"
    path.parent.mkdir(parents=True)
    path.write_text("import math, numpy.linalg\nfrom tqdm import tqdm\nimport needle.ndarray\n")
    assert layering.foreign(tmp_path) == {"numpy", "tqdm"}
