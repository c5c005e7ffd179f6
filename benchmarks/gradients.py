"""From functions that the libraries can differentiate to functions that give results and gradients: forward and back.

The result is given too: a compiler would leave out what no gradient needs, such as the product in the gradients of a
product, which a step of training needs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.case import Build

Step = Callable[..., Any]


def forward(functions: Mapping[str, Build]) -> dict[str, Build | None]:
    """Return the functions as they are, and Needle's, which takes tensors, as one of arrays."""

    def needle(root: Any) -> Step:
        function, tensor = functions["needle"](root), root.autograd.Tensor
        return lambda *arrays: function(*(tensor(array) for array in arrays)).data

    return {**functions, "needle": needle}


def gradients(functions: Mapping[str, Build], wrt: int, scalar: bool = False) -> dict[str, Build | None]:
    """Return functions of (*arrays, seed) that give the result and the gradients of the first ``wrt`` arrays.

    The seed is the gradient of the result. Where that is a scalar, it is 1, and no array.
    """
    return {
        library: _wrapped(wrap, functions[library], wrt, scalar)
        for library, wrap in STEPS.items()
        if library in functions
    }


def _wrapped(wrap: Callable[[Any, Step, int], Step], build: Build, wrt: int, scalar: bool) -> Build:
    def root_step(root: Any) -> Step:
        step = wrap(root, build(root), wrt)
        return (lambda *arrays: step(arrays, None)) if scalar else (lambda *arrays: step(arrays[:-1], arrays[-1]))

    return root_step


def _needle(root: Any, function: Step, wrt: int) -> Step:
    tensor = root.autograd.Tensor

    def step(arrays: tuple[Any, ...], seed: Any) -> Any:
        tensors = [tensor(x, requires_grad=i < wrt) for i, x in enumerate(arrays)]
        out = function(*tensors)
        out.backward(None if seed is None else tensor(seed))
        return [out.data, *(x.grad.data for x in tensors[:wrt])]

    return step


def _torch(root: Any, function: Step, wrt: int) -> Step:
    del root

    def step(arrays: tuple[Any, ...], seed: Any) -> Any:
        inner = [x.detach().requires_grad_() for x in arrays[:wrt]]
        out = function(*inner, *arrays[wrt:])
        out.backward(seed)
        return [out.detach(), *(x.grad for x in inner)]

    return step


def _jax(root: Any, function: Step, wrt: int) -> Step:
    def step(arrays: tuple[Any, ...], seed: Any) -> Any:
        def inner(*some: Any) -> Any:
            return function(*some, *arrays[wrt:])

        out, back = root.vjp(inner, *arrays[:wrt])
        return [out, *back(root.numpy.ones_like(out) if seed is None else seed)]

    return step


def _mlx(root: Any, function: Step, wrt: int) -> Step:
    one = root.core.array(1.0)

    def step(arrays: tuple[Any, ...], seed: Any) -> Any:
        def inner(*some: Any) -> list[Any]:
            return [function(*some, *arrays[wrt:])]

        back = [one if seed is None else seed]
        outs, gradients = root.core.vjp(inner, list(arrays[:wrt]), back)
        return [*outs, *gradients]

    return step


def _tinygrad(root: Any, function: Step, wrt: int) -> Step:
    del root

    def step(arrays: tuple[Any, ...], seed: Any) -> Any:
        out = function(*arrays)
        return [out, *out.gradient(*arrays[:wrt], gradient=seed)]

    return step


STEPS = {"needle": _needle, "torch": _torch, "jax": _jax, "mlx": _mlx, "tinygrad": _tinygrad}
