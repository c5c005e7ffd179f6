/* Operations on each element by itself. Each has two definitions: for double x and y, and for whole numbers, which is
 * compiled once for int64_t and once for uint64_t. Whole numbers wrap (-fwrapv), and `store` keeps the low bits. */
#include <math.h>
#include <string.h>

#include "plainc.h"

/* Division that rounds down. The quotient is made from the exact remainder, so that the two agree. */
static double real_remainder(double x, double y) {
  double rest = fmod(x, y);
  if (rest == 0) return copysign(0, y);
  return (rest < 0) != (y < 0) ? rest + y : rest;
}

static double real_floor_divide(double x, double y) {
  if (y == 0) return x / y;
  double quotient = rint((x - real_remainder(x, y)) / y);
  return quotient == 0 ? copysign(0, x / y) : quotient;
}

static uint64_t power(uint64_t x, uint64_t y) {
  uint64_t result = 1;
  for (; y; y >>= 1, x *= x)
    if (y & 1) result *= x;
  return result;
}

/* Below, -1 is told from the greatest uint64_t by its sign; to divide by it could overflow, which traps. */
#define IS_MINUS_ONE(x) ((x) < 0 && (x) + 1 == 0)
#define ROUNDS_UP(x, y) ((x) % (y) != 0 && ((x) < 0) != ((y) < 0))
#define WHOLE_FLOOR_DIVIDE (y == 0 ? 0 : IS_MINUS_ONE(y) ? -x : x / y - ROUNDS_UP(x, y))
#define WHOLE_REMAINDER (y == 0 || IS_MINUS_ONE(y) ? 0 : ROUNDS_UP(x, y) ? x % y + y : x % y)
#define RECIPROCAL_POWER (x == 1 ? 1 : IS_MINUS_ONE(x) ? (y % 2 ? -1 : 1) : 0)
#define WHOLE_POW (y < 0 ? RECIPROCAL_POWER : power((uint64_t)x, (uint64_t)y))
#define IN_RANGE(y) ((y) >= 0 && (y) < 64)
#define NONE 0 /* never asked for: needle_backend.h admits no such dtype */

/* name, expression for real numbers, expression for whole numbers */
#define UNARY_OPERATIONS(OP)                                    \
  OP(negative, -x, -x)                                          \
  OP(abs, fabs(x), x < 0 ? -x : x)                              \
  OP(sign, isnan(x) ? x : (x > 0) - (x < 0), (x > 0) - (x < 0)) \
  OP(square, x *x, x *x)                                        \
  OP(sqrt, sqrt(x), NONE)                                       \
  OP(rsqrt, 1 / sqrt(x), NONE)                                  \
  OP(reciprocal, 1 / x, NONE)                                   \
  OP(exp, exp(x), NONE)                                         \
  OP(expm1, expm1(x), NONE)                                     \
  OP(log, log(x), NONE)                                         \
  OP(log1p, log1p(x), NONE)                                     \
  OP(sin, sin(x), NONE)                                         \
  OP(cos, cos(x), NONE)                                         \
  OP(tan, tan(x), NONE)                                         \
  OP(tanh, tanh(x), NONE)                                       \
  OP(sigmoid, 1 / (1 + exp(-x)), NONE)                          \
  OP(erf, erf(x), NONE)                                         \
  OP(relu, x < 0 ? 0 : x, x < 0 ? 0 : x)                        \
  OP(floor, floor(x), x)                                        \
  OP(ceil, ceil(x), x)                                          \
  OP(trunc, trunc(x), x)                                        \
  OP(round, rint(x), x)                                         \
  OP(isnan, isnan(x) != 0, 0)                                   \
  OP(isinf, isinf(x) != 0, 0)                                   \
  OP(isfinite, isfinite(x) != 0, 1)                             \
  OP(logical_not, x == 0, x == 0)                               \
  OP(bitwise_invert, NONE, ~x)

