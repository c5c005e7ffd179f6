// Sizes are rounded up to classes, four to each doubling, so that at most a fifth of a block is unused and blocks of
// nearly equal sizes can serve each other. Each class has a list of free blocks, the last freed first: it is the one
// that the processor's caches still hold.
//
// The cache holds at most a quarter of the machine's memory, unless told otherwise: room for all temporaries of a
// training step, while other programs keep the rest. Beyond that, blocks go back to the system, from the classes first
// that have not been asked for the longest: those of a shape that is no longer in use.
#include "allocator.h"

#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdint>
#include <cstdlib>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "error.h"

// The address sanitizer is told which blocks nobody owns.
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(data, nbytes)
#define ASAN_UNPOISON_MEMORY_REGION(data, nbytes)
#endif

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

// Held for some nanoseconds at a time, which is what a std::mutex costs by itself.
class Lock {
 public:
  void lock() {
    for (int i = 1; flag_.exchange(true, std::memory_order_acquire); i++) {
      if (i % 64 == 0) std::this_thread::yield();
    }
  }
  void unlock() { flag_.store(false, std::memory_order_release); }

 private:
  std::atomic<bool> flag_{false};
};

// What a free block begins with.
struct Block {
  Block *next;
  size_t nbytes;
};

struct FreeList {
  Block *first = nullptr;
  uint64_t asked = 0;  // when a block of this class was last asked for, in calls of `allocate`
};

struct Cache {
  Lock lock;
  FreeList lists[classes];
  uint64_t calls = 0;
  const size_t memory = static_cast<size_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<size_t>(sysconf(_SC_PAGESIZE));
  size_t live = 0, cached = 0, peak = 0, limit = memory / 4;
};

// Never destroyed: arrays may be freed while the process ends. A fork waits for the lock, so the child finds it free.
Cache &cache() {
  static Cache *instance = [] {
    auto *fresh = new Cache;
    pthread_atfork([] { cache().lock.lock(); }, [] { cache().lock.unlock(); }, [] { cache().lock.unlock(); });
    return fresh;
  }();
  return *instance;
}

// Large blocks are mapped by themselves, so that the system gets them back whole, and begin with a huge page.
void *map_pages(size_t nbytes) {
  size_t room = nbytes + huge_page;
  void *mapped = mmap(nullptr, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  char *begin = static_cast<char *>(mapped);
  size_t before = -reinterpret_cast<uintptr_t>(begin) % huge_page, after = huge_page - before;
  if (before) munmap(begin, before);
  if (after) munmap(begin + before + nbytes, after);
#ifdef MADV_HUGEPAGE
  madvise(begin + before, nbytes, MADV_HUGEPAGE);
#endif
  return begin + before;
}

void *system_allocate(size_t nbytes) {
  if (nbytes >= huge_page) return map_pages(nbytes);
  void *data = nullptr;
  return posix_memalign(&data, alignment, nbytes) == 0 ? data : nullptr;
}

void system_free(void *data, size_t nbytes) noexcept {
  ASAN_UNPOISON_MEMORY_REGION(data, nbytes);
  nbytes >= huge_page ? static_cast<void>(munmap(data, nbytes)) : std::free(data);
}

void push(Cache &c, FreeList &list, void *data, size_t nbytes) {
  list.first = new (data) Block{list.first, nbytes};
  c.cached += nbytes;
  ASAN_POISON_MEMORY_REGION(data, nbytes);
}

Block *pop(Cache &c, FreeList &list) {
  Block *block = list.first;
  ASAN_UNPOISON_MEMORY_REGION(block, sizeof(Block));
  ASAN_UNPOISON_MEMORY_REGION(block, block->nbytes);
  list.first = block->next;
  c.cached -= block->nbytes;
  return block;
}

// Takes blocks out of the cache until it holds at most `keep` bytes, and chains them.
Block *shrink(Cache &c, size_t keep) {
  Block *chain = nullptr;
  while (c.cached > keep) {
    FreeList *stalest = nullptr;
    for (FreeList &list : c.lists) {
      if (list.first && (!stalest || list.asked < stalest->asked)) stalest = &list;
    }
    while (c.cached > keep && stalest->first) {
      Block *block = pop(c, *stalest);
      block->next = chain;
      chain = block;
    }
  }
  return chain;
}

// Gives them to the system, which takes its time: the lock is not held.
void release(Block *chain) noexcept {
  while (chain) {
    Block *block = std::exchange(chain, chain->next);
    system_free(block, block->nbytes);
  }
}

Failure out_of_memory(size_t nbytes, size_t live, const std::string &reason) {
  return Failure(NEEDLE_OUT_OF_MEMORY, "out of memory; got a request for " + std::to_string(nbytes) + " bytes with " +
                                           std::to_string(live) + " in use" + reason);
}

// Counts the bytes as live and takes them from the cache; null where it has none, and then they have room in memory.
void *take(Cache &c, size_t nbytes, SizeClass size) {
  Block *surplus = nullptr;
  {
    std::lock_guard lock(c.lock);
    // Beyond the machine's memory the system might still say yes, and end the process at a later touch. Of the greatest
    // requests the class has overflowed.
    if (std::max(nbytes, size.nbytes) > c.memory || c.live > c.memory - size.nbytes)
      throw out_of_memory(nbytes, c.live,
                          "; expected at most " + std::to_string(c.memory) + " in all, the memory of this machine");
    c.live += size.nbytes;
    FreeList &list = c.lists[size.index];
    list.asked = ++c.calls;
    if (list.first) return pop(c, list);
    surplus = shrink(c, c.memory - c.live);
  }
  release(surplus);
  return nullptr;
}

}  // namespace

void *allocate(size_t nbytes) {
  Cache &c = cache();
  SizeClass size = size_class(nbytes);
  void *data = take(c, nbytes, size);
  if (!data) data = system_allocate(size.nbytes);
  if (data) return data;
  empty_cache();
  if ((data = system_allocate(size.nbytes))) return data;
  std::lock_guard lock(c.lock);
  c.live -= size.nbytes;
  throw out_of_memory(nbytes, c.live, ", which the system refused");
}

void deallocate(void *data, size_t nbytes) noexcept {
  Cache &c = cache();
  SizeClass size = size_class(nbytes);
  Block *surplus = nullptr;
  {
    std::lock_guard lock(c.lock);
    c.peak = std::max(c.peak, c.live);  // before it falls
    c.live -= size.nbytes;
    push(c, c.lists[size.index], data, size.nbytes);
    if (c.cached > c.limit) surplus = shrink(c, c.limit);
  }
  release(surplus);
}

needle_memory memory_stats() {
  Cache &c = cache();
  std::lock_guard lock(c.lock);
  return {c.live, c.cached, std::max(c.peak, c.live), c.limit};
}

void reset_peak() {
  Cache &c = cache();
  std::lock_guard lock(c.lock);
  c.peak = c.live;
}

void set_cache_limit(size_t nbytes) noexcept {
  Cache &c = cache();
  Block *surplus = nullptr;
  {
    std::lock_guard lock(c.lock);
    c.limit = nbytes;
    surplus = shrink(c, nbytes);
  }
  release(surplus);
}

void empty_cache() noexcept {
  Cache &c = cache();
  Block *all = nullptr;
  {
    std::lock_guard lock(c.lock);
    all = shrink(c, 0);
  }
  release(all);
}

}  // namespace needle::cpu
