"""Every elementwise op of `needle.ndarray`, with its partial derivatives.

Kinks take a value between the slopes on both sides: 0 for `abs` and `relu` at 0, and `maximum` and `minimum` of equal
numbers give each half. The formulas are those of the tables of derivatives (NIST DLMF, sections 4 and 7).
"""

from __future__ import annotations

import math

import needle.ndarray as nd
from needle.autograd.creation import zeros_like
from needle.autograd.op import Params, Spec
from needle.autograd.ops.casts import astype
from needle.autograd.rules import ZERO, elementwise, linear, special
from needle.autograd.samples import Draw, Sample, integers, unary, uniform
from needle.autograd.tensor import Tensor

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
    "where",
]  # fmt: skip

INF = math.inf


def specials(draw: Draw) -> list[Sample]:
    """Return one tensor with all that is not an ordinary number."""
    return [Sample((draw.tensor([INF, -INF, math.nan, 0.0, 1.5], draw.dtype, (5,)),))]


def booleans(draw: Draw) -> list[Sample]:
    """Return two boolean tensors with all four pairs."""
    return [Sample(tuple(draw.tensor(bits, nd.bool, (4,)) for bits in ([0, 0, 1, 1], [0, 1, 0, 1])))]


def choices(draw: Draw) -> list[Sample]:
    """Return a condition, and tensors or a number to choose from."""
    condition = draw.tensor([1, 0, 0, 1, 0, 1], nd.bool, (2, 3))
    row = draw.tensor([1, 0, 1], nd.bool, (3,))
    return [
        Sample((condition, draw.uniform(2, 3), draw.uniform(2, 3))),
        Sample((row, draw.uniform(2, 1), draw.uniform(1, 3))),
        Sample((condition, draw.uniform(3), 0.5)),
        Sample((condition, 0.5, draw.uniform())),
    ]


def _rectify(x: float) -> float:
    return max(x, 0.0)


def _times_i(ct: Tensor, x: Spec) -> Tensor:
    """Return the gradient of the imaginary part, which is 0 for real ``x``."""
    return astype(ct, x.dtype) * 1j if x.dtype.kind == "complex" else zeros_like(ct)


def _logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x))


# Signs and rounding.
positive = elementwise("positive", 1)
negative = elementwise("negative", -1)
abs = elementwise("abs", lambda x: sign(x))
signbit = elementwise("signbit", ZERO)
copysign = elementwise("copysign", lambda out, x: sign(x) * sign(out), ZERO)
floor = elementwise("floor", ZERO)
ceil = elementwise("ceil", ZERO)
trunc = elementwise("trunc", ZERO)
round = elementwise("round", ZERO)
relu = elementwise("relu", lambda out: out > 0, reference=_rectify)

# Activations.
NORMAL, LOGISTIC, CUBIC = math.sqrt(0.5 / math.pi), math.sqrt(8 / math.pi), 0.044715


def _slope_of_gelu(x: Tensor) -> Tensor:
    """Return the share of the normal distribution below x, and x times its density."""
    return 0.5 + 0.5 * erf(x * math.sqrt(0.5)) + x * (NORMAL * exp(-0.5 * x * x))


def _slope_of_gelu_tanh(out: Tensor, x: Tensor) -> Tensor:
    """Return the slope of x * sigmoid(u), where u = LOGISTIC * (x + CUBIC * x^3)."""
    square_of_x = x * x
    share = sigmoid(LOGISTIC * x * (1 + CUBIC * square_of_x))
    return share + out * (1 - share) * (LOGISTIC * (1 + 3 * CUBIC * square_of_x))


def _slope_of_silu(out: Tensor, x: Tensor) -> Tensor:
    share = sigmoid(x)
    return share + out * (1 - share)


gelu = elementwise("gelu", _slope_of_gelu, reference=lambda x: x * math.erfc(-x * math.sqrt(0.5)) / 2)
gelu_tanh = elementwise("gelu_tanh", _slope_of_gelu_tanh,
                        reference=lambda x: x * _logistic(LOGISTIC * (x + CUBIC * x**3)))  # fmt: skip
silu = elementwise("silu", _slope_of_silu, reference=lambda x: x * _logistic(x))
softplus = elementwise("softplus", lambda x: sigmoid(x), reference=lambda x: math.log1p(math.exp(x)))


