#pragma once

#include "needle_backend.h"

namespace needle::cpu {

// The contract's table. The instruction set must have been chosen before (see kernels()).
extern const needle_backend backend;

}  // namespace needle::cpu
