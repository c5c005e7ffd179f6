"""The one form of an error message: ``[op] what is wrong; got ...; expected ...; hint ...``."""

from __future__ import annotations

__all__ = ["message"]


def message(op: str, problem: str, *, got: str = "", expected: str = "", hint: str = "") -> str:
    """Return an error's text; parts without content are left out.

    >>> message("take", "indices are not integers", got="float32", hint="cast them with astype")
    '[take] indices are not integers; got float32; hint: cast them with astype'
    """
    parts = [f"[{op}] {problem}"]
    parts += [f"{word} {text}" for word, text in (("got", got), ("expected", expected), ("hint:", hint)) if text]
    return "; ".join(parts)
