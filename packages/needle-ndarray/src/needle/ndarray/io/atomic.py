"""Files that are written whole or not at all."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO

from needle.ndarray.errors import message

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["atomic_write"]


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Generator[BinaryIO]:
    """Open a binary file that takes the place of `path` once the block ends, and not at all if it raises.

    Until then it is a temporary file in the same folder, so that readers see the old content or the whole of the new.

    Raises:
        OSError: the folder does not exist or cannot be written to, or `path` is a folder; of the fitting subclass.

    >>> with atomic_write("greeting.txt") as file:
    ...     _ = file.write(b"Hello")
    """
    target = os.path.realpath(path)
    folder, name = os.path.split(target)
    if os.path.isdir(target):
        raise IsADirectoryError(message("atomic_write", "this is a folder", got=target, expected="the path of a file"))
    temporary = os.path.join(folder, f".{name}.{os.urandom(8).hex()}.tmp")
    try:
        try:
            file = open(temporary, "xb")  # noqa: SIM115 - closed below
        except OSError as error:
            problem = "cannot write to the folder" if os.path.isdir(folder) else "there is no such folder"
            raise type(error)(message("atomic_write", problem, got=f"{folder} ({error.strerror})")) from error
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:  # Ctrl-C too
        with suppress(OSError):
            os.unlink(temporary)
        raise
