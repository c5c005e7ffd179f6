"""One device under test: put arrays on it in any layout, call a function of its contract, check all that it wrote."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from needle.ndarray._core import dtypes
from needle.ndarray.backend import Backend, View
from needle.ndarray.conformance.elements import COMPLEX, FLOAT8, INEXACT, Array, decode, spacing, storage
from needle.ndarray.conformance.layouts import LAYOUTS, Shape

if TYPE_CHECKING:
    from collections.abc import Sequence

BACKGROUND = 0xC3  # what the bytes of a buffer are before anything is written


class Placed:
    """A view on the device, the layout it has, and the host's knowledge of the whole buffer."""

    def __init__(self, kit: Kit, shape: Shape, dtype: str, layout: str, elements: Array | None, is_out: bool) -> None:
        self.kit, self.dtype, self.layout, self.is_out = kit, dtype, layout, is_out
        strides, offset, length = LAYOUTS[layout](shape)
        length += 5  # at the end of every buffer, elements that nobody may touch
        self.host = np.full(length * storage(dtype).itemsize, BACKGROUND, np.uint8)
        self.elements = self._view_of(self.host, shape, strides, offset)
        if elements is not None:
            self.elements[...] = elements
        buffer = kit.backend.alloc(self.host.nbytes, kit.index)
        kit.backend.upload(self.host.data, buffer, 0)
        self.view = View(buffer, dtypes[dtype], shape, strides, offset)

    def _view_of(self, host: Array, shape: Shape, strides: tuple[int, ...], offset: int) -> Array:
        kind = storage(self.dtype)
        return np.ndarray(shape, kind, host, offset * kind.itemsize, [s * kind.itemsize for s in strides])

    def seen_as(self, dtype: str) -> Placed:
        """Return the same view of the same bytes as elements of another dtype of that size, to be written."""
        other = copy(self)
        other.dtype, other.is_out = dtype, True
        other.view, other.elements = self.view._replace(dtype=dtypes[dtype]), self.elements.view(storage(dtype))
        return other

    def read(self) -> Array:
        """Return the elements that are on the device; AssertionError if any byte around them has changed."""
        now = np.empty_like(self.host)
        self.kit.backend.download(self.view.buffer, 0, now.data)
        elements = self._view_of(now, self.view.shape, self.view.strides, self.view.offset)
        result = elements.copy()
        elements[...] = self.elements
        changed = np.flatnonzero(now != self.host)
        assert not changed.size, (
            f"{changed.size} bytes outside of the view were written, the first at byte {changed[0]}"
        )
        return result

    def __repr__(self) -> str:
        return f"{'out=' * self.is_out}{self.dtype}{list(self.view.shape)} {self.layout}"


class Kit:
    """The functions of a backend on one device, called with numbers whose results are known."""

    def __init__(self, backend: Backend, index: int) -> None:
        self.backend, self.index = backend, index

    def put(self, elements: Array, dtype: str, layout: str = "contiguous") -> Placed:
        """Return an input. In a 0-stride layout its `.elements` are fewer than those given."""
        return Placed(self, elements.shape, dtype, layout, elements, is_out=False)

    def out(self, shape: Shape, dtype: str, layout: str = "contiguous", elements: Array | None = None) -> Placed:
        """Return an array to be written, with any contents it has before."""
        return Placed(self, shape, dtype, layout, elements, is_out=True)

    def require(self, family: str, op: str) -> None:
        assert self.backend.supports(family, op), f"the backend has no {family} {op!r}, which is required"

    def call(self, function: str, *args: Any) -> Array:
        """Call a function and return what is then in its output, the last argument that is one."""
        try:
            getattr(self.backend, function)(*(arg.view if isinstance(arg, Placed) else arg for arg in args))
            self.backend.synchronize(self.index)
        except Exception as error:
            error.add_note(f"in {describe(function, args)}")
            raise
        try:
            for arg in args:
                if isinstance(arg, Placed) and not arg.is_out:
                    assert np.array_equal(arg.read(), arg.elements, equal_nan=arg.dtype in INEXACT), (
                        f"{arg} was changed"
                    )
            return next(arg for arg in reversed(args) if isinstance(arg, Placed) and arg.is_out).read()
        except AssertionError as error:
            raise AssertionError(f"{describe(function, args)}: {error}") from None

    def composite(
        self,
        op: str,
        inputs: Sequence[Placed | None],
        outputs: Sequence[Placed | None],
        integers: Sequence[int] = (),
        reals: Sequence[float] = (),
    ) -> list[Array | None]:
        """Call a composite and return what is then in its outputs, None for one that is left out.

        Where the backend leaves this call to the front, the test is skipped.
        """
        label = f"composite({op!r}, {inputs}, {outputs}, {integers}, {reals})"
        views = [[placed and placed.view for placed in arrays] for arrays in (inputs, outputs)]
        if not self.backend.supports("composite", op):
            pytest.skip(f"the backend leaves {op} to the front")
        try:
            self.backend.composite(op, *views, integers, reals)
            self.backend.synchronize(self.index)
        except NotImplementedError:
            pytest.skip(f"the backend leaves {label} to the front")
        for a in filter(None, inputs):
            assert np.array_equal(raw(a.read()), raw(a.elements)), f"{label}: {a} was changed"
        return [out and out.read() for out in outputs]

    def check(self, want: Array, function: str, *args: Any, **tolerance: Any) -> None:
        """Call a function and compare its output with the elements that are wanted."""
        got = self.call(function, *args)
        out = next(arg for arg in reversed(args) if isinstance(arg, Placed) and arg.is_out)
        compare(describe(function, args), got, want, out.dtype, **tolerance)


def describe(function: str, args: tuple[Any, ...]) -> str:
    return f"{function}({', '.join(str(arg) for arg in args)})"


def raw(elements: Array) -> Array:
    """Return the bytes of each element, along a last axis."""
    return np.ascontiguousarray(elements).reshape(*elements.shape, 1).view(np.uint8)


def compare(
    label: str, got: Array, want: Array, dtype: str, *, ulps: float = 0, absolute: Any = 0.0, bits: bool = False
) -> None:
    """Raise AssertionError with the first element that is too far from the one wanted.

    Elements agree if they are equal numbers or both NaN, or if they differ by no more than `ulps` units in the last
    place of the one wanted plus `absolute`, a number or an array of them. Complex ones agree too if neither is finite;
    the units are those of the absolute value. With `bits`, they have to be the same bits.
    """
    assert got.shape == want.shape, f"{label}: got shape {got.shape}; expected {want.shape}"
    wrong = np.asarray((raw(got) != raw(want.astype(got.dtype, copy=False))).any(-1))
    if not wrong.any():
        return
    g, w = decode(got, dtype), decode(want, dtype)
    if dtype in (*INEXACT, *FLOAT8) and not bits:
        with np.errstate(all="ignore"):
            near = abs(g - w) <= ulps * spacing(abs(w), dtype) + absolute
        no_number = np.isnan(g) & np.isnan(w)
        if dtype in COMPLEX:
            no_number = ~np.isfinite(g) & ~np.isfinite(w)
        wrong = ~((g == w) | no_number | near)
    if wrong.any():
        place = tuple(int(i[0]) for i in np.nonzero(wrong)) if wrong.ndim else ()
        raise AssertionError(
            f"{label}: {np.count_nonzero(wrong)} of {wrong.size} elements are wrong, the first at {place}; "
            f"got {g[place]}; expected {w[place]}"
        )
