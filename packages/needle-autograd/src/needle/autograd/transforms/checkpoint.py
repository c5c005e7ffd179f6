"""`checkpoint`: memory for time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import needle.ndarray as nd
from needle.autograd.frames import Frame, Taped, TapeFrame, Traced
from needle.autograd.op import PART
from needle.autograd.tape import Node, Several, enable_grad, mode, now, walk
from needle.autograd.tensor import Tensor
from needle.autograd.transforms.arguments import Arguments
from needle.autograd.tree import tree_leaves

__all__ = ["checkpoint"]


def checkpoint(f: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function that computes ``f`` and keeps nothing for its derivative, which runs ``f`` again.

    What is kept are the arguments and the tensors that ``f`` closes over. The second run draws the same random numbers
    as the first. Forward mode and `vmap` by themselves keep nothing, so that nothing is to be saved there.

    Source: T. Chen et al., "Training deep nets with sublinear memory cost", arXiv:1604.06174 (2016).

    >>> x = tensor([1.0, 2.0], requires_grad=True)
    >>> checkpoint(lambda x: (x * x).exp())(x).sum().backward()
    >>> x.grad.tolist() == (2 * x * (x * x).exp()).tolist()
    True
    """

    @wraps(f)
    def light(*args: Any, **kwargs: Any) -> Any:
        frame: Frame | None = mode.frames[-1] if mode.frames else None
        level = 0 if frame is None else frame.level
        if level <= mode.muted or not (frame is None or isinstance(frame, TapeFrame)):
            return f(*args, **kwargs)
        run = _Run(f, args, kwargs, frame)
        first = now()
        out = Arguments.of(f(*args, **kwargs))
        edges = [run.edge(x) for x in out.leaves]
        borders = _borders([edge for edge in edges if edge is not None], first)
        node = Node(run, borders, {}, (), None)
        leaves = enumerate(zip(out.leaves, edges, strict=True))
        return out.put([x if edge is None else run.renewed(node, i, x) for i, (x, edge) in leaves])

    return light


class _Run:
    """One call, which the walk repeats."""

    name = "checkpoint"

    def __init__(self, f: Callable[..., Any], args: Any, kwargs: Any, frame: TapeFrame | None) -> None:
        self.f, self.args, self.kwargs, self.frame = f, args, kwargs, frame
        devices = {x.device for x in tree_leaves((args, kwargs)) if isinstance(x, Tensor)} | {nd.default_device()}
        self.generators = [nd.random.default_generator(device) for device in devices]
        self.states = [generator.state_dict() for generator in self.generators]

    def edge(self, x: Any) -> Any:
        """Return where the cotangent of a result goes on the tape of this run; None for a constant."""
        if self.frame is None:
            on_tape = isinstance(x, Tensor) and x.tracked and not isinstance(x, Traced)
        else:
            on_tape = self.frame.owns(x)
        return (x.node or x) if on_tape else None

    def renewed(self, node: Node, i: int, x: Any) -> Tensor:
        """Return a result as this node's alone."""
        part = Node(PART, [node], {"index": i}, x.shape, x.dtype)
        if self.frame is not None:
            return Taped(self.frame, self.frame.lower(x), part)
        out = Tensor(x.data)
        out.tracked, out.node = True, part
        return out

    def pull(self, node: Node, cotangent: Several) -> Sequence[Tensor | None]:
        """Run the function again and walk back from its results to what it started from."""
        now_states = [generator.state_dict() for generator in self.generators]
        for generator, state in zip(self.generators, self.states, strict=True):
            generator.load_state_dict(state)
        first = now()
        try:
            out = self.again()
        finally:
            for generator, state in zip(self.generators, now_states, strict=True):
                generator.load_state_dict(state)
        roots = [(self.edge(out[i]), ct) for i, ct in cotangent.items()]
        found = walk(roots, retain=mode.recording, first=first)
        return [found.get(edge) for edge in node.edges]

    def again(self) -> list[Any]:
        """Return the leaves of the result of another run."""
        if self.frame is None:
            with enable_grad():
                return tree_leaves(self.f(*self.args, **self.kwargs))
        with self.frame:
            return tree_leaves(self.f(*self.args, **self.kwargs))


def _borders(edges: list[Any], first: int) -> list[Any]:
    """Return what the nodes from number ``first`` on start from: older nodes, and leaves."""
    found: dict[Any, None] = {}
    seen: set[Node] = set()
    while edges:
        edge = edges.pop()
        if not isinstance(edge, Node) or edge.order < first:
            found[edge] = None
        elif edge not in seen:
            seen.add(edge)
            edges += [x for x in edge.edges if x is not None]
    return list(found)
