// Errors inside the backend are exceptions; backend.cpp turns them into a status and a message at the border.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

#include "needle_backend.h"

namespace needle::cpu {

class Failure : public std::runtime_error {
 public:
  Failure(needle_status status, const std::string &message) : std::runtime_error(message), status(status) {}
  const needle_status status;
};

// For kernels, which cannot make strings: these would be weak functions of their instruction set.
[[noreturn]] void fail_index(int64_t index, int64_t extent);

}  // namespace needle::cpu
