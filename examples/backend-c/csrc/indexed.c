/* gather and scatter. All indices are checked before anything is written. */
#include <stdlib.h>
#include <string.h>

#include "plainc.h"

static needle_status check(needle_in indices, int32_t axis, int64_t extent) {
  for (int64_t i = 0, n = count(indices); i < n; i++) {
    int64_t index = *(const int64_t *)element(indices, i);
    if (index < -extent || index >= extent)
      return fail(NEEDLE_INDEX_ERROR, "index out of range; got %lld along axis %d; expected in [%lld, %lld)",
                  (long long)index, axis, (long long)-extent, (long long)extent);
  }
  return NEEDLE_OK;
}

/* The k-th index of the i-th line, counted from the start. */
static int64_t index_at(needle_in indices, int32_t axis, int64_t i, int64_t k, int64_t extent) {
  int64_t index = *(const int64_t *)(line(indices, axis, i) + k * step(indices, axis));
  return index < 0 ? index + extent : index;
}

static int64_t lines_of(needle_in indices, int32_t axis) {
  int64_t n = count(indices);
  return n ? n / indices->shape[axis] : 0;
}

needle_status gather(void *context, needle_in a, needle_in indices, int32_t axis, needle_out out) {
  (void)context;
  int64_t extent = a->shape[axis];
  needle_status status = check(indices, axis, extent);
  if (status != NEEDLE_OK) return status;
  for (int64_t i = 0, lines = lines_of(indices, axis); i < lines; i++)
    for (int64_t k = 0; k < indices->shape[axis]; k++) {
      int64_t index = index_at(indices, axis, i, k, extent);
      memcpy(line(out, axis, i) + k * step(out, axis), line(a, axis, i) + index * step(a, axis), item_size(out));
    }
  return NEEDLE_OK;
}

/* Sums are kept in 64 bits and stored once, when all of a line have been added. */
static void add_line(const dtype *type, needle_in a, needle_in indices, int32_t axis, int64_t i, needle_out out,
                     number *total) {
  int64_t extent = out->shape[axis];
  char *target = line(out, axis, i);
  for (int64_t k = 0; k < extent; k++) total[k] = type->load(target + k * step(out, axis));
  for (int64_t k = 0; k < indices->shape[axis]; k++) {
    number *sum = &total[index_at(indices, axis, i, k, extent)];
    *sum = combine(SUM, type->kind, *sum, type->load(line(a, axis, i) + k * step(a, axis)));
  }
  for (int64_t k = 0; k < extent; k++) type->store(target + k * step(out, axis), total[k]);
}

static void set_line(needle_in a, needle_in indices, int32_t axis, int64_t i, needle_out out) {
  for (int64_t k = 0; k < indices->shape[axis]; k++) {
    int64_t index = index_at(indices, axis, i, k, out->shape[axis]);
    memcpy(line(out, axis, i) + index * step(out, axis), line(a, axis, i) + k * step(a, axis), item_size(out));
  }
}

needle_status scatter(void *context, int32_t op, needle_in a, needle_in indices, int32_t axis, needle_out out) {
  (void)context;
  const dtype *type = dtype_of(a);
  if (!type) return NEEDLE_UNSUPPORTED;
  int64_t extent = out->shape[axis];
  needle_status status = check(indices, axis, extent);
  if (status != NEEDLE_OK) return status;
  number *total = malloc((size_t)extent * sizeof *total + 1);
  if (!total) return fail(NEEDLE_OUT_OF_MEMORY, "out of memory; got %lld sums", (long long)extent);
  for (int64_t i = 0, lines = lines_of(indices, axis); i < lines; i++)
    if (op == SUM)
      add_line(type, a, indices, axis, i, out, total);
    else
      set_line(a, indices, axis, i, out);
  free(total);
  return NEEDLE_OK;
}
