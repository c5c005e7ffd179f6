"""The general convolution, against its definition in NumPy loops, and its own transposes."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from needle import ndarray as nd

Array = np.ndarray[Any, np.dtype[np.float64]]
Pairs = list[tuple[int, int]]


def counted(*shape: int, modulus: int) -> Array:
    return (np.arange(np.prod(shape)) % modulus).astype(float).reshape(shape)


def reference(
    x: Array, w: Array, stride: list[int], padding: Pairs, dilation_in: list[int], dilation: list[int]
) -> Array:
    """The definition: one sum for each place of the kernel, elements outside x being 0."""
    n = x.ndim - 3
    sizes = [
        (low + high + (s - 1) * d_in + 1 - d * (k - 1) - 1) // step + 1
        for s, k, step, (low, high), d_in, d in zip(
            x.shape[3:], w.shape[3:], stride, padding, dilation_in, dilation, strict=True
        )
    ]
    out = np.zeros((*x.shape[:2], w.shape[1], *sizes))
    for place in itertools.product(*map(range, sizes)):
        for k in itertools.product(*map(range, w.shape[3:])):
            spots = [place[i] * stride[i] + k[i] * dilation[i] - padding[i][0] for i in range(n)]
            if any(spot % d for spot, d in zip(spots, dilation_in, strict=True)):
                continue
            source = [spot // d for spot, d in zip(spots, dilation_in, strict=True)]
            if all(0 <= spot < extent for spot, extent in zip(source, x.shape[3:], strict=True)):
                taken, kernel = x[(..., *source)], w[(..., *k)]
                out[(..., *place)] += np.einsum("gnc,goc->gno", taken, kernel)
    return out


@given(data=st.data(), n=st.integers(1, 3))
def test_against_the_definition(device: str, data: st.DataObject, n: int) -> None:
    def draw(low: int, high: int) -> list[int]:
        return [data.draw(st.integers(low, high)) for _ in range(n)]

    groups, batch, channels, features = (data.draw(st.integers(1, 3)) for _ in range(4))
    spatial, kernel, stride, dilation_in, dilation = draw(1, 6), draw(1, 3), draw(1, 3), draw(1, 3), draw(1, 2)
    padding = list(zip(draw(-1, 3), draw(-1, 3), strict=True))
    x = counted(groups, batch, channels, *spatial, modulus=7)
    w = counted(groups, features, channels, *kernel, modulus=5)
    arguments = (stride, padding, dilation_in, dilation)
    a, b = nd.asarray(x, device=device), nd.asarray(w, device=device)
    fits = all(
        low + high + (s - 1) * d_in + 1 >= d * (k - 1) + 1
        for s, k, (low, high), d_in, d in zip(spatial, kernel, padding, dilation_in, dilation, strict=True)
    )
    if not fits:
        with pytest.raises(ValueError, match=r"\[conv\] the kernel is empty, or larger than the padded input; got"):
            nd.conv(a, b, *arguments)
        return
    result = nd.conv(a, b, *arguments)
    np.testing.assert_array_equal(result.numpy(), reference(x, w, *arguments), strict=True)
    assert result.is_contiguous


def test_strided_operands_and_the_usual_case(device: str, rng: np.random.Generator) -> None:
    x, w = rng.integers(-3, 4, (1, 8, 6, 7, 5)).astype(float), rng.integers(-3, 4, (1, 3, 6, 3, 2)).astype(float)
    a = nd.asarray(x.transpose(4, 3, 2, 1, 0).copy(), device=device).permute_dims(4, 3, 2, 1, 0)
    b = nd.asarray(w[..., ::-1].copy(), device=device)[..., ::-1]
    arguments = ([1, 1], [(1, 1), (1, 1)], [1, 1], [1, 1])
    np.testing.assert_array_equal(nd.conv(a, b, *arguments).numpy(), reference(x, w, *arguments), strict=True)
    result = nd.conv(a.astype(nd.float32), b.astype(nd.float16), *arguments)
    np.testing.assert_array_equal(result.numpy(), reference(x, w, *arguments).astype(np.float32), strict=True)


def test_the_input_gradient_is_a_convolution(device: str, rng: np.random.Generator) -> None:
    """<conv(x, w), y> = <x, conv'(y, w)>, with stride and dilation of the input changing places."""
    x, w = rng.standard_normal((1, 2, 3, 9)), rng.standard_normal((1, 4, 3, 3))
    stride, dilation, low, high = 2, 2, 1, 2
    a, b = nd.asarray(x, device=device), nd.asarray(w, device=device)
    out = nd.conv(a, b, [stride], [(low, high)], [1], [dilation])
    y = nd.asarray(rng.standard_normal(out.shape), device=device)
    reach = dilation * 2
    rest = (low + high + 9 - reach - 1) % stride
    turned = nd.flip(b, axis=3).permute_dims(0, 2, 1, 3)
    back = nd.conv(y, turned, [1], [(reach - low, reach - high + rest)], [stride], [dilation])
    assert back.shape == a.shape
    np.testing.assert_allclose(nd.sum(out * y).item(), nd.sum(a * back).item(), rtol=1e-12)


