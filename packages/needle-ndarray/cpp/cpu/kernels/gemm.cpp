// matmul: which products are computed in what, and where their operands and results lie.
#include "gemm.h"

#include "../iterate.h"
#include "kernels.h"
#include "pack.h"

namespace needle::cpu::NEEDLE_TARGET {
namespace {

// A batch of matrices: element (i, k) of number z at data(z) + i * across + k * along. For B, i counts columns.
template <class S>
struct Matrices {
  const Walk *batch;
  int operand;
  int64_t across, along;

  const S *data(int64_t z) const {
    const char *p = batch->data[operand];
    for (int d = 0; d < batch->ndim; z /= batch->shape[d++]) p += z % batch->shape[d] * batch->strides[operand][d];
    return reinterpret_cast<const S *>(p);
  }
};

// Blocks of A and B for multiply; k is the number of elements of a row of A.
template <class K, class S>
struct Left {
  using Word = typename K::Word;
  Matrices<S> from;
  int64_t k;

  Rows<K> operator()(int64_t z, int64_t i, int64_t rows, int64_t word, int64_t depth, Word *room) const {
    const S *p = from.data(z) + i * from.across + word * K::group * from.along;
    int64_t count = least(k - word * K::group, depth * K::group);
    Rows<K> found = in_place(p, rows, count, depth);
    if (!found.data) {
      pack_rows<K>(p, from.across, from.along, rows, count, room, room_stride<K>);
      found = {room, room_stride<K>};
    }
    if constexpr (raised<K> != 0) {
      auto *start = reinterpret_cast<typename K::Sum *>(room + rows * room_stride<K>);
      for (int64_t y = 0; y < rows; y++) start[y] = -128 * sum_i8(found.data + y * found.stride, depth);
      found.start = start;
    }
    return found;
  }

  Rows<K> in_place(const S *p, int64_t rows, int64_t count, int64_t depth) const {
    if constexpr (std::is_same_v<S, Word> || K::group > 1) {
      // Rows that meet in few sets of the first cache drive each other out.
      const bool crowded = rows > 4 && from.across * static_cast<int64_t>(sizeof(S)) % 2048 == 0;
      if (from.along == 1 && !crowded && from.across % K::group == 0 && count == depth * K::group) {
        return {reinterpret_cast<const Word *>(p), from.across / K::group};
      }
    }
    return {nullptr, 0};
  }
};

template <class K, class S>
struct Right {
  Matrices<S> from;
  int64_t k;

  void operator()(int64_t z, int64_t j, int64_t columns, int64_t word, int64_t depth, typename K::Word *room) const {
    const S *p = from.data(z) + j * from.across + word * K::group * from.along;
    pack_panels<K>(p, from.across, from.along, columns, least(k - word * K::group, depth * K::group), room);
  }
};

// Results of the type of the sums, with rows contiguous.
template <class T>
struct Direct {
  Matrices<T> to;
  int64_t stride;
  T *rows(int64_t z) const { return const_cast<T *>(to.data(z)); }
};

// Any others.
template <class T>
struct Converted {
  Matrices<char> to;
  Type sums_type, type;

