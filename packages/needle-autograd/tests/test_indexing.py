"""`x[key]` with tensors in the key, and functions that index: gradients, batches of indices, errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import needle.autograd as ad
import needle.ndarray as nd
from needle.autograd import Tensor, tensor
from needle.autograd.samples import Draw


def integers(values: Any, device: str) -> Tensor:
    return tensor(values, nd.int64, device)


def test_an_element_that_is_read_twice_gets_both_gradients(device: str) -> None:
    x = tensor([1.0, 2.0, 3.0], device=device, requires_grad=True)
    (x[integers([0, 2, 0], device)] * tensor([1.0, 10.0, 100.0], device=device)).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [101.0, 0.0, 10.0]


def test_a_mask_passes_gradients_to_its_true_elements(device: str) -> None:
    x = tensor([[1.0, -2.0], [-3.0, 4.0]], device=device, requires_grad=True)
    chosen = x[x < 0]
    assert chosen.tolist() == [-2.0, -3.0]
    chosen.sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [[0.0, 1.0], [1.0, 0.0]]


@pytest.mark.parametrize("dtype", ["int8", "int32", "uint8"])
def test_indices_of_any_integer_dtype(dtype: str, device: str) -> None:
    x = tensor([[1, 2], [3, 4]], device=device)
    index = tensor([1, 0], getattr(nd, dtype), device)
    assert x[index, index].tolist() == [4, 1]
    assert x[index.data].tolist() == x[index].tolist() == x[[1, 0]].tolist() == x[np.asarray([1, 0])].tolist()


def test_numbers_of_numpy_are_indices(device: str) -> None:
    assert tensor([[1, 2], [3, 4]], device=device)[np.int64(1)].tolist() == [3, 4]


# Functions of x (2, 3, 4) and of indices (2,), or of one index.
USES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "alone": lambda x, i: x[i],
    "behind a slice": lambda x, i: x[:, i],
    "side by side": lambda x, i: x[i, i],
    "apart": lambda x, i: x[i, :, i],
    "beside an integer and None": lambda x, i: x[1, None, i, ::2],
    "one index": lambda x, i: x[..., i[0]],
    "take": lambda x, i: ad.take(x, i, axis=1),
    "take_along_axis": lambda x, i: ad.take_along_axis(x, ad.broadcast_to(i, (2, 3, 2)), axis=2),
    "scatter": lambda x, i: ad.scatter(x[0, 0], i, x[1, 1, :2], axis=0),
}


@pytest.mark.parametrize("name", USES)
@pytest.mark.parametrize("axes", [(0, 0), (None, 0), (0, None)])
def test_a_batch_of_indices_is_a_loop(name: str, axes: tuple[int | None, int | None], device: str) -> None:
    x = Draw(nd.float64, device).uniform(3, 2, 3, 4)
    indices = integers([[1, 0], [0, 0], [-1, 1]], device)
    operands = [a if axis == 0 else a[0] for a, axis in zip((x, indices), axes, strict=True)]

    def slope(x: Tensor, i: Tensor) -> Tensor:
        return ad.grad(lambda x: (USES[name](x, i) ** 2).sum())(x)

    for f in (USES[name], slope):
        out = ad.vmap(f, in_axes=axes)(*operands)
        for k in range(3):
            expected = f(*[a[k] if axis == 0 else a for a, axis in zip(operands, axes, strict=True)])
            np.testing.assert_allclose(out[k].tolist(), expected.tolist())


def test_a_batch_of_masks_has_no_shape(device: str) -> None:
    x = tensor([[1.0, -2.0], [-3.0, 4.0]], device=device)
    with pytest.raises(NotImplementedError, match=r"\[nonzero\] no batching rule is known"):
        ad.vmap(lambda x: x[x < 0])(x)
    mask = tensor([True, False], device=device)
    assert ad.vmap(lambda x: x[mask])(x).tolist() == [[1.0], [-3.0]]


ERRORS: dict[str, tuple[Callable[[Tensor], Any], type[Exception], str]] = {
    "out of range": (lambda x: x[[0, 2]], IndexError, r"index out of range; got 2 along axis 0"),
    "two out of range": (lambda x: x[[0, 1], [0, -4]], IndexError, r"\[getitem\] index out of range; got -4 for"),
    "floats": (lambda x: x[x], TypeError, r"\[getitem\] an index array of this dtype; got float32; expected integers"),
    "no index": (lambda x: x[object()], TypeError, r"\[getitem\] not an index; got object"),
    "too many": (lambda x: x[[0], 0, 0], IndexError, r"\[getitem\] too many indices; got 3"),
    "two ellipses": (lambda x: x[..., [0], ...], IndexError, r"\[getitem\] more than one ellipsis"),
    "a mask too long": (lambda x: x[x[0] > 0], IndexError, r"\[getitem\] the mask does not fit; got \(3,\)"),
    "shapes": (lambda x: x[[0, 1], [0, 1, 2]], IndexError, r"\[getitem\] the index arrays do not broadcast; got"),
    "take without an axis": (lambda x: ad.take(x, [0]), ValueError, r"\[take\] no axis is named; got 2 dim"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_wrong_keys(name: str, device: str) -> None:
    f, error, text = ERRORS[name]
    with pytest.raises(error, match=text):
        f(tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], device=device))
