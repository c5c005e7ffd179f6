"""What the property tests draw: shapes, elements, and arrays of them in any layout."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from needle import ndarray as nd
from needle.ndarray import _core
from needle.ndarray.conformance import samples
from needle.ndarray.conformance.elements import FLOATS, INTEGERS, Array, encode, storage
from needle.ndarray.conformance.elements import REALS as DTYPES

Shape = tuple[int, ...]

NUMBERS = (*INTEGERS, *FLOATS)
SIDES = st.integers(0, 5)
SHAPES = st.one_of(
    st.lists(SIDES, max_size=3).map(tuple),
    st.tuples(st.sampled_from([17, 33, 100])),  # longer than vector registers, with remainders
    st.tuples(st.integers(1, 3), st.sampled_from([16, 31])),
)
WITH_AXES = SHAPES.filter(bool)


def bits(dtype: str) -> st.SearchStrategy[int]:
    """Elements as bits: special numbers, and any."""
    unsigned = f"u{storage(dtype).itemsize}"
    special = np.unique(encode(samples.special(dtype), dtype).view(unsigned)).tolist()
    return st.sampled_from(special) | st.integers(0, 1 if dtype == "bool" else int(np.iinfo(unsigned).max))


def small(dtype: str) -> st.SearchStrategy[int]:
    """Bits of whole numbers on which float arithmetic is exact, in whatever order; of any integers."""
    if dtype not in FLOATS:
        return BITS[dtype]
    return st.sampled_from(encode(np.array([-1, 0, 1, 2]), dtype).view(f"u{storage(dtype).itemsize}").tolist())


BITS = {dtype: bits(dtype) for dtype in DTYPES}
SMALL = {dtype: small(dtype) for dtype in NUMBERS}
STEPS = {"plain": 1, "second": 2, "backwards": -1, "repeated": 1}


def placed(
    data: st.DataObject, dtype: str, shape: Shape, device: str, elements: Any = None, *, repeats: bool = True
) -> tuple[Array, nd.NDArray]:
    """Return elements and an array of them, with axes in any order in memory, with gaps, backwards and of stride 0."""
    order = data.draw(st.permutations(range(len(shape))))
    kinds = st.sampled_from(["plain", "plain", "second", "backwards", *["repeated"] * repeats])
    modes = [data.draw(kinds) for _ in shape]
    wide = [{"second": 2 * n, "repeated": min(n, 1)}.get(mode, n) for n, mode in zip(shape, modes, strict=True)]
    unsigned = f"u{storage(dtype).itemsize}"
    strategy = hnp.arrays(
        unsigned, tuple(wide[i] for i in order), elements=BITS[dtype] if elements is None else elements
    )
    base: Array = data.draw(strategy).view(storage(dtype))
    x = _core.from_bytes(base.tobytes(), _core.dtypes[dtype], base.shape, nd.device(device))
    back = np.argsort(order).tolist()
    key = tuple(slice(None, None, STEPS[mode]) for mode in modes)
    a = np.broadcast_to(base.transpose(back)[key], shape)
    return a, nd.broadcast_to(x.permute_dims(*back)[key], shape)
