"""Memory shared through the buffer protocol and with NumPy; pickling and copying."""

from __future__ import annotations

import array
import copy
import ctypes
import gc
import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from needle import ndarray as nd
from needle.ndarray import _core

DTYPES = list(_core.dtypes.values())
NUMPY_DTYPES = [dtype for dtype in DTYPES if hasattr(np, dtype.name) or dtype.name == "bool"]


@pytest.mark.parametrize("dtype", NUMPY_DTYPES, ids=str)
def test_numpy_and_we_see_each_others_writes(dtype: nd.DType) -> None:
    a = np.zeros((3, 4), dtype.name)
    x = nd.from_numpy(a)
    assert (x.dtype, x.shape, str(x.device)) == (dtype, (3, 4), "cpu")
    x[1, 2] = 1
    a[0, 0] = 1
    assert a[1, 2] == x[0, 0].item() == 1
    assert np.shares_memory(x.numpy(), a)
    y = nd.asarray(a[::-1, ::2].T, device="cpu")
    y[0, 0] = 1
    assert a[2, 0] == 1
    assert y.tolist() == a[::-1, ::2].T.tolist()


def test_the_memory_lives_as_long_as_either_side() -> None:
    gc.collect()
    before = _core.live_buffers()
    memory = bytearray(b"123")
    x = nd.asarray(memory, device="cpu")
    view = x[1:]
    del x
    with pytest.raises(BufferError):
        memory.append(0)  # while it is lent
    assert _core.live_buffers() == before + 1
    a = view.numpy()
    del view
    assert a.tolist() == [50, 51]
    del a
    memory.append(0)
    assert _core.live_buffers() == before


@pytest.mark.parametrize(
    "obj", [bytearray(8), memoryview(bytearray(8)), array.array("h", [0] * 4), (ctypes.c_int16 * 4)()], ids=repr
)
def test_buffers_of_python(obj: Any) -> None:
    x = nd.asarray(obj, device="cpu", copy=False)
    x[0] = 7
    assert memoryview(obj).tobytes()[0] == 7
    assert nd.asarray(obj, device="numpy").tolist() == x.tolist()


def test_asarray_shares_unless_it_cannot() -> None:
    fixed = np.arange(3)
    fixed.flags.writeable = False
    packed = np.zeros(3, np.dtype([("a", "i1"), ("b", "<i4")]))["b"]
    for a, reason in [(fixed, "read-only memory"), (packed, "elements that are not aligned to their size")]:
        x = nd.asarray(a, device="cpu")
        x[0] = 9
        assert (a[0], x.tolist()[1:]) == (0, a.tolist()[1:])
        with pytest.raises(ValueError, match=rf"^\[asarray\] the memory cannot be used as it is; got {reason}; hint: "):
            nd.asarray(a, device="cpu", copy=False)
    with pytest.raises(ValueError, match=r"as it is; got device numpy, which has memory of its own"):
        nd.asarray(np.zeros(3), device="numpy", copy=False)


def test_asarray_copies_where_told(device: str) -> None:
    a = np.zeros(3)
    x = nd.asarray(a, device=device, copy=True)
    y = nd.asarray(x, copy=True)
    x[0] = 1
    y[1] = 2
    assert (a.tolist(), x.tolist(), y.tolist()) == ([0, 0, 0], [1, 0, 0], [0, 2, 0])
    assert nd.asarray([1], copy=True).tolist() == [1]


def test_asarray_of_an_array_is_that_array(device: str) -> None:
    x = nd.zeros(3, device=device)
    assert nd.asarray(x) is nd.asarray(x, x.dtype, device) is nd.asarray(x, copy=False) is x
    with pytest.raises(
        ValueError, match=r"\[asarray\] another dtype or device takes a copy; got float32 on .*; expected i"
    ):
        nd.asarray(x, nd.int8, copy=False)
    assert nd.asarray(x, nd.int8).dtype is nd.int8
    with pytest.raises(TypeError, match=r"\[asarray\] copy is not True, False or None; got str"):
        nd.asarray(np.zeros(2), copy="no")  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [1, 2.5, [1, 2], (), [[1], [2]]], ids=repr)
def test_numbers_cannot_be_shared(value: Any) -> None:
    with pytest.raises(
        ValueError, match=r"\[asarray\] numbers and sequences of them have no memory to share; got copy="
    ):
        nd.asarray(value, copy=False)
    with pytest.raises(ValueError, match=r"no memory to share"):
        nd.from_numpy(value)


def test_asarray_of_dlpack_alone(device: str) -> None:
    class Exporter:
        def __init__(self, x: nd.NDArray) -> None:
            self.__dlpack__ = x.__dlpack__
            self.__dlpack_device__ = x.__dlpack_device__

    x = nd.zeros(3, device="cpu")
    y = nd.asarray(Exporter(x), device=device)
    y[0] = 1
    assert (x[0].item(), str(y.device)) == (device == "cpu", device)


