// unary and binary: a loop over contiguous values for each operation and compute type, and a driver around them.
#include "../iterate.h"
#include "blocks.h"
#include "half.h"
#include "kernels.h"
#include "math.h"

namespace needle::cpu::NEEDLE_TARGET {
namespace {

constexpr int bool_ = 1, int_ = 2, float_ = 4, complex_ = 8;  // the last is generic/complex.cpp's
enum Gives { same, boolean, component };

// The functor of each line of elementwise.inc.
namespace ops {
#define UNARY(name, takes_, gives_, functor, doc)   \
  struct name {                                     \
    static constexpr int takes = takes_;            \
    static constexpr Gives gives = gives_;          \
    template <class V>                              \
    [[gnu::always_inline]] static auto apply(V x) { \
      return functor;                               \
    }                                               \
  };
#define BINARY(name, takes_, gives_, functor, doc)       \
  struct name {                                          \
    static constexpr int takes = takes_;                 \
    static constexpr Gives gives = gives_;               \
    template <class V>                                   \
    [[gnu::always_inline]] static auto apply(V x, V y) { \
      return functor;                                    \
    }                                                    \
  };
#include "../../ops/elementwise.inc"
}  // namespace ops

// Results are of type T, or bytes of 0 or 1 where the operation gives a mask.
template <class Op, class T>
struct Result {
  using type = T;
  [[gnu::always_inline]] static Vec<T> of(Vec<T> value) { return value; }
};

template <class Op, class T>
  requires(Op::gives == boolean)
struct Result<Op, T> {
  using type = int8_t;
  using Bytes = typename vector_of<int8_t, lanes<T>>::type;
  [[gnu::always_inline]] static Bytes of(mask_of<Vec<T>> mask) { return __builtin_convertvector(mask, Bytes) & 1; }
};

template <class Op, class T, class... Operands>
[[gnu::always_inline]] inline void run(void *out_, int64_t n, const Operands *...operands) {
  using R = Result<Op, T>;
  auto *out = static_cast<typename R::type *>(out_);
  int64_t i = 0;
  for (; i + lanes<T> <= n; i += lanes<T>) {
    auto result = R::of(Op::apply(load(operands + i)...));
    __builtin_memcpy(out + i, &result, sizeof(result));
  }
  if (i < n) {
    auto result = R::of(Op::apply(load_some(operands + i, n - i)...));
    __builtin_memcpy(out + i, &result, static_cast<size_t>(n - i) * sizeof(*out));
  }
}

using Loop = void (*)(const void *a, const void *b, void *out, int64_t n);

template <class Op, int operands, class T>
void loop(const void *a, const void *b, void *out, int64_t n) {
  if constexpr (operands == 1) {
    run<Op, T>(out, n, static_cast<const T *>(a));
  } else {
    run<Op, T>(out, n, static_cast<const T *>(a), static_cast<const T *>(b));
  }
}

// Of bytes that are 0 or 1, an operation that gives bool again keeps the lowest bit.
template <class Op, int operands>
void bool_loop(const void *a, const void *b, void *out, int64_t n) {
  loop<Op, operands, uint8_t>(a, b, out, n);
  for (int64_t i = 0; i < n; i++) static_cast<uint8_t *>(out)[i] &= 1;
}

// The one operation whose result depends on how the halves are stored.
template <class Half>
void next_halves(const void *a, const void *b, void *out, int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    float x = static_cast<const float *>(a)[i], y = static_cast<const float *>(b)[i];
    Half half;
    from_float(x, half);
    if (x == 0) half.bits = y < 0 ? 0x8001 : 1;
    if (x != 0) half.bits = static_cast<uint16_t>(half.bits + ((x < y) == (x > 0) ? 1 : -1));
    static_cast<float *>(out)[i] = x < y || x > y ? to_float(half) : x == y ? y : x + y;
  }
}

struct Entry {
  Loop loops[static_cast<int>(Type::f64) + 1];  // by dtype; null where the operation does not take it
};

template <class Op, int operands>
constexpr Entry entry() {
  Entry e{};
  auto set = [&](Type type, Loop f) { e.loops[static_cast<int>(type)] = f; };
  if constexpr (Op::takes & bool_) {
    if constexpr (Op::gives == boolean) {
      set(Type::b8, loop<Op, operands, uint8_t>);
    } else {
      set(Type::b8, bool_loop<Op, operands>);
    }
  }
  if constexpr (Op::takes & int_) {
    set(Type::i8, loop<Op, operands, int8_t>);
    set(Type::i16, loop<Op, operands, int16_t>);
    set(Type::i32, loop<Op, operands, int32_t>);
    set(Type::i64, loop<Op, operands, int64_t>);
    set(Type::u8, loop<Op, operands, uint8_t>);
    set(Type::u16, loop<Op, operands, uint16_t>);
    set(Type::u32, loop<Op, operands, uint32_t>);
    set(Type::u64, loop<Op, operands, uint64_t>);
  }
  if constexpr (Op::takes & float_) {
    set(Type::f16, loop<Op, operands, float>);
    set(Type::bf16, loop<Op, operands, float>);
    set(Type::f32, loop<Op, operands, float>);
    set(Type::f64, loop<Op, operands, double>);
    if constexpr (std::is_same_v<Op, ops::nextafter>) {
      set(Type::f16, next_halves<f16>);
      set(Type::bf16, next_halves<bf16>);
    }
  }
  return e;
}

constexpr Entry unary_entries[] = {
#define UNARY(name, takes, gives, functor, doc) entry<ops::name, 1>(),
#define BINARY(name, takes, gives, functor, doc)
#include "../../ops/elementwise.inc"
};

constexpr Entry binary_entries[] = {
#define UNARY(name, takes, gives, functor, doc)
#define BINARY(name, takes, gives, functor, doc) entry<ops::name, 2>(),
#include "../../ops/elementwise.inc"
};

void apply(Loop f, Type type, Type out_type, const Walk &walk) {
  bool two = walk.operands == 3;
  int64_t out_stride = walk.stride(0), a_stride = walk.stride(1), b_stride = two ? walk.stride(2) : a_stride;
  bool direct = is_direct(type, a_stride) && is_direct(type, b_stride) && is_direct(out_type, out_stride);
  parallel_runs(walk, [&](char *const *p, int64_t n) {
    if (direct) return f(p[1], p[two ? 2 : 1], p[0], n);
    Source a(type, p[1], a_stride, n), b(type, p[two ? 2 : 1], b_stride, two ? n : 0);
    Block room;
    for (int64_t i = 0; i < n; i += block_elements) {
      int64_t m = least(block_elements, n - i);
      char *out = p[0] + i * out_stride;
      void *values = place(out_type, out, out_stride, room.bytes);
      f(a.at(i, m), two ? b.at(i, m) : nullptr, values, m);
      write(out_type, values, out, out_stride, m);
    }
  });
}

}  // namespace

bool unary(int op, const Array &a, const Array &out) {
  Loop f = unary_entries[op].loops[static_cast<int>(a.type)];
  if (f) apply(f, a.type, out.type, walk_over(out, a));
  return f != nullptr;
}

bool binary(int op, const Array &a, const Array &b, const Array &out) {
  Loop f = binary_entries[op].loops[static_cast<int>(a.type)];
  if (f) apply(f, a.type, out.type, walk_over(out, a, b));
  return f != nullptr;
}

}  // namespace needle::cpu::NEEDLE_TARGET
