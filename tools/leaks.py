"""Calls of every kind, over and over: arrays that stay alive, or memory that keeps growing, is a leak.

`./dev leaks` makes 10,000 of each. tests/test_leaks.py makes fewer, and counts buffers alone.
"""

from __future__ import annotations

import gc
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import needle.autograd as ad
import needle.ndarray as nd
from needle.ndarray._core import binary, live_buffers, unary

DEVICES = ("cpu", "numpy")
ROUNDS = 10_000
ALLOWED = 100  # bytes that a call may seem to leave: less than any Python object or buffer and its record


def calls(device: str) -> Iterator[tuple[str, Callable[[], object]]]:
    """Yield each kind of call by name, ready to be made on a device."""
    nd.set_default_device(device)
    x, y = nd.ones((3, 4)), nd.full((4, 3), 2.0)
    whole, mask = nd.asarray([[1, 2], [3, 4]]), nd.asarray([True, False])
    places = nd.zeros((3, 1), dtype=nd.int64)
    bytes_ = whole.astype(nd.int8)
    generator = nd.random.Generator(1)
    other = DEVICES[device == DEVICES[0]]
    folder = tempfile.TemporaryDirectory()
    path = Path(folder.name) / "x.safetensors"
    weights = ad.tensor(x, requires_grad=True)

    def every(functions: Mapping[str, Callable[..., object]], arity: int) -> None:
        for function in functions.values():
            with suppress(TypeError):
                function(*(x,) * arity)
            with suppress(TypeError):
                function(*(whole,) * arity)

    def raised(*errors: type[Exception]) -> Callable[[Callable[[], object]], Callable[[], object]]:
        def wrap(call: Callable[[], object]) -> Callable[[], object]:
            def wrapped() -> None:
                with suppress(*errors):
                    call()
                    raise AssertionError("no error")

            return wrapped

        return wrap

    def write() -> None:
        y[0], y[1:, ::2], y[..., 0] = 1.0, 2.0, x[0]

    def in_place() -> None:
        z = x + 0
        z += 1
        z *= x
        nd.exp(z, out=z)

    def watched() -> None:
        z = x + 0
        for _ in range(20):  # more than are remembered
            version = z.watch()
            z += 1
            z.writer(version)

    def backward() -> None:
        ad.tanh(weights @ ad.tensor(y)).sum().backward()
        weights.grad = None

    def fused() -> None:
        q = ad.reshape(weights, (1, 1, 3, 4))
        seen = ad.attention(q, q, q, None, 0.5)
        (ad.normalize(seen, None, None, -1).sum() + ad.cross_entropy(weights, places[:, 0]).sum()).backward()
        weights.grad = None

    def files() -> None:
        nd.save_safetensors(path, {"x": x, "m": mask}, {"k": "v"})
        nd.load_safetensors(path)

    yield "unary", lambda: every(unary, 1)
    yield "binary", lambda: every(binary, 2)
    yield "numbers", lambda: (x + 1, 2 - x, x == 1, whole // 2, -x, abs(x))
    yield "where", lambda: nd.where(x > 0, x, 0.0)
    yield "creation", lambda: (nd.zeros(3), nd.arange(5), nd.eye(2), nd.full_like(x, 2), nd.asarray([[1, 2], [3, 4]]))
    yield "views", lambda: (x.T, x[1:, None, ::2], x.reshape(2, 6), nd.flip(x), nd.broadcast_to(x, (2, 3, 4)))
    yield "windows", lambda: nd.windows(x, (2,), (1,), (1,))
    yield "copies", lambda: (x.copy(), x.T.contiguous(), x.astype(nd.float16), nd.concat([x, x]), nd.stack([x, x]))
    yield "reductions", lambda: (nd.sum(x), nd.max(x, axis=0), nd.mean(x, axis=1), nd.argmin(x), nd.all(mask))
    yield "scans", lambda: (nd.cumulative_sum(x, axis=0), nd.cumulative_prod(whole, axis=1))
    yield "sorting", lambda: (nd.sort(x), nd.argsort(x, axis=0, descending=True))
    yield "matmul", lambda: (x @ y, nd.matmul(whole, whole))
    yield "conv", lambda: nd.conv(nd.ones((1, 1, 1, 5)), nd.ones((1, 1, 1, 2)), (1,), [(1, 1)], (1,), (1,))
    yield "wide matmul", lambda: nd.matmul(bytes_, bytes_, dtype=nd.int32)
    yield "pooling", lambda: nd.max_pool(x, (2,), (1,), [(0, 1)], (1,))
    yield "means", lambda: nd.avg_pool(x, (2,), (1,), [(0, 1)], (1,))
    yield "rows", lambda: (nd.softmax(x), nd.log_softmax(x, axis=0), nd.topk(x, 2))
    yield "fused", fused
    yield "indices", lambda: (nd.take(x, whole[0], axis=0), nd.take_along_axis(x, places, axis=1))
    yield "scatter", lambda: nd.scatter(x, places, nd.ones((3, 1)), axis=1, op="add")
    yield "random", lambda: (generator.uniform(5), generator.permutation(4), generator.bernoulli(0.5, 3))
    yield "host", lambda: (x.tolist(), x.to_bytes(), x.numpy(), repr(x), float(x[0, 0]), list(x))
    yield "devices", lambda: x.to_device(other).to_device(device)
    yield "writing", write
    yield "in place", in_place
    yield "watched", watched
    yield "wrong arguments", raised(TypeError)(lambda: nd.add(x))  # pyright: ignore[reportCallIssue, reportUnknownLambdaType]
    yield "wrong shapes", raised(ValueError)(lambda: x + nd.ones(5))
    yield "wrong dtypes", raised(TypeError)(lambda: nd.bitwise_and(x, x))
    yield "wrong types", raised(TypeError)(lambda: nd.exp("x"))  # pyright: ignore[reportArgumentType]
    yield "wrong axes", raised(IndexError)(lambda: nd.sum(x, axis=9))
    yield "wrong indices", raised(IndexError)(lambda: nd.take(x, whole, axis=0))
    yield "too large", raised(MemoryError)(lambda: nd.empty(2**60))
    yield "backward", backward
    yield "files", files
    folder.cleanup()


def resident() -> int:
    """Return this process's resident memory in bytes, of what the system tells."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def left(call: Callable[[], object], rounds: int) -> tuple[int, float]:
    """Return the buffers, and the bytes for each round, that are there after so many rounds and were not before."""
    gc.collect()
    buffers, memory = live_buffers(), resident()
    for _ in range(rounds):
        call()
    gc.collect()
    return live_buffers() - buffers, (resident() - memory) / rounds


def main() -> int:
    """Print what each call leaves, and return 1 if it is too much."""
    leaks = 0
    for device in DEVICES:
        for name, call in calls(device):
            left(call, ROUNDS // 10)  # what is made once and kept
            # A heap may grow now and then; a leak grows each time.
            buffers, memory = min(left(call, ROUNDS), left(call, ROUNDS))
            leaks += buffers > 0 or memory > ALLOWED
            print(f"{device:6} {name:14} {buffers:3} buffers {memory:8.1f} bytes a round", flush=True)
    print(f"{leaks} leaks")
    return int(leaks > 0)


if __name__ == "__main__":
    sys.exit(main())