@pytest.mark.parametrize("dtype", NUMPY_DTYPES, ids=str)
def test_numpys_protocol(device: str, dtype: nd.DType) -> None:
    x = nd.ones((2, 3), dtype, device).T
    for a in (np.asarray(x), x.__array__(), np.array(x), np.asarray(x, copy=True), x.__array__(copy=True)):
        np.testing.assert_array_equal(a, np.ones((3, 2), dtype.name), strict=True)
    assert np.asarray(x, "complex128").dtype == x.__array__("complex128").dtype == np.complex128
    assert np.add(x, 1).dtype == np.add(x.numpy(), 1).dtype


def test_numpys_protocol_copies_where_told(device: str) -> None:
    x = nd.zeros(3, device=device)
    x.__array__(copy=True)[0] = 1
    np.array(x)[1] = 1
    assert x.tolist() == [0, 0, 0]
    if device == "cpu":
        x.__array__(copy=False)[0] = 1
        np.asarray(x, copy=False)[1] = 1
        x.__array__()[2] = 1
        assert x.tolist() == [1, 1, 1]
    else:
        with pytest.raises(
            ValueError, match=r"\[__array__\] this takes a copy; got float32 on numpy; expected copy=None"
        ):
            x.__array__(copy=False)
    with pytest.raises(
        ValueError, match=r"\[__array__\] this takes a copy; got float32 on \w+ as int8; expected copy="
    ):
        x.__array__("int8", copy=False)


def test_bfloat16_passes_through_ml_dtypes(device: str) -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes", reason="ml_dtypes, which has NumPy's bfloat16, is not installed")
    a = np.array([[1.5, -2], [3, 4]], ml_dtypes.bfloat16)
    x = nd.asarray(a.T, device=device)
    assert (x.dtype, x.tolist()) == (nd.bfloat16, [[1.5, 3], [-2, 4]])
    for b in (x.numpy(), np.asarray(x)):
        np.testing.assert_array_equal(b, a.T, strict=True)
    if device == "cpu":
        x.numpy()[0, 0] = 8
        assert a[0, 0] == 8
        assert np.shares_memory(nd.from_numpy(a).numpy(), a)
    assert nd.asarray(a, nd.float32, device).dtype is nd.float32


def test_without_ml_dtypes_numpy_has_no_bfloat16(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ml_dtypes", None)
    text = r"\[numpy\] NumPy has no such element type; got bfloat16; hint: cast it with .*, or pip install ml_dtypes"
    with pytest.raises(TypeError, match=text):
        nd.zeros(2, nd.bfloat16, device).numpy()


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_pickle(device: str, dtype: nd.DType, protocol: int) -> None:
    for x in (nd.ones((2, 3), dtype, device).T, nd.ones((), dtype, device), nd.ones((0, 2), dtype, device)):
        y = pickle.loads(pickle.dumps(x, protocol))
        assert (y.dtype, y.shape, y.device, y.to_bytes()) == (x.dtype, x.shape, x.device, x.to_bytes())
        assert not y.shares_buffer(x)


def test_pickles_name_a_device_that_is_not_there() -> None:
    data = pickle.dumps(nd.zeros(2, device="numpy"), 0).replace(b"numpy", b"abacus")
    with pytest.raises(ValueError, match=r"\[device\] no installed backend is named 'abacus'"):
        pickle.loads(data)


@pytest.mark.parametrize("function", [copy.copy, copy.deepcopy])
def test_copies(device: str, function: Any) -> None:
    x = nd.zeros((2, 3), device=device)
    y = function(x)
    assert (y.shape, y.dtype, y.device, y.shares_buffer(x)) == (x.shape, x.dtype, x.device, False)
    shared, again = copy.deepcopy([x, x])
    assert shared is again


WITHOUT_NUMPY = """
import sys
sys.modules["numpy"] = sys.modules["ml_dtypes"] = None
import array, copy, pickle
from needle import ndarray as nd
numbers = array.array("f", [1, 2, 3])
x = nd.asarray(numbers, copy=False)
x[0] = 7
assert numbers[0] == 7
y = nd.from_dlpack(x)
y[1] = 8
assert numbers[1] == 8
assert memoryview(y).tolist() == pickle.loads(pickle.dumps(y)).tolist() == copy.copy(y).tolist() == [7, 8, 3]
for suffix in (".npz", ".safetensors"):
    nd.save("x" + suffix, {"x": x})
    assert nd.load("x" + suffix)["x"].tolist() == [7, 8, 3]
nd.save("x.npy", x.astype(nd.float64))
assert nd.load("x.npy").tolist() == [7, 8, 3]
"""


def test_all_of_it_works_without_numpy(tmp_path: Any) -> None:
    command = [sys.executable, "-W", "error", "-c", WITHOUT_NUMPY]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
