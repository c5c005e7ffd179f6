"""The table in docs/views.md is true."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import needle.ndarray as nd

PAGE = Path(__file__).parent.parent / "docs" / "views.md"
ROW = re.compile(r"^\| (a [^|]*) \| (.*) \|$", re.MULTILINE)
TABLE = {kind: re.findall(r"`([^`]+)`", functions) for kind, functions in ROW.findall(PAGE.read_text())}
KIND = {name: kind for kind, names in TABLE.items() for name in names}

# For each entry, a call that shares if any does, and where it depends one that must copy.
CALLS: dict[str, tuple[Callable[[nd.NDArray], Any], ...]] = {
    "as_strided": (lambda x: nd.as_strided(x, (2,), (1,)),),
    "broadcast_arrays": (lambda x: nd.broadcast_arrays(x, nd.ones((2, 1, 1)))[0],),
    "broadcast_to": (lambda x: nd.broadcast_to(x, (2, 2, 3)),),
    "expand_dims": (nd.expand_dims,),
    "flip": (nd.flip,),
    "matrix_transpose": (nd.matrix_transpose,),
    "meshgrid": (lambda x: nd.meshgrid(x[0], nd.ones(2))[0],),
    "moveaxis": (lambda x: nd.moveaxis(x, 0, 1),),
    "permute_dims": (lambda x: nd.permute_dims(x, (1, 0)),),
    "split": (lambda x: nd.split(x, 1)[0],),
    "squeeze": (lambda x: nd.squeeze(x[:1], 0),),
    "swapaxes": (lambda x: nd.swapaxes(x, 0, 1),),
    "unfold": (lambda x: nd.unfold(x, 1, 2, 1),),
    "unstack": (lambda x: nd.unstack(x)[0],),
    "windows": (lambda x: nd.windows(x, (2,), (1,), (1,)),),
    ".T": (lambda x: x.T,),
    ".mT": (lambda x: x.mT,),
    "x[basic key]": (lambda x: x[0, None, ..., ::2],),
    "asarray": (nd.asarray, lambda x: nd.asarray(x, nd.int64)),
    "contiguous": (nd.contiguous, lambda x: nd.contiguous(x.T)),
    "einsum": (lambda x: nd.einsum("ij->ji", x), lambda x: nd.einsum("ij->i", x)),
    "reshape": (lambda x: nd.reshape(x, (6,)), lambda x: nd.reshape(x.T, (6,))),
    "astype(copy=False)": (lambda x: nd.astype(x, x.dtype, copy=False), lambda x: nd.astype(x, nd.int8, copy=False)),
    "to_device": (lambda x: x.to_device(x.device), lambda x: x.to_device("numpy")),
    "astype": (lambda x: nd.astype(x, x.dtype),),
    "clip": (nd.clip,),
    "concat": (lambda x: nd.concat([x]),),
    "copy": (nd.copy,),
    "diff": (lambda x: nd.diff(x, n=0),),
    "pad": (lambda x: nd.pad(x, [(0, 0), (0, 0)]),),
    "repeat": (lambda x: nd.repeat(x, 1, axis=0),),
    "roll": (lambda x: nd.roll(x, 0),),
    "sort": (nd.sort,),
    "stack": (lambda x: nd.stack([x]),),
    "take": (lambda x: nd.take(x, nd.arange(2), axis=0),),
    "take_along_axis": (lambda x: nd.take_along_axis(x, nd.zeros((2, 3), nd.int64)),),
    "tile": (lambda x: nd.tile(x, (1,)),),
    "topk": (lambda x: nd.topk(x, 3).values,),
    "tril": (lambda x: nd.tril(x, k=9),),
    "triu": (lambda x: nd.triu(x, k=-9),),
    "where": (lambda x: nd.where(x > 0, x, x),),
    "x[key with arrays]": (lambda x: x[nd.asarray([0, 1])],),
}


@pytest.mark.parametrize("name", sorted({*KIND, *CALLS}))
def test_row(name: str) -> None:
    x = nd.arange(6, dtype=nd.float32, device="cpu").reshape(2, 3)
    shares = [call(x).shares_buffer(x) for call in CALLS[name]]
    kinds = {"a view": [True], "a view where it can, else a copy": [True, False], "a copy": [False]}
    assert shares == kinds[KIND[name]]
