"""The tape: what was computed from what, and the walk back along it.

A node is noted for each op one of whose operands requires grad. Tensors hold their node and nodes hold their inputs;
nothing points the other way, so a graph is freed when the last tensor computed from it goes away, with no help from
the garbage collector.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from heapq import heappop, heappush
from itertools import count
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from needle.autograd.tensor import Tensor
    from needle.ndarray import NDArray

__all__ = ["Mode", "Node", "enable_grad", "gradients", "is_grad_enabled", "mode", "no_grad"]


class Mode(threading.local):
    """Whether ops are noted, for each thread."""

    recording: bool = True


mode = Mode()


def is_grad_enabled() -> bool:
    """Return whether ops are noted on the tape in this thread.

    >>> with no_grad():
    ...     is_grad_enabled()
    False
    """
    return mode.recording


@contextmanager
def _recording(value: bool) -> Generator[None]:
    before = mode.recording
    mode.recording = value
    try:
        yield
    finally:
        mode.recording = before


def no_grad() -> Any:
    """Return a context manager, which is a decorator too, under which nothing is noted: results require no grad.

    >>> from needle.autograd import tensor
    >>> x = tensor([1.0], requires_grad=True)
    >>> with no_grad():
    ...     y = x * 2
    >>> y.requires_grad
    False
    """
    return _recording(False)


def enable_grad() -> Any:
    """Return a context manager and decorator that notes ops again inside `no_grad`."""
    return _recording(True)


class Rule(Protocol):
    """What the walk asks of an op."""

    def pull(self, node: Node, cotangent: Tensor) -> Sequence[Tensor | None]:
        """Return the cotangent of each input, or None for an input that requires none."""
        ...


_order = count()


class Node:
    """One op that was computed.

    It keeps the array of the result and not the tensor, which holds the node: that would be a reference cycle.
    """

    __slots__ = ("inputs", "op", "order", "out", "params")

    def __init__(self, op: Rule, inputs: Sequence[Any], params: dict[str, Any], out: NDArray) -> None:
        self.op = op
        self.inputs = inputs
        self.params = params
        self.out = out
        self.order = next(_order)


def gradients(output: Tensor, cotangent: Tensor, *, create_graph: bool = False) -> dict[Tensor, Tensor]:
    """Return the gradient of ``sum(output * cotangent)`` for each leaf that requires grad and has part in ``output``.

    Nodes are visited from the last to the first in order of creation, which is a topological order: when a node's turn
    comes, all that depends on it has been visited. With ``create_graph`` the gradients have a graph of their own.
    """
    leaves: dict[Tensor, Tensor] = {}
    waiting: dict[int, tuple[Node, Tensor]] = {}
    heap: list[int] = []

    def give(x: Tensor, part: Tensor, source: Tensor) -> None:
        node = x.node
        if node is None:
            leaves[x] = leaves[x] + part if x in leaves else _own(part, source)
        elif node.order in waiting:
            waiting[node.order] = node, waiting[node.order][1] + part
        else:
            waiting[node.order] = node, part
            heappush(heap, -node.order)

    with _recording(create_graph):
        give(output, cotangent, cotangent)
        while heap:
            node, cotangent = waiting.pop(-heappop(heap))
            for x, part in zip(node.inputs, node.op.pull(node, cotangent), strict=True):
                if part is not None:
                    give(x, part, cotangent)
    return leaves


def _own(part: Tensor, source: Tensor) -> Tensor:
    """Return ``part`` in a buffer of its own: gradients are the user's, who may write into them.

    What a rule computes is new, unless it passed on the cotangent that it got, or a view.
    """
    if not part.tracked and (not part.data.is_contiguous or part.data.shares_buffer(source.data)):
        return type(part)(part.data.copy())
    return part
