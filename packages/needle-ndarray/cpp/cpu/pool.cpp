// Jobs are published through `epoch`: odd while one is open. A worker joins by raising `active` and then looking at
// the epoch again; the caller closes the job by raising the epoch and then waits until `active` is 0. Both are
// sequentially consistent, so either the worker sees that it is too late or the caller sees the worker.
#include "pool.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>
#ifdef __linux__
#include <sched.h>
#endif

namespace needle::cpu {
namespace {

// How long a thread looks for work before it sleeps, about a millisecond: it starts on the next job within a
// microsecond then, where a sleeper takes fifty, and waking that one costs the caller six. Meanwhile it lets others
// have the CPU.
constexpr int spins = 40000, spins_between_yields = 64;

void pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

struct Worker {
  std::mutex mutex;
  std::condition_variable wake;
  std::atomic<bool> asleep{false};
};

thread_local bool inside_task = false;

class Pool {
 public:
  // False if the pool is busy with another thread's job.
  bool run(int64_t tasks, void (*task)(void *, int64_t), void *context, int threads) {
    std::unique_lock busy(busy_, std::try_to_lock);
    if (!busy) return false;
    int helpers = static_cast<int>(std::min<int64_t>(threads, tasks)) - 1;
    hire(helpers);
    task_ = task;
    context_ = context;
    helpers_ = std::min<int>(helpers, static_cast<int>(workers_.size()));
    for (int64_t i = 0, threads_now = helpers_ + 1; i < threads_now; i++) {
      shares_[i].next.store(tasks * i / threads_now, std::memory_order_relaxed);
      shares_[i].end = tasks * (i + 1) / threads_now;
    }
    epoch_.fetch_add(1);
    wake();
    work(helpers_);
    epoch_.fetch_add(1);
    for (int i = 1; active_.load() != 0; i++) {
      pause();
      if (i % spins_between_yields == 0) std::this_thread::yield();
    }
    if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
    return true;
  }

 private:
  void wake() {
    for (int i = 0; i < helpers_; i++) {
      Worker &worker = *workers_[i];
      if (worker.asleep.load()) {
        std::lock_guard lock(worker.mutex);
        worker.wake.notify_one();
      }
    }
  }

  void hire(int helpers) {
    while (static_cast<int>(workers_.size()) < helpers) {
      auto worker = std::make_unique<Worker>();
      try {
        std::thread([this, index = static_cast<int>(workers_.size()), w = worker.get()] { serve(*w, index); }).detach();
      } catch (const std::system_error &) {
        return;  // a limit on threads: fewer helpers give the same results
      }
      workers_.push_back(std::move(worker));
    }
  }

  void serve(Worker &self, int index) {
    inside_task = true;
    for (uint64_t seen = 0;;) {
      seen = await(self, seen);
      active_.fetch_add(1);
      if (epoch_.load() == seen && index < helpers_) work(index);
      active_.fetch_sub(1);
    }
  }

  // Returns the epoch of an open job other than `seen`. Whoever is woken too late stays awake for the next one.
  uint64_t await(Worker &self, uint64_t seen) {
    for (;;) {
      for (int i = 1; i <= spins; i++) {
        if (uint64_t epoch = epoch_.load(); is_open(epoch, seen)) return epoch;
        pause();
        if (i % spins_between_yields == 0) std::this_thread::yield();
      }
      std::unique_lock lock(self.mutex);
      self.asleep.store(true);
      if (!is_open(epoch_.load(), seen)) self.wake.wait(lock);
      self.asleep.store(false);
    }
  }

  static bool is_open(uint64_t epoch, uint64_t seen) { return epoch % 2 == 1 && epoch != seen; }

  // Its own share of the tasks, then what is left of the others'.
  void work(int self) {
    const int threads_now = helpers_ + 1;
    for (int k = 0; k < threads_now; k++) {
      Share &share = shares_[(self + k) % threads_now];
      for (int64_t i; (i = share.next.fetch_add(1, std::memory_order_relaxed)) < share.end;) {
        try {
          task_(context_, i);
        } catch (...) {
          std::lock_guard lock(error_mutex_);
          if (!error_) error_ = std::current_exception();
        }
      }
    }
  }

  // Tasks that follow each other. Each thread begins with the same share of every job of a kind, so that what it wrote
  // to its cache in one job is there in the next.
  struct alignas(64) Share {
    std::atomic<int64_t> next{0};
    int64_t end = 0;
  };

  std::mutex busy_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::atomic<uint64_t> epoch_{0};
  std::atomic<int> active_{0};
  // The job; written only while no worker is active in an open epoch.
  Share shares_[max_threads];  // one for each helper, then the caller's
  void (*task_)(void *, int64_t) = nullptr;
  void *context_ = nullptr;
  int helpers_ = 0;
  std::mutex error_mutex_;
  std::exception_ptr error_;
};

int available_cpus() {
#ifdef __linux__
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) == 0) return CPU_COUNT(&set);
#endif
  return std::max(1u, std::thread::hardware_concurrency());
}

std::atomic<int> num_threads{std::min(available_cpus(), max_threads)};

// Threads do not survive a fork, so the child starts with a pool of its own. A pool is never destroyed: its threads
// may still look at it while the process ends.
std::atomic<Pool *> pool{nullptr};

Pool &get_pool() {
  static const int registered = pthread_atfork(nullptr, nullptr, [] { pool.store(new Pool); });
  (void)registered;
  if (Pool *current = pool.load()) return *current;
  auto fresh = std::make_unique<Pool>();
  Pool *expected = nullptr;
  return pool.compare_exchange_strong(expected, fresh.get()) ? *fresh.release() : *expected;
}

}  // namespace

void run_tasks(int64_t tasks, void (*task)(void *, int64_t), void *context) {
  auto run_here = [&] {
    for (int64_t i = 0; i < tasks; i++) task(context, i);
  };
  if (tasks <= 1 || inside_task) return run_here();
  inside_task = true;
  struct Leave {
    ~Leave() { inside_task = false; }
  } leave;
  int threads = num_threads.load(std::memory_order_relaxed);
  if (threads == 1 || !get_pool().run(tasks, task, context, threads)) run_here();
}

int get_num_threads() { return num_threads.load(); }
void set_num_threads(int threads) { num_threads.store(threads); }

}  // namespace needle::cpu
