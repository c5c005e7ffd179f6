"""Layers as functions of tensors: no state, all parameters as arguments."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import needle.autograd as ad
import needle.ndarray as nd
from needle.ndarray.errors import message

if TYPE_CHECKING:
    from collections.abc import Sequence

    from needle.autograd import Tensor

__all__ = [
    "conv2d", "cross_entropy", "dropout", "layer_norm", "linear", "max_pool2d", "relu", "rms_norm",
    "scaled_dot_product_attention",
]  # fmt: skip

Pair = int | tuple[int, int]


def pair(value: Pair, op: str, name: str, *, least: int) -> tuple[int, int]:
    """Return a setting for rows and columns from one number or two; ValueError where one is below ``least``."""
    match value:
        case int() if value >= least:
            return value, value
        case (int() as rows, int() as columns) if min(rows, columns) >= least:
            return rows, columns
        case _:
            expected = f"an integer >= {least}, or two of them"
            raise ValueError(message(op, f"{name} is not usable", got=repr(value), expected=expected))


def relu(input: Tensor) -> Tensor:
    """Return ``max(input, 0)``, element by element; its derivative at 0 is 0."""
    return ad.relu(input)


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return ``input @ weight.T + bias``: (..., in), (out, in), (out,) -> (..., out).

    Raises:
        ValueError: The last axis of ``input`` is not the ``in`` of ``weight``.

    >>> linear(ad.tensor([[1.0, 2.0]]), ad.tensor([[3.0, 4.0], [5.0, 6.0]]), ad.tensor([0.5, 0.0])).tolist()
    [[11.5, 17.0]]
    """
    features = weight.shape[1]
    if input.ndim == 0 or input.shape[-1] != features:
        raise ValueError(
            message(
                "linear",
                "the input's last axis does not fit the weight",
                got=f"input {input.shape}, weight {weight.shape}",
                expected=f"input (..., {features})",
                hint="flatten an image first, or set in_features to the input's last axis",
            )
        )
    out = ad.matmul(input, weight.mT)
    return out if bias is None else out + bias