# x, w, and for each spatial axis stride, (low, high), dilation_in, dilation: sizes at which the cpu goes other ways.
SAME = (1, (1, 1), 1, 1)
PATHS: dict[str, tuple[tuple[int, ...], tuple[int, ...], list[tuple[int, tuple[int, int], int, int]]]] = {
    "windows of several samples": ((1, 5, 40, 7, 7), (1, 30, 40, 3, 3), [SAME, SAME]),
    "windows of one sample": ((2, 2, 9, 16, 16), (2, 15, 9, 5, 3), [(1, (2, 2), 1, 1), SAME]),
    "3 x 3 in steps of one": ((1, 3, 33, 15, 34), (1, 40, 33, 3, 3), [(1, (1, 0), 1, 1), SAME]),
    "3 x 3 of slices": ((1, 1, 32, 4, 13, 12), (1, 32, 32, 1, 3, 3), [(2, (1, 1), 1, 1), SAME, SAME]),
    "one tap": ((1, 3, 50, 9, 11), (1, 60, 50, 1, 1), [(1, (0, 0), 1, 1)] * 2),
    "one tap in steps of two": ((1, 3, 50, 9, 11), (1, 60, 50, 1, 1), [(2, (0, 0), 1, 1)] * 2),
    "depthwise": ((70, 2, 1, 13, 40), (70, 1, 1, 3, 3), [SAME, SAME]),
    "depthwise, dilated input": ((20, 2, 1, 9, 19), (20, 1, 1, 3, 3), [(1, (1, 2), 2, 1)] * 2),
    "depthwise kernels' gradient": ((19, 1, 5, 13, 40), (19, 1, 5, 13, 40), [SAME, SAME]),
    "depthwise kernels' gradient, two apart": ((9, 2, 3, 21, 41), (9, 1, 3, 10, 21), [(1, (1, 1), 1, 2)] * 2),
    "few features, many taps": ((1, 2, 64, 9, 20), (1, 3, 64, 3, 3), [SAME, (2, (1, 1), 1, 1)]),
    "taps that follow each other": ((1, 9, 4, 32, 30), (1, 20, 4, 30, 28), [SAME, SAME]),
    "taps two apart": ((1, 9, 4, 31, 40), (1, 20, 4, 15, 19), [(1, (1, 0), 1, 2)] * 2),
    "some channels at a time": ((1, 4, 5, 200, 260), (1, 4, 5, 198, 258), [(1, (0, 0), 1, 1)] * 2),
    "dilated input": ((1, 2, 20, 9, 9), (1, 30, 20, 3, 3), [(1, (1, 2), 2, 1)] * 2),
    "a long line": ((1, 2, 8, 3000), (1, 16, 8, 9), [(1, (4, 4), 1, 1)]),
    "solid": ((1, 2, 6, 9, 10, 17), (1, 20, 6, 3, 3, 3), [SAME] * 3),
}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16", "int32"])
def test_whole_numbers_are_exact(device: str, rng: np.random.Generator, path: str, dtype: str) -> None:
    x_shape, w_shape, axes = PATHS[path]
    x, w = (rng.integers(-1, 2, shape).astype(np.float32) for shape in (x_shape, w_shape))
    arguments = tuple(map(list, zip(*axes, strict=True)))
    a, b = (nd.asarray(z, device=device).astype(getattr(nd, dtype)) for z in (x, w))
    result = nd.conv(a, b, *arguments)
    want = nd.conv(nd.asarray(x, device="numpy"), nd.asarray(w, device="numpy"), *arguments)
    np.testing.assert_array_equal(
        result.astype(nd.float32).numpy(), want.astype(result.dtype).astype(nd.float32).numpy()
    )


