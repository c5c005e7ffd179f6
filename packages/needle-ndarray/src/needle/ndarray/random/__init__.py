"""Random numbers from counters: the same seed gives the same numbers on every device.

>>> nd.random.Generator(7, "cpu").normal(3)
NDArray([-0.22970816, -0.20041439, -0.6326745 ], dtype=float32, device=cpu)
"""

from needle.ndarray.random.generator import Generator, default_generator, manual_seed

__all__ = ["Generator", "default_generator", "manual_seed"]
