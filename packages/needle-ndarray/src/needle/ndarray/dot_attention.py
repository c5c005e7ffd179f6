"""Scaled dot-product attention, and its gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING

from needle.ndarray import _core
from needle.ndarray._elementwise import exp, log
from needle.ndarray.creation import empty, empty_like, ones
from needle.ndarray.dtypes import bool as bool_
from needle.ndarray.errors import message
from needle.ndarray.grids import tril
from needle.ndarray.host import check_arrays, check_fits, computed_in, widened

if TYPE_CHECKING:
    from needle.ndarray._core import NDArray

__all__ = ["attention", "attention_gradient"]


def attention(
    q: NDArray, k: NDArray, v: NDArray, mask: NDArray | None = None, /, *, factor: float, reach: int | None = None
) -> tuple[NDArray, NDArray]:
    """Return softmax(factor * q @ k.mT + mask) @ v, and the logarithms of softmax's sums.

    Where the backend has it as one kernel, it takes memory linear in L and S.

    Args:
        q: (B, H, L, E), of a float dtype.
        k: (B, G, S, E) with H a multiple of G: head h takes the keys of h // (H // G).
        v: (B, G, S, F).
        mask: (B, H, L, S), or what broadcasts to it: bool, False where a key is not to be seen, or of q's dtype, added.
        factor: of the scores.
        reach: query i sees the keys up to i + reach, all where it is None; 0 is causal attention.

    Returns:
        (B, H, L, F), 0 for a query that sees no key, and (B, H, L), float64 for a float64 q and float32 for others.

    Raises:
        TypeError: q, k and v are not of one float dtype, or the mask neither of it nor bool.
        ValueError: shapes do not fit.

    >>> from needle.ndarray import asarray
    >>> q, k = asarray([[[[0.0], [1.0]]]]), asarray([[[[1.0], [1.0]]]])
    >>> attention(q, k, asarray([[[[1.0], [3.0]]]]), factor=1.0, reach=0)[0].tolist()
    [[[[1.0], [2.0]]]]
    """
    _check(q, k, v, mask)
    mask = None if mask is None else _core.broadcast_to(mask, (*q.shape[:3], k.shape[2]))
    out = empty((*q.shape[:3], v.shape[3]), q.dtype, q.device)
    sums = empty(q.shape[:3], computed_in(q), q.device)
    at = k.shape[2] if reach is None else reach
    if out.size and k.size and _core.composite("attention", [q, k, v, mask], [out, sums], [at], [factor]):
        return out, sums
    scores = _scores(q, k, mask, factor, reach)
    top = _core.max(scores, axis=-1, keepdims=True) if scores.size else _core.sum(scores, axis=-1, keepdims=True)
    shift = _core.where(_isfinite(top), top, 0.0)
    powers = exp(scores - shift)
    total = _core.sum(powers, axis=-1, keepdims=True)
    shares = powers / _core.where(total == 0, 1.0, total)
    result = _core.matmul(shares, _spread(widened(v), q.shape[1]))
    return result.astype(q.dtype, copy=False), (log(total) + shift).reshape(q.shape[:3])


def attention_gradient(
    q: NDArray,
    k: NDArray,
    v: NDArray,
    mask: NDArray | None,
    out: NDArray,
    sums: NDArray,
    cotangent: NDArray,
    /,
    *,
    factor: float,
    reach: int | None = None,
) -> tuple[NDArray, NDArray, NDArray]:
    """Return the gradients of sum(cotangent * out) for q, k and v; out and sums are what `attention` gives.

    >>> from needle.ndarray import ones
    >>> one = ones((1, 1, 1, 1))
    >>> out, sums = attention(one, one, one, factor=1.0)
    >>> [x.item() for x in attention_gradient(one, one, one, None, out, sums, one, factor=1.0)]
    [0.0, 0.0, 1.0]
    """
    _check(q, k, v, mask)
    check_fits("attention_gradient", "the result", out, (*q.shape[:3], v.shape[3]), q.dtype)
    check_fits("attention_gradient", "the sums", sums, q.shape[:3], computed_in(q))
    check_fits("attention_gradient", "the cotangent", cotangent, out.shape, q.dtype)
    mask = None if mask is None else _core.broadcast_to(mask, (*q.shape[:3], k.shape[2]))
    gradients = [empty_like(x) for x in (q, k, v)]
    at = k.shape[2] if reach is None else reach
    inputs = [q, k, v, mask, out, sums, cotangent]
    if out.size and k.size and _core.composite("attention_gradient", inputs, gradients, [at], [factor]):
        return gradients[0], gradients[1], gradients[2]
    heads = q.shape[1]
    wide_q, wide_k, wide_v, ct = widened(q), _spread(widened(k), heads), _spread(widened(v), heads), widened(cotangent)
    sums = _core.expand_dims(sums, axis=-1)
    shares = exp(_scores(q, k, mask, factor, reach) - _core.where(_isfinite(sums), sums, 0.0))
    along = _core.sum(ct * widened(out), axis=-1, keepdims=True)
    slopes = shares * (_core.matmul(ct, wide_v.mT) - along) * factor
    found = _core.matmul(slopes, wide_k), _core.matmul(slopes.mT, wide_q), _core.matmul(shares.mT, ct)
    dq, dk, dv = (x.astype(q.dtype, copy=False) for x in (found[0], *(_gathered(x, k.shape[1]) for x in found[1:])))
    return dq, dk, dv


def _check(q: NDArray, k: NDArray, v: NDArray, mask: NDArray | None) -> None:
    check_arrays("attention", q, k, v, *([] if mask is None else [mask]))
    if (
        q.dtype.kind != "float"
        or {k.dtype, v.dtype} != {q.dtype}
        or (mask is not None and mask.dtype not in (q.dtype, bool_))
    ):
        got = " and ".join(x.dtype.name for x in (q, k, v, mask) if x is not None)
        expected = "one float dtype, or bool for the mask"
        raise TypeError(message("attention", "dtypes do not fit", got=got, expected=expected, hint="cast with astype"))
    fits = (q.ndim, k.ndim, v.ndim) == (4, 4, 4)
    fits = fits and q.shape[0] == k.shape[0] and q.shape[3] == k.shape[3] and k.shape[:3] == v.shape[:3]
    if not fits or (q.shape[1] % k.shape[1] if k.shape[1] else q.shape[1]):
        got = f"q {q.shape}, k {k.shape}, v {v.shape}"
        expected = "(B, H, L, E), (B, G, S, E) and (B, G, S, F) with H a multiple of G"
        raise ValueError(message("attention", "shapes do not fit", got=got, expected=expected))


def _isfinite(x: NDArray) -> NDArray:
    return x - x == 0


def _spread(x: NDArray, heads: int) -> NDArray:
    """Return keys or values once for each head."""
    batch, groups, rows, columns = x.shape
    if groups == heads:
        return x
    each = _core.broadcast_to(_core.expand_dims(x, axis=2), (batch, groups, heads // groups, rows, columns))
    return each.reshape(batch, heads, rows, columns)


def _gathered(x: NDArray, groups: int) -> NDArray:
    """Return the sums over the heads that share keys."""
    batch, heads, rows, columns = x.shape
    return x if groups == heads else _core.sum(x.reshape(batch, groups, heads // groups, rows, columns), axis=2)


def _scores(q: NDArray, k: NDArray, mask: NDArray | None, factor: float, reach: int | None) -> NDArray:
    scores = _core.matmul(widened(q), _spread(widened(k), q.shape[1]).mT) * factor
    if mask is not None:
        scores = _core.where(mask, scores, -float("inf")) if mask.dtype is bool_ else scores + mask
    if reach is not None:
        seen = tril(ones(scores.shape[2:], dtype=bool_, device=q.device), k=reach)
        scores = _core.where(seen, scores, -float("inf"))
    return scores
