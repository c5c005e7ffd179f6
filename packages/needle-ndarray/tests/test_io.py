"""Files: atomic writing, and safetensors files that are well-formed, damaged or hostile."""

from __future__ import annotations

import json
import re
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from needle import ndarray as nd
from needle.ndarray.io import SafetensorsFile, atomic_write

CODES = {
    "BOOL": nd.bool, "U8": nd.uint8, "I8": nd.int8, "U16": nd.uint16, "I16": nd.int16, "U32": nd.uint32,
    "I32": nd.int32, "U64": nd.uint64, "I64": nd.int64, "F16": nd.float16, "BF16": nd.bfloat16, "F32": nd.float32,
    "F64": nd.float64,
}  # fmt: skip


def test_atomic_write_replaces(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with atomic_write(path) as file:
        file.write(b"new")
        assert path.read_bytes() == b"old", "until the end"
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("exists", [True, False])
def test_atomic_write_leaves_nothing_behind(tmp_path: Path, error: type[BaseException], exists: bool) -> None:
    path = tmp_path / "file"
    if exists:
        path.write_bytes(b"old")

    def fail() -> None:
        with atomic_write(str(path)) as file:
            file.write(b"half")
            raise error

    with pytest.raises(error):
        fail()
    assert list(tmp_path.iterdir()) == ([path] if exists else [])
    assert not exists or path.read_bytes() == b"old"


def test_atomic_write_follows_links_and_the_umask(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with atomic_write(tmp_path / "link") as file:
        file.write(b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"
    (tmp_path / "plain").touch()
    assert (tmp_path / "real").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_atomic_write_names_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(path: Path) -> None:
        with atomic_write(path):
            pass

    with pytest.raises(FileNotFoundError, match=r"\[atomic_write\] there is no such folder; got .*missing \(No such"):
        write(tmp_path / "missing" / "file")
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError, match=r"\[atomic_write\] there is no such folder; got .*file \(Not a"):
        write(tmp_path / "file" / "file")
    with pytest.raises(IsADirectoryError, match=r"\[atomic_write\] this is a folder; got .*; expected the path of a"):
        write(tmp_path)

    def refuse(*_: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", refuse)  # as root, a folder's mode forbids nothing
    with pytest.raises(PermissionError, match=r"\[atomic_write\] cannot write to the folder; got .* \(Permission"):
        write(tmp_path / "new")


def arrays(device: str) -> dict[str, nd.NDArray]:
    """An array of each dtype, of various shapes and layouts."""
    x = nd.arange(24, device=device).reshape(2, 3, 4)
    numbers = {code: (x % 2 if code == "BOOL" else x).astype(dtype) for code, dtype in CODES.items()}
    result = {f"of {code}": each[:, ::-2].permute_dims(2, 1, 0) for code, each in numbers.items()}
    return {"": nd.asarray(1.5, device=device), "empty ü": nd.zeros((2, 0), nd.int8, device), **result}


def test_round_trip(device: str, tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    expected = arrays(device)
    nd.save_safetensors(path, expected, {"epoch": "3", "text": 'a "quoted" one\n'})
    found, metadata = nd.load_safetensors(path, device)
    assert metadata == {"epoch": "3", "text": 'a "quoted" one\n'}
    assert list(found) == list(expected)
    for name, x in expected.items():
        assert (found[name].dtype, found[name].shape, str(found[name].device)) == (x.dtype, x.shape, device)
        assert found[name].to_bytes() == x.to_bytes()
    nd.save_safetensors(str(path), {})
    assert nd.load_safetensors(str(path)) == ({}, {})


def test_the_format(device: str, tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    x, y = nd.asarray([1, 2, 3], nd.uint8, device), nd.asarray([[1.0], [-2.0]], nd.float32, device)
    nd.save_safetensors(path, {"x": x, "y": y}, {"k": "v"})
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    assert length % 8 == 0
    assert json.loads(data[8 : 8 + length]) == {
        "__metadata__": {"k": "v"},
        "x": {"dtype": "U8", "shape": [3], "data_offsets": [8, 11]},
        "y": {"dtype": "F32", "shape": [2, 1], "data_offsets": [0, 8]},
    }
    assert data[8 + length :] == struct.pack("<ff", 1, -2) + b"\x01\x02\x03"


def test_every_array_is_aligned(device: str, tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    nd.save_safetensors(path, arrays(device))
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    for entry in json.loads(data[8 : 8 + length]).values():
        assert (8 + length + entry["data_offsets"][0]) % CODES[entry["dtype"]].itemsize == 0


def test_saving_refuses(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    x = nd.zeros(2, device="numpy")
    with pytest.raises(TypeError, match=r"\[save_safetensors\] not a named array; got 1: NDArray; expected a str"):
        nd.save_safetensors(path, {1: x})  # type: ignore[dict-item]
    with pytest.raises(TypeError, match=r"\[save_safetensors\] not a named array; got 'a': list"):
        nd.save_safetensors(path, {"a": [1]})  # type: ignore[dict-item]
    with pytest.raises(ValueError, match=r"\[save_safetensors\] no array can be named __metadata__"):
        nd.save_safetensors(path, {"__metadata__": x})
    with pytest.raises(TypeError, match=r"\[save_safetensors\] the metadata is not a dict of str to str; got \{'a':"):
        nd.save_safetensors(path, {"a": x}, {"a": 1})  # type: ignore[dict-item]
    assert list(tmp_path.iterdir()) == []


def write(path: Path, header: Any, data: bytes = b"", length: int | None = None) -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text) if length is None else length) + text + data)
    return path


def entry(dtype: Any = "U8", shape: Any = (2,), offsets: Any = (0, 2)) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


HOSTILE: dict[str, tuple[Any, bytes, str]] = {
    "not an object": ([], b"", "the header is not a JSON object"),
    "leading space": (b" {}", b"", "the header is not a JSON object"),
    "no JSON": (b"{'a': 1}", b"", "Expecting property name"),
    "no UTF-8": (b'{"\xff": 1}', b"", "invalid start byte"),
    "nested deeply": (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", b"", "nested too deeply"),
    "long number": (b'{"a":' + b"9" * 10_000 + b"}", b"", "limit"),
    "a name twice": (b'{"a":1,"a":2}', b"", "a name occurs twice"),
    "a key twice": (b'{"a":{"dtype":"U8","dtype":"U8","shape":[0],"data_offsets":[0,0]}}', b"", "a name occurs twice"),
    "entry no object": ({"a": 1}, b"", "'a' does not have just dtype, shape and data_offsets"),
    "entry lacks a key": ({"a": {"dtype": "U8", "shape": [0]}}, b"", "does not have just"),
    "entry has more": ({"a": {**entry(), "more": 1}}, b"\0\0", "does not have just"),
    "dtype unknown": ({"a": entry("F4")}, b"\0\0", "'a' is of an unknown dtype, 'F4'"),
    "dtype a list": ({"a": entry(["U8"])}, b"\0\0", "unknown dtype"),
    "shape a number": ({"a": entry(shape=2)}, b"\0\0", "shape or offsets that cannot be"),
    "extent negative": ({"a": entry(shape=[-2])}, b"\0\0", "cannot be"),
    "extent bool": ({"a": entry(shape=[True, 2])}, b"\0\0", "cannot be"),
    "extent a float": ({"a": entry(shape=[2.0])}, b"\0\0", "cannot be"),
    "extent enormous": ({"a": entry(shape=[2**64, 0], offsets=[0, 0])}, b"", "cannot be"),
    "rank enormous": ({"a": entry(shape=[1] * 1000, offsets=[0, 1])}, b"\0", "cannot be"),
    "one offset": ({"a": entry(offsets=[2])}, b"\0\0", "cannot be"),
    "offset null": ({"a": entry(offsets=[0, None])}, b"\0\0", "cannot be"),
    "offsets swapped": ({"a": entry(offsets=[2, 0])}, b"\0\0", r"'a' is U8 of shape \[2\], and has -2 bytes"),
    "size wrong": ({"a": entry("F32")}, b"\0\0", r"'a' is F32 of shape \[2\], and has 2 bytes"),
    "size overflows": ({"a": entry("F64", [2**40, 2**40], [0, 2])}, b"\0\0", "and has 2 bytes"),
    "overlap": ({"a": entry(), "b": entry(offsets=[1, 3])}, b"\0\0\0", "'b' begins at byte 1 of the data, where 2 is"),
    "the same twice": ({"a": entry(), "b": entry()}, b"\0\0", "'b' begins at byte 0 of the data, where 2 is"),
    "hole": ({"a": entry(), "b": entry(offsets=[3, 5])}, b"\0" * 5, "'b' begins at byte 3 of the data, where 2 is"),
    "hole at the start": ({"a": entry(offsets=[1, 3])}, b"\0" * 3, "'a' begins at byte 1 of the data, where 0 is"),
    "data missing": ({"a": entry()}, b"\0", "the header describes 2 bytes of data, and 1 follow it"),
    "data left": ({"a": entry()}, b"\0\0\0", "the header describes 2 bytes of data, and 3 follow it"),
    "bool of 2": ({"a": entry("BOOL")}, b"\1\2", "'a' is BOOL and has other bytes than 0 and 1"),
    "metadata a list": ({"__metadata__": []}, b"", "the metadata is not a dict of str to str"),
    "metadata of numbers": ({"__metadata__": {"a": 1}}, b"", "the metadata is not a dict of str to str"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files(tmp_path: Path, name: str) -> None:
    header, data, text = HOSTILE[name]
    path = write(tmp_path / "x.safetensors", header, data)
    with pytest.raises(ValueError, match=rf"\[load_safetensors\] '.*x.safetensors' is not .*, or is damaged: .*{text}"):
        nd.load_safetensors(path, "numpy")


@pytest.mark.parametrize("data", [b"", b"1234567", struct.pack("<Q", 2**64 - 1), struct.pack("<Q", 3) + b"{}"])
def test_wrong_header_lengths(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=rf"is damaged: a header of \d+ bytes in a file of {len(data)}"):
        nd.load_safetensors(path, "numpy")


def test_a_long_header_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    with path.open("wb") as file:
        file.write(struct.pack("<Q", 200_000_000))
        file.truncate(300_000_000)  # sparse: takes no room
    with pytest.raises(ValueError, match=r"a header of 200000000 bytes"):
        nd.load_safetensors(path, "numpy")


def test_missing_files(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="missing"):
        nd.load_safetensors(tmp_path / "missing", "numpy")
    with pytest.raises(IsADirectoryError):
        nd.load_safetensors(tmp_path, "numpy")


def test_other_writers_files(tmp_path: Path) -> None:
    """Spaces after the header, entries in any order, empty arrays at a border."""
    header = {
        "b": entry("I16", [1], [2, 4]),
        "none": entry("F64", [0, 3], [2, 2]),
        "a": entry(),
        "zero": entry("F32", [0], [4, 4]),
    }
    path = write(tmp_path / "x.safetensors", json.dumps(header).encode() + b"   \n", b"\1\2\3\0")
    found, metadata = nd.load_safetensors(path, "numpy")
    assert {name: x.tolist() for name, x in found.items()} == {"b": [3], "none": [], "a": [1, 2], "zero": []}
    assert metadata == {}


def test_lazy_files_read_what_is_asked_for(device: str, tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    expected = arrays(device)
    nd.save_safetensors(path, expected, {"epoch": "3"})
    file = nd.load(path, device=device)
    assert isinstance(file, SafetensorsFile)
    assert (list(file), len(file), file.metadata) == (list(expected), len(expected), {"epoch": "3"})
    for name, x in file.items():
        assert (x.dtype, x.shape, str(x.device)) == (expected[name].dtype, expected[name].shape, device)
        assert x.to_bytes() == expected[name].to_bytes()
    assert "nothing" not in file
    with pytest.raises(KeyError, match="nothing"):
        file["nothing"]
    assert re.fullmatch(r"SafetensorsFile\('.*x.safetensors', 15 arrays\)", repr(file))


def test_lazy_files_are_mapped(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    nd.save(path, {"x": nd.arange(4)})
    before = path.read_bytes()
    file = nd.load(path, device="cpu")
    x, again = file["x"], file["x"]
    x[0] = 9
    assert again.tolist() == [9, 1, 2, 3], "one memory"
    assert path.read_bytes() == before, "which is not the file"
    nd.save(path, {"x": nd.zeros(4)})
    path.unlink()
    del file, again
    assert x.tolist() == [9, 1, 2, 3], "and which lasts"
    numbers = memoryview(x)
    del x
    assert numbers.tolist() == [9, 1, 2, 3]


def test_lazy_files_of_other_writers(tmp_path: Path) -> None:
    """Elements that are not aligned, no elements, no arrays."""
    header = {"a": entry("U8", [1], [0, 1]), "b": entry("I16", [2], [1, 5]), "none": entry("F64", [0], [5, 5])}
    text = json.dumps(header).encode()
    path = write(tmp_path / "x.safetensors", text + b" " * (-len(text) % 8), b"\7\1\0\2\0")
    assert {name: x.tolist() for name, x in nd.load(path, device="cpu").items()} == {"a": [7], "b": [1, 2], "none": []}
    assert dict(nd.load(write(path, {}))) == {}


@pytest.mark.parametrize("name", HOSTILE)
def test_lazy_files_that_are_hostile(tmp_path: Path, name: str) -> None:
    header, data, text = HOSTILE[name]
    path = write(tmp_path / "x.safetensors", header, data)
    with pytest.raises(ValueError, match=rf"\[load_safetensors\] '.*x.safetensors' is not .*, or is damaged: .*{text}"):
        dict(nd.load(path, device="cpu"))


def test_a_reader_of_the_format_in_numpy_agrees(device: str, tmp_path: Path, rng: np.random.Generator) -> None:
    path = tmp_path / "x.safetensors"
    a = rng.standard_normal((3, 4)).astype(np.float32)
    nd.save_safetensors(path, {"a": nd.asarray(a.T, device=device)})
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    np.testing.assert_array_equal(np.frombuffer(data[8 + length :], np.float32).reshape(4, 3), a.T)


def test_complex_and_float8(device: str, tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    numbers = [[1.5, -2.0], [0.0, 448.0]]
    names = ("complex64", "float8_e4m3fn", "float8_e5m2")
    given = {name: nd.asarray(numbers, getattr(nd, name), device) for name in names}
    nd.save_safetensors(path, given)
    arrays, _ = nd.load_safetensors(path, device)
    assert {name: (x.dtype.name, x.tolist()) for name, x in arrays.items()} == {
        name: (name, x.tolist()) for name, x in given.items()
    }
    (length,) = struct.unpack("<Q", path.read_bytes()[:8])
    header = json.loads(path.read_bytes()[8 : 8 + length])
    assert [entry["dtype"] for entry in header.values()] == ["C64", "F8_E4M3", "F8_E5M2"]


def test_a_dtype_that_the_format_lacks(tmp_path: Path) -> None:
    text = r"\[save_safetensors\] the format lacks the dtype of 'z'; got complex128; hint: cast it with astype"
    with pytest.raises(TypeError, match=text):
        nd.save_safetensors(tmp_path / "z", {"z": nd.zeros(2, nd.complex128, "cpu")})
    assert not list(tmp_path.iterdir())
