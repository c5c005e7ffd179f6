// A caching allocator: the first touch of fresh pages costs more than most kernels do, so freed blocks are kept.
#pragma once

#include <cstddef>

#include "needle_backend.h"

namespace needle::cpu {

// nbytes > 0, aligned to 64 bytes; throws Failure(NEEDLE_OUT_OF_MEMORY).
void *allocate(size_t nbytes);
void deallocate(void *data, size_t nbytes) noexcept;

needle_memory memory_stats();
void reset_peak();
void set_cache_limit(size_t nbytes) noexcept;
void empty_cache() noexcept;

// Working memory of a kernel.
namespace {
struct Scratch {
  explicit Scratch(size_t bytes) : nbytes(bytes > 0 ? bytes : 1), data(static_cast<char *>(allocate(nbytes))) {}
  ~Scratch() { deallocate(data, nbytes); }
  Scratch(const Scratch &) = delete;
  Scratch &operator=(const Scratch &) = delete;
  const size_t nbytes;
  char *const data;
};
}  // namespace

}  // namespace needle::cpu
