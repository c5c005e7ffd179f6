"""Build the cpu backend for 64-bit Arm with a cross compiler, and run the conformance kit on it in an emulator.

Debian's packages g++-aarch64-linux-gnu and qemu-user have these two. Arguments go to pytest: ``./dev neon -k matmul``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import threading
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pybind11

import third_party
from environment import ROOT, Failure, step
from needle.ndarray.backend import View
from needle.ndarray.conformance.elements import encode
from needle.ndarray.conformance.table import ERRORS, FAMILIES, Buffer, DLTensor, TableBackend, tensor

PACKAGE = ROOT / "packages" / "needle-ndarray"
BUILD = PACKAGE / "build" / "neon"
COMPILER, EMULATOR = "aarch64-linux-gnu-g++", "qemu-aarch64"


class Served(TableBackend):
    """The table of the program `served.cpp`, which runs by a command."""

    def __init__(self, *command: str) -> None:
        self.process: Any = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.name, self.table, self.context, self.codes = "neon", self, None, {}
        self.has_composite = True
        self.dropped: list[tuple[int, int]] = []
        self.lock = threading.Lock()  # one call at a time

    def _call(self, function: str, *args: Any) -> None:
        self._ask(function, *args)

    def _ask(self, function: str, *args: Any, payload: bytes | memoryview = b"", into: memoryview | None = None) -> str:
        with self.lock:
            while self.dropped:
                data, nbytes = self.dropped.pop()
                self._exchange("free", data, 0, nbytes)
            result = self._exchange(function, *args, payload=payload)
            if into:
                self.process.stdout.readinto(into)
            return result

    def _exchange(self, function: str, *args: Any, payload: bytes | memoryview = b"") -> str:
        self.process.stdin.write(f"{function} {' '.join(map(_written, args))}\n".encode())
        self.process.stdin.write(payload)
        self.process.stdin.flush()
        status, _, result = self.process.stdout.readline().decode().rstrip("\n").partition(" ")
        if not status:
            raise RuntimeError(f"the program ended in {function}, with exit code {self.process.wait()}")
        if status != "0":
            raise ERRORS[int(status)](result)
        return result

    def _op(self, family: str, op: str) -> int:
        return int(self._ask("op", FAMILIES.index(family), op))

    def device_count(self) -> int:
        """Return 1: the program has one."""
        return 1

    def describe(self, device: int) -> str:
        """Return what the program says of itself."""
        return self._ask("describe")

    def alloc(self, nbytes: int, device: int) -> Buffer:
        """Return memory of the program."""
        return Buffer(self, device, nbytes, int(self._ask("alloc", nbytes)))

    def free(self, context: object, device: int, data: int, nbytes: int) -> None:
        """Free it before the next call: buffers are dropped at any time, in the middle of one too."""
        self.dropped.append((data, nbytes))

    def upload(self, host: memoryview, buffer: Buffer, offset: int) -> None:
        """Send bytes."""
        self._ask("upload", buffer.data, offset, host.nbytes, payload=host)

    def download(self, buffer: Buffer, offset: int, host: memoryview) -> None:
        """Receive bytes."""
        self._ask("download", buffer.data, offset, host.nbytes, into=host)

    def fill(self, value: complex, out: View) -> None:
        """Send one element."""
        self._ask("fill", tensor(out), payload=encode([value], out.dtype.name).tobytes())

    def composite(
        self,
        op: str,
        inputs: Sequence[View | None],
        outputs: Sequence[View | None],
        integers: Sequence[int],
        reals: Sequence[float],
    ) -> None:
        """Send counts, views, and numbers, those that are not whole by their bits."""
        counts = map(len, (inputs, outputs, integers, reals))
        views = [v and tensor(v) for v in (*inputs, *outputs)]
        bits = array("q", array("d", reals).tobytes())
        self._call("composite", self._op("composite", op), *counts, *views, *integers, *bits)


def _written(argument: Any) -> str:
    if not isinstance(argument, DLTensor):
        return str(-1 if argument is None else argument)
    t = argument
    numbers = [t.ndim, t.data, t.dtype.code, t.dtype.bits, t.byte_offset, *t.shape[: t.ndim], *t.strides[: t.ndim]]
    return " ".join(map(str, numbers))


def load() -> Served:
    """Return the backend: the entry point."""
    return Served(EMULATOR, str(BUILD / "cpp" / "cpu" / "served"))


def build() -> None:
    """Build the program, with all libraries in it, so that the emulator needs none."""
    settings = {
        "CMAKE_SYSTEM_NAME": "Linux",
        "CMAKE_SYSTEM_PROCESSOR": "aarch64",
        "CMAKE_C_COMPILER": COMPILER.replace("g++", "gcc"),
        "CMAKE_CXX_COMPILER": COMPILER,
        "CMAKE_EXE_LINKER_FLAGS": "-static",
        "Python_EXECUTABLE": sys.executable,
        "pybind11_DIR": pybind11.get_cmake_dir(),
    }
    options = [f"-D{name}={value}" for name, value in settings.items()]
    for command in (
        ["cmake", "-S", str(PACKAGE), "-B", str(BUILD), "-G", "Ninja", *options],
        ["cmake", "--build", str(BUILD), "--target", "served"],
    ):
        if subprocess.run(command, check=False).returncode:
            raise Failure("[neon] the build failed; hint: the reason is printed above")


def main(arguments: list[str]) -> int:
    """Build it and run the kit on it."""
    missing = [name for name in (COMPILER, EMULATOR) if not shutil.which(name)]
    if missing:
        hint = "apt install g++-aarch64-linux-gnu qemu-user"
        raise Failure(f"[neon] a program is missing; got no {' and no '.join(missing)}; hint: {hint}")
    with step("building for 64-bit Arm"):
        build()
    with tempfile.TemporaryDirectory() as folder:
        info = Path(folder) / "needle_neon-0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: needle-neon\nVersion: 0\n")
        (info / "entry_points.txt").write_text("[needle.backends]\nneon = neon:load\n")
        os.environ["PYTHONPATH"] = str(Path(__file__).parent)
        return third_party.python(Path(folder), *third_party.kit(*arguments, devices="neon"), stdout=None).returncode


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Failure as failure:
        sys.exit(str(failure))
