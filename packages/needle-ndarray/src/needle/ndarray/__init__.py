"""N-dimensional arrays on any device, by the names of the Python array API standard.

>>> from needle import ndarray as nd
>>> x = nd.asarray([[1.0, 2.0], [3.0, 4.0]])
>>> nd.sum(x @ x, axis=0).tolist()
[22.0, 32.0]
"""

from needle.ndarray import _elementwise, fft, io, linalg, random
from needle.ndarray import exchange as _exchange
from needle.ndarray._core import (
    BackendError,
    Device,
    DType,
    NDArray,
    all,
    any,
    argmax,
    argmin,
    argsort,
    as_strided,
    astype,
    broadcast_shapes,
    broadcast_to,
    contiguous,
    copy,
    cumulative_prod,
    cumulative_sum,
    expand_dims,
    flip,
    matmul,
    max,
    min,
    permute_dims,
    prod,
    reshape,
    result_type,
    scatter,
    sort,
    squeeze,
    sum,
    take,
    take_along_axis,
    where,
    windows,
)
from needle.ndarray._elementwise import *  # noqa: F403  # pyright: ignore[reportWildcardImportFromLibrary]
from needle.ndarray.arithmetic import clip, diff
from needle.ndarray.arrangement import moveaxis, repeat, roll, split, swapaxes, tile, unfold, unstack
from needle.ndarray.backend import Backend, BackendUnavailable, View
from needle.ndarray.constants import e, inf, nan, newaxis, pi
from needle.ndarray.contraction import matrix_transpose, tensordot, vecdot
from needle.ndarray.conv import conv
from needle.ndarray.creation import (
    arange,
    asarray,
    empty,
    empty_like,
    eye,
    from_numpy,
    full,
    full_like,
    ones,
    ones_like,
    zeros,
    zeros_like,
)
from needle.ndarray.devices import (
    default_device,
    device,
    devices,
    get_num_threads,
    set_default_device,
    set_num_threads,
    synchronize,
)
from needle.ndarray.dtype_info import can_cast, finfo, iinfo, isdtype
from needle.ndarray.dtypes import (
    bfloat16,
    bool,
    complex64,
    complex128,
    float8_e4m3fn,
    float8_e5m2,
    float16,
    float32,
    float64,
    int8,
    int16,
    int32,
    int64,
    uint8,
    uint16,
    uint32,
    uint64,
)
from needle.ndarray.einsum import einsum
from needle.ndarray.exchange import from_dlpack
from needle.ndarray.grids import linspace, meshgrid, tril, triu
from needle.ndarray.inspection import __array_api_version__, __array_namespace_info__
from needle.ndarray.io import load, load_safetensors, save, save_safetensors
from needle.ndarray.manipulation import broadcast_arrays, concat, pad, stack
from needle.ndarray.memory import empty_cache, memory_stats, reset_peak_memory_stats, set_cache_limit
from needle.ndarray.pooling import max_pool, max_pool_gradient, max_pool_places
from needle.ndarray.printing import array_repr as _array_repr
from needle.ndarray.reductions import mean, std, var
from needle.ndarray.searching import count_nonzero, nonzero, searchsorted, topk
from needle.ndarray.sets import isin, unique_all, unique_counts, unique_inverse, unique_values
from needle.ndarray.softmax import log_softmax, softmax

__all__ = [
    "Backend",
    "BackendError",
    "BackendUnavailable",
    "DType",
    "Device",
    "NDArray",
    "View",
    "__array_api_version__",
    "__array_namespace_info__",
    "all",
    "any",
    "arange",
    "argmax",
    "argmin",
    "argsort",
    "as_strided",
    "asarray",
    "astype",
    "bfloat16",
    "bool",
    "broadcast_arrays",
    "broadcast_shapes",
    "broadcast_to",
    "can_cast",
    "clip",
    "complex64",
    "complex128",
    "concat",
    "contiguous",
    "conv",
    "copy",
    "count_nonzero",
    "cumulative_prod",
    "cumulative_sum",
    "default_device",
    "device",
    "devices",
    "diff",
    "e",
    "einsum",
    "empty",
    "empty_cache",
    "empty_like",
    "expand_dims",
    "eye",
    "fft",
    "finfo",
    "flip",
    "float8_e4m3fn",
    "float8_e5m2",
    "float16",
    "float32",
    "float64",
    "from_dlpack",
    "from_numpy",
    "full",
    "full_like",
    "get_num_threads",
    "iinfo",
    "inf",
    "int8",
    "int16",
    "int32",
    "int64",
    "io",
    "isdtype",
    "isin",
    "linalg",
    "linspace",
    "load",
    "load_safetensors",
    "log_softmax",
    "matmul",
    "matrix_transpose",
    "max",
    "max_pool",
    "max_pool_gradient",
    "max_pool_places",
    "mean",
    "memory_stats",
    "meshgrid",
    "min",
    "moveaxis",
    "nan",
    "newaxis",
    "nonzero",
    "ones",
    "ones_like",
    "pad",
    "permute_dims",
    "pi",
    "prod",
    "random",
    "repeat",
    "reset_peak_memory_stats",
    "reshape",
    "result_type",
    "roll",
    "save",
    "save_safetensors",
    "scatter",
    "searchsorted",
    "set_cache_limit",
    "set_default_device",
    "set_num_threads",
    "softmax",
    "sort",
    "split",
    "squeeze",
    "stack",
    "std",
    "sum",
    "swapaxes",
    "synchronize",
    "take",
    "take_along_axis",
    "tensordot",
    "tile",
    "topk",
    "tril",
    "triu",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "unfold",
    "unique_all",
    "unique_counts",
    "unique_inverse",
    "unique_values",
    "unstack",
    "var",
    "vecdot",
    "where",
    "windows",
    "zeros",
    "zeros_like",
]  # fmt: skip
__all__ += _elementwise.__all__

# The methods of NDArray that are written in Python.
NDArray.__repr__ = _array_repr  # pyright: ignore[reportAttributeAccessIssue] - object's has another parameter name
NDArray.numpy = _exchange.to_numpy
NDArray.__array__ = _exchange.to_array
NDArray.__reduce__ = _exchange.reduce  # pyright: ignore[reportAttributeAccessIssue] - as above
NDArray.__copy__ = NDArray.copy
NDArray.__deepcopy__ = lambda self, _memo, /: self.copy()
