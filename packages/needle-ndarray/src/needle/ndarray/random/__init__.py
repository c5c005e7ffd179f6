"""Random numbers from counters: the same seed gives the same numbers on every device.

`words` draws bits and splits generators; `continuous`, `gammas`, `discrete` and `counts` make distributions of them,
with no functions but those of `exact`; `generator` puts them together.

An element of a large float32 array takes about 8 ns (uniform), 30 ns (normal, exponential, laplace, cauchy), 45 ns
(gumbel), 60 ns (log_normal), 90 ns (truncated_normal), 180 ns (gamma) or 350 ns (beta) on two cores, a count 100 to
600 ns (poisson, binomial), some times what NumPy takes on one: the price of equal bits. A small array takes about
70 us, for some 70 calls of the contract.

>>> nd.random.Generator(7, "cpu").normal(3)
NDArray([-0.22970816, -0.20041439, -0.6326745 ], dtype=float32, device=cpu)
"""

from needle.ndarray.random.generator import Generator, default_generator, manual_seed

__all__ = ["Generator", "default_generator", "manual_seed"]
