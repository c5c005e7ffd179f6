"""Tensors that differentiate.

A `Tensor` wraps an `NDArray`. The functions here take tensors and have the array API standard's names; each is a block
in the op table (`needle.autograd.ops`), which knows its derivative. Where an operand requires grad, they are noted on
the tape, and `Tensor.backward` walks it back.

>>> import needle.autograd as ad
>>> x = ad.tensor([0.0, 1.0], requires_grad=True)
>>> ad.sum(ad.sin(x) * x).backward()
>>> x.grad
tensor([0.       , 1.3817732], dtype=float32, device=cpu)
"""

from needle.autograd import fft as fft
from needle.autograd import linalg as linalg
from needle.autograd.anomaly import AnomalyError as AnomalyError
from needle.autograd.anomaly import detect_anomaly as detect_anomaly
from needle.autograd.creation import *  # noqa: F403
from needle.autograd.dtype_info import *  # noqa: F403
from needle.autograd.gradcheck import gradcheck as gradcheck
from needle.autograd.gradcheck import gradgradcheck as gradgradcheck
from needle.autograd.graph import Graph as Graph
from needle.autograd.ops.arithmetic import *  # noqa: F403
from needle.autograd.ops.arrangement import *  # noqa: F403
from needle.autograd.ops.attention import *  # noqa: F403
from needle.autograd.ops.casts import *  # noqa: F403
from needle.autograd.ops.cells import *  # noqa: F403
from needle.autograd.ops.contraction import *  # noqa: F403
from needle.autograd.ops.conversion import *  # noqa: F403
from needle.autograd.ops.einsum import *  # noqa: F403
from needle.autograd.ops.elementwise import *  # noqa: F403
from needle.autograd.ops.indexing import *  # noqa: F403
from needle.autograd.ops.keys import *  # noqa: F403
from needle.autograd.ops.normalization import *  # noqa: F403
from needle.autograd.ops.pooling import *  # noqa: F403
from needle.autograd.ops.products import *  # noqa: F403
from needle.autograd.ops.reduction import *  # noqa: F403
from needle.autograd.ops.scans import *  # noqa: F403
from needle.autograd.ops.searching import *  # noqa: F403
from needle.autograd.ops.sets import *  # noqa: F403
from needle.autograd.ops.shape import *  # noqa: F403
from needle.autograd.ops.sorting import *  # noqa: F403
from needle.autograd.ops.strides import *  # noqa: F403
from needle.autograd.ops.triangles import *  # noqa: F403
from needle.autograd.ops.windows import *  # noqa: F403
from needle.autograd.tape import enable_grad as enable_grad
from needle.autograd.tape import is_grad_enabled as is_grad_enabled
from needle.autograd.tape import no_grad as no_grad
from needle.autograd.tensor import Tensor as Tensor
from needle.autograd.tensor import tensor as tensor
from needle.autograd.transforms.batching import *  # noqa: F403
from needle.autograd.transforms.checkpoint import *  # noqa: F403
from needle.autograd.transforms.custom import *  # noqa: F403
from needle.autograd.transforms.forward import *  # noqa: F403
from needle.autograd.transforms.reverse import *  # noqa: F403
from needle.autograd.tree import tree_flatten as tree_flatten
from needle.autograd.tree import tree_leaves as tree_leaves
from needle.autograd.tree import tree_map as tree_map
from needle.autograd.tree import tree_register as tree_register
from needle.autograd.tree import tree_unflatten as tree_unflatten
from needle.ndarray import __array_api_version__ as __array_api_version__
from needle.ndarray import __array_namespace_info__ as __array_namespace_info__
from needle.ndarray import bfloat16 as bfloat16
from needle.ndarray import bool as bool
from needle.ndarray import complex64 as complex64
from needle.ndarray import complex128 as complex128
from needle.ndarray import e as e
from needle.ndarray import float16 as float16
from needle.ndarray import float32 as float32
from needle.ndarray import float64 as float64
from needle.ndarray import inf as inf
from needle.ndarray import int8 as int8
from needle.ndarray import int16 as int16
from needle.ndarray import int32 as int32
from needle.ndarray import int64 as int64
from needle.ndarray import isdtype as isdtype
from needle.ndarray import nan as nan
from needle.ndarray import newaxis as newaxis
from needle.ndarray import pi as pi
from needle.ndarray import uint8 as uint8
from needle.ndarray import uint16 as uint16
from needle.ndarray import uint32 as uint32
from needle.ndarray import uint64 as uint64
