"""Linear algebra on tensors, with the names and signatures of `needle.ndarray.linalg`.

All functions take stacks of matrices, (..., M, N), real or complex, and differentiate to any order. Where a derivative
does not exist (repeated eigenvalues, singular matrices, ...), each says what it gives.

>>> x = tensor([[2.0, 0.0], [0.0, 4.0]], requires_grad=True)
>>> linalg.slogdet(x).logabsdet.backward()
>>> x.grad.tolist()
[[0.5, 0.0], [0.0, 0.25]]
"""

from needle.autograd.ops.contraction import matmul
from needle.autograd.ops.decompositions import cholesky, lu, qr
from needle.autograd.ops.least_squares import lstsq, matrix_rank, pinv
from needle.autograd.ops.norms import matrix_norm, vector_norm
from needle.autograd.ops.products import cross, outer, tensordot, trace, vecdot
from needle.autograd.ops.shape import matrix_transpose
from needle.autograd.ops.solving import det, inv, matrix_power, slogdet, solve
from needle.autograd.ops.spectra import eig, eigh, eigvals, eigvalsh, svd, svdvals
from needle.autograd.ops.strides import diagonal
from needle.ndarray.linalg import (
    EighResult,
    EigResult,
    LinAlgError,
    LstsqResult,
    LUResult,
    QRResult,
    SlogdetResult,
    SVDResult,
)

__all__ = [
    "EigResult", "EighResult", "LUResult", "LinAlgError", "LstsqResult", "QRResult", "SVDResult", "SlogdetResult",
    "cholesky", "cross", "det", "diagonal", "eig", "eigh", "eigvals", "eigvalsh", "inv", "lstsq", "lu", "matmul",
    "matrix_norm", "matrix_power", "matrix_rank", "matrix_transpose", "outer", "pinv", "qr", "slogdet", "solve",
    "svd", "svdvals", "tensordot", "trace", "vecdot", "vector_norm",
]  # fmt: skip
