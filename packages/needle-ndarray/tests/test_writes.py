"""Writes to arrays: the version that each ends, who wrote and on which line, and the user's place in the program."""

from __future__ import annotations

import operator
import sys
import time
from _thread import start_new_thread
from itertools import islice
from types import CodeType, ModuleType
from typing import Any

import numpy as np
import pytest

from needle import ndarray as nd
from needle.ndarray import _core


def array(device: str, dtype: nd.DType = nd.float32) -> nd.NDArray:
    return nd.asarray([[1, 2], [3, 4]], dtype, device)


def line_here() -> int:
    return sys._getframe(1).f_lineno


# How to write to an array x in place, from y of its shape, and the op that says so.
WRITES = {
    "x[...] = y": "setitem",
    "x[0] = 5": "setitem",
    "x[:, 1:] = y[:, :1]": "setitem",
    "x[:] = nd.astype(y, nd.int8)": "setitem",
    "x[x > 2] = 0": "setitem",
    "x[nd.asarray([1, 0], device=y.device)] = y": "setitem",
    "_core.put(x.reshape(4), nd.asarray([3], device=y.device), y[:1, 0])": "setitem",
    "x.T[0] = 5": "setitem",
    "x.reshape(4)[3] = 5": "setitem",
    "nd.unstack(x)[1][:] = 5": "setitem",
    "nd.negative(x, out=x)": "negative",
    "nd.exp(y, out=x)": "exp",
    "nd.add(y, 1, out=x)": "add",
    "nd.multiply(x, y, out=x.T)": "multiply",
    "_core.composite('softmax', [y], [x], [1])": "softmax",
    "_core.composite('cross_entropy', [y, labels], [nd.empty_like(x[:, :1]), x[:, :1]], [1])": "cross_entropy",
    "operator.imatmul(x, y)": "matmul",
}
IN_PLACE = {
    "iadd": "add",
    "isub": "subtract",
    "imul": "multiply",
    "itruediv": "divide",
    "imod": "remainder",
    "ifloordiv": "floor_divide",
    "ipow": "pow",
    "iand": "bitwise_and",
    "ior": "bitwise_or",
    "ixor": "bitwise_xor",
    "ilshift": "bitwise_left_shift",
    "irshift": "bitwise_right_shift",
}


@pytest.mark.parametrize(("code", "op"), WRITES.items())
def test_writes_end_the_version(device: str, code: str, op: str) -> None:
    x, y = array(device), array(device)
    view = x.mT
    before, of_y = x.watch(), y.version
    names = {**globals(), "x": x, "y": y, "labels": nd.asarray([[0], [1]], device=device)}
    done = exec(code, names) if "] = " in code else eval(code, names)
    if done is False:
        pytest.skip("the backend leaves this composite to others")
    assert x.version != before
    assert x.version == view.version
    assert y.version == of_y
    assert x.writer(before) == view.writer(before) == (op, "<string>", 1)


@pytest.mark.parametrize(("name", "op"), IN_PLACE.items())
@pytest.mark.parametrize("other", ["array", "number"])
def test_operators_in_place_end_the_version(device: str, name: str, op: str, other: str) -> None:
    x = array(device, nd.float32 if op == "divide" else nd.int32)
    before = x.watch()
    getattr(operator, name)(x, x.copy() if other == "array" else 2)
    assert x.version != before
    writer = x.writer(before)
    assert writer is not None
    assert writer[:2] == (op, __file__)


def test_what_reads_leaves_the_version(device: str) -> None:
    x, y = array(device), array(device)
    version = x.watch()
    x[...] = x
    x[:0] = 5
    nd.add(x, 1, out=y)
    nd.scatter(x, nd.asarray([[0, 1]], device=device), y[:1], axis=0)
    for use in (nd.sort, nd.sum, nd.argmax, nd.cumulative_sum, nd.softmax, nd.copy, nd.nonzero, nd.isnan, repr, list):
        use(x.T[0])
    assert (x.tolist(), x.to_bytes(), x.numpy(), x @ x, x.to_device("numpy"), +x, x[x > 1]) is not None
    with pytest.raises(ValueError, match=r"\[add\] the array to write has another shape"):
        nd.add(x, y[:, None], out=x)
    with pytest.raises(TypeError, match=r"\[setitem\] the value's dtype does not fit"):
        x[...] = nd.astype(x, nd.float64)
    assert x.version == version
    assert x.writer(version) is None


def test_views_share_the_version(device: str) -> None:
    x = array(device)
    views = [x.T, x[1:, None], x.reshape(4), nd.flip(x), nd.broadcast_to(x, (3, 2, 2)), _core.bitcast(x, nd.int32)]
    assert {view.version for view in views} == {x.version}
    views[2][0] = 9
    assert {view.version for view in views} == {x.version}
    assert x.copy().version != x.version
    assert (x + 0).version != x.version


