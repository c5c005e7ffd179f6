"""Products, norms, diagonals and powers, which need no LAPACK, against NumPy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose, assert_array_equal

from needle import ndarray as nd
from needle.ndarray import linalg

NUMBERS = [np.int8, np.uint8, np.int64, np.float32, np.float64, np.complex64, np.complex128]
FLOATS = [np.float32, np.float64, np.complex64, np.complex128]
SHAPES = hnp.array_shapes(min_dims=2, max_dims=4, min_side=0, max_side=4)
ORDERS = [0, 1, -1, 2, -2, 3, -3, 0.5, 2.5, math.inf, -math.inf]
Host = np.ndarray[Any, Any]


def counted(shape: tuple[int, ...], dtype: Any = np.int64) -> Host:
    return np.arange(math.prod(shape)).reshape(shape).astype(dtype)


def small(rng: np.random.Generator, shape: tuple[int, ...], dtype: Any) -> Host:
    """Return whole numbers, of which sums are exact in any order."""
    a = rng.integers(0 if np.dtype(dtype).kind == "u" else -3, 4, shape)
    return (a + 1j * rng.integers(-3, 4, shape) if np.dtype(dtype).kind == "c" else a).astype(dtype)


@given(shape=SHAPES, offset=st.integers(-6, 6), is_transposed=st.booleans())
def test_diagonal_is_a_view(device: str, shape: tuple[int, ...], offset: int, is_transposed: bool):
    a = counted(shape)
    x = nd.asarray(a, device=device)
    a, x = (a.swapaxes(-1, -2), x.mT) if is_transposed else (a, x)
    view = linalg.diagonal(x, offset=offset)
    m, n = a.shape[-2:]
    if -m < offset < n:
        assert_array_equal(view.numpy(), a.diagonal(offset, -2, -1), strict=True)
    else:
        assert view.shape == (*shape[:-2], 0)
    assert view.shares_buffer(x)


def test_writes_to_a_diagonal_are_seen(device: str):
    x = nd.zeros((2, 2), device=device)
    linalg.diagonal(x[::-1])[...] = nd.asarray([1.0, 2.0], device=device)
    assert x.tolist() == [[0.0, 2.0], [1.0, 0.0]]


@given(shape=SHAPES.filter(lambda shape: 0 not in shape[-2:]), offset=st.integers(-2, 2))
@pytest.mark.parametrize("dtype", [*NUMBERS, np.bool_])
def test_trace(device: str, dtype: type, shape: tuple[int, ...], offset: int):
    a = counted(shape, dtype)
    x = nd.asarray(a, device=device)
    result = linalg.trace(x, offset=offset)
    assert result.shape == shape[:-2]
    assert result.dtype is nd.sum(x).dtype
    assert_array_equal(result.numpy(), a.trace(offset, -2, -1))
    assert linalg.trace(x, dtype=nd.complex128).dtype is nd.complex128


def test_functions_of_the_main_namespace():
    for name in ("matmul", "matrix_transpose", "tensordot", "vecdot"):
        assert getattr(linalg, name) is getattr(nd, name)


def test_vecdot_conjugates_the_first_operand(device: str):
    a, b = np.asarray([1j, 2j, 3j]), np.asarray([1, 2j, 3])
    assert nd.vecdot(nd.asarray(a, device=device), nd.asarray(b, device=device)).item() == np.vdot(a, b) == 4 - 10j


@pytest.mark.parametrize("dtype", NUMBERS)
@pytest.mark.parametrize(("m", "n"), [(3, 2), (0, 2), (1, 1)])
def test_outer(device: str, dtype: type, m: int, n: int, rng: np.random.Generator):
    a, b = small(rng, (m,), dtype), small(rng, (2 * n,), np.int8)[::2]
    result = linalg.outer(nd.asarray(a, device=device), nd.asarray(b.copy(), device=device))
    assert_array_equal(result.numpy(), np.outer(a, b).astype(str(result.dtype)), strict=True)
    assert result.dtype is nd.result_type(nd.asarray(a), nd.int8)


CROSSES = [((3,), (3,), -1), ((2, 3), (3,), -1), ((3, 2), (3, 2), -2), ((4, 1, 3), (2, 3), -1), ((3, 0), (3, 1), -2),
           ((2, 3, 4), (3, 1), -2)]  # fmt: skip


@pytest.mark.parametrize("dtype", NUMBERS)
@pytest.mark.parametrize(("first", "second", "axis"), CROSSES)
def test_cross(device: str, dtype: type, first, second, axis: int, rng: np.random.Generator):
    a, b = small(rng, first, dtype), small(rng, second, dtype)
    result = linalg.cross(nd.asarray(a, device=device), nd.asarray(b, device=device), axis=axis)
    expected = np.cross(*(np.moveaxis(each, axis, -1) for each in (a, b)))
    assert_array_equal(result.numpy(), np.moveaxis(expected, -1, axis), strict=True)


@pytest.mark.parametrize("dtype", NUMBERS)
@pytest.mark.parametrize("n", [0, 1, 2, 3, 6, 7])
def test_matrix_power(device: str, dtype: type, n: int, rng: np.random.Generator):
    a = small(rng, (2, 1, 3, 3), dtype)
    result = linalg.matrix_power(nd.asarray(a, device=device), n)
    assert_array_equal(result.numpy(), np.linalg.matrix_power(a, n), strict=True)


def test_powers_of_inverses(device: str, rng: np.random.Generator):
    a = rng.standard_normal((2, 3, 3)) + 4 * np.eye(3)
    result = linalg.matrix_power(nd.asarray(a, device=device), -3)
    assert_allclose(result.numpy(), np.linalg.matrix_power(a, -3), rtol=1e-12, atol=1e-12, strict=True)
    assert linalg.matrix_power(nd.asarray([[4]], device=device), -1).tolist() == [[0.25]]
    assert linalg.matrix_power(nd.zeros((0, 2, 2), device=device), -2).shape == (0, 2, 2)
    with pytest.raises(linalg.LinAlgError, match=r"\[inv\] the matrix is singular"):
        linalg.matrix_power(nd.zeros((2, 2), device=device), -1)


def test_the_power_one_is_no_alias(device: str):
    x = nd.eye(2, device=device)
    linalg.matrix_power(x, 1)[0, 0] = 5
    assert x[0, 0].item() == 1


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("axis", [None, 0, -1, (0, 2), (1,), (0, 1, 2)])
def test_vector_norm(device: str, order: float, dtype: type, axis: Any, rng: np.random.Generator):
    a = small(rng, (2, 3, 4), dtype) + dtype(0.5)
    x = nd.asarray(a, device=device)
    result = linalg.vector_norm(x, axis=axis, ord=order)
    axes = tuple(range(3)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    last = np.moveaxis(a, axes, range(3 - len(axes), 3))
    expected = np.linalg.norm(last.reshape(*last.shape[: 3 - len(axes)], -1), order, -1)
    assert_allclose(result.numpy(), np.asarray(expected.astype(abs(a).dtype)), rtol=1e-5, strict=True)
    shape = tuple(1 if i in {each % 3 for each in axes} else extent for i, extent in enumerate(a.shape))
    assert linalg.vector_norm(x, axis=axis, ord=order, keepdims=True).shape == shape


@pytest.mark.parametrize("order", ["fro", "nuc", 1, -1, 2, -2, math.inf, -math.inf])
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("shape", [(3, 4), (2, 5, 4, 3), (0, 2, 2), (1, 1)])
def test_matrix_norm(device: str, order: Any, dtype: type, shape, rng: np.random.Generator):
    a = small(rng, shape, dtype)
    x = nd.asarray(np.ascontiguousarray(a.swapaxes(-1, -2)), device=device).mT
    result = linalg.matrix_norm(x, ord=order)
    expected = np.asarray(np.linalg.norm(a, order, (-2, -1))).astype(abs(a).dtype)
    assert_allclose(result.numpy(), expected, rtol=1e-5, atol=1e-5, strict=True)
    assert str(result.device) == device
    assert linalg.matrix_norm(x, ord=order, keepdims=True).shape == (*shape[:-2], 1, 1)


def test_norms_of_nothing(device: str):
    x = nd.zeros((2, 0), device=device)
    for order in ORDERS:
        expected = math.inf if order < 0 else 0.0
        assert linalg.vector_norm(x, ord=order).item() == expected
        assert linalg.vector_norm(x, axis=1, ord=order).tolist() == [expected] * 2
    for order in ("fro", "nuc", 1, 2, math.inf):
        assert linalg.matrix_norm(x, ord=order).item() == 0
    assert linalg.matrix_norm(x, ord=-1).item() == linalg.matrix_norm(x, ord=-2).item() == math.inf
    assert linalg.vector_norm(x.mT, axis=1).shape == (0,)


@pytest.mark.parametrize("dtype", [nd.float16, nd.bfloat16], ids=str)
def test_halves_are_summed_in_float32(device: str, dtype: nd.DType):
    x = nd.full((100, 100), 32.0, dtype, device)
    assert linalg.vector_norm(x).dtype is linalg.matrix_norm(x).dtype is dtype
    assert linalg.vector_norm(x).item() == linalg.matrix_norm(x).item() == 3200.0
    assert linalg.matrix_norm(x, ord=1).item() == linalg.vector_norm(x[0], ord=1).item() == 3200.0


def test_integers_are_taken_as_float32(device: str):
    x = nd.asarray([[3, -4]], dtype=nd.int8, device=device)
    for norm in (linalg.vector_norm(x), linalg.matrix_norm(x), linalg.matrix_norm(x, ord=2)):
        assert (norm.dtype, norm.item()) == (nd.float32, 5.0)
    assert linalg.vector_norm(x, ord=0).dtype is nd.float32


def test_wrong_operands(device: str):
    x = nd.ones((2, 3), device=device)
    with pytest.raises(ValueError, match=r"\[outer\] not two vectors; got shapes \(2, 3\) and \(3,\)"):
        linalg.outer(x, x[0])
    with pytest.raises(ValueError, match=r"\[cross\] the vectors do not have 3 elements; got axis -2 of shapes"):
        linalg.cross(x, x, axis=-2)
    with pytest.raises(IndexError, match=r"\[cross\] axis out of range; got axis 1 .*; expected one of both operands"):
        linalg.cross(x, x, axis=1)
    with pytest.raises(IndexError, match=r"\[cross\] axis out of range; got axis -2 of shapes \(2, 3\) and \(3,\)"):
        linalg.cross(x, x[0], axis=-2)
    with pytest.raises(ValueError, match=r"\[matrix_norm\] unknown order; got 3; expected \('fro', 'nuc', 1, -1, 2"):
        linalg.matrix_norm(x, ord=3)
    with pytest.raises(ValueError, match=r"\[matrix_power\] the matrix is not square; got shape \(2, 3\)"):
        linalg.matrix_power(x, 2)
    for function in (linalg.matrix_norm, linalg.trace, linalg.diagonal):
        with pytest.raises(ValueError, match=rf"\[{function.__name__}\] not a matrix; got shape \(3,\); expected"):
            function(x[0])
    with pytest.raises(TypeError, match=r"\[vector_norm\] not an array; got list"):
        linalg.vector_norm([1.0])  # type: ignore[arg-type]
    with pytest.raises(IndexError, match="axis out of range"):
        linalg.vector_norm(x, axis=2)
