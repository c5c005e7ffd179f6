"""`Op`: a function of arrays that, called with tensors, goes where its operands belong; and the table of all ops.

What every level asks of an op: `note` and `pull` for reverse mode, `push` for forward mode, `spread` for batches. The
kinds (`needle.autograd.rules`) answer them from what a block of the table gives.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import needle.ndarray as nd
from needle.autograd.creation import zeros_like
from needle.autograd.frames import Traced, top_frame
from needle.autograd.samples import Samples
from needle.autograd.tape import Node, Several, mode, scopes
from needle.autograd.tensor import Tensor
from needle.ndarray import Device, DType, NDArray
from needle.ndarray.axes import axes_of
from needle.ndarray.errors import message

__all__ = [
    "DIFFERENTIABLE",
    "PART",
    "Batch",
    "Op",
    "Params",
    "Spec",
    "axes_of",
    "axis_of",
    "edges_of",
    "filled",
    "lowest",
    "output_of",
    "promoted",
    "records",
    "table",
    "watch",
    "wrapped",
]

Params = dict[str, Any]
Batch = Callable[..., Any]
"""A batching rule: a function of the parameters and the operands, each with a batch axis in front, that gives the
result with one in front. Operands without it have been repeated along one."""
DIFFERENTIABLE = frozenset({nd.float16, nd.bfloat16, nd.float32, nd.float64, nd.complex64, nd.complex128})

table: dict[str, Op] = {}
"""Every op by name, including those that only rules use."""


class Spec:
    """What a tensor was, without its elements: all that most rules of linear ops need."""

    __slots__ = ("device", "dtype", "shape")

    def __init__(self, x: Tensor | NDArray) -> None:
        self.shape: tuple[int, ...] = x.shape
        self.dtype: DType = x.dtype
        self.device: Device = x.device

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        n = 1
        for extent in self.shape:
            n *= extent
        return n


class Op:
    """A function of arrays; called with tensors it is noted on the tape. Without a kind it has no derivative.

    Args:
        name: Its name in the table and in errors.
        forward: The function of arrays, constants and keyword parameters. It gives an array or a tuple of arrays.
        samples: Arguments to test it on.
        batch: Its batching rule.
        core: Instead, for an op that works on the last ``core`` axes and broadcasts those before them: their number.
    """

    def __init__(
        self,
        name: str,
        forward: Callable[..., Any],
        samples: Samples,
        batch: Batch | None = None,
        core: int | None = None,
    ) -> None:
        if name in table:
            raise ValueError(message(name, "the op table has an op of this name already"))
        self.name = self.__name__ = name
        self.forward = forward
        self.samples = samples
        self.batch = batch
        self.core = core
        table[name] = self

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"

    def __call__(self, *operands: Any, **params: Any) -> Any:
        """Return the function's result for tensors, arrays and numbers: a tensor, or a tuple of tensors."""
        if scopes and mode.frames and (frame := top_frame(operands)) is not None:
            return frame.process(self, operands, params)
        tracked = False
        arrays: list[Any] = []
        for x in operands:
            if isinstance(x, Tensor):
                if x.tracked:
                    tracked = True
                arrays.append(x.data)
            else:
                arrays.append(x)
        data = self.forward(*arrays, **params)
        if type(data) is not NDArray:
            return self._several(data, operands, params, tracked)
        out = Tensor(data)
        if tracked and mode.recording and data.dtype in DIFFERENTIABLE:
            out.tracked = True
            out.node = self.note(edges_of(operands), operands, params, data)
        if scopes and mode.anomaly is not None:
            mode.anomaly.saw(self, operands, params, (out,))
        return out

    def _several(
        self, data: tuple[NDArray, ...], operands: Sequence[Any], params: Params, tracked: bool
    ) -> tuple[Tensor, ...]:
        outs = tuple(map(Tensor, data))
        if tracked and mode.recording:
            node = self.note(edges_of(operands), operands, params, data)
            for i, out in enumerate(outs):
                if self.differentiable(out):
                    out.tracked, out.node = True, self.part(node, i, out)
        if scopes and mode.anomaly is not None:
            mode.anomaly.saw(self, operands, params, outs)
        return outs

    def differentiable(self, out: Tensor | NDArray) -> bool:
        """Return whether a result can have a derivative."""
        return out.dtype in DIFFERENTIABLE

    def saving(self, operands: Sequence[Any], params: Params) -> tuple[Any, Any]:
        """Return the result, and what else the gradient wants to have kept."""
        return self(*operands, **params), None

    def note(self, edges: Sequence[Any], operands: Sequence[Any], params: Params, out: Any, extra: Any = None) -> Node:
        """Return the node of this op for a tape."""
        return Node(self, edges, params, () if isinstance(out, tuple) else out.shape, None)

    def part(self, node: Node, i: int, out: Tensor) -> Node:
        """Return the node of one of several results."""
        return Node(PART, [node], {"index": i}, out.shape, out.dtype)

    def pull(self, node: Node, cotangent: Any) -> Sequence[Tensor | None]:
        """Return the cotangent of each operand, or None for one that requires none."""
        raise self.missing()

    def push(self, operands: Sequence[Any], tangents: Sequence[Tensor | None], params: Params, out: Any) -> Any:
        """Return the tangent of the result, or of each of several; None for zero."""
        raise self.missing()

    def spread(self, size: int, operands: Sequence[Any], batched: Sequence[bool], params: Params) -> Any:
        """Return the results for a batch of operands, those that are batched with the batch axis in front."""
        if self.core is not None:
            return self(*_aligned(operands, batched, self.core), **params)
        if self.batch is None:
            raise NotImplementedError(message(self.name, "no batching rule is known", hint="loop over the batch"))
        repeat = table["broadcast_to"]
        wrapped = [Tensor(x) if isinstance(x, NDArray) else x for x in operands]
        full = [
            repeat(x, shape=(size, *x.shape)) if isinstance(x, Tensor) and not flag else x
            for x, flag in zip(wrapped, batched, strict=True)
        ]
        return self.batch(params, *full)

    def missing(self) -> NotImplementedError:
        """Return the error for a derivative that is not known."""
        return NotImplementedError(message(self.name, "no derivative is known", hint="detach() the operand"))


