"""NumPy's files: against NumPy itself, and damaged or hostile ones."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path
from typing import Any

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from needle import ndarray as nd
from needle.ndarray import _core

NUMPY_DTYPES = [name for name in _core.dtypes if hasattr(np, name) or name == "bool"]
any_array = hnp.arrays(st.sampled_from(NUMPY_DTYPES), hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))


@given(data=any_array)
def test_we_read_what_numpy_writes(device: str, tmp_path: Path, data: np.ndarray[Any, Any]) -> None:
    for x in (data, data.T, data.astype(data.dtype.newbyteorder(">"))):
        np.save(tmp_path / "x.npy", x)
        np.testing.assert_array_equal(nd.load(tmp_path / "x.npy", device=device).numpy(), x)
        np.savez(tmp_path / "x.npz", x, named=x[None])
        found = nd.load(tmp_path / "x.npz", device=device)
        assert set(found) == {"arr_0", "named"}
        np.testing.assert_array_equal(found["named"].numpy(), x[None])
        np.savez_compressed(tmp_path / "x.npz", x)
        np.testing.assert_array_equal(nd.load(tmp_path / "x.npz", device=device)["arr_0"].numpy(), x)


@given(data=any_array)
def test_numpy_reads_what_we_write(device: str, tmp_path: Path, data: np.ndarray[Any, Any]) -> None:
    x = nd.asarray(data, device=device)
    nd.save(tmp_path / "x.npy", x)
    np.testing.assert_array_equal(np.load(tmp_path / "x.npy"), data, strict=True)
    nd.save(tmp_path / "x.npz", {"a/b ü": x[..., None], "": x, "x.npy": x})
    with np.load(tmp_path / "x.npz") as found:
        assert sorted(found) == ["", "a/b ü", "x.npy"]
        np.testing.assert_array_equal(found["a/b ü"], data[..., None], strict=True)
    assert list(nd.load(tmp_path / "x.npz")) == ["a/b ü", "", "x.npy"]


def test_the_format(device: str, tmp_path: Path) -> None:
    nd.save(tmp_path / "x.npy", nd.asarray([[1, 2]], nd.int16, device))
    text = b"{'descr': '<i2', 'fortran_order': False, 'shape': (1, 2)}"
    header = b"\x93NUMPY\1\0\x76\0" + text.ljust(117) + b"\n"
    assert (tmp_path / "x.npy").read_bytes() == header + b"\1\0\2\0"
    nd.save(tmp_path / "x.npz", {"x": nd.asarray([[1, 2]], nd.int16, device)})
    first = (tmp_path / "x.npz").read_bytes()
    nd.save(tmp_path / "x.npz", {"x": nd.asarray([[1, 2]], nd.int16, device)})
    assert (tmp_path / "x.npz").read_bytes() == first


@pytest.mark.parametrize("order", ["C", "F"])
def test_npy_files_are_mapped(tmp_path: Path, order: Any) -> None:
    path = tmp_path / "x.npy"
    np.save(path, np.array([[1.0, 2.0], [3.0, 4.0]], order=order))
    x = nd.load(path, device="cpu")
    with path.open("r+b") as file:
        file.seek(-8, os.SEEK_END)
        file.write(np.float64(5).tobytes())
    assert x[1, 1].item() == 5, "not read before"
    before = path.read_bytes()
    x[0, 0] = 9
    assert path.read_bytes() == before, "writes do not go to the file"
    nd.save(path, nd.zeros(4))
    path.unlink()
    assert x.tolist() == [[9, 2], [3, 5]], "the mapping lasts"


def test_big_endian_files_are_read(tmp_path: Path) -> None:
    """They cannot be used where they are."""
    np.save(tmp_path / "x.npy", np.arange(3, dtype=">i4"))
    x = nd.load(tmp_path / "x.npy", device="cpu")
    x[0] = 7
    assert x.tolist() == [7, 1, 2]


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_versions(tmp_path: Path, version: tuple[int, int]) -> None:
    with (tmp_path / "x.npy").open("wb") as file:
        np.lib.format.write_array(file, np.arange(3), version)
    assert nd.load(tmp_path / "x.npy").tolist() == [0, 1, 2]


def test_saving_refuses(tmp_path: Path) -> None:
    x = nd.zeros(2)
    with pytest.raises(
        ValueError, match=r"\[save\] no format has this suffix; got '.*x.txt'; expected .npy or .npz or .sa"
    ):
        nd.save(tmp_path / "x.txt", x)
    with pytest.raises(TypeError, match=r"\[save\] a .npy file holds one array; got dict; expected NDArray"):
        nd.save(tmp_path / "x.npy", {"x": x})
    for suffix in (".npz", ".safetensors"):
        path = tmp_path / f"x{suffix}"
        with pytest.raises(
            TypeError, match=rf"\[save\] a {suffix} file holds named arrays; got NDArray; expected a dict"
        ):
            nd.save(path, x)
        with pytest.raises(
            TypeError, match=r"\[save\] not a named array; got 1: NDArray; expected a str and an NDArray"
        ):
            nd.save(path, {1: x})  # type: ignore[dict-item]
        with pytest.raises(TypeError, match=r"\[save\] not a named array; got 'a': int; expected a str and an NDArray"):
            nd.save(path, {"a": 1})  # type: ignore[dict-item]
    with pytest.raises(ValueError, match=r"\[save\] a zip archive cannot hold this name; got 'a\\x00b'"):
        nd.save(tmp_path / "x.npz", {"a\0b": x})
    half = x.astype(nd.bfloat16)
    text = r"\[save\] NumPy's formats have no such element type; got bfloat16; hint: save it as .safetensors, or cast"
    with pytest.raises(TypeError, match=text):
        nd.save(tmp_path / "x.npy", half)
    with pytest.raises(TypeError, match=text):
        nd.save(tmp_path / "x.npz", {"x": half})
    assert list(tmp_path.iterdir()) == []


def npy(text: str | bytes = "{'descr': '|u1', 'fortran_order': False, 'shape': (2,)}", data: bytes = b"\1\2") -> bytes:
    text = text.encode() if isinstance(text, str) else text
    return b"\x93NUMPY\2\0" + len(text).to_bytes(4, "little") + text + data


def header(descr: str = "'|u1'", order: str = "False", shape: str = "(2,)") -> str:
    return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}}}"


HOSTILE = {
    "empty": (b"", r"it begins with b''"),
    "no magic": (b"PK\3\4 and more", r"it begins with b'PK"),
    "version 4": (npy().replace(b"\2\0", b"\4\0", 1), "not with .* and a version from 1 to 3"),
    "long header": (npy(" " * 10_001), "a header of 10001 bytes; 10000 are allowed"),
    "header cut": (npy()[:40], "the header is not a dict of constants"),
    "a call": (npy("__import__('os').abort()"), "the header is not a dict of constants"),
    "nested deeply": (npy("(" * 9_999), "the header is not a dict of constants"),
    "minus deeply": (npy("-" * 9_999 + "1"), "the header is not a dict of constants"),
    "escapes": (npy(header("'\\d'")), "the header is not a dict of constants"),
    "no text": (npy(b"\xff"), "the header is not a dict of constants"),
    "NUL": (npy(b"{\0}"), "the header is not a dict of constants"),
    "unhashable": (npy("{[]: 1}"), "the header is not a dict of constants"),
    "a list": (npy("[1]"), "does not have just descr, fortran_order and shape"),
    "a key more": (npy("{'a': 1, " + header()[1:]), "does not have just descr"),
    "objects": (npy(header("'|O'")), r"elements of type '\|O'; numbers and bool can be read"),
    "a record": (npy(header("[('a', '<f4')]")), r"elements of type \[\('a'"),
    "text": (npy(header("'<U1'")), "elements of type '<U1'"),
    "order a number": (npy(header(order="1")), "fortran_order is 1, neither"),
    "shape a list": (npy(header(shape="[2]")), r"the shape is \[2\]"),
    "extent negative": (npy(header(shape="(-2,)")), r"the shape is \(-2,\)"),
    "extent bool": (npy(header(shape="(True, 2)")), r"the shape is \(True, 2\)"),
    "extent float": (npy(header(shape="(2.0,)")), "the shape is"),
    "extent enormous": (npy(header(shape=f"({2**64}, 0)"), b""), "the shape is"),
    "rank enormous": (npy(header(shape=f"({'1, ' * 33})")), "the shape is"),
    "long number": (npy(header(shape="(" + "9" * 5000 + ",)")), "the header is not a dict of constants"),
    "more than there is": (npy(header(shape=f"({2**40}, {2**40})")), "bytes of data, and 2 follow it"),
    "less than there is": (npy(header(shape="(1,)")), "the header describes 1 bytes of data, and 2 follow it"),
    "bool of 2": (npy(header("'|b1'")), "it is of bool and has other bytes than 0 and 1"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files(tmp_path: Path, name: str) -> None:
    data, text = HOSTILE[name]
    (tmp_path / "x.npy").write_bytes(data)
    with pytest.raises(ValueError, match=rf"(?s)^\[load\] '.*x.npy' is not a .npy file, or is damaged: .*{text}"):
        nd.load(tmp_path / "x.npy")
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("a.npy", data)
    with pytest.raises(ValueError, match=rf"(?s)^\[load\] '.*x.npz' is not a .npz file, or is damaged: .*{text}"):
        nd.load(tmp_path / "x.npz")


def archive(*members: tuple[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as target:
        for name, data in members:
            target.writestr(name, data)
    return file.getvalue()


HOSTILE_ARCHIVES = {
    "empty": (b"", "File is not a zip file"),
    "no archive": (npy(), "File is not a zip file"),
    "another member": (archive(("a.txt", b"")), r"its member 'a.txt' is no .npy file, or there twice"),
    "another method": (archive(("a.npy", npy()), method=zipfile.ZIP_LZMA), "'a.npy' is neither stored nor deflated"),
    "a wrong checksum": (archive(("a.npy", npy())).replace(b"\1\2PK", b"\1\3PK"), "Bad CRC-32"),
    "a wrong size": (archive(("a.npy", npy(data=b"\1"))), "2 bytes of data, and 1 follow it"),
    "encrypted": (archive(("a.npy", npy())).replace(b"PK\1\2\x14\3\x14\0\0", b"PK\1\2\x14\3\x14\0\1"), "encrypted"),
}


@pytest.mark.parametrize("name", HOSTILE_ARCHIVES)
def test_hostile_archives(tmp_path: Path, name: str) -> None:
    data, text = HOSTILE_ARCHIVES[name]
    (tmp_path / "x.npz").write_bytes(data)
    with pytest.raises(ValueError, match=rf"^\[load\] '.*x.npz' is not a .npz file, or is damaged: .*{text}"):
        nd.load(tmp_path / "x.npz")


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
def test_a_name_twice(tmp_path: Path) -> None:
    (tmp_path / "x.npz").write_bytes(archive(("a.npy", npy()), ("a.npy", npy())))
    with pytest.raises(ValueError, match=r"its member 'a.npy' is no .npy file, or there twice"):
        nd.load(tmp_path / "x.npz")


def test_an_archive_that_states_more_than_it_holds(tmp_path: Path) -> None:
    """The size that it states is that of a huge array; no such memory is asked for."""
    data = bytearray(
        archive(
            (
                "a.npy",
                npy(header(shape=f"({2**31},)"), b"\1"),
            ),
            method=zipfile.ZIP_DEFLATED,
        )
    )
    at = data.index(b"PK\1\2")
    size = len(npy(header(shape=f"({2**31},)"), b"")) + 2**31
    data[at + 24 : at + 28] = size.to_bytes(4, "little")
    (tmp_path / "x.npz").write_bytes(data)
    with pytest.raises(ValueError, match=r"damaged: its length is not the one that it states"):
        nd.load(tmp_path / "x.npz")


def test_missing_files_and_other_suffixes(tmp_path: Path) -> None:
    for suffix in (".npy", ".npz", ".safetensors"):
        with pytest.raises(FileNotFoundError, match="missing"):
            nd.load(tmp_path / f"missing{suffix}")
    with pytest.raises(
        ValueError, match=r"\[load\] no format has this suffix; got 'x'; expected .npy or .npz or .safet"
    ):
        nd.load("x")
