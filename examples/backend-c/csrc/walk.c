/* The one element walker: every function of this backend finds its elements here, whatever their strides are. */
#include "plainc.h"

int64_t count(const DLTensor *t) {
  int64_t n = 1;
  for (int32_t axis = 0; axis < t->ndim; axis++) n *= t->shape[axis];
  return n;
}

size_t item_size(const DLTensor *t) { return (size_t)(t->dtype.bits + 7) / 8; }

ptrdiff_t step(const DLTensor *t, int32_t axis) { return (ptrdiff_t)t->strides[axis] * (ptrdiff_t)item_size(t); }

/* The i-th place in row-major order over all axes but those in [from, to), at which the place is 0. */
static char *place(const DLTensor *t, int32_t from, int32_t to, int64_t i) {
  char *p = (char *)t->data + t->byte_offset;
  for (int32_t axis = t->ndim - 1; axis >= 0; axis--) {
    if (from <= axis && axis < to) continue;
    p += i % t->shape[axis] * step(t, axis);
    i /= t->shape[axis];
  }
  return p;
}

char *element(const DLTensor *t, int64_t i) { return place(t, 0, 0, i); }

char *line(const DLTensor *t, int32_t axis, int64_t i) { return place(t, axis, axis + 1, i); }

char *matrix(const DLTensor *t, int64_t i) { return place(t, t->ndim - 2, t->ndim, i); }
