"""Files: whole or not at all, and the safetensors format (https://huggingface.co/docs/safetensors).

A safetensors file is an 8-byte little-endian header length, a JSON header with dtype, shape and data_offsets of each
array by name (and texts under ``__metadata__``), then the elements, without gaps. The reader trusts none of it:
whatever a file holds, reading it gives the arrays that it describes or a ValueError, in memory and time that grow with
the file's length alone.
"""

from __future__ import annotations

import json
import math
import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from needle.ndarray import _core
from needle.ndarray._core import Device, NDArray
from needle.ndarray.devices import device as find_device
from needle.ndarray.errors import message

if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Mapping

    from needle.ndarray._core import DType
    from needle.ndarray.devices import DeviceLike

__all__ = ["atomic_write", "load_safetensors", "save_safetensors"]

DTYPES = {
    "BOOL": "bool", "U8": "uint8", "U16": "uint16", "U32": "uint32", "U64": "uint64", "I8": "int8", "I16": "int16",
    "I32": "int32", "I64": "int64", "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2", "F16": "float16",
    "BF16": "bfloat16", "F32": "float32", "F64": "float64", "C64": "complex64",
}  # fmt: skip
CODES = {name: code for code, name in DTYPES.items()}
METADATA = "__metadata__"
PREFIX = 8  # bytes of the header's length
MAX_HEADER = 100_000_000  # bytes, the format's limit
MAX_BYTES = 2**47  # more than any memory has; bounds extents too
MAX_NDIM = 32


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Generator[BinaryIO]:
    """Open a binary file that takes the place of `path` once the block ends, and not at all if it raises.

    Until then it is a temporary file in the same folder, so that readers see the old content or the whole of the new.

    Raises:
        OSError: the folder does not exist or cannot be written to, or `path` is a folder; of the fitting subclass.

    >>> with atomic_write("greeting.txt") as file:
    ...     _ = file.write(b"Hello")
    """
    target = os.path.realpath(path)
    folder, name = os.path.split(target)
    if os.path.isdir(target):
        raise IsADirectoryError(message("atomic_write", "this is a folder", got=target, expected="the path of a file"))
    temporary = os.path.join(folder, f".{name}.{os.urandom(8).hex()}.tmp")
    try:
        try:
            file = open(temporary, "xb")  # noqa: SIM115 - closed below
        except OSError as error:
            problem = "cannot write to the folder" if os.path.isdir(folder) else "there is no such folder"
            raise type(error)(message("atomic_write", problem, got=f"{folder} ({error.strerror})")) from error
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:  # Ctrl-C too
        with suppress(OSError):
            os.unlink(temporary)
        raise


