/* What the files of this backend share. None of it leaves the library but `plainc_backend`. */
#ifndef PLAINC_H
#define PLAINC_H

#include <needle_backend.h>
#include <stdbool.h>

/* -- error.c: the reason for this thread's last error -----------------------------------------------------------------
 */
/* Keeps the formatted reason and returns the status, for `return fail(NEEDLE_ERROR, "...")`. */
needle_status fail(needle_status status, const char *format, ...);
const char *last_error(void *context);

/* -- walk.c: where elements lie ---------------------------------------------------------------------------------------
 */
int64_t count(const DLTensor *t);
size_t item_size(const DLTensor *t);
/* The i-th element in row-major order. */
char *element(const DLTensor *t, int64_t i);
/* The first element of the i-th line along an axis; the next ones are `step` bytes apart. */
char *line(const DLTensor *t, int32_t axis, int64_t i);
/* The first element of the i-th matrix, of those that the last two axes hold. */
char *matrix(const DLTensor *t, int64_t i);
ptrdiff_t step(const DLTensor *t, int32_t axis);

/* -- dtype.c: from elements to numbers and back -----------------------------------------------------------------------
 */
/* All is computed in 64 bits, whatever the dtype: a result that is then rounded or cut to fewer bits comes out as if it
 * had been computed in those, or nearer to the exact one. */
typedef enum { INTEGER, NATURAL, REAL, COMPLEX } kind;

typedef union {
  int64_t integer;  /* int */
  uint64_t natural; /* uint, and bool as 0 or 1 */
  double real;      /* float, bfloat, float8 */
  double _Complex z;
} number;

typedef struct {
  DLDataType dl;
  kind kind;
  number (*load)(const void *element);
  void (*store)(void *element, number x); /* keeps the low bits of a whole number, rounds a real one to nearest even */
} dtype;

/* The dtype of a view; NULL, and an error for `return NEEDLE_UNSUPPORTED`, if this backend does not know it. */
const dtype *dtype_of(const DLTensor *t);
/* A number of one dtype as one of another: the contract's cast, but for the rounding, which `store` does. */
number convert(number x, const dtype *from, const dtype *to);
bool is_true(number x, kind kind);
bool is_nan(number x, kind kind);
/* Orders numbers as `sort` does: x is before y if its key is less; NaN is last, and -0 equals 0. */
uint64_t sort_key(number x, kind kind);

/* -- reduce.c: the operations that combine two numbers; other files use them too -------------------------------------
 */
typedef enum { SUM, PROD, MAX, MIN, ANY, ALL } reduction;
number neutral(reduction op, kind kind); /* with which `combine` gives the other number back */
number combine(reduction op, kind kind, number x, number y);

/* -- the functions of the contract, file by file: see needle_backend.h ------------------------------------------------
 */
needle_status memory_alloc(void *context, int32_t device, size_t nbytes, void **data);
void memory_free(void *context, int32_t device, void *data, size_t nbytes);
needle_status upload(void *context, int32_t device, const void *host, void *data, size_t offset, size_t nbytes);
needle_status download(void *context, int32_t device, const void *data, size_t offset, void *host, size_t nbytes);
needle_status copy(void *context, needle_in a, needle_out out);
needle_status fill(void *context, const void *value, needle_out out);
needle_status iota(void *context, needle_out out);

int32_t unary_op(const char *name); /* the code of an operation, -1 if there is none of the name */
int32_t binary_op(const char *name);
needle_status unary(void *context, int32_t op, needle_in a, needle_out out);
needle_status binary(void *context, int32_t op, needle_in a, needle_in b, needle_out out);
needle_status where(void *context, needle_in condition, needle_in a, needle_in b, needle_out out);
needle_status cast(void *context, needle_in a, needle_out out);

needle_status reduce(void *context, int32_t op, needle_in a, needle_out out);
needle_status arg_reduce(void *context, int32_t op, needle_in a, int32_t axis, needle_out out);
needle_status scan(void *context, int32_t op, needle_in a, int32_t axis, needle_out out);
needle_status sort(void *context, needle_in a, int32_t axis, int32_t descending, needle_out values, needle_out indices);
needle_status matmul(void *context, needle_in a, needle_in b, needle_out out);

needle_status gather(void *context, needle_in a, needle_in indices, int32_t axis, needle_out out);
needle_status scatter(void *context, int32_t op, needle_in a, needle_in indices, int32_t axis, needle_out out);
needle_status random_bits(void *context, uint64_t key, uint64_t counter, needle_out out);

#endif
