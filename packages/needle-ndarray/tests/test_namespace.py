"""The functions that are made of the front's, against NumPy's of the same name, and what they refuse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from needle import ndarray as nd

A = np.array([[3, 1, 2, 3], [0, 3, 1, 0], [7, 7, 0, 2]])
F = np.array([[0.5, np.nan, -1.0, 0.5], [2.0, -0.0, np.inf, np.nan]])

CASES: dict[str, Callable[[Any], Any]] = {
    "moveaxis": lambda xp: xp.moveaxis(xp.asarray(A[None]), (0, -1), (-1, 0)),
    "swapaxes": lambda xp: xp.swapaxes(xp.asarray(A[None]), 0, -1),
    "roll flat": lambda xp: xp.roll(xp.asarray(A), -5),
    "roll": lambda xp: xp.roll(xp.asarray(A), (1, 9), axis=(0, 1)),
    "roll one axis twice": lambda xp: xp.roll(xp.asarray(A), (1, 1), axis=(0, 0)),
    "repeat flat": lambda xp: xp.repeat(xp.asarray(A), 2),
    "repeat": lambda xp: xp.repeat(xp.asarray(A), xp.asarray(np.array([2, 0, 1])), axis=0),
    "repeat last": lambda xp: xp.repeat(xp.asarray(A), 3, axis=-1),
    "tile": lambda xp: xp.tile(xp.asarray(A), (2, 1, 3)),
    "tile fewer": lambda xp: xp.tile(xp.asarray(A[None]), (2,)),
    "concat flat": lambda xp: xp.concat([xp.asarray(A), xp.asarray(A[0])], axis=None),
    "tril": lambda xp: xp.tril(xp.asarray(A), k=1),
    "triu": lambda xp: xp.triu(xp.asarray(A[None]), k=-1),
    "meshgrid": lambda xp: xp.meshgrid(xp.asarray(A[0]), xp.asarray(A[1, :2]), xp.asarray(A[2, :3])),
    "meshgrid ij": lambda xp: xp.meshgrid(xp.asarray(A[0]), xp.asarray(A[1, :2]), indexing="ij"),
    "linspace": lambda xp: xp.linspace(-1, 2, 7, dtype=xp.float64),
    "linspace open": lambda xp: xp.linspace(3, -1, 5, dtype=xp.float64, endpoint=False),
    "linspace one": lambda xp: xp.linspace(3, 5, 1, dtype=xp.float64),
    "clip": lambda xp: xp.clip(xp.asarray(F), xp.asarray(np.array([[0.0], [1.0]])), 1),
    "clip none": lambda xp: xp.clip(xp.asarray(A)),
    "diff": lambda xp: xp.diff(xp.asarray(A), n=2, axis=0, prepend=xp.asarray(A[:1]), append=xp.asarray(A)),
    "diff bool": lambda xp: xp.diff(xp.asarray(A > 1)),
    "var": lambda xp: xp.var(xp.asarray(F[:, :1].astype(np.float64)), axis=(0, 1)),
    "std": lambda xp: xp.std(xp.asarray(A.astype(np.float64)), axis=1, correction=1, keepdims=True),
    "cumulative_sum": lambda xp: xp.cumulative_sum(
        xp.asarray(A), axis=0, dtype=xp.float32, include_initial=True
    ),
    "cumulative_prod": lambda xp: xp.cumulative_prod(xp.asarray(A), axis=1, include_initial=True),
    "cumulative_sum of nothing": lambda xp: xp.cumulative_sum(xp.asarray(A[:0]), axis=0, include_initial=True),
    "nonzero": lambda xp: xp.nonzero(xp.asarray(F)),
    "count_nonzero": lambda xp: xp.count_nonzero(xp.asarray(A), axis=1, keepdims=True),
    "tensordot": lambda xp: xp.tensordot(xp.asarray(A), xp.asarray(A), axes=((0, 1), (0, 1))),
    "tensordot of a number": lambda xp: xp.tensordot(xp.asarray(A), xp.asarray(A.T), axes=1),
    "tensordot outer": lambda xp: xp.tensordot(xp.asarray(A), xp.asarray(A), axes=0),
    "vecdot": lambda xp: xp.vecdot(xp.asarray(A[:, None]), xp.asarray(A[None, :]), axis=-1),
    "vecdot first": lambda xp: xp.vecdot(xp.asarray(A), xp.asarray(A[:, :1]), axis=-2),
    "vecdot complex": lambda xp: xp.vecdot(xp.asarray(A + 1j * A), xp.asarray(A - 2j)),
    "linspace complex": lambda xp: xp.linspace(1j, 2, 5, dtype=xp.complex128),
    "unique complex": lambda xp: xp.unique_counts(xp.asarray(np.array([1j, 1, 1j, 2 - 1j, 2 - 3j])))[1],
    "isin complex": lambda xp: xp.isin(xp.asarray(A * 1j), xp.asarray(np.array([3j, 3]))),
    "isin": lambda xp: xp.isin(xp.asarray(F), xp.asarray(np.array([0.5, np.nan, 0.0])), invert=True),
    "isin of a number": lambda xp: xp.isin(xp.asarray(A), 3),
    "unique_values": lambda xp: xp.sort(xp.unique_values(xp.asarray(A.astype(np.uint8)))),
    "reshape": lambda xp: xp.reshape(xp.asarray(A), (2, 6), copy=True),
    "take": lambda xp: xp.take(xp.asarray(A[0]), xp.asarray(np.array([3, -1]))),
}  # fmt: skip


class On:
    """needle.ndarray with `asarray` to one device."""

    def __init__(self, device: str) -> None:
        self.device = device

    def asarray(self, obj: Any) -> nd.NDArray:
        return nd.asarray(obj, device=self.device)

    def __getattr__(self, name: str) -> Any:
        return getattr(nd, name)


class Oracle:
    """NumPy, with the standard's names that it lacks."""

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)

    def asarray(self, obj: Any) -> Any:
        return np.asarray(obj)