  void finish(int64_t z, int64_t i, int64_t j, int64_t m, int64_t n, const T *sums, int64_t stride) const {
    int64_t shape[] = {m, n}, from_strides[] = {stride, 1}, to_strides[] = {to.across, to.along};
    char *at = const_cast<char *>(to.data(z)) + (i * to.across + j * to.along) * item_size(type);
    cast({reinterpret_cast<char *>(const_cast<T *>(sums)), sums_type, 2, shape, from_strides},
         {at, type, 2, shape, to_strides});
  }
};

template <class T>
constexpr Type type_of_sums() {
  if constexpr (std::is_same_v<T, float>) return Type::f32;
  if constexpr (std::is_same_v<T, double>) return Type::f64;
  return sizeof(T) == 4 ? Type::i32 : Type::i64;
}

bool same_bits(Type a, Type b) {
  return a == b || (a >= Type::i8 && b >= Type::i8 && a <= Type::u64 && b <= Type::u64 && item_size(a) == item_size(b));
}

struct Steps {
  int64_t row, column;
};

Steps steps_of(const Array &x) { return {x.strides[x.ndim - 2], x.strides[x.ndim - 1]}; }

struct Problem {
  Walk batch;   // out, a, b
  Shape shape;  // k in elements
  Steps a, b, out;
  Type out_type;
};

template <class K, class S>
void product(const Problem &x) {
  using Sum = typename K::Sum;
  Shape s{x.shape.m, x.shape.n, divide_up(x.shape.k, K::group)};
  Left<K, S> a{{&x.batch, 1, x.a.row, x.a.column}, x.shape.k};
  Right<K, S> b{{&x.batch, 2, x.b.column, x.b.row}, x.shape.k};
  constexpr Type sums = type_of_sums<Sum>();
  if (same_bits(sums, x.out_type) && (x.out.column == 1 || s.n == 1)) {
    return multiply<K>(x.batch.size, s, a, b, Direct<Sum>{{&x.batch, 0, 0, 0}, x.out.row});
  }
  multiply<K>(x.batch.size, s, a, b, Converted<Sum>{{&x.batch, 0, x.out.row, x.out.column}, sums, x.out_type});
}

// The array's leading dimensions.
Array batch_of(const Array &x) { return {x.data, x.type, x.ndim - 2, x.shape, x.strides}; }

}  // namespace

void matmul(const Array &a, const Array &b, const Array &out) {
  for (int d = 0; d < out.ndim; d++) {
    if (out.shape[d] == 0) return;
  }
  if (a.shape[a.ndim - 1] == 0) {
    constexpr uint64_t zero[2] = {};
    return fill(zero, out);
  }
  Shape shape{out.shape[out.ndim - 2], out.shape[out.ndim - 1], a.shape[a.ndim - 1]};
  Problem x{
      walk_over(batch_of(out), batch_of(a), batch_of(b)), shape, steps_of(a), steps_of(b), steps_of(out), out.type};
  const int64_t size = item_size(a.type), out_size = item_size(out.type);
  if (x.batch.ndim == 1 && x.batch.stride(2) == 0 && x.batch.stride(0) == shape.m * x.out.row * out_size &&
      x.batch.stride(1) == shape.m * x.a.row * size) {  // one B for all: the batch is a number of further rows
    x.shape.m *= x.batch.size;
    x.batch.ndim = 0, x.batch.size = 1;
  }
  if (x.out.column != 1 && x.out.row == 1) {  // out is laid out as its transpose, which is B^T A^T
    std::swap(x.shape.m, x.shape.n);
    std::swap(x.batch.data[1], x.batch.data[2]);
    for (int d = 0; d < x.batch.ndim; d++) std::swap(x.batch.strides[1][d], x.batch.strides[2][d]);
    Steps left{x.b.column, x.b.row};
    x.b = {x.a.column, x.a.row}, x.a = left, x.out = {x.out.column, x.out.row};
  }
  switch (a.type) {
    case Type::f32: return product<Plainly<float>, float>(x);
    case Type::f64: return product<Plainly<double>, double>(x);
    case Type::f16: return product<Plainly<float>, f16>(x);
    case Type::bf16: return product<Bf16Products, bf16>(x);
    case Type::i8:
    case Type::u8: return product<Int8Products, int8_t>(x);
    case Type::i16:
    case Type::u16: return product<Plainly<uint32_t>, int16_t>(x);
    case Type::i32:
    case Type::u32: return product<Plainly<uint32_t>, uint32_t>(x);
    default: return product<Plainly<uint64_t>, uint64_t>(x);
  }
}

}  // namespace needle::cpu::NEEDLE_TARGET
