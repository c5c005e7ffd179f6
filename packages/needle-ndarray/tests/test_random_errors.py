"""The distributions refuse what makes no sense, before they draw."""

from __future__ import annotations

import math
from typing import Any

import pytest

from needle import ndarray as nd
from needle.ndarray.random import Generator


def test_arguments_are_checked() -> None:
    g = Generator(8, "numpy")
    for low, high in [(1.0, 0.0), (0.0, math.inf), (math.nan, 1.0)]:
        with pytest.raises(
            ValueError, match=r"\[uniform\] (low|high|high - low) is out of range; got .*; expected fin"
        ):
            g.uniform((2,), low, high)
    with pytest.raises(TypeError, match=r"\[uniform\] not a float dtype; got int32"):
        g.uniform((2,), dtype=nd.int32)
    for low, high, dtype in [(3, 3, nd.int64), (3, 2, nd.int64), (0, 2**63 + 1, nd.int64), (-129, 0, nd.int8)]:
        text = r"\[integers\] no such range; got low .*, high .*; expected -.* <= low < high <= .*, of int"
        with pytest.raises(ValueError, match=text):
            g.integers(low, high, (2,), dtype)
    with pytest.raises(ValueError, match=r"got low -1, high 3; expected 0 <= low < high <= 18446744073709551616, of u"):
        g.integers(-1, 3, (2,), nd.uint64)
    with pytest.raises(TypeError, match=r"\[integers\] not an integer dtype; got float32"):
        g.integers(0, 3, (2,), nd.float32)
    for p in (-0.1, 1.1, math.nan):
        with pytest.raises(ValueError, match=r"\[bernoulli\] p is out of range; got .*; expected 0 <= p <= 1"):
            g.bernoulli(p, (2,))
    with pytest.raises(ValueError, match=r"negative extent"):
        g.permutation(-1)
    assert g.state_dict() == {"seed": 8, "counter": 0}


def refused(call: Any, error: type[Exception], text: str) -> None:
    g = Generator(8, "numpy")
    with pytest.raises(error, match=text):
        call(g)
    assert g.state_dict() == {"seed": 8, "counter": 0}, "nothing was drawn"


NAMES = ["uniform", "normal", "log_normal", "exponential", "laplace", "cauchy", "gumbel"]
MORE: dict[str, tuple[Any, ...]] = {
    "gamma": (1.0,),
    "beta": (1.0, 1.0),
    "dirichlet": ([1.0],),
    "truncated_normal": (0.0, 1.0),
}


@pytest.mark.parametrize("name", [*NAMES, *MORE])
def test_dtypes_and_shapes_are_checked(name: str) -> None:
    more = MORE.get(name, ())
    refused(
        lambda g: getattr(g, name)(2, *more, dtype=nd.int32), TypeError, rf"\[{name}\] not a float dtype; got int32"
    )
    expected = rf"\[{name}\] negative extent; got \(-2, -3\); expected extents >= 0"
    refused(lambda g: getattr(g, name)((-2, -3), *more), ValueError, expected)


