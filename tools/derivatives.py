"""Write docs/derivatives.md, the matrix of ops and transformations, from the op table: ``./dev matrix``.

What an op can do is tried on the samples of its block. How long its rules are, and why it is special, is read in the
source of the block.
"""

from __future__ import annotations

import ast
import re
import statistics
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import needle.autograd as ad
import needle.ndarray as nd
from needle.autograd import Tensor
from needle.autograd.op import DIFFERENTIABLE, Op, table
from needle.autograd.samples import Draw, Sample
from needle.autograd.tree import tree_flatten, tree_leaves, tree_unflatten

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "derivatives.md"
OPS = ROOT / "packages" / "needle-autograd" / "src" / "needle" / "autograd" / "ops"

KINDS = ("elementwise", "linear", "bilinear", "special", "fused", "opaque", "composite")
COLUMNS = ("value", "vjp", "jvp", "vmap", "second order", "complex")
UNABLE = (NotImplementedError, TypeError, ValueError)
"""What an op raises that has no rule, or does not take the dtype."""

PAGE_TEXT = """# Ops and their derivatives

Written by `./dev matrix` from the op table, by trying each op on the samples of its block. "yes": it works; "-": there
is nothing to differentiate, as results or operands are integer or boolean; "no": it raises, naming itself. "complex" is
the vjp of complex operands. [The guide](autograd.md) has the conventions, the transformations, and how to write an op
of your own.

The table has {counts}. The rules of an op, which
are its block and the functions that this names, take {median} lines in the median and {longest} at most; a composite is
made of other ops and has none.

| op | kind | {titles} | lines |
|---|---|{rules}---:|
{rows}

## Special ops

An op is special where no other kind fits, or where another would cost digits or memory:

{special}
"""

Function = Callable[..., list[Tensor]]


class Block(NamedTuple):
    """What the source says of an op."""

    kind: str
    lines: int
    reason: str


def blocks() -> dict[str, Block]:
    """Return the kind of each op, the lines of its rules, and why it is special, if it is."""
    found: dict[str, Block] = {}
    for path in sorted(OPS.glob("*.py")):
        text = path.read_text()
        source, tree = text.splitlines(), ast.parse(text)
        private = {f.name: f for f in tree.body if isinstance(f, ast.FunctionDef) and f.name.startswith("_")}
        classes = {c.name: _base(c) for c in tree.body if isinstance(c, ast.ClassDef)}
        for statement in tree.body:
            for name, kind, call in _blocks_in(statement, classes):
                lines = 0 if call is None else _length(call) + sum(map(_length, _rules(call, private)))
                reason = _reason(source[: statement.lineno - 1]) if kind == "special" else ""
                found[name] = Block(kind, lines, reason)
    return found


def _blocks_in(statement: ast.stmt, classes: dict[str, str]) -> Iterator[tuple[str, str, ast.Call | None]]:
    """Yield name, kind and call of the ops that a statement adds, by constructors or by classes of the file."""
    if isinstance(statement, ast.FunctionDef):
        if any(isinstance(d, ast.Call) and _name(d) == "composite" for d in statement.decorator_list):
            yield statement.name, "composite", None
        return
    for call in ast.walk(statement):
        if isinstance(call, ast.Call) and (kind := classes.get(_name(call), _name(call))) in KINDS and call.args:
            first = call.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield first.value, kind, call


def _rules(call: ast.Call, private: dict[str, ast.FunctionDef]) -> list[ast.FunctionDef]:
    """Return the functions of the file that the rules of a block are made of: neither its kernel nor its samples."""
    parts: list[ast.AST] = [*call.args[1 if _name(call) == "elementwise" else 2 :]]
    parts += [x.value for x in call.keywords if x.arg not in ("samples", "reference", "forward", "batch")]
    found: dict[str, ast.FunctionDef] = {}
    while parts:
        names = [x.id for x in ast.walk(parts.pop()) if isinstance(x, ast.Name)]
        for name in names:
            if name in private and name not in found:
                found[name] = private[name]
                parts.append(private[name])
    return list(found.values())


