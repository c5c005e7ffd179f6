"""x[...] by masks and integer arrays, alone and mixed with the rest, against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from needle import ndarray as nd

Key = tuple[Any, ...]


def counted(shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    return np.arange(np.prod(shape, dtype=int)).reshape(shape)


@st.composite
def keys(draw: st.DrawFn, shape: tuple[int, ...]) -> Key:
    """A key for an array of the shape: index arrays that broadcast, a mask, or both, among other parts."""
    parts: list[Any] = []
    common = draw(hnp.array_shapes(min_dims=0, max_dims=2, max_side=3))
    axis = 0
    has_mask = False
    while axis < len(shape):
        extent = shape[axis]
        kind = draw(st.sampled_from(["array", "array", "slice", "integer", "mask", "none"]))
        if kind == "none":
            parts.append(None)
            continue
        if kind == "mask" and not has_mask:
            has_mask = True
            count = draw(st.integers(1, len(shape) - axis))
            parts.append(draw(hnp.arrays(bool, shape[axis : axis + count])))
            axis += count
            continue
        if kind == "slice" or extent == 0:
            parts.append(draw(st.slices(extent)))
        elif kind == "integer":
            parts.append(draw(st.integers(-extent, extent - 1)))
        else:
            own = () if has_mask else common[draw(st.integers(0, len(common))) :]
            dtype = draw(st.sampled_from([np.int64, np.int8]))
            parts.append(draw(hnp.arrays(dtype, own, elements=st.integers(-extent, extent - 1))))
        axis += 1
    if has_mask:  # a mask has its own number of indices: others must be alone
        for i, part in enumerate(parts):
            if isinstance(part, np.ndarray) and part.dtype != bool and part.ndim:
                parts[i] = slice(None)
    first = draw(st.integers(0, len(parts)))
    if draw(st.booleans()):
        return tuple(parts[:first])
    last = draw(st.integers(first, len(parts)))
    return (*parts[:first], ..., *parts[last:])


def ours(key: Key, device: str) -> Key:
    return tuple(nd.asarray(part, device=device) if isinstance(part, np.ndarray) else part for part in key)


@given(data=st.data(), shape=hnp.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=4))
def test_reading_and_writing(device: str, data: st.DataObject, shape: tuple[int, ...]) -> None:
    key = data.draw(keys(shape))
    axes = data.draw(st.permutations(range(len(shape))))
    host = counted(tuple(np.take(shape, np.argsort(axes)))).transpose(axes)  # so that strides are of any order
    x = nd.asarray(host.transpose(np.argsort(axes)).copy(), device=device).permute_dims(*axes)
    step = data.draw(st.sampled_from([1, -1]))
    host, x = host[::step].copy() if step == 1 else host[::step], x[::step]
    result = host[key]
    np.testing.assert_array_equal(x[ours(key, device)].numpy(), np.asarray(result), strict=True)

    target, want = x.copy() if step == 1 else x, host.copy()
    values = -1 - np.arange(result.size).reshape(result.shape)
    want[key] = values
    target[ours(key, device)] = nd.asarray(values, device=device)
    np.testing.assert_array_equal(target.numpy(), want, strict=True)
    want[key] = 7
    target[ours(key, device)] = 7
    np.testing.assert_array_equal(target.numpy(), want, strict=True)


def test_where_the_common_axes_stand(device: str) -> None:
    x, a = nd.asarray(counted((2, 3, 4)), device=device), counted((2, 3, 4))
    i, j = np.array([0, 1]), np.array([[2], [1]])
    for key in [
        (i, slice(None), j),
        (slice(None), i, j),
        (i, None, j),
        (0, slice(None), j),
        (..., i),
        (None, i, ..., j),
    ]:
        np.testing.assert_array_equal(x[ours(key, device)].numpy(), a[key], strict=True)


def test_masks_of_zero_dimensions_and_lists(device: str) -> None:
    x = nd.arange(6, device=device).reshape(2, 3)
    for mask in (True, False, nd.asarray(True, device=device), nd.asarray(False, device=device)):
        assert x[mask].shape == (int(bool(mask)), 2, 3)
    assert x[[1, 0]].tolist() == [[3, 4, 5], [0, 1, 2]]
    assert x[[]].shape == (0, 3)
    assert x[[True, False]].tolist() == [[0, 1, 2]]
    assert x[np.array([1])].tolist() == [[3, 4, 5]]
    assert x[np.int64(1)].shares_buffer(x)
    x[x > 2] = -1
    assert x.tolist() == [[0, 1, 2], [-1, -1, -1]]
    x[nd.asarray([0, 0], device=device), 1] += 5
    assert x.tolist() == [[0, 6, 2], [-1, -1, -1]]


def test_the_last_of_repeated_places_stays(device: str) -> None:
    x = nd.zeros(3, device=device)
    x[nd.asarray([1, 1, 1], device=device)] = nd.asarray([5.0, 6.0, 7.0], device=device)
    assert x.tolist() == [0, 7, 0]


def test_writing_what_overlaps(device: str) -> None:
    x = nd.arange(4, device=device)
    x[nd.asarray([1, 2, 3], device=device)] = x[:3]
    assert x.tolist() == [0, 0, 1, 2]


def test_bad_values_change_nothing(device: str) -> None:
    x = nd.zeros((2, 3), nd.int32, device)
    key = nd.asarray([0, 1], device=device)
    with pytest.raises(ValueError, match=r"\[setitem\] the shape cannot be broadcast; got \(2,\) to \(2, 3\)"):
        x[key] = nd.ones(2, nd.int32, device)
    with pytest.raises(TypeError, match=r"\[setitem\] the value's dtype does not fit into the array's; got float32"):
        x[key] = nd.ones(3, nd.float32, device)
    with pytest.raises(OverflowError, match=r"\[setitem\] the number does not fit into the dtype; got 2147483648"):
        x[key] = 2**31
    with pytest.raises(ValueError, match=r"\[setitem\] cannot write to a view that shows one element at several"):
        nd.broadcast_to(x[0], (2, 3))[key] = 1
    assert x.tolist() == [[0] * 3] * 2
