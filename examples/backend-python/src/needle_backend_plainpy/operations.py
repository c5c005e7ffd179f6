"""The operations by name, on Python's numbers: an int for bool and the integers, a float for the floats.

Where IEEE 754 has a result, Python's `math` raises: `ieee` gives the result instead.
"""

from __future__ import annotations

import cmath
import math
import operator
from collections.abc import Callable
from functools import partial
from typing import Any

INF, NAN = math.inf, math.nan
LN_2, LN_10 = math.log(2), math.log(10)


def ieee(function: Callable[[Any], Any], x: Any) -> Any:
    """Return function(x): infinity where it overflows, NaN where it is not defined."""
    try:
        return function(x)
    except OverflowError:
        return INF
    except ValueError:
        return NAN


def whole(function: Callable[[float], int], x: float) -> float:
    """Return x as a whole number, with its sign; an int is one."""
    if isinstance(x, int):
        return x
    return math.copysign(float(function(x)), x) if math.isfinite(x) else x


def nearest(x: Any) -> Any:
    """Return the nearest whole number, of a complex x by its parts."""
    return complex(nearest(x.real), nearest(x.imag)) if isinstance(x, complex) else whole(round, x)


def divide(x: Any, y: Any) -> Any:
    """Return x / y, also by 0."""
    if y:
        return x / y
    if isinstance(x, complex) or isinstance(y, complex):
        return complex(NAN, NAN)
    return NAN if x == 0 or math.isnan(x) else math.copysign(INF, x) * math.copysign(1, y)


def on_floats(name: str) -> Callable[[Any], Any]:
    """Return the function of that name, of `cmath` for complex numbers, else of `math`."""
    of_reals, of_complexes = getattr(math, name), getattr(cmath, name)
    return lambda x: ieee(of_complexes if isinstance(x, complex) else of_reals, x)


sqrt = on_floats("sqrt")


def logarithm(name: str) -> Callable[[Any], Any]:
    """Return the logarithm of that name."""
    of_reals = getattr(math, name)
    base = {"log": 1.0, "log2": LN_2, "log10": LN_10}[name]

    def function(x: Any) -> Any:
        if x == 0:
            return -INF
        return cmath.log(x) / base if isinstance(x, complex) else ieee(of_reals, x)

    return function


def expm1(x: Any) -> Any:
    """Return exp(x) - 1, from the real functions' own where it is complex."""
    if not isinstance(x, complex):
        return ieee(math.expm1, x)
    half = math.sin(x.imag / 2)
    return complex(math.expm1(x.real) * math.cos(x.imag) - 2 * half * half, math.exp(x.real) * math.sin(x.imag))


def atanh(x: Any) -> Any:
    """Return the number whose hyperbolic tangent is x."""
    if x in (1, -1):
        return math.copysign(INF, x.real)
    return ieee(cmath.atanh if isinstance(x, complex) else math.atanh, x)


def hyperbolic(name: str) -> Callable[[Any], Any]:
    """Return sinh, which overflows with x's sign."""
    return lambda x: math.copysign(ieee(getattr(math, name), x), x) if isinstance(x, float) else getattr(cmath, name)(x)


def logaddexp(x: float, y: float) -> float:
    """Return log(exp(x) + exp(y))."""
    if math.isnan(x) or math.isnan(y):
        return NAN
    return x + LN_2 if x == y else max(x, y) + math.log1p(math.exp(-abs(x - y)))


def log1p(x: Any) -> Any:
    """Return log(1 + x), without the loss of digits near 0."""
    if x == -1:
        return -INF
    if not isinstance(x, complex):
        return ieee(math.log1p, x)
    a, b = x.real, x.imag
    near = 2 * abs(x) < 1
    return complex(math.log1p(a * (2 + a) + b * b) / 2, math.atan2(b, 1 + a)) if near else cmath.log(1 + x)


def sigmoid(x: float) -> float:
    """Return 1 / (1 + exp(-x))."""
    return 1 / (1 + ieee(math.exp, -x))


def sign(x: Any) -> Any:
    """Return -1, 0 or 1, of a complex x x / abs(x); NaN stays NaN."""
    if isinstance(x, complex):
        return x / abs(x) if x else x
    return x if math.isnan(x) else (x > 0) - (x < 0)


def remainder(x: Any, y: Any) -> Any:
    """Return the exact rest of the division that rounds down."""
    if isinstance(x, int):
        return x % y if y else 0
    rest = NAN if y == 0 or math.isinf(x) or math.isnan(x) else math.fmod(x, y)
    return rest + y if rest and (rest < 0) != (y < 0) else math.copysign(rest, y) if rest == 0 else rest


def floor_divide(x: Any, y: Any) -> Any:
    """Return the quotient rounded down, made from the exact remainder."""
    if isinstance(x, int):
        return x // y if y else 0
    if y == 0:
        return divide(x, y)
    quotient = (x - remainder(x, y)) / y
    return whole(round, quotient) if quotient else math.copysign(0.0, divide(x, y))


