// The gradients of attention, by the same tiles. With P = exp(scores - sums), the shares, and D the sum of ct * out for
// each query: dv = P^T ct, dP = ct v^T, dS = P (dP - D), dq = scale dS k, dk = scale dS^T q. A task has all heads that
// share keys, so it alone adds to their gradients.
#include "attention.h"
#include "composites.h"

namespace needle::cpu::NEEDLE_TARGET {
namespace {

int64_t padded(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

// The first of n elements, and zeros behind them.
template <class T>
Vec<T> load_at_most(const T *p, int64_t n) {
  return n < lanes<T> ? load_some(p, n) : load(p);
}

// Rows of x, `width` apart, times a factor; what is behind a row, or behind the last one, is 0.
template <class T>
void copy_rows(const Array &x, int64_t batch, int64_t head, int64_t first, int64_t n, T factor, T *rows,
               int64_t width) {
  const int64_t count = x.shape[3];
  Scratch room(static_cast<size_t>(count) * sizeof(T));
  __builtin_memset(rows, 0, static_cast<size_t>(query_block<T> * width) * sizeof(T));
  for (int64_t i = 0; i < n; i++) {
    auto *found =
        static_cast<const T *>(read(x.type, at(x, batch, head, first + i), stride_of(x, 3), count, room.data));
    for (int64_t e = 0; e < count; e += lanes<T>) {
      store(rows + i * width + e, load_at_most(found + e, count - e) * factor);
    }
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
      auto *found =
          static_cast<const T *>(read(sums.type, at(sums, batch, head, first), stride_of(sums, 2), count, sum));
      for (int64_t j = 0; j < lanes_; j++) {
        Vec<T> total{};
        if (j < count) {
          const char *row = at(out, batch, head, first + j);
          auto *result = static_cast<const T *>(read(out.type, row, stride_of(out, 3), value_width, row_room));
          for (int64_t f = 0; f < value_width; f += lanes<T>) {
            total += load(ct_rows + j * value_wide + f) * load_at_most(result + f, value_width - f);
          }
        }
        along[j] = fold_lanes(total, plus)[0];
        sum[j] = j < count && found[j] != -infinity<T> ? found[j] : T{};
      }
      const int64_t end = problem.seen_by(first + count - 1);
      for (int64_t key = 0; key < end; key += key_block) {
        const int64_t n = least(key_block, end - key);
        Matrix<T> keys = rows_of(problem.k, batch, kv_head, key, n, key_room);
        Matrix<T> values = rows_of(problem.v, batch, kv_head, key, n, value_room);
        problem.score(batch, head, first, count, key, n, keys, q, scores);
        for (int64_t lane = 0; lane < lanes_; lane += panel<T>) {
          const int64_t seen = problem.seen_by_lanes(first, lane, key, n);
          multiply_panel(seen, values, value_width, ct + lane, lanes_, slopes + lane, lanes_, false);
          for (int64_t i = lane; i < seen * lanes_; i += lanes_) {
            for (int64_t j = 0; j < panel<T>; j += lanes<T>) {
              Vec<T> share = exp_below(load(scores + i + j) - load(sum + lane + j));
              store(scores + i + j, share);
              store(slopes + i + j, share * (load(slopes + i + j) - load(along + lane + j)));
            }
          }
        }
        // The first panel's lanes, and so all, see keys up to `seen`; the next ones' and those behind see some more.
        for (int64_t lane = 0, before = 0, seen; lane < lanes_; lane += panel<T>, before = seen) {
          seen = problem.seen_by_lanes(first, lane, key, n);
          const int64_t from = before * lanes_ + lane, depth = lanes_ - lane, rows = key + before;
          add_product(seen - before, value_wide, {scores + from, lanes_, 1}, depth, ct_rows + lane * value_wide,
                      value_wide, value_gradient + rows * value_wide, value_wide);
          add_product(seen - before, wide, {slopes + from, lanes_, 1}, depth, q_rows + lane * wide, wide,
                      key_gradient + rows * wide, wide);
          multiply_panel(width, {keys.p, keys.step, keys.row}, seen, slopes + lane, lanes_, query_gradient + lane,
                         lanes_, true);
        }
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
