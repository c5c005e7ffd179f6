"""The element types by name, as in the array API standard; `bfloat16` and the float8 ones, for storage, are ours."""

from needle.ndarray._core import dtypes

__all__ = [
    "bfloat16", "bool", "complex64", "complex128", "float8_e4m3fn", "float8_e5m2", "float16", "float32", "float64",
    "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
]  # fmt: skip

bool = dtypes["bool"]
int8 = dtypes["int8"]
int16 = dtypes["int16"]
int32 = dtypes["int32"]
int64 = dtypes["int64"]
uint8 = dtypes["uint8"]
uint16 = dtypes["uint16"]
uint32 = dtypes["uint32"]
uint64 = dtypes["uint64"]
float8_e4m3fn = dtypes["float8_e4m3fn"]
float8_e5m2 = dtypes["float8_e5m2"]
float16 = dtypes["float16"]
bfloat16 = dtypes["bfloat16"]
float32 = dtypes["float32"]
float64 = dtypes["float64"]
complex64 = dtypes["complex64"]
complex128 = dtypes["complex128"]
