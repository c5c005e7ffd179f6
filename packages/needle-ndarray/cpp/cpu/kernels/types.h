// From a dtype to the C++ type that it is computed in.
#pragma once

#include "../array.h"

namespace needle::cpu::NEEDLE_TARGET {
namespace {

// f(T{}) with the compute type of `type`.
template <class F>
auto with_compute_type(Type type, F &&f) {
  switch (type) {
    case Type::i8: return f(int8_t{});
    case Type::i16: return f(int16_t{});
    case Type::i32: return f(int32_t{});
    case Type::i64: return f(int64_t{});
    case Type::b8:
    case Type::u8: return f(uint8_t{});
    case Type::u16: return f(uint16_t{});
    case Type::u32: return f(uint32_t{});
    case Type::u64: return f(uint64_t{});
    case Type::f64: return f(double{});
    default: return f(float{});
  }
}

}  // namespace
}  // namespace needle::cpu::NEEDLE_TARGET
