"""Functions that move elements: what they share, how they are differentiated at once, and errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import needle.autograd as ad
import needle.ndarray as nd
from needle.autograd import Tensor, tensor

VIEWS: dict[str, Callable[[Tensor], Tensor]] = {
    "moveaxis": lambda x: ad.moveaxis(x, 0, 1),
    "swapaxes": lambda x: ad.swapaxes(x, 0, 1),
    "matrix_transpose": ad.matrix_transpose,
    "broadcast_arrays": lambda x: ad.broadcast_arrays(x, x[:, :1])[1],
    "diagonal": ad.diagonal,
    "as_strided": lambda x: ad.as_strided(x, 2, 2),
    "unfold": lambda x: ad.unfold(x, 1, 2, 1),
    "split": lambda x: ad.split(x, 1)[1],
    "unstack": lambda x: ad.unstack(x)[1],
}


@pytest.mark.parametrize("name", VIEWS)
def test_views_share_the_elements(name: str, device: str) -> None:
    x = tensor([[1, 2, 3], [4, 5, 6]], device=device)
    assert VIEWS[name](x).data.shares_buffer(x.data)


def test_strides_count_elements_of_any_layout(device: str) -> None:
    x = tensor([[9, 9, 9], [1, 2, 3], [4, 5, 6]], nd.float64, device)
    for part in (x[1:], ad.flip(ad.flip(x[1:], 1), 1), x.mT.mT[1:]):
        assert ad.as_strided(part, (2, 2), (3, 2), 0).tolist() == [[1, 3], [4, 6]]


def test_parts_that_are_not_used_get_no_gradient(device: str) -> None:
    x = tensor([1.0, 2.0, 3.0], device=device, requires_grad=True)
    first, _, third = ad.unstack(x)
    (first * third).backward()
    assert x.grad is not None
    assert x.grad.tolist() == [3.0, 0.0, 1.0]


def test_rows_of_a_tensor_are_one_op(device: str) -> None:
    x = tensor([[1.0, 2.0], [3.0, 4.0]], device=device, requires_grad=True)
    first, second = x
    assert first.node is not None
    assert second.node is not None
    assert first.node.edges[0] is second.node.edges[0]
    (first * second).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [[3.0, 4.0], [1.0, 2.0]]


def test_repeats_may_be_a_tensor(device: str) -> None:
    x = tensor([1.0, 2.0], device=device)
    counts = tensor([2, 1], device=device)
    assert ad.repeat(x, counts).tolist() == ad.repeat(x, counts.data).tolist() == [1.0, 1.0, 2.0]
    np.testing.assert_array_equal(ad.grad(lambda x: (ad.repeat(x, counts) ** 2).sum())(x).tolist(), [4.0, 4.0])


ERRORS: dict[str, tuple[Callable[[Tensor], Any], type[Exception], str]] = {
    "moveaxis": (lambda x: ad.moveaxis(x, (0, 1), 0), ValueError, r"\[moveaxis\] not one destination for each source"),
    "swapaxes": (lambda x: ad.swapaxes(x, 0, 2), IndexError, r"\[swapaxes\] axis out of range; got 2"),
    "roll": (lambda x: ad.roll(x, (1, 2), axis=0), ValueError, r"\[roll\] not one shift for each axis"),
    "repeat": (lambda x: ad.repeat(x, -1), ValueError, r"\[repeat\] a negative number of repeats; got -1"),
    "tile": (lambda x: ad.tile(x, (2, -1)), ValueError, r"\[tile\] a negative number of repetitions; got \(2, -1\)"),
    "split": (lambda x: ad.split(x, (1, 2)), ValueError, r"\[split\] the pieces do not make up the axis; got \(1, 2\)"),
    "unstack": (lambda x: ad.unstack(x, axis=2), IndexError, r"\[unstack\] axis out of range; got 2"),
    "meshgrid": (ad.meshgrid, ValueError, r"\[meshgrid\] a tensor is not 1-d; got \(2, 3\)"),
    "indexing": (lambda x: ad.meshgrid(x[0], indexing="yx"), ValueError, r"\[meshgrid\] no such indexing; got 'yx'"),  # type: ignore[arg-type]
    "as_strided": (
        lambda x: ad.as_strided(x[1], 2, -1), IndexError, r"\[as_strided\] the view .*; got elements -1 to 0 of 3"
    ),
    "diagonal": (lambda x: ad.diagonal(x[0]), ValueError, r"\[diagonal\] .*; got shape \(3,\)"),
    "unfold": (lambda x: ad.unfold(x, 0, 3, 1), ValueError, r"\[windows\] "),
    "cumulative_sum": (ad.cumulative_sum, ValueError, r"\[cumulative_sum\] no axis is named; got 2 dimensions"),
    "topk": (lambda x: ad.topk(x, 4), ValueError, r"\[topk\] no such number of elements; got 4"),
}  # fmt: skip


@pytest.mark.parametrize("name", ERRORS)
def test_wrong_arguments(name: str, device: str) -> None:
    f, error, text = ERRORS[name]
    with pytest.raises(error, match=text):
        f(tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], device=device))


def test_scans_in_another_dtype_and_with_a_start(device: str) -> None:
    x = tensor([1, 2, 3], nd.int8, device)
    total = ad.cumulative_sum(x, dtype=nd.float32, include_initial=True)
    assert (total.dtype, total.tolist()) == (nd.float32, [0.0, 1.0, 3.0, 6.0])
    assert ad.cumulative_prod(x, include_initial=True).tolist() == [1, 1, 2, 6]
    assert ad.cumulative_prod(x).dtype is nd.int64


def test_nan_is_greater_than_all_others(device: str) -> None:
    x = tensor([2.0, float("nan"), 1.0], device=device, requires_grad=True)
    y = ad.sort(x)
    assert y.tolist()[:2] == ad.sort(x.detach()).tolist()[:2] == [1.0, 2.0]
    y[:2].sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [1.0, 0.0, 1.0]
