#include "../targets.h"
#include "composites.h"
#include "kernels.h"

namespace needle::cpu::NEEDLE_TARGET {

extern const Kernels table;
const Kernels table = {
    .unary = unary,
    .binary = binary,
    .where = where,
    .cast = cast,
    .copy = copy,
    .fill = fill,
    .iota = iota,
    .reduce = reduce,
    .arg_reduce = arg_reduce,
    .scan = scan,
    .sort_columns = sort_columns,
    .gather = gather,
    .random_bits = random_bits,
    .matmul = matmul,
#define COMPOSITE(name) .name = name,
#include "../../ops/composites.inc"
};

}  // namespace needle::cpu::NEEDLE_TARGET
