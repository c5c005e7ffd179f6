"""Functions of float64 arrays that have the same bits on every device, for the distributions.

Addition, subtraction, multiplication, division, square root and rounding to whole numbers are rounded exactly by IEEE
754, and integer operations have no error; these functions use nothing else. Each step is a call of its own, so that no
compiler contracts two of them. (`_core.log` and the others call the backend's library, whose last bits differ.)
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from needle.ndarray import _core
from needle.ndarray._elementwise import equal, less, maximum, minimum, sqrt
from needle.ndarray._elementwise import round as to_whole
from needle.ndarray.creation import asarray
from needle.ndarray.dtypes import float64, int64

if TYPE_CHECKING:
    from collections.abc import Sequence

    from needle.ndarray._core import NDArray

__all__ = [
    "deviance",
    "exp",
    "log",
    "log1p",
    "log_factorial_excess",
    "normal_cdf",
    "normal_quantile",
    "sin_cos",
]

# ln 2 in two parts; the first has 32 bits, so that its product with an exponent is exact.
LN2_HIGH, LN2_LOW = float.fromhex("0x1.62e42feep-1"), float.fromhex("0x1.a39ef35793c76p-33")
INVERSE_LN2 = float.fromhex("0x1.71547652b82fep+0")
# A float64's bits: its exponent, biased, begins at bit 52.
EXPONENT, BIAS = 52, 1023
SQRT_HALF_BITS = 0x3FE6A09E667F3BCD  # of the float64 next to sqrt(1/2)


def log(x: NDArray) -> NDArray:
    """Return the natural logarithm of positive normal numbers, to 1 ulp.

    x = 2^k m with m from sqrt(1/2) to sqrt(2), and log m = 2 atanh s with s = (m - 1) / (m + 1). Written as
    f - s (f - r) with f = m - 1, which is exact, and r = 2 (atanh s / s - 1), the error of s hardly counts.

    >>> log(nd.asarray([0.25, 1.0, 10.0], nd.float64)).tolist() == [2 * math.log(0.5), 0.0, math.log(10)]
    True
    """
    bits = _core.bitcast(x, int64)
    k = (bits - SQRT_HALF_BITS) >> EXPONENT
    m = _core.bitcast(bits - (k << EXPONENT), float64)
    f = m - 1
    m += 1
    s = f / m
    z = s * s
    r = _polynomial(z, ATANH)
    r *= z
    k = k.astype(float64)
    s *= f - r
    s -= k * LN2_LOW
    s -= f
    k *= LN2_HIGH
    k -= s
    return k


def exp(x: NDArray) -> NDArray:
    """Return e to the power x, to 1.2 ulp (of the smallest normal number, below it); NaN is not for it.

    x = k ln 2 + r with r from -ln 2 / 2 to ln 2 / 2, where 14 terms of the series are enough.

    >>> exp(nd.asarray([0.0, 1.0, -1e9], nd.float64)).tolist() == [1.0, math.e, 0.0]
    True
    """
    x = minimum(maximum(x, -746.0), 710.0)  # beyond which all is 0 or infinite
    k = to_whole(x * INVERSE_LN2)
    x -= k * LN2_HIGH
    x -= k * LN2_LOW
    y = _polynomial(x, EXP)
    k = k.astype(int64)
    half = k >> 1  # 2^k itself may be too small or too large for a float64
    for power in (half, k - half):
        y *= _core.bitcast((power + BIAS) << EXPONENT, float64)
    return y


def log1p(x: NDArray) -> NDArray:
    """Return log(1 + x) for x from -1/2 up to where 1 + x is infinite, to 4 ulp.

    The rounding error of u = 1 + x is that of u - 1 too, and log(u) / (u - 1) hardly depends on it.

    Source: D. Goldberg, "What every computer scientist should know about floating-point arithmetic", 1991, theorem 4.

    >>> log1p(nd.asarray([1e-20, 1.0], nd.float64)).tolist() == [1e-20, math.log(2)]
    True
    """
    u = x + 1
    lost = equal(u, 1.0)
    u = _core.where(lost, 2.0, u)
    return _core.where(lost, x, log(u) * x / (u - 1))


def log_factorial_excess(k: NDArray) -> NDArray:
    """Return log(k!) - (k log(k) - k) for whole numbers k >= 0, to 1e-14: about log(2 pi k) / 2, by Stirling's series.

    >>> log_factorial_excess(nd.asarray([0.0, 1.0], nd.float64)).tolist()
    [0.0, 1.0]
    """
    few = _core.iota(len(FACTORIALS), float64, k.device)
    table = log(asarray(FACTORIALS, float64, k.device)) - (few * log(maximum(few, 1.0)) - few)
    known = _core.take(table, minimum(k, len(FACTORIALS) - 1).astype(int64), axis=0)
    k = maximum(k, 1.0)
    r = 1 / k
    series = (log(k) + LOG_2PI) * 0.5 + _polynomial(r * r, STIRLING) * r
    return _core.where(less(k, len(FACTORIALS)), known, series)


def deviance(x: NDArray, mean: NDArray) -> NDArray:
    """Return x log(x / mean) - (x - mean) for whole numbers x >= 0 and normal means > 0.

    Near the mean it is the difference of two that are nearly equal, and so a series.

    Source: C. Loader, "Fast and accurate computation of binomial probabilities", 2000.

    >>> deviance(nd.asarray([0.0, 3.0], nd.float64), nd.asarray(3.0, nd.float64)).tolist()
    [3.0, 0.0]
    """
    difference = x - mean
    v = difference / (x + mean)
    z = v * v
    near = difference * v + x * v * z * _polynomial(z, ATANH)
    far = x * log(maximum(x, 0.5) / mean) - difference
    return _core.where(less(z, 0.01), near, far)


def sin_cos(x: NDArray) -> tuple[NDArray, NDArray]:
    """Return sine and cosine of pi / 2 times x, for x from -1/2 to 1/2, to 2 ulp.

    >>> sine, cosine = sin_cos(nd.asarray([0.0, 0.5], nd.float64))
    >>> sine.tolist()[0], cosine.tolist()[0]
    (0.0, 1.0)
    """
    z = x * x
    sine = _polynomial(z, SIN)
    sine *= x
    return sine, _polynomial(z, COS)


def normal_cdf(x: NDArray) -> NDArray:
    """Return the probability that a standard normal number is below x; the relative error is below 1e-14.

    Source: W. J. Cody, "Rational Chebyshev approximations for the error function", Mathematics of Computation 23, 1969.

    >>> normal_cdf(nd.asarray([-40.0, 0.0], nd.float64)).tolist()
    [0.0, 0.5]
    """
    y = minimum(abs(x), 40.0)  # from where on it is 0
    z = y * y
    centre = 0.5 - y * _ratio(z, CDF_CENTRE)
    # exp(-y^2 / 2) with y^2 in two parts, the first of which is exact: its error would be that of the whole.
    coarse = to_whole(y * 16) / 16
    density = exp(coarse * coarse * -0.5) * exp((y - coarse) * (y + coarse) * -0.5)
    w = 1 / maximum(z, 1.0)
    far = (INVERSE_SQRT_2PI - w * _ratio(w, CDF_FAR)) / maximum(y, 1.0)
    tail = density * _core.where(less(z, 32.0), _ratio(y, CDF_TAIL), far)
    below = _core.where(less(y, 0.67448975), centre, tail)
    return _core.where(less(x, 0.0), below, 1 - below)


def normal_quantile(p: NDArray) -> NDArray:
    """Return the x below which a standard normal number is with probability p, for normal numbers p below 1.

    The relative error is about 1e-16.

    Source: M. J. Wichura, "Algorithm AS 241: the percentage points of the normal distribution", Applied Statistics 37,
    1988.

    >>> normal_quantile(nd.asarray([0.5], nd.float64)).tolist()
    [0.0]
    """
    q = p - 0.5
    centre = q * _ratio(0.180625 - q * q, QUANTILE_CENTRE)
    r = sqrt(-log(minimum(p, 1 - p)))
    tail = _core.where(less(r, 5.0), _ratio(r - 1.6, QUANTILE_TAIL), _ratio(r - 5, QUANTILE_FAR))
    tail = _core.where(less(q, 0.0), -tail, tail)
    return _core.where(less(abs(q), 0.425), centre, tail)


def _polynomial(x: NDArray, coefficients: Sequence[float]) -> NDArray:
    """Return the polynomial whose coefficients are given from the highest power down, by Horner's scheme."""
    first, *middle, last = coefficients
    y = x * first
    for c in middle:
        y += c
        y *= x
    y += last
    return y


