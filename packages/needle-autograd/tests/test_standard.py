"""What the array API standard asks for beside differentiable functions: creation, operators, protocols, sets."""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import needle.autograd as ad
import needle.ndarray as nd
from needle.autograd import Tensor, tensor

DTYPES = [name for name, value in vars(nd).items() if isinstance(value, nd.DType) and "float8" not in name]
SHARED = sorted(name for name in nd.__all__ if callable(getattr(nd, name)) and getattr(ad, name, None) is not None)
# Functions of ours that have another form for tensors.
OURS = {"log_softmax", "matmul", "max_pool", "softmax"}


def parameters(function: Any) -> dict[str, Any]:
    """Return the parameters that go by name, with their defaults."""
    found = inspect.signature(function).parameters.values()
    return {p.name: p.default for p in found if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)}


@pytest.mark.parametrize("name", [name for name in SHARED if name not in OURS])
def test_functions_take_what_those_of_arrays_take(name: str) -> None:
    if isinstance(getattr(nd, name), nd.DType) or name in nd._elementwise.__all__:
        return
    ours, theirs = parameters(getattr(ad, name)), parameters(getattr(nd, name))
    assert theirs.items() <= ours.items()


# What only arrays have: types, devices, memory, files and random numbers; and parts of ops.
OF_ARRAYS = {
    "Backend", "BackendError", "BackendUnavailable", "DType", "Device", "NDArray", "View", "avg_pool_gradient",
    "contiguous",
    "default_device", "device", "devices", "empty_cache", "float8_e4m3fn", "float8_e5m2", "from_numpy",
    "get_num_threads", "io", "load", "load_safetensors", "max_pool_gradient", "max_pool_places", "memory_stats",
    "random", "reset_peak_memory_stats", "save", "save_safetensors", "set_cache_limit", "set_default_device",
    "set_num_threads", "synchronize",
}  # fmt: skip


def test_all_functions_of_arrays_are_there_for_tensors() -> None:
    assert {name for name in nd.__all__ if not hasattr(ad, name)} == OF_ARRAYS


def test_the_namespace_has_the_standards_constants_and_dtypes() -> None:
    assert {*DTYPES, "bool"} <= vars(ad).keys()
    for name in (*DTYPES, "e", "inf", "nan", "newaxis", "pi", "isdtype", "__array_api_version__"):
        assert getattr(ad, name) is getattr(nd, name)
    assert ad.__array_namespace_info__().capabilities()["boolean indexing"]


def test_tensors_know_their_namespace() -> None:
    x = tensor([1.0])
    assert x.__array_namespace__() is x.__array_namespace__(api_version="2024.12") is ad
    with pytest.raises(ValueError, match=r"\[__array_namespace__\] no such version; got '1999'"):
        x.__array_namespace__(api_version="1999")


CREATED: dict[str, Callable[[Any, Any], Any]] = {
    "arange": lambda xp, like: xp.arange(1, 7, 2, dtype=xp.int8, device=like.device),
    "empty": lambda xp, like: xp.empty((0, 2), device=like.device),
    "empty_like": lambda xp, like: xp.empty_like(like[:0]),
    "eye": lambda xp, like: xp.eye(2, 3, k=1, device=like.device),
    "full": lambda xp, like: xp.full((2,), 1 + 2j, device=like.device),
    "full_like": lambda xp, like: xp.full_like(like, 3, dtype=xp.int16),
    "linspace": lambda xp, like: xp.linspace(0, 1, 5, endpoint=False, device=like.device),
    "ones": lambda xp, like: xp.ones((2, 1), dtype=xp.float64, device=like.device),
    "ones_like": lambda xp, like: xp.ones_like(like),
    "zeros": lambda xp, like: xp.zeros(3, device=like.device),
    "zeros_like": lambda xp, like: xp.zeros_like(like, device="cpu"),
}


@pytest.mark.parametrize("name", CREATED)
def test_creation_gives_tensors_of_what_arrays_have(name: str, device: str) -> None:
    array = nd.asarray([[1.0, 2.0]], device=device)
    got, expected = CREATED[name](ad, Tensor(array)), CREATED[name](nd, array)
    assert type(got) is Tensor
    assert not got.requires_grad
    assert (got.tolist(), got.dtype, got.device) == (expected.tolist(), expected.dtype, expected.device)


def test_creation_knows_the_shape_inside_vmap() -> None:
    assert ad.vmap(lambda x: x + ad.ones_like(x))(tensor([[1.0, 2.0], [3.0, 4.0]])).tolist() == [[2, 3], [4, 5]]


