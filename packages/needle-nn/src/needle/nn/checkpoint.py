"""Checkpoints: everything that a training run needs to go on, in one ``.safetensors`` file.

Arrays lie in the file as its tensors. Everything else (numbers, text, lists, dicts) is JSON in its metadata, in which
``{"$array": name, "crc32": ...}`` stands for an array. Reading one therefore runs no code from the file.
"""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING, Any, Protocol, cast, runtime_checkable

import needle.ndarray as nd
from needle.ndarray.errors import message

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

__all__ = ["load_checkpoint", "save_checkpoint"]

KEY = "needle.checkpoint"


@runtime_checkable
class Stateful(Protocol):
    """What a checkpoint can save and restore: a model, an optimizer, a loader, a generator, ..."""

    def state_dict(self) -> Mapping[str, Any]:
        """Return the state: arrays, and plain values, in dicts and lists."""
        ...

    def load_state_dict(self, state: Any, /) -> object:
        """Take over a state that `state_dict` returned; raise and change nothing where it does not fit."""
        ...


def save_checkpoint(path: str | os.PathLike[str], **entries: Any) -> None:
    """Write objects and plain values to one file, atomically: whatever happens, ``path`` is whole, old or new.

    Args:
        path: The file, by custom ending in ``.safetensors``.
        **entries: Objects with ``state_dict`` and ``load_state_dict``, or plain values: arrays, numbers, text, None,
            and lists and dicts (with text as keys) of them.

    Raises:
        TypeError: An entry holds something else; the text says where.
        OSError: The file cannot be written.

    >>> import tempfile
    >>> from needle import nn
    >>> model, again = nn.Linear(2, 1), nn.Linear(2, 1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_checkpoint(f"{folder}/last.safetensors", model=model, epoch=3)
    ...     load_checkpoint(f"{folder}/last.safetensors", model=again)
    {'epoch': 3}
    >>> bool(nd.all(again.weight.data == model.weight.data))
    True
    """
    arrays: dict[str, nd.NDArray] = {}
    tree = {
        name: _encode(entry.state_dict() if isinstance(entry, Stateful) else entry, name, arrays)
        for name, entry in entries.items()
    }
    nd.save_safetensors(path, arrays, metadata={KEY: json.dumps(tree)})


def load_checkpoint(path: str | os.PathLike[str], **objects: Stateful) -> dict[str, Any]:
    """Restore ``objects`` from the entries of their names, and return the other entries as plain values.

    The file is read and checked as a whole first. If an object refuses its state, those before it get theirs back.

    Args:
        path: A file that `save_checkpoint` wrote.
        **objects: What to restore.

    Raises:
        ValueError: The file is damaged or no checkpoint, has no entry for an object, or an object refuses its entry.
            No object is changed.
        OSError: The file cannot be read.
    """
    entries = _read(path)
    for name in objects:
        if name not in entries:
            raise ValueError(_refusal(path, f"the checkpoint has no entry {name!r}", got=", ".join(entries) or "none"))
    before = {name: _copy(thing.state_dict()) for name, thing in objects.items()}
    restored: list[str] = []
    try:
        for name, thing in objects.items():
            restored.append(name)
            thing.load_state_dict(entries[name])
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        for name in restored:
            objects[name].load_state_dict(before[name])
        raise ValueError(_refusal(path, f"entry {restored[-1]!r} does not fit", got=str(error))) from error
    return {name: entry for name, entry in entries.items() if name not in objects}


def _read(path: str | os.PathLike[str]) -> dict[str, Any]:
    arrays, metadata = nd.load_safetensors(path)
    if KEY not in metadata:
        raise ValueError(
            _refusal(path, "the file is no checkpoint", hint="for weights alone: model.load_state_dict(arrays)")
        )
    try:
        tree = json.loads(metadata[KEY])
        return {name: _decode(entry, arrays) for name, entry in tree.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(_refusal(path, "the checkpoint is damaged", got=str(error))) from error


def _refusal(path: str | os.PathLike[str], problem: str, *, got: str = "", hint: str = "") -> str:
    return message("load_checkpoint", f"{problem} in {str(path)!r}", got=got, hint=hint)


def _encode(value: Any, place: str, arrays: dict[str, nd.NDArray]) -> Any:
    """Return ``value`` as JSON, its arrays put aside into ``arrays``, each under its place."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, nd.NDArray):
        arrays[place] = value
        return {"$array": place, "crc32": zlib.crc32(value.to_bytes())}
    if isinstance(value, list | tuple):
        items = cast("list[Any]", value)
        return [_encode(item, f"{place}.{index}", arrays) for index, item in enumerate(items)]
    pairs = cast("dict[Any, Any] | None", value if isinstance(value, dict) else None)
    if pairs is not None and all(isinstance(key, str) and key != "$array" for key in pairs):
        return {key: _encode(item, f"{place}.{key}", arrays) for key, item in pairs.items()}
    raise TypeError(
        message(
            "save_checkpoint",
            f"{place} cannot be saved",
            got=f"{value!r:.80}",
            expected="arrays, numbers, text, None, and lists and dicts (with text as keys) of them",
        )
    )


def _decode(value: Any, arrays: Mapping[str, nd.NDArray]) -> Any:
    if isinstance(value, list):
        return [_decode(item, arrays) for item in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    pairs = cast("dict[str, Any]", value)
    if "$array" not in pairs:
        return {key: _decode(item, arrays) for key, item in pairs.items()}
    array = arrays[pairs["$array"]]
    if zlib.crc32(array.to_bytes()) != pairs["crc32"]:
        raise ValueError(f"the checksum of {pairs['$array']} is not the one it was saved with")
    return array


def _copy(value: Any) -> Any:
    """Copy a state, so that it stays what it is when its owner changes."""
    if isinstance(value, nd.NDArray):
        return value.copy()
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in cast("dict[str, Any]", value).items()}
    return [_copy(item) for item in cast("list[Any]", value)] if isinstance(value, list) else value
