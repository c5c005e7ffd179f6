"""Arrays from values, against NumPy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from needle import ndarray as nd

DTYPES = [getattr(nd, name) for name in (
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32", "float64",
)]  # fmt: skip


@pytest.mark.parametrize("dtype", [*DTYPES, nd.bfloat16], ids=str)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3), (2, 0, 3)])
def test_constants(device: str, dtype: nd.DType, shape: tuple[int, ...]) -> None:
    for x, value in [
        (nd.zeros(shape, dtype, device), 0),
        (nd.ones(shape, dtype, device), 1),
        (nd.full(shape, 1, dtype, device), 1),
    ]:
        assert (x.shape, x.dtype, str(x.device)) == (shape, dtype, device)
        np.testing.assert_array_equal(x.astype(nd.float64).numpy(), np.full(shape, value, np.float64), strict=True)
    assert nd.empty(shape, dtype, device).shape == shape


def test_constants_default_to_float32_and_take_an_int_as_shape(device: str) -> None:
    for x in (nd.zeros(3, device=device), nd.ones(3, device=device), nd.empty(3, device=device)):
        assert (x.shape, x.dtype) == ((3,), nd.float32)


NATURAL = [(True, nd.bool), (3, nd.int64), (2.5, nd.float32), (np.int8(3), nd.int64)]


@pytest.mark.parametrize(("value", "dtype"), NATURAL)
def test_full_takes_its_dtype_from_the_value(device: str, value: Any, dtype: nd.DType) -> None:
    x = nd.full((2,), value, device=device)
    assert x.dtype is dtype
    assert x.tolist() == [value, value]


def test_full_refuses_what_does_not_fit(device: str) -> None:
    with pytest.raises(OverflowError, match=r"\[full\] the number does not fit into the dtype; got 300; expected"):
        nd.full((2,), 300, nd.uint8, device)
    with pytest.raises(TypeError, match=r"\[full\] a float cannot become an element of an integer array"):
        nd.full((2,), 1.5, nd.int32, device)
    with pytest.raises(ValueError, match=r"negative extent in a shape; got \(2, -1\); expected extents >= 0"):
        nd.full((2, -1), 1.5, device=device)
    with pytest.raises(MemoryError, match=r"array too large for any memory; got shape"):
        nd.full((2**31, 2**31, 2**31), 1.5, device=device)


def test_like(device: str) -> None:
    x = nd.full((2, 3), 7, nd.int16, device)
    assert nd.zeros_like(x).tolist() == [[0] * 3] * 2
    assert nd.ones_like(x).tolist() == [[1] * 3] * 2
    assert nd.full_like(x, 5).tolist() == [[5] * 3] * 2
    for y in (nd.zeros_like(x), nd.ones_like(x), nd.full_like(x, 5), nd.empty_like(x)):
        assert (y.shape, y.dtype, y.device) == (x.shape, x.dtype, x.device)
    other = "numpy" if device == "cpu" else "cpu"
    y = nd.full_like(x, 0.5, dtype=nd.float64, device=other)
    assert (y.dtype, str(y.device)) == (nd.float64, other)


@pytest.mark.parametrize("arguments", [(5,), (2, 9), (9, 2, -3), (0, 10, 3), (5, 2), (0,), (-3,), (2**62, 2**62 + 3)])
def test_arange_of_integers_is_exact(device: str, arguments: Any) -> None:
    x = nd.arange(*arguments, device=device)
    assert x.dtype is nd.int64
    assert x.tolist() == list(range(*arguments))


@pytest.mark.parametrize("dtype", [d for d in DTYPES if d.kind in ("int", "uint")], ids=str)
def test_arange_in_every_integer_dtype(device: str, dtype: nd.DType) -> None:
    x = nd.arange(100, 20, -7, dtype=dtype, device=device)
    np.testing.assert_array_equal(x.numpy(), np.arange(100, 20, -7, dtype=dtype.name), strict=True)


def test_arange_at_the_ends_of_a_dtype(device: str) -> None:
    assert nd.arange(2**64 - 2, 2**64, dtype=nd.uint64, device=device).tolist() == [2**64 - 2, 2**64 - 1]
    assert nd.arange(-(2**63), -(2**63) + 2, device=device).tolist() == [-(2**63), -(2**63) + 1]
    with pytest.raises(OverflowError, match=r"does not fit into the dtype; got 255; expected int8"):
        nd.arange(256, dtype=nd.int8, device=device)


@pytest.mark.parametrize("arguments", [(0.0, 1.0, 0.1), (5.5,), (1, 0, -0.25), (1.0, 1.0), (0, 1e-3, 1e-4), (3.0, 1.0)])
def test_arange_of_floats(device: str, arguments: Any) -> None:
    start, stop, step = (0.0, *arguments, 1.0) if len(arguments) == 1 else (*arguments, 1.0)[:3]
    n = max(math.ceil((stop - start) / step), 0)
    expected = start + np.arange(n) * step
    x = nd.arange(*arguments, device=device)
    np.testing.assert_array_equal(x.numpy(), expected.astype(np.float32), strict=True)
    np.testing.assert_array_equal(nd.arange(*arguments, dtype=nd.float64, device=device).numpy(), expected, strict=True)


@pytest.mark.parametrize("arguments", [(0, 5, 0), (0.0, math.inf), (math.nan,), (0, 1.0, -0.0)])
def test_arange_refuses(arguments: Any) -> None:
    with pytest.raises(ValueError, match=r"\[arange\] no such range; got start .*; expected finite numbers and a step"):
        nd.arange(*arguments)


@pytest.mark.parametrize("k", [-3, -1, 0, 1, 5])
def test_eye(device: str, k: int) -> None:
    np.testing.assert_array_equal(nd.eye(3, k=k, device=device).numpy(), np.eye(3, k=k, dtype=np.float32), strict=True)
    x = nd.eye(2, 4, k=k, dtype=nd.int32, device=device)
    np.testing.assert_array_equal(x.numpy(), np.eye(2, 4, k=k, dtype=np.int32), strict=True)


@pytest.mark.parametrize(
    ("value", "dtype", "shape"),
    [
        (True, nd.bool, ()),
        (3, nd.int64, ()),
        (2.5, nd.float32, ()),
        ([], nd.float32, (0,)),
        ([[], []], nd.float32, (2, 0)),
        ([True, False], nd.bool, (2,)),
        ([True, 2], nd.int64, (2,)),
        ([1, 2.5], nd.float32, (2,)),
        (((1, 2), (3, 4)), nd.int64, (2, 2)),
        ([(1, 2), [3, 4]], nd.int64, (2, 2)),
        ([range(3), range(3, 6)], nd.int64, (2, 3)),
        ([[[1.0]], [[math.inf]]], nd.float32, (2, 1, 1)),
    ],
)
def test_asarray_of_numbers(device: str, value: Any, dtype: nd.DType, shape: tuple[int, ...]) -> None:
    x = nd.asarray(value, device=device)
    assert (x.dtype, x.shape, str(x.device)) == (dtype, shape, device)
    np.testing.assert_array_equal(x.numpy(), np.array(value, dtype=dtype.name), strict=True)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("values", [[0, 1, 100], [0.0, 1.75, 100.0], [True, False, True]], ids=["int", "float", "bool"])
def test_asarray_to_a_dtype(device: str, dtype: nd.DType, values: list[Any]) -> None:
    x = nd.asarray(values, dtype, device)
    np.testing.assert_array_equal(x.numpy(), np.array(values).astype(dtype.name), strict=True)


def test_asarray_rounds_to_the_halves(device: str) -> None:
    assert nd.asarray([1 / 3, 1e6], nd.bfloat16, device).tolist() == [0.333984375, 999424.0]
    assert nd.asarray([1 / 3, 1e6], nd.float16, device).tolist() == [float(np.float16(1 / 3)), math.inf]


@given(data=hnp.arrays(st.sampled_from([d.name for d in DTYPES]), hnp.array_shapes(min_dims=0, max_dims=4, min_side=0)))
def test_asarray_of_numpy(device: str, data: np.ndarray[Any, Any]) -> None:
    for view in (data, data.T, data[::-1] if data.ndim else data, data[..., None]):
        np.testing.assert_array_equal(nd.asarray(view, device=device).numpy(), view, strict=True)


def test_asarray_of_a_list_is_that_of_numpy(device: str, rng: np.random.Generator) -> None:
    data = rng.standard_normal((3, 4, 5)).astype(np.float32)
    np.testing.assert_array_equal(nd.asarray(data.tolist(), device=device).numpy(), data, strict=True)


def test_asarray_between_devices() -> None:
    x = nd.asarray([[1, 2], [3, 4]], device="cpu").T
    y = nd.asarray(x, nd.float64, "numpy")
    assert (y.tolist(), y.dtype, str(y.device)) == ([[1, 3], [2, 4]], nd.float64, "numpy")


def test_asarray_of_arrays_in_lists(device: str) -> None:
    rows = [nd.arange(3, device=device), nd.arange(3, 6, dtype=nd.int8, device=device)]
    assert nd.asarray(rows).tolist() == [[0, 1, 2], [3, 4, 5]]
    assert nd.asarray([rows, rows]).shape == (2, 2, 3)
    x = nd.asarray([np.float64(1.5), np.int8(2)], device=device)
    assert (x.tolist(), x.dtype) == ([1.5, 2.0], nd.float64)
    assert nd.asarray([np.arange(2), np.arange(2)], device=device).tolist() == [[0, 1], [0, 1]]


def test_asarray_of_buffers(device: str) -> None:
    assert nd.asarray(b"\x00\xff", device=device).tolist() == [0, 255]
    assert nd.asarray(b"\x00\xff", device=device).dtype is nd.uint8
    assert nd.asarray(np.float64(1.5), device=device).dtype is nd.float64
    assert nd.asarray(np.float16(1.5), nd.float32, device).item() == 1.5


RAGGED = [[[1, 2], [3]], [[1], 2], [1, [2]], [[[1], [2]], [[1], 2]], [[[]], [[], []]]]


@pytest.mark.parametrize("value", RAGGED, ids=str)
def test_asarray_refuses_ragged_lists(value: Any) -> None:
    with pytest.raises(ValueError, match=r"\[asarray\] ragged nested sequences at depth \d"):
        nd.asarray(value)


def test_asarray_names_the_ragged_lengths() -> None:
    with pytest.raises(ValueError, match=r"at depth 1; got length 1 and length 2$"):
        nd.asarray([[1, 2], [3]])
    with pytest.raises(ValueError, match=r"at depth 1; got a number and length 1$"):
        nd.asarray([[1], 2])


def test_asarray_refuses_a_list_in_itself() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(ValueError, match=r"\[asarray\] ragged .*; expected equal nesting everywhere, at most 32 deep"):
        nd.asarray(endless)


@pytest.mark.parametrize("value", [None, "1", {"a": 1}, object(), ["1"], [None]])
def test_asarray_refuses_other_things(value: Any) -> None:
    with pytest.raises(TypeError, match=r"\[asarray\] cannot make an array of this; got \w+; expected numbers,"):
        nd.asarray(value)


@pytest.mark.parametrize("dtype", ["clongdouble", "U3", ">f4", "M8[s]", object])
def test_asarray_refuses_foreign_dtypes(dtype: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        nd.asarray(np.zeros(2).astype(dtype))


@pytest.mark.parametrize(("value", "dtype"), [(2**63, None), (-1, nd.uint8), (128, nd.int8), (2**64, nd.uint64)])
def test_asarray_refuses_integers_that_do_not_fit(value: int, dtype: nd.DType | None) -> None:
    with pytest.raises(OverflowError, match=r"\[asarray\] a number does not fit into the dtype; got .*; expected u?"):
        nd.asarray([0, value], dtype)


def test_a_name_is_not_a_dtype() -> None:
    with pytest.raises(TypeError, match=r"\[zeros\] not a dtype; got 'float32' of type str; hint: needle.ndarray"):
        nd.zeros(2, "float32")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"\[asarray\] not a dtype; got"):
        nd.asarray([1], np.float32)  # type: ignore[arg-type]