def test_asarray_passes_tensors_on(device: str) -> None:
    x = tensor([1.0, 2.0], device=device, requires_grad=True)
    assert ad.asarray(x) is x
    assert ad.asarray(x, copy=False) is x
    assert ad.asarray(x, device=device, dtype=nd.float32) is x
    moved = ad.asarray(x, dtype=nd.float64, device="cpu")
    assert (moved.dtype, str(moved.device), moved.requires_grad) == (nd.float64, "cpu", True)
    copied = ad.asarray(x, copy=True)
    assert not copied.data.shares_buffer(x.data)
    copied.sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [1.0, 1.0]
    with pytest.raises(ValueError, match=r"\[asarray\] another dtype or device takes a copy; got float32"):
        ad.asarray(x, dtype=nd.float64, copy=False)


def test_asarray_puts_tensors_in_lists_together() -> None:
    x = tensor(2.0, requires_grad=True)
    y = ad.asarray([[x, 1], (2.5, x * x)])
    assert (y.tolist(), y.dtype) == ([[2.0, 1.0], [2.5, 4.0]], nd.float32)
    y.sum().backward()
    assert x.grad is not None
    assert x.grad.item() == 5.0
    assert ad.asarray([[1, 2]], dtype=nd.int8).dtype is nd.int8
    assert ad.asarray(np.ones(2)).dtype is nd.float64


def test_dtype_functions_take_tensors() -> None:
    x, i = tensor([1.0]), tensor([1])
    assert ad.result_type(x, nd.ones(1, nd.float64), 1j) is nd.complex128
    assert ad.can_cast(i, nd.float64) is nd.can_cast(nd.int64, nd.float64)
    assert ad.finfo(x) == nd.finfo(nd.float32)
    assert ad.iinfo(i) == nd.iinfo(nd.int64)


def test_astype_and_reshape_copy_when_asked() -> None:
    x = tensor([[1.0, 2.0], [3.0, 4.0]])
    assert ad.astype(x, nd.float32, copy=False) is x
    assert not ad.astype(x, nd.float32).data.shares_buffer(x.data)
    assert str(ad.astype(x, nd.int32, device="numpy").device) == "numpy"
    assert ad.reshape(x, (4,)).data.shares_buffer(x.data)
    assert not ad.reshape(x, (4,), copy=True).data.shares_buffer(x.data)
    with pytest.raises(ValueError, match=r"\[reshape\]"):
        ad.reshape(x.mT, (4,), copy=False)


@pytest.mark.parametrize("name", ["sum", "prod", "cumulative_sum", "cumulative_prod"])
def test_sums_and_products_take_a_dtype(name: str, device: str) -> None:
    f = getattr(ad, name)
    x = tensor([100, 3], nd.int8, device)
    for dtype in (nd.int8, nd.float64, nd.int32):
        assert f(x, dtype=dtype).dtype is dtype
        assert f(x, dtype=dtype).tolist() == getattr(nd, name)(x.data, dtype=dtype).tolist()


# Operators.

