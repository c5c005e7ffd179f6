"""Datasets: samples by number, and in bulk."""

from __future__ import annotations

import pytest

import needle.ndarray as nd
from needle.data import Dataset, TensorDataset
from needle.data.dataset import collate


class Words(Dataset):
    """Arrays that grow with their number, and the number."""

    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: int) -> tuple[nd.NDArray, int]:
        return nd.ones((index,)), index


def test_tensor_dataset_gathers_rows(device: str):
    data = nd.asarray([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], device=device)
    dataset = TensorDataset(data, nd.asarray([10, 20, 30], device=device))
    assert len(dataset) == 3
    assert [part.tolist() for part in dataset[1]] == [[3.0, 4.0], 20]
    rows, labels = dataset.gather(nd.asarray([2, 0, 2]))  # indices on the default device serve any dataset
    assert rows.tolist() == [[5.0, 6.0], [1.0, 2.0], [5.0, 6.0]]
    assert labels.tolist() == [30, 10, 30]
    assert str(rows.device) == device


@pytest.mark.parametrize("shapes", [[], [(3, 2), (4,)], [()]])
def test_tensor_dataset_refuses_arrays_without_a_common_first_axis(shapes: list[tuple[int, ...]]):
    with pytest.raises(ValueError, match=r"\[TensorDataset\] arrays do not hold one sample per row; got shapes"):
        TensorDataset(*(nd.zeros(shape) for shape in shapes))


def test_a_dataset_of_its_own_is_stacked():
    class Pairs(Words):
        def __getitem__(self, index: int) -> tuple[nd.NDArray, int]:
            return nd.full((2,), index), index

    rows, numbers = Pairs().gather(nd.asarray([2, 1]))
    assert rows.tolist() == [[2, 2], [1, 1]]
    assert numbers.tolist() == [2, 1]
    assert numbers.dtype is nd.int64


def test_ragged_samples_are_refused_by_their_shapes():
    with pytest.raises(ValueError, match=r"\[collate\] samples differ in shape.*got \(1,\) and \(2,\).*hint: pad"):
        Words().gather(nd.asarray([1, 2]))


def test_samples_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match=r"\[collate\] samples differ in length; got \[1, 2\] items"):
        collate([(1, 2), (1,)])
