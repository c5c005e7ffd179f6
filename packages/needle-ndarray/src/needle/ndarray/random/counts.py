"""Numbers of events: Poisson, binomial and multinomial.

Where 10 or more are expected, by transformed rejection (W. Hörmann, "The generation of binomial random variates",
Journal of Statistical Computation and Simulation 46, 1993), which accepts at least two of three candidates. A Poisson
distribution is the limit of binomial ones, so what covers theirs covers it. Where fewer are expected, by inversion:
probabilities are subtracted from a uniform number until nothing is left.

Probabilities are computed in the form of C. Loader ("Fast and accurate computation of binomial probabilities", 2000),
with terms that are no larger than the result: differences of log k! would have no digit left where k is large.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from needle.ndarray import _core
from needle.ndarray._elementwise import (
    floor,
    greater,
    greater_equal,
    less,
    less_equal,
    logical_and,
    maximum,
    minimum,
    sqrt,
)
from needle.ndarray.creation import asarray, zeros
from needle.ndarray.dtypes import float64, int64
from needle.ndarray.random import exact
from needle.ndarray.random.parameters import PROBABILITY, Range, as_shape, check, probabilities
from needle.ndarray.random.words import CHUNK, Words
from needle.ndarray.searching import nonzero

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from needle.ndarray._core import NDArray, Shape
    from needle.ndarray.random.parameters import Parameter

__all__ = ["Counts"]

MOST = 2.0**50  # below it and well above, all whole numbers are float64's
RATE: Range = ("0 to 2**50", lambda x: (x >= 0) & (x <= MOST))
TRIALS: Range = ("whole numbers from 0 to 2**50", lambda x: (x >= 0) & (x <= MOST) & (x % 1 == 0))
# Fewer are expected: inversion.
FEW = 10.0
# Inversion ends here: what is left of a uniform number, a multiple of 2^-53, is the error of rounding.
NEGLIGIBLE = 2.0**-60


class Family(NamedTuple):
    """A distribution on 0, 1, 2, ... with parameters, each an array."""

    none: Callable[..., NDArray]
    """The probability of 0, of the parameters."""
    ratio: Callable[..., NDArray]
    """The probability of k divided by that of k - 1, of k > 0 and the parameters."""
    hat: Callable[..., tuple[NDArray, NDArray, NDArray]]
    """The mean, the standard deviation and the probability of an event, of the parameters."""
    log_mass: Callable[..., NDArray]
    """The logarithm of the probability of k but for a constant, of k >= 0 and the parameters; -inf where it is 0."""


class Counts(Words):
    """Distributions of numbers of events."""

    def poisson(self, rate: Parameter, shape: Shape) -> NDArray:
        """Return int64 numbers that are k with probability rate^k exp(-rate) / k!: events when `rate` are expected.

        Sources: the head of this file.

        Raises:
            ValueError: the rate is negative, or above 2^50.

        >>> nd.random.Generator(7, "cpu").poisson(4.0, 5).tolist()
        [8, 2, 3, 2, 0]
        """
        shape = as_shape("poisson", shape)
        (rate,) = check("poisson", shape, self.device, RATE, rate=rate)
        return self._counts(POISSON, shape, rate)

    def binomial(self, n: Parameter, p: Parameter, shape: Shape) -> NDArray:
        """Return int64 numbers of successes in n trials that succeed with probability p.

        Sources: the head of this file.

        Raises:
            ValueError: n is not a whole number from 0 to 2^50, or p not in [0, 1].

        >>> nd.random.Generator(7, "cpu").binomial(10, 0.25, 5).tolist()
        [5, 1, 2, 1, 0]
        """
        shape = as_shape("binomial", shape)
        (n,) = check("binomial", shape, self.device, TRIALS, n=n)
        (p,) = check("binomial", shape, self.device, PROBABILITY, p=p)
        trials, p = (asarray(x, float64, self.device) for x in (n, p))
        successes = self._counts(BINOMIAL, shape, trials, minimum(p, 1 - p))
        return _core.where(greater(p, 0.5), trials.astype(int64) - successes, successes)

    def multinomial(self, n: Parameter, p: Sequence[float] | NDArray, shape: Shape = ()) -> NDArray:
        """Return int64 vectors: how many of n trials have each of k outcomes.

        Each outcome's number is binomial among the trials that the outcomes before it have left.

        Args:
            n: the trials of each vector.
            p: the outcomes' probabilities, (k,), which add up to 1 within 1e-6.
            shape: of the array of vectors; the result has the shape (*shape, k).

        Raises:
            ValueError: n is not a whole number from 0 to 2^50, p is negative somewhere or does not add up to 1.

        >>> nd.random.Generator(7, "cpu").multinomial(100, [0.5, 0.3, 0.2], 2).tolist()
        [[61, 25, 14], [43, 30, 27]]
        """
        shape = as_shape("multinomial", shape)
        (n,) = check("multinomial", shape, self.device, TRIALS, n=n)
        weights = probabilities("multinomial", len(p), p)
        out = _core.empty((*shape, len(weights)), int64, self.device)
        left = _core.broadcast_to(asarray(n, float64, self.device).astype(int64), shape)
        for i, weight in enumerate(weights):
            rest = math.fsum(weights[i:])
            out[..., i] = self.binomial(left, weight / rest if rest else 0.0, shape)  # the last one: of probability 1
            left = left - out[..., i]
        return out

    def _counts(self, family: Family, shape: tuple[int, ...], *parameters: Parameter) -> NDArray:
        out = _core.empty((math.prod(shape),), int64, self.device)
        spread = [_core.broadcast_to(asarray(x, float64, self.device), shape).reshape(-1) for x in parameters]
        for start in range(0, out.size, CHUNK):
            part = [x[start : start + CHUNK] for x in spread]
            few = less(family.hat(*part)[0], FEW)
            for chosen, draw in ((few, self._by_inversion), (~few, self._by_rejection)):
                (places,) = nonzero(chosen)
                if places.size:
                    x = draw(family, *(_core.take(each, places, axis=0) for each in part)).astype(int64)
                    out[start + places] = x
        return out.reshape(shape)

    def _by_inversion(self, family: Family, *parameters: NDArray) -> NDArray:
        mass = family.none(*parameters)
        left = self._inside(mass.size) - mass
        x = zeros(mass.shape, float64, self.device)
        k = 1
        while True:
            mass = mass * family.ratio(k, *parameters)
            more = logical_and(greater(left, 0.0), greater(mass, NEGLIGIBLE))
            if not _core.any(more):
                return x
            x += more.astype(float64)
            left -= mass
            k += 1

    def _by_rejection(self, family: Family, *parameters: NDArray) -> NDArray:
        mean, deviation, p = family.hat(*parameters)
        b = deviation * 2.53 + 1.15
        a = b * 0.0248 + p * 0.01 - 0.0873
        greatest = family.log_mass(floor(mean + p), *parameters)  # at the mode

        def candidates(size: int, *parameters: NDArray) -> tuple[NDArray, NDArray]:
            mean, deviation, a, b, greatest, *own = parameters
            u, v = (self._inside(size) for _ in range(2))
            edge = minimum(u, 1 - u)
            k = floor((a * 2 / edge + b) * (u - 0.5) + mean + 0.5)
            bound = exact.log(v * (5.1 / b + 2.83) * deviation / (a / (edge * edge) + b))
            mass = family.log_mass(maximum(k, 0.0), *own) - greatest
            return k, logical_and(greater_equal(k, 0.0), less_equal(bound, mass))

        return self._accepted(mean.size, float64, candidates, mean, deviation, a, b, greatest, *parameters)


def _log_poisson_mass(k: NDArray, rate: NDArray) -> NDArray:
    return -exact.log_factorial_excess(k) - exact.deviance(k, rate)


def _log_binomial_mass(k: NDArray, n: NDArray, p: NDArray) -> NDArray:
    failures = maximum(n - k, 0.0)
    excess = exact.log_factorial_excess(k) + exact.log_factorial_excess(failures)
    return _core.where(
        less_equal(k, n), -excess - exact.deviance(k, n * p) - exact.deviance(failures, n * (1 - p)), -math.inf
    )


POISSON = Family(
    none=lambda rate: exact.exp(-rate),
    ratio=lambda k, rate: rate / k,
    hat=lambda rate: (rate, sqrt(rate), zeros((), float64, rate.device)),
    log_mass=_log_poisson_mass,
)
# p is at most 1/2.
BINOMIAL = Family(
    none=lambda n, p: exact.exp(n * exact.log1p(-p)),
    ratio=lambda k, n, p: maximum(n - (k - 1), 0.0) / k * (p / (1 - p)),
    hat=lambda n, p: (n * p, sqrt(n * p * (1 - p)), p),
    log_mass=_log_binomial_mass,
)
