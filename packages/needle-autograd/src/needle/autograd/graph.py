"""`Tensor.graph`: a picture of the tape, in DOT, SVG or HTML."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from heapq import heappop, heappush
from html import escape
from typing import Any, NamedTuple

import needle.ndarray as nd
from needle.autograd.kinds import Elementwise, Linear
from needle.autograd.op import lowest
from needle.autograd.special import Special
from needle.autograd.tape import FREED, Node
from needle.autograd.tensor import Tensor
from needle.ndarray import NDArray

__all__ = ["Graph"]

COLORS = {"op": "#eef3fb", "leaf": "#e8f5e4", "result": "#fdf1dc", "note": "#f2f2f2"}
CHARACTER, LINE, MARGIN, GAP = 7.3, 16, 10, 28
"""In pixels: the size of the letters, and the space around text and between boxes."""
SHOWN = 4
"""How many elements are shown."""


class Box(NamedTuple):
    """What is drawn for an op or a leaf."""

    kind: str
    lines: list[str]
    line: str = ""
    """The user's line of the call."""


class Graph:
    """The tape from the leaves to a tensor as a picture: of each op its name, shape, and a few elements.

    It holds text, not tensors. Elements are shown where a tensor or the tape has them: those of leaves, of the result,
    and of what a rule reads; under `detect_anomaly` all, and with them the module and line of each op.

    >>> x = tensor([1.0, 2.0], requires_grad=True)
    >>> graph = (x * x).sum().graph({"x": x})
    >>> [box.lines for box in graph.boxes]
    [['sum', 'float32 ()', '5'], ['multiply', 'float32 (2,)'], ['x', 'float32 (2,)', '1 2']]
    >>> graph.arrows
    [(1, 0), (2, 1), (2, 1)]
    """

    def __init__(self, tensor: Tensor, names: Mapping[str, Tensor], limit: int) -> None:
        self.boxes: list[Box] = []
        self.arrows: list[tuple[int, int]] = []
        """Pairs of the numbers of boxes, from operand to result."""
        self._names = {id(x): name for name, x in names.items()}
        self._collect(tensor, limit)
        del self._names

    def _collect(self, tensor: Tensor, limit: int) -> None:
        """Draw the ops that came last, and count the others."""
        root = tensor if tensor.node is None else tensor.node
        values: dict[int, Any] = {id(root): tensor}
        numbers: dict[int, int] = {}
        waiting: list[tuple[int, int, Any]] = []
        seen: set[int] = set()
        users: dict[int, list[int]] = {}
        leaves: list[Any] = []
        cut: list[int] = []
        rest = 0

        def visit(edge: Any) -> None:
            if id(edge) not in seen:
                seen.add(id(edge))
                if isinstance(edge, Node):
                    heappush(waiting, (-edge.order, id(edge), edge))
                else:
                    leaves.append(edge)

        visit(root)
        while waiting:
            node = heappop(waiting)[2]
            drawn = len(self.boxes) < limit
            if drawn:
                numbers[id(node)] = len(self.boxes)
                for edge, value in _saved(node):
                    values.setdefault(id(edge), value)
                self.boxes.append(self._box(node, values.get(id(node)), "result" if node is root else "op"))
            else:
                rest += 1
                cut += users.get(id(node), ())
            for edge in node.edges:
                if edge is not None:
                    visit(edge)
                    if drawn:
                        users.setdefault(id(edge), []).append(numbers[id(node)])
        shown = [leaf for leaf in leaves if leaf is root or id(leaf) in users]
        for leaf in shown:
            numbers[id(leaf)] = len(self.boxes)
            self.boxes.append(self._box(leaf, leaf, "leaf"))
        self.arrows = [(number, user) for key, number in numbers.items() for user in users.get(key, ())]
        if rest:
            number = len(self.boxes)
            self.boxes.append(Box("note", [f"{rest} earlier ops", f"not drawn: limit={limit}"]))
            self.arrows += [(number, user) for user in sorted(set(cut))]
        self.arrows.sort()

    def _box(self, edge: Any, value: Any, kind: str) -> Box:
        if not isinstance(edge, Node):
            name = self._names.get(id(edge), "leaf")
            return Box(kind, [name, _about(edge.dtype, edge.shape), *_elements(edge)])
        if edge.op is FREED:
            return Box("note", ["freed by backward", "retain_graph=True keeps it"])
        title = f"result {edge.params['index']}" if edge.op.name == "part" else edge.op.name
        about = [_about(edge.dtype, edge.shape)] if edge.dtype is not None else []
        inside = [f"in {edge.module}"] if edge.module else []
        return Box(kind, [title, *about, *_elements(edge.value if value is None else value), *inside], edge.line)

    def to_dot(self) -> str:
        """Return the graph in the language of Graphviz."""
        lines = ["digraph {", "  node [shape=box, style=filled, fontname=monospace]"]
        for i, box in enumerate(self.boxes):
            label = "\\n".join(_quoted(x) for x in box.lines)
            tip = f', tooltip="{_quoted(box.line)}"' if box.line else ""
            lines.append(f'  {i} [label="{label}", fillcolor="{COLORS[box.kind]}"{tip}]')
        lines += [f"  {start} -> {end}" for start, end in self.arrows]
        return "\n".join([*lines, "}"])

    def to_svg(self) -> str:
        """Return the graph as a picture: leaves above, the result below."""
        places = self._layout()
        width = max(x + w for x, _, w, _ in places) + MARGIN
        height = max(y + h for _, y, _, h in places) + MARGIN
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
            f'viewBox="0 0 {width:.0f} {height:.0f}" font-family="monospace" font-size="12">',
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" '
            'orient="auto"><path d="M0 0L8 4L0 8z" fill="#667"/></marker></defs>',
        ]
        for start, end in self.arrows:
            (x, y, w, h), (x2, y2, w2, _) = places[start], places[end]
            x, y, x2 = x + w / 2, y + h, x2 + w2 / 2
            bend = (y2 - y) / 2
            path = f"M{x:.0f} {y:.0f}C{x:.0f} {y + bend:.0f} {x2:.0f} {y2 - bend:.0f} {x2:.0f} {y2:.0f}"
            parts.append(f'<path d="{path}" fill="none" stroke="#667" marker-end="url(#tip)"/>')
        for box, (x, y, w, h) in zip(self.boxes, places, strict=True):
            tip = f"<title>{escape(box.line)}</title>" if box.line else ""
            rect = f'<rect width="{w:.0f}" height="{h:.0f}" rx="4" fill="{COLORS[box.kind]}" stroke="#99a"/>'
            texts = [
                f'<text x="{w / 2:.0f}" y="{MARGIN + LINE * (i + 0.6):.0f}" text-anchor="middle" '
                f"font-weight='{'normal' if i else 'bold'}'>{escape(text)}</text>"
                for i, text in enumerate(box.lines)
            ]
            parts.append(f'<g transform="translate({x:.0f} {y:.0f})">{tip}{rect}{"".join(texts)}</g>')
        return "\n".join([*parts, "</svg>"])

    def to_html(self) -> str:
        """Return a page with the picture."""
        head = '<meta charset="utf-8"><title>Graph</title>'
        return f"<!doctype html>\n<html><head>{head}</head><body>\n{self.to_svg()}\n</body></html>\n"

    def _repr_html_(self) -> str:
        return f'<div style="overflow: auto">{self.to_svg()}</div>'

    def _layout(self) -> list[tuple[float, float, float, float]]:
        """Return the left, top, width and height of each box.

        A box lies one layer below the lowest of its operands, and in its layer at the mean of their places.
        Source: K. Sugiyama et al., "Methods for visual understanding of hierarchical system structures", IEEE
        Transactions on Systems, Man, and Cybernetics 11 (1981); one sweep, without their bends.
        """
        operands: list[list[int]] = [[] for _ in self.boxes]
        users: list[list[int]] = [[] for _ in self.boxes]
        for start, end in self.arrows:
            operands[end].append(start)
            users[start].append(end)
        order = sorted(range(len(self.boxes)), key=lambda i: (self.boxes[i].kind in ("op", "result"), -i))
        layer = [0] * len(self.boxes)
        for i in order:
            layer[i] = 1 + max((layer[j] for j in operands[i]), default=-1)
        for i, box in enumerate(self.boxes):
            if not operands[i] and users[i] and box.kind == "leaf":
                layer[i] = min(layer[j] for j in users[i]) - 1  # a leaf lies just above its first use
        layers: list[list[int]] = [[] for _ in range(1 + max(layer))]
        for i in order:
            layers[layer[i]].append(i)
        middle = [0.0] * len(self.boxes)
        places: dict[int, tuple[float, float, float, float]] = {}
        top = float(MARGIN)
        for members in layers:
            members.sort(key=lambda i: _mean(middle[j] for j in operands[i]))
            sizes = [_size(self.boxes[i]) for i in members]
            left = -(sum(w for w, _ in sizes) + GAP * (len(members) - 1)) / 2
            for i, (w, h) in zip(members, sizes, strict=True):
                places[i] = left, top, w, h
                middle[i] = left + w / 2
                left += w + GAP
            top += max(h for _, h in sizes) + GAP
        shift = MARGIN - min(x for x, _, _, _ in places.values())
        return [(x + shift, y, w, h) for x, y, w, h in (places[i] for i in range(len(self.boxes)))]


def _saved(node: Node) -> Iterable[tuple[Any, Any]]:
    """Yield the operands whose values the node keeps, as their edges and values."""
    if isinstance(node.op, Elementwise | Linear | Special):
        for edge, value in zip(node.edges, node.saved, strict=True):
            if isinstance(edge, Node) and isinstance(value, Tensor):
                yield edge, value
    if isinstance(node.out, NDArray | Tensor):
        yield node, node.out


def _about(dtype: Any, shape: tuple[int, ...]) -> str:
    return f"{dtype.name} {shape}"


def _elements(x: Any) -> list[str]:
    """Return a line with the first elements, where ``x`` is known."""
    x = lowest(x).data if isinstance(x, Tensor) else x
    if not isinstance(x, NDArray):
        return []
    first = nd.reshape(x, (-1,))[:SHOWN].tolist() if x.size else []
    return [" ".join([f"{e:.4g}" for e in first] + ["..."] * (x.size > SHOWN)) or "empty"]


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return sum(found) / len(found) if found else 0.0


def _size(box: Box) -> tuple[float, float]:
    return max(map(len, box.lines)) * CHARACTER + 2 * MARGIN, len(box.lines) * LINE + MARGIN
