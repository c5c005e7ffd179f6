"""The tape: what was computed from what, and the walk back along it.

A node is noted for each op one of whose operands requires grad. It keeps what the op's rule reads and no more: nodes
point to nodes, not to the tensors between them. Tensors hold their node and nodes those that came before; nothing
points the other way, so a graph is freed when the last tensor computed from it goes away, with no help from the
garbage collector.

There is a tape at every level: level 0 is `Tensor.backward`, the levels above are the frames of `grad` and the like
(`needle.autograd.frames`). All have these nodes and this walk.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ContextDecorator
from heapq import heappop, heappush
from itertools import count, islice
from typing import TYPE_CHECKING, Any, Protocol

from needle.autograd.hooks import hooked
from needle.ndarray._core import user_frame
from needle.ndarray.errors import message

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from needle.autograd.hooks import Hooks
    from needle.autograd.tensor import Tensor
    from needle.ndarray import DType, NDArray

__all__ = [
    "Edge",
    "Mode",
    "Node",
    "Several",
    "enable_grad",
    "is_grad_enabled",
    "mode",
    "mutes",
    "no_grad",
    "now",
    "scopes",
    "walk",
]


class Mode(threading.local):
    """What ops heed, for each thread."""

    recording: bool = True
    """Whether ops are noted at level 0."""
    muted: int = -1
    """The highest level at which nothing is noted, from `no_grad`; -1 where all levels note."""
    frames: tuple[Any, ...] = ()
    """The frames that are open, the innermost last; the level of each is its place, from 1 on."""
    anomaly: Any = None
    """What looks at all values, under `detect_anomaly`."""


mode = Mode()

scopes: set[object] = set()
"""All frames and the like that are open in any thread. While there are none, ops, to be fast, do not look for any."""

mutes: set[object] = set()
"""All of `no_grad` and the like that are open in any thread. While there are none, ops note what they do."""


def is_grad_enabled() -> bool:
    """Return whether ops are noted on the tape in this thread.

    >>> with no_grad():
    ...     is_grad_enabled()
    False
    """
    return mode.muted < len(mode.frames)


class _Muted(ContextDecorator):
    """Notes nothing up to a level while it is open; with None, up to the level at which it is opened."""

    def __init__(self, level: int | None) -> None:
        self.level = level
        self.before: list[tuple[int, bool]] = []

    def __enter__(self) -> None:
        level = len(mode.frames) if self.level is None else self.level
        self.before.append((mode.muted, mode.recording))
        mutes.add(self)
        mode.muted, mode.recording = level, level < 0

    def __exit__(self, *_: object) -> None:
        mode.muted, mode.recording = self.before.pop()
        if not self.before:
            mutes.discard(self)

    def _recreate_cm(self) -> _Muted:
        return _Muted(self.level)  # each call of a decorated function has its own


def no_grad() -> Any:
    """Return a context manager, which is a decorator too, under which nothing is noted: results require no grad.

    Inside `grad` and the like it holds for the function that is differentiated, and all around it; a `grad` within it
    notes again.

    >>> from needle.autograd import tensor
    >>> x = tensor([1.0], requires_grad=True)
    >>> with no_grad():
    ...     y = x * 2
    >>> y.requires_grad
    False
    """
    return _Muted(None)


def enable_grad() -> Any:
    """Return a context manager and decorator that notes ops again inside `no_grad`."""
    return _Muted(-1)


class Rule(Protocol):
    """What the walk asks of an op."""

    name: str

    def pull(self, node: Node, cotangent: Any) -> Sequence[Any]:
        """Return the cotangent of each operand, or None for one that requires none."""
        ...


now: Callable[[], int] = count(1).__next__
"""Gives a number, above 0, that comes after those of all nodes so far."""


class Node:
    """One op that was computed.

    Its result is in ``out`` only where the rule reads it, and not as the tensor, which holds the node: that would be a
    reference cycle. It has no slots, as most of its attributes are at their defaults.
    """

    params: dict[str, Any] = {}  # noqa: RUF012 - nobody writes into it
    """The op's keyword parameters."""
    saved: Sequence[Any] = ()
    """What the rule reads of the operands; None or a `Spec` for the others."""
    out: Any = None
    """The result, as an array or a value of the frame's lower level, where the rule reads it."""
    hooks: Hooks | None = None
    """Functions that see the cotangent of the result on its way."""
    extra: Any = None
    """What a fused op's kernel keeps for its gradient."""
    watched: Sequence[tuple[NDArray, int]] = ()
    """The arrays that the rule reads, with the versions that they had."""
    value: Any = None
    """Under `detect_anomaly` the result, as in ``out``."""
    module: str | None = None
    """Under `detect_anomaly` the path of the module that called the op."""

    def __init__(
        self,
        op: Rule,
        edges: Sequence[Edge],
        params: dict[str, Any],
        shape: tuple[int, ...],
        dtype: DType | None,
        saved: Sequence[Any] = (),
        out: Any = None,
    ) -> None:
        self.op = op
        self.edges = edges
        self.params = params
        self.shape = shape
        self.dtype = dtype
        self.saved = saved
        self.out = out
        self.order = now()
        self.frame = user_frame()

    @property
    def line(self) -> str:
        """Where the user's code called the op."""
        if self.frame is None:
            return "an unknown line"
        code, at = self.frame
        line = next(islice(code.co_positions(), at // 2, None))[0]
        return f"{code.co_filename}:{line}"


Edge = "Node | Tensor | None"
"""Where an operand's cotangent goes: to the node that made it, to itself as a leaf, or nowhere."""


class Several(dict[int, Any]):
    """The cotangents of an op of several results, by the result's number."""

    def __add__(self, other: Several) -> Several:
        out = Several(self)
        for i, part in other.items():
            out[i] = out[i] + part if i in out else part
        return out


class _Freed:
    """The op of a node that a walk has left behind."""

    name = "backward"

    def pull(self, node: Node, cotangent: Any) -> Sequence[Any]:
        """Raise, as what the rule reads is gone."""
        problem, hint = "this graph was walked before and is freed", "pass retain_graph=True to the first backward"
        raise RuntimeError(message("backward", problem, hint=hint))


FREED = _Freed()


def walk(roots: Iterable[tuple[Any, Any]], *, retain: bool, first: int = 0) -> dict[Any, Tensor]:
    """Return for each leaf that has part in the roots its cotangent, given edges with the cotangents of the roots.

    Nodes from before number ``first`` count as leaves; such a walk is a part of another, which calls their hooks.

    Nodes are visited from the last to the first in order of creation, which is a topological order: when a node's turn
    comes, all that depends on it has been visited. Unless they are to be retained, nodes are freed as it goes.
    """
    leaves: dict[Any, Tensor] = {}
    waiting: dict[int, tuple[Node, Any]] = {}
    heap: list[int] = []

    def give(edge: Node | Tensor, part: Any, source: Any) -> None:
        if not isinstance(edge, Node) or edge.order < first:
            leaves[edge] = leaves[edge] + part if edge in leaves else _own(part, source)
        elif edge.order in waiting:
            waiting[edge.order] = edge, waiting[edge.order][1] + part
        else:
            waiting[edge.order] = edge, part
            heappush(heap, -edge.order)

    for edge, cotangent in roots:
        give(edge, cotangent, cotangent)
    while heap:
        node, cotangent = waiting.pop(-heappop(heap))
        if node.hooks:
            cotangent = hooked(node.hooks, cotangent)
        if node.watched:
            _check_unwritten(node)
        try:
            puller = node.op if mode.anomaly is None else mode.anomaly
            parts = puller.pull(node, cotangent)
        except Exception as error:
            error.add_note(f"in the backward of {node.op.name} at {node.line}")
            raise
        for edge, part in zip(node.edges, parts, strict=True):
            if edge is not None and part is not None:
                give(edge, part, cotangent)
        if not retain:
            node.op, node.edges, node.saved, node.out, node.watched, node.value = FREED, (), (), None, (), None
    if not first:
        for leaf, part in leaves.items():
            if hooks := getattr(leaf, "hooks", None):
                leaves[leaf] = hooked(hooks, part)
    return leaves


def _check_unwritten(node: Node) -> None:
    """Raise where a value that the node's rule reads is not what it was."""
    for array, version in node.watched:
        if array.version != version:
            writer = array.writer(version)
            got = f"written by {writer[0]} at {writer[1]}:{writer[2]}" if writer else "written by an unknown line"
            problem = "a value that the derivative needs was overwritten"
            hint = "write after backward, or into a copy"
            text = message(node.op.name, problem, got=got, expected=f"that of {node.line}", hint=hint)
            raise RuntimeError(text)


def _own(part: Tensor, source: Any) -> Tensor:
    """Return ``part`` in a buffer of its own: gradients are the user's, who may write into them.

    What a rule computes is new, unless it passed on the cotangent that it got, or a view.
    """
    if part.tracked:
        return part
    sources = source.values() if isinstance(source, Several) else (source,)
    if part.data.is_contiguous and not any(part.data.shares_buffer(x.data) for x in sources):
        return part
    return type(part)(part.data.copy())
