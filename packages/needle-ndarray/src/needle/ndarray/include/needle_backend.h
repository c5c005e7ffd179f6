/* The backend contract: what a device has to offer so that Needle can compute on it.
 *
 * A backend is one `needle_backend` table of C functions, handed to Needle in a PyCapsule named "needle_backend" by
 * the function that the entry point in the group `needle.backends` names. Any language that can export C functions
 * can provide one. (In Python, subclass `needle.ndarray.Backend` instead: same functions, same meaning.)
 *
 * An array argument is a DLPack `DLTensor`: `data` is what `alloc` returned, `byte_offset` leads to the first element,
 * `strides` count elements and are never NULL for ndim > 0. A pointer's lifetime is the call.
 *
 * For every function:
 *   front guarantees  arguments are of one device of this backend; extents are >= 0 and their product fits in int64;
 *                     views lie inside their buffers; dtypes are of the list below; axes are in [0, ndim); strides of
 *                     inputs may be 0 or negative; distinct elements of `out` have distinct addresses; `out` overlaps no
 *                     input, except that in unary, binary, where and cast of equal item size it may be the very same
 *                     view as an input (same data, offset, shape and strides).
 *   backend must      honour strides and offset of every argument, accept empty (an extent of 0) and 0-d views,
 *                     be deterministic, and return NEEDLE_OK or an error after which `last_error` has the reason. It
 *                     never throws, exits or blocks for ever. Calls on one device take effect in the order they were made.
 *                     Functions may be called from any thread, several at once.
 *
 * dtypes (DLDataType, lanes 1): bool 8 bits (0 or 1); int and uint 8, 16, 32, 64; float 16, 32, 64; bfloat 16;
 * complex 64, 128 (the real part, then the imaginary one); float8_e4m3fn and float8_e5m2, 8 bits.
 * float16 and bfloat16 are computed, and accumulated, in float32 and rounded once, to nearest even. Integers wrap.
 * Arithmetic is never asked for on bool. Complex numbers have no order: iota, max, min, arg_reduce, sort and random_bits
 * are never asked for on them, nor the ops whose line in elementwise.inc does not name them. The float8 dtypes are for
 * storage: they come in alloc, upload, download, copy, fill, where, cast, gather and scatter "set" alone.
 * `device.device_type` is 0: the table that is called says what the device is.
 * How many ulp each function may be off is in needle.ndarray.conformance, which a backend has to pass.
 */
#ifndef NEEDLE_BACKEND_H
#define NEEDLE_BACKEND_H

#include <stddef.h>
#include <stdint.h>

/* The part of DLPack's stable ABI that the contract uses; <dlpack/dlpack.h>, when included first, takes its place. */
#ifndef DLPACK_DLPACK_H_
#define DLPACK_DLPACK_H_
enum {
  kDLInt = 0,
  kDLUInt = 1,
  kDLFloat = 2,
  kDLBfloat = 4,
  kDLComplex = 5,
  kDLBool = 6,
  kDLFloat8_e4m3fn = 10,
  kDLFloat8_e5m2 = 12
};
typedef struct {
  uint8_t code;
  uint8_t bits;
  uint16_t lanes;
} DLDataType;
typedef struct {
  int32_t device_type;
  int32_t device_id;
} DLDevice;
typedef struct {
  void *data;
  DLDevice device;
  int32_t ndim;
  DLDataType dtype;
  int64_t *shape;
  int64_t *strides;
  uint64_t byte_offset;
} DLTensor;
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Raised when a table that was built against an older header can no longer be understood. */
#define NEEDLE_BACKEND_API_VERSION 1
#define NEEDLE_BACKEND_CAPSULE "needle_backend"

typedef enum {
  NEEDLE_OK = 0,
  NEEDLE_ERROR = 1,         /* raised as BackendError */
  NEEDLE_OUT_OF_MEMORY = 2, /* raised as MemoryError */
  NEEDLE_INDEX_ERROR = 3,   /* raised as IndexError */
  NEEDLE_UNSUPPORTED = 4    /* raised as NotImplementedError */
} needle_status;

/* The functions that take an operation. An operation is known by its name; the backend gives it a code of its own. */
typedef enum {
  NEEDLE_UNARY = 0,      /* "negative" "exp" ...: every UNARY line of elementwise.inc */
  NEEDLE_BINARY = 1,     /* "add" "less" ...: every BINARY line of elementwise.inc */
  NEEDLE_REDUCE = 2,     /* "sum" "prod" "max" "min" "any" "all" */
  NEEDLE_ARG_REDUCE = 3, /* "argmax" "argmin" */
  NEEDLE_SCAN = 4,       /* "sum" "prod" */
  NEEDLE_SCATTER = 5,    /* "set" "add" */
  NEEDLE_COMPOSITE = 6   /* "softmax" ...: those described at `composite`; all optional */
} needle_family;

