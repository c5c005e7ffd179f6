"""Other libraries take our arrays, and we theirs: PyTorch, JAX, SciPy, scikit-learn. `./dev compare` installs them."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from needle import ndarray as nd
from needle.ndarray import _core

DTYPES = [dtype for dtype in _core.dtypes.values() if not dtype.name.startswith("float8")]
EACH_DTYPE = pytest.mark.parametrize("dtype", DTYPES, ids=str)


@pytest.fixture
def torch() -> Any:
    return pytest.importorskip("torch", reason="PyTorch is not installed; ./dev compare installs it")


@pytest.fixture
def jax() -> Any:
    jax = pytest.importorskip("jax", reason="JAX is not installed; ./dev compare installs it")
    jax.config.update("jax_enable_x64", True)
    return jax


def layouts(x: Any) -> list[Any]:
    return [x, x.T, x[1:, ::2], x[:0], x[1, 1]]


@EACH_DTYPE
def test_from_torch(torch: Any, dtype: nd.DType) -> None:
    t = (torch.arange(12).reshape(3, 4) % 2).to(getattr(torch, dtype.name))
    for view in layouts(t):
        x = nd.from_dlpack(view, copy=False)
        assert (x.dtype, x.tolist()) == (dtype, view.tolist())
        assert nd.asarray(view).tolist() == view.tolist()
        back = torch.from_dlpack(x)
        assert back.dtype == view.dtype
        assert view.numel() == 0 or back.data_ptr() == view.data_ptr()
    nd.from_dlpack(t)[0, 0] = 1
    assert t[0, 0] == 1
    t[0, 1] = 0
    assert nd.asarray(t, copy=False)[0, 1].item() == 0


@EACH_DTYPE
def test_to_torch(torch: Any, device: str, dtype: nd.DType) -> None:
    x = (nd.arange(12, device=device).reshape(3, 4) % 2).astype(dtype)
    for view in layouts(x):
        t = torch.from_dlpack(view)
        assert (t.dtype, t.tolist()) == (getattr(torch, dtype.name), view.tolist())
    torch.from_dlpack(x)[0, 0] = 1
    assert x[0, 0].item() == (device == "cpu")


def test_torch_keeps_our_memory(torch: Any) -> None:
    before = _core.live_buffers()
    t = torch.from_dlpack(nd.arange(3, device="cpu"))
    assert _core.live_buffers() == before + 1
    assert t.tolist() == [0, 1, 2]
    del t
    assert _core.live_buffers() == before


def test_torch_refuses_what_requires_grad(torch: Any) -> None:
    with pytest.raises(BufferError, match="require gradient"):
        nd.from_dlpack(torch.zeros(2, requires_grad=True))


@EACH_DTYPE
def test_from_jax(jax: Any, dtype: nd.DType) -> None:
    a = (jax.numpy.arange(12).reshape(3, 4) % 2).astype(dtype.name)
    for view in layouts(a):
        x = nd.from_dlpack(view)
        assert (x.dtype, x.tolist()) == (dtype, view.tolist())
        assert nd.asarray(view).tolist() == view.tolist()
    assert nd.from_dlpack(a, copy=False).tolist() == a.tolist()
    nd.from_dlpack(a, copy=True)[0, 0] = 1
    nd.asarray(a)[0, 0] = 1
    assert a[0, 0] == 0


@EACH_DTYPE
def test_to_jax(jax: Any, device: str, dtype: nd.DType) -> None:
    x = (nd.arange(12, device=device).reshape(3, 4) % 2).astype(dtype)
    for y in (x, x[1:], x.copy()):
        a = jax.numpy.from_dlpack(y)
        assert (a.dtype.name, a.tolist()) == (dtype.name, y.tolist())
        np.testing.assert_array_equal(np.asarray(jax.numpy.asarray(np.asarray(y))), np.asarray(a))


# Functions that compute on arrays of whatever namespace they are given.
DISPATCH = """
import numpy as np, scipy.integrate, scipy.special, sklearn
from sklearn import metrics, preprocessing
from needle import ndarray as nd

a = np.random.default_rng(0).standard_normal((6, 3))
x = nd.asarray(a, device=DEVICE)
with sklearn.config_context(array_api_dispatch=True):
    for function in (
        lambda v: scipy.special.logsumexp(v, axis=1),
        lambda v: scipy.integrate.trapezoid(v, dx=0.5, axis=0),
        lambda v: preprocessing.MinMaxScaler().fit_transform(v),
    ):
        result = function(x)
        assert isinstance(result, nd.NDArray), type(result)
        assert result.device == x.device
        np.testing.assert_allclose(result.numpy(), function(a), rtol=1e-12, atol=1e-12)
    error = metrics.mean_squared_error(x[:, 0], x[:, 1])
    np.testing.assert_allclose(error, metrics.mean_squared_error(a[:, 0], a[:, 1]), rtol=1e-12)
"""


def test_scipy_and_scikit_learn_compute_on_our_arrays(device: str) -> None:
    for name in ("scipy", "sklearn"):
        pytest.importorskip(name, reason=f"{name} is not installed; ./dev compare installs it")
    # SciPy reads the setting when it is imported.
    done = subprocess.run(
        [sys.executable, "-c", DISPATCH.replace("DEVICE", repr(device))],
        env={**os.environ, "SCIPY_ARRAY_API": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
