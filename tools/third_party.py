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


def python(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python where the packages in `folder` are installed; return its output, both streams in one."""
    path = os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")]))
    return subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        cwd=folder,
    )


def conform(folder: Path, *arguments: str, devices: str = "plainc,plainpy") -> subprocess.CompletedProcess[str]:
    """Run the kit on the backends in `folder`, warnings being errors."""
    kit = ["--pyargs", "needle.ndarray.conformance", f"--device={devices}", "-W", "error", "-W", EDITABLE]
    return python(folder, "-m", "pytest", "-q", "-p", "no:cacheprovider", *kit, *arguments)


def main() -> int:
    """Run the whole kit on both."""
    with tempfile.TemporaryDirectory() as folder:
        install(Path(folder))
        done = conform(Path(folder), *sys.argv[1:])
    print(done.stdout)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
