"""Products summed over shared axes: the matrix product and the general convolution, both bilinear."""

from __future__ import annotations

import math
from collections.abc import Sequence

import needle.ndarray as nd
from needle.autograd.op import Params, Spec, records
from needle.autograd.ops.elementwise import conjugate
from needle.autograd.ops.shape import flip, permute_dims, reshape, squeeze
from needle.autograd.rules import bilinear
from needle.autograd.samples import Draw, Sample
from needle.autograd.tensor import Tensor

__all__ = ["conv", "matmul"]


def matmul(x: Tensor, y: Tensor) -> Tensor:
    """Return the matrix product (..., m, k) x (..., k, n) -> (..., m, n); leading axes broadcast.

    A 1-d ``x`` counts as a row and a 1-d ``y`` as a column, and the result lacks that axis.

    >>> matmul(tensor([[1.0, 2.0], [3.0, 4.0]]), tensor([1.0, 1.0])).tolist()
    [3.0, 7.0]
    """
    ranks = x.ndim, y.ndim
    if ranks == (2, 2) or not records((x, y)) or 0 in ranks:
        return _matmul(x, y)
    if x.ndim == 1:
        return squeeze(matmul(reshape(x, (1, x.size)), y), -min(y.ndim, 2))
    if y.ndim == 1:
        return squeeze(matmul(x, reshape(y, (y.size, 1))), -1)
    if x.shape[:-2] and not y.shape[:-2]:  # one product of more rows: the gradient of y is then one product too
        rows = reshape(x, (math.prod(x.shape[:-1]), x.shape[-1]))
        return reshape(_matmul(rows, y), (*x.shape[:-1], y.shape[-1]))
    return _matmul(x, y)


MATRICES = [
    ((2, 3), (3, 4)), ((3,), (3,)), ((3,), (3, 2)), ((2, 3), (3,)), ((2, 2, 3), (3, 2)), ((2, 1, 2, 3), (3, 3, 1)),
    ((3,), (2, 3, 2)), ((0, 3), (3, 2)), ((2, 0), (0, 2)),
]  # fmt: skip

_matmul = bilinear(
    "matmul",
    nd.matmul,
    lambda ct, p, x, y: matmul(ct, conjugate(y).mT),
    lambda ct, p, x, y: matmul(conjugate(x).mT, ct),
    samples=lambda draw: [Sample((draw.uniform(*x), draw.uniform(*y))) for x, y in MATRICES],
    core=2,
)


def conv(
    x: Tensor,
    w: Tensor,
    stride: Sequence[int],
    padding: Sequence[tuple[int, int]],
    dilation_in: Sequence[int],
    dilation: Sequence[int],
) -> Tensor:
    """Return the cross-correlation of ``x`` with the kernel ``w`` over 1 to 3 spatial axes.

    (G, N, C, *S) and (G, O, C, *K) give (G, N, O, *S'), where
    S' = (low + high + (S - 1) * dilation_in + 1 - dilation * (K - 1) - 1) // stride + 1. G is a batch that both share,
    so groups are reshapes, and both gradients are such convolutions again.

    Args:
        x: The input.
        w: The kernel.
        stride: Steps between windows, one for each spatial axis, as in the other parameters.
        padding: Zeros before and after the input once dilated; a negative number cuts off.
        dilation_in: The distance of the input's neighbours once zeros are put between them.
        dilation: The distance of the kernel's neighbours.

    >>> x, w = tensor([[[[1.0, 2.0, 4.0]]]]), tensor([[[[1.0, 1.0]]]])
    >>> conv(x, w, stride=(1,), padding=[(0, 0)], dilation_in=(1,), dilation=(1,)).tolist()
    [[[[3.0, 6.0]]]]
    """
    pads = tuple((low, high) for low, high in padding)
    return _conv(x, w, stride=tuple(stride), padding=pads, dilation_in=tuple(dilation_in), dilation=tuple(dilation))


# Let X be the input dilated and padded, so that X[low + s * dilation_in] = x[s], and out[i] the sum over k of
# w[k] X[i * stride + k * dilation]. In the gradients stride and dilations change parts.


def _gradient_of_input(ct: Tensor, p: Params, x: Spec, w: Tensor) -> Tensor:
    """Return the sum over i * stride + k * dilation = low + s * dilation_in of ct[i] w[k], for each s.

    That correlates ct, dilated by the stride and padded by the kernel's reach, with the reversed kernel, and takes the
    places of X that hold an x: from low on, in steps of dilation_in.
    """
    padding: list[tuple[int, int]] = []
    for i, (low, _) in enumerate(p["padding"]):
        reach = p["dilation"][i] * (w.shape[3 + i] - 1)
        high = low + (x.shape[3 + i] - 1) * p["dilation_in"][i] - (ct.shape[3 + i] - 1) * p["stride"][i]
        padding.append((reach - low, high))
    kernel = flip(_swapped(conjugate(w)), tuple(range(3, w.ndim)))
    return conv(ct, kernel, p["dilation_in"], padding, p["stride"], p["dilation"])


def _gradient_of_kernel(ct: Tensor, p: Params, x: Tensor, w: Spec) -> Tensor:
    """Return the sum over i of ct[i] X[i * stride + k * dilation], for each k.

    That correlates X with ct, whose neighbours are the stride apart, in steps of the dilation; samples are summed, so
    they take the place of channels. What the stride leaves over at the end of X no window has seen: it is cut off.
    """
    padding: list[tuple[int, int]] = []
    for i, (low, _) in enumerate(p["padding"]):
        seen = (ct.shape[3 + i] - 1) * p["stride"][i] + p["dilation"][i] * (w.shape[3 + i] - 1) + 1
        padding.append((low, seen - low - (x.shape[3 + i] - 1) * p["dilation_in"][i] - 1))
    return _swapped(conv(_swapped(conjugate(x)), _swapped(ct), p["dilation"], padding, p["dilation_in"], p["stride"]))


def _swapped(x: Tensor) -> Tensor:
    return permute_dims(x, (0, 2, 1, *range(3, x.ndim)))


def _convolutions(draw: Draw) -> list[Sample]:
    def sample(x: tuple[int, ...], w: tuple[int, ...], *params: Sequence[object]) -> Sample:
        return Sample((draw.uniform(*x), draw.uniform(*w), *params))

    return [
        sample((1, 2, 2, 5), (1, 3, 2, 3), (1,), [(0, 0)], (1,), (1,)),
        sample((2, 1, 2, 6), (2, 2, 2, 2), (3,), [(1, 0)], (1,), (1,)),  # the stride leaves elements over
        sample((1, 1, 1, 6), (1, 1, 1, 2), (2,), [(-1, 2)], (2,), (3,)),  # all parameters at once
        sample((1, 2, 1, 4, 5), (1, 2, 1, 2, 3), (2, 1), [(1, 1), (0, 2)], (1, 2), (2, 1)),
        sample((1, 1, 1, 2, 3, 2), (1, 1, 1, 2, 2, 1), (1, 2, 1), [(0, 0), (1, 0), (0, 0)], (1, 1, 1), (1, 1, 1)),
    ]


def _convolved_each(p: Params, x: Tensor, w: Tensor) -> Tensor:
    """Take the batch into G, the axis that input and kernel share."""
    size, groups = x.shape[:2]
    x, w = (reshape(a, (size * groups, *a.shape[2:])) for a in (x, w))
    out = _conv(x, w, **p)
    return reshape(out, (size, groups, *out.shape[1:]))


_conv = bilinear("conv", nd.conv, _gradient_of_input, _gradient_of_kernel, samples=_convolutions, batch=_convolved_each)
