"""Complex arrays, from the front: numbers, promotion, order, ways in and out. The kit tests what each op gives."""

from __future__ import annotations

import math
import pickle
from typing import Any

import numpy as np
import pytest

from needle import ndarray as nd

COMPLEX = ("complex64", "complex128")


def parts(rng: np.random.Generator, *shape: int) -> Any:
    return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)


@pytest.mark.parametrize("name", COMPLEX)
def test_numbers_go_in_and_come_out(device: str, name: str) -> None:
    dtype = getattr(nd, name)
    x = nd.asarray([[1 + 2j, 3.5], [True, -4]], dtype, device)
    assert (x.dtype, dtype.kind, x.nbytes) == (dtype, "complex", 4 * dtype.itemsize)
    assert x.tolist() == [[1 + 2j, 3.5 + 0j], [1 + 0j, -4 + 0j]]
    assert complex(x[0, 0]) == x[0, 0].item() == 1 + 2j
    assert x[0, 1].item().__class__ is complex
    x[0] = 2 - 1j
    x[1, 1] = 3
    assert x.tolist() == [[2 - 1j, 2 - 1j], [1 + 0j, 3 + 0j]]
    assert nd.full((2,), -0.5j, dtype, device).tolist() == [-0.5j, -0.5j]
    assert nd.zeros(1, dtype, device).tolist() == [0j]
    assert bool(nd.asarray(1e-3j, dtype, device))
    assert complex(nd.asarray(2, device=device)) == 2


def test_the_dtype_of_complex_numbers(device: str) -> None:
    for value in (1j, [1j, 2], [[1.5, 2j]]):
        assert nd.asarray(value, device=device).dtype is nd.complex64
    assert nd.full(2, 1j, device=device).dtype is nd.complex64
    assert nd.asarray([1.5], nd.complex128, device).dtype is nd.complex128
    for dtype, expected in [
        (nd.bool, nd.complex64), (nd.int64, nd.complex64), (nd.uint8, nd.complex64), (nd.bfloat16, nd.complex64),
        (nd.float32, nd.complex64), (nd.float64, nd.complex128), (nd.complex128, nd.complex128),
    ]:  # fmt: skip
        x = nd.ones(2, dtype, device)
        assert (x * 1j).dtype is (1j + x).dtype is nd.result_type(x, 1j) is expected
        assert (x * 1j).tolist() == [1j, 1j]
    condition = nd.asarray([True, False], device=device)
    assert nd.where(condition, 1j, 2).tolist() == [1j, 2 + 0j]


def test_operators(device: str, rng: np.random.Generator) -> None:
    a, b = parts(rng, 3, 4), parts(rng, 4)
    x, y = nd.asarray(a, device=device), nd.asarray(b, device=device)
    for got, want in [
        (x + y, a + b), (x - 2j, a - 2j), (x * y, a * b), (1 / x, 1 / a), (x / y, a / b), (x**2, a**2), (2**x, 2**a),
        (-x, -a), (+x, +a), (abs(x), abs(a)), (x == y, a == b), (x != y, a != b), (x.T * 2.5, a.T * 2.5),
    ]:  # fmt: skip
        np.testing.assert_allclose(got.numpy(), want, rtol=1e-14)
        assert got.dtype.name == want.dtype.name
    want = a * 1j
    x *= 1j  # which writes into a, where the device can share its memory
    np.testing.assert_allclose(x.numpy(), want)


def test_parts(device: str) -> None:
    z = nd.asarray([1 - 2j, -3.5 + 0.5j], device=device)
    for got, want in [(nd.real(z), [1, -3.5]), (nd.imag(z), [-2, 0.5])]:
        assert (got.dtype, got.tolist()) == (nd.float32, want)
    assert nd.conj(z).tolist() == [1 + 2j, -3.5 - 0.5j]
    assert nd.abs(nd.asarray(3 + 4j, nd.complex128, device)).dtype is nd.float64
    n = nd.asarray([1, -2], device=device)
    assert nd.real(n).tolist() == nd.conj(n).tolist() == [1, -2]
    assert nd.imag(n).tolist() == [0, 0]
    out = nd.zeros(2, device=device)
    nd.real(z, out=out)
    assert out.tolist() == [1, -3.5]


