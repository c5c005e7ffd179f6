// The thread pool. Tasks are defined by the caller, from shapes alone; threads take them as they come. So the number
// of threads never shows in a result.
#pragma once

#include <cstdint>

namespace needle::cpu {

// Elements that make a task worth handing to another thread: some microseconds of work.
constexpr int64_t task_elements = 32 * 1024;

// Calls task(context, i) for every i in [0, tasks), on this thread and, if the pool is free, on its others. Returns
// when all are done, and throws what one of them threw. From within one of several tasks it uses this thread alone.
void run_tasks(int64_t tasks, void (*task)(void *context, int64_t i), void *context);

template <class F>
static void parallel_for(int64_t tasks, F body) {
  run_tasks(tasks, [](void *context, int64_t i) { (*static_cast<F *>(context))(i); }, &body);
}

constexpr int max_threads = 1024;

int get_num_threads();
void set_num_threads(int threads);  // 1 to max_threads

}  // namespace needle::cpu
