"""Linear algebra: the array API standard's extension, with `lu` and `lstsq` beside it.

Decompositions and what rests on them go through NumPy to the LAPACK of the platform, on the host, and need NumPy
installed. Products and most norms are made of needle's own functions. All take stacks of matrices, (..., M, N).

>>> nd.linalg.solve(nd.asarray([[2.0, 0.0], [0.0, 4.0]]), nd.asarray([1.0, 1.0])).tolist()
[0.5, 0.25]
"""

from needle.ndarray._core import matmul
from needle.ndarray.contraction import matrix_transpose, tensordot, vecdot
from needle.ndarray.linalg.decompositions import (
    EighResult,
    EigResult,
    QRResult,
    SVDResult,
    cholesky,
    eig,
    eigh,
    eigvals,
    eigvalsh,
    qr,
    svd,
    svdvals,
)
from needle.ndarray.linalg.norms import matrix_norm, vector_norm
from needle.ndarray.linalg.operands import LinAlgError
from needle.ndarray.linalg.products import cross, diagonal, matrix_power, outer, trace
from needle.ndarray.linalg.solving import (
    LstsqResult,
    SlogdetResult,
    det,
    inv,
    lstsq,
    matrix_rank,
    pinv,
    slogdet,
    solve,
)
from needle.ndarray.linalg.triangular import LUResult, lu

__all__ = [
    "EigResult", "EighResult", "LUResult", "LinAlgError", "LstsqResult", "QRResult", "SVDResult", "SlogdetResult",
    "cholesky", "cross", "det", "diagonal", "eig", "eigh", "eigvals", "eigvalsh", "inv", "lstsq", "lu", "matmul",
    "matrix_norm", "matrix_power", "matrix_rank", "matrix_transpose", "outer", "pinv", "qr", "slogdet", "solve", "svd",
    "svdvals", "tensordot", "trace", "vecdot", "vector_norm",
]  # fmt: skip
