// The view of an array argument that all of the CPU backend works on, and the element types.
//
// Kernels are compiled once per instruction set, and the linker keeps one copy of each inline function or template
// instantiation with external linkage: maybe the one that an older CPU cannot run. So the headers that kernels share
// with the rest give everything internal linkage (static, or an unnamed namespace); a build step checks that.
#pragma once

#include <cstddef>
#include <cstdint>

namespace needle::cpu {

enum class Type : uint8_t { b8, i8, i16, i32, i64, u8, u16, u32, u64, f16, bf16, f32, f64 };

constexpr int max_dims = 64;

struct Array {
  char *data;  // of the first element
  Type type;
  int ndim;
  const int64_t *shape;
  const int64_t *strides;  // in elements
};

static constexpr int item_size(Type type) {
  constexpr int sizes[] = {1, 1, 2, 4, 8, 1, 2, 4, 8, 2, 2, 4, 8};
  return sizes[static_cast<int>(type)];
}

static constexpr bool is_half(Type type) { return type == Type::f16 || type == Type::bf16; }

// The type in which elements are computed: the halves in float, bool as bytes of 0 or 1.
static constexpr Type compute_type(Type type) { return is_half(type) ? Type::f32 : type == Type::b8 ? Type::u8 : type; }

enum class Reduction { sum, prod, max, min, any, all };
enum class Extreme { max, min };

template <class T>
static constexpr T least(T a, T b) {
  return b < a ? b : a;
}

}  // namespace needle::cpu
