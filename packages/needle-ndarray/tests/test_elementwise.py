"""Elementwise functions: broadcasting, numbers, `out=`, views. The conformance kit tests what each op computes."""

from __future__ import annotations

import operator
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from needle import ndarray as nd
from needle.ndarray import _core, _elementwise

ROOT = Path(__file__).parents[3]


def test_the_stub_is_up_to_date() -> None:
    tool = ROOT / "tools" / "stubs.py"
    result = subprocess.run([sys.executable, str(tool), "--check"], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_every_op_is_a_function_of_the_namespace() -> None:
    ops = {**_core.unary, **_core.binary}
    assert set(_elementwise.__all__) == set(ops) <= set(nd.__all__)
    for name, function in ops.items():
        assert getattr(nd, name) is function
        assert function.__doc__


# From names that NumPy has too, each with a domain where its values are ordinary.
NUMPY_NAMES = {
    "pow": "power", "bitwise_invert": "invert", "bitwise_left_shift": "left_shift",
    "bitwise_right_shift": "right_shift", "atan2": "arctan2", "acosh": "arccosh",
}  # fmt: skip


@pytest.mark.parametrize("name", [n for n in _elementwise.__all__ if hasattr(np, NUMPY_NAMES.get(n, n))])
def test_values(device: str, name: str) -> None:
    expected = getattr(np, NUMPY_NAMES.get(name, name))
    arity = 1 if name in _core.unary else 2
    of_integers = name.startswith("bitwise")
    values = np.array([3, 1, 2, 7, 4]) if of_integers else np.array([0.5, 1.5, 2.25, 0.125, 1.0], np.float32)
    arguments = [values, values[::-1]][:arity]
    result = getattr(nd, name)(*(nd.asarray(a, device=device) for a in arguments))
    with np.errstate(all="ignore"):
        want = expected(*arguments)
    np.testing.assert_allclose(result.numpy(), want, rtol=1e-6)
    assert result.dtype.name == want.dtype.name


@given(shapes=hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=4, max_side=4, min_side=0))
def test_broadcasting(device: str, shapes: hnp.BroadcastableShapes) -> None:
    a, b = (np.arange(np.prod(shape, dtype=int)).reshape(shape) + 1 for shape in shapes.input_shapes)
    x, y = nd.asarray(a, device=device), nd.asarray(b, device=device)
    np.testing.assert_array_equal((x * 3 - y).numpy(), a * 3 - b, strict=True)
    assert nd.broadcast_shapes(a.shape, b.shape) == shapes.result_shape
    for view, expected in zip(nd.broadcast_arrays(x, y), np.broadcast_arrays(a, b), strict=True):
        np.testing.assert_array_equal(view.numpy(), expected, strict=True)


@given(data=st.data())
def test_strided_operands(device: str, data: st.DataObject) -> None:
    base = np.arange(120.0).reshape(4, 5, 6)
    x = nd.asarray(base, device=device)
    index = data.draw(hnp.basic_indices(base.shape, allow_newaxis=True, allow_ellipsis=True))
    axes = data.draw(st.permutations(range(base[index].ndim)))
    a, y = base[index].transpose(axes), x[index].permute_dims(*axes)
    np.testing.assert_array_equal((y + y).numpy(), a + a, strict=True)
    np.testing.assert_array_equal(nd.square(y).numpy(), a**2, strict=True)
    np.testing.assert_array_equal(nd.where(y > 50, y, 0.0).numpy(), np.where(a > 50, a, 0.0), strict=True)


def test_shapes_that_do_not_broadcast(device: str) -> None:
    x, y = nd.zeros((2, 3), device=device), nd.zeros((4,), device=device)
    with pytest.raises(ValueError, match=r"\[add\] shapes do not broadcast; got \(2, 3\) and \(4,\); expected"):
        _ = x + y
    with pytest.raises(ValueError, match=r"\[broadcast_to\] the shape cannot be broadcast; got \(2, 3\) to \(2, 4\)"):
        nd.broadcast_to(x, (2, 4))


