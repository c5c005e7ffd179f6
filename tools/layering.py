"""Who may import whom: the layers of the design, read from the sources without importing them."""

from __future__ import annotations

import ast
import graphlib
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

# For each distribution, the modules of others that it may import (and what lies in them).
MAY_IMPORT = {
    "needle-ndarray": (),
    "needle-autograd": ("needle.ndarray",),
    "needle-nn": ("needle.autograd", "needle.ndarray"),
    "needle-data": ("needle.ndarray",),
    "needle-backend-cuda": ("needle.ndarray.backend", "needle.ndarray.errors"),
    "needle-backend-metal": ("needle.ndarray.backend", "needle.ndarray.errors"),
}

# Imports against the order inside a package: (importer, imported). Each is a loop of the design, not of convenience.
LOOPS = {
    # A Tensor's operators and methods are the ops, and the ops are built on Tensor.
    ("needle.autograd.methods", "needle.autograd"),
    ("needle.autograd.operators", "needle.autograd"),
    ("needle.autograd.tensor", "needle.autograd"),
}


def modules(package: Path) -> dict[str, Path]:
    """Return the modules of a package folder by their dotted names; of compiled ones, the stub."""
    found: dict[str, Path] = {}
    for path in sorted((package / "src").rglob("*.py*"), key=lambda path: path.suffix, reverse=True):
        if path.suffix not in {".py", ".pyi"}:
            continue
        parts = path.relative_to(package / "src").with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def tops(names: Iterable[str]) -> list[str]:
    """Return those modules that lie inside no other."""
    found: list[str] = []
    for name in sorted(names):
        if not _within(name, found):
            found.append(name)
    return found


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """Yield each imported module with its line, `a.b.c` for `from a.b import c`; not what only type checkers import."""
    if path.suffix == ".py":
        yield from _imports(ast.parse(path.read_text()))


def _imports(node: ast.AST) -> Iterator[tuple[str, int]]:
    match node:
        case ast.Import(names=names):
            yield from ((alias.name, node.lineno) for alias in names)
        case ast.ImportFrom(module=str(module), names=names, level=0):
            yield from ((f"{module}.{alias.name}", node.lineno) for alias in names)
        case ast.ImportFrom():
            yield ("." * node.level, node.lineno)
        case ast.If(test=ast.Name(id="TYPE_CHECKING"), orelse=rest):
            for child in rest:
                yield from _imports(child)
        case _:
            for child in ast.iter_child_nodes(node):
                yield from _imports(child)


def faults(packages: Path) -> list[str]:
    """Return a line for each import that breaks the layering."""
    own = {package.name: modules(package) for package in sorted(packages.iterdir()) if (package / "src").is_dir()}
    found: list[str] = []
    for name, files in own.items():
        graph: dict[str, set[str]] = {module: set() for module in files}
        for module, path in files.items():
            for target, line in imports(path):
                where = f"{path.relative_to(packages)}:{line}"
                if target.startswith("."):
                    found.append(f"{where} has a relative import")
                elif inside := _owner(target, files):
                    if (module, inside) not in LOOPS:
                        graph[module].add(inside)
                elif target.partition(".")[0] == "needle" and not _within(target, (*MAY_IMPORT[name], *tops(files))):
                    found.append(f"{where} imports {target}, which {name} may not")
        try:
            graphlib.TopologicalSorter(graph).prepare()
        except graphlib.CycleError as error:
            found.append(f"{name}: modules import each other: {' <- '.join(error.args[1])}")
    return found


def foreign(package: Path) -> set[str]:
    """Return the top-level modules that a package imports from outside needle and the standard library."""
    names = {target.partition(".")[0] for path in modules(package).values() for target, _ in imports(path)}
    return names - sys.stdlib_module_names - {"needle", ""}


def _owner(target: str, files: dict[str, Path]) -> str | None:
    """Return the module among `files` that an import leads to: itself, or the one that it takes a name from."""
    return target if target in files else parent if (parent := target.rpartition(".")[0]) in files else None


def _within(target: str, allowed: Iterable[str]) -> bool:
    return any(target == module or target.startswith(f"{module}.") for module in allowed)
