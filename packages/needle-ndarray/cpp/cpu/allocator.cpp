// Sizes are rounded up to classes, four to each doubling, so that at most a fifth of a block is unused and blocks of
// nearly equal sizes can serve each other. Each class has a list of free blocks.
//
// The cache holds at most a quarter of the machine's memory: room for all temporaries of a training step, while other
// programs keep the rest. What is freed beyond that goes back to the system.
#include "allocator.h"

#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bit>
#include <cstdlib>
#include <mutex>
#include <vector>

#include "error.h"

namespace needle::cpu {
namespace {

constexpr size_t alignment = 64;
constexpr size_t huge_page = size_t{2} << 20;
constexpr int classes = 4 * 48;

struct SizeClass {
  int index;
  size_t nbytes;
};

// 64 * {1, 1.25, 1.5, 1.75} * 2^k.
SizeClass size_class(size_t nbytes) {
  size_t units = (nbytes + alignment / 4 - 1) / (alignment / 4);
  if (units <= 4) return {0, alignment};
  int shift = std::bit_width(units - 1) - 3;
  size_t steps = ((units - 1) >> shift) + 1;  // 5 .. 8
  size_t rounded = (steps << shift) * (alignment / 4);
  return {4 * shift + static_cast<int>(steps) - 4, (rounded + alignment - 1) / alignment * alignment};
}

struct Cache {
  std::mutex mutex;
  std::vector<void *> free[classes];
  AllocatorStats stats{};
  const size_t memory = static_cast<size_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<size_t>(sysconf(_SC_PAGESIZE));
};

// Never destroyed: arrays may be freed while the process ends. A fork waits for the lock, so the child finds it free.
Cache &cache() {
  static Cache *instance = [] {
    auto *fresh = new Cache;
    pthread_atfork([] { cache().mutex.lock(); }, [] { cache().mutex.unlock(); }, [] { cache().mutex.unlock(); });
    return fresh;
  }();
  return *instance;
}

void release(Cache &c) noexcept {
  for (auto &blocks : c.free) {
    for (void *block : blocks) std::free(block);
    blocks.clear();
  }
  c.stats.cached = 0;
}

void *system_allocate(size_t nbytes) {
  void *data = nullptr;
  bool large = nbytes >= huge_page;
  if (posix_memalign(&data, large ? huge_page : alignment, nbytes) != 0) return nullptr;
#ifdef MADV_HUGEPAGE
  if (large) madvise(data, nbytes / huge_page * huge_page, MADV_HUGEPAGE);
#endif
  return data;
}

}  // namespace

void *allocate(size_t nbytes) {
  Cache &c = cache();
  std::lock_guard lock(c.mutex);
  // Beyond the machine's memory the system might still say yes, and end the process at a later touch.
  if (nbytes <= c.memory && c.stats.in_use <= c.memory - nbytes) {
    SizeClass size = size_class(nbytes);
    auto &blocks = c.free[size.index];
    void *data = nullptr;
    if (!blocks.empty()) {
      data = blocks.back();
      blocks.pop_back();
      c.stats.cached -= size.nbytes;
    } else {
      if (c.stats.in_use + c.stats.cached + size.nbytes > c.memory) release(c);
      data = system_allocate(size.nbytes);
      if (!data) {
        release(c);
        data = system_allocate(size.nbytes);
      }
    }
    if (data) {
      c.stats.in_use += size.nbytes;
      return data;
    }
  }
  throw Failure(NEEDLE_OUT_OF_MEMORY, "out of memory; got a request for " + std::to_string(nbytes) + " bytes with " +
                                          std::to_string(c.stats.in_use) + " in use; expected at most " +
                                          std::to_string(c.memory) + " in all, the memory of this machine");
}

void deallocate(void *data, size_t nbytes) noexcept {
  Cache &c = cache();
  SizeClass size = size_class(nbytes);
  std::lock_guard lock(c.mutex);
  c.stats.in_use -= size.nbytes;
  if (c.stats.cached + size.nbytes <= c.memory / 4) {
    try {
      c.free[size.index].push_back(data);
      c.stats.cached += size.nbytes;
      return;
    } catch (const std::bad_alloc &) {  // no room to remember it: the system gets it
    }
  }
  std::free(data);
}

AllocatorStats allocator_stats() {
  std::lock_guard lock(cache().mutex);
  return cache().stats;
}

void release_cached_memory() noexcept {
  std::lock_guard lock(cache().mutex);
  release(cache());
}

}  // namespace needle::cpu
