"""The safetensors format (https://huggingface.co/docs/safetensors).

A safetensors file is an 8-byte little-endian header length, a JSON header with dtype, shape and data_offsets of each
array by name (and texts under ``__metadata__``), then the elements, without gaps. The reader trusts none of it:
whatever a file holds, reading it gives the arrays that it describes or a ValueError, in memory and time that grow with
the file's length alone.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from contextlib import contextmanager
from mmap import ACCESS_COPY, mmap
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, cast

from needle.ndarray import _core
from needle.ndarray._core import NDArray
from needle.ndarray.devices import device as find_device
from needle.ndarray.errors import message
from needle.ndarray.io.atomic import atomic_write

if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Iterator

    from needle.ndarray._core import Device, DType
    from needle.ndarray.devices import DeviceLike

__all__ = ["SafetensorsFile", "load_safetensors", "save_safetensors"]

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


class Entry(NamedTuple):
    """An array in a file: what it is, and from which byte of the file to which it lies."""

    dtype: DType
    shape: list[int]
    start: int
    stop: int


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
    with open(path, "rb") as file, _explained(path):
        entries, texts = _read_header(file)
        arrays: dict[str, NDArray] = {}
        for name, entry in entries.items():
            file.seek(entry.start)
            data = file.read(entry.stop - entry.start)
            if len(data) != entry.stop - entry.start:
                raise ValueError("the file became shorter while it was read")
            arrays[name] = _to_array(name, entry, data, where)
        return arrays, texts


class SafetensorsFile(Mapping[str, NDArray]):
    """The arrays of a safetensors file by name, each read when it is asked for; and its texts, `metadata`.

    The file is mapped into memory. On the cpu an array lies in this mapping, if it is aligned in the file, so that what
    is not used is never read. Writes go to memory, not to the file. The mapping lasts as long as an array in it.
    Whatever else writes to the file has to replace it as a whole, as `atomic_write` does: arrays would see changes, and
    reading what was cut off ends the process.

    Args:
        path: the file.
        device: of the arrays; the default one without it.

    Raises:
        OSError: the file cannot be opened.
        ValueError: it is not a safetensors file, or a damaged one; the text names the file and what is wrong.

    >>> from needle.ndarray import ones
    >>> save_safetensors("ones.safetensors", {"x": ones(3), "y": ones(1)})
    >>> file = SafetensorsFile("ones.safetensors")
    >>> list(file), file["x"].tolist()
    (['x', 'y'], [1.0, 1.0, 1.0])
    """

    def __init__(self, path: str | os.PathLike[str], device: DeviceLike = None) -> None:
        self._path = path
        self._device = find_device(device)
        with open(path, "rb") as file, _explained(path):
            self._entries, self.metadata = _read_header(file)
            self._mapping = memoryview(mmap(file.fileno(), 0, access=ACCESS_COPY))

    def __getitem__(self, name: str) -> NDArray:
        entry = self._entries[name]
        with _explained(self._path):
            return _to_array(name, entry, self._mapping[entry.start : entry.stop], self._device, copy=None)

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        return f"SafetensorsFile({os.fspath(self._path)!r}, {len(self)} arrays)"


@contextmanager
def _explained(path: str | os.PathLike[str]) -> Generator[None]:
    try:
        yield
    except ValueError as error:
        problem = f"{os.fspath(path)!r} is not a safetensors file, or is damaged: {error}"
        raise ValueError(message("load_safetensors", problem)) from error


def _to_array(name: str, entry: Entry, data: bytes | memoryview, device: Device, copy: bool | None = True) -> NDArray:
    if entry.dtype.kind == "bool" and bytes(data).translate(None, b"\0\1"):
        raise ValueError(f"{name!r} is BOOL and has other bytes than 0 and 1")
    return _core.from_bytes(data, entry.dtype, entry.shape, device, copy)


def _read_header(file: BinaryIO) -> tuple[dict[str, Entry], dict[str, str]]:
    """Return the arrays and the texts that a file says it has, once they fit its length."""
    size = os.fstat(file.fileno()).st_size
    length = int.from_bytes(file.read(PREFIX), "little")
    if length > min(size - PREFIX, MAX_HEADER):
        raise ValueError(f"a header of {length} bytes in a file of {size}")
    header = _parse_header(file.read(length))
    texts = header.pop(METADATA, {})
    if not _are_texts(texts):
        raise ValueError("the metadata is not a dict of str to str")
    data_start = PREFIX + length
    entries = {name: _parse_entry(name, entry, data_start) for name, entry in header.items()}
    end = data_start
    for name, entry in sorted(entries.items(), key=lambda item: item[1][2:]):
        if entry.start != end:
            place, expected = entry.start - data_start, end - data_start
            raise ValueError(f"{name!r} begins at byte {place} of the data, where {expected} is the next")
        end = entry.stop
    if end != size:
        raise ValueError(f"the header describes {end - data_start} bytes of data, and {size - data_start} follow it")
    return entries, texts


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


def _parse_entry(name: str, entry: Any, data_start: int) -> Entry:
    """Return an array's dtype, shape and place in the file, once they are well-formed and agree in size."""
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
    return Entry(dtype, shape, data_start + start, data_start + stop)


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