REFLECTED = ["add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "eq", "lt", "ge"]
OF_INTEGERS = ["and_", "or_", "xor", "lshift", "rshift"]


@pytest.mark.parametrize("name", [*REFLECTED, *OF_INTEGERS])
def test_an_array_is_an_operand_on_both_sides(name: str, device: str) -> None:
    f = getattr(operator, name)
    dtype = nd.int64 if name in OF_INTEGERS else nd.float32
    a, b = nd.asarray([3, 5], dtype, device), nd.asarray([1, 2], dtype, device)
    for got in (f(a, Tensor(b)), f(Tensor(a), b)):
        assert type(got) is Tensor
        assert got.tolist() == f(a, b).tolist()


@pytest.mark.parametrize("name", OF_INTEGERS)
def test_integers_are_operands_on_both_sides(name: str, device: str) -> None:
    f = getattr(operator, name)
    assert f(6, tensor([1, 2], device=device)).tolist() == [f(6, 1), f(6, 2)]


def test_a_gradient_passes_the_array_on_the_left() -> None:
    x = tensor([1.0, 2.0], requires_grad=True)
    (nd.asarray([3.0, 4.0]) * x).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [3.0, 4.0]


def test_operators_in_place_make_new_tensors() -> None:
    x = tensor([1.0, 2.0], requires_grad=True)
    y = x * 1
    before = y
    y *= x
    y += 1
    y.sum().backward()
    assert (before.tolist(), y.tolist()) == ([1.0, 2.0], [2.0, 5.0])
    assert x.grad is not None
    assert x.grad.tolist() == [2.0, 4.0]


# Writes.


def test_parts_can_be_written(device: str) -> None:
    x = tensor([[1.0, 2.0], [3.0, 4.0]], device=device)
    x[0, 1:] = 7
    x[1] = tensor([5.0, 6.0], device=device)
    assert x.tolist() == [[1.0, 7.0], [5.0, 6.0]]
    x[tensor([[True, False], [False, True]], device=device)] = 0.0
    x[tensor([1], device=device), 0] = tensor([9.0], device=device)
    assert x.tolist() == [[0.0, 7.0], [9.0, 0.0]]


def test_a_write_that_derivatives_would_not_see_raises() -> None:
    x, y = tensor([1.0, 2.0], requires_grad=True), tensor([1.0, 2.0])
    text = r"\[setitem\] a write in place would not be seen by derivatives; hint: use where\(\) or scatter\(\)"
    for target, value in [(x, 0.0), (x * 1, y[0]), (y, x[0])]:
        with pytest.raises(RuntimeError, match=text):
            target[0] = value
    with ad.no_grad():
        x[0] = 5.0
    assert x.tolist() == [5.0, 2.0]
    assert y.tolist() == [1.0, 2.0]


@pytest.mark.parametrize("transform", ["grad", "jvp", "vmap"])
def test_a_write_inside_a_transformation_raises(transform: str) -> None:
    def f(x: Tensor) -> Tensor:
        with ad.no_grad():
            x[0] = 0.0
        return x.sum()

    x = tensor([[1.0, 2.0]])
    with pytest.raises(RuntimeError, match=rf"\[{transform}\] a write in place would not be seen"):
        ad.jvp(f, (x,), (x,)) if transform == "jvp" else getattr(ad, transform)(f)(x)


# Protocols.


def test_other_libraries_share_the_elements() -> None:
    x = tensor([1.0, 2.0], device="cpu")
    np.asarray(x)[0] = 5.0
    np.from_dlpack(x)[1] = 6.0
    assert x.tolist() == [5.0, 6.0]
    assert x.__dlpack_device__() == x.data.__dlpack_device__()
    assert ad.from_dlpack(x).data.shares_buffer(x.data) or ad.from_dlpack(x).tolist() == x.tolist()
    assert complex(tensor(1 + 2j)) == 1 + 2j


@pytest.mark.parametrize("f", [np.asarray, np.from_dlpack, nd.asarray, nd.from_dlpack])
def test_derivatives_are_not_lost_in_other_libraries(f: Callable[[Any], Any]) -> None:
    x = tensor([1.0, 2.0], device="cpu", requires_grad=True)
    with pytest.raises(BufferError, match=r"another library would get the values without .*; hint: use detach\(\)"):
        f(x)
    with ad.no_grad():
        assert f(x).tolist() == [1.0, 2.0]
    assert f(x.detach()).tolist() == [1.0, 2.0]


def test_a_tensor_goes_to_a_device() -> None:
    assert str(tensor([1.0], device="cpu").to_device("numpy").device) == "numpy"
    with pytest.raises(ValueError, match=r"\[to_device\] no streams here; got 3"):
        tensor([1.0]).to_device("cpu", stream=3)  # type: ignore[arg-type]


# Sets and places.


def test_the_gradient_of_distinct_elements_goes_to_the_first_of_each(device: str) -> None:
    x = tensor([[5.0, 3.0], [5.0, 4.0]], device=device, requires_grad=True)
    values = ad.unique_values(x)
    (values * tensor([1.0, 10.0, 100.0], device=device)).sum().backward()
    assert values.tolist() == [3.0, 4.0, 5.0]
    assert x.grad is not None
    assert x.grad.tolist() == [[100.0, 1.0], [0.0, 10.0]]


@pytest.mark.parametrize("name", ["unique_all", "unique_counts", "unique_inverse"])
def test_distinct_elements_are_those_of_arrays(name: str, device: str) -> None:
    x = nd.asarray([[5, 3, 5], [1, 1, 3]], device=device)
    got, expected = getattr(ad, name)(Tensor(x)), getattr(nd, name)(x)
    assert got._fields == expected._fields
    assert [part.tolist() for part in got] == [part.tolist() for part in expected]


def test_members_are_found_in_batches(device: str) -> None:
    x, y = tensor([[1, 2, 3], [3, 1, 5]], device=device), tensor([[3, 1], [4, 5]], device=device)
    assert ad.vmap(ad.isin)(x, y).tolist() == [[True, False, True], [False, False, True]]
    assert ad.vmap(ad.isin, in_axes=(None, 0))(x[0], y).tolist() == [[True, False, True], [False, False, False]]


def test_how_many_there_are_cannot_be_batched() -> None:
    x = tensor([[1.0, 0.0], [1.0, 1.0]])
    for name, op in (("nonzero", "nonzero"), ("unique_values", "unique")):
        with pytest.raises(NotImplementedError, match=rf"\[{op}\] no batching rule is known"):
            ad.vmap(getattr(ad, name))(x)
