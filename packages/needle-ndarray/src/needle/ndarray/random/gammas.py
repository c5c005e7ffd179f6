"""The gamma distribution, by rejection, and its relatives.

A candidate is accepted with a probability of at least 0.95, so n elements need more than r rounds of them with one
below n / 20^r.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from needle.ndarray import _core
from needle.ndarray._elementwise import greater, less, logical_and, maximum, sqrt
from needle.ndarray.creation import asarray
from needle.ndarray.dtypes import float32, float64
from needle.ndarray.errors import message
from needle.ndarray.random import exact
from needle.ndarray.random.continuous import Continuous
from needle.ndarray.random.parameters import NOT_NEGATIVE, POSITIVE, as_shape, check, check_float

if TYPE_CHECKING:
    from collections.abc import Sequence

    from needle.ndarray._core import DType, NDArray, Shape
    from needle.ndarray.random.parameters import Parameter

__all__ = ["Gammas"]

# Stands for powers below it, which would be infinite, and have no difference.
LEAST = -1e308


class Gammas(Continuous):
    """Distributions that come of gamma's."""

    def gamma(self, shape: Shape, concentration: Parameter, scale: Parameter = 1.0, dtype: DType = float32) -> NDArray:
        """Return numbers whose density at x is proportional to x^(concentration - 1) exp(-x / scale).

        Source: G. Marsaglia, W. W. Tsang, "A simple method for generating gamma variables", ACM Transactions on
        Mathematical Software 26, 2000; for a concentration a below 1, a number of a + 1 is multiplied with u^(1/a).

        Raises:
            ValueError: the concentration is not positive, or the scale is negative.
            TypeError: the dtype is not a float.

        >>> nd.random.Generator(7, "cpu").gamma(3, 2.5)
        NDArray([1.845829 , 1.8848507, 1.3624486], dtype=float32, device=cpu)
        """
        check_float("gamma", dtype)
        shape = as_shape("gamma", shape)
        (scale,) = check("gamma", shape, self.device, NOT_NEGATIVE, scale=scale)
        x, power = self._gammas("gamma", shape, concentration=concentration)
        return (x * exact.exp(power) * scale).astype(dtype, copy=False)

    def beta(self, shape: Shape, alpha: Parameter, beta: Parameter, dtype: DType = float32) -> NDArray:
        """Return numbers in [0, 1] whose density at x is proportional to x^(alpha - 1) (1 - x)^(beta - 1).

        They are x / (x + y) of gamma numbers with these concentrations.

        Raises:
            ValueError: alpha or beta is not positive.
            TypeError: the dtype is not a float.

        >>> nd.random.Generator(7, "cpu").beta(3, 2.0, 3.0)
        NDArray([0.4050453 , 0.42613795, 0.53069395], dtype=float32, device=cpu)
        """
        check_float("beta", dtype)
        shape = as_shape("beta", shape)
        check("beta", shape, self.device, POSITIVE, beta=beta)
        x, x_power = self._gammas("beta", shape, alpha=alpha)
        y, y_power = self._gammas("beta", shape, beta=beta)
        greatest = maximum(x_power, y_power)  # so that one of them stays above 0
        x *= exact.exp(x_power - greatest)
        y *= exact.exp(y_power - greatest)
        return (x / (x + y)).astype(dtype, copy=False)

    def dirichlet(self, shape: Shape, alpha: Sequence[float] | NDArray, dtype: DType = float32) -> NDArray:
        """Return vectors of k positive numbers whose sum is 1: gamma numbers, divided by their sum.

        Args:
            shape: of the array of vectors; the result has the shape (*shape, k).
            alpha: the concentrations: (k,), or (..., k) that broadcasts to the result.
            dtype: of the result.

        Raises:
            ValueError: an alpha is not positive, or there is none.
            TypeError: the dtype is not a float.

        >>> nd.random.Generator(7, "cpu").dirichlet((2,), [1.0, 2.0, 3.0]).shape
        (2, 3)
        """
        check_float("dirichlet", dtype)
        alpha = asarray(alpha, float64, self.device)
        if alpha.ndim == 0 or alpha.shape[-1] == 0:
            raise ValueError(message("dirichlet", "alpha is empty", got=f"shape {alpha.shape}", expected="(..., k)"))
        shape = (*as_shape("dirichlet", shape), alpha.shape[-1])
        x, power = self._gammas("dirichlet", shape, alpha=alpha)
        x *= exact.exp(power - _core.max(power, axis=-1, keepdims=True))
        return (x / _total(x)).astype(dtype, copy=False)

    def _gammas(self, op: str, shape: tuple[int, ...], **concentration: Parameter) -> tuple[NDArray, NDArray]:
        """Return gamma numbers of scale 1 as x * exp(power): by themselves they can be too small for a float64."""
        (a,) = check(op, shape, self.device, POSITIVE, **concentration)
        a = _core.broadcast_to(a if isinstance(a, _core.NDArray) else asarray(a, float64, self.device), shape)
        below = less(a, 1.0)
        d = _core.where(below, a + 1, a).reshape(-1) - 1 / 3
        x = self._accepted(d.size, float64, self._above_one, d).reshape(shape)
        u = self._in_chunks(x.size, self._exponentials).reshape(shape)
        return x, _core.where(below, maximum(-u / a, LEAST), 0.0)

    def _above_one(self, n: int, d: NDArray) -> tuple[NDArray, NDArray]:
        """Return candidates for gamma numbers of the concentrations d + 1/3, which are at least 1."""
        x = self._in_chunks(n, self._normals)
        v = x / sqrt(d * 9) + 1
        v = v * v * v
        positive = greater(v, 0.0)
        v = _core.where(positive, v, 1.0)
        # log(u) < x^2 / 2 + d - d v + d log(v), with an exponential number for -log(u)
        left = x * x * 0.5 + (1 - v + exact.log(v)) * d + self._in_chunks(n, self._exponentials)
        return v * d, logical_and(positive, greater(left, 0.0))


def _total(x: NDArray) -> NDArray:
    """Return the sums along the last axis, of extent 1, adding in one order on every device."""
    while x.shape[-1] > 1:
        half = x.shape[-1] // 2
        pairs = x[..., :half] + x[..., half : 2 * half]
        if x.shape[-1] % 2:
            pairs[..., :1] += x[..., -1:]
        x = pairs
    return x