def test_special_cases(device: str) -> None:
    inf, nan = float("inf"), float("nan")
    z = nd.asarray([complex(inf, nan), complex(nan, 1), complex(1, -inf), 2j], nd.complex128, device)
    assert nd.isinf(z).tolist() == [True, False, True, False]
    assert nd.isnan(z).tolist() == [True, True, False, False]
    assert nd.isfinite(z).tolist() == [False, False, False, True]
    assert nd.abs(z).tolist()[::2] == [inf, inf]
    assert nd.exp(nd.asarray(complex(-inf, nan), nd.complex128, device)).item() == 0
    assert nd.expm1(nd.asarray([complex(-inf, 1), complex(inf, 0)], nd.complex128, device)).tolist() == [-1, inf]
    assert str(nd.log1p(nd.asarray(complex(0, -0.0), nd.complex128, device)).item()) == "-0j"
    assert nd.sqrt(nd.asarray([complex(-1, 0.0), complex(-1, -0.0)], nd.complex128, device)).tolist() == [1j, -1j]
    assert nd.log(nd.asarray(-1 + 0j, nd.complex128, device)).item().imag == np.pi
    assert nd.sign(nd.asarray([0j, -3 + 4j], nd.complex128, device)).tolist() == [0j, -0.6 + 0.8j]
    assert nd.round(nd.asarray([1.5 - 2.5j], device=device)).tolist() == [2 - 2j]
    assert nd.pow(nd.asarray([0j, 1 + 2j], nd.complex128, device), 2).tolist() == [0j, -3 + 4j]


def test_small_numbers_keep_their_digits(device: str) -> None:
    z = nd.asarray([1e-20 + 1e-20j, -1e-9 + 2e-9j], nd.complex128, device)
    for function in (nd.expm1, nd.log1p):
        np.testing.assert_allclose(function(z).numpy(), z.numpy(), rtol=1e-8)


@pytest.mark.parametrize("name", COMPLEX)
def test_along_axes(device: str, rng: np.random.Generator, name: str) -> None:
    a = parts(rng, 3, 4, 5).astype(name)
    x = nd.asarray(a, device=device)
    for function, reference in [(nd.sum, np.sum), (nd.prod, np.prod), (nd.mean, np.mean)]:
        for axis in (None, 1, (0, 2)):
            got = function(x, axis=axis)
            np.testing.assert_allclose(got.numpy(), reference(a, axis=axis), rtol=1e-4)
            assert got.dtype.name == name
    np.testing.assert_allclose(nd.cumulative_sum(x, axis=1).numpy(), np.cumsum(a, 1), rtol=1e-4)
    np.testing.assert_allclose(nd.cumulative_prod(x, axis=2).numpy(), np.cumprod(a, 2), rtol=1e-4)
    assert nd.all(x).item()
    assert not nd.any(x * 0, axis=0).tolist()[0][0]
    assert nd.sum(nd.ones(3, device=device), dtype=nd.complex128).item() == 3


def test_matmul_and_indexing(device: str, rng: np.random.Generator) -> None:
    a, b = parts(rng, 2, 3, 4), parts(rng, 4, 5)
    x, y = nd.asarray(a, device=device), nd.asarray(b, device=device)
    np.testing.assert_allclose((x @ y).numpy(), a @ b, rtol=1e-13)
    np.testing.assert_allclose((nd.real(x) @ y).numpy(), a.real @ b, rtol=1e-13)
    index = nd.asarray([2, 0, 2], device=device)
    np.testing.assert_array_equal(nd.take(x, index, axis=1).numpy(), a[:, [2, 0, 2]])
    added = nd.scatter(y[:, 0], index, nd.asarray([1j, 2, 3j], nd.complex128, device), axis=0, op="add")
    np.testing.assert_allclose(added.numpy(), b[:, 0] + [2, 0, 4j, 0])


