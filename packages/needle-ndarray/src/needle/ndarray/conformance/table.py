"""A backend that is a C table, called from Python: what lets the kit test any backend as a `Backend`.

The table's fields and their types are read from needle_backend.h, so that they are written down once.
"""

from __future__ import annotations

import ctypes as c
import re
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np

from needle.ndarray.backend import Backend, View
from needle.ndarray.conformance.elements import encode

if TYPE_CHECKING:
    from collections.abc import Sequence

FAMILIES = ("unary", "binary", "reduce", "arg_reduce", "scan", "scatter", "composite")
ERRORS: dict[int, type[Exception]] = {1: RuntimeError, 2: MemoryError, 3: IndexError, 4: NotImplementedError}
DTYPE_CODES = {"bool": 6, "int": 0, "uint": 1, "float": 2, "complex": 5}
OTHER_CODES = {"bfloat16": 4, "float8_e4m3fn": 10, "float8_e5m2": 12}


class DataType(c.Structure):
    _fields_ = (("code", c.c_uint8), ("bits", c.c_uint8), ("lanes", c.c_uint16))


class DLTensor(c.Structure):
    _fields_ = (
        ("data", c.c_void_p),
        ("device_type", c.c_int32),
        ("device_id", c.c_int32),
        ("ndim", c.c_int32),
        ("dtype", DataType),
        ("shape", c.POINTER(c.c_int64)),
        ("strides", c.POINTER(c.c_int64)),
        ("byte_offset", c.c_uint64),
    )


class Memory(c.Structure):
    _fields_ = tuple((name, c.c_uint64) for name in ("live", "cached", "peak", "limit"))


class Arguments(c.Structure):
    _fields_ = (
        ("n_inputs", c.c_int32),
        ("n_outputs", c.c_int32),
        ("n_integers", c.c_int32),
        ("n_reals", c.c_int32),
        ("inputs", c.POINTER(c.POINTER(DLTensor))),
        ("outputs", c.POINTER(c.POINTER(DLTensor))),
        ("integers", c.POINTER(c.c_int64)),
        ("reals", c.POINTER(c.c_double)),
    )


C_TYPES: dict[str, Any] = {
    "int32_t": c.c_int32,
    "uint32_t": c.c_uint32,
    "uint64_t": c.c_uint64,
    "size_t": c.c_size_t,
    "needle_status": c.c_int,
    "needle_family": c.c_int,
    "needle_in": c.POINTER(DLTensor),
    "needle_out": c.POINTER(DLTensor),
    "needle_arguments *": c.POINTER(Arguments),
    "needle_memory *": c.POINTER(Memory),
    "void": None,
    "void *": c.c_void_p,
    "void **": c.POINTER(c.c_void_p),
    "char *": c.c_char_p,
}


def table_fields(header: str) -> list[tuple[str, Any]]:
    """Return the fields of the struct needle_backend with their ctypes."""
    text = re.sub(r"/\*.*?\*/|const ", "", header, flags=re.DOTALL)
    body = re.search(r"typedef struct needle_backend \{(.*?)\} needle_backend;", text, re.DOTALL)
    assert body, "needle_backend.h has no struct needle_backend"
    fields: list[tuple[str, Any]] = []
    for declaration in filter(None, map(str.strip, body[1].split(";"))):
        function = re.fullmatch(r"(.+?)\(\*(\w+)\)\((.*)\)", declaration, re.DOTALL)
        if function:
            result, name, arguments = function.groups()
            types = [C_TYPES[re.sub(r"\w+$", "", argument.strip()).strip()] for argument in arguments.split(",")]
            fields.append((name, c.CFUNCTYPE(C_TYPES[result.strip()], *types)))
        else:
            kind, name = re.fullmatch(r"(.+?)(\w+)", declaration).groups()  # pyright: ignore[reportOptionalMemberAccess]
            fields.append((name, C_TYPES[kind.strip()]))
    return fields


HEADER = (files("needle.ndarray") / "include" / "needle_backend.h").read_text()
API_VERSION = int(re.findall(r"#define NEEDLE_BACKEND_API_VERSION (\d+)", HEADER)[0])


class Table(c.Structure):
    _fields_ = table_fields(HEADER)


class Buffer:
    """Memory of the backend, freed when it is dropped."""

    def __init__(self, table: Any, device: int, nbytes: int, data: int | None) -> None:
        self.table, self.device, self.nbytes, self.data = table, device, nbytes, data

    def __del__(self) -> None:
        self.table.free(self.table.context, self.device, self.data, self.nbytes)


def tensor(v: View | None) -> Any:
    if v is None:
        return None
    shape, strides = ((c.c_int64 * len(v.shape))(*numbers) for numbers in (v.shape, v.strides))
    code = OTHER_CODES.get(v.dtype.name, DTYPE_CODES[v.dtype.kind])
    dtype = DataType(code, v.dtype.itemsize * 8, 1)
    return DLTensor(v.buffer.data, 0, v.buffer.device, len(v.shape), dtype, shape, strides, v.offset * v.dtype.itemsize)