BINARY = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "//": operator.floordiv,
    "%": operator.mod, "**": operator.pow, "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le,
    ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
INTEGER = {"&": operator.and_, "|": operator.or_, "^": operator.xor, "<<": operator.lshift, ">>": operator.rshift}
IN_PLACE = {
    "+=": operator.iadd, "-=": operator.isub, "*=": operator.imul, "/=": operator.itruediv, "//=": operator.ifloordiv,
    "%=": operator.imod, "**=": operator.ipow,
}  # fmt: skip


@pytest.mark.parametrize("symbol", [*BINARY, *INTEGER])
def test_operators(device: str, symbol: str) -> None:
    apply: Callable[[Any, Any], Any] = {**BINARY, **INTEGER}[symbol]
    dtype = np.int64 if symbol in INTEGER else np.float64
    a, b = np.array([1, 5, 3], dtype), np.array([2, 2, 3], dtype)
    x, y = nd.asarray(a, device=device), nd.asarray(b, device=device)
    np.testing.assert_allclose(apply(x, y).numpy(), apply(a, b), rtol=1e-15)
    np.testing.assert_allclose(apply(x, 2).numpy(), apply(a, 2), rtol=1e-15)
    np.testing.assert_allclose(apply(2, y).numpy(), apply(2, b), rtol=1e-15)


def test_operators_of_one_operand(device: str) -> None:
    x = nd.asarray([-1, 0, 2], device=device)
    assert (-x).tolist() == [1, 0, -2]
    assert (+x).tolist() == [-1, 0, 2]
    assert abs(x).tolist() == [1, 0, 2]
    assert (~x).tolist() == [0, -1, -3]
    assert (~(x > 0)).tolist() == [True, True, False]


@pytest.mark.parametrize("symbol", IN_PLACE)
def test_in_place(device: str, symbol: str) -> None:
    apply: Callable[[Any, Any], Any] = IN_PLACE[symbol]
    a = np.arange(1.0, 13).reshape(3, 4)
    x = nd.asarray(a, device=device)
    alias, view, array_view = x, x.T[1:3], a.T[1:3]
    result = apply(view, 2)
    apply(array_view, 2)
    assert result is view
    np.testing.assert_allclose(alias.numpy(), a, rtol=1e-15)


def test_in_place_keeps_dtype_and_shape(device: str) -> None:
    x = nd.ones(3, nd.int32, device)
    with pytest.raises(TypeError, match=r"\[divide\] the array to write has another dtype than the result; got"):
        x /= 2
    with pytest.raises(ValueError, match=r"\[add\] the array to write has another shape than the result; got "):
        x += nd.ones((2, 3), nd.int32, device)
    assert x.tolist() == [1, 1, 1]


def test_out(device: str) -> None:
    x, out = nd.asarray([[1.0, 2.0], [3.0, 4.0]], device=device), nd.zeros((2, 2), device=device)
    assert nd.add(x, 1, out=out.T).T.shares_buffer(out)
    assert out.tolist() == [[2.0, 4.0], [3.0, 5.0]]
    nd.exp(nd.zeros((2, 2), device=device), out=out)
    assert out.tolist() == [[1.0, 1.0], [1.0, 1.0]]
    mask = nd.zeros((2, 2), nd.bool, device)
    nd.less(x, 3.0, out=mask)
    assert mask.tolist() == [[True, True], [False, False]]


def test_out_may_overlap_the_operands(device: str) -> None:
    x = nd.arange(6.0, device=device)
    nd.add(x[:-1], 10.0, out=x[1:])
    assert x.tolist() == [0, 10, 11, 12, 13, 14]
    y = nd.arange(4.0, device=device).reshape(2, 2)
    nd.subtract(y, y.T, out=y)
    assert y.tolist() == [[0, -1], [1, 0]]


