#include "dtype.h"

#include <bit>
#include <cmath>
#include <complex>
#include <cstring>

#include "error.h"
#include "half.h"

namespace needle {

const DTypeInfo &info(DType dtype) {
  static const DTypeInfo table[kDTypes] = {
      {"bool", 1, kBool, false, {kDLBool, 8, 1}, "?"},
      {"int8", 1, kInt, false, {kDLInt, 8, 1}, "b"},
      {"int16", 2, kInt, false, {kDLInt, 16, 1}, "h"},
      {"int32", 4, kInt, false, {kDLInt, 32, 1}, "i"},
      {"int64", 8, kInt, false, {kDLInt, 64, 1}, "q"},
      {"uint8", 1, kInt, true, {kDLUInt, 8, 1}, "B"},
      {"uint16", 2, kInt, true, {kDLUInt, 16, 1}, "H"},
      {"uint32", 4, kInt, true, {kDLUInt, 32, 1}, "I"},
      {"uint64", 8, kInt, true, {kDLUInt, 64, 1}, "Q"},
      {"float8_e4m3fn", 1, kFloat, false, {kDLFloat8_e4m3fn, 8, 1}, nullptr},
      {"float8_e5m2", 1, kFloat, false, {kDLFloat8_e5m2, 8, 1}, nullptr},
      {"float16", 2, kFloat, false, {kDLFloat, 16, 1}, "e"},
      {"bfloat16", 2, kFloat, false, {kDLBfloat, 16, 1}, nullptr},
      {"float32", 4, kFloat, false, {kDLFloat, 32, 1}, "f"},
      {"float64", 8, kFloat, false, {kDLFloat, 64, 1}, "d"},
      {"complex64", 8, kComplex, false, {kDLComplex, 64, 1}, "Zf"},
      {"complex128", 16, kComplex, false, {kDLComplex, 128, 1}, "Zd"},
  };
  return table[static_cast<int>(dtype)];
}

std::optional<DType> find_dtype(DLDataType dl) {
  for (int i = 0; i < kDTypes; ++i) {
    const DLDataType &known = info(static_cast<DType>(i)).dl;
    if (known.code == dl.code && known.bits == dl.bits && known.lanes == dl.lanes) return static_cast<DType>(i);
  }
  return std::nullopt;
}

void expect_arithmetic(const char *op, DType dtype) {
  if (is_storage(dtype))
    fail(ErrorKind::type, op, "no arithmetic in a dtype for storage", info(dtype).name, "",
         "cast with astype, as to float32");
}

void expect_order(const char *op, DType dtype) {
  expect_arithmetic(op, dtype);
  if (info(dtype).kind == kComplex)
    fail(ErrorKind::type, op, "complex numbers have no order", info(dtype).name, "a real dtype",
         "take abs, real or imag of them");
}

DType component(DType dtype) {
  return dtype == DType::complex64 ? DType::float32 : dtype == DType::complex128 ? DType::float64 : dtype;
}

namespace {

DType integer_of(int64_t itemsize, bool is_unsigned) {
  int log2 = std::countr_zero(static_cast<uint64_t>(itemsize));
  return static_cast<DType>(static_cast<int>(is_unsigned ? DType::uint8 : DType::int8) + log2);
}

}  // namespace

DType promote(const char *op, DType a, DType b) {
  if (a == b) return a;
  const DTypeInfo &ia = info(a), &ib = info(b);
  if (is_storage(a) || is_storage(b))
    fail(ErrorKind::type, op, "a dtype for storage promotes with no other", std::string(ia.name) + " and " + ib.name,
         "", "cast one of them with astype");
  if (ia.kind == kComplex || ib.kind == kComplex)
    return a == DType::complex128 || b == DType::complex128 || a == DType::float64 || b == DType::float64
               ? DType::complex128
               : DType::complex64;
  if (ia.kind != ib.kind) return ia.kind > ib.kind ? a : b;
  if (ia.kind == kFloat) {
    if (ia.itemsize == ib.itemsize) return DType::float32;  // float16 with bfloat16
    return ia.itemsize > ib.itemsize ? a : b;
  }
  if (ia.is_unsigned == ib.is_unsigned) return ia.itemsize > ib.itemsize ? a : b;
  const DTypeInfo &u = ia.is_unsigned ? ia : ib, &s = ia.is_unsigned ? ib : ia;
  if (u.itemsize == 8)
    fail(ErrorKind::type, op, "no integer dtype holds both operands", std::string(ia.name) + " and " + ib.name, "",
         "cast one of them with astype");
  return integer_of(std::max(s.itemsize, 2 * u.itemsize), false);
}

DType scalar_dtype(const Scalar &value, DType dtype) {
  Kind kind = info(dtype).kind;
  if (value.kind <= kind) return dtype;
  if (value.kind == kComplex) return dtype == DType::float64 ? DType::complex128 : kDefaultComplex;
  return value.kind == kFloat ? kDefaultFloat : kDefaultInt;
}

namespace {

template <class T>
void put(void *element, T value) {
  std::memcpy(element, &value, sizeof value);
}

template <class T>
T get(const void *element) {
  T value;
  std::memcpy(&value, element, sizeof value);
  return value;
}

// Whether the integer lies in the range of the integer dtype.
bool fits(const Scalar &value, const DTypeInfo &type) {
  int bits = static_cast<int>(8 * type.itemsize);
  if (type.is_unsigned) return !value.is_negative && (bits == 64 || value.integer >> bits == 0);
  uint64_t limit = uint64_t{1} << (bits - 1);
  return value.is_negative ? ~value.integer + 1 <= limit : value.integer < limit;
}

}  // namespace

void store_scalar(const char *op, const Scalar &value, DType dtype, void *element) {
  const DTypeInfo &type = info(dtype);
  if (value.kind == kComplex && type.kind != kComplex && type.kind != kBool)
    fail(ErrorKind::type, op, "a complex number cannot become an element of a real array",
         std::to_string(value.real) + (value.imag < 0 ? "" : "+") + std::to_string(value.imag) + "j", type.name,
         "take its real or imag, or convert the array with astype");
  if (type.kind == kBool) {
    put<uint8_t>(element, value.integer != 0 || value.real != 0 || value.imag != 0);
  } else if (type.kind == kInt) {
    if (value.kind == kFloat)
      fail(ErrorKind::type, op, "a float cannot become an element of an integer array", std::to_string(value.real),
           type.name, "convert it with int(), or the array with astype");
    if (!fits(value, type))
      fail(ErrorKind::overflow, op, "the number does not fit into the dtype",
           value.is_negative ? std::to_string(static_cast<int64_t>(value.integer)) : std::to_string(value.integer),
           type.name);
    std::memcpy(element, &value.integer, type.itemsize);  // little endian: the low bytes come first
  } else {
    double real = value.kind >= kFloat ? value.real
                  : value.is_negative  ? static_cast<double>(static_cast<int64_t>(value.integer))
                                       : static_cast<double>(value.integer);
    switch (dtype) {
      case DType::float64: put(element, real); break;
      case DType::float32: put(element, static_cast<float>(real)); break;
      case DType::float16: put(element, to_small_float<uint16_t>(real, kHalf)); break;
      case DType::float8_e4m3fn: put(element, to_small_float<uint8_t>(real, kE4m3fn)); break;
      case DType::float8_e5m2: put(element, to_small_float<uint8_t>(real, kE5m2)); break;
      case DType::complex64: put(element, std::complex<float>(std::complex<double>(real, value.imag))); break;
      case DType::complex128: put(element, std::complex<double>(real, value.imag)); break;
      default: put(element, to_small_float<uint16_t>(real, kBfloat)); break;
    }
  }
}

Scalar load_scalar(DType dtype, const void *element) {
  const DTypeInfo &type = info(dtype);
  if (type.kind < kFloat) {
    uint64_t bits = 0;
    std::memcpy(&bits, element, type.itemsize);
    int unused = static_cast<int>(64 - 8 * type.itemsize);
    bool is_signed = type.kind == kInt && !type.is_unsigned;
    if (is_signed) bits = static_cast<uint64_t>(static_cast<int64_t>(bits << unused) >> unused);
    return {type.kind, 0, bits, is_signed && static_cast<int64_t>(bits) < 0};
  }
  switch (dtype) {
    case DType::float64: return {kFloat, get<double>(element)};
    case DType::float32: return {kFloat, get<float>(element)};
    case DType::float16: return {kFloat, from_small_float(get<uint16_t>(element), kHalf)};
    case DType::float8_e4m3fn: return {kFloat, from_small_float(get<uint8_t>(element), kE4m3fn)};
    case DType::float8_e5m2: return {kFloat, from_small_float(get<uint8_t>(element), kE5m2)};
    case DType::complex64:
    case DType::complex128: {
      auto z = dtype == DType::complex128 ? get<std::complex<double>>(element) : get<std::complex<float>>(element);
      return {.kind = kComplex, .real = z.real(), .imag = z.imag()};
    }
    default: return {kFloat, from_small_float(get<uint16_t>(element), kBfloat)};
  }
}

static_assert(std::endian::native == std::endian::little, "Needle's element formats assume a little-endian machine");

}  // namespace needle
