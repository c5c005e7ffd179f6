// What it costs to hand work to the pool: jobs of several lengths, with pauses between them in which its threads stay
// awake or fall asleep. From this folder:
//
//     g++ -O3 -std=c++20 -march=x86-64-v4 -pthread pool.cpp ../cpp/cpu/pool.cpp -o pool && ./pool
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "../cpp/cpu/pool.h"

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::microseconds;

double since(Clock::time_point start) { return std::chrono::duration<double, std::micro>(Clock::now() - start).count(); }

void spin(microseconds time) {
  for (Clock::time_point start = Clock::now(); Clock::now() - start < time;) {
  }
}

template <class F>
void measure(const std::string &name, microseconds gap, F job) {
  std::vector<double> times;
  for (int i = 0; i < 200; i++) {
    gap < microseconds(1000) ? spin(gap) : std::this_thread::sleep_for(gap);
    Clock::time_point start = Clock::now();
    job();
    times.push_back(since(start));
  }
  std::sort(times.begin(), times.end());
  std::printf("  %-24s median %7.2f us, 90 %% below %7.2f us\n", name.c_str(), times[100], times[180]);
}

}  // namespace

int main() {
  using namespace needle::cpu;
  constexpr int64_t grain = task_elements / 2;
  std::vector<float> a(1 << 20, 1), b(1 << 20, 2), c(1 << 20);
  for (int threads : {1, 2}) {
    for (int gap : {0, 20, 200, 2000}) {
      set_num_threads(threads);
      std::printf("%d threads, %d us between jobs\n", threads, gap);
      measure("2 tasks of 5 us", microseconds(gap), [] { parallel_for(2, [](int64_t) { spin(microseconds(5)); }); });
      for (int64_t tasks : {2, 4, 8, 16, 64}) {
        measure("add of " + std::to_string(tasks * grain), microseconds(gap), [&] {
          auto add = [&](int64_t task) {
            for (int64_t i = task * grain; i < (task + 1) * grain; i++) c[i] = a[i] + b[i];
          };
          parallel_for(tasks, add);
        });
      }
    }
  }
}
