"""NDArray's attributes and its conversions to and from Python, NumPy and other devices."""

from __future__ import annotations

import gc
import operator
import pickle

import numpy as np
import pytest

from needle import ndarray as nd
from needle.ndarray import _core

NAMES = (
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "bfloat16", "float32",
    "float64",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_dtypes(name: str) -> None:
    dtype: nd.DType = getattr(nd, name)
    assert isinstance(dtype, nd.DType)
    assert dtype is _core.dtypes[name]
    assert dtype.name == repr(dtype) == str(dtype) == name
    digits = "".join(c for c in name if c.isdigit())
    assert dtype.itemsize == (int(digits) // 8 if digits else 1)
    assert dtype.kind == name.rstrip("0123456789").removeprefix("b" if name == "bfloat16" else "")
    assert pickle.loads(pickle.dumps(dtype)) is dtype


def test_attributes(device: str) -> None:
    x = nd.zeros((2, 3), nd.int16, device)
    assert (x.shape, x.ndim, x.size, x.nbytes, x.dtype, str(x.device)) == ((2, 3), 2, 6, 12, nd.int16, device)
    assert nd.zeros((), device=device).size == 1
    assert nd.zeros((0, 3), device=device).nbytes == 0


def test_conversions_of_one_element(device: str) -> None:
    x = nd.asarray([[2.5]], device=device)
    assert (x.item(), float(x), int(x), bool(x)) == (2.5, 2.5, 2, True)
    assert (int(nd.asarray(-3, device=device)), bool(nd.asarray(0, device=device))) == (-3, False)
    assert operator.index(nd.asarray(5, nd.uint8, device)) == 5
    for value, dtype in [(2**64 - 1, nd.uint64), (-(2**63), nd.int64), (True, nd.bool), (-128, nd.int8)]:
        item = nd.asarray(value if value < 2**63 else [value], dtype, device).item()
        assert item == value
        assert type(item) is type(value)
    for function in (float, int, bool, nd.NDArray.item):
        with pytest.raises(ValueError, match=r"\[item\] not exactly one element; got shape \(2,\)"):
            function(nd.zeros(2, device=device))


@pytest.mark.parametrize("name", NAMES)
def test_tolist_and_bytes(device: str, name: str) -> None:
    x = nd.arange(6, device=device).reshape(2, 3).astype(getattr(nd, name))[:, ::-1].T
    assert x.tolist() == ([[True, True], [True, True], [False, True]] if name == "bool" else [[2, 5], [1, 4], [0, 3]])
    y = _core.from_bytes(x.to_bytes(), x.dtype, x.shape, x.device)
    assert nd.all(x == y).item()
    if name != "bfloat16":
        assert x.to_bytes() == x.numpy().tobytes()


def test_from_bytes_refuses() -> None:
    where = nd.device("numpy")
    with pytest.raises(ValueError, match=r"\[from_bytes\] the number of bytes does not fit the shape; got 3;"):
        _core.from_bytes(b"123", nd.int16, (2,), where)
    with pytest.raises(ValueError, match=r"\[from_bytes\] the bytes do not lie in one run"):
        _core.from_bytes(memoryview(b"1234")[::2], nd.int16, (1,), where)


def test_numpy_is_a_view_on_the_cpu() -> None:
    x = nd.arange(6, device="cpu").reshape(2, 3)
    a = x.T[1:].numpy()
    a[0, 1] = 99
    assert x.tolist() == [[0, 1, 2], [3, 99, 5]]
    del x
    gc.collect()
    assert a.tolist() == [[1, 99], [2, 5]], "the memory stays"


def test_numpy_is_writable(device: str) -> None:
    a = nd.zeros((2, 3), device=device).numpy()
    a[...] = 1
    assert a.sum() == 6


def test_numpy_of_any_layout(device: str) -> None:
    a = np.arange(24.0).reshape(2, 3, 4)
    x = nd.asarray(a, device=device)
    np.testing.assert_array_equal(x[:, ::-1, ::2].permute_dims(2, 1, 0).numpy(), a[:, ::-1, ::2].T, strict=True)
    spread = np.broadcast_to(a[0, 0], (2, 4))
    np.testing.assert_array_equal(nd.broadcast_to(x[0, 0], (2, 4)).numpy(), spread, strict=True)
    assert nd.zeros((0, 2), device=device).numpy().shape == (0, 2)
    assert nd.zeros((), device=device).numpy().shape == ()


def test_buffer_protocol() -> None:
    x = nd.arange(6, dtype=nd.int16, device="cpu").reshape(2, 3)
    view = memoryview(x.T)
    assert (view.shape, view.strides, view.format, view.itemsize) == ((3, 2), (2, 6), "h", 2)
    assert view.tolist() == [[0, 3], [1, 4], [2, 5]]
    with pytest.raises(BufferError) as caught:
        memoryview(x.to_device("numpy"))
    assert str(caught.value).startswith("[buffer] the host cannot read this device's memory; got device numpy")


def test_to_device() -> None:
    x = nd.arange(6, device="cpu").reshape(2, 3).T
    y = x.to_device("numpy")
    assert (str(y.device), y.tolist()) == ("numpy", x.tolist())
    assert y.to_device(nd.device("cpu")).tolist() == x.tolist()
    assert x.to_device("cpu").shares_buffer(x)
    with pytest.raises(ValueError, match=r"\[device\] no installed backend is named 'abacus'"):
        x.to_device("abacus")


@pytest.mark.parametrize("name", NAMES)
def test_astype(device: str, name: str) -> None:
    values = [0.0, 1.75, 100.0] if name.startswith("u") or name == "bool" else [0.0, 1.75, -100.0]
    for source in ("float32", "float64", "int32"):
        a = np.array(values).astype(source)
        x = nd.asarray(a, device=device)
        y = x.astype(getattr(nd, name))
        assert y.dtype.name == name
        expected = a if name == "bfloat16" else a.astype(name)
        np.testing.assert_array_equal(y.astype(nd.float64).numpy(), expected.astype(np.float64))
        assert nd.astype(x, x.dtype, copy=False).shares_buffer(x)
        assert not nd.astype(x, x.dtype).shares_buffer(x)


def test_casts_of_floats_to_integers_saturate(device: str) -> None:
    x = nd.asarray([float("nan"), float("inf"), -1e30, 300.7, -1.9], device=device)
    assert x.astype(nd.uint8).tolist() == [0, 255, 0, 255, 0]
    assert x.astype(nd.int64).tolist() == [0, 2**63 - 1, -(2**63), 300, -1]
    assert nd.asarray([257, -1], device=device).astype(nd.uint8).tolist() == [1, 255]
    assert x.astype(nd.bool).tolist() == [True] * 5


def test_arrays_have_no_hash(device: str) -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(nd.zeros(2, device=device))


def test_buffers_are_freed(device: str) -> None:
    gc.collect()
    before = _core.live_buffers()
    x = nd.zeros((10, 10), device=device)
    views = [x.T, x[1:], x.reshape(100)]
    assert _core.live_buffers() == before + 1
    del x
    assert _core.live_buffers() == before + 1
    del views
    gc.collect()
    assert _core.live_buffers() == before
