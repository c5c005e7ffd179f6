// A caching allocator: the first touch of fresh pages costs more than most kernels do, so freed blocks are kept.
#pragma once

#include <cstddef>
#include <cstdint>

namespace needle::cpu {

// nbytes > 0, aligned to 64 bytes; throws Failure(NEEDLE_OUT_OF_MEMORY).
void *allocate(size_t nbytes);
void deallocate(void *data, size_t nbytes) noexcept;

struct AllocatorStats {
  size_t in_use, cached;  // bytes
};
AllocatorStats allocator_stats();
void release_cached_memory() noexcept;

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
