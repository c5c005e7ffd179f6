"""The loader: batches, order, and taking up an epoch in the middle."""

from __future__ import annotations

import json
from typing import Any

import pytest

import needle.ndarray as nd
from needle.data import DataLoader, TensorDataset


def loader(n: int = 10, batch_size: int = 3, seed: int = 0, **settings: Any) -> DataLoader:
    return DataLoader(TensorDataset(nd.arange(n)), batch_size, generator=nd.random.Generator(seed), **settings)


def epoch(of: DataLoader) -> list[list[int]]:
    return [batch.tolist() for (batch,) in of]


def test_batches_in_order():
    assert epoch(loader()) == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9]]
    assert len(loader()) == 4


def test_drop_last():
    assert epoch(loader(drop_last=True)) == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
    assert len(loader(drop_last=True)) == 3
    assert len(loader(n=9, drop_last=True)) == 3


def test_an_empty_dataset_has_no_batches():
    assert epoch(loader(n=0, shuffle=True)) == []


def test_shuffled_epochs_differ_and_hold_every_sample_once():
    shuffled = loader(n=50, shuffle=True)
    first, second = ([sample for batch in epoch(shuffled) for sample in batch] for _ in range(2))
    assert sorted(first) == sorted(second) == list(range(50))
    assert first != list(range(50))
    assert first != second


def test_the_same_seed_gives_the_same_epochs():
    one, two, other = (loader(n=50, seed=seed, shuffle=True) for seed in (7, 7, 8))
    assert [epoch(one), epoch(one)] == [epoch(two), epoch(two)]
    assert epoch(loader(n=50, seed=7, shuffle=True)) != epoch(other)


def test_the_order_comes_from_the_default_generator():
    nd.random.manual_seed(3)
    one = epoch(DataLoader(TensorDataset(nd.arange(20)), 4, shuffle=True))
    nd.random.manual_seed(3)
    assert epoch(DataLoader(TensorDataset(nd.arange(20)), 4, shuffle=True)) == one


@pytest.mark.parametrize("batch_size", [0, -1, 2.0, True, "8"])
def test_bad_batch_size(batch_size: Any):
    with pytest.raises(
        ValueError, match=r"\[DataLoader\] batch_size is not usable; got .*; expected a positive integer"
    ):
        loader(batch_size=batch_size)


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("served", [0, 1, 3, 4])
def test_an_epoch_goes_on_where_it_was_left(served: int, shuffle: bool):
    whole = loader(shuffle=shuffle)
    epoch(whole)
    expected = [epoch(whole), epoch(whole)]

    interrupted = loader(shuffle=shuffle)
    epoch(interrupted)
    batches = iter(interrupted)
    seen = [next(batches)[0].tolist() for _ in range(served)]
    state = json.loads(json.dumps(interrupted.state_dict()))

    resumed = loader(seed=99, shuffle=shuffle)
    resumed.load_state_dict(state)
    assert [seen + epoch(resumed), epoch(resumed)] == expected


def test_a_generator_that_others_use_does_not_change_a_resumed_epoch():
    shared = loader(shuffle=True)
    batches = iter(shared)
    first = next(batches)[0].tolist()
    shared.generator.uniform((5,))  # as dropout would
    state = shared.state_dict()
    rest = [batch.tolist() for (batch,) in batches]
    draw = shared.generator.uniform((2,)).tolist()

    resumed = loader(seed=5, shuffle=True)
    resumed.load_state_dict(state)
    again = epoch(resumed)
    assert again == rest
    assert first not in again
    assert resumed.generator.uniform((2,)).tolist() == draw


def test_the_state_between_epochs_starts_a_new_one():
    one = loader(shuffle=True)
    epoch(one)
    two = loader(shuffle=True, seed=1)
    two.load_state_dict(one.state_dict())
    assert epoch(two) == epoch(one)


@pytest.mark.parametrize("change", [{"position": 9}, {"position": -1}, {"position": "1"}, {"seed": "x"}])
def test_a_state_that_does_not_fit_is_refused_and_changes_nothing(change: dict[str, Any]):
    one = loader(shuffle=True)
    before = one.state_dict()
    with pytest.raises(
        ValueError, match=r"the position is not one of this loader; got .*expected a position from 0 to 4"
    ):
        one.load_state_dict(before | change)
    assert one.state_dict() == before


def test_another_kind_of_state_is_refused():
    with pytest.raises(ValueError, match=r"this is not the state of a loader; got keys \['epoch'\]"):
        loader().load_state_dict({"epoch": 1})
