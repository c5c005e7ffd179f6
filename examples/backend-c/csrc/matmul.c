/* The matrix product by its definition: a row times a column, for each element of the result. */
#include "plainc.h"

static number dot(const dtype *type, const char *x, ptrdiff_t x_step, const char *y, ptrdiff_t y_step, int64_t n) {
  number total = neutral(SUM, type->kind);
  for (int64_t i = 0; i < n; i++, x += x_step, y += y_step)
    total = combine(SUM, type->kind, total, combine(PROD, type->kind, type->load(x), type->load(y)));
  return total;
}

needle_status matmul(void *context, needle_in a, needle_in b, needle_out out) {
  (void)context;
  const dtype *type = dtype_of(a);
  if (!type) return NEEDLE_UNSUPPORTED;
  int32_t row = a->ndim - 2, column = a->ndim - 1; /* the axes */
  int64_t m = out->shape[row], n = out->shape[column], depth = a->shape[column];
  int64_t matrices = m && n ? count(out) / (m * n) : 0;
  for (int64_t batch = 0; batch < matrices; batch++)
    for (int64_t i = 0; i < m; i++)
      for (int64_t j = 0; j < n; j++) {
        const char *x = matrix(a, batch) + i * step(a, row), *y = matrix(b, batch) + j * step(b, column);
        number result = dot(type, x, step(a, column), y, step(b, row), depth);
        type->store(matrix(out, batch) + i * step(out, row) + j * step(out, column), result);
      }
  return NEEDLE_OK;
}
