"""Decompositions, systems and determinants, against NumPy and against what defines them."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from needle import ndarray as nd
from needle.ndarray import linalg

DTYPES = ["float32", "float64", "complex64", "complex128"]
STACKS = st.sampled_from([(), (2,), (0,), (3, 1)])
SIDES = st.integers(0, 5)
Host = np.ndarray[Any, Any]


def tolerance(dtype: Any) -> dict[str, float]:
    epsilon = float(np.finfo(dtype).eps) if dtype.kind in "fc" else 0.0
    return {"rtol": 200 * epsilon, "atol": 200 * epsilon}


def adjoint(a: Host) -> Host:
    return a.swapaxes(-1, -2).conj()


@st.composite
def hosts(draw: st.DrawFn, rows: int | None = None, columns: int | None = None) -> Host:
    """Matrices of normally distributed numbers, in any memory order and with gaps between the elements."""
    shape = (*draw(STACKS), draw(SIDES) if rows is None else rows, draw(SIDES) if columns is None else columns)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    a = rng.standard_normal(shape)
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    if dtype.kind == "c":
        a = a + 1j * rng.standard_normal(shape)
    return a.astype(dtype)


@st.composite
def squares(draw: st.DrawFn) -> Host:
    """Matrices that are far from singular."""
    side = draw(SIDES)
    a = draw(hosts(side, side))
    return (a + 6 * np.eye(side)).astype(a.dtype)


LAYOUTS = st.sampled_from(["row-major", "column-major", "strided"])


def laid_out(a: Host, layout: str, device: str) -> nd.NDArray:
    if layout == "column-major":
        return nd.asarray(np.ascontiguousarray(a.swapaxes(-1, -2)), device=device).mT
    if layout == "strided":
        spread = np.zeros((*a.shape[:-2], 2 * a.shape[-2], 2 * a.shape[-1]), a.dtype)
        spread[..., ::2, ::2] = a
        return nd.flip(nd.asarray(spread[..., ::-1, :], device=device), axis=-2)[..., ::2, ::2]
    return nd.asarray(a, device=device)


def check(x: nd.NDArray, expected: Any, device: str) -> None:
    """Compare in value, shape and dtype, and see that the result is where the operand was."""
    expected = np.asarray(expected)
    assert (str(x.device), x.shape, str(x.dtype)) == (device, expected.shape, str(expected.dtype))
    assert_allclose(x.numpy(), expected, **tolerance(expected.dtype))


@given(a=squares(), layout=LAYOUTS)
def test_against_numpy(device: str, a: Host, layout: str):
    x = laid_out(a, layout, device)
    check(linalg.inv(x), np.linalg.inv(a), device)
    check(linalg.det(x), np.linalg.det(a), device)
    result = linalg.slogdet(x)
    sign, logabsdet = np.linalg.slogdet(a)
    check(result.sign, sign, device)
    check(result.logabsdet, logabsdet, device)


@given(a=hosts(), layout=LAYOUTS, full=st.booleans())
def test_svd(device: str, a: Host, layout: str, full: bool):
    x = laid_out(a, layout, device)
    u, s, vh = linalg.svd(x, full_matrices=full)
    m, n = a.shape[-2:]
    k = min(m, n)
    assert u.shape[-2:] == ((m, m) if full else (m, k))
    assert vh.shape[-2:] == ((n, n) if full else (k, n))
    check(s, np.linalg.svd(a, compute_uv=False), device)
    check(linalg.svdvals(x), s.numpy(), device)
    assert (u.numpy()[..., :k] * s.numpy()[..., None, :]).dtype == a.dtype
    product = (u.numpy()[..., :k] * s.numpy()[..., None, :]) @ vh.numpy()[..., :k, :]
    assert_allclose(product, a, **tolerance(a.dtype))
    identity = np.broadcast_to(np.eye(u.shape[-1]), (*a.shape[:-2], u.shape[-1], u.shape[-1]))
    assert_allclose(adjoint(u.numpy()) @ u.numpy(), identity, **tolerance(a.dtype))


@given(a=hosts(), layout=LAYOUTS, mode=st.sampled_from(["reduced", "complete"]))
def test_qr(device: str, a: Host, layout: str, mode: Any):
    q, r = linalg.qr(laid_out(a, layout, device), mode=mode)
    m, n = a.shape[-2:]
    k = min(m, n) if mode == "reduced" else m
    assert q.shape == (*a.shape[:-2], m, k)
    check(r, np.triu(r.numpy()), device)
    check(q, np.linalg.qr(a, mode)[0], device)
    assert_allclose(q.numpy() @ r.numpy(), a, **tolerance(a.dtype))


@given(a=squares(), layout=LAYOUTS, upper=st.booleans())
def test_cholesky_reads_one_triangle(device: str, a: Host, layout: str, upper: bool):
    definite = a @ adjoint(a)
    other = np.tril(np.ones_like(definite), -1) if upper else np.triu(np.ones_like(definite), 1)
    factor = linalg.cholesky(laid_out((definite + other).astype(a.dtype), layout, device), upper=upper)
    check(factor, adjoint(np.linalg.cholesky(definite)) if upper else np.linalg.cholesky(definite), device)


@given(a=squares(), layout=LAYOUTS)
def test_eigh(device: str, a: Host, layout: str):
    hermitian = a + adjoint(a)
    x = laid_out(np.tril(hermitian), layout, device)  # the lower triangle alone is read
    w, v = linalg.eigh(x)
    check(w, np.linalg.eigvalsh(hermitian), device)
    check(linalg.eigvalsh(x), w.numpy(), device)
    check(v, v.numpy().astype(a.dtype), device)
    assert_allclose(hermitian @ v.numpy(), v.numpy() * w.numpy()[..., None, :], **tolerance(a.dtype))


@given(a=squares(), layout=LAYOUTS)
def test_eig(device: str, a: Host, layout: str):
    x = laid_out(a, layout, device)
    w, v = linalg.eig(x)
    dtype = np.result_type(a, np.complex64)
    check(w, np.linalg.eig(a)[0].astype(dtype), device)
    check(linalg.eigvals(x), np.linalg.eigvals(a).astype(dtype), device)
    assert (v.shape, v.numpy().dtype) == (a.shape, dtype)
    assert_allclose(a @ v.numpy(), v.numpy() * w.numpy()[..., None, :], **tolerance(a.dtype))
    assert_allclose(np.linalg.norm(v.numpy(), axis=-2), np.ones(w.shape), **tolerance(a.dtype))


@given(a=hosts(), layout=LAYOUTS, is_singular=st.booleans())
def test_lu(device: str, a: Host, layout: str, is_singular: bool):
    if is_singular:
        a[..., :1] = a[..., 1:2] = 0
    p, lower, u = linalg.lu(laid_out(a, layout, device))
    m, n = a.shape[-2:]
    assert (p.shape[-2:], lower.shape[-2:], u.shape[-2:]) == ((m, m), (m, min(m, n)), (min(m, n), n))
    product = p.numpy() @ lower.numpy() @ u.numpy()
    assert_allclose(product, a, **tolerance(a.dtype))
    check(u, np.triu(u.numpy()), device)
    assert (np.tril(lower.numpy(), -1) + np.eye(*lower.shape[-2:]) == lower.numpy()).all()
    assert (np.abs(lower.numpy()) <= 1 + 1e-6).all()
    assert (p.numpy().sum(-1) == 1).all()
    assert (p.numpy().sum(-2) == 1).all()


def normal(rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> Host:
    parts = rng.standard_normal((2, *shape))
    return (parts[0] + 1j * parts[1] if np.dtype(dtype).kind == "c" else parts[0]).astype(dtype)


SYSTEMS = [((3, 3), (3,)), ((2, 3, 3), (3,)), ((2, 3, 3), (3, 2)), ((2, 1, 3, 3), (4, 3, 2)), ((3, 3), (5, 3, 0)),
           ((0, 0), (0, 2)), ((0, 2, 2), (2,)), ((1, 1), (1,)), ((3, 3), (2, 4, 3, 2)),
           ((0, 0), (2, 0, 3))]  # fmt: skip


@pytest.mark.parametrize(("left", "right"), SYSTEMS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_solve(device: str, left: tuple[int, ...], right: tuple[int, ...], dtype: str, rng: np.random.Generator):
    a, b = normal(rng, left, dtype) + 4 * np.eye(left[-1], dtype=dtype), normal(rng, right, dtype)
    x = linalg.solve(nd.asarray(a, device=device), nd.asarray(b, device=device))
    expected = np.linalg.solve(a, b) if len(right) > 1 else np.linalg.solve(a, b[:, None])[..., 0]
    check(x, expected, device)


LEAST = [((5, 3), (5,)), ((5, 3), (5, 2)), ((3, 5), (3, 2)), ((2, 4, 2), (4, 3)), ((4, 2), (2, 4, 1)),
         ((2, 3, 3), (3,))]  # fmt: skip


@pytest.mark.parametrize(("left", "right"), LEAST)
@pytest.mark.parametrize("is_deficient", [False, True])
@pytest.mark.parametrize("dtype", DTYPES)
def test_lstsq(device: str, left, right, is_deficient: bool, dtype: str, rng: np.random.Generator):
    a, b = normal(rng, left, dtype), normal(rng, right, dtype)
    if is_deficient:
        a[..., 1] = 2 * a[..., 0]
    result = linalg.lstsq(nd.asarray(a, device=device), nd.asarray(b, device=device))
    columns = b[:, None] if b.ndim == 1 else b
    lead = np.broadcast_shapes(a.shape[:-2], columns.shape[:-2])
    expected = np.empty((*lead, a.shape[-1], columns.shape[-1]), a.dtype)
    for at in np.ndindex(lead):
        pair = (np.broadcast_to(each, (*lead, *each.shape[-2:]))[at] for each in (a, columns))
        expected[at] = np.linalg.lstsq(*pair, rcond=None)[0]
    rest = (np.abs(columns - a @ expected) ** 2).sum(-2)
    check(result.solution, expected if b.ndim > 1 else expected[..., 0], device)
    check(result.residuals, rest if b.ndim > 1 else rest[..., 0], device)
    check(result.rank, np.linalg.matrix_rank(a), device)
    check(result.singular_values, np.linalg.svd(a, compute_uv=False), device)


def test_lstsq_of_nothing(device: str):
    solution, residuals, rank, values = linalg.lstsq(nd.zeros((3, 0), device=device), nd.ones(3, device=device))
    assert (solution.shape, residuals.item(), rank.item(), values.shape) == ((0,), 3.0, 0, (0,))
    solution = linalg.lstsq(nd.zeros((0, 2), device=device), nd.zeros((0, 1), device=device)).solution
    assert solution.tolist() == [[0.0], [0.0]]


@given(a=hosts(), rank=st.integers(0, 3), layout=LAYOUTS)
def test_rank_and_pseudo_inverse(device: str, a: Host, rank: int, layout: str):
    rank = min(rank, *a.shape[-2:])
    a = (a[..., :rank] @ a[..., :rank, :]).astype(a.dtype)
    x = laid_out(a, layout, device)
    assert linalg.matrix_rank(x).shape == a.shape[:-2]
    assert linalg.matrix_rank(x).dtype is nd.int64
    cutoff = 1e-2
    check(linalg.matrix_rank(x, rtol=cutoff), _rank(a, cutoff), device)
    check(linalg.pinv(x, rtol=cutoff), np.linalg.pinv(a, cutoff), device)


def _rank(a: Host, rtol: float) -> Host:
    s = np.linalg.svd(a, compute_uv=False)
    return (s > rtol * s[..., :1]).sum(-1)


def test_rtol(device: str):
    x = nd.asarray(np.stack([np.diag([1.0, 1e-3, 1e-9]), np.diag([2.0, 1e-3, 0.0])]), device=device)
    assert linalg.matrix_rank(x).tolist() == [3, 2]
    assert linalg.matrix_rank(x, rtol=1e-4).tolist() == [2, 2]
    assert linalg.matrix_rank(x, rtol=nd.asarray([1e-10, 1e-2], device=device)).tolist() == [3, 1]
    assert linalg.matrix_rank(x.astype(nd.float16)).tolist() == [1, 1]
    rtol = nd.asarray([1e-1, 1e-10], nd.float64, device)
    expected = [np.diag([1.0, 0.0, 0.0]), np.diag([0.5, 1e3, 0.0])]
    assert_allclose(linalg.pinv(x, rtol=rtol).numpy(), expected, atol=1e-9)
    assert linalg.lstsq(x[0], nd.ones(3, nd.float64, device), rtol=0.5).rank.item() == 1


@pytest.mark.parametrize("dtype", [nd.float16, nd.bfloat16], ids=str)
def test_halves_are_computed_in_float32(device: str, dtype: nd.DType):
    a = np.asarray([[2.0, 1.0], [1.0, 3.0]], np.float32)
    x = nd.asarray(a, dtype=dtype, device=device)
    for result, expected in [
        (linalg.inv(x), np.linalg.inv(a)),
        (linalg.det(x), np.linalg.det(a)),
        (linalg.slogdet(x).logabsdet, np.linalg.slogdet(a)[1]),
        (linalg.svdvals(x), np.linalg.svd(a, compute_uv=False)),
        (linalg.eigvalsh(x), np.linalg.eigvalsh(a)),
        (linalg.pinv(x), np.linalg.inv(a)),
        (linalg.cholesky(x), np.linalg.cholesky(a)),
        (linalg.solve(x, x[0]), np.linalg.solve(a, a[0])),
        (linalg.lstsq(x, x[0]).solution, np.linalg.solve(a, a[0])),
    ]:
        assert result.dtype is dtype
        check(result.astype(nd.float32), nd.asarray(expected, dtype=dtype).astype(nd.float32).numpy(), device)


def test_eigenvalues_are_complex(device: str):
    rotation = nd.asarray([[0, 1], [-1, 0]], device=device)
    for dtype in (nd.float16, nd.bfloat16, nd.int8, nd.float32):
        assert linalg.eigvals(rotation.astype(dtype)).tolist() == [1j, -1j]
        assert linalg.eig(rotation.astype(dtype)).eigenvectors.dtype is nd.complex64
    assert linalg.eigvals(nd.eye(2, dtype=nd.float64, device=device)).dtype is nd.complex128


def test_integers_are_taken_as_float32(device: str):
    x = nd.asarray([[2, 0], [0, 4]], device=device)
    assert linalg.inv(x).dtype is nd.float32
    assert linalg.inv(x).tolist() == [[0.5, 0.0], [0.0, 0.25]]
    assert linalg.det(x.astype(nd.int8)).dtype is nd.float32
    assert linalg.solve(x, nd.ones(2, nd.float64, device)).dtype is nd.float64


def test_values_out_of_range_are_no_errors(device: str):
    x = nd.full((2, 2), 1e30, device=device) * nd.eye(2, device=device)
    assert linalg.det(x).item() == float("inf")
    sign, logabsdet = linalg.slogdet(nd.zeros((2, 2), device=device))
    assert (sign.item(), logabsdet.item()) == (0.0, -float("inf"))


def test_named_results(device: str):
    x = nd.eye(2, device=device)
    assert linalg.svd(x)._fields == ("U", "S", "Vh")
    assert linalg.qr(x)._fields == ("Q", "R")
    assert linalg.eigh(x)._fields == linalg.eig(x)._fields == ("eigenvalues", "eigenvectors")
    assert linalg.slogdet(x)._fields == ("sign", "logabsdet")
    assert linalg.lu(x)._fields == ("P", "L", "U")
    assert linalg.lstsq(x, x)._fields == ("solution", "residuals", "rank", "singular_values")


def test_what_the_numbers_do_not_allow(device: str):
    zeros = nd.zeros((2, 3, 3), device=device)
    with pytest.raises(linalg.LinAlgError, match=r"\[inv\] the matrix is singular; got shape \(2, 3, 3\) of float32"):
        linalg.inv(zeros)
    with pytest.raises(linalg.LinAlgError, match=r"\[solve\] the matrix is singular; got .*, shape \(3, 1\) of"):
        linalg.solve(zeros, nd.ones(3, device=device))
    with pytest.raises(linalg.LinAlgError, match=r"\[cholesky\] the matrix is not positive definite"):
        linalg.cholesky(zeros)
    with pytest.raises(linalg.LinAlgError, match=r"\[svd\] an operand holds NaN or an infinity; got shape \(2, 3, 3\)"):
        linalg.svd(zeros + float("nan"))
    assert issubclass(linalg.LinAlgError, ValueError)


def test_no_convergence(device: str, monkeypatch: pytest.MonkeyPatch):
    def fail(*_: Any, **__: Any) -> None:
        raise np.linalg.LinAlgError("not converged")

    monkeypatch.setattr(np.linalg, "svd", fail)
    with pytest.raises(linalg.LinAlgError, match=r"\[svdvals\] the iteration does not converge; got shape \(2, 2\)"):
        linalg.svdvals(nd.ones((2, 2), device=device))


SQUARE = ["inv", "det", "slogdet", "cholesky", "eigh", "eigvalsh", "eig", "eigvals"]


@pytest.mark.parametrize("name", [*SQUARE, "svd", "svdvals", "qr", "lu", "pinv", "matrix_rank"])
def test_wrong_shapes(device: str, name: str):
    function = getattr(linalg, name)
    with pytest.raises(ValueError, match=rf"\[{name}\] not a matrix; got shape \(3,\); expected \(\.\.\., M, N\)"):
        function(nd.zeros(3, device=device))
    with pytest.raises(TypeError, match=rf"\[{name}\] not an array; got list; expected NDArray; hint: make one with"):
        function([[1.0]])
    if name in SQUARE:
        with pytest.raises(ValueError, match=rf"\[{name}\] the matrix is not square; got shape \(2, 3\)"):
            function(nd.zeros((2, 3), device=device))


@pytest.mark.parametrize("function", [linalg.solve, linalg.lstsq])
def test_wrong_right_sides(device: str, function: Any):
    name, x = function.__name__, nd.ones((4, 3, 3), device=device)
    for right in (nd.ones(2, device=device), nd.ones((2, 3), device=device), nd.ones((), device=device)):
        with pytest.raises(ValueError, match=rf"\[{name}\] the right side does not fit .*; got shapes \(4, 3, 3\) and"):
            function(x, right)
    with pytest.raises(ValueError, match=rf"\[{name}\] leading axes do not broadcast; got shapes \(4, 3, 3\) and"):
        function(x, nd.ones((3, 3, 1), device=device))
    elsewhere = nd.ones(3, device="numpy" if device == "cpu" else "cpu")
    with pytest.raises(ValueError, match=rf"\[{name}\] operands on different devices; got .*; hint: move one"):
        function(x, elsewhere)
    with pytest.raises(TypeError, match=rf"\[{name}\] not an array; got int"):
        function(x, 1)


def test_unknown_mode(device: str):
    with pytest.raises(ValueError, match=r"\[qr\] unknown mode; got 'full'; expected 'reduced' or 'complete'"):
        linalg.qr(nd.eye(2, device=device), mode="full")  # type: ignore[arg-type]


def test_without_numpy():
    code = """
import sys; sys.modules["numpy"] = None
from needle import ndarray as nd
x = nd.asarray([[3.0, 0.0], [0.0, 4.0]])
assert nd.linalg.matrix_norm(x).item() == 5.0 == nd.linalg.vector_norm(x).item()
assert nd.linalg.matrix_norm(x, ord=1).item() == 4.0 == nd.linalg.matrix_norm(x, ord=float("inf")).item()
assert nd.linalg.matrix_power(x, 2).tolist() == [[9.0, 0.0], [0.0, 16.0]]
assert nd.linalg.trace(x).item() == 7.0
for name in ("inv", "svd", "lu", "pinv"):
    try:
        getattr(nd.linalg, name)(x)
    except ModuleNotFoundError as error:
        print(error)
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    problem = "NumPy, which leads to the LAPACK and the FFT of the platform, is not installed; hint: pip install numpy"
    assert done.stdout.splitlines() == [f"[{name}] {problem}" for name in ("inv", "svd", "lu", "svd")]
