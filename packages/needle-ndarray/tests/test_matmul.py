"""The matrix product, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from needle import ndarray as nd

SHAPES = [
    ((3,), (3,)),
    ((3,), (3, 4)),
    ((2, 3), (3,)),
    ((2, 3), (3, 4)),
    ((1, 1), (1, 1)),
    ((37, 70), (70, 41)),
    ((5, 2, 3), (3, 4)),
    ((2, 3), (5, 3, 4)),
    ((5, 1, 2, 3), (6, 3, 4)),
    ((3,), (5, 3, 4)),
    ((5, 2, 3), (3,)),
    ((0, 3), (3, 4)),
    ((2, 0), (0, 4)),
    ((0, 2, 3), (3, 4)),
]


@pytest.mark.parametrize(("a_shape", "b_shape"), SHAPES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32])
def test_shapes(
    device: str, a_shape: tuple[int, ...], b_shape: tuple[int, ...], dtype: type, rng: np.random.Generator
) -> None:
    a, b = (rng.integers(-4, 5, shape).astype(dtype) for shape in (a_shape, b_shape))
    x, y = nd.asarray(a, device=device), nd.asarray(b, device=device)
    np.testing.assert_array_equal(nd.matmul(x, y).numpy(), np.asarray(a @ b), strict=True)
    np.testing.assert_array_equal((x @ y).numpy(), np.asarray(a @ b), strict=True)


def test_strided_operands(device: str, rng: np.random.Generator) -> None:
    a, b = rng.integers(-4, 5, (6, 20, 30)).astype(np.float32), rng.integers(-4, 5, (6, 20, 30)).astype(np.float32)
    x, y = nd.asarray(a, device=device), nd.asarray(b, device=device)
    np.testing.assert_array_equal((x @ y.mT).numpy(), a @ b.swapaxes(1, 2), strict=True)
    np.testing.assert_array_equal((x.mT @ y).numpy(), a.swapaxes(1, 2) @ b, strict=True)
    column = b[1::2].swapaxes(1, 2)[:, :, :1]
    np.testing.assert_array_equal((x[::2, ::-3] @ y[1::2].mT[:, :, :1]).numpy(), a[::2, ::-3] @ column, strict=True)
    np.testing.assert_array_equal((x[:, :, ::2] @ y[:, :15]).numpy(), a[:, :, ::2] @ b[:, :15], strict=True)


def test_large_operands_without_contiguous_rows(device: str, rng: np.random.Generator) -> None:
    a, b = rng.integers(-4, 5, (4, 120, 130)).astype(np.float32), rng.integers(-4, 5, (130, 141)).astype(np.float32)
    x, y = nd.asarray(a, device=device), nd.asarray(b, device=device)
    expected = a[:, ::2, ::-2] @ b[::2, ::2]
    np.testing.assert_array_equal((x[:, ::2, ::-2] @ y[::2, ::2]).numpy(), expected, strict=True)
    repeated = nd.broadcast_to(y[::2, ::2], (4, 65, 71))
    np.testing.assert_array_equal((x[:, ::2, ::-2] @ repeated).numpy(), expected, strict=True)
    np.testing.assert_array_equal((repeated.mT @ x[:, ::2, ::-2].mT).mT.numpy(), expected, strict=True)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int8, np.complex64])
@pytest.mark.parametrize("batch", [(), (2,)])
def test_few_sums_of_many_products(device: str, dtype: type, batch: tuple[int, ...], rng: np.random.Generator) -> None:
    a, b = (rng.integers(-2, 3, (*batch, *shape)).astype(dtype) for shape in ((9, 9001), (9001, 20)))
    if dtype is np.complex64:
        a, b = a * dtype(1 - 2j), b * dtype(2 + 1j)
    x, y = nd.asarray(a, device=device), nd.asarray(b, device=device)
    np.testing.assert_array_equal((x @ y).numpy(), a @ b, strict=True)
    if dtype is np.int8:
        wide = nd.matmul(x, y, dtype=nd.int32).numpy()
        np.testing.assert_array_equal(wide, a.astype(np.int32) @ b.astype(np.int32), strict=True)


@pytest.mark.parametrize("columns", [256, 70])
def test_complex_layouts(device: str, columns: int, rng: np.random.Generator) -> None:
    a, b = (rng.integers(-4, 5, (66, columns, 2)).astype(np.float32).view(np.complex64)[..., 0] for _ in range(2))
    x, y = nd.asarray(a, device=device), nd.asarray(b, device=device)
    np.testing.assert_array_equal((x @ y.mT).numpy(), a @ b.T, strict=True)
    np.testing.assert_array_equal((x.mT @ y).numpy(), a.T @ b, strict=True)
    np.testing.assert_array_equal((x[::3, ::2] @ y.mT[::2]).numpy(), a[::3, ::2] @ b.T[::2], strict=True)


@pytest.mark.parametrize("dtype", [nd.float16, nd.bfloat16], ids=str)
def test_halves_are_accumulated_in_float32(device: str, dtype: nd.DType) -> None:
    x, y = nd.ones((2, 4096), dtype, device), nd.ones((4096, 3), dtype, device)
    result = x @ y
    assert result.dtype is dtype
    assert result.tolist() == [[4096.0] * 3] * 2


def test_dtypes_promote(device: str) -> None:
    x, y = nd.ones((2, 2), nd.int64, device), nd.ones((2, 2), nd.float16, device)
    assert (x @ y).dtype is nd.float16
    assert (nd.ones((2, 2), nd.bool, device) @ x).tolist() == [[2, 2], [2, 2]]


def test_wrong_operands(device: str) -> None:
    x = nd.zeros((2, 3), device=device)
    with pytest.raises(ValueError, match=r"\[matmul\] the inner extents differ; got \(2, 3\) @ \(2, 3\); expected"):
        _ = x @ x
    with pytest.raises(ValueError, match=r"\[matmul\] the inner extents differ; got \(2, 3\) @ \(2,\)"):
        _ = x @ x[:, 0]
    with pytest.raises(ValueError, match=r"\[matmul\] an operand has no dimensions; got \(\) @ \(2, 3\); .*; hint:"):
        _ = x[0, 0] @ x
    with pytest.raises(ValueError, match=r"\[matmul\] shapes do not broadcast; got \(2,\) and \(3,\)"):
        _ = nd.zeros((2, 2, 2), device=device) @ nd.zeros((3, 2, 2), device=device)
    with pytest.raises(TypeError, match=r"\[matmul\] operands are not numbers; got bool"):
        _ = nd.ones((2, 2), nd.bool, device) @ nd.ones((2, 2), nd.bool, device)
    with pytest.raises(TypeError, match=r"\[matmul\] not an array; got int; expected NDArray"):
        nd.matmul(x, 2)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="unsupported operand"):
        x @ 2  # type: ignore[operator]


@pytest.mark.parametrize(
    ("dtype", "wide"),
    [("int8", "int32"), ("float16", "float32"), ("bfloat16", "float32"), ("uint8", "int64"), ("float32", "float64")],
)
def test_a_wider_dtype(device: str, dtype: str, wide: str) -> None:
    x = nd.full((2, 3, 70), 100, getattr(nd, dtype), device=device)
    product = nd.matmul(x, x.mT, dtype=getattr(nd, wide))
    assert product.dtype.name == wide
    assert product.tolist() == [[[700_000] * 3] * 3] * 2
    assert nd.matmul(x[0, 0], x[0, 0], dtype=getattr(nd, wide)).item() == 700_000
    assert nd.matmul(x[:, :0], x.mT, dtype=getattr(nd, wide)).shape == (2, 0, 3)


def test_operands_of_two_dtypes_meet_before_they_are_widened(device: str) -> None:
    x, y = nd.ones((2, 2), dtype=nd.int8, device=device), nd.ones((2, 2), dtype=nd.uint8, device=device)
    assert nd.matmul(x, y, dtype=nd.int64).dtype == nd.int64
    with pytest.raises(
        TypeError,
        match=r"\[matmul\] the dtype asked for does not hold the product's; got int8; expected int16 or a wider one",
    ):
        nd.matmul(x, y, dtype=nd.int8)


@pytest.mark.parametrize(
    ("m", "k", "n"), [(32, 784, 100), (784, 32, 100), (17, 5000, 37), (33, 300, 512), (32, 100, 10), (3, 700, 65)]
)
def test_products_of_small_batches(device: str, m: int, k: int, n: int, rng: np.random.Generator) -> None:
    a, b = rng.integers(-4, 5, (m, k)).astype(np.float32), rng.integers(-4, 5, (k, n)).astype(np.float32)
    x, y = nd.asarray(a, device=device), nd.asarray(b, device=device)
    columns = nd.asarray(np.ascontiguousarray(a.T), device=device).mT
    wide = nd.asarray(np.concatenate([b, b], 1), device=device)[:, n:]  # rows apart, and not from the start of a line
    for left in (x, columns):
        for right in (y, wide, nd.asarray(np.ascontiguousarray(b.T), device=device).mT):
            np.testing.assert_array_equal((left @ right).numpy(), a @ b, strict=True)


def test_products_of_small_batches_are_the_same_for_any_number_of_threads(rng: np.random.Generator) -> None:
    threads = nd.get_num_threads()
    x = nd.asarray(rng.standard_normal((32, 784)).astype(np.float32), device="cpu")
    y = nd.asarray(rng.standard_normal((784, 100)).astype(np.float32), device="cpu")
    z = nd.asarray(rng.standard_normal((32, 100)).astype(np.float32), device="cpu")
    try:
        results: list[list[bytes]] = []
        for count in (1, 2, 3, 8):
            nd.set_num_threads(count)
            results.append([product.numpy().tobytes() for product in (x @ y, x.mT @ z)])
    finally:
        nd.set_num_threads(threads)
    assert results[1:] == results[:1] * 3
