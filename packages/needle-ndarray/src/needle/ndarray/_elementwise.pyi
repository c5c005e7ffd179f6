"""The elementwise functions. Written by tools/stubs.py from cpp/ops/elementwise.inc."""
# ruff: noqa: D403 - x is a name

from needle.ndarray._core import NDArray, Operand

__all__ = [
    "abs",
    "add",
    "atan2",
    "bitwise_and",
    "bitwise_invert",
    "bitwise_left_shift",
    "bitwise_or",
    "bitwise_right_shift",
    "bitwise_xor",
    "ceil",
    "cos",
    "divide",
    "equal",
    "erf",
    "exp",
    "expm1",
    "floor",
    "floor_divide",
    "greater",
    "greater_equal",
    "isfinite",
    "isinf",
    "isnan",
    "less",
    "less_equal",
    "log",
    "log1p",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "maximum",
    "minimum",
    "multiply",
    "negative",
    "not_equal",
    "pow",
    "reciprocal",
    "relu",
    "remainder",
    "round",
    "rsqrt",
    "sigmoid",
    "sign",
    "sin",
    "sqrt",
    "square",
    "subtract",
    "tan",
    "tanh",
    "trunc",
]

def negative(x: NDArray, /, *, out: NDArray | None = None) -> NDArray:
    """-x."""

def abs(x: NDArray, /, *, out: NDArray | None = None) -> NDArray:
    """The absolute value of x."""

def sign(x: NDArray, /, *, out: NDArray | None = None) -> NDArray:
    """-1, 0 or 1 by the sign of x; NaN stays NaN."""

def square(x: NDArray, /, *, out: NDArray | None = None) -> NDArray:
    """x * x."""

def sqrt(x: NDArray, /, *, out: NDArray | None = None) -> NDArray:
    """The square root of x; NaN below 0."""

def rsqrt(x: NDArray, /, *, out: NDArray | None = None) -> NDArray:
    """1 / sqrt(x); NaN below 0."""

def reciprocal(x: NDArray, /, *, out: NDArray | None = None) -> NDArray:
    """1 / x."""

def exp(x: NDArray, /, *, out: NDArray | None = None) -> NDArray:
    """e to the power x."""

def expm1(x: NDArray, /, *, out: NDArray | None = None) -> NDArray:
    """exp(x) - 1, accurate near 0."""

def log(x: NDArray, /, *, out: NDArray | None = None) -> NDArray:
    """The natural logarithm of x."""

def log1p(x: NDArray, /, *, out: NDArray | None = None) -> NDArray:
    """log(1 + x), accurate near 0."""

def sin(x: NDArray, /, *, out: NDArray | None = None) -> NDArray:
    """The sine of x, in radians."""

def cos(x: NDArray, /, *, out: NDArray | None = None) -> NDArray:
    """The cosine of x, in radians."""

def tan(x: NDArray, /, *, out: NDArray | None = None) -> NDArray:
    """The tangent of x, in radians."""

def tanh(x: NDArray, /, *, out: NDArray | None = None) -> NDArray:
    """The hyperbolic tangent of x."""

def sigmoid(x: NDArray, /, *, out: NDArray | None = None) -> NDArray:
    """The logistic function 1 / (1 + exp(-x))."""

def erf(x: NDArray, /, *, out: NDArray | None = None) -> NDArray:
    """The error function: 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x."""

def relu(x: NDArray, /, *, out: NDArray | None = None) -> NDArray:
    """max(x, 0)."""

def floor(x: NDArray, /, *, out: NDArray | None = None) -> NDArray:
    """The greatest integer not above x."""

def ceil(x: NDArray, /, *, out: NDArray | None = None) -> NDArray:
    """The least integer not below x."""

def trunc(x: NDArray, /, *, out: NDArray | None = None) -> NDArray:
    """x without its fraction."""

def round(x: NDArray, /, *, out: NDArray | None = None) -> NDArray:
    """The nearest integer; halves go to the even one."""

def isnan(x: NDArray, /, *, out: NDArray | None = None) -> NDArray:
    """True where x is NaN."""