@pytest.mark.parametrize("path", PATHS)
def test_the_same_bits_for_any_number_of_threads(rng: np.random.Generator, path: str) -> None:
    x_shape, w_shape, axes = PATHS[path]
    x, w = (nd.asarray(rng.standard_normal(shape).astype(np.float32), device="cpu") for shape in (x_shape, w_shape))
    arguments = tuple(map(list, zip(*axes, strict=True)))
    before = nd.get_num_threads()
    results: list[bytes] = []
    try:
        for threads in (1, 2, 3, 8):
            nd.set_num_threads(threads)
            results.append(nd.conv(x, w, *arguments).numpy().tobytes())
    finally:
        nd.set_num_threads(before)
    assert len(set(results)) == 1


# Samples, channels, size, features, kernel, stride, groups.
FORMS = [
    (8, 3, 32, 64, 3, 1, 1),
    (8, 64, 32, 128, 3, 1, 1),
    (8, 256, 16, 256, 3, 1, 1),
    (8, 256, 16, 256, 1, 1, 1),
    (8, 64, 32, 128, 3, 2, 1),
    (8, 128, 32, 128, 3, 1, 4),
    (8, 128, 32, 128, 3, 1, 128),
    (2, 3, 128, 64, 7, 2, 1),
    (8, 32, 14, 64, 5, 1, 1),
]