#define BINARY_OPERATIONS(OP)                                   \
  OP(add, x + y, x + y)                                         \
  OP(subtract, x - y, x - y)                                    \
  OP(multiply, x *y, x *y)                                      \
  OP(divide, x / y, NONE)                                       \
  OP(floor_divide, real_floor_divide(x, y), WHOLE_FLOOR_DIVIDE) \
  OP(remainder, real_remainder(x, y), WHOLE_REMAINDER)          \
  OP(pow, pow(x, y), WHOLE_POW)                                 \
  OP(maximum, isnan(x) || x > y ? x : y, x > y ? x : y)         \
  OP(minimum, isnan(x) || x < y ? x : y, x < y ? x : y)         \
  OP(atan2, atan2(x, y), NONE)                                  \
  OP(equal, x == y, x == y)                                     \
  OP(not_equal, x != y, x != y)                                 \
  OP(less, x < y, x < y)                                        \
  OP(less_equal, x <= y, x <= y)                                \
  OP(greater, x > y, x > y)                                     \
  OP(greater_equal, x >= y, x >= y)                             \
  OP(logical_and, x != 0 && y != 0, x != 0 && y != 0)           \
  OP(logical_or, x != 0 || y != 0, x != 0 || y != 0)            \
  OP(logical_xor, (x != 0) != (y != 0), (x != 0) != (y != 0))   \
  OP(bitwise_and, NONE, x &y)                                   \
  OP(bitwise_or, NONE, x | y)                                   \
  OP(bitwise_xor, NONE, x ^ y)                                  \
  OP(bitwise_left_shift, NONE, IN_RANGE(y) ? x << y : 0)        \
  OP(bitwise_right_shift, NONE, IN_RANGE(y) ? x >> y : x < 0 ? -1 : 0)

/* Each line of a list becomes three functions and one entry of a table. */
typedef struct {
  const char *name;
  double (*real)(double x, double y);
  int64_t (*integer)(int64_t x, int64_t y);
  uint64_t (*natural)(uint64_t x, uint64_t y);
} operation;

#define FUNCTIONS(prefix, name, of_reals, of_wholes)                                                  \
  static double prefix##name##_real(double x, double y) { return (void)x, (void)y, of_reals; }        \
  static int64_t prefix##name##_integer(int64_t x, int64_t y) { return (void)x, (void)y, of_wholes; } \
  static uint64_t prefix##name##_natural(uint64_t x, uint64_t y) { return (void)x, (void)y, of_wholes; }
#define ENTRY(prefix, name) {#name, prefix##name##_real, prefix##name##_integer, prefix##name##_natural},

#define UNARY_FUNCTIONS(name, of_reals, of_wholes) FUNCTIONS(unary_, name, of_reals, of_wholes)
#define BINARY_FUNCTIONS(name, of_reals, of_wholes) FUNCTIONS(binary_, name, of_reals, of_wholes)
UNARY_OPERATIONS(UNARY_FUNCTIONS)
BINARY_OPERATIONS(BINARY_FUNCTIONS)

#define UNARY_ENTRY(name, of_reals, of_wholes) ENTRY(unary_, name)
#define BINARY_ENTRY(name, of_reals, of_wholes) ENTRY(binary_, name)
static const operation UNARY[] = {UNARY_OPERATIONS(UNARY_ENTRY){NULL, NULL, NULL, NULL}};
static const operation BINARY[] = {BINARY_OPERATIONS(BINARY_ENTRY){NULL, NULL, NULL, NULL}};

static int32_t find(const operation *table, const char *name) {
  for (int32_t code = 0; table[code].name; code++)
    if (strcmp(table[code].name, name) == 0) return code;
  return -1;
}

int32_t unary_op(const char *name) { return find(UNARY, name); }
int32_t binary_op(const char *name) { return find(BINARY, name); }

static number apply(const operation *op, kind kind, number x, number y) {
  switch (kind) {
    case REAL: return (number){.real = op->real(x.real, y.real)};
    case INTEGER: return (number){.integer = op->integer(x.integer, y.integer)};
    default: return (number){.natural = op->natural(x.natural, y.natural)};
  }
}

static needle_status each(const operation *op, needle_in a, needle_in b, needle_out out) {
  const dtype *from = dtype_of(a), *to = dtype_of(out);
  if (!from || !to) return NEEDLE_UNSUPPORTED;
  for (int64_t i = 0, n = count(out); i < n; i++) {
    number result = apply(op, from->kind, from->load(element(a, i)), from->load(element(b, i)));
    to->store(element(out, i), convert(result, from, to)); /* of a comparison, to bool */
  }
  return NEEDLE_OK;
}

needle_status unary(void *context, int32_t op, needle_in a, needle_out out) {
  (void)context;
  return each(&UNARY[op], a, a, out);
}

needle_status binary(void *context, int32_t op, needle_in a, needle_in b, needle_out out) {
  (void)context;
  return each(&BINARY[op], a, b, out);
}

needle_status cast(void *context, needle_in a, needle_out out) {
  (void)context;
  const dtype *from = dtype_of(a), *to = dtype_of(out);
  if (!from || !to) return NEEDLE_UNSUPPORTED;
  for (int64_t i = 0, n = count(out); i < n; i++)
    to->store(element(out, i), convert(from->load(element(a, i)), from, to));
  return NEEDLE_OK;
}
