/* The dtypes: how an element becomes a number and a number an element. A new dtype is a line in the table, with its two
 * functions. */
#include <complex.h>
#include <math.h>

#include "plainc.h"

/* -- whole numbers: the low bits are kept -----------------------------------------------------------------------------
 */
#define WHOLE(type, field)                                                                             \
  static number load_##type(const void *element) { return (number){.field = *(const type *)element}; } \
  static void store_##type(void *element, number x) { *(type *)element = (type)x.field; }
WHOLE(int8_t, integer)
WHOLE(int16_t, integer)
WHOLE(int32_t, integer)
WHOLE(int64_t, integer)
WHOLE(uint8_t, natural)
WHOLE(uint16_t, natural)
WHOLE(uint32_t, natural)
WHOLE(uint64_t, natural)
#undef WHOLE

static void store_bool(void *element, number x) { *(uint8_t *)element = x.natural & 1; }

/* -- real numbers: rounded to nearest even ----------------------------------------------------------------------------
 */
static number load_double(const void *element) { return (number){.real = *(const double *)element}; }
static void store_double(void *element, number x) { *(double *)element = x.real; }

static number load_float(const void *element) { return (number){.real = *(const float *)element}; }
static void store_float(void *element, number x) { *(float *)element = (float)x.real; }

/* A format of a sign, `exponent` bits and `mantissa` bits that are stored: IEEE 754-2019, section 3.4. float8_e4m3fn
 * has numbers up to its one NaN, which stands for what is too great as well (Micikevicius et al., arXiv:2209.05433). */
typedef struct {
  int mantissa, exponent;
  uint32_t too_great, nan; /* their bits, without a sign */
} format;

static const format FLOAT16 = {10, 5, 0x7C00, 0x7E00}, BFLOAT16 = {7, 8, 0x7F80, 0x7FC0};
static const format E5M2 = {2, 5, 0x7C, 0x7F}, E4M3FN = {3, 4, 0x7F, 0x7F};

static number decode(uint32_t bits, format f) {
  int bias = (1 << (f.exponent - 1)) - 1;
  uint32_t sign = bits >> (f.mantissa + f.exponent), magnitude = bits & ((1u << (f.mantissa + f.exponent)) - 1);
  int e = (int)(magnitude >> f.mantissa);
  double m = magnitude & ((1u << f.mantissa) - 1);
  double x = e ? ldexp(m + (1 << f.mantissa), e - bias - f.mantissa) : ldexp(m, 1 - bias - f.mantissa);
  if (magnitude >= f.too_great) x = magnitude == f.too_great && f.too_great != f.nan ? INFINITY : NAN;
  return (number){.real = sign ? -x : x};
}

static uint32_t encode(double x, format f) {
  int bias = (1 << (f.exponent - 1)) - 1, e;
  uint32_t sign = signbit(x) ? 1u << (f.mantissa + f.exponent) : 0;
  if (isnan(x)) return sign | f.nan;
  if (isinf(x)) return sign | f.too_great;
  if (x == 0) return sign;
  frexp(x, &e); /* |x| is in [0.5, 1) * 2^e */
  e = e - 1 > 1 - bias ? e - 1 : 1 - bias;
  if (e > bias + 1) return sign | f.too_great;
  /* In units of the last place. A carry moves on into the exponent, and out of the greatest one into infinity. */
  uint32_t units = (uint32_t)nearbyint(ldexp(fabs(x), f.mantissa - e));
  uint32_t magnitude = units + ((uint32_t)(e + bias - 1) << f.mantissa);
  return sign | (magnitude < f.too_great ? magnitude : f.too_great);
}

static number load_float16(const void *element) { return decode(*(const uint16_t *)element, FLOAT16); }
static void store_float16(void *element, number x) { *(uint16_t *)element = (uint16_t)encode(x.real, FLOAT16); }
static number load_bfloat16(const void *element) { return decode(*(const uint16_t *)element, BFLOAT16); }
static void store_bfloat16(void *element, number x) { *(uint16_t *)element = (uint16_t)encode(x.real, BFLOAT16); }
static number load_e4m3fn(const void *element) { return decode(*(const uint8_t *)element, E4M3FN); }
static void store_e4m3fn(void *element, number x) { *(uint8_t *)element = (uint8_t)encode(x.real, E4M3FN); }
static number load_e5m2(const void *element) { return decode(*(const uint8_t *)element, E5M2); }
static void store_e5m2(void *element, number x) { *(uint8_t *)element = (uint8_t)encode(x.real, E5M2); }

/* -- complex numbers: the real part, then the imaginary one -----------------------------------------------------------
 */
static number load_complex64(const void *element) {
  const float *parts = element;
  return (number){.z = CMPLX(parts[0], parts[1])};
}
static void store_complex64(void *element, number x) {
  float *parts = element;
  parts[0] = (float)creal(x.z), parts[1] = (float)cimag(x.z);
}

static number load_complex128(const void *element) { return (number){.z = *(const double _Complex *)element}; }
static void store_complex128(void *element, number x) { *(double _Complex *)element = x.z; }

/* -- the table --------------------------------------------------------------------------------------------------------
 */
