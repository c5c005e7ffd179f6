"""SciPy and scikit-learn compute on tensors, and so become differentiable. `./dev compare` installs them."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

FUNCTIONS = """
import scipy.integrate, scipy.optimize, scipy.special, scipy.stats, sklearn
from sklearn.metrics import pairwise
import needle.autograd as ad
import needle.ndarray as nd

x = ad.tensor([[0.3, 0.7, 1.9, 2.4], [1.1, 0.2, 0.6, 0.5]], nd.float64, DEVICE)
for function in (
    lambda v: scipy.special.softmax(v, axis=-1),
    lambda v: scipy.special.xlogy(v, v + 1),
    lambda v: scipy.integrate.trapezoid(v, dx=0.5, axis=1),
    lambda v: scipy.integrate.cumulative_trapezoid(v, dx=0.5, axis=1),
    lambda v: scipy.optimize.rosen(v),
    lambda v: scipy.stats.gmean(v, axis=1),
    lambda v: scipy.stats.pmean(v, 3, axis=1),
    lambda v: scipy.stats.skew(v, axis=1),
    lambda v: scipy.stats.kurtosis(v, axis=1),
    lambda v: pairwise.euclidean_distances(v, v[:, ::-1]),
    lambda v: pairwise.rbf_kernel(v, v[:, ::-1]),
    lambda v: pairwise.polynomial_kernel(v),
):
    with sklearn.config_context(array_api_dispatch=True):
        result = function(x)
        assert isinstance(result, ad.Tensor), type(result)
        assert result.device == x.device
        ad.gradcheck(function, x)
"""


def test_scipy_and_scikit_learn_are_differentiable(device: str) -> None:
    for name in ("scipy", "sklearn"):
        pytest.importorskip(name, reason=f"{name} is not installed; ./dev compare installs it")
    # SciPy reads the setting when it is imported.
    done = subprocess.run(
        [sys.executable, "-c", FUNCTIONS.replace("DEVICE", repr(device))],
        env={**os.environ, "SCIPY_ARRAY_API": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
