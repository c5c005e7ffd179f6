"""The peers: what to install of each, and the environments in the user's cache folder that hold them."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from environment import Environment

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "needle" / "benchmarks"


@dataclass(frozen=True)
class Peer:
    """A library to compare with."""

    needs: list[str]
    python: str = "3.12"
    """The version that it is installed for; where there is no such Python, for the one that runs this."""


PEERS = {
    "numpy": Peer(["numpy==2.5.5"]),
    "torch": Peer(["torch==2.13.0", "numpy"], python="3.11"),
    "jax": Peer(["jax==0.12.0.1", "numpy"]),
    "mlx": Peer(["mlx[cpu]==0.32.4", "numpy"]),
    "tinygrad": Peer(["tinygrad==0.14.0", "numpy"]),
}

# glibc gives large blocks back at once, and each new one then costs a page fault for every 4 KiB. Told to keep its
# blocks, and to take huge pages, it makes some peers several times as fast: that is what has to be beaten.
MALLOC = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": str(1 << 32),
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
}
VARIANTS: dict[str, tuple[str, dict[str, str]]] = {
    "needle": ("needle", {}),
    **{name: (name, {}) for name in PEERS},
    **{f"{name}+malloc": (name, MALLOC) for name in ("numpy", "torch", "jax")},
}
"""What is compared: the library of each, and the environment variables that it runs with."""


def python(library: str) -> Path | None:
    """Return the Python that has a library; None where it is not installed."""
    if library == "needle":
        return Path(sys.executable)
    environment = Environment(CACHE / library, _base(PEERS[library].python))
    return environment.python if environment.installed().get(library) == PEERS[library].needs else None


def set_up() -> None:
    """Make the environments of all peers, or bring them up to date."""
    for name, peer in PEERS.items():
        CACHE.mkdir(parents=True, exist_ok=True)
        Environment(CACHE / name, _base(peer.python)).ensure({name: peer.needs})


def _base(version: str) -> str:
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    found = [*pyenv.glob(f"{version}.*/bin/python3"), shutil.which(f"python{version}")]
    return str(next(filter(None, found), sys.executable))