def _name(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else ""


def _base(kind: ast.ClassDef) -> str:
    """Return the kind whose class another is derived from."""
    return next((base.id.lower() for base in kind.bases if isinstance(base, ast.Name)), "")


def _length(node: ast.expr | ast.stmt) -> int:
    return (node.end_lineno or 0) - node.lineno + 1


def _reason(above: list[str]) -> str:
    """Return what the nearest comment above a block, or else the head of the file, says after "special: "."""
    text = " ".join(line.removeprefix("# ") for line in above)
    found = re.findall(r"[Ss]pecial: (.*?\.)(?= |\"\"\"|$)", text)
    return found[-1] if found else ""


def abilities(op: Op) -> list[str]:
    """Return for each of the columns "yes", "no", or "-" where there is nothing to differentiate."""
    real = _try_all(op, nd.float64)
    narrow = _try_all(op, nd.complex128)
    return [*real, "-" if real[1] == "-" else "yes" if narrow[1] == "yes" else "no"]


def _try_all(op: Op, dtype: nd.DType) -> list[str]:
    """Return whether the op has a value, vjp, jvp, vmap and second order, on the sample that says most."""
    found = [["no"] * 5, *(_try(op, sample) for sample in _samples(op, dtype))]
    return min(found, key=lambda row: sum(("yes", "-", "no").index(x) for x in row))


def _try(op: Op, sample: Sample) -> list[str]:
    f, xs = _function(op, sample, lambda x: x.dtype in DIFFERENTIABLE)
    if not _can(lambda: f(*xs)):
        return ["no"] * 5
    if not xs or not any(x.dtype in DIFFERENTIABLE for x in f(*xs)):
        return ["yes", "-", "-", _mapped(op, sample), "-"]

    def floating(*xs: Tensor) -> list[Tensor]:
        return [x for x in f(*xs) if x.dtype in DIFFERENTIABLE]

    def gradients(*xs: Tensor) -> list[Tensor]:
        return list(_pull(floating, xs))

    first = "yes" if _can(lambda: gradients(*xs)) else "no"
    forward = "yes" if _can(lambda: ad.jvp(floating, xs, xs)) else "no"
    second = "yes" if _can(lambda: _pull(gradients, xs)) else "no"
    return ["yes", first, forward, _mapped(op, sample), second]


def _samples(op: Op, dtype: nd.DType) -> list[Sample]:
    try:
        return op.samples(Draw(dtype, "cpu"))
    except UNABLE:  # they cannot be had in this dtype
        return []


def _function(op: Op, sample: Sample, chosen: Callable[[Tensor], bool]) -> tuple[Function, list[Tensor]]:
    """Return the op as a function of some of the tensors of a sample, and these."""
    public: Any = next((getattr(space, op.name) for space in (ad.linalg, ad.fft, ad) if hasattr(space, op.name)), op)
    leaves, structure = tree_flatten(list(sample.args))
    places = [i for i, x in enumerate(leaves) if isinstance(x, Tensor) and chosen(x)]

    def f(*xs: Tensor) -> list[Tensor]:
        full = list(leaves)
        for i, x in zip(places, xs, strict=True):
            full[i] = x
        out: Any = public(*tree_unflatten(structure, full), **sample.params)
        return tree_leaves(out)

    return f, [leaves[i] for i in places]


def _pull(f: Function, xs: Any) -> Any:
    out, pull = ad.vjp(f, *xs)
    return pull(out)


def _mapped(op: Op, sample: Sample) -> str:
    f, xs = _function(op, sample, lambda x: True)
    if not xs:
        return "-"
    return "yes" if _can(lambda: ad.vmap(f)(*[ad.stack([x, x]) for x in xs])) else "no"


def _can(f: Callable[[], object]) -> bool:
    try:
        f()
    except UNABLE:
        return False
    return True


def page() -> str:
    """Return docs/derivatives.md."""
    known = blocks()
    ops = sorted(table, key=lambda name: (KINDS.index(known[name].kind), name))
    rows = [[f"`{name}`", known[name].kind, *abilities(table[name]), str(known[name].lines or "")] for name in ops]
    lines = [known[name].lines for name in ops if known[name].lines]
    counts = ", ".join(f"{sum(known[name].kind == kind for name in ops)} {kind}" for kind in KINDS)
    return PAGE_TEXT.format(
        counts=f"{len(ops)} ops: {counts}",
        median=f"{statistics.median(lines):g}",
        longest=max(lines),
        titles=" | ".join(COLUMNS),
        rules="---|" * len(COLUMNS),
        rows="\n".join(f"| {' | '.join(row)} |" for row in rows),
        special="\n".join(f"- `{name}`: {known[name].reason}" for name in ops if known[name].kind == "special"),
    )


def main() -> int:
    """Write the page."""
    PAGE.write_text(page())
    print(f"wrote {PAGE.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
