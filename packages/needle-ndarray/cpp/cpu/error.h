// Errors inside the backend are exceptions; backend.cpp turns them into a status and a message at the border.
#pragma once

#include <stdexcept>
#include <string>

#include "needle_backend.h"

namespace needle::cpu {

class Failure : public std::runtime_error {
 public:
  Failure(needle_status status, const std::string &message) : std::runtime_error(message), status(status) {}
  const needle_status status;
};

}  // namespace needle::cpu
