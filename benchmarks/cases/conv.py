"""Convolutions, forward and with the gradients of input and kernel."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

from benchmarks.case import Build, Case, Input, Target, Work
from benchmarks.gradients import forward, gradients


class Form(NamedTuple):
    """A convolution of images: how many, of which channels and size, with which kernel."""

    images: int
    channels: int
    size: int
    outputs: int
    kernel: int
    stride: int = 1
    dilation: int = 1
    groups: int = 1

    @property
    def padding(self) -> int:
        """Zeros on each side, such that a stride of 1 keeps the size."""
        return self.dilation * (self.kernel - 1) // 2

    def inputs(self) -> tuple[Input, Input, Input]:
        """Return images, kernels, and the gradient of the result."""
        n, c, s, o, k, out = *self[:5], math.ceil(self.size / self.stride)
        small = self.groups  # as many channels as groups, so that a depthwise one stays so
        x, y = min(small if self.groups > 1 else 12, c), min(small if self.groups > 1 else 12, o)
        side = 12 // self.stride
        return (
            Input((n, c, s, s), layout="image", small=(2, x, 12, 12)),
            Input((o, c // self.groups, k, k), layout="kernel", small=(y, x // self.groups, k, k)),
            Input((n, o, out, out), layout="image", small=(2, y, side, side)),
        )

    def operations(self) -> float:
        """Return those of the forward pass; each gradient takes as many."""
        _, kernels, out = (spec.shape for spec in self.inputs())
        return 2.0 * math.prod(out) * math.prod(kernels[1:])


FORMS = {
    "3x3_3to64_32": Form(32, 3, 32, 64, 3),
    "3x3_64to128_32": Form(32, 64, 32, 128, 3),
    "3x3_128to128_16": Form(32, 128, 16, 128, 3),
    "1x1_256to256_16": Form(32, 256, 16, 256, 1),
    "3x3_64to128_32_stride2": Form(32, 64, 32, 128, 3, stride=2),
    "3x3_64to64_32_dilation2": Form(32, 64, 32, 64, 3, dilation=2),
    "3x3_128to128_32_groups4": Form(32, 128, 32, 128, 3, groups=4),
    "3x3_128_32_depthwise": Form(32, 128, 32, 128, 3, groups=128),
    "7x7_3to64_128_stride2": Form(8, 3, 128, 64, 7, stride=2),
    "5x5_32to64_14": Form(64, 32, 14, 64, 5),
}
AHEAD = {"1x1_256to256_16_fwdbwd": Target(0.75)}


def cases() -> Iterator[Case]:
    """Yield the cases of the family."""
    for name, form in FORMS.items():
        have = functions(form)
        for suffix, inputs, own, passes in (
            ("fwd", form.inputs()[:2], forward(have), 1),
            ("fwdbwd", form.inputs(), gradients(have, 2), 3),
        ):
            label = f"{name}_{suffix}"
            work = Work(passes * form.operations(), "f32")
            yield Case(f"conv/{label}", inputs, None, own, work, AHEAD.get(label, Target()))
    yield from _other_dimensions()
    x, w = Input((32, 128, 16, 16), layout="image"), Input((128, 64, 4, 4), layout="kernel")
    work = Work(2.0 * 32 * 128 * 16 * 16 * 64 * 4 * 4, "f32")
    yield Case("conv/transposed_4x4_128to64_16", (x, w), None, forward(TRANSPOSED), work, Target())


def functions(form: Form) -> dict[str, Build]:
    """Return the convolution of a form in each library."""
    stride, padding, dilation, groups = form.stride, form.padding, form.dilation, form.groups
    jax_options: dict[str, Any] = {
        "window_strides": (stride,) * 2,
        "padding": ((padding, padding),) * 2,
        "rhs_dilation": (dilation,) * 2,
        "feature_group_count": groups,
        "dimension_numbers": ("NHWC", "HWIO", "NHWC"),
    }

    def plain(conv: Any) -> Any:
        return lambda x, w: conv(x, w, None, stride, padding, dilation, groups)

    return {
        "needle": lambda needle: plain(needle.nn.functional.conv2d),
        "torch": lambda torch: plain(torch.nn.functional.conv2d),
        "jax": lambda jax: lambda x, w: jax.lax.conv_general_dilated(x, w, **jax_options),
        "mlx": lambda mlx: lambda x, w: mlx.core.conv2d(x, w, stride, padding, dilation, groups),
        "tinygrad": lambda _: lambda x, w: x.conv2d(w, None, groups, stride, dilation, padding),
    }


def _other_dimensions() -> Iterator[Case]:
    for d, shape, outputs in ((1, (32, 64, 1024), 64), (3, (4, 32, 16, 32, 32), 32)):
        kernel = (outputs, shape[1], *(3,) * d)
        own: dict[str, Build | None] = {
            "needle": _needle(d),
            "torch": _torch(d),
            "jax": _jax,
            "tinygrad": lambda _: lambda x, w: x.conv2d(w, padding=1),
        }
        work = Work(2.0 * math.prod(shape) * outputs * 3**d, "f32")
        yield Case(f"conv/{d}d_3_{shape[1]}to{outputs}", (Input(shape), Input(kernel)), None, own, work, Target())


def _needle(d: int) -> Build:
    ones, pads = (1,) * d, ((1, 1),) * d

    def build(needle: Any) -> Any:
        nd = needle.ndarray
        return lambda x, w: nd.conv(nd.expand_dims(x, axis=0), nd.expand_dims(w, axis=0), ones, pads, ones, ones)[0]

    return build


def _torch(d: int) -> Build:
    def build(torch: Any) -> Any:
        conv = getattr(torch.nn.functional, f"conv{d}d")
        return lambda x, w: conv(x, w, padding=1)

    return build


def _jax(jax: Any) -> Any:
    """In the order (N, C, ...): the others' layouts are for two dimensions."""
    return lambda x, w: jax.lax.conv(x, w, (1,) * (x.ndim - 2), "SAME")


def _needle_transposed(needle: Any) -> Any:
    ad, ones, twos, pads = needle.autograd, (1, 1), (2, 2), ((2, 2), (2, 2))

    def conv(x: Any, w: Any) -> Any:
        kernel = ad.flip(ad.permute_dims(w, (1, 0, 2, 3)), axis=(2, 3))
        return ad.conv(ad.expand_dims(x, axis=0), ad.expand_dims(kernel, axis=0), ones, pads, twos, ones)[0]

    return conv


def _jax_transposed(jax: Any) -> Any:
    def conv(x: Any, w: Any) -> Any:
        kernel = jax.numpy.flip(w, (0, 1)).swapaxes(2, 3)
        pads, dimensions = ((2, 2), (2, 2)), ("NHWC", "HWIO", "NHWC")
        return jax.lax.conv_general_dilated(x, kernel, (1, 1), pads, lhs_dilation=(2, 2), dimension_numbers=dimensions)

    return conv


TRANSPOSED: dict[str, Build] = {
    "needle": _needle_transposed,
    "torch": lambda torch: lambda x, w: torch.nn.functional.conv_transpose2d(x, w, stride=2, padding=1),
    "jax": _jax_transposed,
    "mlx": lambda mlx: lambda x, w: mlx.core.conv_transpose2d(x, w.swapaxes(0, 3), stride=2, padding=1),
    "tinygrad": lambda _: lambda x, w: x.conv_transpose2d(w, stride=2, padding=1),
}
