"""The files that describe the workspace agree: pyproject.toml, pixi.toml, recipe.yaml of each package and the root."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

import layering
import tasks
from environment import requirements

ROOT = Path(__file__).parent.parent
PACKAGES = sorted((ROOT / "packages").iterdir())
EACH = pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.name)
CONDA_NAMES = {"matplotlib-base": "matplotlib", "python-build": "build", "pytorch": "torch"}


def load(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text())


PIXI = load(ROOT / "pixi.toml")
GROUPS = load(ROOT / "pyproject.toml")["dependency-groups"]
VERSION = (ROOT / "VERSION").read_text().strip()


def project(package: Path) -> dict[str, Any]:
    return load(package / "pyproject.toml")["project"]


def recipe_list(package: Path, *keys: str) -> list[str]:
    """Return the list under the nested keys of a recipe: YAML of the plain form that the recipes keep to."""
    lines = iter((package / "recipe.yaml").read_text().splitlines())
    for depth, key in enumerate(keys):
        if not any(re.fullmatch(rf"{'  ' * depth}(- |  )?{key}:", line) for line in lines):
            return []
    found: list[str] = []
    for line in lines:
        if not (item := re.fullmatch(r" +- (.*)", line)):
            break
        found.append(item[1])
    return found


def normal(need: str) -> str:
    """Return a requirement without spaces, extras and a recipe's variable, so that the three forms compare."""
    return re.sub(r"\s|\[.*\]", "", need.replace("${{ version }}", VERSION))


@EACH
def test_metadata(package: Path):
    meta = project(package)
    assert meta["name"] == package.name
    assert meta["version"] == VERSION
    assert meta["requires-python"] == ">=3.11"
    assert meta["license"].split(" AND ")[0] == "MIT"
    assert f"  license: {meta['license']}\n" in (package / "recipe.yaml").read_text()
    assert all((package / name).exists() for name in meta["license-files"])
    assert (package / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()
    assert (package / meta["readme"]).read_text().startswith(f"# {package.name}\n")


@EACH
def test_siblings_are_pinned(package: Path):
    siblings = [need for need in project(package)["dependencies"] if need.startswith("needle")]
    assert all(re.fullmatch(rf"needle-[a-z-]+=={re.escape(VERSION)}", need) for need in siblings)
    named = {need.partition("==")[0].removeprefix("needle-") for need in siblings}
    assert named == {module.split(".")[1] for module in layering.MAY_IMPORT[package.name]}


@EACH
def test_recipe_agrees_with_pyproject(package: Path):
    needs = {normal(need) for need in recipe_list(package, "requirements", "run")}
    assert needs - {"python", "python>=3.11"} == {normal(need) for need in project(package)["dependencies"]}
    host = {normal(need) for need in recipe_list(package, "requirements", "host")}
    assert {normal(need) for need in load(package / "pyproject.toml")["build-system"]["requires"]} <= host
    assert f"  name: {package.name}\n" in (package / "recipe.yaml").read_text()


@EACH
def test_pure_packages_are_noarch_and_compiled_ones_are_not(package: Path):
    compiled = (package / "cpp").is_dir()
    settings = load(package / "pyproject.toml")["tool"]["scikit-build"]
    assert settings.get("wheel", {}).get("cmake", True) is compiled
    assert ("  noarch: python\n" in (package / "recipe.yaml").read_text()) is not compiled
    assert bool(recipe_list(package, "requirements", "build")) is compiled


@EACH
def test_recipe_imports_what_the_package_holds(package: Path):
    tested = recipe_list(package, "tests", "python", "imports")
    assert [module for module in tested if "._" not in module] == layering.tops(layering.modules(package))


@EACH
def test_member_manifest_agrees_with_pyproject(package: Path):
    member = load(package / "pixi.toml")["package"]
    assert member["name"] == package.name
    assert member["version"] == {"workspace": True}
    siblings = [need.partition("==")[0] for need in project(package)["dependencies"] if need.startswith("needle")]
    assert list(member.get("run-dependencies", {})) == siblings
    for entry in member.get("run-dependencies", {}).values():
        assert (package / entry["path"] / "pixi.toml").exists()


def test_workspace_lists_each_package_once_with_its_folder():
    tables = [PIXI, *PIXI["feature"].values()]
    entries = [entry for table in tables for entry in table.get("pypi-dependencies", {}).items()]
    assert sorted(name for name, _ in entries) == [package.name for package in PACKAGES]
    assert all(entry == {"path": f"packages/{name}", "editable": True} for name, entry in entries)
    assert sorted(PIXI["pypi-options"]["no-build-isolation"]) == [package.name for package in PACKAGES]


def test_default_packages_come_after_what_they_need():
    order = list(PIXI["pypi-dependencies"])
    for place, name in enumerate(order):
        needs = [need.partition("==")[0] for need in project(ROOT / "packages" / name)["dependencies"]]
        assert {need for need in needs if need.startswith("needle")} <= set(order[:place])


def test_environments_are_made_of_features():
    assert PIXI["environments"]
    for entry in PIXI["environments"].values():
        features = entry if isinstance(entry, list) else entry["features"]
        assert set(features) <= set(PIXI["feature"])


@pytest.mark.parametrize("group", GROUPS)
def test_groups_of_pip_agree_with_the_features_of_pixi(group: str):
    table = PIXI["dependencies"] if group == "build" else PIXI["feature"][group]["dependencies"]
    conda = {CONDA_NAMES.get(name, name) + spec for name, spec in table.items()}
    if group == "build":  # what a machine without pixi brings by itself
        conda -= {"python>=3.11", "pip*", "cxx-compiler*"}
    assert conda == {normal(need) for need in requirements(GROUPS, group)}


def test_each_task_can_run_and_says_what_for():
    found = tasks.read(PIXI)
    assert found
    for name, task in found.items():
        assert tasks.plan(found, name), name  # raises where a task needs one that is not there, or itself
        assert task.description, name
        assert not task.feature or task.feature in GROUPS, name


def test_tasks_name_environments_that_have_the_task():
    entries = [*PIXI["tasks"].values(), *(t for f in PIXI["feature"].values() for t in f.get("tasks", {}).values())]
    needs = [need for entry in entries for need in entry.get("depends-on", []) if "environment" in need]
    assert needs
    for need in needs:
        features: list[str] = PIXI["environments"][need["environment"]]["features"]
        assert any(need["task"] in PIXI["feature"][feature].get("tasks", {}) for feature in features)


def test_scripts_that_tasks_run_exist():
    for task in tasks.read(PIXI).values():
        for script in re.findall(r"python (\S+\.py)", task.cmd):
            assert (ROOT / script).exists(), script
