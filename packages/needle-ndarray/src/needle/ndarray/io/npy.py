"""NumPy's formats, without NumPy (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html).

A .npy file is a magic string, a version, a header with the text of a dict (dtype, order and shape) and the elements; a
.npz file is a zip archive of them. The reader trusts none of it: whatever a file holds, it gives the arrays that the
file describes or a ValueError, and never makes an object of Python but the header's numbers and texts.
"""

from __future__ import annotations

import ast
import math
import os
import zipfile
import zlib
from array import array
from contextlib import contextmanager
from mmap import ACCESS_COPY, mmap
from typing import IO, TYPE_CHECKING, Any, NamedTuple, cast

from needle.ndarray import _core
from needle.ndarray.devices import device as find_device
from needle.ndarray.errors import message
from needle.ndarray.io.atomic import atomic_write

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from needle.ndarray._core import Device, DType, NDArray
    from needle.ndarray.devices import DeviceLike

__all__ = ["load_npy", "load_npz", "save_npy", "save_npz"]

CODES = {
    "bool": "b1", "int8": "i1", "int16": "i2", "int32": "i4", "int64": "i8", "uint8": "u1", "uint16": "u2",
    "uint32": "u4", "uint64": "u8", "float16": "f2", "float32": "f4", "float64": "f8",
    "complex64": "c8", "complex128": "c16",
}  # fmt: skip
NAMES = {code: name for name, code in CODES.items()}
MAGIC = b"\x93NUMPY"
LENGTHS = {b"\1\0": 2, b"\2\0": 4, b"\3\0": 4}  # bytes of the header's length, by version
MAX_HEADER = 10_000  # bytes: NumPy's own limit
MAX_NDIM = 32
MAX_BYTES = 2**47  # more than any memory has
WORDS = {2: "H", 4: "I", 8: "Q"}  # the array module's letters, by size
# What zipfile raises, besides ValueError, for an archive that is damaged or needs what it lacks.
ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OverflowError, OSError)


class Header(NamedTuple):
    """What a .npy file says about its elements."""

    dtype: DType
    is_big_endian: bool
    is_fortran: bool
    shape: tuple[int, ...]

    @property
    def nbytes(self) -> int:
        """How many bytes they are."""
        return math.prod(self.shape) * self.dtype.itemsize


def save_npy(path: str | os.PathLike[str], x: NDArray) -> None:
    """Write an array to a .npy file, atomically."""
    header = _header(x)
    with atomic_write(path) as file:
        file.write(header)
        file.write(x.to_bytes())


def save_npz(path: str | os.PathLike[str], arrays: Mapping[str, NDArray]) -> None:
    """Write named arrays to a .npz file, not compressed, atomically."""
    headers = {name: _header(x) for name, x in arrays.items()}
    for name in headers:
        if "\0" in name or not name.isprintable():
            raise ValueError(message("save", "a zip archive cannot hold this name", got=repr(name)))
    with atomic_write(path) as file, zipfile.ZipFile(file, "w") as archive:
        for name, header in headers.items():
            # Of no date, so that the same arrays give the same bytes.
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
                member.write(header)
                member.write(arrays[name].to_bytes())


def load_npy(path: str | os.PathLike[str], device: DeviceLike = None) -> NDArray:
    """Map the array of a .npy file into memory."""
    where = find_device(device)
    with open(path, "rb") as file, _explained(path, ".npy"):
        header = _read_header(file, os.fstat(file.fileno()).st_size)
        if header.nbytes == 0:
            return _to_array(header, b"", where)
        mapping = memoryview(mmap(file.fileno(), 0, access=ACCESS_COPY))
        return _to_array(header, mapping[file.tell() :], where, copy=None)


def load_npz(path: str | os.PathLike[str], device: DeviceLike = None) -> dict[str, NDArray]:
    """Read the arrays of a .npz file, by name in its order; its members are stored or deflated."""
    where = find_device(device)
    arrays: dict[str, NDArray] = {}
    with open(path, "rb") as file, _explained(path, ".npz"), zipfile.ZipFile(file) as archive:
        for info in archive.infolist():
            name = info.filename.removesuffix(".npy")
            if name == info.filename or name in arrays:
                raise ValueError(f"its member {info.filename!r:.80} is no .npy file, or there twice")
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise ValueError(f"its member {info.filename!r:.80} is neither stored nor deflated")
            with archive.open(info) as member:
                header = _read_header(member, info.file_size)
                data = member.read(header.nbytes)
                if len(data) != header.nbytes or member.read(1):
                    raise ValueError("its length is not the one that it states")
            arrays[name] = _to_array(header, data, where)
    return arrays


