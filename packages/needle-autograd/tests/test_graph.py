from __future__ import annotations

import re
import weakref
from xml.etree import ElementTree

import needle.autograd as ad
import needle.ndarray as nd
from needle.autograd import Graph, Tensor, tensor


def leaf(values: object, device: str = "cpu") -> Tensor:
    return tensor(values, nd.float32, device, requires_grad=True)


def lines(graph: Graph) -> list[list[str]]:
    return [box.lines for box in graph.boxes]


def test_boxes_have_op_shape_and_the_elements_that_are_known(device: str) -> None:
    x, w = leaf([1.0, -2.0, 3.0, 4.0, 5.0], device), leaf(2.0, device)
    y = ad.exp(x * w + 1)
    graph = (y * 10).graph({"w": w})
    assert lines(graph) == [
        ["multiply", "float32 (5,)", *graph.boxes[0].lines[2:]],
        ["exp", "float32 (5,)", "20.09 0.04979 1097 8103 ..."],
        ["add", "float32 (5,)"],
        ["multiply", "float32 (5,)"],
        ["leaf", "float32 (5,)", "1 -2 3 4 ..."],
        ["w", "float32 ()", "2"],
    ]
    assert graph.arrows == [(1, 0), (2, 1), (3, 2), (4, 3), (5, 3)]
    assert re.search(r"test_graph\.py:\d+$", graph.boxes[1].line)


def test_values_that_rules_keep_of_operands_are_shown(device: str) -> None:
    x = leaf([1.0, 2.0], device)
    assert lines(ad.log(x + 1).sum().graph())[2] == ["add", "float32 (2,)", "2 3"]


def test_all_elements_are_shown_under_detect_anomaly(device: str) -> None:
    x = leaf([1.0, 2.0], device)
    with ad.detect_anomaly():
        y = (x + 1).sum()
    assert lines(y.graph())[1] == ["add", "float32 (2,)", "2 3"]


def test_complex_empty_and_freed(device: str) -> None:
    z = tensor([1 + 2j], nd.complex64, device, requires_grad=True)
    assert lines((z * 2).graph())[1] == ["leaf", "complex64 (1,)", "1+2j"]
    assert lines((leaf([], device) * 2).graph())[1] == ["leaf", "float32 (0,)", "empty"]
    y = leaf([1.0], device) * 2
    y.backward()
    assert lines(y.graph()) == [["freed by backward", "retain_graph=True keeps it"]]
    assert lines(leaf(1.0, device).graph()) == [["leaf", "float32 ()", "1"]]


def test_tapes_of_transformations(device: str) -> None:
    drawn: list[Graph] = []

    def f(x: Tensor) -> Tensor:
        y = ad.sin(x) * x
        drawn.append(y.graph({"x": x}))
        return y.sum()

    ad.grad(f)(tensor([1.0, 2.0], device=device))
    ad.vmap(ad.grad(f))(tensor([[1.0], [2.0]], device=device))
    assert [graph.boxes[1].lines for graph in drawn] == [
        ["sin", "float32 (2,)", "0.8415 0.9093"],
        ["sin", "float32 (1,)", "0.8415 0.9093"],  # of the whole batch
    ]
    assert drawn[0].boxes[2].lines == ["x", "float32 (2,)", "1 2"]


def test_dot_has_the_boxes_and_the_arrows() -> None:
    x = leaf([1.0, 2.0])
    dot = (x * x).graph({'a "name"': x}).to_dot()
    start, _, first, second, *arrows, end = dot.splitlines()
    assert (start, arrows, end) == ("digraph {", ["  1 -> 0", "  1 -> 0"], "}")
    assert first.startswith(r'  0 [label="multiply\nfloat32 (2,)\n1 4", fillcolor=')
    assert second.startswith(r'  1 [label="a \"name\"\nfloat32 (2,)\n1 2", fillcolor=')


def test_the_picture_is_sound_and_has_layers() -> None:
    x, w = leaf([1.0, 2.0]), leaf([1.0, 2.0])
    y = ad.sin(x) * ad.cos(w)
    graph = (y + x).sum().graph({"<x & y>": x})
    root = ElementTree.fromstring(graph.to_svg())
    space = {"s": "http://www.w3.org/2000/svg"}
    texts = [text.text for text in root.iterfind(".//s:text", space)]
    assert {"sum", "multiply", "sin", "cos", "<x & y>", "leaf"} <= set(texts)
    assert len(root.findall("s:path", space)) == len(graph.arrows) == 7
    assert graph.to_svg() in graph.to_html()
    assert graph.to_svg() in graph._repr_html_()
    places = graph._layout()
    for start, end in graph.arrows:
        assert places[start][1] + places[start][3] < places[end][1]
    for i, (x1, y1, w1, h1) in enumerate(places):
        for x2, y2, w2, h2 in places[:i]:
            assert x1 + w1 <= x2 or x2 + w2 <= x1 or y1 + h1 <= y2 or y2 + h2 <= y1


def test_of_big_graphs_the_last_ops_are_drawn_and_a_note_says_so() -> None:
    x = leaf(1.0)
    y = x
    for _ in range(50_000):
        y = y * 1.0 + x
    graph = y.graph(limit=5)
    assert [box.lines[0] for box in graph.boxes] == [
        "add",
        "multiply",
        "add",
        "multiply",
        "add",
        "leaf",
        "99995 earlier ops",
    ]
    assert graph.boxes[-1].lines[1] == "not drawn: limit=5"
    assert graph.arrows[-1] == (6, 4)
    assert graph.to_svg()


def test_a_graph_holds_no_tensor() -> None:
    x = leaf(1.0)
    y = x * 2
    graph = y.graph({"x": x})
    watched = weakref.ref(y), weakref.ref(x)
    del x, y
    assert [reference() for reference in watched] == [None, None]
    assert graph.to_dot()
