"""What `test_hostile.py` does, for the composites: shares, norms, cells, attention, pooling, and their gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterable

Outcomes = Callable[[str, Iterable[str]], dict[str, tuple[str, str]]]

SETUP = """
import resource
from needle import ndarray as nd
from needle.ndarray.cells import *
from needle.ndarray.dot_attention import *
from needle.ndarray.normalization import *
from needle.ndarray.pooling import *
from needle.ndarray.softmax import *
nd.set_default_device({device!r})
resource.setrlimit(resource.RLIMIT_DATA, (6 << 30, 6 << 30))
def of(*shape): return nd.broadcast_to(nd.ones((1,) * len(shape)), shape)
def at(*shape, place=0): return nd.broadcast_to(nd.full((1,) * len(shape), place), shape)
def afar(*shape): return nd.ones(shape, device="numpy" if {device!r} == "cpu" else "cpu")
def total(x): return nd.sum(x).item()
x, scale, none, endless = nd.ones((2, 3, 4)), of(1, 1, 4), of(2, 0), of(2**45)
norm = x, None, of(2, 3, 1), None, x
q, no_keys = of(1, 1, 3, 4), of(1, 1, 0, 4)
qkv = q, of(1, 1, 5, 4), of(1, 1, 5, 4)
pool = (2,), (1,), [(0, 0)], (1,)
bits, parts = nd.ones(4, dtype=nd.bool), nd.ones(4, dtype=nd.complex64)
"""

# What is called, and what it raises; or what it gives.
CASES: dict[str, str] = {
    # shares
    "softmax(x, axis=2**62)": "IndexError",
    "softmax(x, axis=-2**63)": "IndexError",
    "softmax(x, axis=2**64)": "IndexError",
    "softmax(x, axis=(0, 1))": "TypeError",
    "softmax(x, axis=None)": "TypeError",
    "softmax(of())": "IndexError",
    "softmax(None)": "TypeError",
    "softmax(nd.arange(3))": "TypeError",
    "softmax(endless)": "MemoryError",
    "softmax(of(2**40, 2**40))": "MemoryError",
    "softmax(of(2**62, 0), axis=0).shape": "(4611686018427387904, 0)",
    "softmax(of(0, 2**62), axis=1).shape": "(0, 4611686018427387904)",
    "log_softmax(of(0, 2**62), axis=0).shape": "(0, 4611686018427387904)",
    "softmax_gradient(x, afar(2, 3, 4))": "ValueError",
    "softmax_gradient(x, of(2, 3, 5))": "ValueError",
    "softmax_gradient(x, x.astype(nd.float64))": "TypeError",
    "softmax_gradient(endless, endless)": "MemoryError",
    "log_softmax_gradient(x, None)": "TypeError",
    "log_softmax_gradient(x, afar(2, 3, 4))": "ValueError",
    "log_softmax_gradient(x, x, axis=3)": "IndexError",
    # labels
    "cross_entropy(x, at(2, 3, place=4))": "IndexError",
    "cross_entropy(x, at(2, 3, place=2**62))": "IndexError",
    "cross_entropy(x, at(2, 3, place=-5))": "IndexError",
    "cross_entropy(x, at(2, 3, place=-2**63))": "IndexError",
    "cross_entropy(x, at(2, 3, place=-4))[0].shape": "(2, 3)",
    "cross_entropy(x, at(2, 4))": "ValueError",
    "cross_entropy(x, at(2, 3).to_device(afar(1).device))": "ValueError",
    "cross_entropy(x, at(2, 3).astype(nd.uint8))": "TypeError",
    "cross_entropy(of(2, 0), at(2))": "IndexError",
    "cross_entropy(of(0, 2**62), at(0))[0].shape": "(0,)",
    "cross_entropy(of(2**62, 0), at(2**62))": "MemoryError",
    "cross_entropy(of(2**45, 1), at(2**45))": "MemoryError",
    "cross_entropy(of(0), at())": "IndexError",
    "cross_entropy_gradient(x, at(2, 3, place=4), of(2, 3), of(2, 3))": "IndexError",
    "cross_entropy_gradient(x, at(2, 3, place=-2**63), of(2, 3), of(2, 3))": "IndexError",
    "cross_entropy_gradient(x, at(2, 3), of(2, 4), of(2, 3))": "ValueError",
    "cross_entropy_gradient(x, at(2, 3), of(2, 3), of(3, 2))": "ValueError",
    "cross_entropy_gradient(x, at(2, 3), of(2, 3), afar(2, 3))": "ValueError",
    "cross_entropy_gradient(of(2, 0), at(2), of(2), of(2))": "IndexError",
    "cross_entropy_gradient(of(2**45), at(), of(), of())": "MemoryError",
    # norms
    "normalize(x, axes=2**62)": "IndexError",
    "normalize(x, axes=(0, 0))": "ValueError",
    "normalize(x, axes=-2**63)": "IndexError",
    "normalize(x, axes=()).out.shape": "(2, 3, 4)",
    "normalize(of(), axes=()).out.shape": "()",
    "normalize(nd.arange(3), axes=0)": "TypeError",
    "normalize(None, axes=0)": "TypeError",
    "normalize(x, afar(1, 1, 4), axes=2)": "ValueError",
    "normalize(x, of(2, 3, 5), axes=2)": "ValueError",
    "normalize(x, of(4), axes=2)": "ValueError",
    "normalize(x, of(0, 3, 4), axes=2)": "ValueError",
    "normalize(x, of(1, 1, 4), of(1, 3, 4), axes=2)": "ValueError",
    "normalize(x, axes=2, epsilon='a')": "TypeError",
    "normalize(x, axes=2, epsilon=10**400)": "OverflowError",
    "normalize(x, axes=2, epsilon=float('nan')).out.shape": "(2, 3, 4)",
    "normalize(x, axes=2, epsilon=-1.0).out.shape": "(2, 3, 4)",
    "normalize(endless, axes=0)": "MemoryError",
    "normalize(of(2**40, 2**40), axes=1)": "MemoryError",
    "normalize(of(2**62, 0), axes=1)": "MemoryError",
    "normalize(of(0, 2**62), axes=0)": "MemoryError",
    "normalize(of(0, 2**62), axes=1).out.shape": "(0, 4611686018427387904)",
    "normalize_gradient(x, None, of(2, 3, 1), None, x, epsilon=0.0)[0].shape": "(2, 3, 4)",
    "normalize_gradient(x, None, of(2, 3, 2), None, x, epsilon=0.0)": "ValueError",
    "normalize_gradient(x, None, of(2, 3), None, x, epsilon=0.0)": "ValueError",
    "normalize_gradient(x, None, of(2, 3, 0), None, x, epsilon=0.0)": "ValueError",
    "normalize_gradient(x, of(2, 1, 1), of(2, 3, 1), None, x, epsilon=0.0)": "ValueError",
    "normalize_gradient(x, None, of(2, 3, 1), None, afar(2, 3, 4), epsilon=0.0)": "ValueError",
    "normalize_gradient(x, afar(2, 3, 1), of(2, 3, 1), None, x, epsilon=0.0)": "ValueError",
    "normalize_gradient(x, None, afar(2, 3, 1), None, x, epsilon=0.0)": "ValueError",
    "normalize_gradient(x, None, of(2, 3, 1), None, of(2, 3, 1), epsilon=0.0)": "ValueError",
    "normalize_gradient(*norm, epsilon=0.0, parameters=(4,))": "ValueError",
    "normalize_gradient(*norm, epsilon=0.0, parameters=(1, 1, 5))": "ValueError",
    "normalize_gradient(*norm, epsilon=0.0, parameters=(1, 1, 2**62))": "ValueError",
    "normalize_gradient(*norm, epsilon=0.0, parameters=(1, 1, -4))": "ValueError",
    "normalize_gradient(*norm, epsilon=0.0, parameters=(1, 1, 0))": "ValueError",
    "normalize_gradient(*norm, epsilon=0.0, parameters=(1,) * 33)": "ValueError",
    "normalize_gradient(x, None, of(2, 3, 1), of(1, 1, 4), x, epsilon=0.0, parameters=(1, 3, 4))": "ValueError",
    "normalize_gradient(of(2, 0), None, of(2, 1), None, of(2, 0), epsilon=0.0, parameters=(1, 0))[1].shape": "(1, 0)",
    "normalize_gradient(x, None, of(2, 3, 1), scale, x, epsilon=0.0, parameters=(1, 1, 4))[1].shape": "(1, 1, 4)",
    "total(normalize_gradient(none, None, of(2, 1), None, none, epsilon=0.0, parameters=(1, 1))[1])": "0.0",
    # cells
    "lstm_cell(of(2, 12), of(2, 12), of(2, 4))": "ValueError",
    "lstm_cell(of(2, 12), of(2, 12), of(6))": "ValueError",
    "lstm_cell(of(2, 12), of(1, 12), of(2, 3))": "ValueError",
    "lstm_cell(of(2**40, 2**40), of(2**40, 2**40), of(2**40, 2**38))": "MemoryError",
    "lstm_cell(of(0, 2**40), of(0, 2**40), of(0, 2**38))[0].shape": "(2, 0, 274877906944)",
    "lstm_cell(of(3, 0), of(3, 0), of(3, 0))[0].shape": "(2, 3, 0)",
    "lstm_cell(of(2, 12), of(2, 12), afar(2, 3))": "ValueError",
    "lstm_cell(None, None, None)": "TypeError",
    "lstm_cell_gradient(of(2, 12), of(2, 3), of(2, 2, 3), of(2, 2, 4))": "ValueError",
    "lstm_cell_gradient(of(2, 12), of(2, 3), of(1, 2, 3), of(1, 2, 3))": "ValueError",
    "lstm_cell_gradient(of(2, 12), of(2, 3), of(2, 2, 3), afar(2, 2, 3))": "ValueError",
    "gru_cell(of(2, 9), of(2, 9), of(2, 4))": "ValueError",
    "gru_cell(of(2, 9), afar(2, 9), of(2, 3))": "ValueError",
    "gru_cell(of(2**40, 3 * 2**20), of(2**40, 3 * 2**20), of(2**40, 2**20))": "MemoryError",
    "gru_cell_gradient(of(2, 9), of(2, 9), of(2, 3), of(2, 9))": "ValueError",
    "gru_cell_gradient(of(2, 9), of(2, 9), of(2, 3), afar(2, 3))": "ValueError",
    # attention
    "attention(of(1, 2, 3, 4), of(1, 0, 3, 4), of(1, 0, 3, 4), factor=1.0)": "ValueError",
    "attention(of(1, 0, 3, 4), of(1, 0, 3, 4), of(1, 0, 3, 4), factor=1.0)[0].shape": "(1, 0, 3, 4)",
    "attention(of(1, 0, 3, 4), of(1, 2, 3, 4), of(1, 2, 3, 4), factor=1.0)[0].shape": "(1, 0, 3, 4)",
    "attention(of(1, 3, 3, 4), of(1, 2, 3, 4), of(1, 2, 3, 4), factor=1.0)": "ValueError",
    "attention(of(3, 4), of(3, 4), of(3, 4), factor=1.0)": "ValueError",
    "attention(of(1, 1, 3, 4), of(1, 1, 3, 5), of(1, 1, 3, 4), factor=1.0)": "ValueError",
    "attention(of(1, 1, 3, 4), of(1, 1, 5, 4), of(1, 1, 5, 0), factor=1.0)[1].shape": "(1, 1, 3)",
    "attention(of(1, 1, 0, 4), of(1, 1, 5, 4), of(1, 1, 5, 4), factor=1.0)[0].shape": "(1, 1, 0, 4)",
    "attention(*qkv, of(3, 6), factor=1.0)": "ValueError",
    "attention(*qkv, of(2, 1, 3, 5), factor=1.0)": "ValueError",
    "attention(*qkv, afar(3, 5), factor=1.0)": "ValueError",
    "attention(of(1, 1, 3, 4), of(1, 1, 5, 4), afar(1, 1, 5, 4), factor=1.0)": "ValueError",
    "attention(*qkv, factor=1.0, reach=2**63)": "OverflowError",
    "attention(*qkv, factor=10**400)": "OverflowError",
    "attention(of(1, 1, 2**60, 4), of(1, 1, 5, 4), of(1, 1, 5, 4), factor=1.0)": "MemoryError",
    "attention(of(2**40, 2**40, 1, 1), of(2**40, 2**40, 1, 1), of(2**40, 2**40, 1, 1), factor=1.0)": "MemoryError",
    "attention(of(1, 1, 3, 4), of(1, 1, 0, 4), of(1, 1, 0, 2**62), factor=1.0)": "MemoryError",
    "attention(None, None, None, factor=1.0)": "TypeError",
    "total(attention(of(1, 1, 3, 0), of(1, 1, 5, 0), of(1, 1, 5, 2), factor=1.0)[0])": "6.0",
    "total(attention(*qkv, factor=1.0, reach=2**62)[0])": "12.0",
    "total(attention(*qkv, factor=1.0, reach=2**63 - 1)[0])": "12.0",
    "total(attention(*qkv, factor=1.0, reach=-2**63)[0])": "0.0",
    "total(attention(*qkv, factor=1.0, reach=-2**62)[0])": "0.0",
    "total(attention(*qkv, factor=float('nan'))[0])": "nan",
    "total(attention(*qkv, factor=float('inf'))[0])": "nan",
    "attention_gradient(*qkv, None, of(1, 1, 3, 5), of(1, 1, 3), of(1, 1, 3, 4), factor=1.0)": "ValueError",
    "attention_gradient(*qkv, None, of(1, 1, 3, 4), of(1, 3, 3), of(1, 1, 3, 4), factor=1.0)": "ValueError",
    "attention_gradient(*qkv, None, q, of(1, 1, 3), of(1, 1, 4, 4), factor=1.0)": "ValueError",
    "attention_gradient(*qkv, None, q, of(1, 1, 3), afar(1, 1, 3, 4), factor=1.0)": "ValueError",
    "attention_gradient(*qkv, of(6, 6), of(1, 1, 3, 4), of(1, 1, 3), of(1, 1, 3, 4), factor=1.0)": "ValueError",
    "attention_gradient(*qkv, None, q, of(1, 1, 3), q, factor=1.0, reach=2**62)[0].shape": "(1, 1, 3, 4)",
    "total(attention_gradient(*qkv, None, q, of(1, 1, 3), q, factor=1.0, reach=-2**63)[2])": "0.0",
    "attention_gradient(q, no_keys, no_keys, None, q, of(1, 1, 3), q, factor=1.0)[1].shape": "(1, 1, 0, 4)",
    # pooling
    "max_pool(x, (2**62,), (1,), [(0, 0)], (1,))": "ValueError",
    "max_pool(x, (2**64,), (1,), [(0, 0)], (1,))": "ValueError",
    "max_pool(x, (2,), (2**62,), [(0, 0)], (1,)).shape": "(2, 3, 1)",
    "max_pool(x, (2,), (2**64,), [(0, 0)], (1,))": "OverflowError",
    "max_pool(x, (2,), (1,), [(2**62, 0)], (1,))": "ValueError",
    "max_pool(x, (2,), (1,), [(0, 2**62)], (1,))": "ValueError",
    "max_pool(x, (2**40,), (1,), [(2**40 - 1, 0)], (1,)).shape": "MemoryError",
    "max_pool(x, (2**62,), (1,), [(2**62 - 4, 0)], (1,)).shape": "MemoryError",
    "max_pool(x, (2**62,), (1,), [(2**62 - 4, 2**62)], (1,))": "ValueError",
    "max_pool(x, (2,), (1,), [(0, 0)], (2**62,))": "ValueError",
    "max_pool(x, (2,), (1,), [(2**62, 0)], (2**62,)).shape": "MemoryError",
    "max_pool(x, (2,), (1,), [(2**62, 0)], (2**62 + 3,)).shape": "MemoryError",
    "max_pool(x, (2,), (2**62,), [(2**62, 2**62)], (2**62,)).shape": "OverflowError",
    "max_pool(x, (0,), (1,), [(0, 0)], (1,))": "ValueError",
    "max_pool(x, (2,), (0,), [(0, 0)], (1,))": "ValueError",
    "max_pool(x, (2,), (1,), [(-1, 0)], (1,))": "ValueError",
    "max_pool(x, (2,), (1,), [(0, 0)], (-1,))": "ValueError",
    "max_pool(x, (-2**63,), (1,), [(0, 0)], (1,))": "ValueError",
    "max_pool(x, (), (), [], ())": "ValueError",
    "max_pool(x, (1,) * 4, (1,) * 4, [(0, 0)] * 4, (1,) * 4)": "ValueError",
    "max_pool(x, (2, 2), (1,), [(0, 0)], (1,))": "ValueError",
    "max_pool(of(), *pool)": "ValueError",
    "max_pool(nd.ones((2, 0)), *pool)": "ValueError",
    "max_pool(of(0, 4), *pool).shape": "(0, 3)",
    "max_pool(of(2**62, 0, 4), *pool).shape": "(4611686018427387904, 0, 3)",
    "max_pool(endless, *pool)": "MemoryError",
    "max_pool(of(2**40, 2**40), *pool)": "MemoryError",
    "max_pool(bits, *pool).tolist()": "[True, True, True]",
    "max_pool(bits, (2,), (1,), [(1, 0)], (1,)).tolist()": "[True, True, True, True]",
    "max_pool(parts, *pool)": "TypeError",
    "max_pool(None, *pool)": "TypeError",
    "max_pool(x, (2.5,), (1,), [(0, 0)], (1,))": "TypeError",
    "max_pool(x, (2,), (1,), [(0.5, 0)], (1,))": "TypeError",
    "max_pool_places(parts, *pool)": "TypeError",
    "max_pool_places(x, (2,), (1,), [(0, 2**62)], (1,))": "ValueError",
    "max_pool_places(of(2**62, 0, 4), *pool).shape": "(4611686018427387904, 0, 3)",
    "max_pool_places(endless, *pool)": "MemoryError",
    "max_pool_gradient(x, x, *pool)": "ValueError",
    "max_pool_gradient(of(2, 3, 3), afar(2, 3, 4), *pool)": "ValueError",
    "max_pool_gradient(of(2, 3, 3), None, *pool)": "TypeError",
    "max_pool_gradient(of(2, 3, 3).astype(nd.complex64), x, *pool)": "TypeError",
    "max_pool_gradient(of(2**45 - 1), endless, *pool)": "MemoryError",
}  # fmt: skip


def test_hostile_calls_of_composites(device: str, outcomes: Outcomes) -> None:
    found = outcomes(SETUP.format(device=device), CASES)
    assert {call: outcome for call, (outcome, _) in found.items()} == CASES
    unclear = {call: text for call, (outcome, text) in found.items() if outcome.endswith("Error") and text[:1] != "["}
    assert unclear == {}
