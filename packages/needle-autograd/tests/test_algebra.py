"""Linear algebra, contractions and Fourier transforms where samples do not go: degenerate cases and wrong arguments."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

import needle.autograd as ad
import needle.ndarray as nd
from needle.autograd import Tensor, linalg, tensor

INF = math.inf
EYE = [[1.0, 0.0], [0.0, 1.0]]


def matrix(rows: Any, device: str) -> Tensor:
    return tensor(rows, nd.float64, device)


def gradient(f: Callable[[Tensor], Tensor], rows: Any, device: str) -> list[Any]:
    return ad.grad(lambda x: ad.sum(f(x)))(matrix(rows, device)).tolist()


# Norms.


@pytest.mark.parametrize("order", [1, 2, 3, 1.5, 0.5, INF, -INF, -1])
def test_the_gradient_of_a_norm_at_zero_is_zero(order: float, device: str) -> None:
    def norm(x: Tensor) -> Tensor:
        return linalg.vector_norm(x, ord=order)

    assert gradient(norm, [0.0, 0.0], device) == [0.0, 0.0]


@pytest.mark.parametrize("order", [2, 3, 1.5, 0.5])
def test_the_gradient_of_a_norm_for_a_zero_among_others_is_zero(order: float, device: str) -> None:
    def norm(x: Tensor) -> Tensor:
        return linalg.vector_norm(x, ord=order)

    assert gradient(norm, [0.0, -3.0], device) == [0.0, pytest.approx(-1.0)]


def test_the_gradient_of_the_norm_of_a_zero_matrix_is_zero(device: str) -> None:
    assert gradient(linalg.matrix_norm, [[0.0, 0.0]], device) == [[0.0, 0.0]]


def test_a_count_has_no_derivative(device: str) -> None:
    x = matrix([0.0, 2.0, 3.0], device).requires_grad_()
    norm = linalg.vector_norm(x, ord=0)
    assert (norm.item(), norm.dtype, norm.requires_grad) == (2.0, nd.float64, False)


def test_norms_of_nothing(device: str) -> None:
    empty = matrix([], device)
    assert [linalg.vector_norm(empty, ord=order).item() for order in (INF, 2, -INF, -1)] == [0.0, 0.0, INF, INF]


# Determinants, inverses and systems.


def test_the_gradient_of_a_determinant_is_right_where_there_is_no_inverse(device: str) -> None:
    rows = gradient(linalg.det, [[1.0, 2.0], [2.0, 4.0]], device)
    assert rows == [[pytest.approx(4), pytest.approx(-2)], [pytest.approx(-2), pytest.approx(1)]]
    assert gradient(linalg.det, [[0.0, 0.0], [0.0, 0.0]], device) == [[0.0, 0.0], [0.0, 0.0]]


def test_the_gradient_of_the_logarithm_of_zero_raises(device: str) -> None:
    with pytest.raises(linalg.LinAlgError, match=r"\[inv\] the matrix is singular"):
        gradient(lambda x: linalg.slogdet(x)[1], [[1.0, 2.0], [2.0, 4.0]], device)


def test_the_derivative_of_a_pseudoinverse_is_that_among_matrices_of_its_rank(device: str) -> None:
    a, b = matrix([[1.0], [2.0], [0.5]], device), matrix([[3.0, 1.0]], device)
    ad.gradcheck(lambda a, b: linalg.pinv(a @ b, rtol=1e-6), a, b)


def test_the_powers_that_are_no_products(device: str) -> None:
    x = matrix([[1.0, 2.0], [3.0, 4.0]], device).requires_grad_()
    assert linalg.matrix_power(x, 0).tolist() == EYE
    assert not linalg.matrix_power(x, 0).requires_grad
    assert linalg.matrix_power(x, 1).tolist() == x.tolist()


def test_operands_of_a_system_promote_and_keep_their_gradients(device: str) -> None:
    x, y = tensor([[2.0]], nd.float32, device, requires_grad=True), matrix([3.0], device).requires_grad_()
    out = linalg.solve(x, y)
    assert out.dtype is nd.float64
    out.sum().backward()
    assert x.grad is not None
    assert (x.grad.dtype, x.grad.tolist()) == (nd.float32, [[-0.75]])


# Decompositions.


def test_equal_eigenvalues_have_a_gradient_and_their_vectors_do_not(device: str) -> None:
    assert gradient(linalg.eigvalsh, EYE, device) == EYE
    assert gradient(lambda x: linalg.eigh(x).eigenvalues, EYE, device) == EYE  # type: ignore[arg-type]
    rows = gradient(lambda x: linalg.eigh(x)[1][0], EYE, device)  # type: ignore[arg-type]
    assert any(not math.isfinite(number) for row in rows for number in row)


def test_equal_singular_values_have_a_gradient(device: str) -> None:
    assert gradient(linalg.svdvals, EYE, device) == EYE
    assert gradient(lambda x: linalg.svd(x).S, EYE, device) == EYE  # type: ignore[arg-type]


def test_gradients_of_hermitian_matrices_are_hermitian(device: str) -> None:
    x = matrix([[2.0, 1.0], [1.0, 3.0]], device)
    for f in (linalg.cholesky, linalg.eigvalsh, lambda x: linalg.eigh(x)[1]):  # type: ignore[arg-type]
        weights = tensor([0.5, -1.0], nd.float64, device)
        slope = ad.grad(lambda x, f=f, weights=weights: ad.sum(f(x) * weights))(x)  # type: ignore[arg-type]
        assert slope[0, 1].item() == slope[1, 0].item() != 0


def test_full_bases_have_no_derivative_but_singular_values_do(device: str) -> None:
    rows = [[1.0, 0.0], [0.0, 2.0], [0.0, 0.0]]
    assert gradient(lambda x: linalg.svd(x).S, rows, device) == [*EYE, [0.0, 0.0]]  # type: ignore[arg-type]
    match = r"\[svd\] no derivative is known of the vectors that complete a basis; hint: full_matrices=False"
    with pytest.raises(NotImplementedError, match=match):
        gradient(lambda x: linalg.svd(x).U, rows, device)  # type: ignore[arg-type]


def test_a_complete_q_has_no_derivative(device: str) -> None:
    match = r"\[qr\] no derivative is known of a complete Q of more rows than columns; hint: mode=\"reduced\""
    with pytest.raises(NotImplementedError, match=match):
        gradient(lambda x: linalg.qr(x, mode="complete").R, [[1.0], [2.0]], device)  # type: ignore[arg-type]


def test_results_have_names_and_are_trees(device: str) -> None:
    x = matrix([[4.0, 1.0], [1.0, 3.0]], device)
    assert isinstance(linalg.eigh(x).eigenvalues, Tensor)
    batch = ad.vmap(linalg.svd)(ad.stack([x, 2 * x]))
    assert type(batch) is linalg.SVDResult
    assert batch.S[1].tolist() == pytest.approx([2 * s for s in linalg.svdvals(x).tolist()])


def test_integers_are_taken_as_floats(device: str) -> None:
    x = tensor([[2, 0], [0, 4]], nd.int64, device)
    for f in (linalg.cholesky, linalg.eigvalsh, linalg.det, linalg.inv, linalg.vector_norm, linalg.matrix_norm):
        assert f(x).dtype is nd.float32


@pytest.mark.parametrize("name", ["cholesky", "eigh", "eigvalsh", "inv", "det", "slogdet", "eig", "matrix_power"])
def test_matrices_that_are_not_square_are_named(name: str, device: str) -> None:
    args = (2,) if name == "matrix_power" else ()
    with pytest.raises(ValueError, match=rf"\[{name}\] the matrix is not square; got shape \(1, 2\)"):
        getattr(linalg, name)(matrix([[1.0, 2.0]], device), *args)


@pytest.mark.parametrize("name", ["pinv", "matrix_rank", "matrix_norm", "svd", "qr", "lu", "diagonal", "trace"])
def test_what_is_no_matrix_is_named(name: str, device: str) -> None:
    op = "diagonal" if name == "trace" else name
    with pytest.raises(ValueError, match=rf"\[{op}\] not a matrix; got shape \(1,\)"):
        getattr(linalg, name)(matrix([1.0], device))


def test_right_sides_and_orders_that_do_not_fit_are_named(device: str) -> None:
    x = matrix(EYE, device)
    with pytest.raises(ValueError, match=r"\[lstsq\] the right side does not fit the rows of the matrix"):
        linalg.lstsq(x, matrix([1.0], device))
    with pytest.raises(ValueError, match=r"\[matrix_norm\] unknown order; got 3"):
        linalg.matrix_norm(x, ord=3)


# Contractions.


def test_axes_of_a_contraction_that_do_not_fit_are_named(device: str) -> None:
    x, y = ad.reshape(matrix([1.0] * 6, device), (2, 3)), matrix([1.0, 2.0], device)
    match = r"\[dot_general\] the axes are not pairs of equal extents; got axes \[1\] of \(2, 3\) and \[0\] of \(2,\)"
    with pytest.raises(ValueError, match=match):
        ad.tensordot(x, y, axes=1)
    with pytest.raises(IndexError, match=r"\[dot_general\] axis out of range; got \(2,\)"):
        ad.dot_general(x, y, contracting=([2], [0]))
    with pytest.raises(ValueError, match=r"\[dot_general\] an axis is named twice"):
        ad.dot_general(x, x, contracting=([1], [1]), batch=([1], [0]))
    with pytest.raises(IndexError, match=r"\[vecdot\] axis out of range; got axis 0"):
        ad.vecdot(x, x, axis=0)
    with pytest.raises(ValueError, match=r"\[vecdot\] the extents of the axis differ"):
        ad.vecdot(x, y)
    with pytest.raises(ValueError, match=r"\[outer\] not vectors"):
        linalg.outer(x, y)
    with pytest.raises(ValueError, match=r"\[cross\] the vectors do not have 3 elements"):
        linalg.cross(y, y)
    with pytest.raises(IndexError, match=r"\[cross\] axis out of range"):
        linalg.cross(x, x, axis=1)
    with pytest.raises(ValueError, match=r"\[einsum\] the extents of a label differ"):
        ad.einsum("ij,j", x, y)


def test_integers_contract_to_integers(device: str) -> None:
    x = tensor([[1, 2], [3, 4]], nd.int64, device)
    assert ad.einsum("ij,jk->ik", x, x).tolist() == [[7, 10], [15, 22]]
    assert ad.einsum("ij->i", tensor([[1, 2]], nd.int32, device)).dtype is nd.int32
    assert linalg.trace(x, dtype=nd.float32).dtype is nd.float32


def test_operands_of_other_dtypes_promote(device: str) -> None:
    x = tensor([1.0, 2.0], nd.float32, device, requires_grad=True)
    out = ad.einsum("i,i->", x, matrix([3.0, 4.0], device))
    assert out.dtype is nd.float64
    out.backward()
    assert x.grad is not None
    assert (x.grad.dtype, x.grad.tolist()) == (nd.float32, [3.0, 4.0])


def test_what_a_batch_shares_gets_a_gradient_of_its_shape(device: str) -> None:
    x, y = matrix([EYE, [[1.0, 2.0], [3.0, 4.0]]], device), matrix([[2.0, 1.0], [0.0, 3.0]], device)
    for f in (ad.matmul, linalg.solve, lambda x, y: ad.tensordot(x, y, axes=1), lambda x, y: ad.einsum("ij,ik", y, x)):
        slope = ad.grad(lambda y, f=f: ad.vmap(lambda x: f(x, y))(x).sum())(y)
        expected = ad.grad(lambda y, f=f: f(x[0], y).sum() + f(x[1], y).sum())(y)
        assert slope.shape == y.shape
        assert slope.tolist() == [pytest.approx(row) for row in expected.tolist()]


# Fourier transforms.


def test_wrong_arguments_of_transforms_are_named(device: str) -> None:
    x = matrix([[1.0, 2.0]], device)
    with pytest.raises(ValueError, match=r"\[fftn\] s without axes"):
        ad.fft.fftn(x, s=(1, 2))
    with pytest.raises(ValueError, match=r"\[fftn\] s does not fit the axes"):
        ad.fft.fftn(x, s=(1, 2), axes=(0,))
    with pytest.raises(ValueError, match=r"\[fftn\] no axes to transform"):
        ad.fft.fftn(matrix(1.0, device))
    with pytest.raises(ValueError, match=r"\[irfftn\] too few elements to transform"):
        ad.fft.irfft(matrix([1.0], device))
    with pytest.raises(IndexError, match=r"\[rfftn\] axis out of range"):
        ad.fft.rfft(x, axis=2)
    with pytest.raises(ValueError, match=r"unknown norm; got 'other'"):
        ad.fft.hfft(x, norm="other")  # type: ignore[arg-type]


def test_frequencies_are_tensors(device: str) -> None:
    for f, expected in ((ad.fft.fftfreq, [0.0, 1.0, -1.0]), (ad.fft.rfftfreq, [0.0, 1.0])):
        out = f(3, d=1 / 3, dtype=nd.float64, device=device)
        assert isinstance(out, Tensor)
        assert out.tolist() == expected


# Every derivative, in any order.

FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "cholesky": lambda x: linalg.cholesky(x).sum(),
    "det": linalg.det,
    "eig": lambda x: abs(linalg.eig(x)[1]).sum(),  # type: ignore[arg-type]
    "eigh": lambda x: (linalg.eigh(x)[1] ** 4 * linalg.eigh(x)[0]).sum(),  # type: ignore[operator]
    "einsum": lambda x: ad.einsum("ij,jk,ki->", x, x, x),
    "fft": lambda x: (abs(ad.fft.rfft(x)) ** 3).sum(),
    "lstsq": lambda x: linalg.lstsq(x[:, :2], x[:, 2])[0].sum(),  # type: ignore[union-attr]
    "lu": lambda x: (linalg.lu(x)[1] * linalg.lu(x)[2]).sum(),  # type: ignore[operator]
    "norm": lambda x: linalg.matrix_norm(x, ord="nuc"),
    "pinv": lambda x: linalg.pinv(x[:, :2]).sum(),
    "qr": lambda x: (linalg.qr(x)[0] * linalg.qr(x)[1]).sum(),  # type: ignore[operator]
    "slogdet": lambda x: linalg.slogdet(x)[1],  # type: ignore[return-value]
    "solve": lambda x: linalg.solve(x, x[0]).sum(),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_second_derivatives_agree_by_every_route(name: str, device: str) -> None:
    x = matrix([[2.0, 0.3, 0.1], [0.2, 3.0, -0.1], [0.3, 0.1, 4.5]], device)
    f = FUNCTIONS[name]
    expected = ad.jacrev(ad.jacrev(f))(x)
    scale = float(ad.max(abs(expected)))
    for outer in (ad.jacfwd, ad.jacrev):
        for inner in (ad.jacfwd, ad.jacrev):
            assert float(ad.max(abs(outer(inner(f))(x) - expected))) <= 1e-9 * scale
