"""The elementwise functions, which the C++ front makes of the lines of cpp/ops/elementwise.inc."""

from needle.ndarray import _core

functions = _core.unary | _core.binary
globals().update(functions)
__all__ = list(functions)  # pyright: ignore[reportUnsupportedDunderAll]