def test_what_has_no_order_or_would_lose_the_imaginary_parts(device: str) -> None:
    z = nd.asarray([1j, 2], device=device)
    for function in (nd.max, nd.min, nd.argmax, nd.argmin, nd.sort, nd.argsort):
        text = (
            rf"\[{function.__name__}\] complex numbers have no order; got complex64; expected a real dtype; hint: take"
        )
        with pytest.raises(TypeError, match=text):
            function(z)
    for function in (nd.less, nd.maximum, nd.floor_divide, nd.atan2):
        with pytest.raises(
            TypeError, match=rf"\[{function.__name__}\] the op does not take complex numbers; got complex64"
        ):
            function(z, z)
    with pytest.raises(
        TypeError, match=r"\[floor\] the op does not take complex numbers; got complex64; expected a real"
    ):
        nd.floor(z)
    with pytest.raises(TypeError, match=r"\[bitwise_and\] the op does not take this dtype; got complex64"):
        _ = z & z
    for dtype in (nd.float32, nd.int64, nd.float8_e5m2):
        with pytest.raises(TypeError, match=r"\[astype\] a cast would drop the imaginary parts; got complex64 to "):
            z.astype(dtype)
    assert z.astype(nd.bool).tolist() == [True, True]
    with pytest.raises(
        TypeError, match=r"\[sum\] the dtype of the result would drop the imaginary parts; got complex64"
    ):
        nd.sum(z, dtype=nd.float32)
    x = nd.ones(2, device=device)
    with pytest.raises(
        TypeError, match=r"\[setitem\] a complex number cannot become an element of a real array; got 0"
    ):
        x[0] = 2j
    with pytest.raises(
        TypeError, match=r"the value's dtype does not fit into the array's; got complex64; expected float3"
    ):
        x[...] = z
    for convert in (int, float):
        with pytest.raises(TypeError):
            convert(z[0])
    assert x.tolist() == [1, 1]


@pytest.mark.parametrize("name", COMPLEX)
def test_exchange_with_numpy(device: str, rng: np.random.Generator, name: str) -> None:
    a = parts(rng, 4, 3).astype(name)
    x = nd.asarray(a.T, device=device)
    assert x.dtype.name == name
    back = x.numpy()
    np.testing.assert_array_equal(back, a.T, strict=True)
    assert x.to_bytes() == a.T.tobytes()
    assert pickle.loads(pickle.dumps(x.dtype)) is x.dtype
    if device == "cpu":
        assert memoryview(x).format == {"complex64": "Zf", "complex128": "Zd"}[name]
        assert np.shares_memory(back, x.numpy())
    assert nd.asarray(x, device="numpy").tolist() == a.T.tolist()


def test_ranges_and_constants(device: str) -> None:
    assert nd.arange(3, dtype=nd.complex64, device=device).tolist() == [0, 1, 2]
    assert nd.eye(2, dtype=nd.complex128, device=device).tolist() == [[1, 0], [0, 1]]
    assert nd.ones_like(nd.asarray([1j], device=device)).tolist() == [1]


def test_many_elements(device: str, rng: np.random.Generator) -> None:
    a = parts(rng, 70_000)
    x = nd.asarray(a, device=device)
    np.testing.assert_allclose((x * x[::-1]).numpy(), a * a[::-1], rtol=1e-13)
    np.testing.assert_allclose(nd.sum(x).item(), a.sum(), rtol=1e-10)


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        ([1 + 2j, 3.5 - 1j], "[1. +2.j, 3.5-1.j]"),
        ([1 + 2.5j, -10 + 2j], "[  1.+2.5j, -10.+2.j ]"),
        ([complex("nan"), complex(0, float("-inf"))], "[nan +0.j,  0.-infj]"),
        ([1 + 10j, 2 - 1j], "[1.+10.j, 2. -1.j]"),
        ([0j], "[0.+0.j]"),
    ],
)
def test_repr(device: str, numbers: list[complex], text: str) -> None:
    assert repr(nd.asarray(numbers, device=device)) == f"NDArray({text}, dtype=complex64, device={device})"


