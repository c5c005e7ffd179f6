// The gradients of attention, by the same tiles. With P = exp(scores - sums), the shares, and D the sum of ct * out for
// each query: dv = P^T ct, dP = ct v^T, dS = P (dP - D), dq = scale dS k, dk = scale dS^T q. A task has all heads that
// share keys, so it alone adds to their gradients.
#include "attention.h"
#include "composites.h"

namespace needle::cpu::NEEDLE_TARGET {
namespace {

int64_t padded(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

// Rows of x, `width` apart, times a factor; what is behind a row, or behind the last one, is 0.
template <class T>
void copy_rows(const Array &x, int64_t batch, int64_t head, int64_t first, int64_t n, T factor, T *rows,
               int64_t width) {
  __builtin_memset(rows, 0, static_cast<size_t>(query_block<T> * width) * sizeof(T));
  Scratch room(static_cast<size_t>(x.shape[3]) * sizeof(T));
  for (int64_t i = 0; i < n; i++) {
    auto *found =
        static_cast<const T *>(read(x.type, at(x, batch, head, first + i), stride_of(x, 3), x.shape[3], room.data));
    for (int64_t e = 0; e < x.shape[3]; e++) rows[i * width + e] = found[e] * factor;
  }
}

template <class T>
void add_gradients(const Attention<T> &problem, int64_t batch, int64_t kv_head, const Array &out, const Array &sums,
                   const Array &cotangent, const Array *gradients) {
  constexpr int64_t lanes_ = query_block<T>;
  const int64_t width = problem.width(), value_width = problem.value_width(), keys_total = problem.k.shape[2];
  const int64_t wide = padded(width, panel<T>), value_wide = padded(value_width, panel<T>);
  const int64_t widest = width > value_width ? width : value_width;
  Room<T> room(keys_total * (wide + value_wide) + lanes_ * (2 * width + value_width + wide + value_wide + widest) +
               2 * key_block * lanes_ + key_block * (width + value_width) + 3 * lanes_);
  T *key_gradient = room.take_zeros(keys_total * wide), *value_gradient = room.take_zeros(keys_total * value_wide);
  T *q = room.take(width * lanes_), *q_rows = room.take(lanes_ * wide), *query_gradient = room.take(width * lanes_);
  T *ct = room.take(value_width * lanes_), *ct_rows = room.take(lanes_ * value_wide);
  T *scores = room.take(key_block * lanes_), *slopes = room.take(key_block * lanes_);
  T *key_room = room.take(key_block * width), *value_room = room.take(key_block * value_width);
  T *sum = room.take(lanes_), *along = room.take(lanes_), *factors = room.take(lanes_);
  T *row_room = room.take(lanes_ * widest);

  for (int64_t j = 0; j < lanes_; j++) factors[j] = problem.scale;
  for (int64_t head = kv_head * problem.group(); head < (kv_head + 1) * problem.group(); head++) {
    for (int64_t first = 0; first < problem.queries(); first += lanes_) {
      const int64_t count = least(lanes_, problem.queries() - first);
      transpose_in(problem.q, batch, head, first, count, problem.scale, q, row_room);
      transpose_in(cotangent, batch, head, first, count, T{1}, ct, row_room);
      copy_rows(problem.q, batch, head, first, count, problem.scale, q_rows, wide);
      copy_rows(cotangent, batch, head, first, count, T{1}, ct_rows, value_wide);
      __builtin_memset(query_gradient, 0, static_cast<size_t>(width * lanes_) * sizeof(T));
      Matrix<T> results = rows_of(out, batch, head, first, count, row_room);
      auto *found =
          static_cast<const T *>(read(sums.type, at(sums, batch, head, first), stride_of(sums, 2), count, sum));
      for (int64_t j = 0; j < lanes_; j++) {
        T total{};
        for (int64_t f = 0; j < count && f < value_width; f++) {
          total += ct_rows[j * value_wide + f] * results.p[j * results.row + f * results.step];
        }
        along[j] = total;
        sum[j] = j < count && found[j] != -infinity<T> ? found[j] : T{};
      }
      const int64_t end = problem.seen_by(first + count - 1);
      for (int64_t key = 0; key < end; key += key_block) {
        const int64_t n = least(key_block, end - key);
        Matrix<T> keys = rows_of(problem.k, batch, kv_head, key, n, key_room);
        Matrix<T> values = rows_of(problem.v, batch, kv_head, key, n, value_room);
        problem.score(batch, head, first, count, key, n, keys, q, scores);
        for (int64_t i = 0; i < n * lanes_; i += lanes<T>) {
          store(scores + i, exp_below(load(scores + i) - load(sum + i % lanes_)));
        }
        multiply(n, value_wide, {scores, lanes_, 1}, lanes_, ct_rows, value_wide, value_gradient + key * value_wide,
                 value_wide);
        __builtin_memset(slopes, 0, static_cast<size_t>(n * lanes_) * sizeof(T));
        multiply(n, lanes_, values, value_width, ct, lanes_, slopes, lanes_);
        for (int64_t i = 0; i < n * lanes_; i += lanes<T>) {
          store(slopes + i, load(scores + i) * (load(slopes + i) - load(along + i % lanes_)));
        }
        multiply(n, wide, {slopes, lanes_, 1}, lanes_, q_rows, wide, key_gradient + key * wide, wide);
        multiply(width, lanes_, {keys.p, keys.step, keys.row}, n, slopes, lanes_, query_gradient, lanes_);
      }
      transpose_out(query_gradient, factors, gradients[0], batch, head, first, count, row_room);
    }
  }
  auto write_rows = [&](const Array &x, const T *rows, int64_t row) {
    for (int64_t i = 0; i < keys_total; i++) {
      write(x.type, rows + i * row, at(x, batch, kv_head, i), stride_of(x, 3), x.shape[3]);
    }
  };
  write_rows(gradients[1], key_gradient, wide);
  write_rows(gradients[2], value_gradient, value_wide);
}

template <class T>
bool backward(const Arguments &arguments) {
  const Array *in = arguments.inputs;
  Attention<T> problem{in[0], in[1], in[2], in[3], arguments.integers[0], static_cast<T>(arguments.reals[0])};
  const int64_t heads = in[1].shape[1];
  parallel_for(in[0].shape[0] * heads, [&](int64_t task) {
    add_gradients(problem, task / heads, task % heads, in[4], in[5], in[6], arguments.outputs);
  });
  return true;
}

}  // namespace

bool attention_gradient(const Arguments &arguments) {
  return arguments.inputs[0].type == Type::f64 ? backward<double>(arguments) : backward<float>(arguments);
}

}  // namespace needle::cpu::NEEDLE_TARGET
