"""Datasets: samples by number."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import needle.ndarray as nd
from needle.ndarray.errors import message

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Dataset", "TensorDataset", "collate"]


class Dataset(ABC):
    """Samples by number: a subclass says how many there are and returns one of them.

    A sample is an array, a number, or a tuple of those.

    >>> class Squares(Dataset):
    ...     def __len__(self):
    ...         return 5
    ...     def __getitem__(self, index):
    ...         return index, index * index
    >>> numbers, squares = Squares().gather(nd.asarray([4, 2]))
    >>> squares.tolist()
    [16, 4]
    """

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of samples."""

    @abstractmethod
    def __getitem__(self, index: int) -> Any:
        """Return sample ``index``, from 0 to ``len(self) - 1``."""

    def gather(self, indices: nd.NDArray) -> Any:
        """Return the samples of 1-d ``indices`` as one batch.

        Here they are fetched one by one and stacked. A dataset that can do better in bulk overrides this.
        """
        return collate([self[index] for index in indices.tolist()])


def collate(samples: Sequence[Any]) -> Any:
    """Stack samples along a new first axis: arrays of one shape, numbers, or tuples of those.

    Raises ValueError where the samples do not agree in shape or length.

    >>> images, labels = collate([(nd.zeros((2, 2)), 7), (nd.ones((2, 2)), 1)])
    >>> images.shape, labels.tolist()
    ((2, 2, 2), [7, 1])
    """
    first = samples[0]
    if isinstance(first, tuple):
        lengths = {len(sample) for sample in samples}
        if len(lengths) > 1:
            raise ValueError(message("collate", "samples differ in length", got=f"{sorted(lengths)} items"))
        return tuple(collate(column) for column in zip(*samples, strict=True))
    if not isinstance(first, nd.NDArray):
        return nd.asarray(list(samples))
    shapes = {sample.shape for sample in samples}
    if len(shapes) > 1:
        raise ValueError(
            message(
                "collate",
                "samples differ in shape, so they do not stack into one batch",
                got=" and ".join(map(str, sorted(shapes))),
                hint="pad or crop them to one shape in the dataset's __getitem__",
            )
        )
    return nd.stack(list(samples))


class TensorDataset(Dataset):
    """Samples that lie in arrays: sample ``i`` is ``(a[i], b[i], ...)``, and a batch is one gather from each array.

    Args:
        *arrays: Arrays of any dtype on one device, of shapes ``(n, ...)`` with the same ``n``.

    Raises:
        ValueError: There is no array, one is 0-d, or their first axes differ.

    >>> pairs = TensorDataset(nd.arange(4), nd.arange(4) * 10)
    >>> [column.tolist() for column in pairs.gather(nd.asarray([3, 1]))]
    [[3, 1], [30, 10]]
    """

    def __init__(self, *arrays: nd.NDArray) -> None:
        shapes = [array.shape for array in arrays]
        if not arrays or () in shapes or len({shape[0] for shape in shapes}) > 1:
            raise ValueError(
                message(
                    "TensorDataset",
                    "arrays do not hold one sample per row",
                    got=f"shapes {', '.join(map(str, shapes)) or 'none'}",
                    expected="at least one array, all with the same first axis",
                )
            )
        self.arrays = arrays

    def __len__(self) -> int:
        """Return the number of samples."""
        return self.arrays[0].shape[0]

    def __getitem__(self, index: int) -> tuple[nd.NDArray, ...]:
        """Return sample ``index`` as a tuple of views."""
        return tuple(array[index] for array in self.arrays)

    def gather(self, indices: nd.NDArray) -> tuple[nd.NDArray, ...]:
        """Return the rows of 1-d ``indices`` of each array."""
        indices = indices.to_device(self.arrays[0].device)
        return tuple(nd.take(array, indices, axis=0) for array in self.arrays)
