// Philox-4x32-10, a block of four words in each lane of 64 bits, and normal numbers made of them. Salmon, Moraes, Dror,
// Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011).
#include <array>
#include <utility>

#include "../pool.h"
#include "kernels.h"
#include "math.h"

namespace needle::cpu::NEEDLE_TARGET {
namespace {

using Lanes = Vec<uint64_t>;
using Doubles = Vec<double>;
constexpr int width = lanes<uint64_t>;
using Sequence = std::make_integer_sequence<int, width>;

// The lower or upper (from = width) halves of a and b, by turns.
template <int from, class V, int... i>
V interleave(V a, V b, std::integer_sequence<int, i...>) {
  return __builtin_shufflevector(a, b, ((from + i) / 2 + i % 2 * width)...);
}

// Words of `vectors` * width blocks; the upper halves of the lanes are undefined.
template <int vectors>
struct Blocks {
  Lanes x[4][vectors];

  Blocks(uint64_t key, uint64_t counter) {
    for (int v = 0; v < vectors; v++) {
      Lanes block{};
      for (int i = 0; i < width; i++) block[i] = counter + static_cast<uint64_t>(v * width + i);
      x[0][v] = block;
      x[1][v] = block >> 32;
      x[2][v] = x[3][v] = Lanes{};
    }
    uint32_t key0 = static_cast<uint32_t>(key), key1 = static_cast<uint32_t>(key >> 32);
    for (int round = 0; round < 10; round++) {
      const Lanes k0 = splat<uint64_t>(key0), k1 = splat<uint64_t>(key1);
#pragma GCC unroll 4
      for (int v = 0; v < vectors; v++) {
        Lanes product0 = multiply_low_halves(x[0][v], splat<uint64_t>(0xD2511F53));
        Lanes product1 = multiply_low_halves(x[2][v], splat<uint64_t>(0xCD9E8D57));
        x[0][v] = product1 >> 32 ^ x[1][v] ^ k0;
        x[1][v] = product1;
        x[2][v] = product0 >> 32 ^ x[3][v] ^ k1;
        x[3][v] = product0;
      }
      key0 += 0x9E3779B9;
      key1 += 0xBB67AE85;
    }
  }
};

constexpr int vectors = 4;  // enough to hide the latency of a multiplication
constexpr int64_t group_words = 4 * vectors * width;

void write_words(uint64_t key, uint64_t counter, uint32_t *words) {
  Blocks<vectors> blocks(key, counter);
  auto &x = blocks.x;
  auto *pairs = reinterpret_cast<uint64_t *>(words);
  for (int v = 0; v < vectors; v++, pairs += 2 * width) {
    Lanes first = (x[0][v] & 0xffffffff) | x[1][v] << 32, second = (x[2][v] & 0xffffffff) | x[3][v] << 32;
    store(pairs, interleave<0>(first, second, Sequence{}));
    store(pairs + width, interleave<width>(first, second, Sequence{}));
  }
}

// What follows gives the bits of needle.ndarray.random.exact: each operation is rounded by itself, in the same order.

constexpr std::array<double, 10> atanh_terms = [] {
  std::array<double, 10> terms{};
  for (int i = 0; i < 10; i++) terms[static_cast<size_t>(i)] = 2.0 / (2 * (10 - i) + 1);
  return terms;
}();

// From the highest power down: those of the sine (offset 0) or cosine (1) of pi / 2 times x, in powers of x^2.
constexpr std::array<double, 9> quarter_turn_terms(int offset) {
  double powers[18] = {1.0};
  for (int i = 1; i < 18; i++) powers[i] = powers[i - 1] * 1.5707963267948966 / i;
  std::array<double, 9> terms{};
  for (int i = 0; i < 9; i++) {
    int power = 17 - offset - 2 * i;
    terms[static_cast<size_t>(i)] = power % 4 > 1 ? -powers[power] : powers[power];
  }
  return terms;
}
constexpr std::array<double, 9> sine_terms = quarter_turn_terms(0), cosine_terms = quarter_turn_terms(1);

template <size_t n>
[[gnu::always_inline]] inline Doubles polynomial(Doubles x, const std::array<double, n> &terms) {
  Doubles y = x * terms[0];
#pragma GCC unroll 16
  for (size_t i = 1; i + 1 < n; i++) y = (y + terms[i]) * x;
  return y + terms[n - 1];
}

[[gnu::always_inline]] inline Doubles logarithm(Doubles x) {
  using Bits = Vec<int64_t>;
  Bits bits = (Bits)x, exponent = (bits - 0x3FE6A09E667F3BCD) >> 52;
  Doubles m = (Doubles)(bits - (exponent << 52)), f = m - 1, s = f / (m + 1), z = s * s;
  Doubles r = polynomial(z, atanh_terms) * z, k = __builtin_convertvector(exponent, Doubles);
  return k * 0x1.62e42feep-1 - (s * (f - r) - k * 0x1.a39ef35793c76p-33 - f);
}

// Uniform on the odd multiples of 2^-53 in (0, 1): 26 bits of each of two words.
[[gnu::always_inline]] inline Doubles uniform(Lanes high, Lanes low) {
  Lanes bits = (high & 0xffffffff) >> 6 << 26 | (low & 0xffffffff) >> 6;
  Doubles whole = (Doubles)(bits | 0x4330000000000000) - 0x1p52;
  return whole * 0x1p-52 + 0x1p-53;
}

// Two numbers of each block: the coordinates of a point whose angle is uniform and whose squared distance from 0 is
// exponential (Box and Muller, "A note on the generation of random normal deviates", 1958).
constexpr int64_t group_normals = 2 * 2 * width;

template <class T>
void write_normals(uint64_t key, uint64_t counter, double mean, double std, T *out) {
  Blocks<2> blocks(key, counter);
  auto &x = blocks.x;
  for (int v = 0; v < 2; v++, out += 2 * width) {
    Doubles distance = math::sqrt(logarithm(uniform(x[0][v], x[1][v])) * -2);
    Doubles turn = uniform(x[2][v], x[3][v]) - 0.5, z = turn * turn;
    Doubles sine = polynomial(z, sine_terms) * turn, cosine = polynomial(z, cosine_terms);
    for (int doubling = 0; doubling < 2; doubling++) {
      Doubles twice = 2 * sine, next = twice * cosine;
      cosine = 1 - twice * sine;
      sine = next;
    }
    Doubles a = distance * cosine * std + mean, b = distance * sine * std + mean;
    using Narrow = typename vector_of<T, width *static_cast<int>(sizeof(T))>::type;
    Narrow first = __builtin_convertvector(interleave<0>(a, b, Sequence{}), Narrow);
    Narrow second = __builtin_convertvector(interleave<width>(a, b, Sequence{}), Narrow);
    __builtin_memcpy(out, &first, sizeof(first));
    __builtin_memcpy(out + width, &second, sizeof(second));
  }
}

// Calls write(block, to) for groups of `group` elements, each made of four words; what is not wanted of the last group,
// or has no room for it, goes through a buffer.
template <int64_t group, int64_t per_block, class T, class F>
void fill_groups(const Array &out, F &&write) {
  auto *values = reinterpret_cast<T *>(out.data);
  const int64_t n = out.shape[0], stride = out.strides[0];
  parallel_for((n + task_elements - 1) / task_elements, [&](int64_t task) {
    const int64_t end = least(n, (task + 1) * task_elements);
    for (int64_t i = task * task_elements; i < end; i += group) {
      if (stride == 1 && end - i >= group) {
        write(static_cast<uint64_t>(i / per_block), values + i);
        continue;
      }
      T room[group];
      write(static_cast<uint64_t>(i / per_block), room);
      for (int64_t j = 0; j < least(end - i, group); j++) values[(i + j) * stride] = room[j];
    }
  });
}

}  // namespace

void random_bits(uint64_t key, uint64_t counter, const Array &out) {
  fill_groups<group_words, 4, uint32_t>(
      out, [&](uint64_t block, uint32_t *words) { write_words(key, counter + block, words); });
}

bool normal(const Arguments &arguments) {
  const Array &out = arguments.outputs[0];
  auto join = [&](int i) {
    return static_cast<uint64_t>(arguments.integers[i]) | static_cast<uint64_t>(arguments.integers[i + 1]) << 32;
  };
  const uint64_t key = join(0), counter = join(2);
  const double mean = arguments.reals[0], std = arguments.reals[1];
  auto fill = [&](auto tag) {
    using T = decltype(tag);
    fill_groups<group_normals, 2, T>(
        out, [&](uint64_t block, T *values) { write_normals(key, counter + block, mean, std, values); });
  };
  if (out.type == Type::f32) {
    fill(float{});
  } else if (out.type == Type::f64) {
    fill(double{});
  } else {
    return false;
  }
  return true;
}

}  // namespace needle::cpu::NEEDLE_TARGET