@pytest.mark.parametrize("name", CASES)
def test_like_numpy(device: str, name: str) -> None:
    ours, theirs = CASES[name](On(device)), CASES[name](Oracle())
    if not isinstance(ours, tuple):
        ours, theirs = (ours,), (theirs,)
    assert len(ours) == len(theirs)
    for x, a in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(x.numpy(), a, rtol=1e-12)
        assert x.dtype.name == a.dtype.name
        assert x.shape == a.shape


FLOATS = hnp.arrays(np.float32, st.integers(0, 20), elements=st.sampled_from([0.0, -0.0, 1.5, -2.0, np.inf, np.nan]))


@given(a=FLOATS)
def test_unique_all(device: str, a: np.ndarray[Any, Any]) -> None:
    values, indices, inverse, counts = nd.unique_all(nd.asarray(a, device=device))
    want = np.unique(a, return_index=True, return_inverse=True, return_counts=True, equal_nan=False)
    for x, b in zip((values, indices, inverse, counts), want, strict=True):
        np.testing.assert_array_equal(x.numpy(), b)
    np.testing.assert_array_equal(nd.unique_counts(nd.asarray(a, device=device)).counts.numpy(), want[3])


@given(a=FLOATS, b=FLOATS, side=st.sampled_from(["left", "right"]))
def test_searchsorted(device: str, a: np.ndarray[Any, Any], b: np.ndarray[Any, Any], side: Any) -> None:
    x, y = nd.asarray(a, device=device), nd.asarray(b, device=device)
    want = np.searchsorted(np.sort(a), b, side)
    np.testing.assert_array_equal(nd.searchsorted(nd.sort(x), y, side=side).numpy(), want, strict=True)
    np.testing.assert_array_equal(nd.searchsorted(x, y, side=side, sorter=nd.argsort(x)).numpy(), want, strict=True)


