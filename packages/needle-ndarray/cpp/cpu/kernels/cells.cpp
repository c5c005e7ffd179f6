// The elementwise parts of LSTM and GRU cells: all gates of a unit at once. The matrix products are the caller's.
#include "../iterate.h"
#include "blocks.h"
#include "composites.h"
#include "math.h"

namespace needle::cpu::NEEDLE_TARGET {
namespace {

// Gate g of x, (rows, gates * units), seen as an array of the states' shape, (rows, units).
Array gate(const Array &x, int g, const Array &state) {
  char *data = x.data + g * state.shape[1] * x.strides[1] * item_size(x.type);
  return {data, x.type, 2, state.shape, x.strides};
}

// f(inputs, outputs) for all units, lane by lane: in[i] and out[i] are vectors. An input without data is 0.
template <class T, int inputs, int outputs, class F>
void for_units(const Array (&in)[inputs], const Array (&out)[outputs], F f) {
  const int64_t rows = out[0].shape[0], units = out[0].shape[1];
  if (units == 0) return;
  const int64_t rows_per_task = (task_elements / 8 + units - 1) / units;
  auto at = [](const Array &x, int64_t row, int64_t unit) {
    return x.data + (row * x.strides[0] + unit * x.strides[1]) * item_size(x.type);
  };
  auto step = [](const Array &x) { return x.strides[1] * item_size(x.type); };
  parallel_for((rows + rows_per_task - 1) / rows_per_task, [&](int64_t task) {
    Block rooms[inputs + outputs];
    for (int64_t row = task * rows_per_task; row < least(rows, (task + 1) * rows_per_task); row++) {
      for (int64_t unit = 0; unit < units; unit += block_elements) {
        const int64_t n = least(block_elements, units - unit);
        const T *x[inputs];
        T *y[outputs];
        for (int i = 0; i < inputs; i++) {
          x[i] = in[i].data
                     ? static_cast<const T *>(read(in[i].type, at(in[i], row, unit), step(in[i]), n, rooms[i].bytes))
                     : nullptr;
        }
        for (int i = 0; i < outputs; i++) {
          y[i] = static_cast<T *>(place(out[i].type, at(out[i], row, unit), step(out[i]), rooms[inputs + i].bytes));
        }
        for (int64_t k = 0; k < n; k += lanes<T>) {
          const bool whole = k + lanes<T> <= n;
          Vec<T> values[inputs], results[outputs];
          for (int i = 0; i < inputs; i++) {
            values[i] = !x[i] ? Vec<T>{} : whole ? load(x[i] + k) : load_some(x[i] + k, n - k);
          }
          f(values, results);
          for (int i = 0; i < outputs; i++) {
            if (whole) {
              store(y[i] + k, results[i]);
            } else {
              __builtin_memcpy(y[i] + k, &results[i], static_cast<size_t>(n - k) * sizeof(T));
            }
          }
        }
        for (int i = 0; i < outputs; i++) write(out[i].type, y[i], at(out[i], row, unit), step(out[i]), n);
      }
    }
  });
}

template <class F>
bool with_float(const Array &x, F &&f) {
  x.type == Type::f64 ? f(double{}) : f(float{});
  return true;
}

}  // namespace

// Gates: input, forget, cell, output.
bool lstm_cell(const Arguments &arguments) {
  const Array &x = arguments.inputs[0], &h = arguments.inputs[1], &c = arguments.inputs[2];
  const Array *out = arguments.outputs;
  const Array in[] = {gate(x, 0, c), gate(x, 1, c), gate(x, 2, c),
                      gate(x, 3, c), gate(h, 0, c), gate(h, 1, c),
                      gate(h, 2, c), gate(h, 3, c), c};
  const Array to[] = {out[0], out[1], gate(out[2], 0, c), gate(out[2], 1, c), gate(out[2], 2, c), gate(out[2], 3, c)};
  return with_float(c, [&](auto tag) {
    for_units<decltype(tag)>(in, to, [](const auto &v, auto &r) {
      auto i = math::sigmoid(v[0] + v[4]), f = math::sigmoid(v[1] + v[5]);
      auto g = math::tanh(v[2] + v[6]), o = math::sigmoid(v[3] + v[7]);
      r[1] = f * v[8] + i * g;
      r[0] = o * math::tanh(r[1]);
      r[2] = i, r[3] = f, r[4] = g, r[5] = o;
    });
  });
}

bool lstm_cell_gradient(const Arguments &arguments) {
  const Array &gates = arguments.inputs[0], &before = arguments.inputs[1], &after = arguments.inputs[2];
  const Array *out = arguments.outputs;
  const Array in[] = {
      gate(gates, 0, before), gate(gates, 1, before), gate(gates, 2, before), gate(gates, 3, before), before, after,
      arguments.inputs[3],    arguments.inputs[4]};
  const Array to[] = {gate(out[0], 0, before), gate(out[0], 1, before), gate(out[0], 2, before),
                      gate(out[0], 3, before), out[1]};
  return with_float(before, [&](auto tag) {
    for_units<decltype(tag)>(in, to, [](const auto &v, auto &r) {
      auto i = v[0], f = v[1], g = v[2], o = v[3], c = v[4], dh = v[6];
      auto t = math::tanh(v[5]);
      auto dc = v[7] + dh * o * (1 - t * t);
      r[0] = dc * g * i * (1 - i);
      r[1] = dc * c * f * (1 - f);
      r[2] = dc * i * (1 - g * g);
      r[3] = dh * t * o * (1 - o);
      r[4] = dc * f;
    });
  });
}

// Gates: reset, update, new; the reset gate scales the new gate's part of the hidden state.
bool gru_cell(const Arguments &arguments) {
  const Array &x = arguments.inputs[0], &g = arguments.inputs[1], &h = arguments.inputs[2];
  const Array *out = arguments.outputs;
  const Array in[] = {gate(x, 0, h), gate(x, 1, h), gate(x, 2, h), gate(g, 0, h), gate(g, 1, h), gate(g, 2, h), h};
  const Array to[] = {out[0], gate(out[1], 0, h), gate(out[1], 1, h), gate(out[1], 2, h)};
  return with_float(h, [&](auto tag) {
    for_units<decltype(tag)>(in, to, [](const auto &v, auto &r) {
      r[1] = math::sigmoid(v[0] + v[3]);
      r[2] = math::sigmoid(v[1] + v[4]);
      r[3] = math::tanh(v[2] + r[1] * v[5]);
      r[0] = r[3] + r[2] * (v[6] - r[3]);
    });
  });
}

bool gru_cell_gradient(const Arguments &arguments) {
  const Array &gates = arguments.inputs[0], &g = arguments.inputs[1], &h = arguments.inputs[2];
  const Array *out = arguments.outputs;
  const Array in[] = {gate(gates, 0, h), gate(gates, 1, h), gate(gates, 2, h), gate(g, 2, h), h, arguments.inputs[3]};
  const Array to[] = {gate(out[0], 0, h),
                      gate(out[0], 1, h),
                      gate(out[0], 2, h),
                      gate(out[1], 0, h),
                      gate(out[1], 1, h),
                      gate(out[1], 2, h),
                      out[2]};
  return with_float(h, [&](auto tag) {
    for_units<decltype(tag)>(in, to, [](const auto &v, auto &r) {
      auto reset = v[0], update = v[1], fresh = v[2], ct = v[5];
      r[2] = ct * (1 - update) * (1 - fresh * fresh);
      r[0] = r[3] = r[2] * v[3] * reset * (1 - reset);
      r[1] = r[4] = ct * (v[4] - fresh) * update * (1 - update);
      r[5] = r[2] * reset;
      r[6] = ct * update;
    });
  });
}

}  // namespace needle::cpu::NEEDLE_TARGET
