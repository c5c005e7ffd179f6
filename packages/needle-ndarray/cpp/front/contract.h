// One function for each function of the contract: it wraps the arrays as DLTensors, calls the backend of `out` and
// turns an error status into an exception. Every computation of Needle passes through here, and through nothing else;
// so does every write to a buffer, which ends the version of its contents. `op` is the function that errors and writes
// name.
#pragma once

#include <span>

#include "ndarray.h"

namespace needle::contract {

void upload(const void *host, const NDArray &out);  // out is contiguous
void download(const NDArray &a, void *host);        // a is contiguous
void copy(const char *op, const NDArray &a, const NDArray &out);
void synchronize(Device device);
void fill(const char *op, const void *value, const NDArray &out);
void iota(const NDArray &out);
void unary(OpCode op, const NDArray &a, const NDArray &out);
void binary(OpCode op, const NDArray &a, const NDArray &b, const NDArray &out);
void where(const NDArray &condition, const NDArray &a, const NDArray &b, const NDArray &out);
void cast(const char *op, const NDArray &a, const NDArray &out);
void reduce(OpCode op, const NDArray &a, const NDArray &out);
void arg_reduce(OpCode op, const NDArray &a, int axis, const NDArray &out);
void scan(OpCode op, const NDArray &a, int axis, const NDArray &out);
void sort(const NDArray &a, int axis, bool descending, const NDArray *values, const NDArray *indices);
void matmul(const NDArray &a, const NDArray &b, const NDArray &out);
void gather(const char *op, const NDArray &a, const NDArray &indices, int axis, const NDArray &out);
void scatter(const char *op, OpCode kind, const NDArray &a, const NDArray &indices, int axis, const NDArray &out);
// Throw where the backend keeps no memory.
needle_memory memory_stats(Device device);
void reset_peak(Device device);
void set_cache_limit(Device device, uint64_t nbytes);
void empty_cache(Device device);
void random_bits(uint64_t key, uint64_t counter, const NDArray &out);
// False where the backend leaves it to the front; nullptr stands for an array that is left out.
bool composite(OpCode op, std::span<const NDArray *const> inputs, std::span<const NDArray *const> outputs,
               std::span<const int64_t> integers, std::span<const double> reals);

}  // namespace needle::contract
