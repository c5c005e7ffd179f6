"""The general convolution, as one matrix product of the kernel with the windows of the input where it is composed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from needle.ndarray import _core
from needle.ndarray.errors import message
from needle.ndarray.manipulation import spread

if TYPE_CHECKING:
    from collections.abc import Sequence

    from needle.ndarray._core import NDArray

__all__ = ["conv"]

MAX_SPATIAL = 3


def conv(
    x: NDArray,
    w: NDArray,
    /,
    stride: Sequence[int],
    padding: Sequence[tuple[int, int]],
    dilation_in: Sequence[int],
    dilation: Sequence[int],
) -> NDArray:
    """Return the cross-correlation of x with the kernel w, over 1 to 3 spatial axes.

    The form is closed under differentiation: its gradients are such convolutions again. G is a batch that x and w
    share, so groups are reshapes. Terms as in Dumoulin and Visin, "A guide to convolution arithmetic for deep
    learning" (2016).

    Args:
        x: (G, N, C, *S).
        w: (G, O, C, *K).
        stride: steps between windows, one for each spatial axis, as in the other parameters.
        padding: zeros before and after x (after its dilation); a negative number cuts off.
        dilation_in: distance of x's neighbours once zeros are put between them.
        dilation: distance of the kernel's neighbours.

    Returns:
        (G, N, O, *S'), with ``S' = (low + high + (S - 1) * dilation_in + 1 - dilation * (K - 1) - 1) // stride + 1``,
        in the promoted dtype of x and w.

    Raises:
        ValueError: ranks, G, C or the parameters do not fit, or the kernel is larger than the padded input.

    >>> from needle.ndarray import asarray, ones
    >>> conv(asarray([[[[1., 2., 4.]]]]), ones((1, 1, 1, 2)), (1,), [(0, 0)], (1,), (1,)).tolist()
    [[[[3.0, 6.0]]]]
    """
    sizes = _sizes(x, w, stride, padding, dilation_in, dilation)
    dtype = _core.result_type(x, w)
    x, w = x.astype(dtype, copy=False), w.astype(dtype, copy=False)
    out = _core.empty((*x.shape[:2], w.shape[1], *sizes), dtype, x.device)
    lows, highs = zip(*padding, strict=True)
    if _core.composite("conv", [x, w], [out], [*stride, *lows, *highs, *dilation_in, *dilation]):
        return out
    return _composed(x, w, stride, padding, dilation_in, dilation)


def _composed(
    x: NDArray,
    w: NDArray,
    stride: Sequence[int],
    padding: Sequence[tuple[int, int]],
    dilation_in: Sequence[int],
    dilation: Sequence[int],
) -> NDArray:
    n = x.ndim - 3
    if all(d == 1 for d in dilation_in) and all(low <= 0 and high <= 0 for low, high in padding):
        ends = zip(padding, x.shape[3:], strict=True)
        x = x[(..., *(slice(-low, extent + high) for (low, high), extent in ends))]
    else:
        x = spread("conv", x, [(0, 0)] * 3 + list(padding), [1] * 3 + list(dilation_in))
    # (G, N, C, *S', *K), copied to (G, C * K, N * S'): a wide matrix, whose product needs one pass over each kernel.
    patches = _core.windows(x, w.shape[3:], stride, dilation)
    outer = patches.shape[3 : 3 + n]
    columns = patches.permute_dims(0, 2, *range(3 + n, 3 + 2 * n), 1, *range(3, 3 + n))
    groups, out_channels, depth = w.shape[0], w.shape[1], math.prod(w.shape[2:])
    columns = columns.reshape(groups, depth, x.shape[1] * math.prod(outer))
    out = _core.matmul(w.reshape(groups, out_channels, depth), columns)
    return out.reshape(groups, out_channels, x.shape[1], *outer).permute_dims(0, 2, 1, *range(3, 3 + n)).contiguous()


def _sizes(
    x: NDArray,
    w: NDArray,
    stride: Sequence[int],
    padding: Sequence[tuple[int, int]],
    dilation_in: Sequence[int],
    dilation: Sequence[int],
) -> list[int]:
    n = x.ndim - 3
    shapes = f"x {x.shape} and w {w.shape}"
    if not 1 <= n <= MAX_SPATIAL or w.ndim != x.ndim:
        expected = "x (G, N, C, *S) and w (G, O, C, *K) with 1 to 3 spatial axes"
        raise ValueError(message("conv", "ranks do not fit", got=shapes, expected=expected))
    if (x.shape[0], x.shape[2]) != (w.shape[0], w.shape[2]):
        raise ValueError(message("conv", "x and w differ in G or C, their axes 0 and 2", got=shapes))
    parameters = {"stride": stride, "dilation_in": dilation_in, "dilation": dilation}
    for name, values in {**parameters, "padding": padding}.items():
        if len(values) != n:
            raise ValueError(message("conv", f"{name} does not fit the {n} spatial axes", got=str(values)))
    for name, values in parameters.items():
        if min(values) < 1:
            raise ValueError(message("conv", f"{name} is not positive", got=str(values)))
    padded = tuple(
        low + max((extent - 1) * step + 1, 0) + high
        for (low, high), extent, step in zip(padding, x.shape[3:], dilation_in, strict=True)
    )
    reach = tuple(step * (extent - 1) + 1 for extent, step in zip(w.shape[3:], dilation, strict=True))
    if min(w.shape[3:]) < 1 or any(size < needed for size, needed in zip(padded, reach, strict=True)):
        got = f"{shapes}, which span {reach} and {padded} once dilated and padded"
        raise ValueError(message("conv", "the kernel is empty, or larger than the padded input", got=got))
    return [(size - needed) // step + 1 for size, needed, step in zip(padded, reach, stride, strict=True)]
