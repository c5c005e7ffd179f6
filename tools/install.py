"""Install the workspace's packages into this environment as editables: those whose C++ or metadata changed since."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from environment import ROOT, Failure, load, locked, replace, step

STAMP = Path(sys.prefix) / "needle-packages.json"


def members() -> list[Path]:
    """Return the folders of the default set-up in the order of their dependencies."""
    entries = load(ROOT / "pixi.toml")["pypi-dependencies"].values()
    return [ROOT / entry["path"] for entry in entries if entry.get("editable")]


def digest(package: Path) -> str:
    """Return a hash of all that an editable install does not see by itself: metadata, C++, the names of modules."""
    sources = [package / "pyproject.toml", package / "CMakeLists.txt"]
    sources += [*package.glob("cpp/**/*"), *package.glob("src/**/*.h")]
    total = hashlib.sha256()
    for file in sorted(file for file in sources if file.is_file()):
        total.update(f"{file.relative_to(package)}\0".encode() + file.read_bytes())
    total.update("\0".join(sorted(str(file.relative_to(package)) for file in package.glob("src/**/*.py"))).encode())
    return total.hexdigest()


def stamps() -> dict[str, str]:
    """Return the hash of each package as it was installed."""
    try:
        return json.loads(STAMP.read_text())
    except (OSError, ValueError):
        return {}


def changed(packages: list[Path]) -> dict[Path, str]:
    """Return those packages that are not installed as they stand, with their hashes."""
    known = stamps()
    now = {package: digest(package) for package in packages}
    return {package: value for package, value in now.items() if known.get(package.name) != value}


def install(package: Path) -> None:
    """Run pip on one package, showing the compiler's progress, and its output only where it fails."""
    if (package / "CMakeLists.txt").exists():
        need_compiler()
    command = [sys.executable, "-m", "pip", "install", "-v", "--disable-pip-version-check", "--no-build-isolation"]
    env = {"CMAKE_BUILD_PARALLEL_LEVEL": str(os.cpu_count() or 1), **os.environ}
    output = ""
    with subprocess.Popen(
        [*command, "-e", str(package)],
        env=env,
        close_fds=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout
        for line in process.stdout:
            output += line
            if sys.stderr.isatty() and (progress := re.match(r"\s*\[(\d+)/(\d+)\] ", line)):
                print(f"[dev] compiling: {progress[1]} of {progress[2]}", end="\r", file=sys.stderr, flush=True)
    if process.returncode:
        # Between pip's own words lie CMake's and the compiler's.
        print(output[max(output.find("*** scikit-build"), 0) :].split("error: subprocess-exited")[0], file=sys.stderr)
        raise Failure(f"[dev] {package.name} could not be built; hint: the reason is printed above")


def need_compiler() -> None:
    """Raise `Failure` where no C++ compiler can be found, before CMake says so at length."""
    names = [os.environ["CXX"].split()[0]] if os.environ.get("CXX") else ["c++", "g++", "clang++"]
    if not any(shutil.which(name) for name in names):
        hint = "on Debian and Ubuntu: apt install g++; on macOS: xcode-select --install"
        raise Failure(f"[dev] there is no C++ compiler; expected one of {', '.join(names)} on PATH; hint: {hint}")


def main() -> None:
    """Install what changed; otherwise do nothing, quickly."""
    if not changed(members()):
        return
    with locked():
        for package, value in changed(members()).items():
            with step(f"building {package.name}"):
                install(package)
            replace(STAMP, json.dumps({**stamps(), package.name: value}, indent=1))


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        sys.exit(str(failure))
    except KeyboardInterrupt:
        sys.exit(130)