static const dtype DTYPES[] = {
    {{kDLBool, 8, 1}, NATURAL, load_uint8_t, store_bool},
    {{kDLInt, 8, 1}, INTEGER, load_int8_t, store_int8_t},
    {{kDLInt, 16, 1}, INTEGER, load_int16_t, store_int16_t},
    {{kDLInt, 32, 1}, INTEGER, load_int32_t, store_int32_t},
    {{kDLInt, 64, 1}, INTEGER, load_int64_t, store_int64_t},
    {{kDLUInt, 8, 1}, NATURAL, load_uint8_t, store_uint8_t},
    {{kDLUInt, 16, 1}, NATURAL, load_uint16_t, store_uint16_t},
    {{kDLUInt, 32, 1}, NATURAL, load_uint32_t, store_uint32_t},
    {{kDLUInt, 64, 1}, NATURAL, load_uint64_t, store_uint64_t},
    {{kDLFloat, 16, 1}, REAL, load_float16, store_float16},
    {{kDLBfloat, 16, 1}, REAL, load_bfloat16, store_bfloat16},
    {{kDLFloat, 32, 1}, REAL, load_float, store_float},
    {{kDLFloat, 64, 1}, REAL, load_double, store_double},
    {{kDLFloat8_e4m3fn, 8, 1}, REAL, load_e4m3fn, store_e4m3fn},
    {{kDLFloat8_e5m2, 8, 1}, REAL, load_e5m2, store_e5m2},
    {{kDLComplex, 64, 1}, COMPLEX, load_complex64, store_complex64},
    {{kDLComplex, 128, 1}, COMPLEX, load_complex128, store_complex128},
};

const dtype *dtype_of(const DLTensor *t) {
  for (size_t i = 0; i < sizeof DTYPES / sizeof *DTYPES; i++)
    if (DTYPES[i].dl.code == t->dtype.code && DTYPES[i].dl.bits == t->dtype.bits) return &DTYPES[i];
  fail(NEEDLE_UNSUPPORTED, "a dtype that this backend does not have; got DLPack code %d of %d bits", t->dtype.code,
       t->dtype.bits);
  return NULL;
}

/* -- conversions ------------------------------------------------------------------------------------------------------
 */
/* Truncated towards zero, NaN to 0, and no further than the limits of the dtype. */
static number real_to_whole(double x, const dtype *to) {
  int bits = to->dl.bits - (to->kind == INTEGER);
  double beyond = ldexp(1, bits); /* the greatest number, and 1 */
  uint64_t greatest = UINT64_MAX >> (64 - bits);
  if (isnan(x)) return (number){.natural = 0};
  if (x >= beyond) return (number){.natural = greatest};
  if (to->kind == NATURAL) return (number){.natural = x > 0 ? (uint64_t)x : 0};
  return (number){.integer = x > -beyond ? (int64_t)x : -(int64_t)greatest - 1};
}

/* A double has fewer digits than 64 bits. If it is to be rounded once more, its last digit has to say that some are
 * lost, or what lies just above halfway would become halfway. */
static uint64_t mark_lost_digits(uint64_t magnitude) {
  bool lost = magnitude >> 53 && magnitude & 2047;
  return lost ? (magnitude & ~UINT64_C(2047)) | 2048 : magnitude;
}

static double whole_to_real(number x, const dtype *from, const dtype *to) {
  bool negative = from->kind == INTEGER && x.integer < 0;
  uint64_t magnitude = negative ? -x.natural : x.natural;
  int bits = to->kind == COMPLEX ? to->dl.bits / 2 : to->dl.bits;
  if (bits < 64) magnitude = mark_lost_digits(magnitude);
  return negative ? -(double)magnitude : (double)magnitude;
}

number convert(number x, const dtype *from, const dtype *to) {
  if (from == to) return x;
  if (to->dl.code == kDLBool) return (number){.natural = is_true(x, from->kind)};
  bool to_whole = to->kind == INTEGER || to->kind == NATURAL;
  if (from->kind == INTEGER || from->kind == NATURAL) {
    if (to_whole) return x; /* the bits stay as they are */
    x.real = whole_to_real(x, from, to);
  } else if (from->kind == COMPLEX) {
    if (to->kind == COMPLEX) return x;
    x.real = creal(x.z); /* of the operations that give one part */
  }
  if (to_whole) return real_to_whole(x.real, to);
  return to->kind == COMPLEX ? (number){.z = CMPLX(x.real, 0)} : x;
}

/* -- questions --------------------------------------------------------------------------------------------------------
 */
bool is_true(number x, kind kind) {
  if (kind == COMPLEX) return x.z != 0;
  return kind == REAL ? x.real != 0 : x.natural != 0;
}

bool is_nan(number x, kind kind) { return kind == REAL && isnan(x.real); }

uint64_t sort_key(number x, kind kind) {
  const uint64_t sign = UINT64_C(1) << 63;
  if (kind == NATURAL) return x.natural;
  if (kind == INTEGER) return x.natural ^ sign;
  if (isnan(x.real)) return UINT64_MAX;
  x.real += 0.0; /* -0 becomes 0 */
  return x.natural & sign ? ~x.natural : x.natural | sign;
}