class _Part:
    """What the nodes of an op's several results have for an op: it hands each cotangent on with its number."""

    name = "part"

    def pull(self, node: Node, cotangent: Tensor) -> Sequence[Several]:
        return [Several({node.params["index"]: cotangent})]


PART = _Part()


def edges_of(operands: Sequence[Any]) -> list[Any]:
    """Return where the cotangent of each operand goes at level 0."""
    return [(x if x.node is None else x.node) if isinstance(x, Tensor) and x.tracked else None for x in operands]


def _aligned(operands: Sequence[Any], batched: Sequence[bool], core: int) -> list[Any]:
    """Return the operands with the batch axis of those that have one before all axes that others broadcast."""
    if len(operands) == 1:
        return list(operands)
    ranks = [x.ndim - flag for x, flag in zip(operands, batched, strict=True) if isinstance(x, Tensor | NDArray)]
    rank = max(*ranks, core) if ranks else core
    reshape = table["reshape"]
    return [
        reshape(x, shape=(x.shape[0], *[1] * (rank + 1 - x.ndim), *x.shape[1:])) if flag and x.ndim <= rank else x
        for x, flag in zip(operands, batched, strict=True)
    ]


def wrapped(x: Any) -> Any:
    """Return an array as a tensor, and all else as it is."""
    return Tensor(x) if isinstance(x, NDArray) else x


def output_of(node: Node) -> Any:
    """Return the result, or the results, that the node keeps, as tensors that it made."""
    if isinstance(node.out, tuple):
        return tuple(_restored(node, x, i) for i, x in enumerate(node.out))
    return _restored(node, node.out, None)


def _restored(node: Node, x: Any, i: int | None) -> Any:
    """Return an array of level 0, where the tensor would be a cycle, as a tensor; what is none as it is."""
    if not isinstance(x, NDArray):
        return x
    out = Tensor(x)
    if mode.recording and node.op.differentiable(x):
        out.tracked, out.node = True, node if i is None else node.op.part(node, i, out)
    return out


def watch(values: Sequence[Any]) -> list[tuple[NDArray, int]]:
    """Return the arrays among some values and those of tensors, with their versions, and have writes remembered."""
    found: list[tuple[NDArray, int]] = []
    for x in values:
        if x is not None:
            array = x if isinstance(x, NDArray) else lowest(x).data if isinstance(x, Tensor) else None
            if array is not None:
                found.append((array, array.watch()))
    return found


def lowest(x: Tensor) -> Tensor:
    """Return the tensor under those of frames."""
    while isinstance(x, Traced):
        x = x.value
    return x


def records(operands: Sequence[Any]) -> bool:
    """Return whether an op on these operands is to be noted."""
    for x in operands:
        if isinstance(x, Tensor) and x.tracked:
            return mode.recording or isinstance(x, Traced)
    return False


def filled(cotangents: Sequence[Tensor | None], outs: Sequence[Tensor | Spec]) -> list[Tensor]:
    """Return the cotangents of several results, with zeros for those that are None."""
    return [zeros_like(x) if ct is None else ct for ct, x in zip(cotangents, outs, strict=True)]


def promoted(*operands: Tensor) -> list[Tensor]:
    """Return tensors in the dtype that they have together."""
    dtype = nd.result_type(*(x.dtype for x in operands))
    return [x if x.dtype is dtype else table["astype"](x, dtype=dtype) for x in operands]


def axis_of(op: str, axis: int | None, ndim: int) -> int:
    """Return the axis as a number from 0 on; where it is None, the only one."""
    if axis is None and ndim != 1:
        got, expected = f"{ndim} dimensions", "axis=, for other than 1 dimension"
        raise ValueError(message(op, "no axis is named", got=got, expected=expected))
    return axes_of(op, axis, ndim)[0]
