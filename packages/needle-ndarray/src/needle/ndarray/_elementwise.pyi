"""The elementwise functions. Written by tools/stubs.py from cpp/ops/elementwise.inc."""
# ruff: noqa: D403 - x is a name

from needle.ndarray._core import NDArray, Operand

__all__ = [
    "abs",
    "acos",
    "acosh",
    "add",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "bitwise_and",
    "bitwise_invert",
    "bitwise_left_shift",
    "bitwise_or",
    "bitwise_right_shift",
    "bitwise_xor",
    "ceil",
    "conj",
    "copysign",
    "cos",
    "cosh",
    "divide",
    "equal",
    "erf",
    "exp",
    "expm1",
    "floor",
    "floor_divide",
    "gelu",
    "gelu_tanh",
    "greater",
    "greater_equal",
    "hypot",
    "imag",
    "isfinite",
    "isinf",
    "isnan",
    "less",
    "less_equal",
    "log",
    "log1p",
    "log2",
    "log10",
    "logaddexp",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "maximum",
    "minimum",
    "multiply",
    "negative",
    "nextafter",
    "not_equal",
    "positive",
    "pow",
    "real",
    "reciprocal",
    "relu",
    "remainder",
    "round",
    "rsqrt",
    "sigmoid",
    "sign",
    "signbit",
    "silu",
    "sin",
    "sinh",
    "softplus",
    "sqrt",
    "square",
    "subtract",
    "tan",
    "tanh",
    "trunc",
]

def positive(x: NDArray, /, *, out: NDArray | None = None) -> NDArray:
    """x itself, as a new array."""

def negative(x: NDArray, /, *, out: NDArray | None = None) -> NDArray:
    """-x."""

def abs(x: NDArray, /, *, out: NDArray | None = None) -> NDArray:
    """The absolute value of x; of a complex x, its distance from 0."""

def sign(x: NDArray, /, *, out: NDArray | None = None) -> NDArray:
    """-1, 0 or 1 by the sign of x, of a complex x x / abs(x); NaN stays NaN."""

def signbit(x: NDArray, /, *, out: NDArray | None = None) -> NDArray:
    """True where x has a minus sign, as -0.0 and some NaN have."""

def conj(x: NDArray, /, *, out: NDArray | None = None) -> NDArray:
    """The complex conjugate of x; a real x itself."""

def real(x: NDArray, /, *, out: NDArray | None = None) -> NDArray:
    """The real part of x, as a new array; a real x itself."""

def imag(x: NDArray, /, *, out: NDArray | None = None) -> NDArray:
    """The imaginary part of x, as a new array; 0 for a real x."""

def square(x: NDArray, /, *, out: NDArray | None = None) -> NDArray:
    """x * x."""

def sqrt(x: NDArray, /, *, out: NDArray | None = None) -> NDArray:
    """The square root of x; NaN below 0, unless x is complex."""

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

def log2(x: NDArray, /, *, out: NDArray | None = None) -> NDArray:
    """The logarithm of x to base 2."""

def log10(x: NDArray, /, *, out: NDArray | None = None) -> NDArray:
    """The logarithm of x to base 10."""

def log1p(x: NDArray, /, *, out: NDArray | None = None) -> NDArray:
    """log(1 + x), accurate near 0."""

def sin(x: NDArray, /, *, out: NDArray | None = None) -> NDArray:
    """The sine of x, in radians."""

def cos(x: NDArray, /, *, out: NDArray | None = None) -> NDArray:
    """The cosine of x, in radians."""

def tan(x: NDArray, /, *, out: NDArray | None = None) -> NDArray:
    """The tangent of x, in radians."""

def asin(x: NDArray, /, *, out: NDArray | None = None) -> NDArray:
    """The angle in [-pi/2, pi/2] whose sine is x; NaN outside of [-1, 1]."""

def acos(x: NDArray, /, *, out: NDArray | None = None) -> NDArray:
    """The angle in [0, pi] whose cosine is x; NaN outside of [-1, 1]."""

def atan(x: NDArray, /, *, out: NDArray | None = None) -> NDArray:
    """The angle in [-pi/2, pi/2] whose tangent is x."""

def sinh(x: NDArray, /, *, out: NDArray | None = None) -> NDArray:
    """The hyperbolic sine of x."""

def cosh(x: NDArray, /, *, out: NDArray | None = None) -> NDArray:
    """The hyperbolic cosine of x."""

def tanh(x: NDArray, /, *, out: NDArray | None = None) -> NDArray:
    """The hyperbolic tangent of x."""

def asinh(x: NDArray, /, *, out: NDArray | None = None) -> NDArray:
    """The number whose hyperbolic sine is x."""

def acosh(x: NDArray, /, *, out: NDArray | None = None) -> NDArray:
    """The number >= 0 whose hyperbolic cosine is x; NaN below 1."""

def atanh(x: NDArray, /, *, out: NDArray | None = None) -> NDArray:
    """The number whose hyperbolic tangent is x; NaN outside of [-1, 1]."""

def sigmoid(x: NDArray, /, *, out: NDArray | None = None) -> NDArray:
    """The logistic function 1 / (1 + exp(-x))."""

def erf(x: NDArray, /, *, out: NDArray | None = None) -> NDArray:
    """The error function: 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x."""

def relu(x: NDArray, /, *, out: NDArray | None = None) -> NDArray:
    """max(x, 0)."""

def gelu(x: NDArray, /, *, out: NDArray | None = None) -> NDArray:
    """x times the share of the standard normal distribution below x."""

def gelu_tanh(x: NDArray, /, *, out: NDArray | None = None) -> NDArray:
    """x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3))), which is near to gelu."""

def silu(x: NDArray, /, *, out: NDArray | None = None) -> NDArray:
    """x * sigmoid(x), which is also called swish."""

def softplus(x: NDArray, /, *, out: NDArray | None = None) -> NDArray:
    """log(1 + exp(x)), without overflow on the way."""

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

def hypot(x: Operand, y: Operand, /, *, out: NDArray | None = None) -> NDArray:
    """sqrt(x * x + y * y), without overflow on the way."""

def logaddexp(x: Operand, y: Operand, /, *, out: NDArray | None = None) -> NDArray:
    """log(exp(x) + exp(y)), without overflow on the way."""

def copysign(x: Operand, y: Operand, /, *, out: NDArray | None = None) -> NDArray:
    """x with the sign of y."""

def nextafter(x: Operand, y: Operand, /, *, out: NDArray | None = None) -> NDArray:
    """The number of the dtype next to x in the direction of y."""

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