@given(a=hnp.arrays(np.int16, hnp.array_shapes(max_dims=3), elements=st.integers(-3, 3)), data=st.data())
def test_topk(device: str, a: np.ndarray[Any, Any], data: st.DataObject) -> None:
    axis = data.draw(st.integers(-a.ndim, a.ndim - 1))
    k = data.draw(st.integers(0, a.shape[axis]))
    x = nd.asarray(a, device=device)
    for largest, sign in ((True, -1), (False, 1)):
        order = np.take(np.argsort(sign * a, axis=axis, kind="stable"), range(k), axis)
        values, indices = nd.topk(x, k, axis=axis, largest=largest)
        np.testing.assert_array_equal(indices.numpy(), order, strict=True)
        np.testing.assert_array_equal(values.numpy(), np.take_along_axis(a, order, axis), strict=True)


def test_half_statistics_are_summed_in_float32(device: str) -> None:
    x = nd.full((4096,), 300, nd.float16, device)
    x[0] = 301
    assert nd.var(x).dtype is nd.float16
    assert nd.var(x).item() == pytest.approx(1 / 4096, rel=1e-2)
    assert nd.std(nd.asarray([1, 3], device=device)).item() == 1


def test_diagonals_far_outside(device: str) -> None:
    x = nd.ones((2, 3), device=device)
    assert nd.sum(nd.eye(2, 3, k=2**63, device=device)).item() == 0
    assert nd.sum(nd.eye(2, 3, k=-(2**70), device=device)).item() == 0
    assert nd.sum(nd.tril(x, k=2**63)).item() == nd.sum(nd.triu(x, k=-(2**63))).item() == 6
    assert nd.sum(nd.triu(x, k=2**63)).item() == nd.sum(nd.tril(x, k=-(2**70))).item() == 0


def test_pieces(device: str) -> None:
    x = nd.arange(10, device=device).reshape(2, 5)
    assert [part.tolist() for part in nd.split(x, 2, axis=1)] == [[[0, 1], [5, 6]], [[2, 3], [7, 8]], [[4], [9]]]
    assert [part.shape for part in nd.split(x, (0, 4, 1), axis=-1)] == [(2, 0), (2, 4), (2, 1)]
    assert [part.tolist() for part in nd.unstack(x)] == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]
    windows = nd.unfold(x, 1, 3, 2)
    assert windows.tolist() == [[[0, 1, 2], [2, 3, 4]], [[5, 6, 7], [7, 8, 9]]]
    assert nd.unfold(x, 0, 2, 1).shape == (1, 5, 2)
    assert windows.shares_buffer(x)


def test_as_strided(device: str) -> None:
    x = nd.arange(6, device=device)
    assert nd.as_strided(x, (2, 3), (1, 2)).tolist() == [[0, 2, 4], [1, 3, 5]]
    assert nd.as_strided(x[2:], (2,), (1,)).tolist() == [2, 3]
    assert nd.as_strided(x, (3,), (-1,), 2).tolist() == [2, 1, 0]
    assert nd.as_strided(x, (0,), (99,), 6).shape == (0,)
    outside = [((7,), (1,), 0), ((2,), (-1,), 0), ((2, 3), (3, 2), 0), ((2,), (2**62,), 0), ((1,), (1,), 6)]
    for shape, strides, offset in outside:
        with pytest.raises(IndexError, match=r"\[as_strided\] the view would leave the array's buffer; got shape"):
            nd.as_strided(x, shape, strides, offset)
    with pytest.raises(ValueError, match=r"\[as_strided\] not one stride for each extent"):
        nd.as_strided(x, (2, 3), (1,))


def test_reshape_copies_as_asked(device: str) -> None:
    x = nd.arange(6, device=device).reshape(2, 3)
    assert nd.reshape(x, (6,), copy=False).shares_buffer(x)
    assert not nd.reshape(x, (6,), copy=True).shares_buffer(x)
    with pytest.raises(ValueError, match=r"\[reshape\] no view of the array has this shape; got \(3, 2\) with strides"):
        nd.reshape(x.T, (6,), copy=False)


