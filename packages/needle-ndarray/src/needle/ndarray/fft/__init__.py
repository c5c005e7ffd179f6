"""Discrete Fourier transforms: the array API standard's extension.

Transforms go through NumPy, on the host, and need it installed; frequencies and their order do not. All take real
numbers for complex ones; float16 and bfloat16 are transformed in float32.

>>> nd.fft.irfft(nd.fft.rfft(nd.asarray([1.0, 2.0, 3.0, 4.0]))).tolist()
[1.0, 2.0, 3.0, 4.0]
"""

from needle.ndarray.fft.frequencies import fftfreq, fftshift, ifftshift, rfftfreq
from needle.ndarray.fft.transforms import fft, fftn, hfft, ifft, ifftn, ihfft, irfft, irfftn, rfft, rfftn

__all__ = [
    "fft", "fftfreq", "fftn", "fftshift", "hfft", "ifft", "ifftn", "ifftshift", "ihfft", "irfft", "irfftn", "rfft",
    "rfftfreq", "rfftn",
]  # fmt: skip
