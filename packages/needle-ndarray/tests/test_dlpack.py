"""DLPack in both directions: what a capsule says, who frees it and when, and what is refused."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from needle import ndarray as nd
from needle.ndarray import _core

READ_ONLY, COPIED = 1, 2
NUMPY_DTYPES = [dtype for name, dtype in _core.dtypes.items() if hasattr(np, name) or name == "bool"]


class Tensor(ctypes.Structure):
    _fields_ = [
        ("data", ctypes.c_void_p),
        ("device_type", ctypes.c_int32),
        ("device_id", ctypes.c_int32),
        ("ndim", ctypes.c_int32),
        ("code", ctypes.c_uint8),
        ("bits", ctypes.c_uint8),
        ("lanes", ctypes.c_uint16),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    ]


Deleter = ctypes.CFUNCTYPE(None, ctypes.c_void_p)  # called without the GIL, as foreign code would


class Managed(ctypes.Structure):
    _fields_ = [("tensor", Tensor), ("context", ctypes.c_void_p), ("deleter", Deleter)]


class Versioned(ctypes.Structure):
    _fields_ = [
        ("major", ctypes.c_uint32),
        ("minor", ctypes.c_uint32),
        ("context", ctypes.c_void_p),
        ("deleter", Deleter),
        ("flags", ctypes.c_uint64),
        ("tensor", Tensor),
    ]


NAMES = {Managed: b"dltensor", Versioned: b"dltensor_versioned"}
api = ctypes.pythonapi
api.PyCapsule_New.restype = ctypes.py_object
api.PyCapsule_New.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
api.PyCapsule_GetPointer.restype = ctypes.c_void_p
api.PyCapsule_GetPointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
api.PyCapsule_SetName.argtypes = [ctypes.py_object, ctypes.c_char_p]


class Exporter:
    """A library of our own making that exports float32 memory as any capsule, and counts what is given back."""

    def __init__(self, memory: Any, shape: tuple[int, ...], strides: tuple[int, ...] | None = None, **fields: Any):
        self.memory = memory
        self.given_back = 0
        self.asked: list[dict[str, Any]] = []
        self.kind: type[Any] = fields.pop("kind", Versioned)
        self.managed = self.kind()
        self.deleter = Deleter(self.count)
        self.extents = [(ctypes.c_int64 * len(values))(*values) for values in (shape, strides or ())]
        tensor = self.managed.tensor
        tensor.data = ctypes.addressof(memory)
        tensor.device_type, tensor.ndim, tensor.code, tensor.bits, tensor.lanes = 1, len(shape), 2, 32, 1
        tensor.shape = self.extents[0]
        if strides is not None:
            tensor.strides = self.extents[1]
        self.managed.deleter = self.deleter
        if self.kind is Versioned:
            self.managed.major = 1
        for name, value in fields.items():
            setattr(self.managed if hasattr(self.managed, name) else tensor, name, value)

    def count(self, _: Any) -> None:
        self.given_back += 1

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.managed.tensor.device_type, 0

    def __dlpack__(self, **asked: Any) -> Any:
        self.asked.append(asked)
        return api.PyCapsule_New(ctypes.addressof(self.managed), NAMES[self.kind], None)


def floats(*values: float) -> Any:
    return (ctypes.c_float * len(values))(*values)


def contents(capsule: Any, kind: type[Any]) -> Any:
    return kind.from_address(api.PyCapsule_GetPointer(capsule, NAMES[kind]))


@pytest.mark.parametrize("kind", [Managed, Versioned])
def test_import_shares_and_gives_back_once(kind: type[Any]) -> None:
    before = _core.live_buffers()
    memory = floats(1, 2, 3, 4, 5, 6)
    source = Exporter(memory, (2, 3), (3, 1), kind=kind)
    x = nd.from_dlpack(source)
    assert (x.tolist(), x.dtype, str(x.device)) == ([[1, 2, 3], [4, 5, 6]], nd.float32, "cpu")
    assert source.asked == [{"max_version": (1, 0)}]
    memory[4] = 50
    x[0, 0] = 10
    assert x.tolist() == [[10, 2, 3], [4, 50, 6]]
    assert list(memory) == [10, 2, 3, 4, 50, 6]
    assert _core.live_buffers() == before + 1
    views = [x.T, x[1:]]
    del x
    assert source.given_back == 0
    del views
    assert source.given_back == 1
    assert _core.live_buffers() == before


def test_import_without_strides_and_with_an_offset() -> None:
    source = Exporter(floats(1, 2, 3, 4, 5, 6, 7), (3, 2), byte_offset=4)
    assert nd.from_dlpack(source).tolist() == [[2, 3], [4, 5], [6, 7]]


@pytest.mark.parametrize(("shape", "strides", "at"), [((3, 2), (-2, 1), 4), ((2, 3), (-1, -2), 5), ((2, 2), (0, 1), 2)])
def test_import_of_any_strides(shape: tuple[int, ...], strides: tuple[int, ...], at: int) -> None:
    memory = floats(0, 1, 2, 3, 4, 5)
    source = Exporter(memory, shape, strides, byte_offset=4 * at)
    expected = np.lib.stride_tricks.as_strided(np.array(memory)[at:], shape, [4 * s for s in strides])
    x = nd.from_dlpack(source)
    np.testing.assert_array_equal(x.numpy(), expected)
    assert nd.sum(x).item() == expected.sum()
    assert nd.from_dlpack(source, device="numpy").tolist() == x.tolist()


def test_import_of_nothing_and_of_one() -> None:
    source = Exporter(floats(0), (0, 2), data=None)
    assert nd.from_dlpack(source).shape == (0, 2)
    assert source.given_back == 1
    assert nd.from_dlpack(Exporter(floats(2.5), ())).item() == 2.5


def test_import_copies_what_is_read_only() -> None:
    memory = floats(1, 2)
    source = Exporter(memory, (2,), flags=READ_ONLY)
    x = nd.from_dlpack(source)
    x[0] = 7
    assert (list(memory), source.given_back) == ([1, 2], 1)
    with pytest.raises(
        BufferError, match=r"\[from_dlpack\] the memory cannot be used as it is; got read-only memory; "
    ):
        nd.from_dlpack(source, copy=False)
    assert source.asked[-1] == {"max_version": (1, 0), "copy": False}
    assert source.given_back == 2


def test_import_copies_what_is_not_aligned() -> None:
    memory = (ctypes.c_char * 13)(*b"\0" + np.arange(3, dtype=np.float32).tobytes())
    source = Exporter(memory, (3,), byte_offset=1)
    assert nd.from_dlpack(source).tolist() == [0, 1, 2]
    assert source.given_back == 1
    reverse = Exporter(memory, (3,), (-1,), byte_offset=9)
    assert nd.from_dlpack(reverse).tolist() == [2, 1, 0]
    with pytest.raises(
        BufferError, match=r"as it is; got elements that are not aligned to their size; hint: with copy="
    ):
        nd.from_dlpack(source, copy=False)


def test_import_copies_where_told() -> None:
    memory = floats(1, 2)
    source = Exporter(memory, (2,))
    nd.from_dlpack(source, copy=True)[0] = 7
    nd.from_dlpack(source, device="numpy")[0] = 7
    assert (list(memory), source.given_back) == ([1, 2], 2)
    with pytest.raises(BufferError, match=r"as it is; got device numpy, which has memory of its own; hint: with copy="):
        nd.from_dlpack(source, device="numpy", copy=False)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"major": 2, "minor": 5}, r"the exporter speaks another version of DLPack; got 2\.5; expected 1\.x"),
        ({"code": 3}, r"no dtype for elements of this type; got code 3, 32 bits, 1 lanes"),
        ({"bits": 24}, r"no dtype for elements of this type; got code 2, 24 bits, 1 lanes"),
        ({"lanes": 4}, r"no dtype for elements of this type; got code 2, 32 bits, 4 lanes"),
    ],
)
def test_import_refuses(fields: dict[str, int], text: str) -> None:
    source = Exporter(floats(1, 2), (2,), **fields)
    with pytest.raises(BufferError, match=rf"^\[from_dlpack\] {text}$"):
        nd.from_dlpack(source)
    assert source.given_back == 1


def test_import_from_another_device() -> None:
    source = Exporter(floats(1, 2), (2,), device_type=2)
    with pytest.raises(
        BufferError, match=r"^\[from_dlpack\] the memory is not the host's; got \(2, 0\); hint: with dev"
    ):
        nd.from_dlpack(source)
    with pytest.raises(
        BufferError, match=r"^\[from_dlpack\] the memory is not the host's; got device type 2; expected 1"
    ):
        nd.from_dlpack(source, device="cpu")  # an exporter that does not do what it is asked
    assert source.asked == [{"max_version": (1, 0), "dl_device": (1, 0)}]
    assert source.given_back == 1


def test_import_refuses_other_things() -> None:
    with pytest.raises(TypeError, match=r"\[from_dlpack\] no DLPack exporter; got list; expected an object with __dlp"):
        nd.from_dlpack([1])
    capsule = nd.zeros(2, device="cpu").__dlpack__()
    _core.from_dlpack(capsule, None, None)
    with pytest.raises(BufferError, match=r"no DLPack capsule, or one that has been consumed; got <capsule .*used_dlt"):
        _core.from_dlpack(capsule, None, None)
    with pytest.raises(BufferError, match=r"no DLPack capsule, .*; got 1$"):
        _core.from_dlpack(1, None, None)
    with pytest.raises(TypeError, match=r"\[from_dlpack\] copy is not True, False or None; got int"):
        nd.from_dlpack(np.zeros(2), copy=1)  # type: ignore[arg-type]


def test_import_from_an_exporter_of_before_version_1() -> None:
    class Old(Exporter):
        def __dlpack__(self) -> Any:
            return super().__dlpack__()

    assert nd.from_dlpack(Old(floats(1, 2), (2,), kind=Managed)).tolist() == [1, 2]


def test_memory_in_two_buffers_overlaps() -> None:
    memory = floats(1, 2, 3, 4)
    x, y = (nd.from_dlpack(Exporter(memory, (4,))) for _ in range(2))
    x[1:] = y[:3]
    assert list(memory) == [1, 1, 2, 3]
    nd.add(y[:3], 1, out=x[1:])
    assert list(memory) == [1, 2, 2, 3]


@pytest.mark.parametrize("dtype", _core.dtypes.values(), ids=str)
@pytest.mark.parametrize(
    ("version", "kind"), [(None, Managed), ((0, 8), Managed), ((1, 0), Versioned), ((9, 1), Versioned)]
)
def test_export(dtype: nd.DType, version: tuple[int, int] | None, kind: type[Any]) -> None:
    x = nd.zeros((2, 3), dtype, "cpu").T[1:]
    managed = contents(x.__dlpack__(max_version=version), kind)
    tensor = managed.tensor
    assert (tensor.shape[:2], tensor.strides[:2], tensor.byte_offset) == ([2, 2], [1, 3], 0)
    assert (tensor.device_type, tensor.device_id, tensor.ndim, tensor.lanes) == (1, 0, 2, 1)
    assert tensor.bits == 8 * dtype.itemsize
    kinds = {"bool": 6, "int": 0, "uint": 1, "float": 2, "complex": 5}
    assert tensor.code == {"bfloat16": 4, "float8_e4m3fn": 10, "float8_e5m2": 12}.get(dtype.name, kinds[dtype.kind])
    if kind is Versioned:
        assert (managed.major, managed.flags) == (1, 0)


@pytest.mark.parametrize("kind", [Managed, Versioned])
def test_exported_memory_lives_until_it_is_given_back(kind: type[Any]) -> None:
    gc.collect()
    before = _core.live_buffers()
    x = nd.arange(4, device="cpu")
    capsule = x.__dlpack__(max_version=(1, 0) if kind is Versioned else None)
    del x
    assert _core.live_buffers() == before + 1
    managed = contents(capsule, kind)
    api.PyCapsule_SetName(capsule, b"used")
    del capsule
    assert ctypes.c_int64.from_address(managed.tensor.data + 24).value == 3
    managed.deleter(ctypes.addressof(managed))
    assert _core.live_buffers() == before


def test_a_capsule_that_nobody_takes_frees_its_array(device: str) -> None:
    before = _core.live_buffers()
    nd.arange(4, device=device).__dlpack__()
    assert _core.live_buffers() == before


def test_what_was_imported_can_be_exported() -> None:
    source = Exporter(floats(1, 2), (2,))
    a = np.from_dlpack(nd.from_dlpack(source))
    assert (a.tolist(), source.given_back) == ([1, 2], 0)
    del a
    assert source.given_back == 1


def test_export_of_copies(device: str) -> None:
    x = nd.arange(3, device=device)
    managed = contents(capsule := x.__dlpack__(max_version=(1, 0), copy=True), Versioned)
    assert managed.flags == COPIED
    ctypes.c_int64.from_address(managed.tensor.data).value = 9
    assert x.tolist() == [0, 1, 2]
    assert x.__dlpack_device__() == (1, 0)
    assert contents(x.__dlpack__(max_version=(1, 0)), Versioned).flags == (0 if device == "cpu" else COPIED)
    del capsule


def test_export_refuses() -> None:
    x = nd.zeros(2, device="numpy")
    with pytest.raises(
        BufferError, match=r"^\[dlpack\] host memory takes a copy; got device numpy; hint: with copy=None"
    ):
        x.__dlpack__(copy=False)
    with pytest.raises(BufferError, match=r"^\[dlpack\] host memory has no streams; got 1; expected stream=None"):
        x.__dlpack__(stream=1)  # type: ignore[arg-type]
    with pytest.raises(
        BufferError, match=r"^\[dlpack\] cannot export to this device; got dl_device=\(2, 0\); expected"
    ):
        x.__dlpack__(dl_device=(2, 0))


def layouts(x: Any) -> list[Any]:
    return [x, x.T, x[:, ::-1], x[1:, ::2], x[:0], x[1, 1]]


@pytest.mark.parametrize("dtype", NUMPY_DTYPES, ids=str)
def test_there_and_back_with_numpy(dtype: nd.DType) -> None:
    a = (np.arange(12).reshape(3, 4) % 5).astype(dtype.name)
    for view in layouts(a):
        x = nd.from_dlpack(np.asarray(view)) if view.ndim else nd.from_dlpack(a[1, 1:2]).reshape(())
        assert x.dtype is dtype
        np.testing.assert_array_equal(np.from_dlpack(x), view)
        assert np.shares_memory(np.from_dlpack(x), a) == (view.size > 0)


def test_numpy_says_what_is_read_only(device: str) -> None:
    a = np.arange(3)
    a.flags.writeable = False
    x = nd.from_dlpack(a, device=device)
    x[0] = 5
    assert a[0] == 0


def test_from_dlpack_keeps_the_device_of_our_arrays(device: str) -> None:
    x = nd.from_dlpack(nd.arange(3, device=device))
    assert (x.tolist(), str(x.device)) == ([0, 1, 2], device)


def test_importing_and_exporting_leave_nothing_behind() -> None:
    gc.collect()
    before = _core.live_buffers()
    source = Exporter(floats(1, 2), (2,))
    tries: list[Callable[[], Any]] = [
        lambda: nd.from_dlpack(source),
        lambda: np.from_dlpack(nd.from_dlpack(source)),
        lambda: nd.from_dlpack(source, copy=True).__dlpack__(),
        lambda: nd.from_dlpack(source, device="numpy").__dlpack__(max_version=(1, 0)),
    ]
    for _ in range(250):
        for each in tries:
            each()
    assert source.given_back == 1000
    assert _core.live_buffers() == before
