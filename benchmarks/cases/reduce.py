"""Reductions, scans, order, indexed access, joining, random fill."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from benchmarks.case import Build, Case, Target, Work, floats, integers

SIDE = 4096
ROWS, COLUMNS = 4096, 1024


def cases() -> Iterator[Case]:
    """Yield the cases of the family."""
    whole = (floats(SIDE, SIDE),)
    once, streamed = Work(4.0 * SIDE * SIDE, "read"), Target(share=0.9)
    for axis in (0, 1, None):
        label = "all" if axis is None else f"ax{axis}"
        for name in ("sum", "mean", "max"):
            yield Case(f"reduce/{name}_{label}", whole, _along(name, axis), _torch(name, axis), once, streamed)
    cube = (floats(256, 256, 256),)
    yield Case("reduce/sum_middle_256", cube, _along("sum", 1), {}, once, streamed)
    yield Case(
        "reduce/var_ax1", whole, _along("var", 1), {**_torch("var", 1), "tinygrad": _tinygrad_var}, None, Target()
    )
    yield Case("reduce/prod_1e3", (floats(1000),), _along("prod", None), _torch("prod", None), None, Target())
    yield Case("reduce/sum_1e3", (floats(1000),), _along("sum", None), {}, None, Target())
    yield Case("reduce/sum_1e6", (floats(1_000_000),), _along("sum", None), {}, None, Target())
    for axis in (0, 1):
        yield Case(f"reduce/argmax_ax{axis}", whole, _along("argmax", axis), {}, once, Target(0.6))
    for axis in (0, 1):
        yield Case(f"reduce/cumsum_ax{axis}", (floats(ROWS, COLUMNS),), _cumsum(axis),
                   {"needle": _cumulative_sum(axis)}, None, Target())  # fmt: skip
    yield from _order()
    yield from _indexed()
    yield from _fill()


def _along(name: str, axis: int | None) -> Build:
    return lambda xp: partial(getattr(xp, name), axis=axis)


def _torch(name: str, axis: int | None) -> dict[str, Build | None]:
    """PyTorch's maximum along an axis gives indices too, its variance divides by n - 1, and None is no axis to it."""
    if axis is None:
        return {"torch": lambda torch: getattr(torch, name)}
    if name == "max":
        return {"torch": lambda torch: partial(torch.amax, dim=axis)}
    return {"torch": lambda torch: partial(torch.var, dim=axis, correction=0)} if name == "var" else {}


def _tinygrad_var(tinygrad: Any) -> Any:
    return partial(tinygrad.Tensor.var, axis=1, correction=0)


def _cumsum(axis: int) -> Build:
    return lambda xp: partial(xp.cumsum, axis=axis)


def _cumulative_sum(axis: int) -> Build:
    return lambda needle: partial(needle.ndarray.cumulative_sum, axis=axis)


def _order() -> Iterator[Case]:
    first: dict[str, Build | None] = {
        "torch": lambda torch: lambda x: torch.sort(x).values,
        "tinygrad": None,  # minutes
    }
    yield Case("reduce/sort_1e6", (floats(1_000_000),), lambda xp: xp.sort, first, None, Target())
    yield Case("reduce/sort_rows_1000", (floats(1000, 1000),), lambda xp: xp.sort, first, None, Target())
    stable: dict[str, Build | None] = {"torch": lambda torch: partial(torch.argsort, stable=True), "tinygrad": None}
    stable["numpy"] = lambda np: partial(np.argsort, kind="stable")
    yield Case("reduce/argsort_1e6", (floats(1_000_000),), lambda xp: xp.argsort, stable, None, Target())
    k = 8
    top: dict[str, Build | None] = {
        "needle": lambda needle: lambda x: needle.ndarray.topk(x, k)[0],
        "numpy": lambda np: lambda x: -np.sort(np.partition(-x, k, axis=-1)[..., :k], axis=-1),
        "torch": lambda torch: lambda x: torch.topk(x, k).values,
        "jax": lambda jax: lambda x: jax.lax.top_k(x, k)[0],
        "mlx": lambda mlx: lambda x: mlx.core.topk(x, k),
    }
    yield Case("reduce/topk8_4096x1024", (floats(ROWS, COLUMNS),), None, top, None, Target())