def sign(x: Tensor) -> Tensor:
    """Return -1, 0 or 1 by the sign of each element; of a complex one, its direction: x / abs(x), or 0.

    >>> sign(tensor([-3.0, 0.0, 2.0])).tolist()
    [-1.0, 0.0, 1.0]
    """
    return _sign(x)


def _turned(ct: Tensor, p: Params, out: Tensor, x: Tensor) -> Tensor:
    """Return the gradient, which for a complex number is 0 along its direction."""
    if x.dtype.kind != "complex":
        return zeros_like(ct)
    is_zero = x == 0
    across = ct - out * real(conj(out) * ct)
    return where(is_zero, 0.0, across / where(is_zero, 1.0, abs(x)))


# Special: of complex numbers, no function with a derivative in their sense.
_sign = special("sign", nd.sign, _turned, samples=uniform((-2, 2)), core=0)

# Parts of complex numbers, which are linear over the real ones.


def conjugate(x: Tensor) -> Tensor:
    """Return the complex conjugate; ``x`` itself where it is real."""
    return conj(x) if x.dtype.kind == "complex" else x


def conj(x: Tensor) -> Tensor:
    """Return the complex conjugate of each element; real ones stay as they are.

    >>> conj(tensor([1 + 2j])).tolist()
    [(1-2j)]
    """
    return _conj(x)


def real(x: Tensor) -> Tensor:
    """Return the real part of each element.

    >>> real(tensor([1 + 2j])).tolist()
    [1.0]
    """
    return _real(x)


def imag(x: Tensor) -> Tensor:
    """Return the imaginary part of each element, 0 for real ones.

    >>> imag(tensor([1 + 2j])).tolist()
    [2.0]
    """
    return _imag(x)


_conj = linear("conj", nd.conj, lambda ct, p, x: conj(ct), samples=unary((2, 3)), core=0)
_real = linear("real", nd.real, lambda ct, p, x: astype(ct, x.dtype, copy=False), samples=unary((2, 3)), core=0)
_imag = linear("imag", nd.imag, lambda ct, p, x: _times_i(ct, x), samples=unary((2, 3)), core=0)

# Powers.
square = elementwise("square", lambda x: 2 * x)
sqrt = elementwise("sqrt", lambda out: 0.5 / out, samples=uniform((0.1, 3)))
rsqrt = elementwise("rsqrt", lambda out, x: -0.5 * out / x, samples=uniform((0.2, 3)), reference=lambda x: x**-0.5)
reciprocal = elementwise("reciprocal", lambda out: -(out * out), samples=uniform((0.3, 3)))

# Exponentials.
exp = elementwise("exp", lambda out: out)
expm1 = elementwise("expm1", lambda out: out + 1)
log = elementwise("log", lambda x: reciprocal(x), samples=uniform((0.1, 3)))
log2 = elementwise("log2", lambda x: 1 / math.log(2) / x, samples=uniform((0.1, 3)))
log10 = elementwise("log10", lambda x: 1 / math.log(10) / x, samples=uniform((0.1, 3)))
log1p = elementwise("log1p", lambda x: reciprocal(x + 1), samples=uniform((-0.8, 3)))
logaddexp = elementwise("logaddexp", lambda x, y: sigmoid(x - y), lambda x, y: sigmoid(y - x))
sinh = elementwise("sinh", lambda x: cosh(x))
cosh = elementwise("cosh", lambda x: sinh(x))
asinh = elementwise("asinh", lambda x: rsqrt(x * x + 1))
acosh = elementwise("acosh", lambda x: rsqrt(x * x - 1), samples=uniform((1.3, 3)))
atanh = elementwise("atanh", lambda x: reciprocal(1 - x * x), samples=uniform((-0.8, 0.8)))
tanh = elementwise("tanh", lambda out: 1 - out * out)
sigmoid = elementwise("sigmoid", lambda out: out * (1 - out), reference=_logistic)
erf = elementwise("erf", lambda x: 2 / math.sqrt(math.pi) * exp(-(x * x)), reference=math.erf)

# Circular functions.
sin = elementwise("sin", lambda x: cos(x))
cos = elementwise("cos", lambda x: -sin(x))
tan = elementwise("tan", lambda out: 1 + out * out, samples=uniform((-1.2, 1.2)))
asin = elementwise("asin", lambda x: rsqrt(1 - x * x), samples=uniform((-0.8, 0.8)))
acos = elementwise("acos", lambda x: -rsqrt(1 - x * x), samples=uniform((-0.8, 0.8)))
atan = elementwise("atan", lambda x: reciprocal(x * x + 1))
atan2 = elementwise(
    "atan2", lambda x, y: y / (x * x + y * y), lambda x, y: -x / (x * x + y * y), samples=uniform((-2, 2), (0.3, 2))
)

