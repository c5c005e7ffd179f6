"""Normalisation and attention: against their definitions, and for what they do not take."""

from __future__ import annotations

import numpy as np
import pytest

import needle.autograd as ad
import needle.ndarray as nd
from needle.nn import functional as F


def tensors(device, rng, *shapes):
    return [ad.tensor(nd.asarray(rng.normal(size=shape).astype(np.float32), device=device)) for shape in shapes]


def numbers(*tensors):
    return [np.asarray(x.tolist()) for x in tensors]


def attend(q, k, v, mask=None, scale=None):
    scores = q @ np.swapaxes(k, -1, -2) * (scale or q.shape[-1] ** -0.5)
    if mask is not None:
        scores = np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask
    shares = np.exp(scores - scores.max(-1, keepdims=True))
    return shares / shares.sum(-1, keepdims=True) @ v


def test_layer_norm_by_its_definition(device, rng):
    x, weight, bias = tensors(device, rng, (2, 3, 4, 5), (4, 5), (4, 5))
    a, w, b = numbers(x, weight, bias)
    want = (a - a.mean((2, 3), keepdims=True)) / np.sqrt(a.var((2, 3), keepdims=True) + 0.1)
    np.testing.assert_allclose(*numbers(F.layer_norm(x, (4, 5), weight, bias, 0.1)), want * w + b, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(*numbers(F.layer_norm(x, [4, 5], eps=0.1)), want, rtol=1e-4, atol=1e-5)


def test_rms_norm_by_its_definition(device, rng):
    x, weight = tensors(device, rng, (3, 7), (7,))
    a, w = numbers(x, weight)
    want = a / np.sqrt((a**2).mean(-1, keepdims=True) + np.finfo(np.float32).eps) * w
    np.testing.assert_allclose(*numbers(F.rms_norm(x, (7,), weight)), want, rtol=1e-5)


def test_norms_refuse_shapes_that_do_not_fit():
    x = ad.tensor(nd.ones((2, 3)))
    with pytest.raises(
        ValueError, match=r"\[layer_norm\] shapes do not fit each other; got input \(2, 3\), normalized_"
    ):
        F.layer_norm(x, (4,))
    with pytest.raises(
        ValueError, match=r"\[rms_norm\] shapes .* parameters \[\(2,\)\]; expected input \(\.\.\., \*norm"
    ):
        F.rms_norm(x, (3,), ad.tensor(nd.ones(2)))


@pytest.mark.parametrize("lead", [(), (2,), (3, 2), (2, 2, 2)])
def test_attention_by_its_definition(device, rng, lead):
    q, k, v = tensors(device, rng, (*lead, 9, 4), (*lead, 6, 4), (*lead, 6, 3))
    np.testing.assert_allclose(*numbers(F.scaled_dot_product_attention(q, k, v)), attend(*numbers(q, k, v)), rtol=1e-4)
    seen = np.tri(9, 6, dtype=bool)
    got = F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=0.3)
    np.testing.assert_allclose(*numbers(got), attend(*numbers(q, k, v), seen, 0.3), rtol=1e-4, atol=1e-5)
    (added,) = tensors(device, rng, (*lead[1:], 9, 6))
    got = F.scaled_dot_product_attention(q, k, v, added)
    np.testing.assert_allclose(*numbers(got), attend(*numbers(q, k, v, added)), rtol=1e-4, atol=1e-5)


def test_heads_that_share_keys(device, rng):
    q, k, v = tensors(device, rng, (2, 6, 9, 4), (2, 2, 5, 4), (2, 2, 5, 4))
    a, b, c = numbers(q, k, v)
    got = F.scaled_dot_product_attention(q, k, v, enable_gqa=True)
    np.testing.assert_allclose(*numbers(got), attend(a, b.repeat(3, 1), c.repeat(3, 1)), rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match=r"\[scaled_dot_product_attention\] shapes do not fit; .*enable_gqa=True"):
        F.scaled_dot_product_attention(q, k, v)


@pytest.mark.parametrize("queries", [2, 9])
def test_a_query_that_sees_no_key_gives_0(device, queries):
    q = ad.tensor(nd.ones((queries, 4), device=device), requires_grad=True)
    seen = ad.tensor(nd.asarray([[i > 0] * 3 for i in range(queries)], device=device))
    k, v = (ad.tensor(nd.ones((3, n), device=device)) for n in (4, 2))
    out = F.scaled_dot_product_attention(q, k, v, seen)
    assert out.tolist() == [[0.0, 0.0], *[[1.0, 1.0]] * (queries - 1)]
    out.sum().backward()
    assert q.grad.tolist() == [[0.0] * 4] * queries


def test_a_mask_has_a_gradient(device, rng):
    q, k, v = tensors(device, rng, (1, 1, 3, 2), (1, 1, 4, 2), (1, 1, 4, 2))
    mask = ad.tensor(nd.zeros((3, 4), dtype=nd.float64, device=device), requires_grad=True)
    q, k, v = (x.astype(nd.float64) for x in (q, k, v))
    ad.gradgradcheck(lambda m: F.scaled_dot_product_attention(q, k, v, m), mask)