class TableBackend(Backend):
    """The table in a capsule."""

    def __init__(self, capsule: object) -> None:
        pointer = c.PYFUNCTYPE(c.c_void_p, c.py_object, c.c_char_p)(("PyCapsule_GetPointer", c.pythonapi))
        self.capsule = capsule  # keeps the table alive
        self.table: Any = Table.from_address(pointer(capsule, b"needle_backend"))
        assert self.table.api_version == API_VERSION, (
            f"built for API version {self.table.api_version}, not {API_VERSION}"
        )
        optional: Any = Table.composite  # the first of them
        assert self.table.size >= optional.offset, (
            f"a table of {self.table.size} bytes, less than the {optional.offset} required"
        )
        self.has_composite = self.table.size >= optional.offset + optional.size and bool(self.table.composite)
        missing = [
            name
            for name, *_ in Table._fields_
            if getattr(Table, name).offset < optional.offset
            and name not in ("host_memory", "context")
            and not getattr(self.table, name)
        ]
        assert not missing, f"functions that are required are NULL: {', '.join(missing)}"
        self.name = self.table.name.decode()
        self.codes: dict[tuple[str, str], int] = {}

    def _call(self, function: str, *args: Any) -> None:
        status = getattr(self.table, function)(self.table.context, *args)
        if status:
            reason = self.table.last_error(self.table.context) or b"no reason was given"
            raise ERRORS[status](reason.decode())

    def _op(self, family: str, op: str) -> int:
        if (family, op) not in self.codes:
            self.codes[family, op] = self.table.op(self.table.context, FAMILIES.index(family), op.encode())
        return self.codes[family, op]

    def device_count(self) -> int:
        return self.table.device_count(self.table.context)

    def describe(self, device: int) -> str:
        return self.table.describe(self.table.context, device).decode()

    def supports(self, family: str, op: str) -> bool:
        if family == "composite" and not self.has_composite:
            return False
        return self._op(family, op) >= 0

    def alloc(self, nbytes: int, device: int) -> Buffer:
        data = c.c_void_p()
        self._call("alloc", device, nbytes, c.byref(data))
        return Buffer(self.table, device, nbytes, data.value)

    def upload(self, host: memoryview, buffer: Buffer, offset: int) -> None:
        source = (c.c_char * host.nbytes).from_buffer_copy(host)
        self._call("upload", buffer.device, source, buffer.data, offset, host.nbytes)

    def download(self, buffer: Buffer, offset: int, host: memoryview) -> None:
        target = (c.c_char * host.nbytes).from_buffer(host)
        self._call("download", buffer.device, buffer.data, offset, target, host.nbytes)

    def copy(self, a: View, out: View) -> None:
        self._call("copy", tensor(a), tensor(out))

    def synchronize(self, device: int) -> None:
        self._call("synchronize", device)

    def fill(self, value: complex, out: View) -> None:
        element = encode(np.array([value]), out.dtype.name)
        self._call("fill", element.ctypes.data, tensor(out))

    def iota(self, out: View) -> None:
        self._call("iota", tensor(out))

    def unary(self, op: str, a: View, out: View) -> None:
        self._call("unary", self._op("unary", op), tensor(a), tensor(out))

    def binary(self, op: str, a: View, b: View, out: View) -> None:
        self._call("binary", self._op("binary", op), tensor(a), tensor(b), tensor(out))

    def where(self, condition: View, a: View, b: View, out: View) -> None:
        self._call("where", tensor(condition), tensor(a), tensor(b), tensor(out))

    def cast(self, a: View, out: View) -> None:
        self._call("cast", tensor(a), tensor(out))

    def reduce(self, op: str, a: View, out: View) -> None:
        self._call("reduce", self._op("reduce", op), tensor(a), tensor(out))

    def arg_reduce(self, op: str, a: View, axis: int, out: View) -> None:
        self._call("arg_reduce", self._op("arg_reduce", op), tensor(a), axis, tensor(out))

    def scan(self, op: str, a: View, axis: int, out: View) -> None:
        self._call("scan", self._op("scan", op), tensor(a), axis, tensor(out))

    def sort(self, a: View, axis: int, descending: bool, values: View | None, indices: View | None) -> None:
        self._call("sort", tensor(a), axis, int(descending), tensor(values), tensor(indices))

    def matmul(self, a: View, b: View, out: View) -> None:
        self._call("matmul", tensor(a), tensor(b), tensor(out))

    def gather(self, a: View, indices: View, axis: int, out: View) -> None:
        self._call("gather", tensor(a), tensor(indices), axis, tensor(out))

    def scatter(self, op: str, a: View, indices: View, axis: int, out: View) -> None:
        self._call("scatter", self._op("scatter", op), tensor(a), tensor(indices), axis, tensor(out))

    def random_bits(self, key: int, counter: int, out: View) -> None:
        self._call("random_bits", key, counter, tensor(out))

    def composite(
        self,
        op: str,
        inputs: Sequence[View | None],
        outputs: Sequence[View | None],
        integers: Sequence[int],
        reals: Sequence[float],
    ) -> None:
        arrays = [[c.pointer(tensor(v)) if v else None for v in views] for views in (inputs, outputs)]
        pointers = [(c.POINTER(DLTensor) * len(views))(*views) for views in arrays]
        whole, real = (c.c_int64 * len(integers))(*integers), (c.c_double * len(reals))(*reals)
        counts = (len(inputs), len(outputs), len(integers), len(reals))
        self._call("composite", self._op("composite", op), c.byref(Arguments(*counts, *pointers, whole, real)))