@contextmanager
def _explained(path: str | os.PathLike[str], suffix: str) -> Generator[None]:
    try:
        yield
    except (ValueError, *ZIP_ERRORS) as error:
        problem = f"{os.fspath(path)!r} is not a {suffix} file, or is damaged: {error}"
        raise ValueError(message("load", problem)) from error


def _header(x: NDArray) -> bytes:
    if x.dtype.name not in CODES:
        hint = "save it as .safetensors, or cast it with astype(float32)"
        raise TypeError(message("save", "NumPy's formats have no such element type", got=x.dtype.name, hint=hint))
    order = "|" if x.dtype.itemsize == 1 else "<"
    fields = {"descr": order + CODES[x.dtype.name], "fortran_order": False, "shape": x.shape}
    text = f"{fields!r}".encode()
    text += b" " * (-(len(MAGIC) + 4 + len(text) + 1) % 64) + b"\n"  # so that the elements are aligned
    return MAGIC + b"\1\0" + len(text).to_bytes(2, "little") + text


def _read_header(file: IO[bytes], size: int) -> Header:
    """Read what comes before the elements of a .npy file of `size` bytes."""
    magic = file.read(len(MAGIC) + 2)
    if not magic.startswith(MAGIC) or magic[len(MAGIC) :] not in LENGTHS:
        raise ValueError(f"it begins with {magic!r}, not with {MAGIC!r} and a version from 1 to 3")
    width = LENGTHS[magic[len(MAGIC) :]]
    length = int.from_bytes(file.read(width), "little")
    if length > MAX_HEADER:
        raise ValueError(f"a header of {length} bytes; {MAX_HEADER} are allowed")
    header = _parse_header(file.read(length))
    given = size - len(magic) - width - length
    if header.nbytes != given:
        raise ValueError(f"the header describes {header.nbytes} bytes of data, and {given} follow it")
    return header


def _to_array(header: Header, data: bytes | memoryview, device: Device, copy: bool | None = True) -> NDArray:
    dtype, is_big_endian, is_fortran, shape = header
    if dtype.kind == "bool" and bytes(data).translate(None, b"\0\1"):
        raise ValueError("it is of bool and has other bytes than 0 and 1")
    if is_big_endian and dtype.itemsize > 1:
        words = array(WORDS[dtype.itemsize // (1 + (dtype.kind == "complex"))], bytes(data))
        words.byteswap()
        data = words.tobytes()
    if is_fortran:
        return _core.permute_dims(_core.from_bytes(data, dtype, shape[::-1], device, copy), range(len(shape))[::-1])
    return _core.from_bytes(data, dtype, shape, device, copy)


def _parse_header(text: bytes) -> Header:
    try:
        if b"\\" in text:  # no field needs one, and Python warns of some
            raise ValueError
        header = ast.literal_eval(text.decode().strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        raise ValueError(f"the header is not a dict of constants: {text!r:.80}") from None
    fields = cast("dict[Any, Any]", header) if isinstance(header, dict) else {}
    if fields.keys() != {"descr", "fortran_order", "shape"}:
        raise ValueError(f"the header does not have just descr, fortran_order and shape: {text!r:.80}")
    descr, is_fortran, shape = fields["descr"], fields["fortran_order"], cast("tuple[Any, ...]", fields["shape"])
    if not isinstance(descr, str) or descr[:1] not in ("<", ">", "|", "=") or descr[1:] not in NAMES:
        raise ValueError(f"elements of type {descr!r:.80}; numbers and bool can be read")
    dtype = _core.dtypes[NAMES[descr[1:]]]
    if not isinstance(is_fortran, bool):
        raise ValueError(f"fortran_order is {is_fortran!r:.80}, neither True nor False")
    is_shape = isinstance(shape, tuple) and len(shape) <= MAX_NDIM
    if not is_shape or not all(type(n) is int and 0 <= n <= MAX_BYTES for n in shape):
        raise ValueError(f"the shape is {shape!r:.80}")
    return Header(dtype, descr[0] == ">", is_fortran, shape)