# Arithmetic.
add = elementwise("add", 1, 1)
subtract = elementwise("subtract", 1, -1)
multiply = elementwise("multiply", lambda y: y, lambda x: x)
divide = elementwise("divide", lambda y: reciprocal(y), lambda out, y: -out / y,
                     samples=uniform((-2, 2), (0.3, 2)))  # fmt: skip
hypot = elementwise("hypot", lambda out, x: x / out, lambda out, y: y / out, samples=uniform((0.3, 2), (0.3, 2)))
nextafter = elementwise("nextafter", 1, ZERO)
floor_divide = elementwise("floor_divide", ZERO, ZERO, samples=uniform((-2, 2), (0.3, 0.9)))
remainder = elementwise("remainder", 1, lambda x, y: -floor_divide(x, y), samples=uniform((-2, 2), (0.3, 0.9)))


def _slope_of_power(x: Tensor, y: Tensor) -> Tensor:
    """Return y * x^(y - 1), which is 0 for y = 0 even where x is 0."""
    return y * x ** where(y == 0, 1.0, y - 1)


def _log_of_base(out: Tensor, x: Tensor) -> Tensor:
    """Return x^y * log(x), which is 0 for x = 0 and y > 0."""
    return out * log(where(x == 0, 1.0, x))


pow = elementwise("pow", _slope_of_power, _log_of_base, samples=uniform((0.3, 2), (-2, 2)))


def _share_of_greater(x: Tensor, y: Tensor) -> Tensor:
    """Return 1 where x > y, 0 where x < y, and 1/2 where they are equal."""
    return where(x == y, 0.5, astype(x > y, x.dtype))


maximum = elementwise("maximum", lambda x, y: _share_of_greater(x, y), lambda x, y: _share_of_greater(y, x))
minimum = elementwise("minimum", lambda x, y: _share_of_greater(y, x), lambda x, y: _share_of_greater(x, y))

# Choice.
where = elementwise(
    "where", None, lambda condition: condition, lambda condition: logical_not(condition), samples=choices
)

# Questions and comparisons.
isnan = elementwise("isnan", ZERO, samples=specials)
isinf = elementwise("isinf", ZERO, samples=specials)
isfinite = elementwise("isfinite", ZERO, samples=specials)
equal = elementwise("equal", ZERO, ZERO, samples=integers((0, 3), (0, 3)))
not_equal = elementwise("not_equal", ZERO, ZERO, samples=integers((0, 3), (0, 3)))
less = elementwise("less", ZERO, ZERO)
less_equal = elementwise("less_equal", ZERO, ZERO)
greater = elementwise("greater", ZERO, ZERO)
greater_equal = elementwise("greater_equal", ZERO, ZERO)

# Logic, and bits, of which no operand is floating.
logical_not = elementwise("logical_not", ZERO, samples=integers((0, 2)))
logical_and = elementwise("logical_and", ZERO, ZERO, samples=booleans)
logical_or = elementwise("logical_or", ZERO, ZERO, samples=booleans)
logical_xor = elementwise("logical_xor", ZERO, ZERO, samples=booleans)
bitwise_invert = elementwise("bitwise_invert", None, samples=integers((-9, 9)))
bitwise_and = elementwise("bitwise_and", None, None, samples=integers((-9, 9), (-9, 9)))
bitwise_or = elementwise("bitwise_or", None, None, samples=integers((-9, 9), (-9, 9)))
bitwise_xor = elementwise("bitwise_xor", None, None, samples=integers((-9, 9), (-9, 9)))
bitwise_left_shift = elementwise("bitwise_left_shift", None, None, samples=integers((-9, 9), (0, 5)))
bitwise_right_shift = elementwise("bitwise_right_shift", None, None, samples=integers((-9, 9), (0, 5)))

# The commonest operators go straight to their ops: a call less than by the methods that stand for them in `Operators`.
for _name, _function in {"__add__": add, "__sub__": subtract, "__mul__": multiply, "__truediv__": divide}.items():
    setattr(Tensor, _name, _function)