def _indexed() -> Iterator[Case]:
    words, width, tokens = 50_000, 256, 8192
    table, index = floats(words, width), integers(tokens, below=words)
    own: dict[str, Build | None] = {
        "torch": lambda torch: lambda x, i: torch.nn.functional.embedding(i, x),
        "tinygrad": lambda _: lambda x, i: x[i],
    }
    yield Case("reduce/embedding_8192x256", (table, index), lambda xp: partial(xp.take, axis=0), own, None, Target())
    each = integers(ROWS, COLUMNS, below=COLUMNS)
    along: dict[str, Build | None] = {
        "torch": lambda torch: lambda x, i: torch.gather(x, 1, i),
        "tinygrad": lambda _: lambda x, i: x.gather(1, i),
    }
    yield Case("reduce/gather_4096x1024", (floats(ROWS, COLUMNS), each),
               lambda xp: partial(xp.take_along_axis, axis=1), along, None, Target())  # fmt: skip
    add: dict[str, Build | None] = {
        "needle": _needle_scatter,
        "numpy": _numpy_scatter,
        "torch": lambda torch: lambda x, i, u: torch.index_add(x, 0, i, u),
        "jax": lambda _: lambda x, i, u: x.at[i].add(u),
        "mlx": lambda _: lambda x, i, u: x.at[i].add(u),
    }
    base, rows, updates = floats(tokens, width), integers(tokens, below=tokens), floats(tokens, width)
    yield Case("reduce/scatter_add_8192x256", (base, rows, updates), None, add, None, Target())


def _needle_scatter(needle: Any) -> Any:
    nd = needle.ndarray

    def scatter_add(x: Any, index: Any, updates: Any) -> Any:
        wide = nd.broadcast_to(nd.expand_dims(index, axis=1), updates.shape)
        return nd.scatter(x, wide, updates, axis=0, op="add")

    return scatter_add


def _numpy_scatter(np: Any) -> Any:
    def scatter_add(x: Any, index: Any, updates: Any) -> Any:
        out = x.copy()
        np.add.at(out, index, updates)
        return out

    return scatter_add


def _fill() -> Iterator[Case]:
    half = floats(SIDE // 2, SIDE)
    work = Work(8.0 * SIDE * SIDE, "copy")
    own: dict[str, Build | None] = {
        "numpy": lambda np: lambda x, y: np.concatenate([x, y]),
        "jax": lambda jax: lambda x, y: jax.numpy.concatenate([x, y]),
        "mlx": lambda mlx: lambda x, y: mlx.core.concatenate([x, y]),
        "tinygrad": lambda tinygrad: tinygrad.Tensor.cat,
    }
    yield Case("reduce/concat_4096", (half, half), lambda xp: lambda x, y: xp.concat([x, y]), own, work,
               Target(share=0.9))  # fmt: skip
    for label, n in {"1e3": 1000, "1e6": 1_000_000, "16e6": 16_000_000}.items():
        for kind in ("uniform", "normal"):
            x = integers(n, below=9, dtype="int32")
            yield Case(f"random/{kind}_{label}", (x,), None, _random(kind), None, Target())


def _random(kind: str) -> dict[str, Build | None]:
    """As many numbers as x has; JAX takes its key from there too, lest it computes them once and for all."""

    def needle(root: Any) -> Any:
        draw = getattr(root.ndarray.random.Generator(0), kind)
        return lambda x: draw(x.shape)

    def numpy(np: Any) -> Any:
        generator = np.random.Generator(np.random.SFC64(0))
        draw = generator.random if kind == "uniform" else generator.standard_normal
        return lambda x: draw(x.shape, dtype=np.float32)

    def torch(root: Any) -> Any:
        draw = root.rand if kind == "uniform" else root.randn
        return lambda x: draw(x.shape)

    def jax(root: Any) -> Any:
        draw = getattr(root.random, kind)
        return lambda x: draw(root.random.key(x[0]), x.shape, dtype=root.numpy.float32)

    def mlx(root: Any) -> Any:
        draw = getattr(root.core.random, kind)
        return lambda x: draw(shape=x.shape)

    def tinygrad(root: Any) -> Any:
        draw = root.Tensor.rand if kind == "uniform" else root.Tensor.randn
        return lambda x: draw(*x.shape)

    return {"needle": needle, "numpy": numpy, "torch": torch, "jax": jax, "mlx": mlx, "tinygrad": tinygrad}
