// unary and binary: a loop over contiguous values for each operation and compute type.
#include "half.h"
#include "kernels.h"
#include "math.h"
#include "tiles.h"

namespace needle::cpu::NEEDLE_TARGET {
namespace {

#include "../functors.inc"

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

// One operand, stepped through by vectors, or the same vector again and again.
template <class T>
struct Cursor {
  const T *p;
  int64_t step;

  explicit Cursor(const Values &values) : p(static_cast<const T *>(values.at)), step(values.uniform ? 0 : lanes<T>) {}
  [[gnu::always_inline]] Vec<T> next() {
    Vec<T> v = load(p);
    p += step;
    return v;
  }
  [[gnu::always_inline]] Vec<T> last(int64_t n) const { return load_some(p, n); }
};

template <class Op, class T, class... Cursors>
[[gnu::always_inline]] inline void run(void *out_, int64_t n, bool past, Cursors... operands) {
  using R = Result<Op, T>;
  auto *out = static_cast<typename R::type *>(out_);
  for (; n >= lanes<T>; n -= lanes<T>, out += lanes<T>) {
    auto result = R::of(Op::apply(operands.next()...));
    if constexpr (sizeof(result) == NEEDLE_VECTOR_BYTES) {
      past ? stream(out, result) : store(out, result);
    } else {
      __builtin_memcpy(out, &result, sizeof(result));
    }
  }
  if (n == 0) return;
  auto result = R::of(Op::apply(operands.last(n)...));
  if constexpr (sizeof(result) == NEEDLE_VECTOR_BYTES) {
    store_some(out, result, n);
  } else {
    __builtin_memcpy(out, &result, static_cast<size_t>(n) * sizeof(*out));
  }
}

using Loop = void (*)(const Values *operands, void *out, int64_t n, bool past);

template <class Op, int operands, class T>
void loop(const Values *values, void *out, int64_t n, bool past) {
  if constexpr (operands == 1) {
    run<Op, T>(out, n, past, Cursor<T>(values[0]));
  } else {
    run<Op, T>(out, n, past, Cursor<T>(values[0]), Cursor<T>(values[1]));
  }
}

// Of bytes that are 0 or 1, an operation that gives bool again keeps the lowest bit.
template <class Op, int operands>
void bool_loop(const Values *values, void *out, int64_t n, bool) {
  loop<Op, operands, uint8_t>(values, out, n, false);
  for (int64_t i = 0; i < n; i++) static_cast<uint8_t *>(out)[i] &= 1;
}

// The one operation whose result depends on how the halves are stored.
template <class Half>
void next_halves(const Values *values, void *out, int64_t n, bool) {
  auto at = [&](int operand, int64_t i) {
    return static_cast<const float *>(values[operand].at)[values[operand].uniform ? 0 : i];
  };
  for (int64_t i = 0; i < n; i++) {
    float x = at(0, i), y = at(1, i);
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

}  // namespace

bool unary(int op, const Array &a, const Array &out) {
  Loop f = unary_entries[op].loops[static_cast<int>(a.type)];
  if (f) run_tiles(tiling(room_for(a.type), {.takes_uniform = true, .streams = true}, out, a), f);
  return f != nullptr;
}

bool binary(int op, const Array &a, const Array &b, const Array &out) {
  Loop f = binary_entries[op].loops[static_cast<int>(a.type)];
  if (f) run_tiles(tiling(room_for(a.type), {.takes_uniform = true, .streams = true}, out, a, b), f);
  return f != nullptr;
}

}  // namespace needle::cpu::NEEDLE_TARGET
