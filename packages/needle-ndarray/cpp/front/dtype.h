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
  float16,
  bfloat16,
  float32,
  float64,
};
constexpr int kDTypes = 13;

// Kinds in rising order: a mix of two kinds takes the higher one. As bits, so that an op can name a set of them.
enum Kind : unsigned { kBool = 1, kInt = 2, kFloat = 4 };

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

// The dtype of a computation on both; throws where the array API has none (uint64 with a signed integer).
DType promote(const char *op, DType a, DType b);

constexpr DType kDefaultFloat = DType::float32;
constexpr DType kDefaultInt = DType::int64;

// A Python number on its way into an array.
struct Scalar {
  Kind kind;
  double real = 0;       // kFloat
  uint64_t integer = 0;  // kBool, kInt: the magnitude's two's complement
  bool is_negative = false;
};

// The dtype that a scalar takes beside an array of `dtype`.
DType scalar_dtype(const Scalar &value, DType dtype);

// The scalar as one element of `dtype` at `element` (itemsize bytes); throws if an integer does not fit.
void store_scalar(const char *op, const Scalar &value, DType dtype, void *element);
Scalar load_scalar(DType dtype, const void *element);

}  // namespace needle
