"""Discrete Fourier transforms of tensors, with the names and signatures of `needle.ndarray.fft`.

>>> x = tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True)
>>> abs(fft.rfft(x)).sum().backward()
>>> x.grad.shape
(4,)
"""

from needle.autograd.ops.fourier import (
    fft,
    fftfreq,
    fftn,
    fftshift,
    hfft,
    ifft,
    ifftn,
    ifftshift,
    ihfft,
    irfft,
    irfftn,
    rfft,
    rfftfreq,
    rfftn,
)

__all__ = [
    "fft", "fftfreq", "fftn", "fftshift", "hfft", "ifft", "ifftn", "ifftshift", "ihfft", "irfft", "irfftn", "rfft",
    "rfftfreq", "rfftn",
]  # fmt: skip