def test_out_is_checked_before_anything_is_written(device: str) -> None:
    x, out = nd.ones((2, 2), device=device), nd.zeros((2, 2), nd.float64, device)
    with pytest.raises(TypeError, match=r"\[exp\] the array to write has another dtype than the result; got"):
        nd.exp(x, out=out)
    with pytest.raises(ValueError, match=r"\[exp\] the array to write has another shape than the result; got "):
        nd.exp(x, out=nd.zeros(3, device=device))
    with pytest.raises(ValueError, match=r"cannot write to a view that shows one element at several places; got shape"):
        nd.add(x, x, out=nd.broadcast_to(nd.zeros(2, device=device), (2, 2)))
    with pytest.raises(TypeError, match=r"\[exp\] not an array; got list; expected NDArray"):
        nd.exp(x, out=[1])  # type: ignore[arg-type]
    assert out.tolist() == [[0, 0], [0, 0]]


def test_devices_do_not_mix() -> None:
    x, y = nd.ones(2, device="cpu"), nd.ones(2, device="numpy")
    with pytest.raises(ValueError, match=r"\[multiply\] operands on different devices; got cpu and numpy; hint:"):
        _ = x * y
    with pytest.raises(ValueError, match=r"\[add\] the array to write is on another device; got numpy; expected cpu"):
        nd.add(x, x, out=y)


def test_dtypes_that_an_op_does_not_take(device: str) -> None:
    x = nd.ones(2, nd.float32, device)
    with pytest.raises(TypeError, match=r"\[bitwise_and\] the op does not take this dtype; got float32; expected a"):
        _ = x & x
    with pytest.raises(TypeError, match=r"\[bitwise_left_shift\] .*; got float64; expected an integer dtype; hint:"):
        _ = nd.ones(2, nd.float64, device) << 1


def test_other_types_are_refused(device: str) -> None:
    x = nd.ones(2, device=device)
    with pytest.raises(TypeError, match="unsupported operand"):
        x + "1"  # type: ignore[operator]
    with pytest.raises(TypeError, match=r"\[add\] not an array; got str; expected NDArray; hint: make one with"):
        nd.add(x, "1")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"\[add\] not an array; got int"):
        nd.add(1, 2)
    assert (x == None) is False  # noqa: E711 - the operator is what is tested


def test_where_of_numbers(device: str) -> None:
    condition = nd.asarray([True, False], device=device)
    for x, y, dtype in [(1, 2, nd.int64), (1, 0.5, nd.float32), (True, False, nd.bool)]:
        result = nd.where(condition, x, y)
        assert result.tolist() == [x, y]
        assert result.dtype is dtype
    with pytest.raises(TypeError, match=r"\[where\] the condition is not bool; got int64; expected bool; hint:"):
        nd.where(nd.ones(2, nd.int64, device), 1, 2)


def test_nan_and_the_extremes(device: str) -> None:
    x, y = nd.asarray([1.0, float("nan"), 2.0], device=device), nd.asarray([float("nan"), 1.0, 1.0], device=device)
    np.testing.assert_array_equal(nd.maximum(x, y).numpy(), np.array([np.nan, np.nan, 2], np.float32))
    np.testing.assert_array_equal(nd.minimum(x, y).numpy(), np.array([np.nan, np.nan, 1], np.float32))
    assert (x == x + 0).tolist() == [True, False, True]


def test_integer_division(device: str) -> None:
    x, y = nd.asarray([7, -7, 7, -7, 5], device=device), nd.asarray([2, 2, -2, -2, 0], device=device)
    assert (x // y).tolist() == [3, -4, -4, 3, 0]
    assert (x % y).tolist() == [1, 1, -1, -1, 0]


def test_empty_arrays(device: str) -> None:
    x = nd.zeros((0, 3), device=device)
    assert (x + nd.zeros((1, 3), device=device)).shape == (0, 3)
    assert nd.exp(x).tolist() == []
