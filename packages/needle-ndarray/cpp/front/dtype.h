// Element types: their names, sizes and kinds, and which type a mixed computation has.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "needle_backend.h"

namespace needle {

enum class DType : uint8_t {
  boolean,
  int8,
  int16,
  int32,
  int64,
  uint8,
  uint16,
  uint32,
  uint64,
  float8_e4m3fn,
  float8_e5m2,
  float16,
  bfloat16,
  float32,
  float64,
  complex64,
  complex128,
};
constexpr int kDTypes = 17;
constexpr int kMaxItemsize = 16;

// Kinds in rising order: a mix of two kinds takes the higher one. As bits, so that an op can name a set of them.
enum Kind : unsigned { kBool = 1, kInt = 2, kFloat = 4, kComplex = 8 };

struct DTypeInfo {
  const char *name;
  int64_t itemsize;
  Kind kind;
  bool is_unsigned;
  DLDataType dl;
  const char *format;  // struct module's letter, as the buffer protocol uses it; nullptr where it has none
};

const DTypeInfo &info(DType dtype);
std::optional<DType> find_dtype(DLDataType dl);

// Whether elements are only stored and moved in this dtype, not computed with: the float8 ones.
inline bool is_storage(DType dtype) { return dtype == DType::float8_e4m3fn || dtype == DType::float8_e5m2; }
// Throws for those.
void expect_arithmetic(const char *op, DType dtype);
// Throws for what has no order too: the complex dtypes.
void expect_order(const char *op, DType dtype);

// The dtype of a complex number's parts; a real dtype itself.
DType component(DType dtype);

// The dtype of a computation on both; throws where there is none (uint64 with a signed integer, float8 with another).
DType promote(const char *op, DType a, DType b);

constexpr DType kDefaultComplex = DType::complex64;
constexpr DType kDefaultFloat = DType::float32;
constexpr DType kDefaultInt = DType::int64;

// A Python number on its way into an array.
struct Scalar {
  Kind kind;
  double real = 0;       // kFloat, kComplex
  uint64_t integer = 0;  // kBool, kInt: the magnitude's two's complement
  bool is_negative = false;
  double imag = 0;  // kComplex
};

// The dtype that a scalar takes beside an array of `dtype`.
DType scalar_dtype(const Scalar &value, DType dtype);

// The scalar as one element of `dtype` at `element` (itemsize bytes); throws if an integer does not fit, or a float or
// complex number would become an element of a lower kind.
void store_scalar(const char *op, const Scalar &value, DType dtype, void *element);
Scalar load_scalar(DType dtype, const void *element);

}  // namespace needle
