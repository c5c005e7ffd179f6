"""take, take_along_axis and scatter, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from needle import ndarray as nd


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("shape", [(4,), (2, 3), (), (0,)])
def test_take(device: str, axis: int, shape: tuple[int, ...], rng: np.random.Generator) -> None:
    a = rng.standard_normal((3, 4, 5))
    i = rng.integers(-a.shape[axis], a.shape[axis], shape)
    x, places = nd.asarray(a, device=device), nd.asarray(i, device=device)
    np.testing.assert_array_equal(nd.take(x, places, axis=axis).numpy(), np.take(a, i, axis), strict=True)
    turned = 2 - axis % 3
    np.testing.assert_array_equal(
        nd.take(nd.permute_dims(x, (2, 1, 0)), places, axis=turned).numpy(), np.take(a.T, i, turned), strict=True
    )


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_take_along_axis(device: str, axis: int, rng: np.random.Generator) -> None:
    a = rng.standard_normal((3, 4, 5))
    i = rng.integers(-3, 3, (3, 4, 5))
    x = nd.asarray(a, device=device)
    result = nd.take_along_axis(x, nd.asarray(i, nd.int16, device), axis=axis)
    np.testing.assert_array_equal(result.numpy(), np.take_along_axis(a, i, axis), strict=True)
    order = nd.argsort(x, axis=axis)
    np.testing.assert_array_equal(nd.take_along_axis(x, order, axis=axis).numpy(), np.sort(a, axis), strict=True)


def test_take_along_axis_broadcasts_off_the_axis(device: str) -> None:
    x = nd.arange(6, device=device).reshape(2, 3)
    places = nd.asarray([[0, 2]], device=device)
    assert nd.take_along_axis(x, places, axis=1).tolist() == [[0, 2], [3, 5]]


def test_scatter(device: str) -> None:
    x = nd.zeros((2, 3), device=device)
    places = nd.asarray([[0, 2, 0], [1, 1, -1]], device=device)
    updates = nd.asarray([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], device=device)
    assert nd.scatter(x, places, updates, axis=1).tolist() == [[3, 0, 2], [0, 5, 6]]
    assert nd.scatter(x + 1, places, updates, axis=1, op="add").tolist() == [[5, 1, 3], [1, 10, 7]]
    assert x.tolist() == [[0] * 3] * 2


def test_scatter_undoes_take_along_axis(device: str, rng: np.random.Generator) -> None:
    a = rng.standard_normal((4, 6))
    x = nd.asarray(a, device=device)
    order = nd.argsort(x, axis=0)
    moved = nd.take_along_axis(x, order, axis=0)
    np.testing.assert_array_equal(nd.scatter(nd.zeros_like(x), order, moved, axis=0).numpy(), a)


@pytest.mark.parametrize("bad", [3, -4, 2**40])
def test_places_outside_the_array(device: str, bad: int) -> None:
    x = nd.zeros((3, 2), device=device)
    places = nd.asarray([0, bad], device=device)
    with pytest.raises(IndexError, match=r"\[take\] "):
        nd.take(x, places, axis=0)
    with pytest.raises(IndexError, match=r"\[take_along_axis\] index out of range"):
        nd.take_along_axis(x[:, 0], places, axis=0)
    with pytest.raises(IndexError, match=r"\[scatter\] "):
        nd.scatter(x[:, 0], places, nd.ones(2, device=device), axis=0)


def test_wrong_arguments(device: str) -> None:
    x = nd.zeros((3, 2), device=device)
    with pytest.raises(TypeError, match=r"\[take\] the indices are not integers; got float32; expected an integer"):
        nd.take(x, nd.zeros(2, device=device), axis=0)
    with pytest.raises(IndexError, match=r"\[take\] axis out of range; got 2; expected -2 to 1"):
        nd.take(x, nd.zeros(2, nd.int64, device), axis=2)
    with pytest.raises(ValueError, match=r"\[take_along_axis\] array and indices do not fit together; got \(3, 2\)"):
        nd.take_along_axis(x, nd.zeros(2, nd.int64, device), axis=0)
    places = nd.zeros((3, 2), nd.int64, device)
    with pytest.raises(ValueError, match=r"\[scatter\] updates and indices differ in shape; got \(3, 1\) and \(3, 2\)"):
        nd.scatter(x, places, nd.zeros((3, 1), device=device), axis=0)
    with pytest.raises(TypeError, match=r"\[scatter\] the updates' dtype does not fit into the array's; got"):
        nd.scatter(x, places, nd.zeros((3, 2), nd.float64, device), axis=0)
    with pytest.raises(ValueError, match=r"\[scatter\] no such op; got max"):
        nd.scatter(x, places, x, axis=0, op="max")  # type: ignore[arg-type]
