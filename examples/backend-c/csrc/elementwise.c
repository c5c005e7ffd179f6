/* Operations on each element by itself. Each has three definitions: for double x and y, for complex ones, and for whole
 * numbers, which is compiled once for int64_t and once for uint64_t. Whole numbers wrap (-fwrapv), and `store` keeps
 * the low bits. */
#include <complex.h>
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

#define LN_2 0.693147180559945309417
#define LN_10 2.302585092994045684018
#define SQRT_HALF 0.707106781186547524401
#define GELU_SLOPE 1.595769121605730711760 /* sqrt(8 / pi) */

static double logaddexp(double x, double y) {
  if (x == y) return x + LN_2; /* infinities too */
  return fmax(x, y) + log1p(exp(-fabs(x - y))) + (isnan(x) ? x : isnan(y) ? y : 0);
}

/* exp(x) - 1 and log(1 + x) without the loss of digits near 0: from the real parts' own definitions. */
static double _Complex complex_expm1(double _Complex x) {
  double a = creal(x), b = cimag(x), half = sin(b / 2);
  return CMPLX(expm1(a) * cos(b) - 2 * half * half, exp(a) * sin(b));
}

static double _Complex complex_log1p(double _Complex x) {
  double a = creal(x), b = cimag(x);
  return 2 * cabs(x) < 1 ? CMPLX(log1p(a * (2 + a) + b * b) / 2, atan2(b, 1 + a)) : clog(1 + x);
}