typedef const DLTensor *needle_in;
typedef const DLTensor *needle_out; /* its elements are written; the descriptor is not */

/* What a composite works on. An array that is left out is NULL. */
typedef struct {
  int32_t n_inputs, n_outputs, n_integers, n_reals;
  const needle_in *inputs;
  const needle_out *outputs;
  const int64_t *integers;
  const double *reals;
} needle_arguments;

/* Bytes, as they lie in memory: sizes rounded up as the backend does. */
typedef struct {
  uint64_t live;   /* handed out by `alloc` and not freed */
  uint64_t cached; /* freed, and kept for the next `alloc` */
  uint64_t peak;   /* the most that was live since the last `reset_peak` */
  uint64_t limit;  /* of `cached` */
} needle_memory;

typedef struct needle_backend {
  uint32_t api_version; /* NEEDLE_BACKEND_API_VERSION of the header it was built with */
  uint32_t size;        /* sizeof(needle_backend) of that header: what lies beyond counts as NULL */
  const char *name;     /* "cpu", "cuda": the name of the entry point */
  /* 1 if `data` is an address that the host can read and write at any time. Then `data` may also be memory of another
   * library, which never comes to `free`, and is aligned to the dtype's size alone. */
  int32_t host_memory;
  void *context;        /* passed back as the first argument of every function */

  /* -- queries ------------------------------------------------------------------------------------------------------ */
  int32_t (*device_count)(void *context);
  /* One line for people: model, instruction set, memory. Valid until the next call on this thread. */
  const char *(*describe)(void *context, int32_t device);
  /* The code, >= 0, by which this backend knows the operation `name` of `family`; -1 if it has none. */
  int32_t (*op)(void *context, needle_family family, const char *name);
  /* The reason for this thread's last error, as in "index out of range; got 7; expected [-2, 2)": the front puts the
   * function's name before it and the device behind it. Valid until the thread's next call. */
  const char *(*last_error)(void *context);

  /* -- memory ------------------------------------------------------------------------------------------------------- */
  /* A buffer of nbytes > 0, aligned to 64 bytes, contents undefined. */
  needle_status (*alloc)(void *context, int32_t device, size_t nbytes, void **data);
  void (*free)(void *context, int32_t device, void *data, size_t nbytes);
  /* nbytes from host memory into a buffer at an offset, and back. Done when they return. */
  needle_status (*upload)(void *context, int32_t device, const void *host, void *data, size_t offset, size_t nbytes);
  needle_status (*download)(void *context, int32_t device, const void *data, size_t offset, void *host, size_t nbytes);
  /* out[i] = a[i]; equal shapes and dtypes. */
  needle_status (*copy)(void *context, needle_in a, needle_out out);
  /* Returns when all earlier calls on the device have taken effect; reports their late errors. */
  needle_status (*synchronize)(void *context, int32_t device);

  /* -- creation ----------------------------------------------------------------------------------------------------- */
  /* out[i] = *value, one element of out's dtype in host memory. */
  needle_status (*fill)(void *context, const void *value, needle_out out);
  /* out is 1-d, of an integer or float dtype: 0, 1, 2, ... */
  needle_status (*iota)(void *context, needle_out out);

  /* -- elementwise: equal shapes ------------------------------------------------------------------------------------ */
  /* a and b have one dtype, which elementwise.inc admits for the op; out has that dtype or, where it says so, bool or the
   * dtype of a complex number's parts. */
  needle_status (*unary)(void *context, int32_t op, needle_in a, needle_out out);
  needle_status (*binary)(void *context, int32_t op, needle_in a, needle_in b, needle_out out);
  /* out[i] = condition[i] ? a[i] : b[i]; condition is bool; a, b and out have one dtype. */
  needle_status (*where)(void *context, needle_in condition, needle_in a, needle_in b, needle_out out);
  /* Any dtype to any other. Float to integer truncates towards zero and saturates, NaN gives 0; integer to narrower
   * integer keeps the low bits; anything to bool is x != 0; to a narrower float rounds once, from float64 too. What is
   * too great becomes infinite, in float8_e4m3fn NaN, for want of an infinity. Complex to integer or float is never
   * asked for; from them, the imaginary part is 0. */
  needle_status (*cast)(void *context, needle_in a, needle_out out);

  /* -- along axes --------------------------------------------------------------------------------------------------- */
  /* out has a's rank; where a's extent differs from out's, out's is 1 and the axis is reduced. dtypes: equal; for "sum"
   * and "prod" out may be another one, to which each element is converted first; "any" and "all" give bool from any
   * dtype. Of no elements: sum 0, prod 1, any 0, all 1; max and min are never asked for that. NaN wins max and min. */
  needle_status (*reduce)(void *context, int32_t op, needle_in a, needle_out out);
  /* out is int64 with a's rank and extent 1 at `axis`, along which a's extent is > 0: the first place of the
   * extreme; the first NaN wins. */
  needle_status (*arg_reduce)(void *context, int32_t op, needle_in a, int32_t axis, needle_out out);
  /* Running sum or product along an axis, the element itself included; equal shapes and dtypes. */
  needle_status (*scan)(void *context, int32_t op, needle_in a, int32_t axis, needle_out out);
  /* Stable sort along an axis; NaN is greater than all. values (a's dtype) and indices (int64) have a's shape; one of
   * them may be NULL. Descending keeps equal elements in their order too. */
  needle_status (*sort)(void *context, needle_in a, int32_t axis, int32_t descending, needle_out values,
                        needle_out indices);

  /* -- contraction -------------------------------------------------------------------------------------------------- */
  /* (..., m, k) x (..., k, n) -> (..., m, n); equal rank >= 2, equal leading extents, one numeric dtype.
   * Subnormal numbers of bfloat16 may count as 0 here. */
  needle_status (*matmul)(void *context, needle_in a, needle_in b, needle_out out);

  /* -- indexed ------------------------------------------------------------------------------------------------------ */
  /* out[i.., j, ..k] = a[i.., indices[i.., j, ..k], ..k] with j at `axis`. indices is int64 with out's shape; a has it
   * too, but for its extent n at `axis`. An index in [-n, 0) counts from the end; one outside [-n, n) is
   * NEEDLE_INDEX_ERROR, at the next `synchronize` at the latest. So it is in scatter, whose out is then as it was, while
   * gather's may hold anything. */
  needle_status (*gather)(void *context, needle_in a, needle_in indices, int32_t axis, needle_out out);
  /* out[i.., indices[i.., j, ..k], ..k] op= a[i.., j, ..k]; indices has a's shape; out has it too, but at `axis`.
   * Where indices repeat, "add" adds all and "set" leaves the last in row-major order. */
  needle_status (*scatter)(void *context, int32_t op, needle_in a, needle_in indices, int32_t axis, needle_out out);

  /* -- random ------------------------------------------------------------------------------------------------------- */
  /* out is uint32, 1-d: element i is word i % 4 of Philox-4x32-10 (Salmon et al., SC 2011) with the 64-bit `key` (low
   * word first) and the 128-bit counter whose low 64 bits are `counter` + i / 4 (modulo 2^64), the high ones 0. */
  needle_status (*random_bits)(void *context, uint64_t key, uint64_t counter, needle_out out);

  /* -- optional ------------------------------------------------------------------------------------------------------ */
  /* What the front can also compose from the functions above, done in one go. Where this is NULL, where `op` has -1 for
   * the name in NEEDLE_COMPOSITE, or where the call gives NEEDLE_UNSUPPORTED (for a dtype, or sizes that a backend does
   * no better), the front composes it; nothing has been written then. All floats are accumulated in float32 at least.
   * In the list, "inputs -> outputs; integers; reals"; arrays have the dtype and shape of the first, if nothing else is said.
   *
   * conv      x (G, N, C, *S), w (G, O, C, *K) -> y (G, N, O, *S'); for each of the n spatial axes, n from 1 to 3,
   *           stride[n], low[n], high[n], dilation_in[n], dilation[n]. y[g, n, o, i] is the sum over c and k of
   *           w[g, o, c, k] X[g, n, c, i * stride + k * dilation], where X is x with dilation_in - 1 zeros between
   *           neighbours, then `low` zeros before and `high` behind (negative: cut off). Parameters are those of
   *           `needle.ndarray.conv`, S' follows from them; the strides, dilations and K are positive. All dtypes but bool
   *           and float8.
   * max_pool  x (B, *S) -> values (B, *S'), places int64 (B, *S'), which may be NULL; for each of the n axes of S,
   *           n from 1 to 3, size[n], stride[n], low[n], dilation[n]. values[b, i] is the greatest of the elements
   *           x[b, i * stride + k * dilation - low], k < size, that there are (there is one), the first NaN or else the
   *           first of equal ones; places has its number among those of S, row by row. Dtypes that have an order.
   * avg_pool  x (B, *S) -> y (B, *S'); integers as for max_pool. y[b, i] is the sum of the same elements, divided by
   *           the product of the sizes. Floats and complex numbers; so for its gradient.
   * avg_pool_gradient   ct (B, *S') -> y (B, *S); integers as for max_pool. y[b, j] is the sum of ct's numbers for the
   *           windows that have element j, divided by the product of the sizes.
   * max_pool_gradient   ct (B, *S'), x (B, *S) -> y (B, *S); integers as for max_pool. y is 0 but for the sum, at the
   *           place that max_pool finds in x for a window, of ct's numbers for it.
   * softmax                 x -> y; axis. y = exp(x - m) / sum(exp(x - m)) with the greatest element m along the axis.
   * log_softmax             x -> y; axis. y = (x - m) - log(sum(exp(x - m))).
   * softmax_gradient        y, ct -> dx; axis. dx = y (ct - sum(ct y)): of sum(ct y) for x.
   * log_softmax_gradient    y, ct -> dx; axis. dx = ct - exp(y) sum(ct).
   * cross_entropy           x, labels -> losses, sums; axis. All but x have extent 1 there; labels are int64, as gather's
   *                         indices are; losses and sums float64 if x is, else float32. sums = log(sum(exp(x))), losses =
   *                         sums - x[label].
   * cross_entropy_gradient  x, labels, sums, ct -> dx; axis. dx = ct (exp(x - sums) - [the label's place]).
   * norm                    x, scale, shift -> y, mean, variance; ; epsilon. mean and variance have extent 1 at the axes
   *                         over which they are taken, and are float64 if x is, else float32. scale and shift have one
   *                         shape, with extents of x or 1. y = (x - mean) / sqrt(variance + epsilon) * scale + shift.
   *                         scale, shift and mean may be left out; without mean, it is taken for 0.
   * norm_gradient           x, mean, variance, scale, ct -> dx, dscale, dshift; ; epsilon. Of sum(ct y). mean, scale,
   *                         dscale and dshift may be left out; dscale and dshift have the one shape of scale and shift.
   * attention               q, k, v, mask -> out, sums; reach; factor. q (B, H, L, E), k (B, G, S, E), v (B, G, S, F), H a
   *                         multiple of G: head h takes the keys of h / (H / G); mask (B, H, L, S) or left out; out
   *                         (B, H, L, F). scores = factor q k^T + mask, minus infinity where a bool mask is 0 and where
   *                         the number of the key is above that of the query plus reach. sums (B, H, L), float64 if q is,
   *                         else float32: log(sum(exp(scores))). out = exp(scores - sums) v, 0 where all are masked.
   * attention_gradient      q, k, v, mask, out, sums, ct -> dq, dk, dv; reach; factor. Of sum(ct out).
   * lstm_cell               x, h, c -> h', c', gates. x, h and gates (N, 4 U), the rest (N, U); x + h are the input,
   *                         forget, cell and output gates before sigmoid, or tanh for the cell gate, gates after it.
   *                         c' = forget c + input cell, h' = output tanh(c').
   * lstm_cell_gradient      gates, c, c', dh', dc' -> dx, dc; dx is that of h too. dh' or dc' may be left out.
   * gru_cell                x, g, h -> h', gates. x, g and gates (N, 3 U), the rest (N, U): reset = sigmoid(x0 + g0),
   *                         update = sigmoid(x1 + g1), new = tanh(x2 + reset g2), h' = new + update (h - new).
   * gru_cell_gradient       gates, g, h, dh' -> dx, dg, dh.
   * wide_matmul             a, b -> out. As `matmul`, but of int8 into int32, or of float16 or bfloat16 into float32, in
   *                         whose range and precision the result then is.
   * topk                    x -> values, indices (int64), both with the extent k at the axis; axis, largest (0 or 1). The
   *                         first k of what `sort` gives, descending where the largest are asked for; 0 <= k <= x's extent.
   *                         Not for dtypes that sort does not take.
   * variance                x, of a float dtype -> y, with extent 1 at the axes over which it is taken; ; divisor. The sum
   *                         of the squares of the distances from the mean, divided.
   * normal                  -> y, 1-d float32 or float64; key and counter as in random_bits, each as a low and a high word;
   *                         mean, standard deviation. The numbers that needle.ndarray.random composes, in all bits. */
  needle_status (*composite)(void *context, int32_t op, const needle_arguments *arguments);

  /* -- optional: memory that is kept, of backends that cache what `free` gets ------------------------------------------- */
  needle_status (*memory_stats)(void *context, int32_t device, needle_memory *stats);
  needle_status (*reset_peak)(void *context, int32_t device);
  /* What is cached beyond nbytes goes back to the system, now and from now on. */
  needle_status (*set_cache_limit)(void *context, int32_t device, size_t nbytes);
  /* All that is cached goes back to the system. */
  needle_status (*empty_cache)(void *context, int32_t device);
} needle_backend;

#ifdef __cplusplus
}
#endif
#endif
