"""What all optimizers share: parameter groups, their checks, and the state of each parameter."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, cast

import needle.ndarray as nd
from needle.autograd import Tensor
from needle.ndarray.errors import message

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["Optimizer"]

Group = dict[str, Any]


class Optimizer(ABC):
    """Base class of optimizers.

    ``param_groups`` is a list of dicts, each with "params", the tensors, and its own settings, which may be changed
    between steps (``optimizer.param_groups[0]["lr"] = 0.01``). A subclass defines `update` and `check`.

    Args:
        params: Tensors that require a gradient, or dicts with "params" and settings that differ from the others'.
        **settings: The settings of the groups that do not give their own.

    Raises:
        ValueError: There is no parameter, one comes twice, or a setting is out of range.
        TypeError: A parameter is no tensor, or does not require a gradient.
    """

    def __init__(self, params: Iterable[Tensor] | Iterable[Group], **settings: Any) -> None:
        given = cast("list[Any]", list(params))
        if not given:
            raise ValueError(message(self._name, "there are no parameters", hint="pass model.parameters()"))
        groups: list[Any] = given if isinstance(given[0], dict) else [{"params": given}]
        self.param_groups: list[Group] = []
        seen: set[int] = set()
        for item in groups:
            if not isinstance(item, dict) or "params" not in item:
                got = type(cast("object", item)).__name__
                raise TypeError(message(self._name, "this is not a group", got=got, expected="a dict with 'params'"))
            group = settings | cast("Group", item)
            group["params"] = list(group["params"])
            for parameter in group["params"]:
                self._check_parameter(parameter, seen)
            self._check_group(group, settings)
            self.param_groups.append(group)
        self.state: list[dict[str, Any]] = [{} for _ in self._parameters()]
        """What the optimizer remembers of each parameter, in the order of the groups."""

    @property
    def _name(self) -> str:
        return type(self).__name__

    def _parameters(self) -> list[Tensor]:
        return [parameter for group in self.param_groups for parameter in group["params"]]

    def _check_parameter(self, parameter: object, seen: set[int]) -> None:
        if not isinstance(parameter, Tensor) or not parameter.requires_grad:
            raise TypeError(
                message(
                    self._name,
                    "this is not a parameter",
                    got=type(parameter).__name__,
                    expected="a tensor with requires_grad=True",
                )
            )
        if id(parameter) in seen:
            raise ValueError(message(self._name, f"a parameter of shape {parameter.shape} comes twice"))
        seen.add(id(parameter))

    def _check_group(self, group: Group, settings: Mapping[str, Any]) -> None:
        unknown = sorted(set(group) - set(settings) - {"params"})
        if unknown:
            raise ValueError(
                message(self._name, f"unknown setting {', '.join(unknown)}", expected=", ".join(sorted(settings)))
            )
        for name in ("lr", "momentum", "weight_decay", "eps"):
            value = group.get(name, 0.0)
            if not 0 <= value < math.inf:
                raise ValueError(
                    message(self._name, f"{name} is out of range", got=repr(value), expected="a finite number >= 0")
                )
        self.check(group)

    @abstractmethod
    def check(self, group: Group) -> None:
        """Raise ValueError where a setting of ``group``, of those that only this kind has, is out of its range."""

    @abstractmethod
    def update(self, value: nd.NDArray, grad: nd.NDArray, state: dict[str, Any], group: Group) -> None:
        """Change ``value`` in place by its gradient, and ``state``, which is empty at first, likewise."""

    def step(self) -> None:
        """Change all parameters that have a gradient. Nothing of it is on the tape."""
        states = iter(self.state)
        for group in self.param_groups:
            for parameter in group["params"]:
                state = next(states)
                if parameter.grad is not None:
                    self.update(parameter.data, parameter.grad.data, state, group)

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters."""
        for parameter in self._parameters():
            parameter.grad = None

    def state_dict(self) -> dict[str, Any]:
        """Return settings and memory: {"state": one dict for each parameter, "param_groups": settings by group}.

        Arrays are the optimizer's own, not copies. Parameters are left out: they are the model's.
        """
        groups = [{name: value for name, value in group.items() if name != "params"} for group in self.param_groups]
        for saved, group in zip(groups, self.param_groups, strict=True):
            saved["count"] = len(group["params"])
        return {"state": [dict(state) for state in self.state], "param_groups": groups}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over what an optimizer of the same kind over the same parameters remembered.

        Raises:
            ValueError: The state is that of another kind, or of other parameters. Nothing is changed.
        """
        expected = self.state_dict()["param_groups"]
        groups = state_dict.get("param_groups", [])
        if [(sorted(group), group.get("count")) for group in groups] != [(sorted(g), g["count"]) for g in expected]:
            raise ValueError(self._misfit(f"groups {groups}", f"groups like {expected}"))
        parameters = self._parameters()
        states = state_dict.get("state", [])
        if len(states) != len(parameters):
            raise ValueError(self._misfit(f"{len(states)} states", f"{len(parameters)}, one for each parameter"))
        for place, (parameter, state) in enumerate(zip(parameters, states, strict=True)):
            like = parameter.data
            for name, value in state.items():
                if isinstance(value, nd.NDArray) and (value.shape != like.shape or value.dtype is not like.dtype):
                    raise ValueError(
                        self._misfit(
                            f"{name} {value.dtype.name} {value.shape} for parameter {place}",
                            f"{like.dtype.name} {like.shape}",
                        )
                    )
        for group in groups:
            self._check_group({name: value for name, value in group.items() if name != "count"}, group)
        for group, saved in zip(self.param_groups, groups, strict=True):
            group.update({name: _untuple(value) for name, value in saved.items() if name != "count"})
        self.state = [
            {
                name: value.to_device(parameter.data.device).copy() if isinstance(value, nd.NDArray) else value
                for name, value in state.items()
            }
            for parameter, state in zip(parameters, states, strict=True)
        ]

    def _misfit(self, got: str, expected: str) -> str:
        return message(
            f"{self._name}.load_state_dict", "the state does not fit this optimizer", got=got, expected=expected
        )

    def __repr__(self) -> str:
        """Return the kind and the settings of each group."""
        groups = [
            ", ".join(f"{name}={value!r}" for name, value in group.items() if name != "params")
            for group in self.param_groups
        ]
        return f"{self._name}({'; '.join(groups)})"


def _untuple(value: Any) -> Any:
    """Return a pair as a tuple again, which a file has made a list."""
    return tuple(cast("list[Any]", value)) if isinstance(value, list) else value
