"""x[...] read and written, against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from needle import ndarray as nd


@given(data=st.data(), shape=hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5))
def test_reading_is_a_view(device: str, data: st.DataObject, shape: tuple[int, ...]) -> None:
    a = np.arange(np.prod(shape, dtype=int)).reshape(shape)
    x = nd.asarray(a, device=device)
    index = data.draw(hnp.basic_indices(shape, allow_newaxis=True, allow_ellipsis=True))
    view = x[index]
    np.testing.assert_array_equal(view.numpy(), a[index], strict=True)
    assert view.shares_buffer(x)
    again = data.draw(hnp.basic_indices(view.shape, allow_newaxis=True, allow_ellipsis=True))
    np.testing.assert_array_equal(view[again].numpy(), a[index][again], strict=True)


@given(data=st.data(), shape=hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=5))
def test_writing(device: str, data: st.DataObject, shape: tuple[int, ...]) -> None:
    a = np.arange(np.prod(shape, dtype=int)).reshape(shape)
    x = nd.asarray(a, device=device)
    index = data.draw(hnp.basic_indices(shape, allow_newaxis=True, allow_ellipsis=True))
    x[index] = 7
    a[index] = 7
    np.testing.assert_array_equal(x.numpy(), a, strict=True)
    values = -1 - np.arange(a[index].size).reshape(a[index].shape)
    x[index] = nd.asarray(values, device=device)
    a[index] = values
    np.testing.assert_array_equal(x.numpy(), a, strict=True)


def test_writing_broadcasts_and_casts_up(device: str) -> None:
    x = nd.zeros((2, 3), nd.float64, device)
    x[...] = nd.arange(3, dtype=nd.int8, device=device)
    x[1, :2] = True
    assert x.tolist() == [[0, 1, 2], [1, 1, 2]]


def test_writing_to_itself(device: str) -> None:
    x = nd.arange(6, device=device)
    x[1:] = x[:-1]
    assert x.tolist() == [0, 0, 1, 2, 3, 4]
    x[::-1] = x
    assert x.tolist() == [4, 3, 2, 1, 0, 0]
    x[...] = x
    assert x.tolist() == [4, 3, 2, 1, 0, 0]


def test_augmented_assignment(device: str) -> None:
    x = nd.arange(6, device=device).reshape(2, 3)
    x[:, 1] += 10
    x[0] *= 2
    assert x.tolist() == [[0, 22, 4], [3, 14, 5]]


@pytest.mark.parametrize(
    ("key", "error", "text"),
    [
        (2, IndexError, r"index out of range; got 2 for axis 0 of shape \(2, 3\)"),
        ((0, -4), IndexError, r"index out of range; got -4 for axis 1 of shape \(2, 3\)"),
        ((0, 0, 0), IndexError, r"too many indices; got 3; expected at most 2, for shape \(2, 3\)"),
        ((..., ...), IndexError, r"more than one ellipsis"),
        (
            "a",
            TypeError,
            r"not an index; got str; expected integers, slices, \.\.\., None, and arrays of integers or bool",
        ),
        (1.0, TypeError, r"an index array of this dtype; got float32; expected integers or bool"),
        ([0, 2], IndexError, r"\[getitem\] index out of range; got 2 for an axis of extent 2; expected -2 to 1"),
        ((0, [-4]), IndexError, r"\[getitem\] index out of range; got -4 for an axis of extent 3"),
        ([True, False, True], IndexError, r"\[getitem\] the mask does not fit; got \(3,\) for axes 0 on of \(2, 3\)"),
        (([0], [0], [0]), IndexError, r"\[getitem\] too many indices; got 3 for shape \(2, 3\); expected at most 2"),
        (([0], ..., ...), IndexError, r"\[getitem\] more than one ellipsis"),
        (([0, 1], [0, 1, 2]), IndexError, r"\[getitem\] the index arrays do not broadcast; got \(2,\) and \(3,\)"),
        ([0.5], TypeError, r"\[getitem\] an index array of this dtype; got float32; expected integers or bool"),
        (([0], "a"), TypeError, r"\[getitem\] not an index; got str"),
    ],
)
def test_bad_keys_change_nothing(device: str, key: Any, error: type[Exception], text: str) -> None:
    x = nd.zeros((2, 3), device=device)
    with pytest.raises(error, match=text):
        x[key]
    with pytest.raises(error, match=text):
        x[key] = 1
    assert x.tolist() == [[0] * 3] * 2


def test_step_zero(device: str) -> None:
    with pytest.raises(ValueError, match="slice step cannot be zero"):
        nd.zeros(3, device=device)[::0]


def test_bad_writes_change_nothing(device: str) -> None:
    x = nd.zeros((2, 3), nd.int32, device)
    with pytest.raises(ValueError, match=r"\[setitem\] the shape cannot be broadcast; got \(2,\) to \(2, 3\)"):
        x[...] = nd.ones(2, nd.int32, device)
    with pytest.raises(OverflowError, match=r"\[setitem\] the number does not fit into the dtype; got 2147483648;"):
        x[0] = 2**31
    with pytest.raises(TypeError, match=r"\[setitem\] not an array; got list; expected NDArray"):
        x[0] = [1, 2, 3]  # type: ignore[assignment]
    with pytest.raises(ValueError, match=r"cannot write to a view that shows one element at several places"):
        nd.broadcast_to(x[0], (2, 3))[...] = 1
    with pytest.raises(ValueError, match=r"cannot write to a view that shows one element at several places"):
        nd.broadcast_to(x[0], (2, 3))[...] = x
    assert x.tolist() == [[0] * 3] * 2


def test_iteration_and_length(device: str) -> None:
    x = nd.arange(6, device=device).reshape(2, 3)
    assert [row.tolist() for row in x] == [[0, 1, 2], [3, 4, 5]]
    assert len(x) == 2
    for function in (len, iter):
        with pytest.raises(TypeError, match=r"\[(len|iter)\] an array of 0 dimensions"):
            function(x[0, 0])


def test_arrays_of_one_integer_are_indices(device: str) -> None:
    assert [10, 20, 30][nd.asarray(2, device=device)] == 30
    with pytest.raises(TypeError, match=r"\[index\] only an integer array of 0 dimensions can be an index"):
        [10, 20][nd.asarray(1.0, device=device)]
