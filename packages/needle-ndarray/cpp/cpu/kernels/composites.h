// The composites of one target: apart from kernels.h, so that a new one leaves the other kernels as they are.
#pragma once

#include "../array.h"

namespace needle::cpu::NEEDLE_TARGET {

#define COMPOSITE(name) bool name(const Arguments &);
#include "../../ops/composites.inc"

}  // namespace needle::cpu::NEEDLE_TARGET
