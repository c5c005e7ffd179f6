"""The operations by name, on Python's numbers: an int for bool and the integers, a float for the floats.

Where IEEE 754 has a result, Python's `math` raises: `ieee` gives the result instead.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from functools import partial
from typing import Any

INF, NAN = math.inf, math.nan


def ieee(function: Callable[[float], float], x: float) -> float:
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


def divide(x: float, y: float) -> float:
    """Return x / y, also by 0."""
    if y:
        return x / y
    return NAN if x == 0 or math.isnan(x) else math.copysign(INF, x) * math.copysign(1, y)


def rsqrt(x: float) -> float:
    """Return 1 / sqrt(x)."""
    return divide(1.0, ieee(math.sqrt, x))


def log(x: float) -> float:
    """Return the natural logarithm."""
    return -INF if x == 0 else ieee(math.log, x)


def log1p(x: float) -> float:
    """Return log(1 + x)."""
    return -INF if x == -1 else ieee(math.log1p, x)


def sigmoid(x: float) -> float:
    """Return 1 / (1 + exp(-x))."""
    return 1 / (1 + ieee(math.exp, -x))


def sign(x: Any) -> Any:
    """Return -1, 0 or 1; NaN stays NaN."""
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
    "abs": abs,
    "sign": sign,
    "square": lambda x: x * x,
    "sqrt": partial(ieee, math.sqrt),
    "rsqrt": rsqrt,
    "reciprocal": partial(divide, 1.0),
    "exp": partial(ieee, math.exp),
    "expm1": partial(ieee, math.expm1),
    "log": log,
    "log1p": log1p,
    "sin": partial(ieee, math.sin),
    "cos": partial(ieee, math.cos),
    "tan": partial(ieee, math.tan),
    "tanh": math.tanh,
    "sigmoid": sigmoid,
    "erf": math.erf,
    "relu": lambda x: 0 if x < 0 else x,
    "floor": partial(whole, math.floor),
    "ceil": partial(whole, math.ceil),
    "trunc": partial(whole, math.trunc),
    "round": partial(whole, round),
    "isnan": math.isnan,
    "isinf": lambda x: abs(x) == INF,
    "isfinite": lambda x: x - x == 0,
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
