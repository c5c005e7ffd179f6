"""The backend contract in Python: subclass `Backend`, return an instance from the entry point.

The functions, what the front guarantees to each and what each must do are those of `include/needle_backend.h`, which is
the reference; only the form differs: an operation comes as its name, an error is an exception, and an array argument
is a `View`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, NamedTuple

from needle.ndarray._core import DType

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Backend", "BackendUnavailable", "View"]


class BackendUnavailable(RuntimeError):
    """Raised by a backend's entry point when its device cannot be used here; the text says why and what would help."""


class View(NamedTuple):
    """An array argument of a contract function.

    Element ``(i, j, ...)`` lies at ``offset + i * strides[0] + j * strides[1] + ...``, counted in elements of ``dtype``
    from the start of ``buffer``, the object that `Backend.alloc` returned.
    """

    buffer: Any
    dtype: DType
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int


class Backend(ABC):
    """A device implemented in Python: the functions of ``needle_backend.h``, under the same names.

    The front calls them with the GIL held. Any exception becomes the error of the call: `MemoryError`, `IndexError` and
    `NotImplementedError` keep their type, others become `BackendError` with the original as the text.
    """

    name: str
    """The name of the entry point, as in ``device("name:0")``."""

    def device_count(self) -> int:
        """Return how many devices there are."""
        return 1

    def describe(self, device: int) -> str:
        """Return one line for people: model, memory, versions."""
        return type(self).__name__

    @abstractmethod
    def supports(self, family: str, op: str) -> bool:
        """Say whether function ``family`` ("unary", "binary", "reduce", ...) has the operation ``op``."""

    @abstractmethod
    def alloc(self, nbytes: int, device: int) -> Any:
        """Return a new buffer, an object of any type. It is freed by dropping it."""

    @abstractmethod
    def upload(self, host: memoryview, buffer: Any, offset: int) -> None:
        """Copy the bytes of ``host`` into ``buffer`` from byte ``offset`` on."""

    @abstractmethod
    def download(self, buffer: Any, offset: int, host: memoryview) -> None:
        """Fill the writable ``host`` with the bytes of ``buffer`` from byte ``offset`` on."""

    @abstractmethod
    def copy(self, a: View, out: View) -> None:
        """``out[...] = a``, of one dtype."""

    def synchronize(self, device: int) -> None:  # noqa: B027 - nothing to wait for, unless overridden
        """Return when all earlier calls on ``device`` have taken effect."""

    @abstractmethod
    def fill(self, value: complex, out: View) -> None:
        """``out[...] = value``."""

    @abstractmethod
    def iota(self, out: View) -> None:
        """``out[i] = i``, ``out`` being 1-d."""

    @abstractmethod
    def unary(self, op: str, a: View, out: View) -> None:
        """``out = op(a)``, element by element."""

    @abstractmethod
    def binary(self, op: str, a: View, b: View, out: View) -> None:
        """``out = op(a, b)``, element by element."""

    @abstractmethod
    def where(self, condition: View, a: View, b: View, out: View) -> None:
        """``out = a where condition else b``."""

    @abstractmethod
    def cast(self, a: View, out: View) -> None:
        """``out = a`` in ``out``'s dtype."""

    @abstractmethod
    def reduce(self, op: str, a: View, out: View) -> None:
        """Reduce the axes of ``a`` at which ``out`` has extent 1 and ``a`` another."""

    @abstractmethod
    def arg_reduce(self, op: str, a: View, axis: int, out: View) -> None:
        """Write the first place of the extreme along ``axis``."""

    @abstractmethod
    def scan(self, op: str, a: View, axis: int, out: View) -> None:
        """Running ``op`` along ``axis``."""

    @abstractmethod
    def sort(self, a: View, axis: int, descending: bool, values: View | None, indices: View | None) -> None:
        """Stable sort along ``axis``."""

    @abstractmethod
    def matmul(self, a: View, b: View, out: View) -> None:
        """Batched matrix product."""

    @abstractmethod
    def gather(self, a: View, indices: View, axis: int, out: View) -> None:
        """``out[.., j, ..] = a[.., indices[.., j, ..], ..]``."""

    @abstractmethod
    def scatter(self, op: str, a: View, indices: View, axis: int, out: View) -> None:
        """``out[.., indices[.., j, ..], ..] op= a[.., j, ..]``."""

    @abstractmethod
    def random_bits(self, key: int, counter: int, out: View) -> None:
        """Philox-4x32-10 words from block ``counter`` on."""

    def composite(
        self,
        op: str,
        inputs: Sequence[View | None],
        outputs: Sequence[View | None],
        integers: Sequence[int],
        reals: Sequence[float],
    ) -> None:
        """Do at once what the front can also compose from the other functions: optional.

        `NotImplementedError`, before anything is written, leaves it to the front.
        """
        raise NotImplementedError(op)
