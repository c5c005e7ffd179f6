"""Sums of products by labelled axes, of `dot_general`, diagonals and sums as `needle.ndarray.einsum` plans them."""

from __future__ import annotations

from typing import Any

from needle.autograd.op import promoted
from needle.autograd.ops.casts import astype
from needle.autograd.ops.products import dot_general
from needle.autograd.ops.shape import permute_dims, reshape, sum
from needle.autograd.ops.strides import diagonal
from needle.autograd.rules import composite
from needle.autograd.samples import Draw, Sample
from needle.autograd.tensor import Axes, Tensor
from needle.ndarray import DType
from needle.ndarray.einsum import Factor, Groups, contracted

__all__ = ["einsum"]


def _samples(draw: Draw) -> list[Sample]:
    def sample(subscripts: str, *shapes: tuple[int, ...]) -> Sample:
        return Sample((subscripts, *(draw.uniform(*shape) for shape in shapes)))

    return [
        sample("ij,jk->ik", (2, 3), (3, 4)),
        sample("bij,bkj->kb", (2, 3, 4), (2, 5, 4)),
        sample("ii->i", (3, 3)),
        sample("iji", (2, 3, 2)),
        sample("iii", (2, 2, 2)),
        sample("ij->", (2, 3)),
        sample("ij,ij,jk->k", (2, 3), (2, 1), (3, 2)),
        sample("...i,i...->...", (2, 3), (3, 1)),
        sample("a,b->ba", (2,), (3,)),
        sample("ij,jk", (0, 3), (3, 2)),
    ]


@composite(_samples)
def einsum(subscripts: str, /, *operands: Tensor) -> Tensor:
    """Return the products of the operands, summed over the axes whose labels are not in the result.

    Labels are letters, one for each axis: ``"ij,jk->ik"`` is a matrix product, ``"ii->i"`` a diagonal, ``"ij->"`` the
    sum of all. ``...`` stands for the other axes, which broadcast. Without ``->`` the result has the labels that occur
    once, in alphabetical order, behind those axes.

    Args:
        subscripts: The labels.
        operands: One or more tensors of numeric dtypes.

    Returns:
        The sums in the promoted dtype.

    Raises:
        ValueError: The labels do not fit the operands, or the extents of one label differ.

    >>> x = tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> einsum("ij,jk->ik", x, x).tolist(), einsum("ii", x).item()
    ([[7.0, 10.0], [15.0, 22.0]], 5.0)
    """
    factor, output = contracted(subscripts, promoted(*operands), _prepare, _total, _product)
    order = [factor.labels.index(label) for label in output]
    return factor.array if order == list(range(len(order))) else permute_dims(factor.array, order)


def _prepare(x: Tensor, labels: tuple[str, ...], extents: dict[str, int]) -> Factor:
    """Return a tensor without the axes that only broadcast, and with the diagonal of those whose label repeats."""
    pairs = zip(labels, x.shape, strict=True)
    kept = [label for label, extent in pairs if extent == extents[label]]
    if len(kept) < len(labels):
        x = reshape(x, [extents[label] for label in kept])
    while repeated := next((label for label in kept if kept.count(label) > 1), None):
        first = kept.index(repeated)
        pair = first, kept.index(repeated, first + 1)
        rest = [axis for axis in range(len(kept)) if axis not in pair]
        x = diagonal(permute_dims(x, [*rest, *pair]))
        kept = [*(kept[axis] for axis in rest), repeated]
    return Factor(x, tuple(kept))


def _total(x: Tensor, axis: Axes, dtype: DType) -> Tensor:
    return astype(sum(x, axis), dtype) if dtype.kind not in ("float", "complex") else sum(x, axis)


def _product(a: Factor, b: Factor, groups: Groups) -> Factor:
    def places(factor: Factor, labels: list[str]) -> list[int]:
        return [factor.labels.index(label) for label in labels]

    contracting, batch = ((places(a, group), places(b, group)) for group in (groups.summed, groups.batch))
    array: Any = dot_general(a.array, b.array, contracting=contracting, batch=batch)
    return Factor(array, (*groups.batch, *groups.rows, *groups.columns))
