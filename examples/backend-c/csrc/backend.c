/* The table that Needle gets, and the answers about the device. */
#include <string.h>

#include "plainc.h"

static int32_t device_count(void *context) {
  (void)context;
  return 1;
}

static const char *describe(void *context, int32_t device) {
  (void)context, (void)device;
  return "plain C on the host, one element at a time";
}

/* The codes that `op` gives are those of `reduction`; scatter "set" is none, so that any other number will do. */
static int32_t op(void *context, needle_family family, const char *name) {
  static const struct {
    needle_family family;
    const char *name;
    int32_t code;
  } OPERATIONS[] = {
      {NEEDLE_REDUCE, "sum", SUM},        {NEEDLE_REDUCE, "prod", PROD},      {NEEDLE_REDUCE, "max", MAX},
      {NEEDLE_REDUCE, "min", MIN},        {NEEDLE_REDUCE, "any", ANY},        {NEEDLE_REDUCE, "all", ALL},
      {NEEDLE_ARG_REDUCE, "argmax", MAX}, {NEEDLE_ARG_REDUCE, "argmin", MIN}, {NEEDLE_SCAN, "sum", SUM},
      {NEEDLE_SCAN, "prod", PROD},        {NEEDLE_SCATTER, "add", SUM},       {NEEDLE_SCATTER, "set", ALL},
  };
  (void)context;
  if (family == NEEDLE_UNARY) return unary_op(name);
  if (family == NEEDLE_BINARY) return binary_op(name);
  for (size_t i = 0; i < sizeof OPERATIONS / sizeof *OPERATIONS; i++)
    if (OPERATIONS[i].family == family && strcmp(OPERATIONS[i].name, name) == 0) return OPERATIONS[i].code;
  return -1;
}

static needle_status synchronize(void *context, int32_t device) {
  (void)context, (void)device;
  return NEEDLE_OK; /* every function is done when it returns */
}

static const needle_backend BACKEND = {
    .api_version = NEEDLE_BACKEND_API_VERSION,
    .size = sizeof(needle_backend),
    .name = "plainc",
    .host_memory = 1,
    .device_count = device_count,
    .describe = describe,
    .op = op,
    .last_error = last_error,
    .alloc = memory_alloc,
    .free = memory_free,
    .upload = upload,
    .download = download,
    .copy = copy,
    .synchronize = synchronize,
    .fill = fill,
    .iota = iota,
    .unary = unary,
    .binary = binary,
    .where = where,
    .cast = cast,
    .reduce = reduce,
    .arg_reduce = arg_reduce,
    .scan = scan,
    .sort = sort,
    .matmul = matmul,
    .gather = gather,
    .scatter = scatter,
    .random_bits = random_bits,
};

/* The one symbol that the library exports. */
__attribute__((visibility("default"))) const needle_backend *plainc_backend(void) { return &BACKEND; }
