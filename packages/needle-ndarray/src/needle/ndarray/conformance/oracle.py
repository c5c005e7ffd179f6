"""What each elementwise op gives, from its definition: with Python's integers, or in more digits and then rounded.

Nothing here is shared with a backend. Each line says which kinds of dtype the op takes (b, i, f: bool, integers,
floats; c: complex), its definition, and by how many units in the last place of a float32 or float64 a backend may err:
none, unless the function is transcendental. Halves are computed in float32, so that one unit in the last place is
enough for them. Complex results may be off by 16 units in the last place of their absolute value.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from needle.ndarray.conformance.elements import (
    COMPLEX,
    FLOATS,
    HALVES,
    INEXACT,
    INTEGERS,
    Array,
    complex_of,
    component,
    decode,
    encode,
    storage,
)

SQRT_HALF = np.sqrt(np.longdouble(0.5))
SLOPE = np.sqrt(8 / np.longdouble("3.14159265358979323846264338327950288"))
CUBIC = np.longdouble("0.044715")

Function = Callable[[Any], Any] | Callable[[Any, Any], Any]


class Op(NamedTuple):
    takes: str
    of_floats: Function | None
    of_integers: Function | None = None
    ulps: int = 0
    boolean: bool = False
    domain: Callable[[Array], Array] | None = None
    """Maps any floats to such as the contract defines the op for; complex numbers always go through `near`."""
    component: bool = False

    def admits(self, dtype: str) -> bool:
        kinds = {"f": FLOATS, "c": COMPLEX, "b": ("bool",), "i": INTEGERS}
        return any(dtype in kinds[kind] for kind in self.takes)

    def result(self, dtype: str) -> str:
        return "bool" if self.boolean else component(dtype) if self.component else dtype

    def __call__(self, dtype: str, *operands: Array) -> Array:
        """Return the elements that the op must give, or must be near to."""
        numbers = [decode(x, dtype) for x in operands]
        result = self.result(dtype)
        function: Any = self.of_floats if dtype in INEXACT else self.of_integers
        assert function, f"the op is not defined for {dtype}"
        if dtype not in INEXACT:
            return encode(np.frompyfunc(function, len(numbers), 1)(*numbers), result)
        if dtype == "complex128":
            numbers = [x.astype(np.clongdouble) for x in numbers]
        elif self.ulps and dtype == "float64":
            numbers = [x.astype(np.longdouble) for x in numbers]
        with np.errstate(all="ignore"):
            if result in HALVES:  # computed in float32, and then rounded to the half
                return encode(encode(function(*numbers), "float32"), result)
            return encode(function(*numbers), result)

    def tolerance(self, dtype: str) -> dict[str, float]:
        """Return the arguments of `kit.compare`. Where a result is below the smallest normal number, 0 will do."""
        if self.boolean or not (self.ulps or dtype in COMPLEX):
            return {}
        absolute = np.finfo(np.float64 if component(dtype) == "float64" else np.float32).tiny
        ulps = 1 if dtype in HALVES else 16 if dtype in COMPLEX else self.ulps
        return {"ulps": ulps, "absolute": float(absolute)}


class Neighbour(Op):
    """nextafter: elements, as integers, in the order of the numbers; one step."""

    def __call__(self, dtype: str, *operands: Array) -> Array:
        x, y = (decode(elements, dtype) for elements in operands)
        kind = f"i{storage(dtype).itemsize}"
        bits = operands[0].view(kind).astype(np.int64)
        order = _mirrored(bits, kind) + (y > x) - (y < x)
        bits = _mirrored(order, kind).astype(kind).view(storage(dtype))
        return np.where(np.isnan(x) | np.isnan(y), encode(np.array(np.nan), dtype), np.where(x == y, operands[1], bits))


def _mirrored(n: Array, kind: str) -> Array:
    """Return negative integers in the opposite order: 0 for the least of that kind."""
    return np.where(n < 0, np.iinfo(kind).min - np.minimum(n, 0), n)


def both(function: Function, takes: str = "ifc", *, component: bool = False) -> Op:
    return Op(takes, function, function, component=component)


def split(of_floats: Function, of_integers: Function, domain: Callable[[Array], Array] | None = None) -> Op:
    return Op("if", of_floats, of_integers, domain=domain)


def real(function: Function, ulps: int = 0, domain: Callable[[Array], Array] | None = None) -> Op:
    return Op("f", function, ulps=ulps, domain=domain)


def analytic(function: Function, ulps: int = 0, domain: Callable[[Array], Array] | None = None) -> Op:
    return Op("fc", function, ulps=ulps, domain=domain)


def integral(function: Function, takes: str = "bi") -> Op:
    return Op(takes, None, function)


def predicate(function: Function, of_integers: Function | None = None, takes: str = "bifc") -> Op:
    return Op(takes, function, of_integers or function, boolean=True)


def extreme(greater: Callable[[Any, Any], Any]) -> Op:
    def choose(x: Array, y: Array) -> Array:
        return np.where(np.isnan(x) | np.isnan(y), np.nan, np.where(greater(x, y), x, y))

    return split(choose, lambda x, y: x if greater(x, y) else y)


def near(x: Array) -> Array:
    """Complex numbers at which all functions are far from overflow and underflow, and none loses its digits."""
    x = np.where(np.isfinite(x), x, 0.5 - 2j)
    parts = [np.where((abs(p) < 4) & (abs(p) > 0.01) | (p == 0), p, np.sin(p % 1 + 0.1)) for p in (x.real, x.imag)]
    return complex_of(*parts)


def angle(x: Array) -> Array:
    return np.where(np.isfinite(x), np.clip(x, -30, 30), x)


def positive(x: Array) -> Array:
    """Finite numbers between which nothing cancels."""
    return np.where(np.isfinite(x), abs(x), x)


def with_short_tail(x: Array) -> Array:
    """Numbers for functions whose condition grows below 0."""
    return np.where(x < -1, x / 64, x)


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


erf = np.vectorize(math.erf, otypes=[np.float64])

UNARY = {
    "negative": both(operator.neg),
    "abs": both(abs, component=True),
    "sign": Op("ifc", np.sign, lambda x: (x > 0) - (x < 0)),
    "signbit": predicate(np.signbit, takes="f"),
    "positive": both(lambda x: x),
    "conj": Op("ifc", np.conj, lambda x: x),
    "real": Op("ifc", np.real, lambda x: x, component=True),
    "imag": Op("ifc", np.imag, lambda _: 0, component=True),
    "square": both(lambda x: x * x),
    "sqrt": analytic(np.sqrt),
    "reciprocal": analytic(lambda x: 1 / x),
    "exp": analytic(np.exp, 4),
    "expm1": analytic(lambda x: np.expm1(x) if x.dtype.kind == "f" else np.exp(x) - 1, 4),
    "log": analytic(np.log, 4),
    "log2": analytic(np.log2, 4),
    "log10": analytic(np.log10, 4),
    "log1p": analytic(lambda x: np.log1p(x) if x.dtype.kind == "f" else np.log(1 + x), 4),
    "sin": analytic(np.sin, 4, angle),
    "cos": analytic(np.cos, 4, angle),
    "tan": analytic(np.tan, 8, angle),
    "asin": analytic(np.arcsin, 4),
    "acos": analytic(np.arccos, 4),
    "atan": analytic(np.arctan, 4),
    "sinh": analytic(np.sinh, 6),
    "cosh": analytic(np.cosh, 6),
    "tanh": analytic(np.tanh, 6),
    "asinh": analytic(np.arcsinh, 6),
    "acosh": analytic(np.arccosh, 6),
    "atanh": analytic(np.arctanh, 6),
    "sigmoid": real(lambda x: 1 / (1 + np.exp(-x)), 6),
    "erf": real(erf, 6),
    "relu": split(lambda x: np.where(x < 0, 0, x), lambda x: max(x, 0)),
    "gelu": real(lambda x: x * (1 + erf(x * SQRT_HALF)) / 2, 128, with_short_tail),
    "gelu_tanh": real(lambda x: x / (1 + np.exp(-SLOPE * (x + CUBIC * x**3))), 16, with_short_tail),
    "silu": real(lambda x: x / (1 + np.exp(-x)), 8, with_short_tail),
    "softplus": real(lambda x: np.logaddexp(x, 0), 6),
    "floor": split(np.floor, int),
    "ceil": split(np.ceil, int),
    "trunc": split(np.trunc, int),
    "round": Op("ifc", np.rint, int),
    "isnan": predicate(np.isnan, lambda _: False, "ifc"),
    "isinf": predicate(np.isinf, lambda _: False, "ifc"),
    "isfinite": predicate(np.isfinite, lambda _: True, "ifc"),
    "logical_not": predicate(lambda x: x == 0),
    "bitwise_invert": integral(operator.invert),
}

BINARY = {
    "add": both(operator.add),
    "subtract": both(operator.sub),
    "multiply": both(operator.mul),
    "divide": analytic(lambda x, y: x / y),
    "floor_divide": split(float_floor_divide, lambda x, y: x // y if y else 0, quotient),
    "remainder": split(float_remainder, lambda x, y: x % y if y else 0, quotient),
    "pow": Op("ifc", np.power, integer_pow, 16),
    "maximum": extreme(operator.gt),
    "minimum": extreme(operator.lt),
    "atan2": real(np.arctan2, 6),
    "hypot": real(np.hypot, 2),
    "logaddexp": real(np.logaddexp, 4, positive),
    "copysign": real(np.copysign),
    "nextafter": Neighbour("f", None),
    "equal": predicate(operator.eq),
    "not_equal": predicate(operator.ne),
    "less": predicate(operator.lt, takes="bif"),
    "less_equal": predicate(operator.le, takes="bif"),
    "greater": predicate(operator.gt, takes="bif"),
    "greater_equal": predicate(operator.ge, takes="bif"),
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
    for kind, dtype in (("b", nd.bool), ("i", nd.int32), ("f", nd.float32), ("c", nd.complex64)):
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