def power(x: Any, y: Any) -> Any:
    """Return x to the power y; of ints its low 64 bits, and to a negative one truncated."""
    if isinstance(x, int):
        return pow(x, y, 1 << 64) if y >= 0 else {1: 1, -1: -1 if y % 2 else 1}.get(x, 0)
    if isinstance(x, complex):
        return x**y if x or y.real > 0 or y == 0 else complex(NAN, NAN)
    odd = math.isfinite(y) and y % 2 == 1
    try:
        return math.pow(x, y)
    except (OverflowError, ValueError) as error:
        if isinstance(error, ValueError) and x:
            return NAN  # a root of a negative number
        return math.copysign(INF, x) if odd else INF


def maximum(x: Any, y: Any) -> Any:
    """Return the greater; NaN if either is."""
    return x if math.isnan(x) or x > y else y


def minimum(x: Any, y: Any) -> Any:
    """Return the lesser; NaN if either is."""
    return x if math.isnan(x) or x < y else y


def left_shift(x: int, y: int) -> int:
    """Return x << y, of which `write` keeps the low bits."""
    return x << y if 0 <= y < 64 else 0  # noqa: PLR2004 - the bits of the widest dtype


def right_shift(x: int, y: int) -> int:
    """Return x >> y; all sign bits where y is no number of bits."""
    return x >> y if 0 <= y < 64 else -(x < 0)  # noqa: PLR2004


def truth(compare: Callable[[bool, bool], bool]) -> Callable[[Any, Any], bool]:
    """Return a function of whether its arguments are other than 0."""
    return lambda x, y: compare(x != 0, y != 0)


UNARY: dict[str, Callable[[Any], Any]] = {
    "negative": operator.neg,
    "positive": operator.pos,
    "abs": abs,
    "sign": sign,
    "signbit": lambda x: math.copysign(1, x) < 0,
    "conj": lambda x: x.conjugate(),
    "real": lambda x: x.real,
    "imag": lambda x: x.imag,
    "square": lambda x: x * x,
    "sqrt": sqrt,
    "rsqrt": lambda x: divide(1.0, sqrt(x)),
    "reciprocal": partial(divide, 1.0),
    "exp": on_floats("exp"),
    "expm1": expm1,
    "log": logarithm("log"),
    "log2": logarithm("log2"),
    "log10": logarithm("log10"),
    "log1p": log1p,
    "sin": on_floats("sin"),
    "cos": on_floats("cos"),
    "tan": on_floats("tan"),
    "asin": on_floats("asin"),
    "acos": on_floats("acos"),
    "atan": on_floats("atan"),
    "sinh": hyperbolic("sinh"),
    "cosh": on_floats("cosh"),
    "tanh": on_floats("tanh"),
    "asinh": on_floats("asinh"),
    "acosh": on_floats("acosh"),
    "atanh": atanh,
    "sigmoid": sigmoid,
    "erf": math.erf,
    "gelu": lambda x: x * (math.erfc(-x * math.sqrt(0.5)) / 2),
    "gelu_tanh": lambda x: x * sigmoid(math.sqrt(8 / math.pi) * (x + 0.044715 * x * x * x)),
    "silu": lambda x: x * sigmoid(x),
    "softplus": lambda x: max(x, 0.0) + math.log1p(math.exp(-abs(x))),
    "relu": lambda x: 0 if x < 0 else x,
    "floor": partial(whole, math.floor),
    "ceil": partial(whole, math.ceil),
    "trunc": partial(whole, math.trunc),
    "round": lambda x: (
        complex(whole(round, x.real), whole(round, x.imag)) if isinstance(x, complex) else whole(round, x)
    ),
    "isnan": cmath.isnan,
    "isinf": cmath.isinf,
    "isfinite": cmath.isfinite,
    "logical_not": lambda x: x == 0,
    "bitwise_invert": operator.invert,
}

BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": divide,
    "floor_divide": floor_divide,
    "remainder": remainder,
    "pow": power,
    "maximum": maximum,
    "minimum": minimum,
    "atan2": math.atan2,
    "hypot": math.hypot,
    "logaddexp": logaddexp,
    "copysign": math.copysign,
    "equal": operator.eq,
    "not_equal": operator.ne,
    "less": operator.lt,
    "less_equal": operator.le,
    "greater": operator.gt,
    "greater_equal": operator.ge,
    "logical_and": truth(lambda x, y: x and y),
    "logical_or": truth(lambda x, y: x or y),
    "logical_xor": truth(lambda x, y: x != y),
    "bitwise_and": lambda x, y: x & y,
    "bitwise_or": lambda x, y: x | y,
    "bitwise_xor": lambda x, y: x ^ y,
    "bitwise_left_shift": left_shift,
    "bitwise_right_shift": right_shift,
}