def save_safetensors(
    path: str | os.PathLike[str], arrays: Mapping[str, NDArray], metadata: Mapping[str, str] | None = None
) -> None:
    """Write named arrays, and texts about them, to a safetensors file, atomically.

    Raises:
        TypeError: a name or a text is not a str, an array not an `NDArray`, or of complex128, which the format lacks.
        ValueError: an array is named ``__metadata__``.
        OSError: the file cannot be written.

    >>> from needle.ndarray import ones
    >>> save_safetensors("ones.safetensors", {"x": ones(3)}, {"made by": "an example"})
    """
    for name, x in arrays.items():
        if not isinstance(name, str) or not isinstance(x, NDArray):  # pyright: ignore[reportUnnecessaryIsInstance]
            got = f"{name!r}: {type(x).__name__}"
            raise TypeError(message("save_safetensors", "not a named array", got=got, expected="a str and an NDArray"))
        if x.dtype.name not in CODES:
            problem, hint = f"the format lacks the dtype of {name!r}", "cast it with astype"
            raise TypeError(message("save_safetensors", problem, got=x.dtype.name, hint=hint))
    if METADATA in arrays:
        raise ValueError(message("save_safetensors", f"no array can be named {METADATA}, where the texts are"))
    texts = dict(metadata or {})
    if not _are_texts(texts):
        raise TypeError(message("save_safetensors", "the metadata is not a dict of str to str", got=repr(texts)))
    # Wide elements first, so that each array is aligned; the header keeps the order of `arrays`.
    in_file = sorted(arrays, key=lambda name: -arrays[name].dtype.itemsize)
    offsets: dict[str, list[int]] = {}
    end = 0
    for name in in_file:
        offsets[name] = [end, end + arrays[name].nbytes]
        end += arrays[name].nbytes
    header: dict[str, Any] = {METADATA: texts} if texts else {}
    for name, x in arrays.items():
        header[name] = {"dtype": CODES[x.dtype.name], "shape": x.shape, "data_offsets": offsets[name]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with atomic_write(path) as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for name in in_file:
            file.write(arrays[name].to_bytes())


def load_safetensors(
    path: str | os.PathLike[str], device: DeviceLike = None
) -> tuple[dict[str, NDArray], dict[str, str]]:
    """Read the arrays of a safetensors file, by name in the header's order, and its texts.

    Raises:
        OSError: the file cannot be opened.
        ValueError: it is not a safetensors file, or a damaged one; the text names the file and what is wrong.

    >>> from needle.ndarray import ones
    >>> save_safetensors("ones.safetensors", {"x": ones(3)}, {"made by": "an example"})
    >>> arrays, metadata = load_safetensors("ones.safetensors")
    >>> arrays["x"].tolist(), metadata
    ([1.0, 1.0, 1.0], {'made by': 'an example'})
    """
    where = find_device(device)
    with open(path, "rb") as file:
        try:
            return _read(file, where)
        except ValueError as error:
            problem = f"{os.fspath(path)!r} is not a safetensors file, or is damaged: {error}"
            raise ValueError(message("load_safetensors", problem)) from error


def _read(file: BinaryIO, device: Device) -> tuple[dict[str, NDArray], dict[str, str]]:
    size = os.fstat(file.fileno()).st_size
    length = int.from_bytes(file.read(PREFIX), "little")
    if length > min(size - PREFIX, MAX_HEADER):
        raise ValueError(f"a header of {length} bytes in a file of {size}")
    header = _parse_header(file.read(length))
    texts = header.pop(METADATA, {})
    if not _are_texts(texts):
        raise ValueError("the metadata is not a dict of str to str")
    data_start = PREFIX + length
    entries = {name: _parse_entry(name, entry) for name, entry in header.items()}
    end = 0
    for name, (_, _, (start, stop)) in sorted(entries.items(), key=lambda item: item[1][2]):
        if start != end:
            raise ValueError(f"{name!r} begins at byte {start} of the data, where {end} is the next")
        end = stop
    if end != size - data_start:
        raise ValueError(f"the header describes {end} bytes of data, and {size - data_start} follow it")
    arrays: dict[str, NDArray] = {}
    for name, (dtype, shape, (start, stop)) in entries.items():
        file.seek(data_start + start)
        data = file.read(stop - start)
        if len(data) != stop - start:
            raise ValueError("the file became shorter while it was read")
        if dtype.kind == "bool" and data.translate(None, b"\0\1"):
            raise ValueError(f"{name!r} is BOOL and has other bytes than 0 and 1")
        arrays[name] = _core.from_bytes(data, dtype, shape, device)
    return arrays, texts


def _parse_header(text: bytes) -> dict[str, Any]:
    if not text.startswith(b"{"):
        raise ValueError("the header is not a JSON object")
    try:
        return json.loads(text.decode(), object_pairs_hook=_without_duplicates)
    except RecursionError:
        raise ValueError("the header is nested too deeply") from None


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        raise ValueError("a name occurs twice in the header")
    return result


def _parse_entry(name: str, entry: Any) -> tuple[DType, list[int], tuple[int, int]]:
    """Return an array's dtype, shape and place in the data, once they are well-formed and agree in size."""
    fields = cast("dict[str, Any]", entry) if isinstance(entry, dict) else {}
    if fields.keys() != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"{name!r} does not have just dtype, shape and data_offsets")
    code, shape, offsets = fields["dtype"], fields["shape"], fields["data_offsets"]
    if not isinstance(code, str) or code not in DTYPES:
        raise ValueError(f"{name!r} is of an unknown dtype, {code!r:.40}")
    if not _are_sizes(shape, range(MAX_NDIM + 1)) or not _are_sizes(offsets, [2]):
        raise ValueError(f"{name!r} has a shape or offsets that cannot be: {shape!r:.80}, {offsets!r:.80}")
    dtype = _core.dtypes[DTYPES[code]]
    start, stop = offsets
    if stop - start != math.prod(shape) * dtype.itemsize:
        raise ValueError(f"{name!r} is {code} of shape {shape}, and has {stop - start} bytes")
    return dtype, shape, (start, stop)


def _are_sizes(value: Any, lengths: Collection[int]) -> bool:
    numbers = cast("list[Any]", value)
    return (
        isinstance(value, list)
        and len(numbers) in lengths
        and all(type(n) is int and 0 <= n <= MAX_BYTES for n in numbers)
    )


def _are_texts(value: Any) -> bool:
    texts = cast("dict[Any, Any]", value)
    return isinstance(value, dict) and all(isinstance(text, str) for pair in texts.items() for text in pair)