@pytest.mark.parametrize("form", FORMS)
def test_working_memory_is_small(rng: np.random.Generator, form: tuple[int, ...]) -> None:
    """Forward and in both gradients: at most 4 MB a thread."""
    n, channels, size, features, k, stride, groups = form
    pad, out = k // 2, (size - 1) // stride + 1

    def draw(*shape: int) -> nd.NDArray:
        return nd.asarray(rng.standard_normal(shape).astype(np.float32), device="cpu")

    x = draw(n, groups, channels // groups, size, size).permute_dims(1, 0, 2, 3, 4)
    w = draw(groups, features // groups, channels // groups, k, k)
    ct = draw(n, groups, features // groups, out, out).permute_dims(1, 0, 2, 3, 4)
    turned = nd.flip(w, axis=(3, 4)).permute_dims(0, 2, 1, 3, 4)
    reach, rest = k - 1 - pad, size - 1 - (out - 1) * stride
    back = [(reach, pad + rest)] * 2
    seen = [(pad, (out - 1) * stride + k - pad - size)] * 2
    swapped = x.permute_dims(0, 2, 1, 3, 4), ct.permute_dims(0, 2, 1, 3, 4)
    before = nd.get_num_threads()
    try:
        nd.set_num_threads(2)
        for a, b, arguments in (
            (x, w, ([stride] * 2, [(pad, pad)] * 2, [1] * 2, [1] * 2)),
            (ct, turned, ([1] * 2, back, [stride] * 2, [1] * 2)),
            (*swapped, ([1] * 2, seen, [1] * 2, [stride] * 2)),
        ):
            nd.reset_peak_memory_stats("cpu")
            live = nd.memory_stats("cpu")["live"]
            result = nd.conv(a, b, *arguments)
            assert nd.memory_stats("cpu")["peak"] - live - result.nbytes < 2 * (4 << 20)
    finally:
        nd.set_num_threads(before)


def test_not_a_number_stays_in_its_windows(device: str) -> None:
    """Also where 3 x 3 kernels are multiplied for several windows together."""
    x, w = np.ones((1, 1, 32, 24, 24), np.float32), nd.ones((1, 32, 32, 3, 3), device=device)
    x[0, 0, 3, 5, 6], x[0, 0, 4, 15, 15] = np.nan, np.inf
    result = nd.conv(nd.asarray(x, device=device), w, [1, 1], [(0, 0), (0, 0)], [1, 1], [1, 1]).numpy()
    want = np.full((22, 22), 288.0)
    want[3:6, 4:7], want[13:16, 13:16] = np.nan, np.inf
    np.testing.assert_array_equal(result[0, 0], np.broadcast_to(want, (32, 22, 22)))


def test_products_of_many_channels_are_accurate(device: str, rng: np.random.Generator) -> None:
    x, w = (rng.standard_normal(s).astype(np.float32) for s in ((1, 2, 64, 20, 20), (1, 64, 64, 3, 3)))
    arguments = ([1, 1], [(1, 1), (1, 1)], [1, 1], [1, 1])
    got = nd.conv(nd.asarray(x, device=device), nd.asarray(w, device=device), *arguments).numpy()
    want = nd.conv(nd.asarray(x.astype(float), device="numpy"), nd.asarray(w.astype(float), device="numpy"), *arguments)
    assert np.abs(got - want.numpy()).max() < 1e-6 * 576**0.5 * 4


def test_no_batch_and_no_channels(device: str) -> None:
    arguments = ([1], [(0, 0)], [1], [1])
    no_batch = nd.conv(nd.ones((1, 0, 2, 5), device=device), nd.ones((1, 3, 2, 2), device=device), *arguments)
    assert no_batch.shape == (1, 0, 3, 4)
    empty_sum = nd.conv(nd.ones((1, 1, 0, 3), device=device), nd.ones((1, 2, 0, 2), device=device), *arguments)
    assert empty_sum.tolist() == [[[[0, 0], [0, 0]]]]


ONE = ([1], [(0, 0)], [1], [1])


@pytest.mark.parametrize(
    ("x_shape", "w_shape", "arguments", "text"),
    [
        ((1, 2, 3), (1, 2, 3), ([], [], [], []), r"ranks do not fit; got x \(1, 2, 3\) and w .*; expected x \(G, N, C"),
        ((1, 2, 3, 4), (1, 2, 3, 4, 5), ONE, r"ranks do not fit; got x \(1, 2, 3, 4\) and w \(1, 2, 3, 4, 5\)"),
        ((1, 2, 3, 8), (1, 2, 4, 3), ONE, r"x and w differ in G or C, their axes 0 and 2; got x \(1, 2, 3, 8\) and"),
        ((2, 2, 3, 8), (1, 2, 3, 3), ONE, r"x and w differ in G or C"),
        ((1, 2, 3, 8), (1, 2, 3, 3), ([1, 1], *ONE[1:]), r"stride does not fit the 1 spatial axes; got \[1, 1\]"),
        ((1, 2, 3, 8), (1, 2, 3, 3), ([1], [], [1], [1]), r"padding does not fit the 1 spatial axes; got \[\]"),
        ((1, 2, 3, 8), (1, 2, 3, 3), ([0], *ONE[1:]), r"stride is not positive; got \[0\]"),
        ((1, 2, 3, 8), (1, 2, 3, 3), (*ONE[:3], [-1]), r"dilation is not positive; got \[-1\]"),
        ((1, 2, 3, 8), (1, 2, 3, 0), ONE, r"the kernel is empty, or larger than the padded input"),
        ((1, 2, 3, 8), (1, 2, 3, 9), ONE, r".*which span \(9,\) and \(8,\) once dilated and padded"),
    ],
)
def test_wrong_arguments(
    device: str, x_shape: tuple[int, ...], w_shape: tuple[int, ...], arguments: Any, text: str
) -> None:
    with pytest.raises(ValueError, match=r"\[conv\] " + text):
        nd.conv(nd.zeros(x_shape, device=device), nd.zeros(w_shape, device=device), *arguments)
