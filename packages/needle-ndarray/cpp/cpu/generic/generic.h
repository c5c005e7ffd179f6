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

// For complex arrays; in cast and reduce, a or out is one. The rest does not depend on what the bits mean.
namespace complex {
bool unary(int op, const Array &a, const Array &out);
bool binary(int op, const Array &a, const Array &b, const Array &out);
void where(const Array &condition, const Array &a, const Array &b, const Array &out);
void cast(const Array &a, const Array &out);
void reduce(Reduction op, const Array &a, const Array &out);
void scan(Reduction op, const Array &a, int axis, const Array &out);
void scatter_add(const Array &a, const Array &indices, int axis, const Array &out);
}  // namespace complex

}  // namespace needle::cpu
