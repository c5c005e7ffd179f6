// matmul: which products are computed in what, and where their operands and results lie.
#include "gemm.h"

#include "../iterate.h"
#include "gemm_complex.h"
#include "kernels.h"
#include "pack.h"
#include "skinny.h"

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

// Rows that meet in few sets of the first cache drive each other out.
template <class S>
bool is_crowded(int64_t stride) {
  return stride * static_cast<int64_t>(sizeof(S)) % 2048 == 0;
}

// Blocks of A and B for multiply; k is the number of elements of a row of A.
template <class K, class S>
struct Left {
  using Word = typename K::Word;
  Matrices<S> from;
  int64_t k;

  Rows<K> operator()(int64_t z, int64_t i, int64_t rows, int64_t word, int64_t depth, Word *room) const {
    const S *p = from.data(z) + i * from.across + word * K::group * from.along;
    int64_t count = least(k - word * K::group, depth * K::group);
    Rows<K> found{reinterpret_cast<const Word *>(p), from.across / K::group};
    if (!in_place(rows) || count < depth * K::group) {
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

  bool copies() const { return !in_place(Sizes::rows); }

  bool in_place(int64_t rows) const {
    const bool crowded = rows > 4 && is_crowded<S>(from.across);
    return (std::is_same_v<S, Word> || K::group > 1) && from.along == 1 && !crowded && from.across % K::group == 0;
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

  bool lies() const { return std::is_same_v<S, typename K::Word> && from.across == 1 && !is_crowded<S>(from.along); }

  Rows<K> in_place(int64_t z, int64_t j, int64_t word) const {
    return {reinterpret_cast<const typename K::Word *>(from.data(z) + j + word * from.along), from.along};
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

// Complex ones that are not contiguous; strides and columns count parts.
template <class T>
struct Spread {
  Matrices<T> to;
  Type type;

  void finish(int64_t z, int64_t i, int64_t j, int64_t m, int64_t n, const T *sums, int64_t stride) const {
    int64_t shape[] = {m, n / 2}, from_strides[] = {stride / 2, 1}, to_strides[] = {to.across / 2, to.along / 2};
    char *at = reinterpret_cast<char *>(const_cast<T *>(to.data(z) + i * to.across + j / 2 * to.along));
    copy({reinterpret_cast<char *>(const_cast<T *>(sums)), type, 2, shape, from_strides},
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

// out^T = B^T A^T.
Problem transposed(const Problem &x) {
  Problem y = x;
  std::swap(y.shape.m, y.shape.n);
  std::swap(y.batch.data[1], y.batch.data[2]);
  for (int d = 0; d < y.batch.ndim; d++) std::swap(y.batch.strides[1][d], y.batch.strides[2][d]);
  y.a = {x.b.column, x.b.row}, y.b = {x.a.column, x.a.row}, y.out = {x.out.column, x.out.row};
  return y;
}

// Whether A is a few rows and B large, with its rows or its columns contiguous.
bool is_skinny(const Problem &x) {
  const auto [m, n, k] = x.shape;
  return m <= skinny_rows && ((x.b.column == 1 && n >= 64 && k >= 8) || (x.b.row == 1 && k >= 64));
}

// T is what is computed in. Tasks are strips of B's columns, and where those are few, parts of k, whose sums are added
// in their order.
template <class T, class S>
void skinny_product(const Problem &x) {
  constexpr int64_t least_work = int64_t{1} << 17, wanted = 16;
  const auto [m, n, k] = x.shape;
  const int64_t batch = x.batch.size;
  const bool by_rows = x.b.column == 1 && n >= 64;
  const int64_t unit = by_rows ? 1024 : 16, strip = divide_up(divide_up(least_work, k), unit) * unit;
  const int64_t strips = divide_up(n, strip), work = least(strip, n) * k;
  const int64_t split = least(divide_up(wanted, batch * strips), 1 + work / least_work);
  const int64_t depth = divide_up(divide_up(k, split), 64) * 64, parts = divide_up(k, depth);
  const Matrices<S> a{&x.batch, 1, x.a.row, x.a.column}, b{&x.batch, 2, x.b.column, x.b.row};
  const Converted<T> out{{&x.batch, 0, x.out.row, x.out.column}, type_of_sums<T>(), x.out_type};
  const bool in_place = std::is_same_v<S, T> && a.along == 1;
  const int64_t stride = in_place ? a.across : divide_up(k, lanes<T>) * lanes<T>;
  Scratch room(in_place ? 0 : batch * m * stride * sizeof(T)), sums(batch * parts * m * n * sizeof(T));
  T *totals = reinterpret_cast<T *>(sums.data);
  auto rows = [&](int64_t z) {
    return in_place ? reinterpret_cast<const T *>(a.data(z)) : reinterpret_cast<T *>(room.data) + z * m * stride;
  };
  for (int64_t z = 0; z < batch && !in_place; z++) {
    pack_rows<Plainly<T>>(a.data(z), a.across, a.along, m, k, const_cast<T *>(rows(z)), stride);
  }
  const Combine<T, S> combine = combine_function<T, S>(m, by_rows, std::make_index_sequence<skinny_rows>());
  auto run = [&](int64_t task) {
    int64_t z = task / (strips * parts), j = task / parts % strips * strip, part = task % parts, k0 = part * depth;
    int64_t columns = least(n - j, strip);
    T *to = totals + (z * parts + part) * m * n + j;
    combine(columns, least(k - k0, depth), rows(z) + k0, stride, b.data(z) + j * b.across + k0 * b.along,
            by_rows ? b.along : b.across, to, n);
    if (parts == 1) out.finish(z, 0, j, m, columns, to, n);
  };
  const int64_t count = batch * strips * parts, at_once = divide_up(least_work, work);
  parallel_for(divide_up(count, at_once), [&](int64_t i) {
    for (int64_t task = i * at_once; task < least(count, (i + 1) * at_once); task++) run(task);
  });
  for (int64_t z = 0; z < batch && parts > 1; z++) {
    T *first = totals + z * parts * m * n;
    for (int64_t part = 1; part < parts; part++) {
      for (int64_t i = 0; i < m * n; i++) first[i] += first[part * m * n + i];
    }
    out.finish(z, 0, 0, m, n, first, n);
  }
}

// T is what single elements are computed in, K what blocks are.
template <class T, class K, class S>
void product(const Problem &x) {
  if (is_skinny(x)) return skinny_product<T, S>(x);
  if (Problem y = transposed(x); is_skinny(y)) return skinny_product<T, S>(y);
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

template <class T>
void complex_product(const Problem &x) {
  auto data = [&](int operand) {
    return [from = Matrices<T>{&x.batch, operand, 0, 0}](int64_t z) { return from.data(z); };
  };
  auto left = data(1), right = data(2);
  const ComplexLeft<T, decltype(left)> a{left, 2 * x.a.row, 2 * x.a.column};
  const ComplexRight<T, decltype(right)> b{right, 2 * x.b.column, 2 * x.b.row};
  const Shape s{x.shape.m, 2 * x.shape.n, 2 * x.shape.k};
  const Matrices<T> to{&x.batch, 0, 2 * x.out.row, 2 * x.out.column};
  if (x.out.column == 1 || x.shape.n == 1) {
    multiply<Plainly<T>>(x.batch.size, s, a, b, Direct<T>{to, to.across});
  } else {
    multiply<Plainly<T>>(x.batch.size, s, a, b, Spread<T>{to, x.out_type});
  }
}

// Whether neither the rows nor the columns of x are contiguous. Where one of both has just one element, any are.
bool is_scattered(const Array &x) {
  const int rows = x.ndim - 2, columns = x.ndim - 1;
  return x.shape[rows] > 1 && x.shape[columns] > 1 && x.strides[rows] != 1 && x.strides[columns] != 1;
}

// A copy of an operand with contiguous rows; what is repeated in the batch is there once.
struct InRows {
  int64_t shape[max_dims], strides[max_dims];
  Scratch room;
  Array array;

  explicit InRows(const Array &x) : room(prepare(x) * item_size(x.type)) {
    array = {room.data, x.type, x.ndim, shape, strides};
    copy({x.data, x.type, x.ndim, shape, x.strides}, array);
    array.shape = x.shape;
  }

 private:
  int64_t prepare(const Array &x) {
    int64_t count = 1;
    for (int d = x.ndim - 1; d >= 0; d--) {
      const bool repeated = x.strides[d] == 0 && d < x.ndim - 2;
      shape[d] = repeated ? 1 : x.shape[d], strides[d] = repeated ? 0 : count;
      count *= shape[d];
    }
    return count;
  }
};

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
  // Tasks would gather the same elements one by one again and again.
  if (shape.m * shape.n * shape.k >= Regions::least_work) {
    if (is_scattered(a)) return matmul(InRows(a).array, b, out);
    if (is_scattered(b)) return matmul(a, InRows(b).array, out);
  }
  Problem x{
      walk_over(batch_of(out), batch_of(a), batch_of(b)), shape, steps_of(a), steps_of(b), steps_of(out), out.type};
  const int64_t size = item_size(a.type), out_size = item_size(out.type);
  if (x.batch.ndim == 1 && x.batch.stride(2) == 0 && x.batch.stride(0) == shape.m * x.out.row * out_size &&
      x.batch.stride(1) == shape.m * x.a.row * size) {  // one B for all: the batch is a number of further rows
    x.shape.m *= x.batch.size;
    x.batch.ndim = 0, x.batch.size = 1;
  }
  // Where out is laid out as its transpose, that is computed.
  if (x.out.column != 1 && x.out.row == 1) x = transposed(x);
  switch (a.type) {
    case Type::f32: return product<float, Plainly<float>, float>(x);
    case Type::f64: return product<double, Plainly<double>, double>(x);
    case Type::c64: return complex_product<float>(x);
    case Type::c128: return complex_product<double>(x);
    case Type::f16: return product<float, Plainly<float>, f16>(x);
    case Type::bf16: return product<float, Bf16Products, bf16>(x);
    case Type::i8:
    case Type::u8: return product<uint32_t, Int8Products, int8_t>(x);
    case Type::i16:
    case Type::u16: return product<uint32_t, Plainly<uint32_t>, int16_t>(x);
    case Type::i32:
    case Type::u32: return product<uint32_t, Plainly<uint32_t>, uint32_t>(x);
    default: return product<uint64_t, Plainly<uint64_t>, uint64_t>(x);
  }
}

bool wide_matmul(const Arguments &arguments) {
  const Array &a = arguments.inputs[0], &out = arguments.outputs[0];
  const Type wide = a.type == Type::i8 ? Type::i32 : is_small(a.type) ? Type::f32 : a.type;
  if (wide == a.type || wide != out.type) return false;
  matmul(a, arguments.inputs[1], out);
  return true;
}

}  // namespace needle::cpu::NEEDLE_TARGET
