// The functions that are compiled once, for any CPU. Arguments are as the contract's functions of these names get them.
#pragma once

#include <cstdint>

#include "../array.h"

namespace needle::cpu {

enum class Scatter { set, add };

// values and indices may be null.
void sort(const Array &a, int axis, bool descending, const Array *values, const Array *indices);
void gather(const Array &a, const Array &indices, int axis, const Array &out);
void scatter(Scatter op, const Array &a, const Array &indices, int axis, const Array &out);
void random_bits(uint64_t key, uint64_t counter, const Array &out);

}  // namespace needle::cpu
