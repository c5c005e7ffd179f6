"""Devices by name, and plugins that are missing, broken, unavailable or ambiguous."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from needle import ndarray as nd


def install(folder: Path, name: str, backend: str, code: str) -> None:
    """Put a distribution into `folder` that provides a backend by the code of its module."""
    module = name.replace("-", "_")
    info = folder / f"{module}-2.5.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 2.5\n")
    (info / "entry_points.txt").write_text(f"[needle.backends]\n{backend} = {module}:load\n")
    (folder / f"{module}.py").write_text(code)


def python(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python with this one's path, and other variables of the environment."""
    path = os.pathsep.join([environment.pop("PYTHONPATH", ""), *sys.path])
    variables = {**os.environ, "PYTHONPATH": path, **environment}
    return subprocess.run([sys.executable, *arguments], env=variables, capture_output=True, text=True, check=False)


def test_device_by_name(device: str) -> None:
    found = nd.device(device)
    assert (found.name, found.index, str(found)) == (device, 0, device)
    assert found == nd.device(f"{device}:0") == nd.device(found)
    assert hash(found) == hash(nd.device(f"{device}:0"))
    assert found.description
    assert nd.zeros(2, device=device).device == nd.zeros(2, device=found).device == found


def test_devices_differ() -> None:
    assert nd.device("cpu") != nd.device("numpy")
    assert nd.devices()[:2] == ["cpu", "numpy"]


def test_default_device() -> None:
    before = nd.default_device()
    assert nd.device(None) == nd.device() == before
    try:
        nd.set_default_device("numpy")
        assert nd.default_device() == nd.device(None) == nd.device("numpy")
        assert str(nd.ones(3).device) == str(nd.asarray([1]).device) == "numpy"
    finally:
        nd.set_default_device(before)
    assert nd.ones(3).device == before


@pytest.mark.parametrize("spec", ["", ":0", "cpu:", "cpu:x", "cpu:-1", "cpu:0:1"])
def test_malformed_name(spec: str) -> None:
    with pytest.raises(ValueError, match=r"\[device\] not the name of a device; got '.*'; expected NAME or NAME:INDEX"):
        nd.device(spec)


def test_unknown_device() -> None:
    with pytest.raises(ValueError, match=r"\[device\] no installed backend is named 'abacus'; expected one of cpu,"):
        nd.device("abacus:1")


def test_index_out_of_range(device: str) -> None:
    with pytest.raises(ValueError, match=rf"\[device\] no such device; got {device}:1; expected an index below 1"):
        nd.device(f"{device}:1")


def test_wrong_type() -> None:
    with pytest.raises(TypeError, match=r"\[device\] not a device; got int; expected a Device, str or None"):
        nd.device(0)  # type: ignore[arg-type]


def test_missing_plugin_of_ours() -> None:
    if "cuda" in nd.devices():
        pytest.skip("the plugin is installed")
    with pytest.raises(ValueError, match=r"'cuda'; expected .*; hint: pip install needle-backend-cuda"):
        nd.device("cuda:0")


def test_broken_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "broken-backend", "broken", "import no_such_module\n")
    monkeypatch.syspath_prepend(tmp_path)  # pyright: ignore[reportUnknownMemberType]
    assert "broken" in nd.devices()
    assert "broken_backend" not in sys.modules, "listed, so not loaded"
    with pytest.raises(nd.BackendUnavailable) as caught:
        nd.device("broken")
    text = str(caught.value)
    cause = "ModuleNotFoundError: No module named 'no_such_module'"
    assert text.startswith(f"[device] the backend 'broken' cannot be loaded ({cause})")
    assert "; got broken-backend 2.5 with needle-ndarray " in text
    assert text.endswith("; hint: pip install --force-reinstall broken-backend needle-ndarray")
    assert isinstance(caught.value.__cause__, ModuleNotFoundError)


PLUGINS = {
    "off": (
        "from needle.ndarray import BackendUnavailable\ndef load(): raise BackendUnavailable('no driver')\n",
        r"\[device\] 'off' \(off-backend 2.5 with .*\) is unavailable:",
    ),
    "wrong": ("def load(): return 3\n", r"'wrong' cannot be loaded \(TypeError: .*no backend.*; got"),
}


