"""Layers and functions against NumPy, and what they refuse."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest

import needle.autograd as ad
import needle.ndarray as nd
from needle import nn
from needle.nn import functional as F


def tensor(values: Any, device: str) -> ad.Tensor:
    return ad.tensor(np.asarray(values, np.float32), device=device, requires_grad=True)


def padded_windows(
    x: np.ndarray, kernel: tuple[int, int], stride: tuple[int, int], pad: tuple[int, int], dilation: tuple[int, int],
    value: float = 0.0,
) -> np.ndarray:  # fmt: skip
    """(N, C, H, W) -> (N, C, H', W', KH, KW), written from the definition."""
    x = np.pad(x, ((0, 0), (0, 0), (pad[0],) * 2, (pad[1],) * 2), constant_values=value)
    reach = [d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True)]
    view = np.lib.stride_tricks.sliding_window_view(x, reach, (2, 3))
    return view[:, :, :: stride[0], :: stride[1], :: dilation[0], :: dilation[1]]


CONVS: list[dict[str, Any]] = [
    {},
    {"stride": 2, "padding": 1},
    {"stride": (1, 2), "padding": (2, 0), "dilation": (2, 1)},
    {"groups": 2},
    {"groups": 4, "padding": "same"},
    {"padding": "same", "dilation": 2},
    {"padding": "valid", "bias": False},
]


@pytest.mark.parametrize("settings", CONVS)
def test_conv2d(device: str, rng: np.random.Generator, settings: dict[str, Any]):
    layer = nn.Conv2d(4, 8, (3, 2) if settings.get("padding") != "same" else 3, **settings, device=device)
    x = rng.standard_normal((2, 4, 7, 6)).astype(np.float32)
    kernel, groups = layer.kernel_size, layer.groups
    if layer.padding == "same":
        pad = (layer.dilation[0], layer.dilation[1])  # a kernel of 3 reaches that far
    else:
        pad = (0, 0) if isinstance(layer.padding, str) else layer.padding
    seen = padded_windows(x, kernel, layer.stride, pad, layer.dilation)
    n, _, rows, columns = seen.shape[:4]
    seen = seen.reshape(n, groups, 4 // groups, rows, columns, *kernel)
    weight = layer.weight.numpy().reshape(groups, 8 // groups, 4 // groups, *kernel)
    expected = np.einsum("ngchwij,gocij->ngohw", seen, weight).reshape(n, 8, rows, columns)
    if layer.bias is not None:
        expected += layer.bias.numpy()[:, None, None]
    out = layer(tensor(x, device))
    assert out.dtype is nd.float32
    np.testing.assert_allclose(out.numpy(), expected, rtol=1e-4, atol=1e-5)


def test_conv2d_gradients(device: str, rng: np.random.Generator):
    layer = nn.Conv2d(2, 4, 3, stride=2, padding=1, groups=2, device=device)
    x = tensor(rng.standard_normal((2, 2, 5, 5)), device)
    layer(x).sum().backward()
    windows = padded_windows(x.numpy(), (3, 3), (2, 2), (1, 1), (1, 1))
    by_group = windows.sum((0, 2, 3))  # the derivative by an element of a kernel: all that it was multiplied with
    assert layer.weight.grad is not None
    assert layer.bias is not None
    assert layer.bias.grad is not None
    np.testing.assert_allclose(layer.weight.grad.numpy(), np.repeat(by_group, 2, 0)[:, None], rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(layer.bias.grad.numpy(), np.full(4, 2 * 3 * 3))


def test_linear(device: str, rng: np.random.Generator):
    layer = nn.Linear(5, 3, device=device)
    x = rng.standard_normal((2, 4, 5)).astype(np.float32)
    out = layer(tensor(x, device))
    assert layer.bias is not None
    np.testing.assert_allclose(out.numpy(), x @ layer.weight.numpy().T + layer.bias.numpy(), rtol=1e-5, atol=1e-6)
    out.sum().backward()
    assert layer.weight.grad is not None
    np.testing.assert_allclose(layer.weight.grad.numpy(), np.tile(x.sum((0, 1)), (3, 1)), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "settings",
    [
        {"kernel_size": 2},
        {"kernel_size": (3, 2), "stride": (2, 1), "padding": (1, 0)},
        {"kernel_size": 2, "stride": 1, "dilation": 2},
    ],
)
def test_max_pool2d(device: str, rng: np.random.Generator, settings: dict[str, Any]):
    x = rng.standard_normal((2, 3, 7, 6)).astype(np.float32)
    sizes = {name: (value, value) if isinstance(value, int) else value for name, value in settings.items()}
    kernel = sizes["kernel_size"]
    pad, dilation = sizes.get("padding", (0, 0)), sizes.get("dilation", (1, 1))
    windows = padded_windows(x, kernel, sizes.get("stride", kernel), pad, dilation, -np.inf)
    out = nn.MaxPool2d(**settings)(tensor(x, device))
    np.testing.assert_array_equal(out.numpy(), windows.max((-2, -1)))


def test_max_pool2d_gradient_goes_to_the_largest(device: str):
    x = tensor([[[[1, 5, 2, 0], [3, 4, 9, 1]]]], device)
    (nn.MaxPool2d(2)(x) * tensor([10, 20], device)).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [[[[0, 10, 0, 0], [0, 0, 20, 0]]]]


def test_relu_and_its_gradient(device: str):
    x = tensor([-1, 0, 2], device)
    out = nn.ReLU()(x)
    out.sum().backward()
    assert out.tolist() == [0, 0, 2]
    assert x.grad is not None
    assert x.grad.tolist() == [0, 0, 1]


def test_flatten():
    x = ad.tensor(nd.zeros((2, 3, 4, 5)))
    assert nn.Flatten()(x).shape == (2, 60)
    assert nn.Flatten(0)(x).shape == (120,)
    assert nn.Flatten(1, 2)(x).shape == (2, 12, 5)
    assert nn.Flatten(-2)(x).shape == (2, 3, 20)
    with pytest.raises(
        ValueError, match=r"\[Flatten\] the input does not have these axes .*got input \(3,\), start_dim 1"
    ):
        nn.Flatten()(ad.tensor(nd.zeros((3,))))


def test_dropout_keeps_the_mean_and_passes_the_gradient_of_what_it_kept(device: str):
    nd.random.manual_seed(0)
    x = tensor(np.ones(10_000), device)
    out = nn.Dropout(0.25)(x)
    out.sum().backward()
    values = out.numpy()
    assert set(np.unique(values)) == {np.float32(0), np.float32(1 / 0.75)}
    assert abs((values == 0).mean() - 0.25) < 0.02
    assert x.grad is not None
    np.testing.assert_array_equal(x.grad.numpy(), values)


def test_dropout_is_the_same_for_the_same_seed_on_every_device():
    masks: list[Any] = []
    for device in ("cpu", "cpu", "numpy"):
        nd.random.manual_seed(5)
        masks.append(nn.Dropout(0.5)(tensor(np.ones(100), device)).tolist())
    assert masks[0] == masks[1] == masks[2]


def test_dropout_at_its_ends():
    x = ad.tensor([1.0, 2.0])
    assert nn.Dropout(0.0)(x) is x
    assert nn.Dropout(0.9).eval()(x) is x
    assert nn.Dropout(1.0)(x).tolist() == [0.0, 0.0]
    with pytest.raises(ValueError, match=r"\[Dropout\] p is not a probability; got 1.5; expected 0 <= p <= 1"):
        nn.Dropout(1.5)


@pytest.mark.parametrize("shape", [(6, 4), (4,), (2, 4, 3, 2)])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_cross_entropy(device: str, rng: np.random.Generator, shape: tuple[int, ...], reduction: Any):
    axis = 0 if len(shape) == 1 else 1
    scores = rng.standard_normal(shape).astype(np.float32) * 3
    labels = rng.integers(0, 4, shape[:axis] + shape[axis + 1 :])
    probabilities = np.exp(scores) / np.exp(scores).sum(axis, keepdims=True)
    picked = np.take_along_axis(probabilities, np.expand_dims(labels, axis), axis).squeeze(axis)
    expected = {"mean": np.mean, "sum": np.sum, "none": np.asarray}[reduction](-np.log(picked))
    x = tensor(scores, device)
    loss = nn.CrossEntropyLoss(reduction)(x, ad.tensor(labels, device=device))
    np.testing.assert_allclose(loss.numpy(), expected, rtol=1e-5, atol=1e-6)
    loss.sum().backward()
    one_hot = np.moveaxis(np.eye(4)[labels], -1, axis)
    scale = 1 / labels.size if reduction == "mean" else 1
    assert x.grad is not None
    np.testing.assert_allclose(x.grad.numpy(), (probabilities - one_hot) * scale, rtol=1e-4, atol=1e-6)


def test_cross_entropy_of_large_and_half_precision_scores(device: str):
    labels = ad.tensor([1], device=device)
    assert F.cross_entropy(tensor([[1e4, 0]], device), labels).item() == 1e4
    half = ad.tensor(np.asarray([[1, 2]], np.float16), device=device)
    loss = F.cross_entropy(half, labels)
    assert loss.dtype is nd.float32
    assert abs(float(loss) - np.log1p(np.exp(-1))) < 1e-6


@pytest.mark.parametrize(("label", "shown"), [(10, "0 to 10"), (-1, "-1 to 3")])
def test_cross_entropy_names_a_label_that_is_no_class(device: str, label: int, shown: str):
    scores = tensor(np.zeros((3, 10)), device)
    labels = ad.tensor([0 if label > 0 else 3, 3, label], device=device)
    with pytest.raises(
        ValueError,
        match=rf"\[cross_entropy\] label {label} is none of the 10 classes; got labels from {shown}; expected 0 to 9;",
    ):
        F.cross_entropy(scores, labels)


def test_cross_entropy_refuses_what_does_not_fit():
    scores = ad.tensor(nd.zeros((3, 10)))
    labels = ad.tensor([1, 2, 3])
    with pytest.raises(TypeError, match=r"got scores float32, labels float32; hint: labels: cast"):
        F.cross_entropy(scores, ad.tensor([1.0, 2.0, 3.0]))
    with pytest.raises(TypeError, match=r"got scores int64, labels int64"):
        F.cross_entropy(labels, labels)
    with pytest.raises(ValueError, match=r"got scores \(3, 10\), labels \(2,\); expected labels \(3,\)"):
        F.cross_entropy(scores, ad.tensor([1, 2]))
    with pytest.raises(ValueError, match=r"unknown reduction; got 'avg'"):
        F.cross_entropy(scores, labels, reduction="avg")  # type: ignore[arg-type]


@pytest.mark.parametrize("shape", [(2, 3, 8, 8), (2, 1, 8), (8, 8)])
def test_conv2d_names_both_shapes(shape: tuple[int, ...]):
    with pytest.raises(
        ValueError,
        match=r"\[conv2d\] input and weight do not fit each other; got input \(.*\), weight \(4, 1, 3, 3\), groups 1; "
        r"expected input \(N, .*, H, W\).*; in module Conv2d",
    ):
        nn.Conv2d(1, 4, 3)(ad.tensor(nd.zeros(shape)))


def test_kernels_larger_than_the_image():
    small = ad.tensor(nd.zeros((1, 1, 2, 2)))
    with pytest.raises(
        ValueError, match=r"\[conv2d\] the kernel is larger than the image; got image \(2, 2\), padding"
    ):
        nn.Conv2d(1, 1, 3)(small)
    with pytest.raises(ValueError, match=r"\[max_pool2d\] the kernel is larger than the image; got image \(2, 2\)"):
        nn.MaxPool2d(3)(small)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: nn.Linear(0, 3), r"\[Linear\] in_features is not usable; got 0; expected an integer >= 1"),
        (lambda: nn.Conv2d(*cast("Any", (1, 2.0, 3))), r"\[Conv2d\] out_channels is not usable; got 2.0"),
        (
            lambda: nn.Conv2d(3, 4, 3, groups=2),
            r"\[Conv2d\] the channels cannot be divided into groups; got in_channels 3",
        ),
        (lambda: nn.Conv2d(1, 1, 3, stride=0), r"\[Conv2d\] stride is not usable; got 0; expected an integer >= 1"),
        (lambda: nn.Conv2d(1, 1, 3, padding=cast("Any", "full")), r"\[conv2d\] padding is not usable; got 'full'"),
        (lambda: nn.Conv2d(1, 1, 3, 2, "same"), r"\[conv2d\] padding is not usable; got 'same' with stride \(2, 2\)"),
        (lambda: nn.Conv2d(1, 1, cast("Any", (3, 3, 3))), r"\[Conv2d\] kernel_size is not usable; got \(3, 3, 3\)"),
    ],
)
def test_bad_settings(make: Any, text: str):
    with pytest.raises(ValueError, match=text):
        make()


def test_max_pool2d_bad_settings():
    image = ad.tensor(nd.zeros((4, 4)))
    with pytest.raises(ValueError, match=r"padding is larger than half of the window; got padding \(2, 2\)"):
        F.max_pool2d(image, 3, padding=2)
    with pytest.raises(ValueError, match=r"the input is no image; got \(4,\); expected \(\.\.\., H, W\)"):
        F.max_pool2d(ad.tensor(nd.zeros((4,))), 2)


def test_reprs_are_pytorchs():
    assert repr(nn.Conv2d(1, 2, 3)) == "Conv2d(1, 2, kernel_size=(3, 3), stride=(1, 1))"
    assert repr(nn.Conv2d(2, 2, 3, 2, 1, groups=2, bias=False)) == (
        "Conv2d(2, 2, kernel_size=(3, 3), stride=(2, 2), padding=(1, 1), groups=2, bias=False)"
    )
    assert repr(nn.MaxPool2d(2)) == "MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1)"
    assert repr(nn.Flatten()) == "Flatten(start_dim=1, end_dim=-1)"
