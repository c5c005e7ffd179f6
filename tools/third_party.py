"""The two example backends as a stranger's packages: build and install them into a folder, run the kit on them.

As a program: the whole conformance kit on both; arguments go to pytest.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from environment import ROOT

BACKENDS = {"plainc": ROOT / "examples" / "backend-c", "plainpy": ROOT / "examples" / "backend-python"}

# An editable install has a module of its own that pytest finds imported already; it is not the kit's.
EDITABLE = "ignore:Module already imported so cannot be rewritten; _editable"


def install(folder: Path) -> None:
    """Build both packages and install them into `folder`, with nothing from a network."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-index", "--no-deps"]
    packages = [str(path) for path in BACKENDS.values()]
    subprocess.run([*pip, "--no-build-isolation", "--target", str(folder), *packages], check=True)


def python(folder: Path, *arguments: str, stdout: int | None = subprocess.PIPE) -> subprocess.CompletedProcess[str]:
    """Run Python where the packages in `folder` are installed; return its output, both streams in one."""
    path = os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")]))
    command, env = [sys.executable, *arguments], {**os.environ, "PYTHONPATH": path}
    return subprocess.run(command, env=env, stdout=stdout, stderr=subprocess.STDOUT, text=True, check=False, cwd=folder)


def kit(*arguments: str, devices: str = ",".join(BACKENDS)) -> list[str]:
    """Return the arguments of Python that run the conformance kit on devices, warnings being errors."""
    warnings = ["-W", "error", "-W", EDITABLE]
    run = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "--pyargs", "needle.ndarray.conformance"]
    return [*run, f"--device={devices}", *warnings, *arguments]


def main() -> int:
    """Run the whole kit on both."""
    with tempfile.TemporaryDirectory() as folder:
        install(Path(folder))
        return python(Path(folder), *kit(*sys.argv[1:]), stdout=None).returncode


if __name__ == "__main__":
    sys.exit(main())
