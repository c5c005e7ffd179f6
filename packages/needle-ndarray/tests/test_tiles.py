"""How the cpu backend cuts elementwise work: turned operands, short rows, repeated values, results past the caches."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations, product
from typing import Any

import numpy as np
import pytest

from needle import ndarray as nd

Array = np.ndarray[Any, np.dtype[Any]]
Function = Callable[[Any, Any], Any]

# Of each size of elements; blocks of 16 rows and columns at most are turned over at once.
DTYPES = ["uint8", "int16", "float16", "float32", "float64", "complex64", "complex128"]
EXTENTS = [1, 2, 7, 8, 9, 15, 16, 17, 31, 33, 70]


def numbers(dtype: str, *shape: int) -> Array:
    return (np.arange(np.prod(shape)) * 7 % 199).reshape(shape).astype(dtype)


def on_cpu(x: Array) -> nd.NDArray:
    return nd.asarray(x, device="cpu")


@pytest.mark.parametrize("dtype", DTYPES)
def test_turned_copies(dtype: str) -> None:
    for rows, columns in product(EXTENTS, EXTENTS):
        x = numbers(dtype, rows, columns)
        y = on_cpu(x)
        np.testing.assert_array_equal(nd.copy(y.T).numpy(), x.T, strict=True)
        z = nd.zeros((2 * columns, rows + 3), dtype=getattr(nd, dtype), device="cpu")
        z[::2, 1:-2] = y.T
        np.testing.assert_array_equal(z[::2, 1:-2].numpy(), x.T, strict=True)
        assert int(nd.sum(z[1::2] != 0)) == 0
        assert int(nd.sum(z[:, 0] != 0)) == 0
        assert int(nd.sum(z[:, -2:] != 0)) == 0


@pytest.mark.parametrize("dtype", ["uint8", "float16", "float32", "float64"])
@pytest.mark.parametrize("shape", [(40, 70), (3, 33, 20), (17, 2, 65)], ids=str)
def test_every_order_of_the_axes(dtype: str, shape: tuple[int, ...]) -> None:
    x = numbers(dtype, *shape)
    y = on_cpu(x)
    for axes in permutations(range(x.ndim)):
        a, b = x.transpose(axes), y.permute_dims(*axes)
        plain, flat = numbers(dtype, *a.shape), on_cpu(numbers(dtype, *a.shape))
        np.testing.assert_array_equal(nd.copy(b).numpy(), a, strict=True)
        np.testing.assert_array_equal((b + flat).numpy(), a + plain, strict=True)
        np.testing.assert_array_equal((flat - b).numpy(), plain - a, strict=True)
        np.testing.assert_array_equal(nd.where(b > flat, b, flat).numpy(), np.maximum(a, plain), strict=True)
        np.testing.assert_array_equal(nd.astype(b, nd.float64).numpy(), a.astype(np.float64), strict=True)
        np.testing.assert_array_equal(nd.astype(b, nd.bfloat16).astype(nd.float32).numpy(), a.astype(np.float32))


def broadcasts() -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    short = [(1000, n) for n in (1, 2, 3, 5, 8, 17, 64, 100, 255, 257)]
    pairs = [(shape, other) for shape in short for other in ((shape[1],), (shape[0], 1), (), (1, 1))]
    return [
        *pairs,
        ((30, 4, 5, 5), (4, 1, 1)),
        ((30, 4, 5, 5), (30, 1, 5, 1)),
        ((7, 1, 9), (1, 11, 9)),
        ((2, 3000), (2, 1)),
    ]


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "uint8"])
@pytest.mark.parametrize("apply", [lambda x, y: x + y, lambda x, y: y - x, lambda x, y: x < y], ids=["+", "-", "<"])
def test_broadcast_rows_and_columns(dtype: str, apply: Function) -> None:
    for shape, other in broadcasts():
        x, y = numbers(dtype, *shape), numbers(dtype, *other)
        np.testing.assert_array_equal(apply(on_cpu(x), on_cpu(y)).numpy(), apply(x, y), strict=True)
        condition = on_cpu(y) > 50
        np.testing.assert_array_equal(nd.where(condition, on_cpu(x), on_cpu(y)).numpy(), np.where(y > 50, x, y))


@pytest.mark.parametrize("dtype", ["float32", "float16", "int64"])
def test_rows_with_gaps(dtype: str) -> None:
    x = numbers(dtype, 700, 12)
    y = on_cpu(x)
    for key in (np.s_[:, :3], np.s_[:, 1:12:2], np.s_[::3, ::-1], np.s_[:, 5:6]):
        np.testing.assert_array_equal((y[key] * 2 - 1).numpy(), x[key] * x.dtype.type(2) - x.dtype.type(1), strict=True)
        z = nd.zeros((700, 12), dtype=y.dtype, device="cpu")
        nd.add(y[key], y[key], out=z[key])
        want = np.zeros_like(x)
        want[key] = x[key] + x[key]
        np.testing.assert_array_equal(z.numpy(), want, strict=True)


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_other_element(dtype: str) -> None:
    x = numbers(dtype, 300)
    y = on_cpu(x)
    for n in (*range(1, 70), 127, 128, 129):
        for start in (0, 1):
            key = slice(start, start + 2 * n - 1, 2)
            np.testing.assert_array_equal((y[key] + y[:n]).numpy(), x[key] + x[:n], strict=True)
            np.testing.assert_array_equal(nd.copy(y[key]).numpy(), x[key], strict=True)


@pytest.mark.parametrize("threads", [1, 3])
def test_results_that_no_cache_holds(threads: int) -> None:
    """Such results are written past the caches, from whatever address on."""
    before = nd.get_num_threads()
    nd.set_num_threads(threads)
    try:
        x = numbers("float32", 2501, 2803)
        y = on_cpu(x)
        np.testing.assert_array_equal((y + y).numpy(), x + x, strict=True)
        np.testing.assert_array_equal((y * y.T[0, 0] + 3).numpy(), x * x[0, 0] + 3, strict=True)
        np.testing.assert_array_equal(nd.copy(y.T).numpy(), x.T, strict=True)
        np.testing.assert_array_equal(nd.copy(y).numpy(), x, strict=True)
        np.testing.assert_array_equal(y.astype(nd.float64).numpy(), x.astype(np.float64), strict=True)
        np.testing.assert_array_equal(nd.where(y > 3, y, 1.0).numpy(), np.where(x > 3, x, np.float32(1)), strict=True)
        np.testing.assert_array_equal(nd.where(y > 3, y, -y).numpy(), np.where(x > 3, x, -x), strict=True)
        rows = x.reshape(-1)[: 1_600 * 4_096].reshape(1_600, 4_096)
        for other in (rows[3], rows[:, 5:6]):
            result = y.reshape(-1)[: rows.size].reshape(rows.shape) - on_cpu(np.ascontiguousarray(other))
            np.testing.assert_array_equal(result.numpy(), rows - other, strict=True)
        np.testing.assert_array_equal(nd.full((7_000_001,), 2.5, device="cpu").numpy(), np.full(7_000_001, 2.5, "f4"))
        out = nd.zeros((2501 * 2803 + 3,), device="cpu")
        nd.negative(y.reshape(-1), out=out[3:])
        np.testing.assert_array_equal(out.numpy()[3:], -x.ravel())
        assert out[:3].tolist() == [0, 0, 0]
        half = on_cpu(np.tile(x, (2, 1))).astype(nd.float16)
        np.testing.assert_array_equal((half + half).numpy(), np.tile(x + x, (2, 1)).astype(np.float16), strict=True)
    finally:
        nd.set_num_threads(before)
