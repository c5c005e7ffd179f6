"""Floats that are uniform, normal, exponential, ...: all by inverting their distribution, so with fixed words for each.

All but `uniform` are computed in float64 by `exact`, from two words for each element, and rounded once to their dtype.
Of n numbers the first m are the same for every n. Parameters are numbers, or arrays that broadcast to the shape.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from needle.ndarray import _core
from needle.ndarray._core import NDArray
from needle.ndarray._elementwise import greater, less, maximum, minimum, sqrt
from needle.ndarray.creation import asarray
from needle.ndarray.dtypes import float32, float64
from needle.ndarray.errors import message
from needle.ndarray.random import exact
from needle.ndarray.random.parameters import (
    NOT_NEGATIVE,
    NUMBER,
    POSITIVE,
    Range,
    as_shape,
    check,
    check_float,
    describe,
)
from needle.ndarray.random.words import Words

if TYPE_CHECKING:
    from collections.abc import Callable

    from needle.ndarray._core import DType, Shape
    from needle.ndarray.random.parameters import Parameter

__all__ = ["Continuous"]

# Bits of a float's significand, hidden one included: so many random bits are a multiple of 2^-bits in [0, 1), exactly.
SIGNIFICAND = {"bfloat16": 8, "float16": 11, "float32": 24}
# Standard deviations from the mean beyond which the probability is below the smallest float64.
FARTHEST = 37.0
BOUND: Range = ("numbers", lambda x: x == x)  # noqa: PLR0124 - not NaN


class Continuous(Words):
    """Distributions with a density."""

    def uniform(self, shape: Shape, low: Parameter = 0.0, high: Parameter = 1.0, dtype: DType = float32) -> NDArray:
        """Return floats that are uniform in [low, high).

        They are ``low + (high - low) * u``, u being a multiple of 2^-24 (float32), 2^-11 (float16) or 2^-8 (bfloat16),
        from one word each, or of 2^-53 (float64), from two.

        Raises:
            ValueError: low and high are not finite, or high is below low.
            TypeError: the dtype is not a float.

        >>> nd.random.Generator(7, "cpu").uniform(3)
        NDArray([0.9545971 , 0.7501522 , 0.11417735], dtype=float32, device=cpu)
        """
        check_float("uniform", dtype)
        shape = as_shape("uniform", shape)
        if not isinstance(low, NDArray) and not isinstance(high, NDArray) and (low, high) == (0, 1):
            return self._fractions(shape, dtype)
        low, high = check("uniform", shape, self.device, NUMBER, low=low, high=high)
        span = check("uniform", shape, self.device, NOT_NEGATIVE, **{"high - low": high - low})[0]
        x = (self._fractions(shape, dtype) * span + low).astype(dtype, copy=False)
        # Rounding can carry the largest to high.
        return _core.where(less(x, high), x, low).astype(dtype, copy=False)

    def normal(self, shape: Shape, mean: Parameter = 0.0, std: Parameter = 1.0, dtype: DType = float32) -> NDArray:
        """Return normal numbers with a mean and a standard deviation.

        Two at a time are the coordinates of a point whose angle is uniform and whose squared distance from 0 is
        exponential (Box and Muller: "A note on the generation of random normal deviates", 1958).

        Raises:
            ValueError: the mean or std is not finite, or std is negative.
            TypeError: the dtype is not a float.

        >>> nd.random.Generator(7, "cpu").normal(3)
        NDArray([-0.22970816, -0.20041439, -0.6326745 ], dtype=float32, device=cpu)
        """
        return self._scaled("normal", self._normals, shape, dtype, mean=mean, std=std)

    def log_normal(self, shape: Shape, mean: Parameter = 0.0, std: Parameter = 1.0, dtype: DType = float32) -> NDArray:
        """Return numbers whose logarithms are normal with a mean and a standard deviation.

        Raises:
            ValueError: the mean or std is not finite, or std is negative.
            TypeError: the dtype is not a float.

        >>> nd.random.Generator(7, "cpu").log_normal(3)
        NDArray([0.79476553, 0.81839156, 0.5311693 ], dtype=float32, device=cpu)
        """
        check_float("log_normal", dtype)
        logarithm = self._scaled("log_normal", self._normals, shape, float64, mean=mean, std=std)
        return exact.exp(logarithm).astype(dtype, copy=False)

    def truncated_normal(
        self,
        shape: Shape,
        lower: Parameter,
        upper: Parameter,
        mean: Parameter = 0.0,
        std: Parameter = 1.0,
        dtype: DType = float32,
    ) -> NDArray:
        """Return numbers of a normal distribution (mean, std) under the condition that they are in [lower, upper].

        A uniform number between the probabilities of the bounds is taken back through the distribution, on the side
        where these are small and so precise. The bounds may be infinite.

        Raises:
            ValueError: lower is above upper, std is not positive, the mean is not finite, or both bounds are more than
                37 standard deviations from the mean, on one side.
            TypeError: the dtype is not a float.

        >>> nd.random.Generator(7, "cpu").truncated_normal(3, -2.0, 2.0)
        NDArray([ 1.5055827 , -1.1182393 , -0.22447531], dtype=float32, device=cpu)
        """
        op = "truncated_normal"
        check_float(op, dtype)
        shape = as_shape(op, shape)
        (mean,) = check(op, shape, self.device, NUMBER, mean=mean)
        (std,) = check(op, shape, self.device, POSITIVE, std=std)
        least, most = (
            x if isinstance(x, _core.NDArray) else asarray(x, float64, self.device)
            for x in check(op, shape, self.device, BOUND, lower=lower, upper=upper)
        )
        a, b = (least - mean) / std, (most - mean) / std
        mirrored = greater(a + b, 0.0)
        a, b = _core.where(mirrored, -b, a), _core.where(mirrored, -a, b)
        if _core.any(greater(a, b)):
            raise ValueError(
                message(op, "lower is above upper", got=f"lower {describe(lower)}, upper {describe(upper)}")
            )
        if _core.any(less(b, -FARTHEST)):
            got = f"{-_core.min(b).item():.4g} standard deviations from the mean"
            raise ValueError(message(op, "there is next to no such number", got=got, expected=f"at most {FARTHEST}"))
        p, q = exact.normal_cdf(a), exact.normal_cdf(b)
        u = self._in_chunks(math.prod(shape), self._inside).reshape(shape)
        u = minimum(maximum(p + u * (q - p), 2.0**-1022), 1 - 2.0**-53)
        x = exact.normal_quantile(u)
        x = _core.where(mirrored, -x, x) * std + mean
        return minimum(maximum(x, least), most).astype(dtype, copy=False)

    def exponential(self, shape: Shape, scale: Parameter = 1.0, dtype: DType = float32) -> NDArray:
        """Return numbers with the density exp(-x / scale) / scale: ``-scale * log(u)``; their mean is the scale.

        Raises:
            ValueError: the scale is negative or not finite.
            TypeError: the dtype is not a float.

        >>> nd.random.Generator(7, "cpu").exponential(3)
        NDArray([0.04646588, 2.1700022 , 0.8990394 ], dtype=float32, device=cpu)
        """
        return self._scaled("exponential", self._exponentials, shape, dtype, loc=0.0, scale=scale)

    def laplace(self, shape: Shape, loc: Parameter = 0.0, scale: Parameter = 1.0, dtype: DType = float32) -> NDArray:
        """Return numbers with the density exp(-abs(x - loc) / scale) / (2 * scale).

        Raises:
            ValueError: loc or scale is not finite, or scale is negative.
            TypeError: the dtype is not a float.

        >>> nd.random.Generator(7, "cpu").laplace(3)
        NDArray([ 2.3990326 , -1.476855  , -0.20589219], dtype=float32, device=cpu)
        """
        return self._scaled("laplace", self._laplaces, shape, dtype, loc=loc, scale=scale)

    def cauchy(self, shape: Shape, loc: Parameter = 0.0, scale: Parameter = 1.0, dtype: DType = float32) -> NDArray:
        """Return numbers with the density 1 / (pi * scale * (1 + ((x - loc) / scale)^2)): tangents of uniform angles.

        Raises:
            ValueError: loc or scale is not finite, or scale is negative.
            TypeError: the dtype is not a float.

        >>> nd.random.Generator(7, "cpu").cauchy(3)
        NDArray([ 1.3353916 , -0.45463222,  0.53738403], dtype=float32, device=cpu)
        """
        return self._scaled("cauchy", self._cauchies, shape, dtype, loc=loc, scale=scale)

    def gumbel(self, shape: Shape, loc: Parameter = 0.0, scale: Parameter = 1.0, dtype: DType = float32) -> NDArray:
        """Return numbers that are below x with probability exp(-exp(-(x - loc) / scale)): ``-log(-log(u))``.

        Raises:
            ValueError: loc or scale is not finite, or scale is negative.
            TypeError: the dtype is not a float.

        >>> nd.random.Generator(7, "cpu").gumbel(3)
        NDArray([ 3.069037  , -0.7747282 ,  0.10642845], dtype=float32, device=cpu)
        """
        return self._scaled("gumbel", self._gumbels, shape, dtype, loc=loc, scale=scale)

    def _fractions(self, shape: tuple[int, ...], dtype: DType) -> NDArray:
        n = math.prod(shape)
        if dtype is float64:
            words = self.bits(2 * n)
            u = ((words[0::2] >> 5).astype(dtype) * 2**26 + (words[1::2] >> 6).astype(dtype)) * 2**-53
        else:
            bits = SIGNIFICAND[dtype.name]
            u = (self.bits(n) >> (32 - bits)).astype(dtype) * 2**-bits
        return u.reshape(shape)

    def _scaled(
        self, op: str, standard: Callable[[int], NDArray], shape: Shape, dtype: DType, **parameters: Parameter
    ) -> NDArray:
        """Return ``start + width * x`` of standard numbers x; `parameters` are these two."""
        check_float(op, dtype)
        shape = as_shape(op, shape)
        (start, from_), (width, by) = parameters.items()
        (from_,) = check(op, shape, self.device, NUMBER, **{start: from_})
        (by,) = check(op, shape, self.device, NOT_NEGATIVE, **{width: by})
        n = math.prod(shape)
        if op == "normal" and dtype.itemsize >= float32.itemsize and isinstance(from_, float) and isinstance(by, float):
            out = _core.empty((n,), dtype, self.device)
            if self._fill(op, out, from_, by):
                return out.reshape(shape)
        x = self._in_chunks(n, standard).reshape(shape)
        x *= by
        x += from_
        return x.astype(dtype, copy=False)

    def _normals(self, n: int) -> NDArray:
        u = self._inside(n + n % 2)
        distance = sqrt(exact.log(u[0::2]) * -2)
        sine, cosine = exact.sin_cos(u[1::2] - 0.5)  # of a quarter of the angle
        for _ in range(2):
            sine, cosine = 2 * sine * cosine, 1 - 2 * sine * sine
        u[0::2] = distance * cosine
        u[1::2] = distance * sine
        return u[:n]

    def _exponentials(self, n: int) -> NDArray:
        return -exact.log(self._inside(n))

    def _laplaces(self, n: int) -> NDArray:
        u = self._inside(n)
        x = exact.log(minimum(u, 1 - u) * 2)
        return _core.where(less(u, 0.5), x, -x)

    def _cauchies(self, n: int) -> NDArray:
        # One half of the numbers are tangents of angles up to pi / 4, the others the inverses of such.
        u = self._inside(n)
        small = less(u, 0.5)
        sine, cosine = exact.sin_cos(_core.where(small, u, u - 0.5) * 2 - 0.5)
        return _core.where(small, sine, cosine) / _core.where(small, cosine, sine)

    def _gumbels(self, n: int) -> NDArray:
        return -exact.log(self._exponentials(n))
