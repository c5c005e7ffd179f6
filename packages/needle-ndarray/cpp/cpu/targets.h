// The kernels of one instruction set, and the choice among those that were built and that this CPU can run.
#pragma once

#include <cstdint>
#include <string>

#include "array.h"

namespace needle::cpu {

// Arguments are as the contract's function of the same name gets them; an operation is known by its line in
// elementwise.inc. The elementwise ones return false where the operation does not take the dtype; the composites, where
// they are better composed.
struct Kernels {
  bool (*unary)(int op, const Array &a, const Array &out);
  bool (*binary)(int op, const Array &a, const Array &b, const Array &out);
  void (*where)(const Array &condition, const Array &a, const Array &b, const Array &out);
  void (*cast)(const Array &a, const Array &out);
  void (*copy)(const Array &a, const Array &out);
  void (*fill)(const void *value, const Array &out);
  void (*iota)(const Array &out);
  void (*reduce)(Reduction op, const Array &a, const Array &out);
  void (*arg_reduce)(Extreme op, const Array &a, int axis, const Array &out);
  void (*scan)(Reduction op, const Array &a, int axis, const Array &out);
  // Sorts each of sort_width columns of n unsigned integers of `size` bytes, 4 or 8.
  void (*sort_columns)(int size, void *rows, int64_t n);
  // False where an index is wrong; out then holds anything.
  bool (*gather)(const Array &a, const Array &indices, int axis, const Array &out);
  void (*random_bits)(uint64_t key, uint64_t counter, const Array &out);
  void (*matmul)(const Array &a, const Array &b, const Array &out);
#define COMPOSITE(name) bool (*name)(const Arguments &);
#include "../ops/composites.inc"
};

// The newest instruction set that this CPU has, or the one that NEEDLE_CPU_ISA names. The first call chooses; it throws
// Failure where there is none to choose.
const Kernels &kernels();
const char *isa();  // its name: "x86-64-v3", "neon"; "generic" on other CPUs
const std::string &cpu_model();

}  // namespace needle::cpu