def isinf(x: NDArray, /, *, out: NDArray | None = None) -> NDArray:
    """True where x is an infinity."""

def isfinite(x: NDArray, /, *, out: NDArray | None = None) -> NDArray:
    """True where x is neither NaN nor an infinity."""

def logical_not(x: NDArray, /, *, out: NDArray | None = None) -> NDArray:
    """True where x is 0."""

def bitwise_invert(x: NDArray, /, *, out: NDArray | None = None) -> NDArray:
    """Every bit of x flipped; for bool, not x."""

def add(x: Operand, y: Operand, /, *, out: NDArray | None = None) -> NDArray:
    """x + y."""

def subtract(x: Operand, y: Operand, /, *, out: NDArray | None = None) -> NDArray:
    """x - y."""

def multiply(x: Operand, y: Operand, /, *, out: NDArray | None = None) -> NDArray:
    """x * y."""

def divide(x: Operand, y: Operand, /, *, out: NDArray | None = None) -> NDArray:
    """x / y."""

def floor_divide(x: Operand, y: Operand, /, *, out: NDArray | None = None) -> NDArray:
    """x / y rounded down, exactly; for integers, 0 where y is 0."""

def remainder(x: Operand, y: Operand, /, *, out: NDArray | None = None) -> NDArray:
    """x - y * floor(x / y), exactly, with y's sign; for integers, 0 where y is 0."""

def pow(x: Operand, y: Operand, /, *, out: NDArray | None = None) -> NDArray:
    """x to the power y; an integer to a negative power is truncated towards 0."""

def maximum(x: Operand, y: Operand, /, *, out: NDArray | None = None) -> NDArray:
    """The greater of x and y; NaN if either is."""

def minimum(x: Operand, y: Operand, /, *, out: NDArray | None = None) -> NDArray:
    """The lesser of x and y; NaN if either is."""

def atan2(x: Operand, y: Operand, /, *, out: NDArray | None = None) -> NDArray:
    """The angle of the point (y, x), in radians: x is the ordinate."""

def equal(x: Operand, y: Operand, /, *, out: NDArray | None = None) -> NDArray:
    """x == y."""

def not_equal(x: Operand, y: Operand, /, *, out: NDArray | None = None) -> NDArray:
    """x != y."""

def less(x: Operand, y: Operand, /, *, out: NDArray | None = None) -> NDArray:
    """x < y."""

def less_equal(x: Operand, y: Operand, /, *, out: NDArray | None = None) -> NDArray:
    """x <= y."""

def greater(x: Operand, y: Operand, /, *, out: NDArray | None = None) -> NDArray:
    """x > y."""

def greater_equal(x: Operand, y: Operand, /, *, out: NDArray | None = None) -> NDArray:
    """x >= y."""

def logical_and(x: Operand, y: Operand, /, *, out: NDArray | None = None) -> NDArray:
    """True where neither is 0."""

def logical_or(x: Operand, y: Operand, /, *, out: NDArray | None = None) -> NDArray:
    """True where one of them is not 0."""

def logical_xor(x: Operand, y: Operand, /, *, out: NDArray | None = None) -> NDArray:
    """True where just one of them is not 0."""

def bitwise_and(x: Operand, y: Operand, /, *, out: NDArray | None = None) -> NDArray:
    """x & y, bit by bit."""

def bitwise_or(x: Operand, y: Operand, /, *, out: NDArray | None = None) -> NDArray:
    """x | y, bit by bit."""

def bitwise_xor(x: Operand, y: Operand, /, *, out: NDArray | None = None) -> NDArray:
    """x ^ y, bit by bit."""

def bitwise_left_shift(x: Operand, y: Operand, /, *, out: NDArray | None = None) -> NDArray:
    """x << y; 0 where y is not in [0, bits)."""

def bitwise_right_shift(x: Operand, y: Operand, /, *, out: NDArray | None = None) -> NDArray:
    """x >> y, arithmetic; all sign bits where y is not in [0, bits)."""
