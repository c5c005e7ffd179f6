"""The triangles of matrices, which are linear."""

from __future__ import annotations

import needle.ndarray as nd
from needle.autograd.rules import linear
from needle.autograd.samples import Draw, Sample
from needle.autograd.tensor import Tensor
from needle.ndarray import NDArray

__all__ = ["tril", "triu"]


def tril(x: Tensor | NDArray, /, *, k: int = 0) -> Tensor:
    """Return the matrices of ``x`` with zeros above the k-th diagonal.

    >>> tril(tensor([[1, 2], [3, 4]])).tolist()
    [[1, 0], [3, 4]]
    """
    return _tril(x, k=k)


def triu(x: Tensor | NDArray, /, *, k: int = 0) -> Tensor:
    """Return the matrices of ``x`` with zeros below the k-th diagonal.

    >>> triu(tensor([[1, 2], [3, 4]])).tolist()
    [[1, 2], [0, 4]]
    """
    return _triu(x, k=k)


def _matrices(draw: Draw) -> list[Sample]:
    return [Sample((draw.uniform(2, 3),), {"k": k}) for k in (-1, 0, 2)] + [Sample((draw.uniform(2, 3, 2),))]


_tril = linear("tril", nd.tril, lambda ct, p, x: tril(ct, k=p["k"]), samples=_matrices, core=2)
_triu = linear("triu", nd.triu, lambda ct, p, x: triu(ct, k=p["k"]), samples=_matrices, core=2)
