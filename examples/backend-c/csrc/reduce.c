/* Reductions over any axes, the first extreme along one, and the running sum or product. */
#include <math.h>
#include <stdlib.h>

#include "plainc.h"

static number sum(kind kind, number x, number y) {
  if (kind == COMPLEX) return (number){.z = x.z + y.z};
  return kind == REAL ? (number){.real = x.real + y.real} : (number){.natural = x.natural + y.natural};
}

static number product(kind kind, number x, number y) {
  if (kind == COMPLEX) return (number){.z = x.z * y.z};
  return kind == REAL ? (number){.real = x.real * y.real} : (number){.natural = x.natural * y.natural};
}

number combine(reduction op, kind kind, number x, number y) {
  bool x_wins = is_nan(x, kind);
  switch (op) {
    case SUM: return sum(kind, x, y);
    case PROD: return product(kind, x, y);
    case MAX: return x_wins || sort_key(x, kind) > sort_key(y, kind) ? x : y;
    case MIN: return x_wins || (!is_nan(y, kind) && sort_key(x, kind) < sort_key(y, kind)) ? x : y;
    case ANY: return (number){.natural = x.natural | y.natural};
    default: return (number){.natural = x.natural & y.natural};
  }
}

number neutral(reduction op, kind kind) {
  number zero = {.z = 0}, one = {.z = 1};
  number least = {.integer = INT64_MIN}, greatest = {.integer = INT64_MAX};
  if (kind == INTEGER || kind == NATURAL) one.natural = 1;
  if (kind == NATURAL) least.natural = 0, greatest.natural = UINT64_MAX;
  if (kind == REAL) least.real = -INFINITY, greatest.real = INFINITY;
  switch (op) {
    case PROD:
    case ALL: return one;
    case MAX: return least;
    case MIN: return greatest;
    default: return zero;
  }
}

/* The row-major index of the element of `out` to which the i-th element of `a` goes: 0 along the axes reduced. */
static int64_t target(needle_in a, needle_out out, int64_t i) {
  int64_t result = 0, stride = 1;
  for (int32_t axis = a->ndim - 1; axis >= 0; axis--) {
    result += i % a->shape[axis] % out->shape[axis] * stride;
    stride *= out->shape[axis];
    i /= a->shape[axis];
  }
  return result;
}

/* Adds x to a sum of real numbers and keeps apart what rounding takes away, which would add up where there are many:
 * Neumaier, "Rundungsfehleranalyse einiger Verfahren zur Summation endlicher Summen" (ZAMM 54, 1974), method IV. */
static void add(double *sum, double *lost, double x) {
  double before = *sum;
  *sum += x;
  *lost += fabs(before) >= fabs(x) ? (before - *sum) + x : (x - *sum) + before;
}

typedef struct {
  number total;
  double lost[2]; /* of a complex number, by its parts */
} partial;

/* How many doubles a number is, which have to be summed with care. */
static int parts_of(kind kind) { return kind == COMPLEX ? 2 : kind == REAL ? 1 : 0; }

needle_status reduce(void *context, int32_t op, needle_in a, needle_out out) {
  (void)context;
  const dtype *from = dtype_of(a), *to = dtype_of(out);
  if (!from || !to) return NEEDLE_UNSUPPORTED;
  int64_t results = count(out);
  partial *parts = malloc((size_t)results * sizeof *parts + 1);
  if (!parts) return fail(NEEDLE_OUT_OF_MEMORY, "out of memory; got %lld results", (long long)results);
  for (int64_t j = 0; j < results; j++) parts[j] = (partial){neutral((reduction)op, to->kind), {0, 0}};
  for (int64_t i = 0, n = count(a); i < n; i++) {
    number converted; /* as an element, so that it is rounded before it is added */
    to->store(&converted, convert(from->load(element(a, i)), from, to));
    number x = to->load(&converted);
    partial *part = &parts[target(a, out, i)];
    if (op == SUM && parts_of(to->kind))
      for (int k = 0; k < parts_of(to->kind); k++) add((double *)&part->total + k, part->lost + k, ((double *)&x)[k]);
    else
      part->total = combine((reduction)op, to->kind, part->total, x);
  }
  for (int64_t j = 0; j < results; j++) {
    for (int k = 0; k < parts_of(to->kind); k++) {
      double *total = (double *)&parts[j].total + k;
      if (isfinite(*total)) *total += parts[j].lost[k];
    }
    to->store(element(out, j), parts[j].total);
  }
  free(parts);
  return NEEDLE_OK;
}

needle_status arg_reduce(void *context, int32_t op, needle_in a, int32_t axis, needle_out out) {
  (void)context;
  const dtype *from = dtype_of(a);
  if (!from) return NEEDLE_UNSUPPORTED;
  for (int64_t i = 0, lines = count(out); i < lines; i++) {
    int64_t best = 0;
    uint64_t best_key = 0;
    for (int64_t k = 0; k < a->shape[axis]; k++) {
      number x = from->load(line(a, axis, i) + k * step(a, axis));
      uint64_t key = sort_key(x, from->kind);
      if (op == MIN && !is_nan(x, from->kind)) key = ~key;
      if (key > best_key) best = k, best_key = key;
    }
    *(int64_t *)line(out, axis, i) = best;
  }
  return NEEDLE_OK;
}

needle_status scan(void *context, int32_t op, needle_in a, int32_t axis, needle_out out) {
  (void)context;
  const dtype *type = dtype_of(a);
  if (!type) return NEEDLE_UNSUPPORTED;
  for (int64_t i = 0, n = count(a), lines = n ? n / a->shape[axis] : 0; i < lines; i++) {
    number total = neutral((reduction)op, type->kind);
    for (int64_t k = 0; k < a->shape[axis]; k++) {
      total = combine((reduction)op, type->kind, total, type->load(line(a, axis, i) + k * step(a, axis)));
      type->store(line(out, axis, i) + k * step(out, axis), total);
    }
  }
  return NEEDLE_OK;
}