@pytest.mark.parametrize("name", PLUGINS)
def test_plugin_without_a_backend(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, text = PLUGINS[name]
    install(tmp_path, f"{name}-backend", name, code)
    monkeypatch.syspath_prepend(tmp_path)  # pyright: ignore[reportUnknownMemberType]
    with pytest.raises(nd.BackendUnavailable, match=text):
        nd.device(name)


def test_plugin_for_another_contract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = """
import ctypes
name, table = ctypes.c_char_p(b"needle_backend"), (ctypes.c_uint32 * 256)(99)
ctypes.pythonapi.PyCapsule_New.restype = ctypes.py_object
def load(): return ctypes.pythonapi.PyCapsule_New(ctypes.byref(table), name, None)
"""
    install(tmp_path, "new-backend", "new", code)
    monkeypatch.syspath_prepend(tmp_path)  # pyright: ignore[reportUnknownMemberType]
    with pytest.raises(nd.BackendUnavailable) as caught:
        nd.device("new")
    assert "built for another version of the contract; got API version 99; expected version 1" in str(caught.value)
    assert "; got new-backend 2.5 with needle-ndarray " in str(caught.value)


def test_two_plugins_of_one_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("first-twin", "second-twin"):
        install(tmp_path, name, "twin", "")
    monkeypatch.syspath_prepend(tmp_path)  # pyright: ignore[reportUnknownMemberType]
    with pytest.raises(nd.BackendUnavailable, match=r"2 installed backends are named 'twin'; got .*first-twin 2"):
        nd.device("twin")


def test_working_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "good-backend", "good", "from needle.ndarray.backends.numpy import load\n")
    monkeypatch.syspath_prepend(tmp_path)  # pyright: ignore[reportUnknownMemberType]
    x = nd.arange(3, device="good")
    assert (x + 1).tolist() == [1, 2, 3]
    assert str((x + 1).device) == "good"
    with pytest.raises(ValueError, match=r"\[add\] operands on different devices; got good and cpu"):
        _ = x + nd.arange(3, device="cpu")


def test_device_of_the_environment() -> None:
    code = "from needle import ndarray as nd; print(nd.ones(1).device, nd.default_device())"
    assert python("-c", code, NEEDLE_DEVICE="numpy").stdout.split() == ["numpy", "numpy"]
    assert python("-c", code, NEEDLE_DEVICE="").stdout.split() == ["cpu", "cpu"]
    result = python("-c", code, NEEDLE_DEVICE="abacus")
    assert result.returncode != 0
    assert "'abacus'; expected one of cpu, numpy" in result.stderr
    assert "(asked for by the environment variable NEEDLE_DEVICE)" in result.stderr


def test_import_is_light() -> None:
    """No plugin, no backend and no heavy module is loaded by the import."""
    heavy = "{'numpy', 'importlib.metadata', 'zipfile', 'needle.ndarray._cpu', 'needle.ndarray.backends'}"
    code = f"import sys; old = set(sys.modules); import needle.ndarray; print({heavy} & (set(sys.modules) - old))"
    assert python("-c", code).stdout.strip() == "set()"


def test_table_of_devices(tmp_path: Path) -> None:
    install(tmp_path, "broken-backend", "broken", "raise OSError('no library')\n")
    result = python("-m", "needle.ndarray", PYTHONPATH=str(tmp_path))
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert [line.split()[0] for line in lines[:4]] == ["device", "cpu", "numpy", "broken"]
    assert all(line.split()[1] == "needle-ndarray" for line in lines[1:3])
    assert "unavailable" not in lines[1] + lines[2]
    assert "broken-backend 2.5" in lines[3]
    assert "OSError: no library" in lines[3]


def test_threads() -> None:
    before = nd.get_num_threads()
    try:
        nd.set_num_threads(3)
        assert nd.get_num_threads() == 3
    finally:
        nd.set_num_threads(before)


def test_synchronize(device: str) -> None:
    nd.synchronize(device)
    nd.synchronize(nd.device(device))
