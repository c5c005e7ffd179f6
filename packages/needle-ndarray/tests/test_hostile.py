"""Sizes, axes and indices that cannot be: an exception each, never a crash, a hang or a wrong result.

All calls are made in a process of their own, which prints what was raised: so a crash is a failure, and has a name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

Outcomes = Callable[[str, Iterable[str]], dict[str, tuple[str, str]]]

SETUP = """
import resource
from needle import ndarray as nd
from needle.ndarray import _core
nd.set_default_device({device!r})
resource.setrlimit(resource.RLIMIT_DATA, (6 << 30, 6 << 30))
x = nd.arange(24).reshape(2, 3, 4)
row = nd.arange(1 << 20)
places = nd.zeros((2, 3, 4), dtype=nd.int64)
g = nd.random.Generator(1)
"""

UNCHANGED = "x.tolist() == nd.arange(24).reshape(2, 3, 4).tolist()"

# What is called, and what it raises; or what it gives.
CASES: dict[str, str] = {
    # more memory than there is, products beyond 64 bits
    "nd.empty(2**62)": "MemoryError",
    "nd.zeros((2**40, 2**40))": "MemoryError",
    "nd.ones((2**32, 2**32))": "MemoryError",
    "nd.full((2**31, 2**31, 4), 1)": "MemoryError",
    "nd.empty((3,) * 32, dtype=nd.int8)": "MemoryError",
    "nd.empty(2**64)": "OverflowError",
    "nd.empty((1, -2**70))": "OverflowError",
    "nd.arange(2**60)": "MemoryError",
    "nd.arange(2**64)": "OverflowError",
    "nd.eye(2**40)": "MemoryError",
    "nd.broadcast_to(x[:, :1, :1], (2, 2**62, 2**62))": "MemoryError",
    "nd.broadcast_to(nd.ones(1), (2**45,)).copy()": "MemoryError",
    "nd.broadcast_to(nd.ones(1), (2**45,)) + 1": "MemoryError",
    "nd.broadcast_to(nd.ones(1), (2**45,)).to_bytes()": "MemoryError",
    "nd.broadcast_to(nd.ones(1), (2**45,)).tolist()": "MemoryError",
    "nd.broadcast_to(nd.ones(1), (2**45,)).astype(nd.float64)": "MemoryError",
    "nd.ones((2**23, 1)) + nd.ones((1, 2**23))": "MemoryError",
    "nd.matmul(nd.ones((2**23, 1)), nd.ones((1, 2**23)))": "MemoryError",
    "nd.take(row[:, None], nd.broadcast_to(places[0, 0, :1], (2**45,)), axis=1)": "MemoryError",
    "nd.pad(x, [(0, 0), (2**62, 0), (0, 2**62)])": "MemoryError",
    "nd.pad(x, [(0, 0), (0, 0), (2**62, 2**62)])": "OverflowError",
    "nd.concat([nd.broadcast_to(row, (2**20, 2**20))] * 20)": "MemoryError",
    "g.bits(2**60)": "MemoryError",
    "g.bits(2**64)": "OverflowError",
    "g.uniform((2**40, 2**40))": "OverflowError",
    "g.integers(0, 3, (2**31, 2**31))": "OverflowError",
    "g.permutation(2**62)": "OverflowError",
    "g.bernoulli(0.5, 2**45)": "MemoryError",
    # extents beside a 0 may be of any size
    "nd.zeros((2**62, 2**62, 0)).size": "0",
    "nd.zeros((0, 2**62, 2**62)).is_contiguous": "True",
    "nd.zeros((2**62, 0))[::-1].size": "0",
    "nd.zeros((2**62, 0))[2**61].shape": "(0,)",
    "nd.sum(nd.zeros((2**50, 0))).item()": "0.0",
    "nd.any(nd.zeros((0, 2**50))).item()": "False",
    "nd.sum(nd.zeros((2**50, 0)), axis=1)": "MemoryError",
    "nd.zeros((2**62, 0)).T.reshape(0).shape": "(0,)",
    "nd.matmul(nd.zeros((0, 2**50)), nd.zeros((2**50, 0))).shape": "(0, 0)",
    "nd.flip(nd.zeros((3, 0, 5))).to_bytes()": "b''",
    # negative extents, ranks beyond 32
    "nd.empty((2, -1))": "ValueError",
    "nd.empty((0, -1))": "ValueError",
    "nd.full(-2**63, 0)": "ValueError",
    "nd.eye(-1)": "ValueError",
    "nd.broadcast_to(x, (-1, 2, 3, 4))": "ValueError",
    "g.bits(-1)": "ValueError",
    "g.uniform((-2, -3))": "ValueError",
    "g.permutation(-2**62)": "ValueError",
    "nd.empty((1,) * 33)": "ValueError",
    "nd.reshape(nd.ones(1), range(10**12))": "ValueError",
    "nd.reshape(nd.ones(1), (1,) * 33)": "ValueError",
    "nd.ones((1,) * 32)[None]": "ValueError",
    "nd.expand_dims(nd.ones((1,) * 20), axis=tuple(range(20)))": "ValueError",
    "nd.broadcast_to(x, (1,) * 30 + x.shape)": "ValueError",
    "nd.windows(nd.ones((1,) * 20), (1,) * 20, (1,) * 20, (1,) * 20)": "ValueError",
    "nd.take(nd.ones((1,) * 20), nd.zeros((1,) * 20, dtype=nd.int64), axis=0)": "ValueError",
    "nd.stack([nd.ones((1,) * 32)])": "ValueError",
    # reshape
    "x.reshape(2**62, 2**62)": "ValueError",
    "x.reshape(2**32, 2**32, -1)": "ValueError",
    "x.reshape(-1, 0)": "ValueError",
    "x.reshape(-24, -1)": "ValueError",
    "x.reshape(2**63)": "OverflowError",
    # axes
    "nd.sum(x, axis=2**62)": "IndexError",
    "nd.sum(x, axis=-2**63)": "IndexError",
    "nd.sum(x, axis=2**63)": "OverflowError",
    "nd.max(x, axis=(0,) * 40)": "ValueError",
    "nd.sort(x, axis=-2**63)": "IndexError",
    "nd.argmax(x, axis=2**31)": "IndexError",
    "nd.squeeze(x, 2**32)": "IndexError",
    "nd.flip(x, axis=-2**63)": "IndexError",
    "nd.expand_dims(x, axis=2**40)": "IndexError",
    "nd.permute_dims(x, (0, 1, 2**32 + 2))": "IndexError",
    "nd.concat([x, x], axis=2**62)": "IndexError",
    # slices and indices
    "x[2**63 - 1]": "IndexError",
    "x[-2**63]": "IndexError",
    "x[2**64]": "OverflowError",
    "x[::2**62].shape": "(1, 3, 4)",
    "x[:, ::-2**62].tolist()": "[[[8, 9, 10, 11]], [[20, 21, 22, 23]]]",
    "x[2**70:-2**70:-2**70].shape": "(1, 3, 4)",
    "x[-2**70:2**70:2**70].tolist()[0][0]": "[0, 1, 2, 3]",
    # windows
    "nd.windows(row, (2**62,), (1,), (2**62,))": "ValueError",
    "nd.windows(row, (1,), (2**62,), (2**62,)).shape": "(1, 1)",
    "nd.windows(x, (3, 1), (2**61, 2**62), (1, 2**62)).tolist()": "[[[[[0], [4], [8]]]], [[[[12], [16], [20]]]]]",
    "nd.windows(row, (0,), (1,), (1,))": "ValueError",
    "nd.windows(row, (2,), (-1,), (1,))": "ValueError",
    "nd.windows(nd.windows(row, (2**19,), (1,), (1,)), (2**18,), (1,), (1,))": "MemoryError",
    "nd.conv(nd.ones((1, 1, 1, 9)), nd.ones((1, 1, 1, 2)), (2**62,), [(0, 0)], (1,), (1,)).shape": "(1, 1, 1, 1)",
    "nd.conv(nd.ones((1, 1, 1, 9)), nd.ones((1, 1, 1, 2)), (1,), [(2**62, 2**62)], (1,), (1,))": "OverflowError",
    "nd.conv(nd.ones((1, 1, 1, 9)), nd.ones((1, 1, 1, 2)), (1,), [(0, 0)], (2**60,), (1,))": "OverflowError",
    # indices in arrays
    "nd.take(x, nd.asarray([2**62]), axis=1)": "IndexError",
    "nd.take(x, nd.asarray([-2**63]), axis=1)": "IndexError",
    "nd.take(x[:, :0], nd.asarray([0]), axis=1)": "IndexError",
    "nd.take_along_axis(x, places - 2**62, axis=0)": "IndexError",
    "nd.scatter(x, places + 2**62, x, axis=2)": "IndexError",
    "nd.scatter(x, places - 2**62 - 2**62, x, axis=2, op='add')": "IndexError",
    # numbers
    "x << 2**62": "OK",
    "x // 0": "OK",
    "(x - 2**62 - 2**62) // -1": "OK",
    "nd.asarray([-2**63]) // nd.asarray([-1])": "OK",
    "nd.asarray([-2**63]) % nd.asarray([-1])": "OK",
    "nd.abs(nd.asarray([-2**63])).tolist()": "[-9223372036854775808]",
    "x ** 2**62": "OK",
    "nd.asarray([float('inf'), float('nan'), -1e300]).astype(nd.int8).tolist()": "[127, 0, -128]",
    "nd.full(3, 2**64)": "OverflowError",
    "x + 10**400": "OverflowError",
    "nd.asarray([2**64])": "OverflowError",
    "nd.set_num_threads(2**70)": "None",
    "nd.set_num_threads(-2**70)": "ValueError",
}  # fmt: skip


def test_hostile_calls(device: str, outcomes: Outcomes) -> None:
    found = outcomes(SETUP.format(device=device), [*CASES, UNCHANGED])
    assert {call: outcome for call, (outcome, _) in found.items()} == {**CASES, UNCHANGED: "True"}
    unclear = {call: text for call, (outcome, text) in found.items() if outcome.endswith("Error") and text[:1] != "["}
    assert unclear == {}
