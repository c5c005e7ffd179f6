"""`Module` and `Parameter`: a model is a tree of modules, found by their attributes.

There is no register: what a module holds is what its attributes are at the moment, in the order in which they were
first set. So deleting, replacing and sharing parameters need no rules of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Self

import needle.ndarray as nd
from needle.autograd import Tensor, tree_register
from needle.autograd.anomaly import open_modules
from needle.ndarray.errors import message

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["IncompatibleKeys", "Module", "Parameter"]


class Parameter(Tensor):
    """A tensor that a module learns; as an attribute of a `Module` it is one of its parameters.

    >>> weight = Parameter(nd.zeros((2, 3)))
    >>> weight.requires_grad
    True
    """

    def __init__(self, data: nd.NDArray, requires_grad: bool = True) -> None:
        super().__init__(data, requires_grad=requires_grad)


class _Layout(NamedTuple):
    """What a module is besides its tensors and modules: its class, and its attributes in their order."""

    kind: type[Module]
    names: tuple[str, ...]
    rest: dict[str, Any]


class IncompatibleKeys(NamedTuple):
    """What `Module.load_state_dict` left alone: names without a value, and values without a name."""

    missing_keys: list[str]
    unexpected_keys: list[str]


class Module:
    """Base class of layers and models: set parameters and sub-modules as attributes and define ``forward``.

    >>> from needle.nn import Linear
    >>> class Net(Module):
    ...     def __init__(self):
    ...         self.hidden = Linear(4, 8)
    ...         self.out = Linear(8, 2)
    ...     def forward(self, x):
    ...         return self.out(self.hidden(x).relu())
    >>> net = Net()
    >>> net
    Net(
      (hidden): Linear(in_features=4, out_features=8, bias=True)
      (out): Linear(in_features=8, out_features=2, bias=True)
    )
    >>> [name for name, _ in net.named_parameters()]
    ['hidden.weight', 'hidden.bias', 'out.weight', 'out.bias']

    It is a tree as well: transformations take it for its tensors, and its gradient is a module that holds gradients.

    >>> from needle.autograd import grad
    >>> gradient = grad(lambda net, x: net(x).sum())(net, Tensor(nd.ones((3, 4))))
    >>> gradient.out.bias.tolist()
    [3.0, 3.0]
    """

    training: bool = True
    """Whether the module is learning; `Dropout` acts only then."""

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the output; subclasses define it, with arguments of their own."""
        raise NotImplementedError(message(type(self).__name__, "the module has no forward method"))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Return ``self.forward(...)``; an error about the input names the module that raised it."""
        modules = open_modules()
        if modules is not None:
            modules.append((_path_in(modules, self), self))
        try:
            return self.forward(*args, **kwargs)
        except (ValueError, TypeError) as error:
            _name_module(error, self)
            raise
        finally:
            if modules is not None:
                modules.pop()

    # The tree.

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """Yield the modules that are attributes of this one, with their names."""
        for name, value in vars(self).items():
            if isinstance(value, Module):
                yield name, value

    def children(self) -> Iterator[Module]:
        """Yield the modules that are attributes of this one."""
        for _, child in self.named_children():
            yield child

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """Yield this module (under the name ``prefix``) and all below it, each once, with their paths."""
        seen: set[int] = set()
        for name, module in self._walk(prefix):
            if id(module) not in seen:
                seen.add(id(module))
                yield name, module

    def modules(self) -> Iterator[Module]:
        """Yield this module and all below it, each once."""
        for _, module in self.named_modules():
            yield module

    def named_parameters(self, prefix: str = "") -> Iterator[tuple[str, Parameter]]:
        """Yield all parameters of the tree with their paths; a shared one once, under its first path."""
        seen: set[int] = set()
        for name, parameter in self._walk_parameters(prefix):
            if id(parameter) not in seen:
                seen.add(id(parameter))
                yield name, parameter

    def parameters(self) -> Iterator[Parameter]:
        """Yield all parameters of the tree, each once."""
        for _, parameter in self.named_parameters():
            yield parameter

    def _walk(self, prefix: str) -> Iterator[tuple[str, Module]]:
        yield prefix, self
        for name, child in self.named_children():
            yield from child._walk(_join(prefix, name))

    def _walk_parameters(self, prefix: str = "") -> Iterator[tuple[str, Parameter]]:
        for path, module in self._walk(prefix):
            for name, value in vars(module).items():
                if isinstance(value, Parameter):
                    yield _join(path, name), value

    # State.

    def state_dict(self) -> dict[str, nd.NDArray]:
        """Return the array of each parameter by its path. The arrays are the parameters' own, not copies."""
        return {name: parameter.data for name, parameter in self._walk_parameters()}

    def load_state_dict(self, state_dict: Mapping[str, nd.NDArray], *, strict: bool = True) -> IncompatibleKeys:
        """Copy values into the parameters, each to the device of its parameter.

        Args:
            state_dict: Arrays by path, as `state_dict` returns them.
            strict: Whether a missing or an unexpected path is an error; otherwise it is skipped and returned.

        Raises:
            ValueError: Paths differ (where ``strict``), or shapes, or dtypes; the text names each. Nothing is changed.
        """
        own = self.state_dict()
        missing = [name for name in own if name not in state_dict]
        unexpected = [name for name in state_dict if name not in own]
        problems = [f"missing {', '.join(missing)}"] if strict and missing else []
        problems += [f"unexpected {', '.join(unexpected)}"] if strict and unexpected else []
        for name, array in own.items():
            value = state_dict.get(name, array)
            if not isinstance(value, nd.NDArray):  # pyright: ignore[reportUnnecessaryIsInstance] - a tensor, often
                problems.append(f"{name} is a {type(value).__name__}, not an NDArray")
            elif value.shape != array.shape or value.dtype is not array.dtype:
                problems.append(
                    f"{name} is {value.dtype.name} {value.shape} where the model has {array.dtype.name} {array.shape}"
                )
        if problems:
            raise ValueError(
                message(
                    "load_state_dict",
                    f"the values are not those of a {type(self).__name__}",
                    got="; ".join(problems),
                    hint="build the model with the sizes that it had when it was saved",
                )
            )
        for name, array in own.items():
            if name in state_dict:
                array[...] = state_dict[name].to_device(array.device)
        return IncompatibleKeys(missing, unexpected)

    # Modes and devices.

    def train(self, mode: bool = True) -> Self:
        """Set ``training`` to ``mode`` in the whole tree and return the module."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """Set ``training`` to False in the whole tree and return the module."""
        return self.train(mode=False)

    def to(self, device: nd.Device | str) -> Self:
        """Move all parameters to ``device`` and return the module. The `Parameter` objects stay the same."""
        for parameter in self.parameters():
            parameter.data = parameter.data.to_device(device)
            parameter.grad = None
        return self

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters."""
        for parameter in self.parameters():
            parameter.grad = None

    # Text.

    def extra_repr(self) -> str:
        """Return what stands between the parentheses in the module's repr; subclasses may define it."""
        return ""

    def __repr__(self) -> str:
        """Return the tree, one module a line."""
        children = [f"({name}): {child!r}".replace("\n", "\n  ") for name, child in self.named_children()]
        if not children:
            return f"{type(self).__name__}({self.extra_repr()})"
        lines = [self.extra_repr(), *children] if self.extra_repr() else children
        return f"{type(self).__name__}(\n  " + "\n  ".join(lines) + "\n)"


