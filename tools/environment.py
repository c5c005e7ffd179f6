"""The environment `.venv`: made by the standard library's venv and pip, from the groups of pyproject.toml."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"


class Failure(Exception):
    """What the user reads on standard error before exit code 1."""


@contextmanager
def locked() -> Generator[None]:
    """Keep out a second `./dev`; the lock lies on a file that is always there."""
    with (ROOT / "pixi.toml").open("r+b") as file:
        os.set_inheritable(file.fileno(), True)  # the commands of the set-up hold it too, should they outlive us
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another ./dev to finish its set-up")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def say(text: str) -> None:
    """Print a line about the set-up, apart from a task's own output."""
    print(f"[dev] {text}", file=sys.stderr, flush=True)


@contextmanager
def step(text: str) -> Generator[None]:
    """Announce a slow step, then print how long it took."""
    say(f"{text} ...")
    start = time.monotonic()
    yield
    say(f"{text}: done in {time.monotonic() - start:.1f} s")


def requirements(groups: Mapping[str, list[Any]], name: str) -> list[str]:
    """Return the requirements of a PEP 735 group, those of the groups it includes among them."""
    found: list[str] = []
    for entry in groups[name]:
        found += [entry] if isinstance(entry, str) else requirements(groups, entry["include-group"])
    return found


class Environment:
    """A venv folder and the stamp in it, which is written last: a set-up that was interrupted is done again.

    It is made with the Python ``base``, by default the one that runs this.
    """

    def __init__(self, folder: Path = VENV, base: str | None = None) -> None:
        self.folder = folder
        self.base: str = base or getattr(sys, "_base_executable", sys.executable)
        self.python = folder / "bin" / "python"
        self.stamp = folder / "needle.json"
        # A venv holds absolute paths: of itself, and of the Python that it was made from.
        self.identity = [*([base] if base else [sys.version, sys.base_prefix]), str(folder)]

    def installed(self) -> dict[str, list[str]]:
        """Return the requirements of each group that is there; of none if the venv must be made anew."""
        try:
            stamp = json.loads(self.stamp.read_text())
            return stamp["groups"] if stamp["identity"] == self.identity and self.python.exists() else {}
        except (OSError, ValueError, KeyError, TypeError):
            return {}

    def ensure(self, wanted: Mapping[str, list[str]]) -> None:
        """Make the venv if need be, and install the groups that it has not, or has otherwise."""
        if self._missing(wanted):
            with locked():
                if missing := self._missing(wanted):
                    self._install(missing, wanted)

    def _missing(self, wanted: Mapping[str, list[str]]) -> list[str]:
        installed = self.installed()
        return [name for name, needs in wanted.items() if installed.get(name) != needs]

    def _install(self, missing: list[str], wanted: Mapping[str, list[str]]) -> None:
        installed = self.installed()
        if not installed:
            with step(f"making {self.folder.name} with {self.base}"):
                check([self.base, "-m", "venv", "--clear", str(self.folder)], "making the environment failed")
        with step(f"installing requirements: {', '.join(missing)}"):
            needs = [need for name in missing for need in wanted[name]]
            pip(self.python, *needs)
        stamp = {"identity": self.identity, "groups": {**installed, **{name: wanted[name] for name in missing}}}
        replace(self.stamp, json.dumps(stamp, indent=1))


def pip(python: Path | str, *arguments: str) -> None:
    """Run pip's install quietly; a failure ends the set-up with pip's own words above it."""
    command = [str(python), "-m", "pip", "install", "-qq", "--disable-pip-version-check", *arguments]
    check(command, "pip could not install what is needed")


def check(command: list[str], problem: str) -> None:
    """Run a command of the set-up, or raise `Failure`."""
    # In a session of its own, so that Ctrl-C reaches it through us alone: it ends at once, with all that it started.
    with subprocess.Popen(command, cwd=ROOT, start_new_session=True, close_fds=False) as process:
        try:
            code = process.wait()
        except KeyboardInterrupt:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    if code:
        raise Failure(f"[dev] {problem}; got exit code {code}; hint: the reason is printed above; ./dev tries again")


def replace(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    part = path.with_suffix(".part")
    part.write_text(text)
    os.replace(part, path)


def load(path: Path) -> dict[str, Any]:
    """Read a TOML file."""
    with path.open("rb") as file:
        return tomllib.load(file)
