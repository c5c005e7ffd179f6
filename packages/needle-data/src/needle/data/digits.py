"""The handwritten digits that ship with the library."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import Literal

import needle.ndarray as nd
from needle.data.dataset import TensorDataset
from needle.ndarray.errors import message

__all__ = ["Digits"]

FILE = Path(__file__).parent / "files" / "digits.csv.gz"
TEST_EVERY = 5
PIXELS, DARKEST, CLASSES = 64, 16, 10


class Digits(TensorDataset):
    """1,797 handwritten digits of 8 x 8 pixels; a sample is ``(image, label)``.

    They are the test part of the *Optical Recognition of Handwritten Digits* data set of the UCI Machine Learning
    Repository (E. Alpaydin and C. Kaynak, 1998, https://doi.org/10.24432/C50P49), CC BY 4.0; see ``files/NOTICE.md``.

    The split is fixed and has the same mixture of classes on both sides: within each class, in the order of the file,
    every fifth sample (the 5th, 10th, 15th, ...) is a test sample. "train" has 1,442 samples, "test" 355.

    Args:
        split: "train", "test" or "all".
        device: Where the arrays lie; by default the default device.

    Attributes:
        images: Float32 of shape (n, 1, 8, 8), from 0 (paper) to 1 (ink).
        labels: Int64 of shape (n,), from 0 to 9.

    Raises:
        ValueError: ``split`` is none of the three, or the installed file is damaged.

    >>> digits = Digits("test")
    >>> digits.images.shape, digits.labels[:5].tolist()
    ((355, 1, 8, 8), [5, 0, 9, 8, 7])
    """

    def __init__(
        self, split: Literal["train", "test", "all"] = "train", *, device: nd.Device | str | None = None
    ) -> None:
        if split not in ("train", "test", "all"):
            raise ValueError(message("Digits", "unknown split", got=repr(split), expected="'train', 'test' or 'all'"))
        rows = _rows()
        if split != "all":
            rows = [row for row, test in zip(rows, _is_test(rows), strict=True) if test == (split == "test")]
        table = nd.asarray(memoryview(b"".join(rows)), device=device).reshape(len(rows), 65)
        self.images = (table[:, :64].astype(nd.float32) / 16).reshape(-1, 1, 8, 8)
        self.labels = table[:, 64].astype(nd.int64)
        super().__init__(self.images, self.labels)


def _rows() -> list[bytes]:
    """Read the file: a row of 64 pixels, 0 to 16, and the label for each sample."""
    try:
        text = gzip.decompress(FILE.read_bytes())
        rows = [bytes(map(int, line.split(b","))) for line in text.splitlines()]
        if not rows or not all(
            len(row) == PIXELS + 1 and max(row[:PIXELS]) <= DARKEST and row[PIXELS] < CLASSES for row in rows
        ):
            raise ValueError("a row that is not of 64 numbers up to 16 and a digit")
    except (EOFError, ValueError, gzip.BadGzipFile, zlib.error) as error:
        hint = "install needle-data again"
        raise ValueError(message("Digits", f"{str(FILE)!r} is damaged", got=str(error), hint=hint)) from error
    return rows


def _is_test(rows: list[bytes]) -> list[bool]:
    seen = [0] * 10
    marks: list[bool] = []
    for row in rows:
        seen[row[64]] += 1
        marks.append(seen[row[64]] % TEST_EVERY == 0)
    return marks
