"""Module: the tree, its state, modes, text, and the place that an error names."""

from __future__ import annotations

from typing import Any

import pytest

import needle.autograd as ad
import needle.ndarray as nd
from needle import nn


class Net(nn.Module):
    """A tree of two levels, with a parameter of its own and an attribute that is neither."""

    def __init__(self) -> None:
        self.scale = nn.Parameter(nd.ones((1,)))
        self.body = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Dropout(0.5))
        self.head = nn.Linear(3, 2, bias=False)
        self.note = "not a module"

    def forward(self, x: ad.Tensor) -> ad.Tensor:
        return self.head(self.body(x)) * self.scale


NAMES = ["scale", "body.0.weight", "body.0.bias", "head.weight"]


def test_parameters_and_modules_by_path():
    net = Net()
    assert [name for name, _ in net.named_parameters()] == NAMES
    assert [parameter.shape for parameter in net.parameters()] == [(1,), (3, 4), (3,), (2, 3)]
    assert all(parameter.requires_grad for parameter in net.parameters())
    assert [name for name, _ in net.named_modules()] == ["", "body", "body.0", "body.1", "body.2", "head"]
    assert [name for name, _ in net.named_children()] == ["body", "head"]
    assert [name for name, _ in net.head.named_parameters("outer")] == ["outer.weight"]


def test_a_shared_module_is_trained_once_and_saved_under_each_name():
    net = Net()
    net.again = net.head  # type: ignore[attr-defined]
    assert [name for name, _ in net.named_parameters()] == NAMES
    assert list(net.state_dict()) == [*NAMES, "again.weight"]


def test_a_replaced_or_deleted_attribute_is_no_parameter_any_more():
    net = Net()
    net.head = nn.Linear(3, 5)
    del net.scale
    assert [name for name, _ in net.named_parameters()] == [*NAMES[1:], "head.bias"]


def test_state_moves_from_one_model_to_another():
    one, two = Net(), Net()
    parameters = list(two.parameters())
    assert two.load_state_dict(one.state_dict()) == ([], [])
    assert all(bool(nd.all(a.data == b.data)) for a, b in zip(one.parameters(), parameters, strict=True))
    one.scale.data += 1
    assert two.scale.tolist() == [1.0]


def test_loading_names_every_problem_and_changes_nothing():
    net = Net()
    before = {name: array.copy() for name, array in net.state_dict().items()}
    state = {name: array + 1 for name, array in before.items() if name != "scale"}
    state["body.0.weight"] = nd.zeros((4, 3))
    state["head.weight"] = nd.zeros((2, 3), dtype=nd.float64)
    state["tail.weight"] = nd.zeros((1,))
    with pytest.raises(
        ValueError, match=r"\[load_state_dict\] the values are not those of a Net; got missing"
    ) as error:
        net.load_state_dict(state)
    for part in (
        "missing scale",
        "unexpected tail.weight",
        "body.0.weight is float32 (4, 3) where the model has float32 (3, 4)",
        "head.weight is float64 (2, 3) where the model has float32 (2, 3)",
    ):
        assert part in str(error.value)
    assert all(bool(nd.all(array == before[name])) for name, array in net.state_dict().items())


def test_loading_what_fits():
    net = Net()
    result = net.load_state_dict({"scale": nd.asarray([5.0]), "other": nd.zeros((1,))}, strict=False)
    assert result.missing_keys == NAMES[1:]
    assert result.unexpected_keys == ["other"]
    assert net.scale.tolist() == [5.0]
    with pytest.raises(ValueError, match=r"scale is float32 \(2,\) where the model has float32 \(1,\)"):
        net.load_state_dict({"scale": nd.zeros((2,))}, strict=False)
    with pytest.raises(ValueError, match=r"scale is a Parameter, not an NDArray"):
        net.load_state_dict({"scale": net.scale}, strict=False)  # type: ignore[dict-item]


def test_modes_reach_the_whole_tree():
    net = Net()
    assert net.training
    assert net.eval() is net
    assert [module.training for module in net.modules()] == [False] * 6
    assert Net().training
    assert net.train().body[2].training


def test_moving_to_a_device_keeps_the_parameters_themselves(device: str):
    net = Net()
    parameters = list(net.parameters())
    values = [parameter.tolist() for parameter in parameters]
    assert net.to(device) is net
    assert all(one is two for one, two in zip(net.parameters(), parameters, strict=True))
    assert {str(parameter.device) for parameter in parameters} == {device}
    assert [parameter.tolist() for parameter in parameters] == values


def test_zero_grad():
    net = Net().eval()
    net(ad.tensor(nd.ones((1, 4)))).sum().backward()
    assert all(parameter.grad is not None for parameter in net.parameters())
    net.zero_grad()
    assert all(parameter.grad is None for parameter in net.parameters())


def test_repr_is_the_tree():
    assert repr(Net()) == (
        "Net(\n"
        "  (body): Sequential(\n"
        "    (0): Linear(in_features=4, out_features=3, bias=True)\n"
        "    (1): ReLU()\n"
        "    (2): Dropout(p=0.5)\n"
        "  )\n"
        "  (head): Linear(in_features=3, out_features=2, bias=False)\n"
        ")"
    )


