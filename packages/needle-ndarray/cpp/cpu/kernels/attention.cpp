// Scaled dot-product attention by tiles: the scores of some queries and some keys at a time, so memory is linear in the
// sequences. Queries are lanes: a tile of scores has a row for each key, and what softmax collects is a vector of
// queries. See Milakov and Gimelshein, "Online normalizer calculation for softmax" (2018), and Dao et al.,
// "FlashAttention" (2022), for the scheme.
#include "attention.h"

#include "composites.h"

namespace needle::cpu::NEEDLE_TARGET {
namespace {

constexpr int64_t few_queries = 8;  // with fewer, most lanes would idle: better composed

// The softmax of a panel of queries so far, taken on by a tile's scores, which become powers.
template <class T>
void take_scores(T *scores, int64_t n, T *top, T *sum, T *scaling) {
  constexpr int64_t width = query_block<T>;
  for (int64_t j = 0; j < panel<T>; j += lanes<T>) {
    Vec<T> before = load(top + j), greatest = before;
    for (int64_t i = 0; i < n; i++) greatest = greater(load(scores + i * width + j), greatest);
    // Where all scores so far are masked, differences from 0: from minus infinity itself they would be NaN.
    Vec<T> shift = greatest == splat(-infinity<T>) ? Vec<T>{} : greatest, part{};
    for (int64_t i = 0; i < n; i++) {
      Vec<T> power = exp_below(load(scores + i * width + j) - shift);
      part += power;
      store(scores + i * width + j, power);
    }
    Vec<T> factor = exp_below(before - shift);
    store(scaling + j, factor);
    store(sum + j, load(sum + j) * factor + part);
    store(top + j, greatest);
  }
}

template <class T>
void attend(const Attention<T> &problem, int64_t batch, int64_t head, int64_t first, const Array &out,
            const Array &sums) {
  constexpr int64_t lanes_ = query_block<T>;
  const int64_t count = least(lanes_, problem.queries() - first), kv_head = head / problem.group();
  const int64_t width = problem.width(), value_width = problem.value_width();
  const int64_t widest = width > value_width ? width : value_width;
  Room<T> room(lanes_ * (width + value_width + key_block + 4 + widest) + key_block * (width + value_width));
  T *q = room.take(width * lanes_), *total = room.take_zeros(value_width * lanes_), *sum = room.take_zeros(lanes_);
  T *scores = room.take(key_block * lanes_), *top = room.take(lanes_), *scaling = room.take(lanes_);
  T *key_room = room.take(key_block * width), *value_room = room.take(key_block * value_width);
  T *row_room = room.take(lanes_ * widest);
  for (int64_t j = 0; j < lanes_; j++) top[j] = -infinity<T>;
  transpose_in(problem.q, batch, head, first, count, problem.scale, q, row_room);
  const int64_t end = problem.seen_by(first + count - 1);
  for (int64_t key = 0; key < end; key += key_block) {
    const int64_t n = least(key_block, end - key);
    Matrix<T> keys = rows_of(problem.k, batch, kv_head, key, n, key_room);
    problem.score(batch, head, first, count, key, n, keys, q, scores);
    Matrix<T> values = rows_of(problem.v, batch, kv_head, key, n, value_room);
    for (int64_t lane = 0; lane < lanes_; lane += panel<T>) {
      const int64_t seen = problem.seen_by_lanes(first, lane, key, n);
      take_scores(scores + lane, seen, top + lane, sum + lane, scaling + lane);
      for (int64_t i = lane; i < value_width * lanes_; i += lanes_) {
        for (int64_t j = 0; j < panel<T>; j += lanes<T>) {
          store(total + i + j, load(total + i + j) * load(scaling + lane + j));
        }
      }
      multiply_panel(value_width, {values.p, values.step, values.row}, seen, scores + lane, lanes_, total + lane,
                     lanes_, true);
    }
  }
  for (int64_t j = 0; j < lanes_; j++) scaling[j] = sum[j] == 0 ? T{} : 1 / sum[j];  // 0: all masked
  for (int64_t j = 0; j < lanes_; j += lanes<T>) store(sum + j, load(top + j) + math::log(load(sum + j)));
  transpose_out(total, scaling, out, batch, head, first, count, row_room);
  write(sums.type, sum, at(sums, batch, head, first), stride_of(sums, 2), count);
}

template <class T>
bool forward(const Arguments &arguments) {
  const Array *in = arguments.inputs, *out = arguments.outputs;
  Attention<T> problem{in[0], in[1], in[2], in[3], arguments.integers[0], static_cast<T>(arguments.reals[0])};
  const int64_t heads = in[0].shape[1], blocks = (problem.queries() + query_block<T> - 1) / query_block<T>;
  parallel_for(in[0].shape[0] * heads * blocks, [&](int64_t task) {
    int64_t first = task % blocks * query_block<T>;
    attend(problem, task / blocks / heads, task / blocks % heads, first, out[0], out[1]);
  });
  return true;
}

}  // namespace

bool attention(const Arguments &arguments) {
  const Array &q = arguments.inputs[0];
  if (q.shape[2] < few_queries) return false;
  return q.type == Type::f64 ? forward<double>(arguments) : forward<float>(arguments);
}

}  // namespace needle::cpu::NEEDLE_TARGET
