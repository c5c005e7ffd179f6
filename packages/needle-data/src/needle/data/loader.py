"""The loader: a dataset in batches, in a reproducible order that can be taken up again in the middle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import needle.ndarray as nd
from needle.ndarray.errors import message

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from needle.data.dataset import Dataset

__all__ = ["DataLoader"]


class DataLoader:
    """Iterate over a dataset in batches; each ``for`` loop over it is one epoch.

    An epoch's order is a permutation made from one number, which is drawn from ``generator`` when the epoch begins. So
    `state_dict` needs only that number and the position to take up an epoch in the middle. One epoch runs at a time.

    Args:
        dataset: Where the samples come from.
        batch_size: Samples in a batch. The last batch of an epoch holds what is left.
        shuffle: Whether each epoch has an order of its own; otherwise it is the dataset's.
        drop_last: Whether to leave out a last batch that is not full.
        generator: Where the order comes from; by default the default generator of the library.

    Raises:
        ValueError: ``batch_size`` is not a positive integer.

    >>> from needle.data import TensorDataset
    >>> [batch.tolist() for (batch,) in DataLoader(TensorDataset(nd.arange(5)), batch_size=2)]
    [[0, 1], [2, 3], [4]]
    """

    def __init__(
        self,
        dataset: Dataset,
        batch_size: int = 1,
        *,
        shuffle: bool = False,
        drop_last: bool = False,
        generator: nd.random.Generator | None = None,
    ) -> None:
        if type(batch_size) is not int or batch_size < 1:
            raise ValueError(
                message("DataLoader", "batch_size is not usable", got=repr(batch_size), expected="a positive integer")
            )
        self.dataset = dataset
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.drop_last = drop_last
        self.generator = nd.random.default_generator() if generator is None else generator
        self._seed: int | None = None  # of the epoch under way; None between epochs
        self._position = 0  # batches of it that have been served
        self._resume = False  # whether the next loop continues that epoch

    def __len__(self) -> int:
        """Return the number of batches of a whole epoch."""
        full, rest = divmod(len(self.dataset), self.batch_size)
        return full + (rest > 0 and not self.drop_last)

    def __iter__(self) -> Iterator[Any]:
        """Serve an epoch, or what is left of the one that `load_state_dict` restored."""
        if not self._resume:
            self._seed = int(self.generator.bits(1)[0]) if self.shuffle else 0
            self._position = 0
        self._resume = False
        order = self._order(self._seed or 0)
        for position in range(self._position, len(self)):
            start = position * self.batch_size
            batch = self.dataset.gather(order[start : start + self.batch_size])
            self._position = position + 1
            yield batch
        self._seed, self._position = None, 0

    def _order(self, seed: int) -> nd.NDArray:
        n = len(self.dataset)
        return nd.random.Generator(seed).permutation(n) if self.shuffle else nd.arange(n)

    def state_dict(self) -> dict[str, Any]:
        """Return where the loader stands, as plain values.

        Taken inside a loop over the loader, it counts the batch that the loop's body holds as served.
        """
        return {"generator": self.generator.state_dict(), "seed": self._seed, "position": self._position}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go where another loader over the same dataset stood; the next loop serves what it had not served.

        Raises:
            ValueError: ``state`` is not a loader's, or its position lies outside of this loader's epoch.
        """
        if set(state) != {"generator", "seed", "position"}:
            raise ValueError(
                message(
                    "DataLoader.load_state_dict",
                    "this is not the state of a loader",
                    got=f"keys {sorted(state)}",
                    expected="generator, position, seed",
                )
            )
        seed, position = state["seed"], state["position"]
        if type(position) is not int or not 0 <= position <= len(self) or not (seed is None or type(seed) is int):
            raise ValueError(
                message(
                    "DataLoader.load_state_dict",
                    "the position is not one of this loader",
                    got=f"position {position!r}, seed {seed!r}",
                    expected=f"a position from 0 to {len(self)}",
                    hint="restore into a loader over the same dataset with the same batch_size",
                )
            )
        self.generator.load_state_dict(state["generator"])
        self._seed, self._position, self._resume = seed, position, seed is not None