def _flatten(module: Module) -> tuple[list[Any], _Layout]:
    """Return the tensors, arrays and modules that are attributes of a module, and what else it is."""
    attributes = vars(module)
    inner = {name: value for name, value in attributes.items() if isinstance(value, Tensor | nd.NDArray | Module)}
    rest = {name: value for name, value in attributes.items() if name not in inner}
    return list(inner.values()), _Layout(type(module), tuple(attributes), rest)


def _unflatten(layout: _Layout, children: Sequence[Any]) -> Module:
    module = object.__new__(layout.kind)
    rest = iter(children)
    for name in layout.names:
        vars(module)[name] = layout.rest[name] if name in layout.rest else next(rest)
    return module


tree_register(Module, _flatten, _unflatten)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _path_in(modules: list[tuple[str, Any]], module: Module) -> str:
    """Return the path of a module that the innermost of the modules calls."""
    path, outer = modules[-1] if modules else ("", module)
    name = next((name for name, inner in outer.named_modules() if inner is module), "")
    return _join(path, name or type(module).__name__)


def _name_module(error: Exception, module: Module) -> None:
    """Make the error's text end in the path from ``module``, which it has just left, to the module that raised it."""
    text, origin = getattr(error, "_raised_in", (str(error), module))
    name = next((name for name, inner in module.named_modules() if inner is origin), "")
    error._raised_in = (text, origin)  # type: ignore[attr-defined] - the outer modules read it as the error passes them
    path = _join(type(module).__name__, name) if name else type(module).__name__
    error.args = (f"{text}; in module {path}: {_line(origin)}",)


def _line(module: Module) -> str:
    """Return the module's repr where it is one line, or its class."""
    text = repr(module)
    return type(module).__name__ if "\n" in text else text
