/* Memory of the host, and the functions that move elements without looking at them: these work for any dtype. */
#include <stdlib.h>
#include <string.h>

#include "plainc.h"

needle_status memory_alloc(void *context, int32_t device, size_t nbytes, void **data) {
  (void)context, (void)device;
  size_t rounded = (nbytes + 63) / 64 * 64; /* aligned_alloc asks for a multiple of the alignment */
  *data = rounded >= nbytes ? aligned_alloc(64, rounded) : NULL;
  return *data ? NEEDLE_OK : fail(NEEDLE_OUT_OF_MEMORY, "out of memory; got %zu bytes", nbytes);
}

void memory_free(void *context, int32_t device, void *data, size_t nbytes) {
  (void)context, (void)device, (void)nbytes;
  free(data);
}

needle_status upload(void *context, int32_t device, const void *host, void *data, size_t offset, size_t nbytes) {
  (void)context, (void)device;
  memcpy((char *)data + offset, host, nbytes);
  return NEEDLE_OK;
}

needle_status download(void *context, int32_t device, const void *data, size_t offset, void *host, size_t nbytes) {
  (void)context, (void)device;
  memcpy(host, (const char *)data + offset, nbytes);
  return NEEDLE_OK;
}

needle_status copy(void *context, needle_in a, needle_out out) {
  (void)context;
  for (int64_t i = 0, n = count(out); i < n; i++) memcpy(element(out, i), element(a, i), item_size(out));
  return NEEDLE_OK;
}

needle_status fill(void *context, const void *value, needle_out out) {
  (void)context;
  for (int64_t i = 0, n = count(out); i < n; i++) memcpy(element(out, i), value, item_size(out));
  return NEEDLE_OK;
}

needle_status iota(void *context, needle_out out) {
  (void)context;
  static const dtype index = {{kDLInt, 64, 1}, INTEGER, NULL, NULL};
  const dtype *to = dtype_of(out);
  if (!to) return NEEDLE_UNSUPPORTED;
  for (int64_t i = 0, n = count(out); i < n; i++)
    to->store(element(out, i), convert((number){.integer = i}, &index, to));
  return NEEDLE_OK;
}

needle_status where(void *context, needle_in condition, needle_in a, needle_in b, needle_out out) {
  (void)context;
  for (int64_t i = 0, n = count(out); i < n; i++)
    memmove(element(out, i), element(*element(condition, i) ? a : b, i), item_size(out)); /* it may be its own place */
  return NEEDLE_OK;
}
