"""Read damaged files: each reader gets mutations of a sound file, and may answer with arrays or with a clean error.

`./dev fuzz` gives each reader a minute. A seed fixes the files; the first that a reader stumbles over is kept in runs/.
Clean is a ValueError or an OSError in the house form, in time, and without a memory that the file does not explain.
"""

from __future__ import annotations

import argparse
import faulthandler
import gzip
import random
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import needle.ndarray as nd
from environment import ROOT
from needle.data import Digits, digits
from needle.ndarray.io import SafetensorsFile
from needle.ndarray.io.npy import load_npy, load_npz, save_npy, save_npz
from needle.nn import Linear, load_checkpoint, save_checkpoint

MEMORY = 3 << 30  # bytes of address space, of which libraries and the stacks of threads take a part
PATIENCE = 20  # seconds for one file
PREFIX = 8  # bytes of a safetensors file before its header, which state the header's length


def unrepaired(file: bytes) -> bytes:
    """Return the file."""
    return file


@dataclass(frozen=True)
class Reader:
    """How to make a sound file, and how to read one."""

    write: Callable[[Path], object]
    read: Callable[[Path], object]
    repair: Callable[[bytes], bytes] = unrepaired
    """Makes the checks at a file's door hold again, so that what lies behind it is reached too."""


def arrays() -> dict[str, nd.NDArray]:
    """Return arrays of several dtypes and ranks."""
    x = nd.arange(24).reshape(2, 3, 4)
    return {"a": x.astype(nd.float32), "b": nd.isnan(x), "c": x[0, 0].astype(nd.bfloat16), "d": nd.zeros((0, 2))}


def write_npz(path: Path) -> None:
    """Write those that NumPy has to a .npz file."""
    save_npz(path, {name: x for name, x in arrays().items() if name != "c"})


def write_deflated(path: Path) -> None:
    """Write the same, as NumPy's `savez_compressed` does."""
    write_npz(path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)


def header_length(file: bytes) -> bytes:
    """Let a safetensors file state the length that its header has, up to the last brace."""
    end = file.rfind(b"}") + 1
    return max(end - PREFIX, 0).to_bytes(PREFIX, "little") + file[PREFIX:]


def read_digits(path: Path) -> object:
    """Read the file as that of the handwritten digits."""
    with mock.patch.object(digits, "FILE", path):
        return Digits("train")


def read_rows(path: Path) -> object:
    """Read a text as the rows of that file."""
    path.write_bytes(gzip.compress(path.read_bytes(), 1))
    return read_digits(path)


READERS = {
    "load_safetensors": Reader(
        lambda path: nd.save_safetensors(path, arrays(), {"k": "v"}), nd.load_safetensors, header_length
    ),
    "SafetensorsFile": Reader(
        lambda path: nd.save_safetensors(path, arrays(), {"k": "v"}),
        lambda path: dict(SafetensorsFile(path)),
        header_length,
    ),
    "load_npy": Reader(lambda path: save_npy(path, nd.arange(24).reshape(2, 3, 4)), load_npy),
    "load_npz": Reader(write_npz, load_npz),
    "load_npz-deflated": Reader(write_deflated, load_npz),
    "load_checkpoint": Reader(
        lambda path: save_checkpoint(path, model=Linear(3, 2), epoch=[1, {"x": None}], **arrays()),
        load_checkpoint,
        header_length,
    ),
    "Digits": Reader(lambda path: path.write_bytes(digits.FILE.read_bytes()), read_digits),
    "Digits-rows": Reader(
        lambda path: path.write_bytes(gzip.decompress(digits.FILE.read_bytes())[:5_000].rpartition(b"\n")[0]), read_rows
    ),
}

NUMBERS = [(2**n).to_bytes(8, "little") for n in (31, 40, 62, 63)]
PIECES = [
    *NUMBERS,
    b"\0",
    b"\xff" * 8,
    b"\0" * 8,
    b"[" * 3000,
    b"9" * 30,
    b"-1",
    b"1e999",
    b"NaN",
    b'"',
    b"{",
    b"]",
    b",",
    b"0",
]


def mutated(sound: bytes, source: random.Random) -> bytes:
    """Return a file with one to four changes, most of them near its ends, where headers and directories lie."""
    file = bytearray(sound)
    for _ in range(source.randint(1, 4)):
        near = min(len(file), 400)
        at = source.choice(
            [source.randrange(len(file) + 1), source.randrange(near + 1), len(file) - source.randint(0, near)]
        )
        n = source.choice([1, 1, 2, 4, 8, source.randint(1, 64)])
        match source.randrange(6):
            case 0:
                file[at : at + 1] = bytes([source.randrange(256)])
            case 1:
                file[at : at + n] = source.choice(PIECES)
            case 2:
                file[at:at] = source.choice(PIECES)
            case 3:
                file[at:at] = file[at : at + n] * source.choice([1, 2, 1000])
            case 4:
                del file[at : at + n]
            case _:
                if source.randrange(5) == 0:
                    del file[at:]
    return bytes(file)


def attack(name: str, seed: int, files: int, seconds: float) -> str:
    """Read mutated files until so many are read or the time is over; return a line on them, or raise what was wrong."""
    reader, source, refused, start = READERS[name], random.Random(f"{name} {seed}"), 0, time.monotonic()
    kept = ROOT / "runs" / f"fuzz-{name}"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        reader.write(path)
        sound = path.read_bytes()
        reader.read(path)
        done = 0
        while done < files and time.monotonic() < start + seconds:
            file = mutated(sound, source)
            path.write_bytes(reader.repair(file) if source.randrange(2) else file)
            faulthandler.dump_traceback_later(PATIENCE, exit=True)
            try:
                reader.read(path)
            except Exception as error:
                if not isinstance(error, ValueError | OSError) or not str(error).startswith("["):
                    kept.parent.mkdir(exist_ok=True)
                    kept.write_bytes(path.read_bytes())
                    raise AssertionError(f"an error that is not clean, on {kept}: {error!r}") from error
                refused += 1
            finally:
                faulthandler.cancel_dump_traceback_later()
            done += 1
    return f"{name}: {done} files of seed {seed}, {refused} refused"


def main() -> int:
    """Attack one reader in this process, or each in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("reader", nargs="?", choices=READERS, help="one reader; all without it")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--files", type=int, default=sys.maxsize, help="how many each reader gets at most")
    parser.add_argument("--seconds", type=float, default=60, help="how long each reader gets at most")
    given = parser.parse_args()
    if given.reader:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        print(attack(given.reader, given.seed, given.files, given.seconds), flush=True)
        return 0
    options = [f"--seed={given.seed}", f"--files={given.files}", f"--seconds={given.seconds}"]
    commands = [[sys.executable, __file__, name, *options] for name in READERS]
    failed = sum(subprocess.run(command, check=False).returncode != 0 for command in commands)
    if failed:
        print(f"{failed} readers failed; the files are in {ROOT / 'runs'}", file=sys.stderr)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
