// What each file of this folder offers to the others, within one target. NEEDLE_TARGET is the namespace of the
// instruction set that the file is being compiled for.
#pragma once

#include "../array.h"

namespace needle::cpu::NEEDLE_TARGET {

bool unary(int op, const Array &a, const Array &out);
bool binary(int op, const Array &a, const Array &b, const Array &out);
void where(const Array &condition, const Array &a, const Array &b, const Array &out);
void cast(const Array &a, const Array &out);
void copy(const Array &a, const Array &out);
void fill(const void *value, const Array &out);
void iota(const Array &out);
void reduce(Reduction op, const Array &a, const Array &out);
void arg_reduce(Extreme op, const Array &a, int axis, const Array &out);
void scan(Reduction op, const Array &a, int axis, const Array &out);
void sort_columns(int size, void *rows, int64_t n);
bool gather(const Array &a, const Array &indices, int axis, const Array &out);
void random_bits(uint64_t key, uint64_t counter, const Array &out);
void matmul(const Array &a, const Array &b, const Array &out);

}  // namespace needle::cpu::NEEDLE_TARGET
