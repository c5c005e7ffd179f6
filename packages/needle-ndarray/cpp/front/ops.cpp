#include "ops.h"

namespace needle {

const Op &op_info(OpCode op) {
  constexpr unsigned bool_ = kBool, int_ = kInt, float_ = kFloat, complex_ = kComplex;
  using enum Gives;
  static const Op table[kOps] = {
#define UNARY(name, takes, gives, functor, doc) {#name, NEEDLE_UNARY, takes, gives, doc},
#define BINARY(name, takes, gives, functor, doc) {#name, NEEDLE_BINARY, takes, gives, doc},
#include "../ops/elementwise.inc"
      {"sum", NEEDLE_REDUCE, 0, same, ""},        {"prod", NEEDLE_REDUCE, 0, same, ""},
      {"max", NEEDLE_REDUCE, 0, same, ""},        {"min", NEEDLE_REDUCE, 0, same, ""},
      {"any", NEEDLE_REDUCE, 0, boolean, ""},     {"all", NEEDLE_REDUCE, 0, boolean, ""},
      {"argmax", NEEDLE_ARG_REDUCE, 0, same, ""}, {"argmin", NEEDLE_ARG_REDUCE, 0, same, ""},
      {"sum", NEEDLE_SCAN, 0, same, ""},          {"prod", NEEDLE_SCAN, 0, same, ""},
      {"set", NEEDLE_SCATTER, 0, same, ""},       {"add", NEEDLE_SCATTER, 0, same, ""},
#define COMPOSITE(name) {#name, NEEDLE_COMPOSITE, 0, same, ""},
#include "../ops/composites.inc"
  };
  return table[static_cast<int>(op)];
}

const char *family_name(needle_family family) {
  constexpr const char *names[] = {"unary", "binary", "reduce", "arg_reduce", "scan", "scatter", "composite"};
  return names[family];
}

std::optional<OpCode> find_composite(std::string_view name) {
#define COMPOSITE(known) \
  if (name == #known) return OpCode::composite_##known;
#include "../ops/composites.inc"
  return std::nullopt;
}

}  // namespace needle
