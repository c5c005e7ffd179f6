"""Fourier transforms and their frequencies, against NumPy."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose, assert_array_equal

from needle import ndarray as nd
from needle.ndarray import fft

ALL = ["float32", "float64", "complex64", "complex128"]
ALONG_ONE = ["fft", "ifft", "rfft", "irfft", "hfft", "ihfft"]
ALONG_SEVERAL = ["fftn", "ifftn", "rfftn", "irfftn"]
OF_REAL = ["rfft", "ihfft", "rfftn"]
NORMS = st.sampled_from(["backward", "ortho", "forward"])
SHAPES = hnp.array_shapes(min_dims=1, max_dims=3, min_side=2, max_side=6)
Host = np.ndarray[Any, Any]


def drawn(data: st.DataObject, name: str, shape: tuple[int, ...]) -> Host:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    dtype = np.dtype(data.draw(st.sampled_from(ALL[:2] if name in OF_REAL else ALL)))
    a = rng.standard_normal((2, *shape))
    return (a[0] + 1j * a[1] if dtype.kind == "c" else a[0]).astype(dtype)


def laid_out(a: Host, is_strided: bool, device: str) -> nd.NDArray:
    if not is_strided:
        return nd.asarray(a, device=device)
    return nd.flip(nd.asarray(np.repeat(np.flip(a), 2, axis=-1), device=device)[..., ::2])


def check(x: nd.NDArray, expected: Host, operand: Host, device: str) -> None:
    """Compare in value and shape; the dtype has the kind of NumPy's and the precision of the operand's."""
    single = operand.dtype in (np.dtype(np.float32), np.dtype(np.complex64))
    expected = expected.astype({"c": "F", "f": "f"}[expected.dtype.kind] if single else expected.dtype)
    assert str(x.device) == device
    tolerance = 1e-4 if single else 1e-12
    assert_allclose(x.numpy(), expected, rtol=tolerance, atol=tolerance, strict=True)


@pytest.mark.parametrize("name", ALONG_ONE)
@given(shape=SHAPES, norm=NORMS, is_strided=st.booleans(), data=st.data())
def test_along_one_axis(device: str, name: str, shape: tuple[int, ...], norm: Any, is_strided: bool, data):
    a = drawn(data, name, shape)
    n, axis = data.draw(st.none() | st.integers(1, 9)), data.draw(st.integers(-len(shape), len(shape) - 1))
    result = getattr(fft, name)(laid_out(a, is_strided, device), n=n, axis=axis, norm=norm)
    check(result, getattr(np.fft, name)(a, n, axis, norm), a, device)


@pytest.mark.parametrize("name", ALONG_SEVERAL)
@given(shape=SHAPES, norm=NORMS, is_strided=st.booleans(), data=st.data())
def test_along_several_axes(device: str, name: str, shape: tuple[int, ...], norm: Any, is_strided: bool, data):
    a = drawn(data, name, shape)
    order = data.draw(st.permutations(range(-len(shape), 0)))
    axes = data.draw(st.none() | st.integers(1, len(shape)).map(lambda count: order[:count]))
    s = None if axes is None else data.draw(st.none() | st.tuples(*[st.integers(1, 9) for _ in axes]))
    result = getattr(fft, name)(laid_out(a, is_strided, device), s=s, axes=axes, norm=norm)
    named = range(len(shape)) if axes is None else axes
    check(result, getattr(np.fft, name)(a, s, named, norm), a, device)


@pytest.mark.parametrize("name", ["fft", "hfft", "fftn"])
def test_there_and_back(device: str, name: str, rng: np.random.Generator):
    x = nd.asarray(rng.standard_normal((3, 5)) + 1j * rng.standard_normal((3, 5)), device=device)
    if name == "hfft":
        x[:, 0] = nd.real(x[:, 0])
        x[:, -1] = nd.real(x[:, -1])
    back = getattr(fft, f"i{name}")(getattr(fft, name)(x))
    assert_allclose(back.numpy(), x.numpy(), rtol=1e-12, atol=1e-12, strict=True)


def test_minus_one_stands_for_the_whole_axis(device: str, rng: np.random.Generator):
    x = nd.asarray(rng.standard_normal((3, 4)), device=device)
    assert_array_equal(fft.fftn(x, s=(-1, 2), axes=(0, 1)).numpy(), fft.fftn(x, s=(3, 2), axes=(0, 1)).numpy())
    assert fft.irfftn(x, s=(-1, -1), axes=(0, 1)).shape == fft.irfftn(x).shape == (3, 6)


def test_other_dtypes(device: str):
    x = nd.asarray([1, 2, 3, 4], device=device)
    for dtype in (nd.float16, nd.bfloat16, nd.int8, nd.bool):
        assert fft.rfft(x.astype(dtype)).dtype is nd.complex64
    assert fft.rfft(x).tolist() == [10, -2 + 2j, -2]
    assert fft.irfft(x.astype(nd.float16)).dtype is nd.float16


def test_stacks_of_nothing(device: str):
    x = nd.zeros((0, 4), device=device)
    assert fft.fft(x).shape == (0, 4)
    assert fft.rfftn(x, axes=(1,)).shape == (0, 3)
    assert fft.fft(nd.zeros((2, 0), device=device), n=3).tolist() == [[0, 0, 0], [0, 0, 0]]


@pytest.mark.parametrize("n", [1, 2, 5, 8])
@pytest.mark.parametrize("d", [1.0, 0.25, -3.0])
@pytest.mark.parametrize("dtype", [None, nd.float64, nd.float16, nd.bfloat16], ids=str)
def test_frequencies(device: str, n: int, d: float, dtype: nd.DType | None):
    for ours, numpys in ((fft.fftfreq, np.fft.fftfreq), (fft.rfftfreq, np.fft.rfftfreq)):
        result = ours(n, d=d, dtype=dtype, device=device)
        assert (result.dtype, str(result.device)) == (dtype or nd.float32, device)
        rtol = {None: 1e-6, nd.float64: 1e-15, nd.float16: 1e-3, nd.bfloat16: 1e-2}[dtype]
        assert_allclose(result.astype(nd.float64).numpy(), numpys(n, d), rtol=rtol)


def test_frequencies_beyond_the_range_of_float16(device: str):
    assert fft.fftfreq(200_000, dtype=nd.float16, device=device)[100_000].item() == -0.5


@given(shape=hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=5), data=st.data())
def test_shifts(device: str, shape: tuple[int, ...], data: st.DataObject):
    a = np.arange(np.prod(shape)).reshape(shape)
    axes = data.draw(st.none() | st.lists(st.integers(0, len(shape) - 1), unique=True))
    x = nd.asarray(a, device=device)
    assert_array_equal(fft.fftshift(x, axes=axes).numpy(), np.fft.fftshift(a, axes))
    assert_array_equal(fft.ifftshift(x, axes=axes).numpy(), np.fft.ifftshift(a, axes))


def test_a_shift_along_an_axis_by_its_number(device: str):
    assert fft.fftshift(nd.asarray([[1, 2, 3]], device=device), axes=-1).tolist() == [[3, 1, 2]]


@pytest.mark.parametrize("name", ALONG_ONE)
def test_wrong_arguments_of_one_axis(device: str, name: str):
    function, x = getattr(fft, name), nd.ones((2, 1), device=device)
    with pytest.raises(IndexError, match=rf"\[{name}\] axis out of range; got 2; expected -2 to 1"):
        function(x, axis=2)
    with pytest.raises(ValueError, match=rf"\[{name}\] too few elements to transform; got \[0\] along axes \[1\] of"):
        function(x, n=0)
    with pytest.raises(ValueError, match=rf"\[{name}\] unknown norm; got 'both'; expected 'backward', 'ortho', 'f"):
        function(x, norm="both")
    with pytest.raises(TypeError, match=rf"\[{name}\] not an array; got list; expected NDArray; hint: make one"):
        function([1.0])
    with pytest.raises(IndexError, match=rf"\[{name}\] axis out of range; got -1; expected no axis, for an array of 0"):
        function(x[0, 0])
    if name in ("irfft", "hfft"):
        with pytest.raises(ValueError, match=rf"\[{name}\] too few elements to transform; got \[0\] along axes \[1\]"):
            function(x)


@pytest.mark.parametrize("name", ALONG_SEVERAL)
def test_wrong_arguments_of_several_axes(device: str, name: str):
    function, x = getattr(fft, name), nd.ones((2, 3), device=device)
    with pytest.raises(ValueError, match=rf"\[{name}\] s without axes; got s = \(2, 3\); hint: name the axes"):
        function(x, s=(2, 3))
    with pytest.raises(ValueError, match=rf"\[{name}\] s does not fit the axes; got s = \(2,\) and axes = \(0, 1\)"):
        function(x, s=(2,), axes=(0, 1))
    with pytest.raises(ValueError, match=rf"\[{name}\] an axis is named twice; got \(1, -1\)"):
        function(x, axes=(1, -1))
    with pytest.raises(IndexError, match=rf"\[{name}\] axis out of range; got \(0, 2\); expected -"):
        function(x, axes=(0, 2))
    with pytest.raises(
        ValueError, match=rf"\[{name}\] too few elements to transform; got \[0, 2\] along axes \[0, 1\]"
    ):
        function(x, s=(0, 2), axes=(0, 1))
    with pytest.raises(ValueError, match=rf"\[{name}\] no axes to transform; got shape \(2, 3\)"):
        function(x, axes=())


@pytest.mark.parametrize("name", OF_REAL)
def test_complex_for_real(device: str, name: str):
    match = rf"\[{name}\] x is not real; got dtype complex64; hint: i?fftn? takes complex numbers"
    with pytest.raises(TypeError, match=match):
        getattr(fft, name)(nd.ones(2, nd.complex64, device))


@pytest.mark.parametrize("function", [fft.fftfreq, fft.rfftfreq])
def test_wrong_frequencies(function: Any):
    name = function.__name__
    with pytest.raises(ValueError, match=rf"\[{name}\] no elements; got n = 0; expected at least 1"):
        function(0)
    with pytest.raises(ValueError, match=rf"\[{name}\] no time between elements; got d = 0"):
        function(3, d=0)
    with pytest.raises(TypeError, match=rf"\[{name}\] frequencies are real numbers; got dtype int64; expected"):
        function(3, dtype=nd.int64)


def test_wrong_shifts(device: str):
    x = nd.ones((2, 3), device=device)
    with pytest.raises(IndexError, match=r"\[fftshift\] axis out of range; got 2; expected -2 to 1"):
        fft.fftshift(x, axes=2)
    with pytest.raises(ValueError, match=r"\[ifftshift\] an axis is named twice; got \(0, -2\)"):
        fft.ifftshift(x, axes=(0, -2))


def test_without_numpy():
    code = """
import sys; sys.modules["numpy"] = None
from needle import ndarray as nd
assert nd.fft.fftshift(nd.fft.fftfreq(4)).tolist() == [-0.5, -0.25, 0.0, 0.25]
try:
    nd.fft.rfft(nd.ones(4))
except ModuleNotFoundError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    problem = "NumPy, which leads to the LAPACK and the FFT of the platform, is not installed; hint: pip install numpy"
    assert done.stdout == f"[rfft] {problem}\n"
