"""The libraries: how to load one, to give it arrays and threads, and to wait for what it computes."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from typing import Any

import numpy as np

from benchmarks.case import Case

Function = Callable[..., Any]


def same(function: Function) -> Function:
    """Compile nothing."""
    return function


@dataclass(frozen=True)
class Library:
    """What the worker needs to know of a library that it has loaded."""

    name: str
    version: str
    root: Any
    namespace: Any
    array: Callable[[np.ndarray[Any, Any], str], Any]
    """From NumPy's array and the name of a dtype to an array of the library."""
    compile: Callable[[Function], Function] = same
    wait: Function | None = None
    """Blocks until a result is there; None where results always are."""
    prepare: Callable[[Case], None] | None = None
    """Sets the library up for a case."""
    lazy: bool = False
    """Whether nothing is computed until it is waited for."""
    axes: dict[str, tuple[int, ...]] | None = None
    """How it wants the axes of the layouts "image" and "kernel", if not in the order of `Input`."""
    full_speed: int = 1
    """Which call is the first that neither loads nor compiles anything."""

    def arrays(self, case: Case, small: bool = False) -> list[Any]:
        """Make the arrays of a case, the same numbers in each library and process."""
        if self.prepare:
            self.prepare(case)
        rng = np.random.default_rng(0)
        made: list[Any] = []
        for spec in case.inputs:
            array = spec.make(rng, small)
            if self.axes and spec.layout:
                array = np.ascontiguousarray(array.transpose(self.axes[spec.layout]))
            made.append(self.array(array, spec.dtype))
        return made

    def function(self, case: Case) -> Function:
        """Return what a case does, as a function of its arrays."""
        build = case.own.get(self.name)
        function = case.every(self.namespace) if build is None and case.every else build(self.root) if build else None
        assert function, f"{case.name} has no function for {self.name}"
        return function if case.eager else self.compile(function)

    def call(self, case: Case, arrays: list[Any]) -> Callable[[], Any]:
        """Return the call that is timed."""
        call, wait = partial(self.function(case), *arrays), self.wait
        return (lambda: wait(call())) if wait and (case.wait or self.lazy) else call


def needle(threads: int, device: str = "cpu") -> Library:
    """Load Needle. Its root is the namespace `needle`, with ndarray, autograd, nn and optim in it."""
    root = importlib.import_module("needle")
    for part in ("autograd", "nn", "optim"):
        importlib.import_module(f"needle.{part}")
    nd = root.ndarray
    nd.set_num_threads(threads)

    def array(x: np.ndarray[Any, Any], dtype: str) -> Any:
        return nd.asarray(x, dtype=getattr(nd, dtype), device=device, copy=True)

    return Library("needle", version("needle-ndarray"), root, nd, array)


def numpy(threads: int) -> Library:
    """Load NumPy, which the environment has told the number of threads."""
    del threads
    return Library("numpy", np.__version__, np, np, lambda x, dtype: np.ascontiguousarray(x))


def torch(threads: int) -> Library:
    """Load PyTorch."""
    root = importlib.import_module("torch")
    root.set_num_threads(threads)

    def array(x: np.ndarray[Any, Any], dtype: str) -> Any:
        return root.from_numpy(x).to(getattr(root, dtype))

    return Library("torch", root.__version__, root, root, array, full_speed=2)


def jax(threads: int) -> Library:
    """Load JAX, whose threads are as many as the processors that the process may use."""
    del threads
    root = importlib.import_module("jax")
    importlib.import_module("jax.numpy")

    def prepare(case: Case) -> None:
        """Let it have numbers of 64 bits where the case is about them: by default its integers have 32."""
        wide = {"float64", "complex128"}
        root.config.update("jax_enable_x64", any(spec.dtype in wide for spec in case.inputs) or "float64" in case.name)

    def array(x: np.ndarray[Any, Any], dtype: str) -> Any:
        narrow = dtype == "int64" and not root.config.jax_enable_x64
        return root.numpy.asarray(x, dtype=getattr(root.numpy, "int32" if narrow else dtype))

    axes = {"image": (0, 2, 3, 1), "kernel": (2, 3, 1, 0)}
    wait = root.block_until_ready
    return Library("jax", root.__version__, root, root.numpy, array, root.jit, wait, prepare, axes=axes, full_speed=2)


def mlx(threads: int) -> Library:
    """Load MLX on the processor. It is lazy: to wait is to compute."""
    del threads
    root, core, *_ = (importlib.import_module(name) for name in ("mlx", "mlx.core", "mlx.nn", "mlx.optimizers"))
    core.set_default_device(core.cpu)

    def array(x: np.ndarray[Any, Any], dtype: str) -> Any:
        made = core.array(x).astype(getattr(core, dtype))
        core.eval(made)
        return made

    axes = {"image": (0, 2, 3, 1), "kernel": (0, 2, 3, 1)}
    return Library("mlx", version("mlx"), root, core, array, wait=core.eval, lazy=True, axes=axes)


def tinygrad(threads: int) -> Library:
    """Load tinygrad on the processor, under its jit. The namespace is its `Tensor`."""
    os.environ |= {"DEV": "CPU", "CPU_COUNT": str(threads)}
    root = importlib.import_module("tinygrad")
    importlib.import_module("tinygrad.nn.optim")
    dtypes = root.dtypes

    def array(x: np.ndarray[Any, Any], dtype: str) -> Any:
        return root.Tensor(x).cast(getattr(dtypes, dtype)).realize()

    def compiled(function: Function) -> Function:
        def whole(*arrays: Any) -> Any:
            return realized(function(*arrays))

        return root.TinyJit(whole)

    def realized(result: Any) -> Any:
        parts: list[Any] = [result] if hasattr(result, "realize") else result
        root.Tensor.realize(*parts)
        return result

    def wait(result: Any) -> None:
        realized(result)
        root.Device["CPU"].synchronize()

    return Library("tinygrad", version("tinygrad"), root, root.Tensor, array, compiled, wait, lazy=True, full_speed=3)


LOADERS: dict[str, Callable[[int], Library]] = {
    loader.__name__: loader for loader in (needle, numpy, torch, jax, mlx, tinygrad)
}
