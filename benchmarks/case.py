"""What a case of the benchmarks is: its arrays, what each library does with them, and how fast it ought to be."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

Build = Callable[[Any], Callable[..., Any]]
"""From a library to the function that is timed; it takes the case's arrays."""

SMALL = 12  # no axis is longer in the tests
LARGE = 1 << 15  # numbers of an array that glibc may take from the system by itself, and give back at once
REPEATED = 1 << 20  # numbers that are drawn for an array; a larger one has them again and again


@dataclass(frozen=True)
class Input:
    """An array of a case: normal numbers, or integers from 0 to ``below - 1``."""

    shape: tuple[int, ...]
    dtype: str = "float32"
    below: int = 0
    layout: Literal["", "image", "kernel"] = ""
    """Images (N, C, H, W) and kernels (O, C, H, W) get the order of axes that the library wants."""
    small: tuple[int, ...] | None = None
    """The shape in the tests, where it is not that with no axis longer than `SMALL`."""

    def make(self, rng: np.random.Generator, small: bool) -> np.ndarray[Any, Any]:
        """Return the elements, bfloat16 ones as float32; a small array for the tests."""
        most = SMALL if small else math.inf
        shape = self.small if small and self.small else tuple(int(min(size, most)) for size in self.shape)
        count = min(math.prod(shape), REPEATED)
        if self.below:
            values = rng.integers(int(min(self.below, most)), size=count)
        else:
            values = rng.standard_normal(count)
            if self.dtype.startswith("complex"):
                values = values + 1j * rng.standard_normal(count)
        return np.resize(values.astype("float32" if self.dtype == "bfloat16" else self.dtype), shape)


@dataclass(frozen=True)
class Work:
    """What a call has to do, counted in the unit of one of the machine's limits: operations, or bytes moved."""

    amount: float
    limit: Literal["f32", "f64", "bf16", "int8", "read", "copy"]
    """The arithmetic peak of a dtype, or the bandwidth of reading or of reading and writing main memory."""


@dataclass(frozen=True)
class Target:
    """How the time of Needle should compare."""

    ratio: float = 1.0
    """At most so many times that of the best peer, or of the library that is named."""
    against: str = "best"
    share: float = 0.0
    """At least so much of the machine's limit."""


@dataclass(frozen=True)
class Case:
    """One line of the table.

    ``every`` gives the function from a library's array namespace, where the same words do; ``own`` gives it from the
    library's root module, under its name, or None where it has no such thing.
    """

    name: str
    inputs: tuple[Input, ...]
    every: Build | None = None
    own: dict[str, Build | None] = field(default_factory=dict[str, "Build | None"])
    work: Work | None = None
    target: Target | None = None
    eager: bool = False
    """Whether it is called as it is: it measures calls from Python, or compiles what it wants to be compiled."""
    wait: bool = True
    """Whether each result is waited for, where a library would return before it is there."""

    @property
    def family(self) -> str:
        """The part of the name before the slash."""
        return self.name.partition("/")[0]

    @property
    def is_large(self) -> bool:
        """Whether it depends on what becomes of freed memory."""
        return any(math.prod(spec.shape) >= LARGE for spec in self.inputs)

    def runs_in(self, library: str) -> bool:
        """Say whether the library has what the case needs."""
        return self.own.get(library, self.every) is not None


def floats(*shape: int, dtype: str = "float32") -> Input:
    """Return an input of normal numbers."""
    return Input(shape, dtype)


def integers(*shape: int, below: int, dtype: str = "int64") -> Input:
    """Return an input of integers from 0 to ``below - 1``."""
    return Input(shape, dtype, below)
