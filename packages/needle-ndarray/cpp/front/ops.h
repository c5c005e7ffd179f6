// The operations that the front asks of backends: every elementwise op of ops/elementwise.inc, and those along axes.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "dtype.h"

namespace needle {

// The result's dtype: the operands' own, bool, or that of a complex number's parts.
enum class Gives { same, boolean, component };

struct Op {
  const char *name;
  needle_family family;
  unsigned takes;  // kinds of dtype (elementwise only)
  Gives gives;
  const char *doc;
};

enum class OpCode : int {
#define UNARY(name, takes, gives, functor, doc) unary_##name,
#define BINARY(name, takes, gives, functor, doc) binary_##name,
#include "../ops/elementwise.inc"
  reduce_sum,
  reduce_prod,
  reduce_max,
  reduce_min,
  reduce_any,
  reduce_all,
  argmax,
  argmin,
  scan_sum,
  scan_prod,
  scatter_set,
  scatter_add,
#define COMPOSITE(name) composite_##name,
#include "../ops/composites.inc"
  count,
};
constexpr int kOps = static_cast<int>(OpCode::count);

const Op &op_info(OpCode op);
const char *family_name(needle_family family);  // as Python's backends know it
std::optional<OpCode> find_composite(std::string_view name);

}  // namespace needle
