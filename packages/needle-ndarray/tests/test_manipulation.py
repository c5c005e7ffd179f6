"""concat, stack, pad, against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from needle import ndarray as nd


@given(data=st.data(), shape=hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=4))
def test_concat(device: str, data: st.DataObject, shape: tuple[int, ...]) -> None:
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    parts: list[np.ndarray[Any, Any]] = []
    for extent in data.draw(st.lists(st.integers(0, 4), min_size=1, max_size=4)):
        part_shape = list(shape)
        part_shape[axis] = extent
        parts.append(np.arange(np.prod(part_shape, dtype=int)).reshape(part_shape) + len(parts))
    result = nd.concat([nd.asarray(part, device=device) for part in parts], axis=axis)
    np.testing.assert_array_equal(result.numpy(), np.concatenate(parts, axis), strict=True)


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -3])
def test_stack(device: str, axis: int) -> None:
    a, b = np.arange(6).reshape(2, 3), np.arange(6.0).reshape(3, 2).T
    result = nd.stack([nd.asarray(a, device=device), nd.asarray(b, device=device)], axis=axis)
    np.testing.assert_array_equal(result.numpy(), np.stack([a, b], axis), strict=True)


def test_stack_of_numbers(device: str) -> None:
    assert nd.stack([nd.asarray(1, device=device), nd.asarray(2, device=device)]).tolist() == [1, 2]


def test_joined_arrays_are_copied(device: str) -> None:
    x = nd.zeros(2, device=device)
    assert not nd.concat([x]).shares_buffer(x)
    assert not nd.stack([x]).shares_buffer(x)


def test_joining_refuses(device: str) -> None:
    x = nd.zeros((2, 3), device=device)
    with pytest.raises(ValueError, match=r"\[concat\] no arrays are given; expected at least one"):
        nd.concat([])
    with pytest.raises(ValueError, match=r"\[stack\] no arrays are given"):
        nd.stack([])
    with pytest.raises(ValueError, match=r"\[concat\] shapes do not fit together; got \(2, 3\) and \(3, 2\);"):
        nd.concat([x, x.T], axis=1)
    with pytest.raises(ValueError, match=r"\[concat\] shapes do not fit together; got \(2, 3\) and \(3,\)"):
        nd.concat([x, x[0]])
    with pytest.raises(ValueError, match=r"\[stack\] the arrays differ in shape; got \(2, 3\) and \(3, 2\);"):
        nd.stack([x, x.T])
    with pytest.raises(IndexError, match=r"\[concat\] axis out of range; got 2; expected -2 to 1"):
        nd.concat([x, x], axis=2)
    with pytest.raises(IndexError, match=r"\[concat\] axis out of range; got 0; expected arrays with dimensions;"):
        nd.concat([x[0, 0]])
    with pytest.raises(IndexError, match=r"axis out of range; got 3; expected -3 to 2"):
        nd.stack([x, x], axis=3)


def test_joining_across_devices() -> None:
    with pytest.raises(ValueError, match=r"operands on different devices; got cpu and numpy; hint: move one with"):
        nd.concat([nd.zeros(2, device="cpu"), nd.zeros(2, device="numpy")])


@given(data=st.data(), shape=hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
def test_pad(device: str, data: st.DataObject, shape: tuple[int, ...]) -> None:
    """A negative width is a positive one of the rest: pad by much on all sides, then cut."""
    widths = [(data.draw(st.integers(-4, 4)), data.draw(st.integers(-4, 4))) for _ in shape]
    a = np.arange(np.prod(shape, dtype=int)).reshape(shape)
    x = nd.asarray(a, device=device)
    extents = [low + n + high for n, (low, high) in zip(shape, widths, strict=True)]
    if min(extents, default=0) < 0:
        with pytest.raises(ValueError, match=r"\[pad\] more is cut off than there is; got widths \[.*\] for shape \("):
            nd.pad(x, widths)
        return
    wide = np.pad(a, 4, constant_values=7)
    index = tuple(slice(4 - low, 4 - low + extent) for (low, _), extent in zip(widths, extents, strict=True))
    np.testing.assert_array_equal(nd.pad(x, widths, 7).numpy(), wide[index], strict=True)


def test_pad_refuses(device: str) -> None:
    x = nd.zeros((2, 3), nd.int32, device)
    with pytest.raises(ValueError, match=r"\[pad\] not one pair of widths for each axis; got \[\(1, 1\)\]; expected"):
        nd.pad(x, [(1, 1)])
    with pytest.raises(TypeError, match=r"a float cannot become an element of an integer array"):
        nd.pad(x, [(1, 1), (0, 0)], 0.5)