def test_dtypes_know_themselves() -> None:
    for name in ("float16", "float32", "float64"):
        ours, theirs = nd.finfo(getattr(nd, name)), np.finfo(name)
        assert (ours.bits, ours.dtype.name) == (theirs.bits, name)
        for part in ("eps", "max", "min", "smallest_normal"):
            assert getattr(ours, part) == getattr(theirs, part)
    assert nd.finfo(nd.zeros(1, nd.bfloat16)).eps == 2**-7
    assert (nd.finfo(nd.float8_e4m3fn).max, nd.finfo(nd.float8_e5m2).max) == (448, 57344)
    assert nd.finfo(nd.complex128).dtype is nd.float64
    assert nd.isdtype(nd.complex64, "complex floating")
    for name in ("int8", "int64", "uint8", "uint64"):
        ours, theirs = nd.iinfo(getattr(nd, name)), np.iinfo(name)
        assert (ours.bits, ours.min, ours.max) == (theirs.bits, theirs.min, theirs.max)
    assert nd.isdtype(nd.int8, ("bool", "signed integer"))
    assert not nd.isdtype(nd.uint8, (nd.int8, "real floating"))
    assert nd.can_cast(nd.zeros(1, nd.int8), nd.float32)
    assert not nd.can_cast(nd.uint64, nd.int8)
    assert not nd.can_cast(nd.float64, nd.float32)


def test_the_namespace_knows_itself(device: str) -> None:
    info = nd.__array_namespace_info__()
    assert info.capabilities() == {"boolean indexing": True, "data-dependent shapes": True, "max dimensions": 32}
    assert info.default_device() == nd.default_device()
    assert nd.device(device) in info.devices()
    assert info.default_dtypes(device=device)["integral"] is nd.int64
    assert set(info.dtypes(kind=("bool", "unsigned integer"))) == {"bool", "uint8", "uint16", "uint32", "uint64"}
    assert "bfloat16" not in info.dtypes()
    x = nd.zeros(1, device=device)
    assert x.__array_namespace__() is nd
    assert x.__array_namespace__(api_version="2024.12") is nd
    with pytest.raises(ValueError, match=r"\[__array_namespace__\] no such version; got '1999.12'; expected 2021.12"):
        x.__array_namespace__(api_version="1999.12")
    assert (nd.pi, nd.e, nd.inf, nd.newaxis) == (np.pi, np.e, np.inf, None)


def test_conversions_and_operators(device: str) -> None:
    x = nd.asarray([[1.0, 2.0], [3.0, 4.0]], device=device)
    y = x
    y @= nd.eye(2, device=device) * 2
    assert y is x
    assert x.tolist() == [[2, 4], [6, 8]]
    with pytest.raises(ValueError, match=r"\[matmul\] the product does not fit in place; got \(2, 1\);"):
        x @= nd.ones((2, 1), device=device)
    assert complex(x[0, 0]) == 2 + 0j
    assert x.to_device(device, stream=None) is not None
    with pytest.raises(ValueError, match=r"\[to_device\] no streams here; got 1"):
        x.to_device(device, stream=1)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"\[T\] not a matrix; got shape \(2,\); expected 2 dimensions; hint: mT"):
        _ = x[0].T
    assert nd.astype(x, nd.int8, device="cpu").device == nd.device("cpu")


