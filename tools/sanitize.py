"""Build the C++ of needle-ndarray with GCC's sanitizers and run what would find a fault: addresses, undefined, threads.

Python itself is not built so: the sanitizer's library is loaded before all others, and the modules are found in a
virtual environment of its own, beside links to the Python sources. `live_buffers` finds leaks, in the tests.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pybind11

from environment import ROOT, Failure, step

PACKAGE = ROOT / "packages" / "needle-ndarray"
BUILD = PACKAGE / "build" / "sanitize"
COMPILER = os.environ.get("CXX", "c++")  # as CMake has it

# Tests of what C++ does, but for those that limit a process's memory, of which the sanitizer takes terabytes.
TESTS = [
    "test_composite_properties.py", "test_conv.py", "test_cpu_backend.py", "test_elementwise.py", "test_indexed.py",
    "test_indexing.py", "test_matmul.py", "test_ndarray.py", "test_pooling.py", "test_properties.py",
    "test_reductions.py", "test_softmax.py", "test_views.py",
]  # fmt: skip
LEFT_OUT = "not more_memory and not stub"


def run(command: list[str], problem: str, **variables: str) -> None:
    """Run a command in the root, or raise `Failure`."""
    if code := subprocess.run(command, cwd=ROOT, env={**os.environ, **variables}, check=False).returncode:
        raise Failure(f"[sanitize] {problem}; got exit code {code}; hint: the reason is printed above")


def build(sanitizers: str, target: str) -> Path:
    """Configure and build into a folder of its own, which is returned."""
    folder = BUILD / sanitizers.partition(",")[0]
    settings = {
        "CMAKE_BUILD_TYPE": "RelWithDebInfo",
        "NEEDLE_SANITIZE": sanitizers,
        "Python_EXECUTABLE": sys.executable,
        "pybind11_DIR": pybind11.get_cmake_dir(),
    }
    options = [f"-D{name}={value}" for name, value in settings.items()]
    run(["cmake", "-S", str(PACKAGE), "-B", str(folder), "-G", "Ninja", *options], "cannot configure the build")
    run(["cmake", "--build", str(folder), "--target", target], "the build failed")
    return folder


def environment(modules: Path) -> Path:
    """Make a virtual environment with this one's packages, and needle.ndarray on those modules; return its Python."""
    folder = BUILD / "venv"
    shutil.rmtree(folder, ignore_errors=True)
    venv.create(folder, symlinks=True)
    ndarray = folder / "sources" / "needle" / "ndarray"
    ndarray.mkdir(parents=True)
    for source in [*(PACKAGE / "src" / "needle" / "ndarray").iterdir(), *modules.glob("**/_c*.so")]:
        (ndarray / source.name).symlink_to(source)
    paths = [ndarray.parent.parent, *ROOT.glob("packages/*/src"), Path(sysconfig.get_path("purelib"))]
    paths.remove(PACKAGE / "src")
    own = Path(sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)}))
    (own / "needle.pth").write_text("".join(f"{path}\n" for path in paths))
    return folder / "bin" / "python"


def library(name: str) -> str:
    """Return the path of one of the compiler's libraries."""
    found = subprocess.run([COMPILER, f"-print-file-name={name}"], capture_output=True, text=True, check=True).stdout
    if not os.path.isabs(found.strip()):
        raise Failure(f"[sanitize] {COMPILER} has no {name}; expected GCC with its sanitizers")
    return found.strip()


def main(arguments: list[str]) -> None:
    """Run all; arguments go to pytest instead of the usual choice of tests, on addresses and undefined behaviour."""
    with step("building with the sanitizers of addresses and undefined behaviour"):
        python = str(environment(build("address,undefined", "all")))
    variables = {
        # The C++ library too: exceptions are looked up in it before anything that is sanitized is loaded.
        "LD_PRELOAD": f"{library('libasan.so')}:{library('libstdc++.so.6')}",
        # Without detect_stack_use_after_return, whose frames are not aligned for vectors of 64 bytes (GCC bug 110027).
        "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1",
        "UBSAN_OPTIONS": "print_stacktrace=1",
        "PYTHONMALLOC": "malloc",
    }
    pytest = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--no-header"]
    tests = [str(PACKAGE / "tests" / name) for name in TESTS]
    for chosen in (
        [arguments]
        if arguments
        else [["--backend=cpu", "-k", LEFT_OUT, *tests], ["--pyargs", "needle.ndarray.conformance"]]
    ):
        run([*pytest, *chosen], "the tests fail with the sanitizers of addresses and undefined behaviour", **variables)
    if arguments:
        return
    with step("building with the sanitizer of threads"):
        stress = build("thread", "stress") / "cpp" / "cpu" / "stress"
    with step("many threads"):
        run([str(stress)], "the sanitizer of threads found a fault", TSAN_OPTIONS="halt_on_error=1")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except Failure as failure:
        sys.exit(str(failure))
    except KeyboardInterrupt:
        sys.exit(130)