static double _Complex complex_pow(double _Complex x, double _Complex y) {
  if (y == 0) return 1;
  return x == 0 && creal(y) > 0 ? 0 : cpow(x, y);
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

/* name, expression for real numbers, for complex ones, for whole ones */
#define UNARY_OPERATIONS(OP)                                                              \
  OP(negative, -x, -x, -x)                                                                \
  OP(positive, x, x, x)                                                                   \
  OP(abs, fabs(x), cabs(x), x < 0 ? -x : x)                                               \
  OP(sign, isnan(x) ? x : (x > 0) - (x < 0), x == 0 ? x : x / cabs(x), (x > 0) - (x < 0)) \
  OP(signbit, signbit(x) != 0, NONE, NONE)                                                \
  OP(conj, x, conj(x), x)                                                                 \
  OP(real, x, creal(x), x)                                                                \
  OP(imag, 0, cimag(x), 0)                                                                \
  OP(square, x *x, x *x, x *x)                                                            \
  OP(sqrt, sqrt(x), csqrt(x), NONE)                                                       \
  OP(rsqrt, 1 / sqrt(x), 1 / csqrt(x), NONE)                                              \
  OP(reciprocal, 1 / x, 1 / x, NONE)                                                      \
  OP(exp, exp(x), cexp(x), NONE)                                                          \
  OP(expm1, expm1(x), complex_expm1(x), NONE)                                             \
  OP(log, log(x), clog(x), NONE)                                                          \
  OP(log2, log2(x), clog(x) / LN_2, NONE)                                                 \
  OP(log10, log10(x), clog(x) / LN_10, NONE)                                              \
  OP(log1p, log1p(x), complex_log1p(x), NONE)                                             \
  OP(sin, sin(x), csin(x), NONE)                                                          \
  OP(cos, cos(x), ccos(x), NONE)                                                          \
  OP(tan, tan(x), ctan(x), NONE)                                                          \
  OP(asin, asin(x), casin(x), NONE)                                                       \
  OP(acos, acos(x), cacos(x), NONE)                                                       \
  OP(atan, atan(x), catan(x), NONE)                                                       \
  OP(sinh, sinh(x), csinh(x), NONE)                                                       \
  OP(cosh, cosh(x), ccosh(x), NONE)                                                       \
  OP(tanh, tanh(x), ctanh(x), NONE)                                                       \
  OP(asinh, asinh(x), casinh(x), NONE)                                                    \
  OP(acosh, acosh(x), cacosh(x), NONE)                                                    \
  OP(atanh, atanh(x), catanh(x), NONE)                                                    \
  OP(sigmoid, 1 / (1 + exp(-x)), NONE, NONE)                                              \
  OP(erf, erf(x), NONE, NONE)                                                             \
  OP(gelu, x *(erfc(-x * SQRT_HALF) / 2), NONE, NONE)                                     \
  OP(gelu_tanh, x / (1 + exp(-GELU_SLOPE * (x + 0.044715 * x * x * x))), NONE, NONE)      \
  OP(silu, x / (1 + exp(-x)), NONE, NONE)                                                 \
  OP(softplus, fmax(x, 0) + log1p(exp(-fabs(x))), NONE, NONE)                             \
  OP(relu, x < 0 ? 0 : x, NONE, x < 0 ? 0 : x)                                            \
  OP(floor, floor(x), NONE, x)                                                            \
  OP(ceil, ceil(x), NONE, x)                                                              \
  OP(trunc, trunc(x), NONE, x)                                                            \
  OP(round, rint(x), CMPLX(rint(creal(x)), rint(cimag(x))), x)                            \
  OP(isnan, isnan(x) != 0, isnan(creal(x)) || isnan(cimag(x)), 0)                         \
  OP(isinf, isinf(x) != 0, isinf(creal(x)) || isinf(cimag(x)), 0)                         \
  OP(isfinite, isfinite(x) != 0, isfinite(creal(x)) && isfinite(cimag(x)), 1)             \
  OP(logical_not, x == 0, x == 0, x == 0)                                                 \
  OP(bitwise_invert, NONE, NONE, ~x)

#define BINARY_OPERATIONS(OP)                                                       \
  OP(add, x + y, x + y, x + y)                                                      \
  OP(subtract, x - y, x - y, x - y)                                                 \
  OP(multiply, x *y, x *y, x *y)                                                    \
  OP(divide, x / y, x / y, NONE)                                                    \
  OP(floor_divide, real_floor_divide(x, y), NONE, WHOLE_FLOOR_DIVIDE)               \
  OP(remainder, real_remainder(x, y), NONE, WHOLE_REMAINDER)                        \
  OP(pow, pow(x, y), complex_pow(x, y), WHOLE_POW)                                  \
  OP(maximum, isnan(x) || x > y ? x : y, NONE, x > y ? x : y)                       \
  OP(minimum, isnan(x) || x < y ? x : y, NONE, x < y ? x : y)                       \
  OP(atan2, atan2(x, y), NONE, NONE)                                                \
  OP(hypot, hypot(x, y), NONE, NONE)                                                \
  OP(logaddexp, logaddexp(x, y), NONE, NONE)                                        \
  OP(copysign, copysign(x, y), NONE, NONE)                                          \
  OP(nextafter, NONE, NONE, NONE)                                                   \
  OP(equal, x == y, x == y, x == y)                                                 \
  OP(not_equal, x != y, x != y, x != y)                                             \
  OP(less, x < y, NONE, x < y)                                                      \
  OP(less_equal, x <= y, NONE, x <= y)                                              \
  OP(greater, x > y, NONE, x > y)                                                   \
  OP(greater_equal, x >= y, NONE, x >= y)                                           \
  OP(logical_and, x != 0 && y != 0, x != 0 && y != 0, x != 0 && y != 0)             \
  OP(logical_or, x != 0 || y != 0, x != 0 || y != 0, x != 0 || y != 0)              \
  OP(logical_xor, (x != 0) != (y != 0), (x != 0) != (y != 0), (x != 0) != (y != 0)) \
  OP(bitwise_and, NONE, NONE, x &y)                                                 \
  OP(bitwise_or, NONE, NONE, x | y)                                                 \
  OP(bitwise_xor, NONE, NONE, x ^ y)                                                \
  OP(bitwise_left_shift, NONE, NONE, IN_RANGE(y) ? x << y : 0)                      \
  OP(bitwise_right_shift, NONE, NONE, IN_RANGE(y) ? x >> y : x < 0 ? -1 : 0)

/* Each line of a list becomes four functions and one entry of a table. */
typedef struct {
  const char *name;
  double (*real)(double x, double y);
  double _Complex (*complex_)(double _Complex x, double _Complex y);
  int64_t (*integer)(int64_t x, int64_t y);
  uint64_t (*natural)(uint64_t x, uint64_t y);
} operation;

#define FUNCTION(type, full_name, expression) \
  static type full_name(type x, type y) { return (void)x, (void)y, expression; }
#define FUNCTIONS(prefix, name, of_reals, of_complexes, of_wholes) \
  FUNCTION(double, prefix##name##_real, of_reals)                  \
  FUNCTION(double _Complex, prefix##name##_complex, of_complexes)  \
  FUNCTION(int64_t, prefix##name##_integer, of_wholes)             \
  FUNCTION(uint64_t, prefix##name##_natural, of_wholes)
#define ENTRY(prefix, name) \
  {#name, prefix##name##_real, prefix##name##_complex, prefix##name##_integer, prefix##name##_natural},

#define UNARY_FUNCTIONS(name, ...) FUNCTIONS(unary_, name, __VA_ARGS__)
#define BINARY_FUNCTIONS(name, ...) FUNCTIONS(binary_, name, __VA_ARGS__)
UNARY_OPERATIONS(UNARY_FUNCTIONS)
BINARY_OPERATIONS(BINARY_FUNCTIONS)

#define UNARY_ENTRY(name, ...) ENTRY(unary_, name)
#define BINARY_ENTRY(name, ...) ENTRY(binary_, name)
static const operation UNARY[] = {UNARY_OPERATIONS(UNARY_ENTRY){NULL, NULL, NULL, NULL, NULL}};
static const operation BINARY[] = {BINARY_OPERATIONS(BINARY_ENTRY){NULL, NULL, NULL, NULL, NULL}};

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
    case COMPLEX: return (number){.z = op->complex_(x.z, y.z)};
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

/* The one operation that depends on how numbers are stored: one step among the elements, seen as integers with a sign.
 */
static needle_status nextafter_each(needle_in a, needle_in b, needle_out out) {
  const dtype *type = dtype_of(a);
  if (!type) return NEEDLE_UNSUPPORTED;
  uint64_t sign = UINT64_C(1) << (type->dl.bits - 1);
  for (int64_t i = 0, n = count(out); i < n; i++) {
    double x = type->load(element(a, i)).real, y = type->load(element(b, i)).real;
    uint64_t bits = 0; /* a little-endian host */
    memcpy(&bits, element(x == y ? b : a, i), item_size(a));
    if (isnan(x) || isnan(y))
      type->store(&bits, (number){.real = NAN});
    else if (x == 0 && y != 0)
      bits = y < 0 ? sign | 1 : 1;
    else if (x != y)
      bits += (x < y) == (x > 0) ? 1 : -1;
    memcpy(element(out, i), &bits, item_size(out));
  }
  return NEEDLE_OK;
}

needle_status binary(void *context, int32_t op, needle_in a, needle_in b, needle_out out) {
  (void)context;
  if (op == binary_op("nextafter")) return nextafter_each(a, b, out);
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
