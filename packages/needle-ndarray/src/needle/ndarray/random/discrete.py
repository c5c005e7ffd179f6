"""Whole numbers, truth values, orders and choices."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from needle.ndarray import _core
from needle.ndarray._core import NDArray
from needle.ndarray._elementwise import less, less_equal
from needle.ndarray.creation import asarray
from needle.ndarray.dtype_info import iinfo
from needle.ndarray.dtypes import float64, int64, uint64
from needle.ndarray.errors import message
from needle.ndarray.random.continuous import Continuous
from needle.ndarray.random.parameters import PROBABILITY, as_shape, check, probabilities

if TYPE_CHECKING:
    from collections.abc import Sequence

    from needle.ndarray._core import DType, Shape
    from needle.ndarray.random.parameters import Parameter

__all__ = ["Discrete", "alias_table"]


class Discrete(Continuous):
    """Distributions without a density."""

    def integers(self, low: int, high: int, shape: Shape, dtype: DType = int64) -> NDArray:
        """Return integers that are uniform in [low, high).

        In a range of at most 2^32, 64 random bits are multiplied with the range and shifted (Lemire: "Fast random
        integer generation in an interval", 2019), so that the probabilities differ from equal ones by less than one
        part in 2^32. In a wider one they are equal: of 64 random bits as many are taken as the range needs, again and
        again until the number is in it.

        Raises:
            ValueError: the range is empty, or the dtype does not hold all of it.
            TypeError: the dtype is not an integer.

        >>> nd.random.Generator(7).integers(-10, 10, 3).tolist()
        [9, -8, -2]
        """
        if dtype.kind not in ("int", "uint"):
            raise TypeError(message("integers", "not an integer dtype", got=dtype.name))
        limits = iinfo(dtype)
        if not limits.min <= low < high <= limits.max + 1:
            got, expected = f"low {low}, high {high}", f"{limits.min} <= low < high <= {limits.max + 1}, of {dtype}"
            raise ValueError(message("integers", "no such range", got=got, expected=expected))
        shape = as_shape("integers", shape)
        span = high - low
        if span <= 2**32:
            words = self.bits(2 * math.prod(shape)).astype(uint64)
            upper, lower = words[0::2], words[1::2]
            x = (upper * span + (lower * span >> 32)) >> 32
        else:
            x = self._accepted(math.prod(shape), uint64, lambda n: self._below(n, span))
        x += low % 2**64
        return _core.bitcast(x, int64 if dtype.kind == "int" else uint64).astype(dtype, copy=False).reshape(shape)

    def bernoulli(self, p: Parameter, shape: Shape) -> NDArray:
        """Return bools that are True with probability p, to the next multiple of 2^-24.

        Raises:
            ValueError: p is not in [0, 1].

        >>> nd.random.Generator(7).bernoulli(0.5, 3).tolist()
        [False, False, True]
        """
        shape = as_shape("bernoulli", shape)
        (p,) = check("bernoulli", shape, self.device, PROBABILITY, p=p)
        return less(self.uniform(shape), p)

    def permutation(self, x: int | NDArray, axis: int = 0) -> NDArray:
        """Return 0 to x - 1 in random order, (x,) int64; or an array x with its parts along an axis in random order.

        It is the order that sorts n random numbers of 64 bits. Two of these are equal, and keep their order, with a
        probability of less than n^2 / 2^65.

        Raises:
            ValueError: x is a negative number.
            IndexError: x has no such axis.

        >>> nd.random.Generator(7).permutation(5).tolist()
        [4, 1, 3, 2, 0]
        >>> nd.random.Generator(7).permutation(nd.asarray([10, 20, 30, 40, 50])).tolist()
        [50, 20, 40, 30, 10]
        """
        if isinstance(x, NDArray):
            if not -x.ndim <= axis < x.ndim:
                expected = f"-{x.ndim} to {x.ndim - 1}"
                raise IndexError(message("permutation", "axis out of range", got=str(axis), expected=expected))
            return _core.take(x, self.permutation(x.shape[axis]), axis=axis)
        (n,) = as_shape("permutation", x)
        return _core.argsort(self._words_of_64(n))

    def choice(
        self,
        a: int | NDArray,
        shape: Shape = (),
        replace: bool = True,
        p: Sequence[float] | NDArray | None = None,
    ) -> NDArray:
        """Return elements of an array, or of 0 to a - 1, chosen at random.

        With replacement and p, by the alias method (Walker, 1977, with Vose's table, 1991), which takes the same two
        steps for any number of elements; the table is made on the host, at about a microsecond each. Without, those
        elements are taken whose exponential numbers, divided by p, are least (Efraimidis and Spirakis: "Weighted random
        sampling with a reservoir", 2006), as if drawn one after the other.

        Args:
            a: the elements, along its first axis; or their number.
            shape: of the result, which ends with the extents of a's other axes.
            replace: whether an element may be chosen more than once.
            p: their probabilities, which add up to 1 within 1e-6; equal ones if None.

        Raises:
            ValueError: there is nothing to choose from, or less than is to be chosen; p has another length, is
                negative somewhere or does not add up to 1.

        >>> nd.random.Generator(7, "cpu").choice(nd.asarray([2, 3, 5, 7]), 3, p=[0.1, 0.2, 0.3, 0.4]).tolist()
        [7, 7, 3]
        """
        shape = as_shape("choice", shape)
        if isinstance(a, NDArray) and a.ndim == 0:
            raise ValueError(message("choice", "not a number nor an array with axes", got="an array of shape ()"))
        n, count = a.shape[0] if isinstance(a, NDArray) else a, math.prod(shape)
        if n < 1:
            raise ValueError(message("choice", "there is nothing to choose from", got=f"{n} elements"))
        weights = None if p is None else probabilities("choice", n, p)
        possible = n if weights is None else sum(x > 0 for x in weights)
        if not replace and count > possible:
            expected = f"at most {possible}, those that there are with p > 0"
            raise ValueError(message("choice", "more is to be chosen than there is", got=str(count), expected=expected))
        if replace:
            places = self.integers(0, n, count) if weights is None else self._weighted(weights, count)
        elif weights is None:
            places = self.permutation(n)[:count]
        else:
            keys = self._in_chunks(n, self._exponentials) / asarray(weights, float64, self.device)
            places = _core.argsort(keys)[:count]
        places = places.reshape(shape)
        return _core.take(a, places, axis=0) if isinstance(a, NDArray) else places

    def categorical(self, logits: NDArray, shape: Shape | None = None) -> NDArray:
        """Return int64 numbers that are i with a probability proportional to exp(logits[..., i]).

        The greatest of logits to which Gumbel numbers have been added (Gumbel, 1954): logits need not be normalised.

        Args:
            logits: (..., k), where -inf stands for a probability of 0.
            shape: of the result, to which the leading extents of the logits broadcast; these alone if None.

        Raises:
            ValueError: there are no categories, or a logit is NaN or infinite, or no category is possible.

        >>> nd.random.Generator(7, "cpu").categorical(nd.asarray([0.0, float("-inf"), 1.0]), 4).tolist()
        [0, 2, 2, 2]
        """
        op = "categorical"
        if logits.ndim == 0 or logits.shape[-1] == 0:
            raise ValueError(message(op, "there are no categories", got=f"shape {logits.shape}", expected="(..., k)"))
        shape = logits.shape[:-1] if shape is None else as_shape(op, shape)
        shape = (*shape, logits.shape[-1])
        (wide,) = check(op, shape, self.device, ("numbers below infinity", lambda x: x < math.inf), logits=logits)
        if wide.size and not _core.all(_core.max(wide, axis=-1) > -math.inf):
            raise ValueError(message(op, "no category is possible", got="logits that are all -inf"))
        noise = self._in_chunks(math.prod(shape), self._gumbels).reshape(shape)
        return _core.argmax(noise + wide, axis=-1)

    def _below(self, n: int, span: int) -> tuple[NDArray, NDArray]:
        """Return n numbers of as many bits as it takes, and whether they are below `span`."""
        x = self._words_of_64(n) >> (64 - (span - 1).bit_length())
        return x, less_equal(x, span - 1)

    def _words_of_64(self, n: int) -> NDArray:
        words = self.bits(2 * n).astype(uint64)
        return (words[0::2] << 32) | words[1::2]

    def _weighted(self, weights: list[float], count: int) -> NDArray:
        shares, aliases = alias_table(weights)
        places = self.integers(0, len(weights), count)
        own = less(
            self._in_chunks(count, self._inside), _core.take(asarray(shares, float64, self.device), places, axis=0)
        )
        return _core.where(own, places, _core.take(asarray(aliases, int64, self.device), places, axis=0))


def alias_table(weights: list[float]) -> tuple[list[float], list[int]]:
    """Return for each of n equal columns which share of it is its own element's, and whose the rest is."""
    n = len(weights)
    shares, aliases = [x * n for x in weights], list(range(n))
    poor = [i for i, share in enumerate(shares) if share < 1]
    rich = [i for i, share in enumerate(shares) if share >= 1]
    while poor and rich:
        i, j = poor.pop(), rich[-1]
        aliases[i] = j
        shares[j] -= 1 - shares[i]
        if shares[j] < 1:
            poor.append(rich.pop())
    for i in poor + rich:  # what is left is 1, up to rounding
        shares[i] = 1.0
    return shares, aliases
