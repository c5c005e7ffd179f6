"""`detect_anomaly`: which op made the first NaN or Inf, where in the user's program, and of what.

While it is open, every op shows it the values at the lowest level (`saw`), every tape what it notes (`keep`), and the
walk hands it each node (`pull`). Of a rule only the result counts, as rules may divide by zero where nobody looks.
"""

from __future__ import annotations

import cmath
from contextlib import ContextDecorator
from linecache import getline
from typing import TYPE_CHECKING, Any, Self

import needle.ndarray as nd
from needle.autograd.op import DIFFERENTIABLE, lowest, wrapped
from needle.autograd.tape import Node, Several, mode, scopes
from needle.autograd.tensor import Tensor
from needle.ndarray import NDArray
from needle.ndarray.errors import message

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from needle.autograd.op import Op, Params

__all__ = ["AnomalyError", "detect_anomaly", "open_modules"]


class AnomalyError(FloatingPointError):
    """A NaN or Inf appeared under `detect_anomaly`.

    Args:
        text: What happened.
        op: The name of the op whose result, or whose rule's, is not finite.
        operands: Its operands; for a rule the cotangent and what the tape kept.
        result: What is not finite.
        line: The user's line of the op's call, as ``file:number``.
        module: The path of the module that called it, where one did.
    """

    def __init__(
        self, text: str, op: str, operands: tuple[Any, ...], result: Tensor, line: str, module: str | None
    ) -> None:
        super().__init__(text)
        self.op = op
        self.operands = operands
        self.result = result
        self.line = line
        self.module = module


class detect_anomaly(ContextDecorator):
    """A context manager, and decorator, under which the first NaN or Inf is an error that names where it came from.

    That is an op whose result has a NaN, or an Inf, while none of its operands has one; forward, or in `backward` and
    the like, where it names the op whose rule it was and the line on which that op was called. Ops take several times
    as long, and the tape keeps all values, for `Tensor.graph` to show.

    Raises:
        AnomalyError: It appeared. The error holds the op, its operands, the result, the line and the module.

    >>> x = tensor([1.0, 0.0], requires_grad=True)
    >>> with detect_anomaly():
    ...     y = x.sqrt()
    ...     try:
    ...         y.sum().backward()
    ...     except AnomalyError as error:
    ...         print(error.op, error.result.tolist())
    sqrt [0.5, inf]
    """

    def __init__(self) -> None:
        self.modules: list[tuple[str, Any]] = []
        """The modules that are being called, by their paths, the innermost last; `needle.nn` keeps it."""
        self._outer: list[Any] = []
        self._rules = 0

    def __enter__(self) -> Self:
        self._outer.append(mode.anomaly)
        scopes.add(self)
        mode.anomaly = self
        return self

    def __exit__(self, *_: object) -> None:
        mode.anomaly = self._outer.pop()
        if not self._outer:
            scopes.discard(self)

    def _recreate_cm(self) -> detect_anomaly:
        return detect_anomaly()  # each call of a decorated function has its own

    def saw(self, op: Op, operands: Sequence[Any], params: Params, outs: Sequence[Tensor]) -> None:
        """Keep the results of an op at the lowest level; raise for a NaN or Inf that its operands have not."""
        for out in outs:
            if out.node is not None:
                self.keep(out.node, out.data)
            if not self._rules and (new := _new(out, [*operands, *params.values()])):
                node = Node(op, (), params, out.shape, out.dtype)  # for the line
                raise self._error(f"{new} appeared in the result", self.keep(node, out.data), operands, out)

    def keep(self, node: Node, value: Any) -> Node:
        """Keep in a node its result and the module."""
        node.value = value
        node.module = self.modules[-1][0] if self.modules else None
        return node

    def pull(self, node: Node, cotangent: Any) -> Sequence[Any]:
        """Return what the rule of a node gives; raise if that has a NaN or Inf which nothing had that it read."""
        self._rules += 1
        try:
            parts = node.op.pull(node, cotangent)
        finally:
            self._rules -= 1
        given = [*(cotangent.values() if isinstance(cotangent, Several) else [cotangent]), *node.saved]
        out = node.out if isinstance(node.out, tuple) else (node.out,)
        for i, part in enumerate(parts):
            for x in part.values() if isinstance(part, Several) else [part]:
                if new := _new(x, [*given, *out]):
                    raise self._error(f"{new} appeared in the gradient for operand {i}", node, given, x)
        return parts

    def _error(self, problem: str, node: Node, operands: Sequence[Any], out: Tensor) -> AnomalyError:
        kept = tuple(x.detach() if isinstance(x, Tensor) else x for x in map(_plain, operands))
        result = lowest(out).detach()
        path, _, number = node.line.rpartition(":")
        source = getline(path, int(number)).strip() if number.isdecimal() else ""
        where = f"in the call at {node.line}" + (f" ({source})" if source else "")
        where += f", in module {node.module}" if node.module else ""
        got = f"{_summary(result)} from {', '.join(_summary(x) for x in kept if isinstance(x, Tensor)) or 'numbers'}"
        text = message(node.op.name, f"{problem}, {where}", got=got, hint="the error keeps .operands and .result")
        return AnomalyError(text, node.op.name, kept, result, node.line, node.module)


def open_modules() -> list[tuple[str, Any]] | None:
    """Return the stack of modules to add to under `detect_anomaly`, else None."""
    return mode.anomaly.modules if scopes and mode.anomaly is not None else None


def _new(x: Any, sources: Iterable[Any]) -> str | None:
    """Return "NaN" or "Inf" if ``x`` has one and no source has; else None."""
    found = _specials(x)
    for source in sources if found else ():
        found -= _specials(source)
    return max(found, default=None)  # NaN before Inf


def _specials(x: Any) -> set[str]:
    x = x.data if isinstance(x := _plain(x), Tensor) else x
    if isinstance(x, float | complex):
        return {name for name, test in (("NaN", cmath.isnan), ("Inf", cmath.isinf)) if test(x)}
    if not (isinstance(x, NDArray) and x.dtype in DIFFERENTIABLE) or bool(nd.all(nd.isfinite(x))):
        return set()
    return {name for name, test in (("NaN", nd.isnan), ("Inf", nd.isinf)) if bool(nd.any(test(x)))}


def _plain(x: Any) -> Any:
    """Return a tensor or array as a tensor of the lowest level, and all else as it is."""
    return lowest(x) if isinstance(x, Tensor) else wrapped(x)


def _summary(x: Tensor) -> str:
    return f"{x.dtype.name} {x.shape}"
