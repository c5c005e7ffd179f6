"""The methods of tensors are the functions, under PyTorch's names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import needle.autograd as ad
import needle.ndarray as nd
from needle.autograd import Tensor, tensor
from needle.autograd.methods import Methods

# Each method of a tensor (2, 3) and of indices (2, 3), with all its arguments, beside the function.
PAIRS: dict[str, tuple[Callable[[Tensor, Tensor], Any], Callable[[Tensor, Tensor], Any]]] = {
    "clip": (lambda x, i: x.clip(1, 3), lambda x, i: ad.clip(x, 1, 3)),
    "clamp": (lambda x, i: x.clamp(max=3), lambda x, i: ad.clip(x, max=3)),
    "pow": (lambda x, i: x.pow(2), lambda x, i: ad.pow(x, 2)),
    "masked_fill": (lambda x, i: x.masked_fill(x > 2, 0), lambda x, i: ad.where(x > 2, 0, x)),
    "clone": (lambda x, i: x.clone(), lambda x, i: ad.copy(x)),
    "sum": (lambda x, i: x.sum(1, True), lambda x, i: ad.sum(x, axis=1, keepdims=True)),
    "mean": (lambda x, i: x.mean(1, True), lambda x, i: ad.mean(x, axis=1, keepdims=True)),
    "prod": (lambda x, i: x.prod(1, True), lambda x, i: ad.prod(x, axis=1, keepdims=True)),
    "var": (lambda x, i: x.var(1, 1, True), lambda x, i: ad.var(x, axis=1, correction=1, keepdims=True)),
    "std": (lambda x, i: x.std(1, 1, True), lambda x, i: ad.std(x, axis=1, correction=1, keepdims=True)),
    "max": (lambda x, i: x.max(1, True), lambda x, i: ad.max(x, axis=1, keepdims=True)),
    "min": (lambda x, i: x.min(1, True), lambda x, i: ad.min(x, axis=1, keepdims=True)),
    "any": (lambda x, i: x.any(1, True), lambda x, i: ad.any(x, axis=1, keepdims=True)),
    "all": (lambda x, i: x.all(1, True), lambda x, i: ad.all(x, axis=1, keepdims=True)),
    "argmax": (lambda x, i: x.argmax(1, True), lambda x, i: ad.argmax(x, axis=1, keepdims=True)),
    "argmin": (lambda x, i: x.argmin(1, True), lambda x, i: ad.argmin(x, axis=1, keepdims=True)),
    "logsumexp": (lambda x, i: x.logsumexp(1, True), lambda x, i: ad.logsumexp(x, axis=1, keepdims=True)),
    "softmax": (lambda x, i: x.softmax(1), lambda x, i: ad.softmax(x, axis=1)),
    "log_softmax": (lambda x, i: x.log_softmax(1), lambda x, i: ad.log_softmax(x, axis=1)),
    "cumsum": (lambda x, i: x.cumsum(1), lambda x, i: ad.cumulative_sum(x, axis=1)),
    "cumprod": (lambda x, i: x.cumprod(1), lambda x, i: ad.cumulative_prod(x, axis=1)),
    "sort": (lambda x, i: x.sort(0, True), lambda x, i: ad.sort(x, axis=0, descending=True)),
    "argsort": (lambda x, i: x.argsort(0, True), lambda x, i: ad.argsort(x, axis=0, descending=True)),
    "topk": (lambda x, i: x.topk(1, 0, False).values, lambda x, i: ad.topk(x, 1, axis=0, largest=False).values),
    "gather": (lambda x, i: x.gather(1, i), lambda x, i: ad.take_along_axis(x, i, axis=1)),
    "index_select": (lambda x, i: x.index_select(1, i[0]), lambda x, i: ad.take(x, i[0], axis=1)),
    "scatter": (lambda x, i: x.scatter(1, i, x), lambda x, i: ad.scatter(x, i, x, axis=1)),
    "scatter_add": (lambda x, i: x.scatter_add(1, i, x), lambda x, i: ad.scatter(x, i, x, axis=1, op="add")),
    "reshape": (lambda x, i: x.reshape(3, -1), lambda x, i: ad.reshape(x, (3, 2))),
    "view": (lambda x, i: x.view((3, 2)), lambda x, i: ad.reshape(x, (3, 2))),
    "flatten": (lambda x, i: x[None].flatten(1), lambda x, i: ad.reshape(x, (1, 6))),
    "flatten to an axis": (lambda x, i: x[None].flatten(end=1), lambda x, i: x),
    "flatten a number": (lambda x, i: x[0, 0].flatten(), lambda x, i: x[0, :1]),
    "permute": (lambda x, i: x.permute(1, 0), lambda x, i: ad.permute_dims(x, (1, 0))),
    "transpose": (lambda x, i: x.transpose(0, 1), lambda x, i: ad.swapaxes(x, 0, 1)),
    "swapaxes": (lambda x, i: x.swapaxes(0, -1), lambda x, i: ad.swapaxes(x, 0, 1)),
    "movedim": (lambda x, i: x.movedim(0, 1), lambda x, i: ad.moveaxis(x, 0, 1)),
    "expand": (lambda x, i: x.expand(2, 2, 3), lambda x, i: ad.broadcast_to(x, (2, 2, 3))),
    "squeeze": (lambda x, i: x[:1].squeeze(0), lambda x, i: ad.squeeze(x[:1], 0)),
    "unsqueeze": (lambda x, i: x.unsqueeze(1), lambda x, i: ad.expand_dims(x, 1)),
    "flip": (lambda x, i: x.flip(1), lambda x, i: ad.flip(x, axis=1)),
    "roll": (lambda x, i: x.roll(1, 1), lambda x, i: ad.roll(x, 1, axis=1)),
    "tile": (lambda x, i: x.tile(2, 1), lambda x, i: ad.tile(x, (2, 1))),
    "repeat": (lambda x, i: x.repeat((2, 1)), lambda x, i: ad.tile(x, (2, 1))),
    "repeat_interleave": (lambda x, i: x.repeat_interleave(2, 1), lambda x, i: ad.repeat(x, 2, axis=1)),
    "split": (lambda x, i: x.split(2, 1)[0], lambda x, i: ad.split(x, 2, axis=1)[0]),
    "unbind": (lambda x, i: x.unbind(1)[2], lambda x, i: ad.unstack(x, axis=1)[2]),
    "unfold": (lambda x, i: x.unfold(1, 2, 1), lambda x, i: ad.unfold(x, 1, 2, 1)),
    "tril": (lambda x, i: x.tril(1), lambda x, i: ad.tril(x, k=1)),
    "triu": (lambda x, i: x.triu(1), lambda x, i: ad.triu(x, k=1)),
    "diagonal": (lambda x, i: x.diagonal(1), lambda x, i: ad.diagonal(x, offset=1)),
}


@pytest.mark.parametrize("name", PAIRS)
def test_a_method_is_the_function(name: str, device: str) -> None:
    method, function = PAIRS[name]
    x, i = tensor([[3, 1, 4], [1, 5, 9]], nd.float64, device), tensor([[1, 0, 2], [2, 2, 0]], nd.int64, device)
    assert method(x, i).shape == function(x, i).shape
    assert method(x, i).tolist() == function(x, i).tolist()


OTHERS = {name for name, method in vars(Methods).items() if callable(method) and name[0] != "_"} - {*PAIRS}


@pytest.mark.parametrize("name", sorted(OTHERS))
def test_a_method_without_arguments_is_the_function(name: str, device: str) -> None:
    x = tensor([[0.25, 0.5], [0.75, 0.125]], device=device)
    assert getattr(x, name)().tolist() == getattr(ad, name)(x).tolist()
    assert getattr(Tensor, name).__doc__ == f"Return `needle.autograd.{name}` of this tensor."
