"""Optimizers against the formulas written in NumPy, their settings, and their state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import needle.autograd as ad
import needle.ndarray as nd
from needle.optim import SGD, Adam, Optimizer

Array = np.ndarray
STEPS = 5


def sgd(
    value: Array,
    grads: list[Array],
    lr: float,
    momentum: float = 0.0,
    weight_decay: float = 0.0,
    nesterov: bool = False,
) -> Array:
    buffer = None
    for grad in grads:
        g = grad + weight_decay * value
        buffer = g if buffer is None else momentum * buffer + g
        value = value - lr * (g + momentum * buffer if nesterov else buffer)
    return value


def adam(
    value: Array,
    grads: list[Array],
    lr: float = 1e-3,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.0,
) -> Array:
    mean = square = np.zeros_like(value)
    for step, grad in enumerate(grads, start=1):
        g = grad + weight_decay * value
        mean = betas[0] * mean + (1 - betas[0]) * g
        square = betas[1] * square + (1 - betas[1]) * g * g
        value = value - lr * (mean / (1 - betas[0] ** step)) / (np.sqrt(square / (1 - betas[1] ** step)) + eps)
    return value


CASES: list[tuple[type[Optimizer], Callable[..., Array], dict[str, Any]]] = [
    (SGD, sgd, {"lr": 0.1}),
    (SGD, sgd, {"lr": 0.1, "momentum": 0.9}),
    (SGD, sgd, {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.2}),
    (SGD, sgd, {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.2, "nesterov": True}),
    (SGD, sgd, {"lr": 0.1, "weight_decay": 0.2}),
    (Adam, adam, {}),
    (Adam, adam, {"lr": 0.1, "betas": (0.8, 0.9), "eps": 1e-3}),
    (Adam, adam, {"lr": 0.1, "weight_decay": 0.3}),
]


def take_steps(optimizer: Optimizer, parameter: ad.Tensor, grads: list[Array]) -> None:
    for grad in grads:
        optimizer.zero_grad()
        (parameter * ad.tensor(grad, device=parameter.device)).sum().backward()
        optimizer.step()


@pytest.mark.parametrize(("kind", "reference", "settings"), CASES)
def test_steps_are_the_formulas(
    device: str,
    rng: np.random.Generator,
    kind: Callable[..., Optimizer],
    reference: Callable[..., Array],
    settings: dict[str, Any],
):
    start, *grads = (rng.standard_normal((3, 4)) for _ in range(STEPS + 1))
    parameter = ad.tensor(start, device=device, requires_grad=True)
    array = parameter.data
    take_steps(kind([parameter], **settings), parameter, grads)
    assert parameter.data is array  # changed in place
    assert parameter.dtype is nd.float64
    np.testing.assert_allclose(parameter.numpy(), reference(start, grads, **settings), rtol=1e-10)


@pytest.mark.parametrize("kind", [SGD, Adam])
def test_a_step_is_not_on_the_tape(kind: Callable[..., Optimizer]):
    parameter = ad.tensor([1.0], requires_grad=True)
    optimizer = kind([parameter])
    parameter.sum().backward()
    optimizer.step()
    assert parameter.node is None
    assert parameter.requires_grad


def test_a_parameter_without_a_gradient_stays():
    one, two = (ad.tensor([1.0], requires_grad=True) for _ in range(2))
    optimizer = Adam([one, two], lr=0.5)
    one.sum().backward()
    optimizer.step()
    assert (one.item(), two.item()) == (pytest.approx(0.5), 1.0)
    assert [bool(state) for state in optimizer.state] == [True, False]


def test_the_gradient_is_not_changed():
    parameter = ad.tensor([1.0, 2.0], requires_grad=True)
    optimizer = SGD([parameter], lr=0.1, momentum=0.9, weight_decay=0.1, nesterov=True)
    for _ in range(3):
        parameter.grad = ad.tensor([1.0, -1.0])
        optimizer.step()
        assert parameter.grad.tolist() == [1.0, -1.0]


def test_adam_keeps_two_arrays_a_parameter():
    parameter = ad.tensor([1.0, 2.0], requires_grad=True)
    optimizer = Adam([parameter])
    take_steps(optimizer, parameter, [np.ones(2, np.float32)])
    arrays = [value for value in optimizer.state[0].values() if isinstance(value, nd.NDArray)]
    assert [array.shape for array in arrays] == [(2,), (2,)]


def test_groups_have_settings_of_their_own():
    one, two = (ad.tensor([1.0], requires_grad=True) for _ in range(2))
    optimizer = SGD([{"params": [one]}, {"params": [two], "lr": 0.5}], lr=0.25)
    (one + two).sum().backward()
    optimizer.step()
    assert (one.tolist(), two.tolist()) == ([0.75], [0.5])
    optimizer.param_groups[0]["lr"] = 1.0
    optimizer.step()
    assert one.tolist() == [-0.25]


@pytest.mark.parametrize(("kind", "reference", "settings"), CASES)
def test_a_restored_optimizer_goes_on_bit_for_bit(
    rng: np.random.Generator, kind: Callable[..., Optimizer], reference: object, settings: dict[str, Any]
):
    start, *grads = (rng.standard_normal((3, 4)).astype(np.float32) for _ in range(STEPS + 1))
    whole = ad.tensor(start, requires_grad=True)
    take_steps(kind([whole], **settings), whole, grads)

    first = ad.tensor(start, requires_grad=True)
    optimizer = kind([first], **settings)
    take_steps(optimizer, first, grads[:2])
    second = ad.tensor(first.data, requires_grad=True)
    again = kind([second], **settings | {"lr": 77.0})
    again.load_state_dict(optimizer.state_dict())
    take_steps(again, second, grads[2:])
    assert second.tolist() == whole.tolist()
    assert repr(again) == repr(optimizer)


def test_a_state_that_does_not_fit_is_refused_and_changes_nothing():
    def optimizer(*shapes: tuple[int, ...], kind: Callable[..., Optimizer] = Adam, **settings: Any) -> Optimizer:
        parameters = [ad.tensor(nd.ones(shape), requires_grad=True) for shape in shapes]
        made = kind(parameters, **settings)
        sum((parameter.sum() for parameter in parameters), ad.tensor(0.0)).backward()
        made.step()
        return made

    mine = optimizer((2,), lr=0.25)
    before = repr(mine.state_dict())
    for other, text in (
        (optimizer((3,)), r"exp_avg float32 \(3,\) for parameter 0; expected float32 \(2,\)"),
        (optimizer((2,), (2,)), r"the state does not fit this optimizer; got groups"),
        (optimizer((2,), kind=SGD), r"\[Adam\.load_state_dict\] the state does not fit"),
    ):
        with pytest.raises(ValueError, match=text):
            mine.load_state_dict(other.state_dict())
    state = mine.state_dict()
    state["param_groups"][0]["lr"] = -1.0
    with pytest.raises(ValueError, match=r"\[Adam\] lr is out of range; got -1.0"):
        mine.load_state_dict(state)
    with pytest.raises(ValueError, match=r"got 0 states; expected 1"):
        mine.load_state_dict(mine.state_dict() | {"state": []})
    assert repr(mine.state_dict()) == before


@pytest.mark.parametrize(
    ("kind", "settings", "text"),
    [
        (SGD, {"lr": -0.1}, r"\[SGD\] lr is out of range; got -0.1; expected a finite number >= 0"),
        (SGD, {"lr": float("nan")}, r"\[SGD\] lr is out of range; got nan"),
        (SGD, {"momentum": -1}, r"momentum is out of range"),
        (SGD, {"nesterov": True}, r"nesterov needs a momentum; got momentum=0"),
        (Adam, {"weight_decay": -1}, r"weight_decay is out of range"),
        (Adam, {"eps": -1}, r"eps is out of range"),
        (Adam, {"betas": (0.9, 1.0)}, r"betas are out of range; got \(0.9, 1.0\); expected two numbers in \[0, 1\)"),
        (Adam, {"betas": (0.9,)}, r"betas are out of range"),
    ],
)
def test_bad_settings(kind: Callable[..., Optimizer], settings: dict[str, Any], text: str):
    with pytest.raises(ValueError, match=text):
        kind([ad.tensor([1.0], requires_grad=True)], **settings)


def test_bad_parameters():
    parameter = ad.tensor([1.0], requires_grad=True)
    with pytest.raises(ValueError, match=r"\[SGD\] there are no parameters; hint: pass model.parameters"):
        SGD([])
    with pytest.raises(ValueError, match=r"\[SGD\] a parameter of shape \(1,\) comes twice"):
        SGD([parameter, parameter])
    with pytest.raises(
        TypeError, match=r"\[SGD\] this is not a parameter; got Tensor; expected a tensor with requires_grad"
    ):
        SGD([ad.tensor([1.0])])
    with pytest.raises(TypeError, match=r"\[SGD\] this is not a parameter; got NDArray"):
        SGD([nd.zeros((1,))])  # type: ignore[list-item]
    with pytest.raises(TypeError, match=r"\[SGD\] this is not a group; got Tensor; expected a dict with 'params'"):
        SGD([{"params": []}, parameter])  # type: ignore[list-item]
    with pytest.raises(ValueError, match=r"\[SGD\] unknown setting rate; expected lr, momentum"):
        SGD([{"params": [parameter], "rate": 1}])
