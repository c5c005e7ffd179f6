"""einsum against NumPy's."""

from __future__ import annotations

import numpy as np
import pytest

from needle import ndarray as nd

EXTENTS = dict(zip("abcdij", (2, 3, 4, 5, 3, 3), strict=True))


@pytest.mark.parametrize(
    "subscripts",
    [
        "ab->ba", "ab->", "ab->b", "ii->i", "ii", "iij->ji", "ab,bc->ac", "ab,bc", "ab,bc->ca", "a,b->ab", "a,a->a",
        "a,a", "cab,cbd->cad", "ab,bc,cd->ad", "ab,ab,ab->", "ab,c->", "abc,cd,b->ad", "ab,ab->ba", "ii,ij->j",
        "...ab,...bc->...ac", "a...->...", "...,...", "...a,ab->b...", "b,ab,a", " a b -> b a ",
    ],
)  # fmt: skip
def test_like_numpy(device: str, subscripts: str, rng: np.random.Generator) -> None:
    terms = subscripts.replace(" ", "").partition("->")[0].split(",")
    shapes = [[n for c in term.replace("...", "!") for n in ([1, 2] if c == "!" else [EXTENTS[c]])] for term in terms]
    operands = [rng.integers(-4, 5, shape) for shape in shapes]
    result = nd.einsum(subscripts, *(nd.asarray(x, device=device) for x in operands))
    np.testing.assert_array_equal(result.numpy(), np.einsum(subscripts, *operands), strict=True)


def test_extents_of_one_broadcast(device: str) -> None:
    x, y = nd.ones((1, 3), device=device), nd.arange(6, device=device).reshape(2, 3)
    assert nd.einsum("ab,ab->a", x, y).tolist() == [3, 12]
    assert nd.einsum("ab,ab->ab", x, nd.zeros((0, 3), device=device)).shape == (0, 3)


def test_an_order_of_axes_is_a_view(device: str) -> None:
    x = nd.ones((2, 3), device=device)
    assert nd.einsum("ab->ba", x).shares_buffer(x)


@pytest.mark.parametrize(
    ("subscripts", "text"),
    [
        ("ab", r"\[einsum\] not one group of labels for each operand; got 1 in 'ab' for 2 operands"),
        ("ab,abc", r"\[einsum\] labels do not fit the operand; got 'abc' for shape \(2, 3\)"),
        ("ab,a", r"\[einsum\] labels do not fit the operand; got 'a' for shape \(2, 3\)"),
        ("a1,ab", r"\[einsum\] not subscripts; got 'a1,ab'"),
        ("ab,ba", r"\[einsum\] the extents of a label differ; got 3 and 2 for 'b' in 'ab,ba'"),
        ("ab,ab->aa", r"\[einsum\] no such result; got 'ab,ab->aa'"),
        ("ab,ab->c", r"\[einsum\] no such result"),
    ],
)
def test_refuses(subscripts: str, text: str) -> None:
    x = nd.ones((2, 3))
    with pytest.raises(ValueError, match=text):
        nd.einsum(subscripts, x, x)
