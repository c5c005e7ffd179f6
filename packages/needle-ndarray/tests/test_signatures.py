"""Functions and types that C++ defines, as Python sees them: arguments that do not fit, signatures, pickling, slots."""

from __future__ import annotations

import binascii
import copy
import gc
import inspect
import pickle
import weakref
from types import BuiltinFunctionType
from typing import Any

import pytest

from needle import ndarray as nd

FUNCTIONS = {name: getattr(nd, name) for name in nd.__all__ if isinstance(getattr(nd, name), BuiltinFunctionType)}
VARIADIC = {"broadcast_shapes", "result_type"}
SUM = r"; expected sum\(x, /, \*, axis=None, dtype=None, keepdims=False\)$"
ADD = r"; expected add\(x, y, /, \*, out=None\)$"


REFUSED = {
    "nd.add()": rf"\[add\] missing arguments 'x', 'y'{ADD}",
    "nd.add(x)": rf"\[add\] missing argument 'y'{ADD}",
    "nd.add(x, x, x)": rf"\[add\] too many arguments; got 3 by their place{ADD}",
    "nd.add(x, y=x)": rf"\[add\] the argument 'y' is given by its place alone{ADD}",
    "nd.add(x, x, axis=0)": rf"\[add\] no argument has the name 'axis'{ADD}",
    "nd.exp(out=x)": r"\[exp\] missing argument 'x'; expected exp\(x, /, \*, out=None\)$",
    "nd.matmul(x, x, x)": r"\[matmul\] too many arguments; got 3 by their place; expected matmul\(x, y, /, \*, dtype",
    "nd.sum(x, 0)": rf"\[sum\] too many arguments; got 2 by their place{SUM}",
    "nd.sum(x, axes=0)": rf"\[sum\] no argument has the name 'axes'{SUM}",
    'nd.sum(x, keepdims="no")': r"\[sum\] not True or False; got str$",
    "nd.reshape(x, (1, 3), shape=3)": r"\[reshape\] the argument 'shape' is given twice; expected resh",
    "nd.scatter(x, x, x)": r"\[scatter\] missing argument 'axis'; expected scatter\(x, .* op=\"set\"\)$",
    "nd.scatter(x, x, x, axis=0, op=1)": r"\[scatter\] not a text; got int; expected str$",
    "nd.result_type(x, a=x)": r"\[result_type\] no argument has the name 'a'; expected result_type\(\*op",
    "x.astype()": r"\[astype\] missing argument 'dtype'; expected astype\(dtype, /, \*, copy=True\)$",
    "x.tolist(1)": r"\[tolist\] too many arguments; got 1; expected tolist\(\)$",
    "x.reshape(shape=3)": r"\[reshape\] no argument has the name 'shape'; expected reshape\(\*shape\)$",
    "nd.NDArray([1])": r"\[NDArray\] objects are not made by calling the type; hint: use needle.ndarray.asarray$",
    "x.__delitem__(0)": r"\[delitem\] elements of an array cannot be deleted$",
    "pow(x, x, x)": r"unsupported operand type",
}


@pytest.mark.parametrize(("call", "text"), REFUSED.items())
def test_arguments_that_do_not_fit(call: str, text: str, device: str) -> None:
    with pytest.raises(TypeError, match=text):
        eval(call, {"nd": nd, "x": nd.ones(3, device=device)})


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_each_function_knows_its_signature(name: str) -> None:
    function = FUNCTIONS[name]
    signature = inspect.signature(function)
    for kind, parameters in (("missing argument", ()), ("no argument has the name 'none_such'", {"none_such": 1})):
        if name in VARIADIC and not parameters:
            continue
        with pytest.raises(TypeError, match=rf"\[{name}\] {kind}") as error:
            function(**dict(parameters))
        expected = str(error.value).partition("; expected ")[2].replace('"', "'")
        assert expected == f"{name}{signature}"


def test_arguments_by_name(device: str) -> None:
    x = nd.asarray([[3, 1], [2, 5]], device=device)
    assert nd.reshape(x, shape=(4,)).tolist() == [3, 1, 2, 5]
    assert nd.sum(x, keepdims=True, axis=0).tolist() == [[5, 6]]
    assert nd.sum(x, axis=1, dtype=nd.float32, keepdims=nd.asarray(True)).tolist() == [[4.0], [7.0]]
    assert nd.sort(x, descending=True).tolist() == [[3, 1], [5, 2]]
    out = nd.zeros_like(x)
    assert nd.add(x, 1, out=out) is not None
    assert out.tolist() == [[4, 2], [3, 6]]


@pytest.mark.parametrize("name", ["add", "exp", "sum", "reshape", "result_type"])
def test_functions_are_pickled_by_name(name: str) -> None:
    assert pickle.loads(pickle.dumps(FUNCTIONS[name])) is FUNCTIONS[name]
    assert FUNCTIONS[name].__name__ == name


def test_dtypes_and_devices_are_one_object_each(device: str) -> None:
    x = nd.ones(2, device=device)
    assert x.device is nd.device(device)
    assert x.dtype is nd.float32
    assert pickle.loads(pickle.dumps(nd.bfloat16)) is copy.copy(nd.bfloat16) is nd.bfloat16
    for kind in (nd.DType, nd.Device, nd.NDArray):
        with pytest.raises(TypeError, match=rf"\[{kind.__name__}\] objects are not made by calling the type; hint: us"):
            kind()


def test_arrays_can_be_referred_to_weakly(device: str) -> None:
    gone: list[Any] = []
    x = nd.ones(3, device=device)
    reference = weakref.ref(x, gone.append)
    assert reference() is x
    del x
    gc.collect()
    assert gone == [reference]
    arrays = [nd.full(3, i, device=device) for i in range(200)]  # more than are kept to be used again
    references = [weakref.ref(a) for a in arrays]
    arrays[::2] = [None] * 100
    assert [r() is None for r in references] == [True, False] * 100
    assert [a.tolist() for a in arrays[1::2]] == [[i] * 3 for i in range(1, 200, 2)]


def test_operators_leave_what_they_do_not_know_to_the_other_side(device: str) -> None:
    class Other:
        def __radd__(self, x: Any) -> str:
            return f"radd {x.shape}"

        def __rmatmul__(self, x: Any) -> str:
            return f"rmatmul {x.shape}"

        def __gt__(self, x: Any) -> str:
            return f"gt {x.shape}"

    x = nd.ones(3, device=device)
    assert (x + Other(), x @ Other(), x < Other()) == ("radd (3,)", "rmatmul (3,)", "gt (3,)")
    assert (2 - x).tolist() == [1.0] * 3
    assert (2**x).tolist() == [2.0] * 3
    x **= 2
    x @= nd.ones((3, 3), device=device)
    assert x.tolist() == [3.0] * 3
    assert list(reversed(x)) == [3.0] * 3


def test_buffers_are_the_memory_itself() -> None:
    x = nd.asarray([[1, 2, 3], [4, 5, 6]], dtype=nd.int32, device="cpu")
    view = memoryview(x.T)
    assert (view.shape, view.strides, view.format, view.readonly) == ((3, 2), (4, 12), "i", False)
    assert view.tolist() == [[1, 4], [2, 5], [3, 6]]
    memoryview(x)[1, 2] = 7
    assert x.tolist() == [[1, 2, 3], [4, 5, 7]]
    assert bytes(memoryview(x[0])) == x[0].to_bytes()
    with pytest.raises(BufferError, match=r"\[buffer\] the elements do not lie in the order that is asked for"):
        binascii.hexlify(x[:, 0])  # asks for one run of bytes
