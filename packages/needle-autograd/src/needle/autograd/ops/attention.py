"""Scaled dot-product attention: fused, so that it takes memory linear in the sequences."""

from __future__ import annotations

from collections.abc import Sequence

import needle.ndarray as nd
from needle.autograd.op import Params, records
from needle.autograd.ops.contraction import matmul
from needle.autograd.ops.elementwise import where
from needle.autograd.ops.normalization import softmax
from needle.autograd.ops.shape import broadcast_to, expand_dims, reshape, sum
from needle.autograd.rules import fused
from needle.autograd.samples import Draw, Sample
from needle.autograd.tensor import Tensor
from needle.ndarray import NDArray
from needle.ndarray.dot_attention import attention as attention_of_arrays
from needle.ndarray.dot_attention import attention_gradient

__all__ = ["attention"]


def attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, factor: float, reach: int | None = None) -> Tensor:
    """Return softmax(factor * q @ k.mT + mask) @ v: (B, H, L, E), (B, G, S, E), (B, G, S, F) -> (B, H, L, F).

    Args:
        q: The queries of H heads.
        k: The keys; H is a multiple of G, and head h takes those of h // (H // G).
        v: The values.
        mask: What broadcasts to (B, H, L, S): bool, False where a key is not to be seen, or numbers to be added. One
            that requires grad makes the whole be computed by other ops, in memory for all scores.
        factor: Of the scores.
        reach: Query i sees the keys up to i + reach, all where it is None; 0 is causal attention.

    >>> q, k = tensor([[[[0.0], [1.0]]]]), tensor([[[[1.0], [1.0]]]])
    >>> attention(q, k, tensor([[[[1.0], [3.0]]]]), None, factor=1.0, reach=0).tolist()
    [[[[1.0], [2.0]]]]
    """
    if mask is not None and records((mask,)):
        return matmul(_shares(q, k, mask, factor, reach), _spread(v, q.shape[1]))
    return _attention(q, k, v, mask, factor=factor, reach=reach)


def _attend(
    q: NDArray, k: NDArray, v: NDArray, mask: NDArray | None, factor: float, reach: int | None
) -> tuple[NDArray, Sequence[NDArray]]:
    out, sums = attention_of_arrays(q, k, v, mask, factor=factor, reach=reach)
    return out, [sums]


def _gradients(
    ct: NDArray,
    p: Params,
    out: NDArray,
    saved: Sequence[NDArray],
    q: NDArray,
    k: NDArray,
    v: NDArray,
    mask: NDArray | None,
) -> Sequence[NDArray | None]:
    return [*attention_gradient(q, k, v, mask, out, *saved, ct, **p), None]


def _rule(
    ct: Tensor, p: Params, out: Tensor, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None
) -> Sequence[Tensor | None]:
    heads = q.shape[1]
    shares = _shares(q, k, mask, **p)
    below = matmul(ct, _spread(v, heads).mT)
    slopes = shares * (below - sum(shares * below, -1, keepdims=True)) * p["factor"]
    dk, dv = (_gathered(x, k.shape[1]) for x in (matmul(slopes.mT, q), matmul(shares.mT, ct)))
    return [matmul(slopes, _spread(k, heads)), dk, dv, None]


def _shares(q: Tensor, k: Tensor, mask: Tensor | None, factor: float, reach: int | None) -> Tensor:
    scores = matmul(q, _spread(k, q.shape[1]).mT) * factor
    if mask is not None:
        scores = where(mask, scores, -float("inf")) if mask.dtype is nd.bool else scores + mask
    if reach is not None:
        seen = nd.tril(nd.ones(scores.shape[2:], dtype=nd.bool, device=q.device), k=reach)
        scores = where(seen, scores, -float("inf"))
    return softmax(scores, -1)


def _spread(x: Tensor, heads: int) -> Tensor:
    """Return keys or values once for each head."""
    batch, groups, rows, columns = x.shape
    if groups == heads:
        return x
    each = broadcast_to(expand_dims(x, 2), (batch, groups, heads // groups, rows, columns))
    return reshape(each, (batch, heads, rows, columns))


def _gathered(x: Tensor, groups: int) -> Tensor:
    """Return the sums over the heads that share keys."""
    batch, heads, rows, columns = x.shape
    return x if groups == heads else sum(reshape(x, (batch, groups, heads // groups, rows, columns)), 2)


def _samples(draw: Draw) -> list[Sample]:
    q, k, v = draw.uniform(1, 2, 9, 3), draw.uniform(1, 2, 4, 3), draw.uniform(1, 2, 4, 2)
    seen = Tensor(nd.asarray([[True, False, True, True]], device=draw.device))
    return [
        Sample((q, k, v, None), {"factor": 0.6}),
        Sample((q, draw.uniform(1, 1, 9, 3), draw.uniform(1, 1, 9, 2), None), {"factor": 0.6, "reach": 0}),
        Sample((q, k, v, seen), {"factor": 0.6}),
        Sample((q, k, v, draw.uniform(1, 1, 9, 4)), {"factor": 0.6}),
        Sample((draw.uniform(1, 1, 2, 3), *(x[:, :1] for x in (k, v)), None), {"factor": 1.0, "reach": 2}),
    ]


def _attend_each(p: Params, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    """Take the batch into B."""
    size, batch = q.shape[:2]
    if mask is not None:
        mask = reshape(mask, (size, *[1] * (5 - mask.ndim), *mask.shape[1:]))
        mask = _merged(broadcast_to(mask, (size, batch, *mask.shape[2:])))
    out = _attention(*map(_merged, (q, k, v)), mask, **p)
    return reshape(out, (size, batch, *out.shape[1:]))


def _merged(x: Tensor) -> Tensor:
    return reshape(x, (x.shape[0] * x.shape[1], *x.shape[2:]))


_attention = fused("attention", _attend, _gradients, _rule, samples=_samples, batch=_attend_each)