@pytest.mark.parametrize("dtype", [nd.complex64, nd.complex128], ids=str)
def test_zeros_have_the_standards_signs(device: str, dtype: nd.DType) -> None:
    """Where libm and NumPy decide otherwise."""
    x = nd.asarray([complex(-0.0, 0.0), complex(-0.0, -0.0)], dtype, device)
    assert [math.copysign(1, part) for z in nd.expm1(x).tolist() for part in (z.real, z.imag)] == [1, 1, 1, -1]
    x = nd.asarray([complex(math.inf, 2), complex(-math.inf, -2)], dtype, device)
    got = nd.tanh(x).tolist()
    assert got == [1, -1]
    assert [math.copysign(1, z.imag) for z in got] == [1, -1]


NAN, INF = math.nan, math.inf
NO_NUMBER = complex(NAN, NAN)
OF_SPECIAL_NUMBERS = {
    "sign": [
        (complex(INF, -2), 1), (complex(-INF, NAN), -1), (complex(3, INF), 1j), (complex(NAN, -INF), complex(0, -1)),
        (complex(INF, INF), NO_NUMBER), (complex(NAN, 1), NO_NUMBER), (complex(0, -0.0), 0), (3 - 4j, 0.6 - 0.8j),
    ],
    "square": [
        (complex(INF, NAN), complex(INF, NAN)), (complex(-INF, NAN), complex(INF, NAN)),
        (complex(NAN, INF), complex(-INF, NAN)), (complex(INF, INF), complex(NAN, INF)),
        (complex(INF, 2), complex(INF, INF)), (complex(NAN, 1), NO_NUMBER), (1 + 2j, -3 + 4j),
    ],
    "reciprocal": [
        (0j, complex(INF, NAN)), (complex(-0.0, 0), complex(-INF, NAN)), (complex(INF, 3), complex(0, -0.0)),
        (complex(-INF, NAN), complex(-0.0, -0.0)), (complex(NAN, -INF), 0), (complex(INF, INF), complex(0, -0.0)),
        (complex(NAN, 2), NO_NUMBER), (-2j, complex(-0.0, 0.5)), (3 + 4j, 0.12 - 0.16j),
    ],
    "rsqrt": [
        (0j, complex(INF, NAN)), (complex(INF, 1), complex(0, -0.0)), (complex(-4, INF), complex(0, -0.0)),
        (complex(-INF, 1), complex(0, -0.0)), (complex(NAN, INF), complex(0, -0.0)), (complex(NAN, 2), NO_NUMBER),
        (-4 + 0j, complex(0, -0.5)),
    ],
}  # fmt: skip


@pytest.mark.parametrize("dtype", [nd.complex64, nd.complex128], ids=str)
@pytest.mark.parametrize("name", OF_SPECIAL_NUMBERS)
def test_infinities_and_nan(device: str, name: str, dtype: nd.DType) -> None:
    """By Annex G of C an infinity is one whatever its other part is; its sign is its direction, where it has one."""
    numbers, expected = zip(*OF_SPECIAL_NUMBERS[name], strict=True)
    got = getattr(nd, name)(nd.asarray(list(numbers), dtype=dtype, device=device)).numpy()
    want = np.array(expected, got.dtype)
    for part in ("real", "imag"):
        np.testing.assert_allclose(getattr(got, part), getattr(want, part), rtol=1e-6)
        nan = np.isnan(getattr(want, part))
        np.testing.assert_array_equal(np.signbit(getattr(got, part)) | nan, np.signbit(getattr(want, part)) | nan)


@pytest.mark.parametrize("name", OF_SPECIAL_NUMBERS)
def test_backends_agree_at_special_numbers(name: str) -> None:
    parts = [0.0, -0.0, 1.0, -2.0, INF, -INF, NAN]
    numbers = [complex(a, b) for a in parts for b in parts]
    first, second = (getattr(nd, name)(nd.asarray(numbers, device=device)).numpy() for device in ("cpu", "numpy"))
    np.testing.assert_allclose(first, second, rtol=1e-6)
    for part in ("real", "imag"):
        x, y = getattr(first, part), getattr(second, part)
        np.testing.assert_array_equal(np.signbit(x) | np.isnan(x), np.signbit(y) | np.isnan(y))
