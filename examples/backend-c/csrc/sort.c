/* The stable sort along an axis. */
#include <stdlib.h>
#include <string.h>

#include "plainc.h"

typedef struct {
  uint64_t key;
  int64_t place;
} entry;

/* qsort is not stable, but no two entries are equal: the place decides between equal keys. */
static int compare(const void *left, const void *right) {
  const entry *x = left, *y = right;
  if (x->key != y->key) return x->key < y->key ? -1 : 1;
  return x->place < y->place ? -1 : 1;
}

needle_status sort(void *context, needle_in a, int32_t axis, int32_t descending, needle_out values,
                   needle_out indices) {
  (void)context;
  const dtype *type = dtype_of(a);
  if (!type) return NEEDLE_UNSUPPORTED;
  int64_t n = a->shape[axis], lines = n ? count(a) / n : 0;
  entry *entries = malloc((size_t)n * sizeof *entries + 1);
  if (!entries) return fail(NEEDLE_OUT_OF_MEMORY, "out of memory; got %lld elements to sort", (long long)n);
  for (int64_t i = 0; i < lines; i++) {
    for (int64_t k = 0; k < n; k++) {
      uint64_t key = sort_key(type->load(line(a, axis, i) + k * step(a, axis)), type->kind);
      entries[k] = (entry){descending ? ~key : key, k};
    }
    qsort(entries, (size_t)n, sizeof *entries, compare);
    for (int64_t k = 0; k < n; k++) {
      const char *source = line(a, axis, i) + entries[k].place * step(a, axis);
      if (values) memcpy(line(values, axis, i) + k * step(values, axis), source, item_size(values));
      if (indices) *(int64_t *)(line(indices, axis, i) + k * step(indices, axis)) = entries[k].place;
    }
  }
  free(entries);
  return NEEDLE_OK;
}
