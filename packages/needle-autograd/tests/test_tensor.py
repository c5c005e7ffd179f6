from __future__ import annotations

import operator
from collections.abc import Callable

import numpy as np
import pytest

import needle.autograd as ad
import needle.ndarray as nd
from needle.autograd import Tensor, tensor


def test_tensor_takes_lists_numbers_arrays_and_tensors(device: str) -> None:
    for obj in ([[1.0, 2.0]], np.array([[1.0, 2.0]], "f4"), nd.asarray([[1.0, 2.0]]), tensor([[1.0, 2.0]])):
        x = tensor(obj, device=device)
        assert (x.tolist(), x.dtype, x.shape, str(x.device)) == ([[1.0, 2.0]], nd.float32, (1, 2), device)
    assert tensor(3).dtype is nd.int64
    assert tensor([1, 2], nd.float16, requires_grad=True).requires_grad


def test_tensor_copies_and_the_constructor_shares(device: str) -> None:
    data = nd.asarray([1.0, 2.0], device=device)
    copied, shared = tensor(data), Tensor(data)
    data[0] = 5.0
    assert copied.tolist() == [1.0, 2.0]
    assert shared.tolist() == [5.0, 2.0]


def test_what_it_is(device: str) -> None:
    x = tensor([[1.0, 2.0, 3.0]], device=device)
    assert (x.shape, x.ndim, x.size, len(x), x.dtype) == ((1, 3), 2, 3, 1, nd.float32)
    assert not x.requires_grad
    assert x.grad is None
    np.testing.assert_array_equal(x.numpy(), [[1, 2, 3]])


def test_repr_is_that_of_the_array() -> None:
    assert repr(tensor([1.0, 2.5], device="cpu")) == "tensor([1. , 2.5], dtype=float32, device=cpu)"
    x = tensor([[1, 2], [3, 4]], nd.float64, "numpy", requires_grad=True)
    assert repr(x) == "tensor([[1., 2.],\n        [3., 4.]], dtype=float64, device=numpy, requires_grad=True)"


def test_one_element_is_a_number(device: str) -> None:
    x = tensor(2, device=device)
    assert (x.item(), int(x), float(x), bool(x), [5, 6, 7][x]) == (2, 2, 2.0, True, 7)
    assert isinstance(x.item(), int)


def test_only_floating_tensors_can_require_grad() -> None:
    text = r"\[requires_grad\] only floating and complex tensors can require grad; got int64; hint: cast it with astype"
    with pytest.raises(TypeError, match=text):
        tensor([1, 2], requires_grad=True)
    x = tensor([True])
    with pytest.raises(TypeError, match="got bool"):
        x.requires_grad = True
    with pytest.raises(TypeError, match="got bool"):
        x.requires_grad_()


def test_a_result_cannot_be_made_a_constant() -> None:
    y = tensor([1.0], requires_grad=True) * 2
    with pytest.raises(ValueError, match=r"computed from others that require grad; hint: use detach\(\)"):
        y.requires_grad = False
    assert y.requires_grad


def test_a_leaf_can_be_frozen() -> None:
    x = tensor([1.0], requires_grad=True)
    assert x.requires_grad_(False) is x
    assert not (x * 2).requires_grad


def test_tensors_are_keys_by_identity() -> None:
    x, y = tensor([1.0]), tensor([1.0])
    assert {x: 1, y: 2}[x] == 1
    assert x in {x}
    assert y not in {x}


