"""The plugins say truthfully why their devices are unavailable, and are listed where they are installed."""

from __future__ import annotations

import importlib
import os
import platform
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from needle.ndarray.backend import BackendUnavailable

PACKAGES = Path(__file__).parent.parent / "packages"
COMPILER = shutil.which(os.environ.get("CXX", "c++"))

# A driver with as many devices as DEVICES says, or an error of cuInit.
DRIVER = """
extern "C" int cuInit(unsigned) { return INIT; }
extern "C" int cuDeviceGetCount(int* count) { *count = DEVICES; return COUNT; }
"""


@pytest.fixture
def plugin(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch):
    """Load the module of a plugin that is not installed, the one in the test's name."""
    name = "cuda" if "cuda" in request.node.name else "metal"
    source = PACKAGES / f"needle-backend-{name}" / "src" / "needle"
    namespace = importlib.import_module("needle")
    monkeypatch.setattr(namespace, "__path__", [*namespace.__path__, str(source)])
    return importlib.import_module(f"needle.backend.{name}")


def reason(plugin) -> str:
    with pytest.raises(BackendUnavailable) as error:
        plugin.load()
    return str(error.value)


def test_cuda_without_driver(plugin, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(plugin, "_DRIVER", "libno-such-driver.so.1")
    text = reason(plugin)
    assert text.startswith("[cuda] no NVIDIA driver was found; got libno-such-driver.so.1: ")
    assert text.endswith("; expected the library libno-such-driver.so.1; hint: install the NVIDIA driver")


@pytest.mark.skipif(COMPILER is None or sys.platform == "win32", reason="compiles a stand-in for the driver")
@pytest.mark.parametrize(
    ("init", "devices", "count", "text"),
    [
        (0, 1, 0, "this version of needle-backend-cuda has no kernels yet; got an NVIDIA driver with 1 device; hint"),
        (0, 8, 0, "this version of needle-backend-cuda has no kernels yet; got an NVIDIA driver with 8 devices; hint"),
        (
            100,
            9,
            0,
            "this version of needle-backend-cuda has no kernels yet; got an NVIDIA driver with 0 devices; hint",
        ),
        (3, 9, 0, "the NVIDIA driver does not start; got driver error 3; hint: run nvidia-smi"),
        (0, 9, 4, "the NVIDIA driver does not start; got driver error 4; hint: run nvidia-smi"),
    ],
)
def test_cuda_with_driver(plugin, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, init, devices, count, text):
    source, library = tmp_path / "driver.cpp", tmp_path / f"libcuda-{init}-{devices}-{count}.so"
    source.write_text(DRIVER)
    macros = [f"-DINIT={init}", f"-DDEVICES={devices}", f"-DCOUNT={count}"]
    subprocess.run([str(COMPILER), "-shared", "-fPIC", *macros, source, "-o", library], check=True)
    monkeypatch.setattr(plugin, "_DRIVER", str(library))
    assert reason(plugin).startswith(f"[cuda] {text}")


def test_metal_elsewhere(plugin, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    assert reason(plugin) == '[metal] Metal is a part of macOS; got Linux; hint: use device("cpu")'


def test_metal_on_macos(plugin, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    assert reason(plugin) == '[metal] this version of needle-backend-metal has no kernels yet; hint: use device("cpu")'


@pytest.mark.parametrize("name", ["cuda", "metal"])
def test_installed_plugin_is_listed_with_its_reason(name: str, tmp_path: Path):
    package = PACKAGES / f"needle-backend-{name}"
    project = tomllib.loads((package / "pyproject.toml").read_text())["project"]
    info = tmp_path / f"needle_backend_{name}-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    (entry,) = project["entry-points"]["needle.backends"].items()
    (info / "entry_points.txt").write_text(f"[needle.backends]\n{entry[0]} = {entry[1]}\n")
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(package / "src")])}
    command = [sys.executable, "-m", "needle.ndarray"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (row,) = [line for line in done.stdout.splitlines() if line.startswith(f"{name} ")]
    assert f"needle-backend-{name} {project['version']}" in row
    assert f"[{name}]" in row