def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Pair = 1,
    padding: Pair | Literal["valid", "same"] = 0,
    dilation: Pair = 1,
    groups: int = 1,
) -> Tensor:
    """Cross-correlate images with kernels: (N, C, H, W), (O, C / groups, KH, KW), (O,) -> (N, O, H', W').

    H' is ``(H + 2 * padding - dilation * (KH - 1) - 1) // stride + 1``, and W' likewise.

    Args:
        input: Images, channels first.
        weight: Kernels; those of group g see the channels of group g alone.
        bias: A number for each output channel.
        stride: Step between outputs.
        padding: Rows and columns of zeros on each side; "valid" is 0, and "same" keeps H and W (only for stride 1).
        dilation: Step between the elements of a kernel.
        groups: Into how many groups the channels are divided.

    Raises:
        ValueError: Shapes do not fit each other, a setting is out of range, or the kernel is larger than the image.

    >>> x = ad.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    >>> conv2d(x, ad.tensor([[[[1.0, 1.0], [1.0, 1.0]]]])).tolist()
    [[[[10.0]]]]
    """
    strides = pair(stride, "conv2d", "stride", least=1)
    dilations = pair(dilation, "conv2d", "dilation", least=1)
    if type(groups) is not int or groups < 1:
        raise ValueError(message("conv2d", "groups is not usable", got=repr(groups), expected="an integer >= 1"))
    images = (input.ndim, weight.ndim) == (4, 4)
    if not images or input.shape[1] != groups * weight.shape[1] or weight.shape[0] % groups:
        channels = groups * weight.shape[1] if images else "C"
        raise ValueError(
            message(
                "conv2d",
                "input and weight do not fit each other",
                got=f"input {input.shape}, weight {weight.shape}, groups {groups}",
                expected=f"input (N, {channels}, H, W), weight (O, C / groups, KH, KW), O a multiple of groups",
                hint="images are (samples, channels, height, width)",
            )
        )
    n, _, height, width = input.shape
    out_channels, channels, *kernel = weight.shape
    pads = conv_padding(padding, strides, kernel, dilations)
    _check_reach("conv2d", (height, width), pads, kernel, dilations)
    x = ad.permute_dims(ad.reshape(input, (n, groups, channels, height, width)), (1, 0, 2, 3, 4))
    w = ad.reshape(weight, (groups, out_channels // groups, channels, *kernel))
    out = ad.conv(x, w, stride=strides, padding=pads, dilation_in=(1, 1), dilation=dilations)
    out = ad.reshape(ad.permute_dims(out, (1, 0, 2, 3, 4)), (n, out_channels, *out.shape[3:]))
    return out if bias is None else out + ad.reshape(bias, (out_channels, 1, 1))


def conv_padding(
    padding: Pair | Literal["valid", "same"], stride: Sequence[int], kernel: Sequence[int], dilation: Sequence[int]
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the rows and columns of zeros before and after; ValueError where ``padding`` is not usable."""
    if padding == "same" and all(step == 1 for step in stride):
        rows, columns = (step * (size - 1) for size, step in zip(kernel, dilation, strict=True))
        return (rows // 2, rows - rows // 2), (columns // 2, columns - columns // 2)
    if padding == "valid":
        padding = 0
    if isinstance(padding, str):
        raise ValueError(
            message(
                "conv2d",
                "padding is not usable",
                got=f"{padding!r} with stride {tuple(stride)}",
                expected="integers, 'valid', or 'same' with stride 1",
            )
        )
    rows, columns = pair(padding, "conv2d", "padding", least=0)
    return (rows, rows), (columns, columns)


def _check_reach(
    op: str,
    image: Sequence[int],
    pads: Sequence[tuple[int, int]],
    kernel: Sequence[int],
    dilations: Sequence[int],
) -> None:
    for size, (low, high), k, dilation in zip(image, pads, kernel, dilations, strict=True):
        if low + size + high < dilation * (k - 1) + 1:
            raise ValueError(
                message(
                    op,
                    "the kernel is larger than the image",
                    got=f"image {image}, padding {pads}, kernel {tuple(kernel)}, dilation {dilations}",
                    hint="fewer pooling or strided layers before this one, or more padding",
                )
            )


def max_pool2d(
    input: Tensor, kernel_size: Pair, stride: Pair | None = None, padding: Pair = 0, dilation: Pair = 1
) -> Tensor:
    """Return the largest element of each window: (..., H, W) -> (..., H', W'); the first of equals gets the gradient.

    H' is ``(H + 2 * padding - dilation * (KH - 1) - 1) // stride + 1``, and W' likewise.

    Args:
        input: Images.
        kernel_size: Height and width of the windows.
        stride: Step between windows; by default ``kernel_size``.
        padding: Rows and columns on each side in which there is nothing to choose, at most half of the window.
        dilation: Step between the elements of a window.

    Raises:
        ValueError: A setting is out of range, or the window is larger than the image.

    >>> max_pool2d(ad.tensor([[1.0, 2.0], [3.0, 4.0]]), 2).tolist()
    [[4.0]]
    """
    kernel = pair(kernel_size, "max_pool2d", "kernel_size", least=1)
    strides = kernel if stride is None else pair(stride, "max_pool2d", "stride", least=1)
    rows, columns = pair(padding, "max_pool2d", "padding", least=0)
    dilations = pair(dilation, "max_pool2d", "dilation", least=1)
    if rows > kernel[0] // 2 or columns > kernel[1] // 2:
        raise ValueError(
            message(
                "max_pool2d",
                "padding is larger than half of the window",
                got=f"padding {(rows, columns)}, kernel_size {kernel}",
            )
        )
    if input.ndim in (0, 1):
        raise ValueError(message("max_pool2d", "the input is no image", got=f"{input.shape}", expected="(..., H, W)"))
    pads = ((rows, rows), (columns, columns))
    _check_reach("max_pool2d", input.shape[-2:], pads, kernel, dilations)
    return ad.max_pool(input, kernel, strides, pads, dilations)


def dropout(input: Tensor, p: float = 0.5, training: bool = True) -> Tensor:
    """Set each element to 0 with probability ``p`` and scale the others by ``1 / (1 - p)``; nothing when not training.

    The random numbers are those of the default generator of the input's device.

    Source: N. Srivastava et al. (2014), "Dropout: a simple way to prevent neural networks from overfitting", JMLR 15.

    Raises:
        ValueError: ``p`` is not from 0 to 1.
    """
    check_probability("dropout", p)
    if not training or p == 0:
        return input
    keep = nd.random.default_generator(input.device).bernoulli(1 - p, input.shape)
    return input * (keep.astype(input.dtype) * (1 / (1 - p) if p < 1 else 0.0))


def check_probability(op: str, p: float) -> None:
    """Raise ValueError unless ``p`` is from 0 to 1."""
    if not 0 <= p <= 1:
        raise ValueError(message(op, "p is not a probability", got=repr(p), expected="0 <= p <= 1"))


def layer_norm(
    input: Tensor, normalized_shape: Sequence[int], weight: Tensor | None = None, bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:  # fmt: skip
    """Bring the last axes to mean 0 and variance 1, then scale and shift: (..., *S), (*S,), (*S,) -> (..., *S).

    Source: J. L. Ba, J. R. Kiros and G. E. Hinton (2016), "Layer normalization".

    Args:
        input: Any numbers.
        normalized_shape: S, the extents of the last axes.
        weight: What to multiply by.
        bias: What to add.
        eps: What is added to the variance.

    >>> layer_norm(ad.tensor([[1.0, 3.0]]), (2,), eps=0.0).tolist()
    [[-1.0, 1.0]]
    """
    return _norm("layer_norm", input, normalized_shape, [weight, bias], eps)


def rms_norm(
    input: Tensor, normalized_shape: Sequence[int], weight: Tensor | None = None, eps: float | None = None
) -> Tensor:
    """Divide by the root of the mean square over the last axes, then scale: (..., *S), (*S,) -> (..., *S).

    Source: B. Zhang and R. Sennrich (2019), "Root mean square layer normalization".

    Args:
        input: The numbers.
        normalized_shape: S, the extents of the last axes.
        weight: What to multiply by.
        eps: What is added to the mean square; by default the distance of 1 and the next number of the input's dtype.

    >>> rms_norm(ad.tensor([[3.0, 3.0]]), (2,), eps=0.0).tolist()
    [[1.0, 1.0]]
    """
    eps = nd.finfo(input.dtype).eps if eps is None else eps
    return _norm("rms_norm", input, normalized_shape, [weight, None], eps, False)


def _norm(
    op: str, input: Tensor, shape: Sequence[int], parameters: Sequence[Tensor | None], eps: float, centred: bool = True
) -> Tensor:
    extents, count = tuple(shape), len(shape)
    given = [p.shape for p in parameters if p is not None]
    if not count or input.shape[-count:] != extents or any(p != extents for p in given):
        got = f"input {input.shape}, normalized_shape {extents}{f', parameters {given}' if given else ''}"
        raise ValueError(
            message(op, "shapes do not fit each other", got=got, expected="input (..., *normalized_shape)")
        )
    whole = (1,) * (input.ndim - count) + extents
    scale, shift = (p if p is None else ad.reshape(p, whole) for p in parameters)
    return ad.normalize(input, scale, shift, tuple(range(-count, 0)), eps, centred)


def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """Return softmax(scale * query @ key.mT + attn_mask) @ value: (..., L, E), (..., S, E), (..., S, F) -> (..., L, F).

    It takes memory linear in L and S. A query that sees no key gives 0. See A. Vaswani et al. (2017), "Attention is all
    you need".

    Args:
        query: (..., H, L, E).
        key: (..., H, S, E); with ``enable_gqa`` it may have fewer heads, of which H is a multiple.
        value: (..., H, S, F), with the key's heads.
        attn_mask: What broadcasts to (..., H, L, S): bool, False where a key is not seen, or numbers that are added.
        is_causal: Whether query i sees only the keys up to i.
        scale: Of the scores; 1 / sqrt(E) by default.
        enable_gqa: Whether query heads may share keys.

    >>> one = ad.tensor([[[1.0], [2.0]]])
    >>> scaled_dot_product_attention(one, one, one, is_causal=True)[0, 0].tolist()
    [1.0]
    """
    lead, heads = query.shape[:-3], query.shape[-3:-2]
    fits = min(query.ndim, key.ndim, value.ndim) > 1 and key.shape[:-3] == lead == value.shape[:-3]
    if not fits or (key.shape[-3:-2] != heads and not enable_gqa):
        got = f"query {query.shape}, key {key.shape}, value {value.shape}"
        form, hint = "(..., L, E), (..., S, E) and (..., S, F)", "enable_gqa=True lets heads share keys"
        raise ValueError(
            message("scaled_dot_product_attention", "shapes do not fit", got=got, expected=form, hint=hint)
        )
    batch, factor = math.prod(lead), scale if scale is not None else 1 / math.sqrt(query.shape[-1])
    q, k, v = (ad.reshape(x, (batch, *(x.shape[-3:-2] or (1,)), *x.shape[-2:])) for x in (query, key, value))
    if attn_mask is not None:
        whole = (*lead, *(heads or (1,)), query.shape[-2], key.shape[-2])
        attn_mask = ad.reshape(ad.broadcast_to(attn_mask, whole), (batch, *whole[-3:]))
    out = ad.attention(q, k, v, attn_mask, factor, 0 if is_causal else None)
    return ad.reshape(out, (*query.shape[:-1], value.shape[-1]))


def cross_entropy(input: Tensor, target: Tensor, reduction: Literal["none", "mean", "sum"] = "mean") -> Tensor:
    """Return ``-log softmax(input)[target]``: scores (N, C, ...) and labels (N, ...) -> a scalar, or (N, ...).

    Float16 and bfloat16 scores give losses in float32.

    Args:
        input: Scores of C classes (logits), not probabilities; or (C,) for one sample.
        target: Integer labels from 0 to C - 1.
        reduction: "mean" and "sum" over all labels, or "none".

    Raises:
        TypeError: ``input`` is not floating-point or ``target`` not integer.
        ValueError: Shapes do not fit each other, a label is out of range, or ``reduction`` is unknown.

    >>> cross_entropy(ad.tensor([[0.0, 0.0]]), ad.tensor([1])).item()  # log 2
    0.6931471824645996
    """
    axis = 0 if input.ndim == 1 else 1
    expected = input.shape[:axis] + input.shape[axis + 1 :]
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(
            message("cross_entropy", "unknown reduction", got=repr(reduction), expected="'none', 'mean' or 'sum'")
        )
    if input.dtype.kind != "float" or target.dtype.kind not in ("int", "uint"):
        raise TypeError(
            message(
                "cross_entropy",
                "scores are floating-point and labels are integers",
                got=f"scores {input.dtype.name}, labels {target.dtype.name}",
                hint="labels: cast them with astype(nd.int64)",
            )
        )
    if input.ndim == 0 or target.shape != expected:
        raise ValueError(
            message(
                "cross_entropy",
                "scores and labels do not fit each other",
                got=f"scores {input.shape}, labels {target.shape}",
                expected=f"labels {expected}",
            )
        )
    labels = target.data
    _check_labels(labels, input.shape[axis])
    losses = ad.cross_entropy(input, nd.astype(labels, nd.int64, copy=False), axis)
    if reduction == "none":
        return losses
    return ad.mean(losses) if reduction == "mean" else ad.sum(losses)


def _check_labels(labels: nd.NDArray, classes: int) -> None:
    if labels.size == 0:
        return
    low, high = int(nd.min(labels)), int(nd.max(labels))
    if low < 0 or high >= classes:
        raise ValueError(
            message(
                "cross_entropy",
                f"label {low if low < 0 else high} is none of the {classes} classes",
                got=f"labels from {low} to {high}",
                expected=f"0 to {classes - 1}",
                hint="labels count from 0; the last layer needs an output for each class",
            )
        )