FLOAT_OPERATORS = ["add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "eq", "ne", "lt", "le", "gt", "ge"]


@pytest.mark.parametrize("name", FLOAT_OPERATORS)
def test_operators(name: str, device: str) -> None:
    f = getattr(operator, name)
    a, b = np.array([1.5, 2.0, 0.5]), np.array([0.75, 2.0, 3.0])
    x, y = tensor(a, device=device), tensor(b, device=device)
    for got, expected in [(f(x, y), f(a, b)), (f(x, 2.0), f(a, 2.0)), (f(2.0, y), f(2.0, b)), (f(x, 2), f(a, 2))]:
        assert isinstance(got, Tensor)
        np.testing.assert_allclose(got.numpy(), expected)


@pytest.mark.parametrize("name", ["and_", "or_", "xor", "lshift", "rshift"])
def test_integer_operators(name: str, device: str) -> None:
    f = getattr(operator, name)
    a, b = np.array([5, 6, 7]), np.array([1, 2, 3])
    np.testing.assert_array_equal(f(tensor(a, device=device), tensor(b, device=device)).numpy(), f(a, b))


def test_unary_operators(device: str) -> None:
    x = tensor([1.0, -2.0], device=device)
    assert (-x).tolist() == [-1.0, 2.0]
    assert (+x).tolist() == [1.0, -2.0]
    assert abs(x).tolist() == [1.0, 2.0]
    assert (~tensor([True, False], device=device)).tolist() == [False, True]


def test_numpy_leaves_operators_to_the_tensor() -> None:
    with pytest.raises(TypeError):
        np.array([1.0]) + tensor([1.0])  # pyright: ignore
    with pytest.raises(TypeError):
        tensor([1.0]) + "1"  # type: ignore[operator]


METHODS = [
    "abs", "all", "any", "argmax", "exp", "log", "max", "mean", "min", "relu", "sigmoid", "sqrt", "square", "sum",
    "tanh",
]  # fmt: skip


@pytest.mark.parametrize("name", METHODS)
def test_methods_are_the_functions(name: str) -> None:
    x = tensor([[1.0, 2.0], [4.0, 3.0]])
    assert getattr(x, name)().tolist() == getattr(ad, name)(x).tolist()


@pytest.mark.parametrize("name", ["all", "any", "argmax", "max", "mean", "min", "sum"])
def test_reductions_take_axis_and_keepdims(name: str) -> None:
    x = tensor([[1.0, 2.0], [4.0, 3.0]])
    assert getattr(x, name)(1, keepdims=True).tolist() == getattr(ad, name)(x, axis=1, keepdims=True).tolist()


def test_shapes_change_under_pytorchs_names() -> None:
    x = tensor([[1, 2, 3], [4, 5, 6]])
    assert x.reshape(3, 2).tolist() == x.reshape((3, -1)).tolist() == [[1, 2], [3, 4], [5, 6]]
    assert x.permute(1, 0).tolist() == x.permute((1, 0)).tolist() == x.T.tolist() == x.mT.tolist()
    assert x.T.tolist() == [[1, 4], [2, 5], [3, 6]]
    assert x.expand(2, 2, 3).shape == (2, 2, 3)
    assert x.unsqueeze(1).shape == (2, 1, 3)
    assert x.unsqueeze(-1).squeeze(-1).shape == (2, 3)
    assert tensor([[[1, 2]]]).mT.shape == (1, 2, 1)


def test_transposes_need_a_matrix() -> None:
    with pytest.raises(ValueError, match=r"\[T\] not a matrix; got shape \(1, 1, 1\); hint: use mT or permute"):
        _ = tensor([[[1.0]]]).T
    with pytest.raises(ValueError, match=r"\[mT\] fewer than 2 dimensions; got shape \(1,\)"):
        _ = tensor([1.0]).mT


def test_parts_and_iteration(device: str) -> None:
    x = tensor([[1, 2], [3, 4]], device=device)
    assert x[1].tolist() == [3, 4]
    assert x[:, None, ::-1].tolist() == [[[2, 1]], [[4, 3]]]
    assert [row.tolist() for row in x] == [[1, 2], [3, 4]]


def test_to_changes_dtype_or_device() -> None:
    x = tensor([1.0], device="cpu", requires_grad=True)
    y = x.to(nd.float64).to("numpy")
    assert (y.dtype, str(y.device), y.requires_grad) == (nd.float64, "numpy", True)
    y.backward()
    assert x.grad is not None
    assert (x.grad.dtype, str(x.grad.device)) == (nd.float32, "cpu")
    assert x.astype(nd.int8).tolist() == [1]


def test_subclasses_are_tensors_to_the_ops() -> None:
    class Parameter(Tensor):
        def __init__(self, data: nd.NDArray) -> None:
            super().__init__(data, requires_grad=True)

    p = Parameter(nd.asarray([2.0]))
    y = p * p
    assert type(y) is Tensor
    y.backward()
    assert p.grad is not None
    assert p.grad.tolist() == [4.0]


BAD: dict[str, tuple[type[Exception], str, Callable[[Tensor], object]]] = {
    "shapes": (ValueError, r"\[add\]", lambda x: x + tensor([1.0, 2.0, 3.0, 4.0])),
    "axis": (IndexError, r"\[sum\] axis out of range; got 2; expected -2 to 1", lambda x: x.sum(2)),
    "twice": (ValueError, r"\[max\] an axis is named twice; got \(0, -2\)", lambda x: x.max((0, -2))),
    "squeeze": (ValueError, r"\[squeeze\] the extent is not 1; got axis 0 of shape \(2, 3\)", lambda x: x.squeeze(0)),
    "stack": (ValueError, r"\[stack\] .*; got \(2, 3\) and \(3, 2\)", lambda x: ad.stack([x, x.T])),
    "concat": (ValueError, r"\[concat\]", lambda x: ad.concat([])),
    "matmul": (ValueError, r"\[matmul\]", lambda x: x @ x),
    "scatter": (ValueError, r"\[scatter\] unknown op; got 'mul'; expected 'set' or 'add'",
                lambda x: ad.scatter(x, tensor([[0]]), x, 0, "mul")),  # type: ignore[arg-type]
    "indices": (TypeError, r"\[take_along_axis\]", lambda x: ad.take_along_axis(x, x)),
    "index": (IndexError, "index out of range; got 3", lambda x: ad.take(x, tensor([3]), 0)),
    "reshape": (ValueError, r"\[reshape\]", lambda x: x.reshape(4)),
    "device": (ValueError, r"\[multiply\]", lambda x: x.to("cpu") * x.to("numpy")),
}  # fmt: skip


@pytest.mark.parametrize("requires_grad", [False, True])
@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_named(name: str, requires_grad: bool) -> None:
    error, text, f = BAD[name]
    x = tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], requires_grad=requires_grad)
    with pytest.raises(error, match=text):
        f(x)


def test_float8_tensors_cannot_require_grad(device: str) -> None:
    for dtype in (nd.float8_e4m3fn, nd.float8_e5m2):
        x = ad.tensor(nd.ones(2, dtype, device))
        with pytest.raises(
            TypeError, match=rf"\[requires_grad\] only floating and complex tensors .*; got {dtype.name}; hint: cast"
        ):
            x.requires_grad_()
        assert not x.requires_grad


def test_a_gradient_passes_through_complex_results(device: str) -> None:
    x = ad.tensor(nd.ones(2, nd.float32, device), requires_grad=True)
    z = ad.multiply(x, nd.full((), 3 + 4j, device=device))
    assert z.dtype is nd.complex64
    ad.abs(z).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [5.0, 5.0]