X = nd.arange(6).reshape(2, 3)
REFUSED: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: nd.moveaxis(X, 0, (0, 1)), ValueError, r"\[moveaxis\] not one destination for each source; got 0 and"),
    (lambda: nd.moveaxis(X, (0, 0), (0, 1)), ValueError, r"\[moveaxis\] an axis is named twice; got \(0, 0\)"),
    (lambda: nd.swapaxes(X, 0, 2), IndexError, r"\[swapaxes\] axis out of range; got 2; expected -2 to 1"),
    (lambda: nd.roll(X, (1, 2), axis=0), ValueError, r"\[roll\] not one shift for each axis; got \(1, 2\) for axes 0"),
    (lambda: nd.repeat(X, -1), ValueError, r"\[repeat\] a negative number of repeats; got -1"),
    (lambda: nd.repeat(X, nd.asarray([1, 2]), axis=1), ValueError, r"\[repeat\] not a number >= 0 for each place"),
    (lambda: nd.tile(X, (-1,)), ValueError, r"\[tile\] a negative number of repetitions; got \(-1,\)"),
    (lambda: nd.split(X, 0), ValueError, r"\[split\] the size of a piece is not positive; got 0"),
    (lambda: nd.split(X, (1, 2)), ValueError, r"\[split\] the pieces do not make up the axis; got \(1, 2\); expected"),
    (lambda: nd.unstack(X, axis=2), IndexError, r"\[unstack\] axis out of range; got 2"),
    (lambda: nd.unfold(X, 0, 3, 1), ValueError, r"\[windows\] the window is larger than the array"),
    (lambda: nd.linspace(0, 1, -1), ValueError, r"\[linspace\] a negative number of elements; got -1"),
    (lambda: nd.meshgrid(X), ValueError, r"\[meshgrid\] an array is not 1-d; got \(2, 3\)"),
    (lambda: nd.meshgrid(X[0], indexing="yx"), ValueError, r"\[meshgrid\] no such indexing; got 'yx'"),  # type: ignore[arg-type]
    (lambda: nd.tril(X[0]), ValueError, r"\[tril\] not a matrix; got shape \(3,\); expected at least 2 dimensions"),
    (lambda: nd.clip(X, 0.5), TypeError, r"\[full\] a float cannot become an element of an integer array"),
    (lambda: nd.clip(X, nd.ones(3)), TypeError, r"\[clip\] a bound of another kind; got float32; expected int64"),
    (lambda: nd.diff(X, n=-1), ValueError, r"\[diff\] a negative number of times; got -1"),
    (lambda: nd.nonzero(X[0, 0]), ValueError, r"\[nonzero\] an array of 0 dimensions has no places"),
    (lambda: nd.searchsorted(X, X), ValueError, r"\[searchsorted\] x1 is not 1-d; got shape \(2, 3\)"),
    (lambda: nd.searchsorted(X[0], X, side="up"), ValueError, r"\[searchsorted\] no such side; got 'up'"),  # type: ignore[arg-type]
    (lambda: nd.topk(X, 4), ValueError, r"\[topk\] no such number of elements; got 4; expected 0 to 3, the extent"),
    (lambda: nd.isin(1, 2), TypeError, r"\[isin\] not an array; got int and int"),
    (lambda: nd.tensordot(X, X, axes=1), ValueError, r"\[tensordot\] the axes are not pairs of equal extents"),
    (lambda: nd.tensordot(X, X, axes=([2], [0])), IndexError, r"\[tensordot\] axis out of range; got axes \[2\]"),
    (lambda: nd.vecdot(X, X, axis=0), IndexError, r"\[vecdot\] axis out of range; .*; expected -2 to -1"),
    (lambda: nd.vecdot(X, X[:, :2]), ValueError, r"\[vecdot\] the extents of the axis differ"),
    (lambda: nd.finfo(nd.int8), TypeError, r"\[finfo\] not a floating-point dtype; got int8; expected float8_e4m3fn, "),
    (lambda: nd.iinfo(nd.bool), TypeError, r"\[iinfo\] not an integer dtype; got bool"),
    (lambda: nd.isdtype(nd.int8, "number"), ValueError, r"\[isdtype\] no such kind; got 'number'; expected bool,"),
    (lambda: nd.isdtype(nd.int8, 3), TypeError, r"\[isdtype\] not a kind; got int"),  # type: ignore[arg-type]
    (lambda: nd.can_cast(int, nd.int8), TypeError, r"\[can_cast\] not a dtype; got <class 'int'>"),  # type: ignore[arg-type]
    (lambda: nd.cumulative_sum(X), ValueError, r"\[cumulative_sum\] no axis is named; got shape \(2, 3\)"),
    (lambda: nd.cumulative_sum(X, axis=0, dtype=nd.bool), TypeError, r"\[cumulative_sum\] no arithmetic in bool"),
    (lambda: nd.take(X, X), ValueError, r"\[take\] no axis is named; got shape \(2, 3\)"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "error", "text"), REFUSED, ids=[text[2:20] for _, _, text in REFUSED])
def test_refuses(call: Callable[[], Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        call()
