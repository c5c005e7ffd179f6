"""The entry point of the backend `plainpy`."""

from needle_backend_plainpy.backend import PlainBackend


def load() -> PlainBackend:
    """Return the backend."""
    return PlainBackend()