def test_versions_are_used_once(device: str) -> None:
    seen: list[int] = []
    kept = array(device)
    for _ in range(50):
        x = nd.zeros(3, device=device)  # most often where the last one lay
        seen += [x.version, kept.version]
        x += 1
        kept *= 2
        seen.append(x.version)
    assert len(set(seen)) == len(seen)


def test_a_write_that_fails_counts(device: str) -> None:
    x = nd.zeros(3, device=device)
    before = x.version
    with pytest.raises(IndexError):
        _core.put(x, nd.asarray([7], device=device), nd.ones(1, device=device))
    assert x.version != before


def test_writes_from_outside_are_not_seen() -> None:
    x = nd.zeros(3, device="cpu")
    version = x.version
    x.numpy()[0] = 1
    np.from_dlpack(x)[1] = 2
    memoryview(x)[2] = 3
    assert x.tolist() == [1, 2, 3]
    assert x.version == version


def test_the_writer_is_on_this_line(device: str) -> None:
    x = array(device)
    version = x.watch()
    line = line_here() + 1
    x += 1
    assert x.writer(version) == ("add", __file__, line)
    version = x.watch()
    line = line_here() + 1
    x[x > 2] = 0.0  # worked out in Python, in a module of Needle
    assert x.writer(version) == ("setitem", __file__, line)


def scale(x: nd.NDArray) -> None:
    x *= 2


def test_the_writer_is_the_innermost_line_of_the_user(device: str) -> None:
    x = array(device)
    version = x.watch()
    scale(x)
    assert x.writer(version) == ("multiply", __file__, scale.__code__.co_firstlineno + 1)


def test_only_the_write_that_ends_a_watched_version_is_kept(device: str) -> None:
    x = array(device)
    version = x.version
    x += 1
    assert x.writer(version) is None, "nobody watched"
    first = x.watch()
    assert x.writer(first) is None, "nobody wrote"
    assert x.watch() == x.version == first
    x -= 1
    x *= 2
    unwatched = x.version
    x += 1
    second = x.watch()
    nd.exp(x, out=x)
    assert [w and w[0] for w in map(x.writer, (first, unwatched, second))] == ["subtract", None, "exp"]


def test_writers_of_long_ago_are_forgotten(device: str) -> None:
    x = array(device)
    versions: list[int] = []
    for _ in range(20):
        versions.append(x.watch())
        x += 1
    assert [x.writer(version) is not None for version in versions] == [False] * 4 + [True] * 16


def test_a_thread_without_python_has_no_line(device: str) -> None:
    x = array(device)
    version = x.watch()
    start_new_thread(x.__iadd__, (1.0,))
    for _ in range(10_000):
        if x.writer(version) is None:
            time.sleep(0.001)
    assert x.writer(version) == ("add", "<unknown>", 0)


def test_writer_takes_a_version(device: str) -> None:
    with pytest.raises(TypeError, match=r"\[writer\] missing argument 'version'; expected writer\(version, /\)$"):
        array(device).writer()  # type: ignore[call-arg]
    with pytest.raises(OverflowError, match=r"\[writer\] a negative number; got -1"):
        array(device).writer(-1)


# -- the user's frame

OURS = """
class Tensor:
    def __add__(self, other):
        return op(self, other)

class Op:
    def __call__(self, *args):
        return user_frame()

op = Op()
"""


def module(name: str, file: str) -> Any:
    made = ModuleType(name)
    made.__dict__["user_frame"] = _core.user_frame
    exec(compile(OURS, file, "exec"), made.__dict__)
    return made


def place(found: tuple[CodeType, int] | None) -> tuple[str, int]:
    assert found is not None
    code, at = found
    line = next(islice(code.co_positions(), at // 2, None))[0]
    assert line is not None
    return code.co_name, line


def test_the_users_frame_is_this_one() -> None:
    line = line_here()
    found = _core.user_frame()
    assert place(found) == ("test_the_users_frame_is_this_one", line + 1)
    found = [
        1,
        _core.user_frame(),
    ][1]
    assert place(found)[1] == line + 5


def test_frames_of_needle_are_passed_over() -> None:
    ours = module("needle.autograd.tensor", "/anywhere/tensor.py")
    found, line = ours.Tensor() + 1, line_here()
    assert place(found) == ("test_frames_of_needle_are_passed_over", line)
    found, line = next(ours.op() for _ in range(1)), line_here()
    assert place(found)[1] == line

    def generator() -> Any:
        yield ours.Tensor() + 1

    assert place(next(generator())) == ("generator", generator.__code__.co_firstlineno + 1)


@pytest.mark.parametrize("name", ["needles.tensor", "needle", "my.needle.tensor", "nädel.tensor", "нить.tensor", ""])
def test_other_frames_are_the_users(name: str) -> None:
    found = module(name, "/home/user/needle/tensor.py").Tensor() + 1
    assert place(found) == ("__call__", 8)


def test_frames_without_a_name_are_the_users() -> None:
    for names in ({}, {"__name__": 3}):
        found: dict[str, Any] = {"user_frame": _core.user_frame, **names}
        exec("\nfound = user_frame()", found)
        assert place(found["found"]) == ("<module>", 2)