def _ratio(x: NDArray, coefficients: tuple[Sequence[float], Sequence[float]]) -> NDArray:
    return _polynomial(x, coefficients[0]) / _polynomial(x, coefficients[1])


def _powers(x: float, n: int) -> list[float]:
    """Return x^i / i! for i < n, without the C library's pow."""
    terms = [1.0]
    for i in range(1, n):
        terms.append(terms[-1] * x / i)
    return terms


# The series end where a term is below 2^-55 of the sum.
ATANH = [2 / (2 * n + 1) for n in range(10, 0, -1)]
EXP = [1 / math.factorial(n) for n in range(13, -1, -1)]
QUARTER_TURN = [-x if i % 4 > 1 else x for i, x in enumerate(_powers(math.pi / 2, 18))]
SIN = QUARTER_TURN[-1::-2]
COS = QUARTER_TURN[-2::-2]
FACTORIALS = [float(math.factorial(n)) for n in range(16)]
STIRLING = [1 / 1188, -1 / 1680, 1 / 1260, -1 / 360, 1 / 12]
LOG_2PI = 1.8378770664093453

# Numerator and denominator, from the highest power down.
INVERSE_SQRT_2PI = 0.3989422804014327
CDF_CENTRE = (
    (
        0.065682337918207449113,
        2.2352520354606839287,
        161.02823106855587881,
        1067.6894854603709582,
        18154.981253343561249,
    ),
    (1.0, 47.20258190468824187, 976.09855173777669322, 10260.932208618978205, 45507.789335026729956),
)
CDF_TAIL = (
    (
        1.0765576773720192317e-8, 0.39894151208813466764, 8.8831497943883759412, 93.506656132177855979,
        597.27027639480026226, 2494.5375852903726711, 6848.1904505362823326, 11602.651437647350124,
        9842.7148383839780218,
    ),
    (
        1.0, 22.266688044328115691, 235.38790178262499861, 1519.377599407554805, 6485.558298266760755,
        18615.571640885098091, 34900.952721145977266, 38912.003286093271411, 19685.429676859990727,
    ),
)  # fmt: skip
CDF_FAR = (
    (
        0.02307344176494017303, 0.21589853405795699, 0.1274011611602473639, 0.022235277870649807,
        0.001421619193227893466, 2.9112874951168792e-5,
    ),
    (
        1.0, 1.28426009614491121, 0.468238212480865118, 0.0659881378689285515, 0.00378239633202758244,
        7.29751555083966205e-5,
    ),
)  # fmt: skip
QUANTILE_CENTRE = (
    (
        2509.0809287301226727, 33430.575583588128105, 67265.770927008700853, 45921.953931549871457,
        13731.693765509461125, 1971.5909503065514427, 133.14166789178437745, 3.3871328727963666080,
    ),
    (
        5226.4952788528545610, 28729.085735721942674, 39307.895800092710610, 21213.794301586595867,
        5394.1960214247511077, 687.18700749205790830, 42.313330701600911252, 1.0,
    ),
)  # fmt: skip
QUANTILE_TAIL = (
    (
        7.7454501427834140764e-4, 0.0227238449892691845833, 0.241780725177450611770, 1.27045825245236838258,
        3.64784832476320460504, 5.76949722146069140550, 4.63033784615654529590, 1.42343711074968357734,
    ),
    (
        1.05075007164441684324e-9, 5.475938084995344946e-4, 0.0151986665636164571966, 0.148103976427480074590,
        0.689767334985100004550, 1.67638483018380384940, 2.05319162663775882187, 1.0,
    ),
)  # fmt: skip
QUANTILE_FAR = (
    (
        2.01033439929228813265e-7, 2.71155556874348757815e-5, 0.00124266094738807843860, 0.0265321895265761230930,
        0.296560571828504891230, 1.78482653991729133580, 5.46378491116411436990, 6.65790464350110377720,
    ),
    (
        2.04426310338993978564e-15, 1.4215117583164458887e-7, 1.8463183175100546818e-5, 7.868691311456132591e-4,
        0.0148753612908506148525, 0.136929880922735805310, 0.599832206555887937690, 1.0,
    ),
)  # fmt: skip