def test_an_error_inside_names_the_module():
    with pytest.raises(
        ValueError,
        match=r"^\[linear\] the input's last axis does not fit the weight; got input \(2, 5\), weight \(3, 4\); "
        r"expected input \(\.\.\., 4\); hint: .*; in module Net\.body\.0: Linear\(in_features=4, .*\)$",
    ):
        Net()(ad.tensor(nd.zeros((2, 5))))


def test_an_error_of_the_model_itself_names_its_class():
    class Picky(Net):
        def forward(self, x: ad.Tensor) -> ad.Tensor:
            raise TypeError("[forward] no")

    with pytest.raises(TypeError, match=r"^\[forward\] no; in module Picky: Picky$"):
        Picky()(None)


def test_a_module_without_forward():
    with pytest.raises(NotImplementedError, match=r"\[Module\] the module has no forward method"):
        nn.Module()()


def test_sequential():
    model = nn.Sequential(nn.Linear(4, 3), nn.ReLU())
    assert len(model) == 2
    assert [type(module) for module in model] == [nn.Linear, nn.ReLU]
    assert isinstance(model[-1], nn.ReLU)
    x = ad.tensor(nd.ones((2, 4)))
    assert model(x).tolist() == model[1](model[0](x)).tolist()


@pytest.mark.parametrize("item", [[nn.ReLU()], None, nn.ReLU])
def test_sequential_takes_modules_alone(item: Any):
    with pytest.raises(TypeError, match=r"\[Sequential\] argument 1 is not a module; got .*Sequential\(\*modules\)"):
        nn.Sequential(nn.ReLU(), item)


def test_summary_shows_layers_shapes_and_parameters_and_leaves_no_trace():
    model = nn.Sequential(
        nn.Sequential(nn.Conv2d(1, 4, 3), nn.MaxPool2d(2)), nn.Flatten(), nn.Dropout(0.5), nn.Linear(36, 10)
    )
    nd.random.manual_seed(0)
    modes = [module.training for module in model[0].eval().modules()]
    lines = nn.summary(model, (5, 1, 8, 8)).splitlines()
    assert [line.split("  ")[0].strip() for line in lines[1:-1]] == ["0.0", "0.1", "1", "2", "3"]
    assert lines[1].split() == ["0.0", "Conv2d", "(5,", "4,", "6,", "6)", "40"]
    assert lines[5].split() == ["3", "Linear", "(5,", "10)", "370"]
    assert lines[-1] == "410 parameters, 1.602 KiB"
    assert [module.training for module in model[0].modules()] == modes
    assert model.training
    assert all("forward" not in vars(module) for module in model.modules())
    assert nd.random.default_generator().state_dict()["counter"] == 0


def test_a_module_is_a_tree(device: str) -> None:
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1)).to(device)
    net.eval()
    x = ad.tensor([[1.0, -2.0], [0.5, 3.0]], device=device)
    net(x).sum().backward()
    with ad.no_grad():
        gradient = ad.grad(lambda net: net(x).sum())(net)
    assert isinstance(gradient, nn.Sequential)
    assert not gradient.training
    for (name, parameter), slope in zip(net.named_parameters(), ad.tree_leaves(gradient), strict=True):
        assert parameter.grad is not None
        assert bool((ad.abs(slope - parameter.grad) < 1e-6).all()), name
        assert not slope.requires_grad
    with ad.no_grad():
        moved = ad.tree_map(lambda p, g: p - 0.1 * g, net, gradient)
        assert moved(x).sum().item() < net(x).sum().item()
        each = ad.vmap(ad.grad(lambda net, x: net(x).sum()), in_axes=(None, 0))(net, x)
    for whole, parts in zip(ad.tree_leaves(gradient), ad.tree_leaves(each), strict=True):
        assert parts.shape == (2, *whole.shape)
        assert bool((ad.abs(parts.sum(0) - whole) < 1e-6).all())


def test_anomalies_name_the_path_of_the_module():
    class Log(nn.Module):
        def forward(self, x: ad.Tensor) -> ad.Tensor:
            return ad.log(x)

    class Root(nn.Module):
        def forward(self, x: ad.Tensor) -> ad.Tensor:
            return x.sqrt()

    class Outer(nn.Module):
        def __init__(self, inner: nn.Module) -> None:
            self.body = nn.Sequential(nn.ReLU(), inner)

        def forward(self, x: ad.Tensor) -> ad.Tensor:
            return self.body(x).sum()

    x = ad.tensor([1.0, 0.0], requires_grad=True)
    with (
        pytest.raises(ad.AnomalyError, match=r"\[log\] Inf .* result, .*, in module Outer\.body\.1;"),
        ad.detect_anomaly(),
    ):
        Outer(Log())(x)
    with ad.detect_anomaly():
        out = Outer(Root())(x)
        with pytest.raises(ad.AnomalyError, match=r"\[sqrt\] Inf .* gradient .*, in module Outer\.body\.1;") as caught:
            out.backward()
    assert caught.value.module == "Outer.body.1"
