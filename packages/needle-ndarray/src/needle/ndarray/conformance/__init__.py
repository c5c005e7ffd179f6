"""The conformance kit: what a backend has to give, function by function, dtype by dtype, layout by layout.

To run it on a device whose backend is installed, as an entry point of the group ``needle.backends``::

    pip install "needle-ndarray[conformance]"
    pytest --pyargs needle.ndarray.conformance --device=cuda

``--device=cuda:1`` names another device of the backend, ``--device=cpu,numpy`` several, and ``-k float16`` runs a part.
A backend is done when all tests pass. Those of composites are skipped where a backend leaves them to the front.

The kit calls the functions of the contract themselves, those of a C table through ctypes, because the front would not
show a backend all that the contract allows: outputs of any strides, empty views, every pair of layouts. For each
function it says what must come out by the definitions in oracle.py or in the test's own few lines, and checks that no
byte outside of the output has changed. Results have to be exact, but for:

- transcendental functions: the units in the last place that oracle.py states for each; 1 for the halves;
- all functions of complex numbers: 16 units in the last place of the result's absolute value;
- composites: what the tests of each say;
- sums and products of floats (sum, prod, their scans, matmul, scatter "add"): n terms may be off by
  (8 + sqrt(n)) * u * sum(abs(terms)), a product likewise in relative terms, with u = 2**-24 for float32, complex64 and
  the halves (which are then rounded once more) and 2**-53 for float64 and complex128.

Signs of zeros count where elements are only moved.
"""

from __future__ import annotations

import pytest

PACKAGE = __name__


def pytest_load_initial_conftests(parser: pytest.Parser, args: list[str]) -> None:
    """Add the option; only where the kit is what is run, because `--device` may be somebody else's elsewhere."""
    if any(arg.startswith(PACKAGE) for arg in args):
        parser.addoption("--device", default="cpu", help="device to test, or several: NAME[:INDEX][,NAME[:INDEX]...]")