WRONG: dict[str, tuple[Any, str]] = {
    "std": (
        lambda g: g.normal(2, 0.0, -1.0),
        r"\[normal\] std is out of range; got -1.0; expected finite numbers >= 0",
    ),
    "std array": (
        lambda g: g.normal(2, 0.0, nd.asarray([1.0, -1.0], device="numpy")),
        r"\[normal\] std is out of range; got an array from -1.0 to 1.0; expected finite numbers >= 0",
    ),
    "mean": (lambda g: g.normal(2, math.nan), r"\[normal\] mean is out of range; got nan; expected finite numbers"),
    "device": (
        lambda g: g.normal(2, nd.asarray(1.0, device="cpu")),
        r"\[normal\] mean is on another device; got cpu; expected numpy",
    ),
    "shape": (lambda g: g.normal(2, nd.zeros(3, device="numpy")), r"\[broadcast_to\] .*got "),
    "scale": (lambda g: g.exponential(2, -0.5), r"\[exponential\] scale is out of range; got -0.5; expected finite"),
    "infinite scale": (lambda g: g.gumbel(2, 0.0, math.inf), r"\[gumbel\] scale is out of range; got inf"),
    "lower": (
        lambda g: g.truncated_normal(2, 1.0, 0.5),
        r"\[truncated_normal\] lower is above upper; got lower 1.0, upper 0.5",
    ),
    "NaN bound": (
        lambda g: g.truncated_normal(2, math.nan, 0.5),
        r"\[truncated_normal\] lower is out of range; got nan",
    ),
    "std 0": (lambda g: g.truncated_normal(2, 0.0, 1.0, std=0.0), r"\[truncated_normal\] std is out of range; got 0.0"),
    "far": (
        lambda g: g.truncated_normal(2, 38.0, 39.0),
        r"\[truncated_normal\] there is next to no such number; got 38 standard deviations .*; expected at most 37",
    ),
    "concentration": (lambda g: g.gamma(2, 0.0), r"\[gamma\] concentration is out of range; got 0.0; expected .*> 0"),
    "gamma's scale": (lambda g: g.gamma(2, 1.0, -1.0), r"\[gamma\] scale is out of range; got -1.0"),
    "alpha": (lambda g: g.beta(2, -1.0, 1.0), r"\[beta\] alpha is out of range; got -1.0"),
    "beta": (lambda g: g.beta(2, 1.0, 0.0), r"\[beta\] beta is out of range; got 0.0"),
    "dirichlet": (lambda g: g.dirichlet(2, [1.0, 0.0]), r"\[dirichlet\] alpha is out of range; got an array from 0.0"),
    "no alpha": (lambda g: g.dirichlet(2, []), r"\[dirichlet\] alpha is empty; got shape \(0,\); expected \(..., k\)"),
    "empty": (lambda g: g.choice(0), r"\[choice\] there is nothing to choose from; got 0 elements"),
    "empty array": (lambda g: g.choice(nd.zeros(0, device="numpy"), 3), r"\[choice\] there is nothing to choose from"),
    "0-d array": (lambda g: g.choice(nd.asarray(3, device="numpy")), r"\[choice\] not a number nor an array with axes"),
    "too many": (
        lambda g: g.choice(3, 4, replace=False),
        r"\[choice\] more is to be chosen than there is; got 4; expected at most 3",
    ),
    "too many with p > 0": (
        lambda g: g.choice(3, 3, replace=False, p=[0.5, 0.5, 0.0]),
        r"\[choice\] more .*got 3; .*most 2",
    ),
    "p's length": (
        lambda g: g.choice(3, p=[0.5, 0.5]),
        r"\[choice\] p is not one probability for each element; got 2 .*; expected 3",
    ),
    "p's rank": (lambda g: g.choice(1, p=nd.ones((1, 1))), r"\[choice\] p is not one .*; got shape \(1, 1\)"),
    "p's sign": (
        lambda g: g.choice(2, p=[1.5, -0.5]),
        r"\[choice\] p is out of range; got probabilities from -0.5 to 1.5",
    ),
    "p's sum": (
        lambda g: g.choice(2, p=[0.5, 0.4]),
        r"\[choice\] p does not add up to 1; got 0.9; expected 1, within 1e-6",
    ),
    "no categories": (
        lambda g: g.categorical(nd.zeros((2, 0), device="numpy")),
        r"\[categorical\] there are no categories",
    ),
    "impossible": (
        lambda g: g.categorical(nd.asarray([-math.inf], device="numpy")), r"\[categorical\] no category is possible"
    ),
    "NaN logit": (
        lambda g: g.categorical(nd.asarray([math.nan], device="numpy")),
        r"\[categorical\] logits is out of range",
    ),
    "bernoulli": (lambda g: g.bernoulli(1.5, 2), r"\[bernoulli\] p is out of range; got 1.5; expected 0 <= p <= 1"),
    "rate": (lambda g: g.poisson(-1.0, 2), r"\[poisson\] rate is out of range; got -1.0; expected 0 to 2\*\*50"),
    "large rate": (lambda g: g.poisson(2.0**51, 2), r"\[poisson\] rate is out of range; got .*; expected 0 to 2\*\*50"),
    "trials": (lambda g: g.binomial(2.5, 0.5, 2), r"\[binomial\] n is out of range; got 2.5; expected whole"),
    "binomial's p": (lambda g: g.binomial(2, 1.5, 2), r"\[binomial\] p is out of range; got 1.5; expected 0 <= p <= 1"),
    "multinomial's n": (lambda g: g.multinomial(-1, [1.0]), r"\[multinomial\] n is out of range; got -1;"),
    "multinomial's p": (
        lambda g: g.multinomial(1, [0.5, 0.4]), r"\[multinomial\] p does not add up to 1; got 0.9; expected 1, within"
    ),
    "multinomial's p's rank": (
        lambda g: g.multinomial(1, nd.ones((1, 1))), r"\[multinomial\] p is not one probability for each .*\(1, 1\)"
    ),
    "integers": (lambda g: g.integers(0, 3, -2), r"\[integers\] negative extent; got \(-2,\); expected extents >= 0"),
    "permutation": (lambda g: g.permutation(-1), r"\[permutation\] negative extent; got \(-1,\)"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_parameters_are_checked(name: str) -> None:
    refused(WRONG[name][0], ValueError, WRONG[name][1])


def test_axes_of_permutation_are_checked() -> None:
    x = nd.zeros((2, 3), device="numpy")
    refused(
        lambda g: g.permutation(x, axis=2), IndexError, r"\[permutation\] axis out of range; got 2; expected -2 to 1"
    )


def test_types_of_parameters_are_checked() -> None:
    expected = r"\[normal\] mean is neither a number nor an NDArray; got list"
    refused(lambda g: g.normal(2, [0.0, 1.0]), TypeError, expected)
