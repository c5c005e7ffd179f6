// The view of an array argument that all of the CPU backend works on, and the element types.
//
// Kernels are compiled once per instruction set, and the linker keeps one copy of each inline function or template
// instantiation with external linkage: maybe the one that an older CPU cannot run. So the headers that kernels share
// with the rest give everything internal linkage (static, or an unnamed namespace); a build step checks that.
#pragma once

#include <cstddef>
#include <cstdint>

namespace needle::cpu {

enum class Type : uint8_t { b8, i8, i16, i32, i64, u8, u16, u32, u64, e4m3, e5m2, f16, bf16, f32, f64, c64, c128 };

constexpr int max_dims = 64;

struct Array {
  char *data;  // of the first element
  Type type;
  int ndim;
  const int64_t *shape;
  const int64_t *strides;  // in elements
};

static constexpr int item_size(Type type) {
  constexpr int sizes[] = {1, 1, 2, 4, 8, 1, 2, 4, 8, 1, 1, 2, 2, 4, 8, 8, 16};
  return sizes[static_cast<int>(type)];
}

static constexpr bool is_complex(Type type) { return type == Type::c64 || type == Type::c128; }

// Floats of 8 and 16 bits.
static constexpr bool is_small(Type type) { return type >= Type::e4m3 && type <= Type::bf16; }

// The type in which elements are computed: small floats in float, bool as bytes of 0 or 1.
static constexpr Type compute_type(Type type) {
  return is_small(type) ? Type::f32 : type == Type::b8 ? Type::u8 : type;
}

// What a composite works on, as in needle_backend.h; an array that is left out has no data.
struct Arguments {
  const Array *inputs;
  const Array *outputs;
  const int64_t *integers;
  const double *reals;
};

enum class Reduction { sum, prod, max, min, any, all };
enum class Extreme { max, min };

constexpr int64_t sort_width = 16;  // so many columns are sorted at once

// An element of 16 bytes, to be moved; it may lie where 8 bytes may.
struct Bits128 {
  uint64_t low, high;
};

template <class T>
static constexpr T least(T a, T b) {
  return b < a ? b : a;
}

}  // namespace needle::cpu
