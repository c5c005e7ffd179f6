"""What a `Tensor` shows of its array: what it is, its values, and these to other libraries by their protocols."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from needle.autograd.tape import mode
from needle.ndarray.errors import message
from needle.ndarray.inspection import namespace_of

if TYPE_CHECKING:
    from needle.ndarray import Device, DType, NDArray

__all__ = ["Scalar", "Values"]

Scalar = bool | int | float | complex


class Values:
    """A base class of `Tensor`. What it gives is a constant for derivatives."""

    __slots__ = ("data", "tracked")

    data: NDArray
    """The elements. Assigning or writing here is not noted on the tape."""
    tracked: bool
    """What `requires_grad` shows, without a check; ops read and set it."""

    # What it is.

    @property
    def shape(self) -> tuple[int, ...]:
        """The extents."""
        return self.data.shape

    @property
    def dtype(self) -> DType:
        """The element type."""
        return self.data.dtype

    @property
    def device(self) -> Device:
        """Where the elements are."""
        return self.data.device

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self.data.ndim

    @property
    def size(self) -> int:
        """The number of elements."""
        return self.data.size

    def __len__(self) -> int:
        return len(self.data)

    def __repr__(self) -> str:
        text = repr(self.data).removeprefix("NDArray(").removesuffix(")").replace("\n ", "\n")
        return f"tensor({text}{', requires_grad=True' if self.tracked else ''})"

    # Its values, outside of derivatives.

    def item(self) -> Scalar:
        """Return the one element as a Python number."""
        return self.data.item()

    def tolist(self) -> Any:
        """Return the elements as nested lists."""
        return self.data.tolist()

    def numpy(self) -> Any:
        """Return the elements as a NumPy array; on the host it shares them."""
        return self.data.numpy()

    def __bool__(self) -> bool:
        return bool(self.data)

    def __int__(self) -> int:
        return int(self.data)

    def __index__(self) -> int:
        return self.data.__index__()

    def __float__(self) -> float:
        return float(self.data)

    def __complex__(self) -> complex:
        return complex(self.data)

    # Its values in other libraries, and its namespace, by the protocols.

    def __array_namespace__(self, /, *, api_version: str | None = None) -> Any:
        return namespace_of(api_version, "needle.autograd")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return self._shown("__array__").__array__(dtype, copy)

    def __dlpack__(
        self,
        *,
        stream: None = None,
        max_version: tuple[int, int] | None = None,
        dl_device: tuple[int, int] | None = None,
        copy: bool | None = None,
    ) -> Any:
        data = self._shown("__dlpack__")
        return data.__dlpack__(stream=stream, max_version=max_version, dl_device=dl_device, copy=copy)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.data.__dlpack_device__()

    def _shown(self, op: str) -> NDArray:
        """Return the data for a library that would not carry the derivatives on; raise where some are wanted."""
        if self.tracked and mode.recording:
            problem = "another library would get the values without their derivatives"
            raise BufferError(message(op, problem, got=self._summary(), hint="use detach()"))
        return self.data

    def _summary(self) -> str:
        return f"{self.dtype.name} {self.shape} on {self.device}"
