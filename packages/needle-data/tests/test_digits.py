"""The digits: what ships, and how it is split."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

import numpy as np
import pytest

import needle.ndarray as nd
from needle.data import Digits
from needle.data.digits import FILE

# Samples of each label as the repository states them for optdigits.tes.
PER_CLASS = [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def test_shapes_dtypes_and_range(device: str):
    digits = Digits("all", device=device)
    assert len(digits) == 1797
    assert (digits.images.shape, digits.images.dtype) == ((1797, 1, 8, 8), nd.float32)
    assert (digits.labels.shape, digits.labels.dtype) == ((1797,), nd.int64)
    assert (float(nd.min(digits.images)), float(nd.max(digits.images))) == (0.0, 1.0)
    assert str(digits.images.device) == str(digits.labels.device) == device
    assert np.bincount(digits.labels.numpy()).tolist() == PER_CLASS


def test_the_first_sample_is_the_zero_of_the_file():
    image, label = Digits("all")[0]
    assert (image[0, 0] * 16).tolist() == [0, 0, 5, 13, 9, 1, 0, 0]
    assert int(label) == 0


def test_the_split_is_every_fifth_sample_of_each_class():
    whole, train, test = (Digits(split) for split in ("all", "train", "test"))
    labels = whole.labels.numpy()
    expected = np.zeros(1797, bool)
    for digit in range(10):
        expected[np.flatnonzero(labels == digit)[4::5]] = True
    assert (len(train), len(test)) == (1442, 355)
    np.testing.assert_array_equal(test.images.numpy(), whole.images.numpy()[expected])
    np.testing.assert_array_equal(train.images.numpy(), whole.images.numpy()[~expected])
    np.testing.assert_array_equal(train.labels.numpy(), labels[~expected])


def test_unknown_split():
    with pytest.raises(ValueError, match=r"\[Digits\] unknown split; got 'valid'; expected 'train', 'test' or 'all'"):
        Digits("valid")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no gzip",
        FILE.read_bytes()[:-9],
        FILE.read_bytes()[:500] + b"\xff" * 50 + FILE.read_bytes()[550:],
        *(gzip.compress(line) for line in (b"1,2,3", b"1,x", b"17," * 64 + b"0", b"0," * 64 + b"10", b"256", b"\n")),
    ],
)
def test_a_damaged_file(content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "digits.csv.gz").write_bytes(content)
    monkeypatch.setattr("needle.data.digits.FILE", tmp_path / "digits.csv.gz")
    with pytest.raises(ValueError, match=r"\[Digits\] '.*digits.csv.gz' is damaged; got .*; hint: install needle-data"):
        Digits("all")


def test_the_file_is_the_published_one_and_its_licence_lies_beside_it():
    text = gzip.decompress(FILE.read_bytes())
    assert hashlib.sha256(text).hexdigest() == "6ebb3d2fee246a4e99363262ddf8a00a3c41bee6014c373ed9d9216ba7f651b8"
    notice = FILE.with_name("NOTICE.md").read_text()
    for part in ("CC BY 4.0", "10.24432/C50P49", "Alpaydin", "Kaynak", "Changed:"):
        assert part in notice
