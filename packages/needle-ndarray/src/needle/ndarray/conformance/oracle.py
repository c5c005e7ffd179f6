"""What each elementwise op gives, from its definition: with Python's integers, or in more digits and then rounded.

Nothing here is shared with a backend. Each line says which kinds of dtype the op takes (b, i, f: bool, integers,
floats), its definition, and by how many units in the last place of a float32 or float64 a backend may err: none, unless
the function is transcendental. Halves are computed in float32, so that one unit in the last place is enough for them.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from needle.ndarray.conformance.elements import FLOATS, HALVES, Array, decode, encode

Function = Callable[[Any], Any] | Callable[[Any, Any], Any]


class Op(NamedTuple):
    takes: str
    of_floats: Function | None
    of_integers: Function | None = None
    ulps: int = 0
    boolean: bool = False
    domain: Callable[[Array], Array] | None = None
    """Maps any numbers to such as the contract defines the op for."""

    def admits(self, dtype: str) -> bool:
        return ("f" if dtype in FLOATS else "b" if dtype == "bool" else "i") in self.takes

    def __call__(self, dtype: str, *operands: Array) -> Array:
        """Return the elements that the op must give, or must be near to."""
        numbers = [decode(x, dtype) for x in operands]
        result = "bool" if self.boolean else dtype
        function: Any = self.of_floats if dtype in FLOATS else self.of_integers
        assert function, f"the op is not defined for {dtype}"
        if dtype not in FLOATS:
            return encode(np.frompyfunc(function, len(numbers), 1)(*numbers), result)
        if self.ulps and dtype == "float64":
            numbers = [x.astype(np.longdouble) for x in numbers]
        with np.errstate(all="ignore"):
            if result in HALVES:  # computed in float32, and then rounded to the half
                return encode(encode(function(*numbers), "float32"), result)
            return encode(function(*numbers), result)

    def tolerance(self, dtype: str) -> dict[str, float]:
        """Return the arguments of `kit.compare`. Where a result is below the smallest normal number, 0 will do."""
        if not self.ulps:
            return {}
        absolute = np.finfo(np.float64 if dtype == "float64" else np.float32).tiny
        return {"ulps": 1 if dtype in HALVES else self.ulps, "absolute": float(absolute)}


def both(function: Function, takes: str = "if") -> Op:
    return Op(takes, function, function)


def split(of_floats: Function, of_integers: Function, domain: Callable[[Array], Array] | None = None) -> Op:
    return Op("if", of_floats, of_integers, domain=domain)


def real(function: Function, ulps: int = 0, domain: Callable[[Array], Array] | None = None) -> Op:
    return Op("f", function, ulps=ulps, domain=domain)


def integral(function: Function, takes: str = "bi") -> Op:
    return Op(takes, None, function)


def predicate(function: Function, of_integers: Function | None = None, takes: str = "bif") -> Op:
    return Op(takes, function, of_integers or function, boolean=True)


def extreme(greater: Callable[[Any, Any], Any]) -> Op:
    def choose(x: Array, y: Array) -> Array:
        return np.where(np.isnan(x) | np.isnan(y), np.nan, np.where(greater(x, y), x, y))

    return split(choose, lambda x, y: x if greater(x, y) else y)


def angle(x: Array) -> Array:
    return np.where(np.isfinite(x), np.clip(x, -30, 30), x)


def quotient(x: Array) -> Array:
    """Finite numbers whose quotients are far below the greatest exact integer."""
    return np.round(np.clip(np.nan_to_num(x), -100, 100) * 8) / 8


def float_remainder(x: Array, y: Array) -> Array:
    rest = np.fmod(x, y)
    return np.where((rest != 0) & ((rest < 0) != (y < 0)), rest + y, rest)


def float_floor_divide(x: Array, y: Array) -> Array:
    return np.where(y == 0, x / y, np.rint((x - float_remainder(x, y)) / y))


def integer_pow(x: int, y: int) -> int:
    if y >= 0:
        return pow(x, y, 2**64)  # dtypes of fewer bits keep the low ones
    return {1: 1, -1: -1 if y % 2 else 1}.get(x, 0)


UNARY = {
    "negative": both(operator.neg),
    "abs": both(abs),
    "sign": split(np.sign, lambda x: (x > 0) - (x < 0)),
    "square": both(lambda x: x * x),
    "sqrt": real(np.sqrt),
    "reciprocal": real(lambda x: 1 / x),
    "exp": real(np.exp, 4),
    "expm1": real(np.expm1, 4),
    "log": real(np.log, 4),
    "log1p": real(np.log1p, 4),
    "sin": real(np.sin, 4, angle),
    "cos": real(np.cos, 4, angle),
    "tan": real(np.tan, 8, angle),
    "tanh": real(np.tanh, 6),
    "sigmoid": real(lambda x: 1 / (1 + np.exp(-x)), 6),
    "erf": real(np.vectorize(math.erf, otypes=[np.float64]), 6),
    "relu": split(lambda x: np.where(x < 0, 0, x), lambda x: max(x, 0)),
    "floor": split(np.floor, int),
    "ceil": split(np.ceil, int),
    "trunc": split(np.trunc, int),
    "round": split(np.rint, int),
    "isnan": predicate(np.isnan, lambda _: False, "if"),
    "isinf": predicate(np.isinf, lambda _: False, "if"),
    "isfinite": predicate(np.isfinite, lambda _: True, "if"),
    "logical_not": predicate(lambda x: x == 0),
    "bitwise_invert": integral(operator.invert),
}

BINARY = {
    "add": both(operator.add),
    "subtract": both(operator.sub),
    "multiply": both(operator.mul),
    "divide": real(lambda x, y: x / y),
    "floor_divide": split(float_floor_divide, lambda x, y: x // y if y else 0, quotient),
    "remainder": split(float_remainder, lambda x, y: x % y if y else 0, quotient),
    "pow": Op("if", np.power, integer_pow, 16),
    "maximum": extreme(operator.gt),
    "minimum": extreme(operator.lt),
    "atan2": real(np.arctan2, 6),
    "equal": predicate(operator.eq),
    "not_equal": predicate(operator.ne),
    "less": predicate(operator.lt),
    "less_equal": predicate(operator.le),
    "greater": predicate(operator.gt),
    "greater_equal": predicate(operator.ge),
    "logical_and": predicate(lambda x, y: (x != 0) & (y != 0)),
    "logical_or": predicate(lambda x, y: (x != 0) | (y != 0)),
    "logical_xor": predicate(lambda x, y: (x != 0) ^ (y != 0)),
    "bitwise_and": integral(lambda x, y: x & y),
    "bitwise_or": integral(lambda x, y: x | y),
    "bitwise_xor": integral(lambda x, y: x ^ y),
    "bitwise_left_shift": integral(lambda x, y: x << y if 0 <= y < 64 else 0, "i"),
    "bitwise_right_shift": integral(lambda x, y: x >> (y if 0 <= y < 64 else 64), "i"),
}


def find(name: str) -> Op:
    """Return the op of a name. One that has no line here yet is compared with the numpy backend's, in float64."""
    return (UNARY | BINARY).get(name) or _by_numpy_backend(name)


def _by_numpy_backend(name: str) -> Op:
    from needle import ndarray as nd  # noqa: PLC0415 - needed for ops newer than this file alone
    from needle.ndarray.backends import numpy as reference  # noqa: PLC0415

    arity = 1 if name in reference.UNARY else 2
    function: Any = reference.UNARY.get(name) or reference.BINARY[name]
    takes, boolean = "", False
    for kind, dtype in (("b", nd.bool), ("i", nd.int32), ("f", nd.float32)):
        try:
            result = getattr(nd, name)(*[nd.ones((1,), dtype=dtype, device="numpy")] * arity)
        except TypeError:  # the front says which kinds the op takes
            continue
        takes += kind if result.dtype in (dtype, nd.bool) else ""
        boolean = boolean or (result.dtype is not dtype and result.dtype is nd.bool)
    takes = takes.replace("b", "") if boolean else takes  # the front would cast a bool; the op may not take it

    def of_integers(*numbers: int) -> Any:
        return function(*(np.asarray(n) for n in numbers))

    return Op(takes, function, of_integers, 4, boolean)
