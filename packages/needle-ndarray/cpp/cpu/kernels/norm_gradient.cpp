// The gradients of a normalisation. With h = (x - mean) / deviation and g = cotangent * scale, that of x is
// (g - mean(g) - h mean(g h)) / deviation, with means over the set; mean(g) drops out without centring. That of scale
// is the sum of cotangent * h over all that scale was broadcast to, that of shift the sum of the cotangent: tasks add
// them up for their sets, and then the tasks' sums are added.
#include "composites.h"
#include "kernels.h"
#include "norm.h"

namespace needle::cpu::NEEDLE_TARGET {
namespace {

constexpr int64_t most_tasks = 64;  // each has sums of its own for scale and shift

// Where a set lies, and its coefficients.
template <class T>
struct Set {
  T mean, inverse;
  double total = 0, along = 0;  // sums of g and of g h
};

// Adds a piece's part to the set's sums, and to those for scale and shift, which lie along the piece or are one number.
template <class T>
void add_piece(Set<T> &set, const T *x, const T *ct, int64_t n, const T *scale, bool scales, T *scale_sums,
               T *shift_sums, bool sums_vary) {
  T mean = set.mean, inverse = set.inverse;
  with_bools(scales, sums_vary, [&](auto scale_varies, auto lie_along) {
    for (int64_t begin = 0; begin < n; begin += sum_elements) {
      Lanes<T> total, along, shifts, scalings;
      for_vectors<T>(least(sum_elements, n - begin),
                     [=, &total, &along, &shifts, &scalings](int64_t place, int k, auto tag) {
                       using V = decltype(tag);
                       int64_t i = begin + place;
                       V c = get<V>(ct + i), product = c * ((get<V>(x + i) - mean) * inverse);
                       if constexpr (lie_along) {
                         put(scale_sums + i, get<V>(scale_sums + i) + product);
                         put(shift_sums + i, get<V>(shift_sums + i) + c);
                       }
                       if constexpr (scale_varies) {
                         V factor = get<V>(scale + i);
                         total.add(k, c * factor);
                         along.add(k, product * factor);
                       } else {
                         shifts.add(k, c);
                         scalings.add(k, product);
                       }
                     });
      double factor = scale_varies ? 1 : static_cast<double>(*scale);
      set.total += scale_varies ? total.sum() : factor * shifts.sum();
      set.along += scale_varies ? along.sum() : factor * scalings.sum();
      if (!lie_along && !scale_varies) {
        *scale_sums += static_cast<T>(scalings.sum());
        *shift_sums += static_cast<T>(shifts.sum());
      }
    }
  });
}

template <class T>
void write_piece(const Set<T> &set, double share, const T *x, const T *ct, int64_t n, const T *scale, bool varies,
                 T *out) {
  T mean = set.mean, inverse = set.inverse;
  T slope = static_cast<T>(-set.along * share * static_cast<double>(inverse) * static_cast<double>(inverse));
  T level = static_cast<T>(-set.total * share * static_cast<double>(inverse));
  with_bools(varies, true, [&](auto scale_varies, auto) {
    for_vectors<T>(n, [=](int64_t i, int, auto tag) {
      using V = decltype(tag);
      V factor = get<V, decltype(scale_varies)::value>(scale, i) * inverse;
      put(out + i, get<V>(ct + i) * factor + ((get<V>(x + i) - mean) * slope + level));
    });
  });
}

// Sums over the first axis of (tasks, 2, ...) at one of the two places.
void add_tasks(Type type, char *sums, int64_t tasks, int64_t size, const Array &out) {
  int64_t shape[max_dims], result_shape[max_dims], strides[max_dims], result_strides[max_dims], dense[max_dims];
  int64_t stride = 1;
  for (int d = out.ndim; d-- > 0; stride *= out.shape[d]) {
    shape[d + 1] = result_shape[d + 1] = out.shape[d];
    strides[d + 1] = dense[d] = result_strides[d + 1] = stride;
  }
  shape[0] = tasks, strides[0] = 2 * size;
  result_shape[0] = 1, result_strides[0] = 0;
  Scratch room(static_cast<size_t>(size * item_size(type)));
  reduce(Reduction::sum, {sums, type, out.ndim + 1, shape, strides},
         {room.data, type, out.ndim + 1, result_shape, result_strides});
  cast({room.data, type, out.ndim, out.shape, dense}, out);
}

template <class T>
bool gradient(const Array &x, const Array *mean, const Array &variance, const Array *scale, const Array &cotangent,
              double epsilon, const Array &out, const Array *scale_gradient, const Array *shift_gradient) {
  constexpr T one = 1, zero = 0;
  constexpr Type type = sizeof(T) == 8 ? Type::f64 : Type::f32;
  // The sums that a task makes, where nothing is asked for too: they are one number then.
  const Array *like = scale_gradient ? scale_gradient : shift_gradient ? shift_gradient : &variance;
  bool wanted = scale_gradient || shift_gradient;
  int64_t dense[max_dims], size = 1;
  for (int d = x.ndim; d-- > 0;) {
    dense[d] = wanted ? size : 0;
    size *= wanted ? like->shape[d] : 1;
  }
  Spread to(x, out), ct(x, cotangent), factor(x, scale, &one), center(x, mean, &zero), spread(x, variance),
      sums(x, Array{nullptr, type, x.ndim, like->shape, dense});
  Sets sets(variance, x, ct, to, factor, sums, sums, center, spread);
  if (sets.side_by_side()) return false;
  const Walk &kept = sets.kept;
  const double share = 1 / static_cast<double>(sets.reduced.size);
  int64_t per_task = sets.sets_per_task(), least_per_task = (kept.size + most_tasks - 1) / most_tasks;
  if (per_task < least_per_task) per_task = least_per_task;
  if (per_task < 1) per_task = 1;
  const int64_t tasks = (kept.size + per_task - 1) / per_task;
  Scratch partial(sizeof(T) * static_cast<size_t>(tasks * 2 * size));
  parallel_for(tasks, [&](int64_t task) {
    T *scale_sums = reinterpret_cast<T *>(partial.data) + task * 2 * size, *shift_sums = scale_sums + size;
    __builtin_memset(scale_sums, 0, sizeof(T) * static_cast<size_t>(2 * size));
    Pieces<T, 6, 3> pieces(sets.reduced, x, cotangent, out, factor.array, sums.array, sums.array);
    int64_t begin = task * per_task;
    serial_runs(kept, kept.data, begin, least(begin + per_task, kept.size),
                [&](char *const *first, int64_t n, int64_t) {
                  for (int64_t j = 0; j < n; j++) {
                    char *at[max_operands];
                    for (int o = 0; o < kept.operands; o++) at[o] = first[o] + j * kept.stride(o);
                    at[4] += reinterpret_cast<intptr_t>(scale_sums);
                    at[5] += reinterpret_cast<intptr_t>(shift_sums);
                    Set<T> set{};
                    T square;
                    if (mean) set.mean = *static_cast<const T *>(read(mean->type, at[6], 0, 1, &set.mean));
                    square = *static_cast<const T *>(read(variance.type, at[7], 0, 1, &square));
                    set.inverse = static_cast<T>(1 / __builtin_sqrt(static_cast<double>(square) + epsilon));
                    pieces.each(at, [&](char *const *p, int64_t m) {
                      T *scalings = pieces.sums_at(4, p[4], m), *shifts = pieces.sums_at(5, p[5], m);
                      add_piece(set, pieces.values(0, p[0], m), pieces.values(1, p[1], m), m, pieces.values(3, p[3], m),
                                pieces.varies(3), scalings, shifts, pieces.varies(4));
                      pieces.done(4, scalings, p[4], m);
                      pieces.done(5, shifts, p[5], m);
                    });
                    if (!mean) set.total = 0;
                    pieces.each(at, [&](char *const *p, int64_t m) {
                      T *results = pieces.place_for(2, p[2]);
                      write_piece(set, share, pieces.values(0, p[0], m), pieces.values(1, p[1], m), m,
                                  pieces.values(3, p[3], m), pieces.varies(3), results);
                      pieces.done(2, results, p[2], m);
                    });
                  }
                });
  });
  if (scale_gradient) add_tasks(type, partial.data, tasks, size, *scale_gradient);
  if (shift_gradient)
    add_tasks(type, partial.data + static_cast<int64_t>(sizeof(T)) * size, tasks, size, *shift_gradient);
  return true;
}

}  // namespace

bool norm_gradient(const Arguments &arguments) {
  const Array *in = arguments.inputs, *out = arguments.outputs;
  auto given = [](const Array &array) { return array.data ? &array : nullptr; };
  return (in[0].type == Type::f64 ? gradient<double> : gradient<float>)(in[0], given(in[1]), in[2], given(in[3]), in[4],
                                                                        arguments.reals[0], out[0], given(out[1]),
                                                                        given(out[2]));
}

}  // namespace needle::cpu::NEEDLE_TARGET
