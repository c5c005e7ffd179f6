"""Functions that read the same buffer in another way, against NumPy; and when a copy is made."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.lib.stride_tricks import sliding_window_view

from needle import ndarray as nd

SHAPES = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)


def counted(shape: tuple[int, ...]) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.arange(math.prod(shape), dtype=np.int64).reshape(shape)


@given(shape=SHAPES, data=st.data())
def test_permute_dims(device: str, shape: tuple[int, ...], data: st.DataObject) -> None:
    a = counted(shape)
    x = nd.asarray(a, device=device)
    axes = data.draw(st.permutations(range(len(shape))))
    signed = [axis - len(shape) if data.draw(st.booleans()) else axis for axis in axes]
    for view in (nd.permute_dims(x, signed), x.permute_dims(*signed), x.permute_dims(signed)):
        np.testing.assert_array_equal(view.numpy(), a.transpose(axes), strict=True)
        assert view.shares_buffer(x)
    np.testing.assert_array_equal(x.T.numpy(), a.T, strict=True)
    if len(shape) >= 2:
        np.testing.assert_array_equal(x.mT.numpy(), a.swapaxes(-1, -2), strict=True)


@given(shape=SHAPES, data=st.data())
def test_reshape_of_a_contiguous_array_is_a_view(device: str, shape: tuple[int, ...], data: st.DataObject) -> None:
    a = counted(shape)
    x = nd.asarray(a, device=device)
    factors = data.draw(st.permutations([*shape, 1]))
    np.testing.assert_array_equal(x.reshape(*factors).numpy(), a.reshape(factors), strict=True)
    assert x.reshape(factors).shares_buffer(x)
    assert nd.reshape(x, (-1,)).shape == (a.size,) or a.size == 0


@given(data=st.data())
def test_reshape_copies_only_if_it_must(device: str, data: st.DataObject) -> None:
    base = counted((4, 3, 2, 5))
    index = data.draw(hnp.basic_indices(base.shape, allow_newaxis=True))
    axes = data.draw(st.permutations(range(base[index].ndim)))
    a = base[index].transpose(axes)
    x = nd.asarray(base, device=device)[index].permute_dims(*axes)
    merged = data.draw(st.integers(0, max(a.ndim - 2, 0)))
    shape = (*a.shape[:merged], math.prod(a.shape[merged : merged + 2]), *a.shape[merged + 2 :])
    y = x.reshape(shape)
    np.testing.assert_array_equal(y.numpy(), a.reshape(shape), strict=True)
    if a.size and a.ndim:  # NumPy's 0-d results are not arrays
        assert y.shares_buffer(x) == np.shares_memory(a.reshape(shape), a)


@pytest.mark.parametrize(("shape", "asked"), [((2, 3), (4,)), ((2, 3), (-1, 4)), ((0, 3), (-1, 0)), ((2,), (2**62, 4))])
def test_reshape_refuses(device: str, shape: tuple[int, ...], asked: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"\[reshape\] the number of elements differs; got \(.*\) to \("):
        nd.zeros(shape, device=device).reshape(asked)


def test_reshape_refuses_negative_extents(device: str) -> None:
    for asked in ((-2, 3), (-1, -1)):
        with pytest.raises(ValueError, match=r"\[reshape\] negative extent; got .*; expected extents >= 0, one of"):
            nd.zeros((2, 3), device=device).reshape(asked)


@given(shapes=hnp.mutually_broadcastable_shapes(num_shapes=1, max_dims=4, max_side=4))
def test_broadcast_to(device: str, shapes: hnp.BroadcastableShapes) -> None:
    (shape,) = shapes.input_shapes
    target = (2, *shapes.result_shape)
    a = counted(shape)
    view = nd.broadcast_to(nd.asarray(a, device=device), target)
    np.testing.assert_array_equal(view.numpy(), np.broadcast_to(a, target), strict=True)
    assert view.strides[0] == 0


def test_expand_dims_and_squeeze(device: str) -> None:
    a = counted((2, 3))
    x = nd.asarray(a, device=device)
    for axis in (0, 1, 2, -1, -3, (0, 2), (-1, 0), (0, 1, 4)):
        view = nd.expand_dims(x, axis=axis)
        np.testing.assert_array_equal(view.numpy(), np.expand_dims(a, axis), strict=True)
        assert view.shares_buffer(x)
        assert nd.squeeze(view, axis).shape == (2, 3)
    with pytest.raises(ValueError, match=r"\[squeeze\] an axis to drop has an extent other than 1; got axis 0 of "):
        nd.squeeze(x, 0)
    with pytest.raises(IndexError, match=r"\[expand_dims\] axis out of range; got 3; expected -3 to 2"):
        nd.expand_dims(x, axis=3)
    with pytest.raises(ValueError, match=r"\[expand_dims\] an axis is named twice; got \(0, -4\)"):
        nd.expand_dims(x, axis=(0, -4))


@pytest.mark.parametrize("axis", [None, 0, -1, (0, 2), ()])
def test_flip(device: str, axis: Any) -> None:
    a = counted((2, 3, 4))
    x = nd.asarray(a, device=device)
    view = nd.flip(x, axis=axis)
    np.testing.assert_array_equal(view.numpy(), np.flip(a, axis), strict=True)
    assert view.shares_buffer(x)
    assert nd.flip(nd.zeros((0, 2), device=device)).shape == (0, 2)


@pytest.mark.parametrize("shape", [(7,), (2, 9), (2, 3, 8, 7)])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("dilation", [1, 2])
def test_windows(device: str, shape: tuple[int, ...], stride: int, dilation: int) -> None:
    n = 2 if len(shape) == 4 else 1
    size = (3, 2)[:n]
    a = counted(shape)
    reach = tuple(dilation * (k - 1) + 1 for k in size)
    expected = sliding_window_view(a, reach, axis=tuple(range(-n, 0)))
    lead = (slice(None),) * (len(shape) - n)
    expected = expected[(*lead, *(slice(None, None, stride),) * n, *(slice(None, None, dilation),) * n)]
    view = nd.windows(nd.asarray(a, device=device), size, (stride,) * n, (dilation,) * n)
    np.testing.assert_array_equal(view.numpy(), expected, strict=True)


def test_windows_refuses(device: str) -> None:
    x = nd.zeros((2, 5), device=device)
    with pytest.raises(ValueError, match=r"\[windows\] the window is larger than the array; got size \(3,\) with"):
        nd.windows(x, (3,), (1,), (3,))
    with pytest.raises(ValueError, match=r"\[windows\] size, stride and dilation must be positive; got \(3,\), "):
        nd.windows(x, (3,), (0,), (1,))
    with pytest.raises(ValueError, match=r"\[windows\] size, stride and dilation do not fit the array; got "):
        nd.windows(x, (3,), (1, 1), (1,))
    with pytest.raises(ValueError, match=r"cannot write to a view that shows one element at several places"):
        nd.windows(x, (3,), (1,), (1,))[...] = 1


def test_views_share_and_copies_do_not(device: str) -> None:
    x = nd.arange(6, device=device).reshape(2, 3)
    same = x.astype(x.dtype, copy=False)
    for view in (x.T, x[1:], x.reshape(3, 2), nd.flip(x), nd.expand_dims(x), nd.contiguous(x), same):
        assert view.shares_buffer(x)
    for copied in (
        x.copy(),
        nd.copy(x),
        x.astype(x.dtype),
        x.T.contiguous(),
        nd.asarray(x, copy=True),
        x + 0,
        x.T.reshape(-1),
    ):
        assert not copied.shares_buffer(x)
        assert copied.is_contiguous
    x.T[0, 1] = 9
    assert x.tolist() == [[0, 1, 2], [9, 4, 5]]


def test_contiguity_strides_and_offset(device: str) -> None:
    x = nd.zeros((4, 6), device=device)
    assert (x.strides, x.offset, x.is_contiguous) == ((6, 1), 0, True)
    y = x[1::2, ::-2]
    assert (y.strides, y.offset, y.is_contiguous) == ((12, -2), 11, False)
    assert nd.zeros((2, 0, 3), device=device).is_contiguous
    assert x[:1].is_contiguous
    assert not x.T.is_contiguous
    assert x.T.contiguous().strides == (4, 1)


def test_axes_are_checked(device: str) -> None:
    x = nd.zeros((2, 3), device=device)
    with pytest.raises(ValueError, match=r"\[permute_dims\] not a permutation of the axes; got \(0,\); expected"):
        x.permute_dims(0)
    with pytest.raises(ValueError, match=r"\[permute_dims\] an axis is named twice; got \(0, 0\)"):
        x.permute_dims(0, 0)
    with pytest.raises(IndexError, match=r"\[flip\] axis out of range; got 2; expected -2 to 1"):
        nd.flip(x, axis=2)
    with pytest.raises(ValueError, match=r"\[mT\] fewer than 2 dimensions; got shape \(3,\)"):
        _ = x[0].mT


def test_ranks_have_a_limit(device: str) -> None:
    x = nd.zeros((1,) * 32, device=device)
    assert (x + 1).ndim == 32
    with pytest.raises(ValueError, match=r"too many dimensions; got 33; expected at most 32"):
        nd.expand_dims(x)
