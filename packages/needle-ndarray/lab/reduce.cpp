// Checks and times the ways that reductions take. In packages/needle-ndarray/cpp/cpu, one line:
// g++ -O2 -std=c++20 -march=x86-64-v4 -DNEEDLE_TARGET=lab -fwrapv -fno-strict-aliasing -fno-math-errno
// -fno-trapping-math -ffp-contract=off -Wno-psabi -I../../src/needle/ndarray/include ../../lab/reduce.cpp pool.cpp
// allocator.cpp -pthread -o /tmp/reduce && /tmp/reduce
#include <chrono>
#include <cmath>
#include <cstdio>
#include <random>
#include <vector>

#include "../cpp/cpu/kernels/blocks.cpp"
#include "../cpp/cpu/kernels/cast.cpp"
#include "../cpp/cpu/kernels/reduce.cpp"

namespace {

using namespace needle::cpu;

std::vector<int64_t> strides_of(const std::vector<int64_t> &shape) {
  std::vector<int64_t> strides(shape.size());
  int64_t stride = 1;
  for (size_t d = shape.size(); d-- > 0; stride *= shape[d]) strides[d] = stride;
  return strides;
}

double sum_of_all(const std::vector<float> &x) {
  double total = 0;
  for (float value : x) total += value;
  return total;
}

void measure(const char *name, std::vector<int64_t> shape, std::vector<size_t> axes) {
  std::vector<int64_t> kept = shape;
  for (size_t axis : axes) kept[axis] = 1;
  int64_t size = 1, outputs = 1;
  for (int64_t extent : shape) size *= extent;
  for (int64_t extent : kept) outputs *= extent;
  std::vector<float> x(static_cast<size_t>(size)), y(static_cast<size_t>(outputs));
  std::minstd_rand random(1);
  for (float &value : x) value = static_cast<float>(random() % 2048) / 1024 - 1;
  std::vector<int64_t> strides = strides_of(shape), out_strides = strides_of(kept);
  const int ndim = static_cast<int>(shape.size());
  Array a{reinterpret_cast<char *>(x.data()), Type::f32, ndim, shape.data(), strides.data()};
  Array out{reinterpret_cast<char *>(y.data()), Type::f32, ndim, kept.data(), out_strides.data()};
  for (int threads : {1, 2}) {
    set_num_threads(threads);
    for (Reduction op : {Reduction::sum, Reduction::max}) {
      double best = 1e9;
      for (int i = 0; i < 30; i++) {
        auto start = std::chrono::steady_clock::now();
        lab::reduce(op, a, out);
        best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
      }
      bool wrong = op == Reduction::sum && std::abs(sum_of_all(y) - sum_of_all(x)) > 1e-3 * std::sqrt(size);
      std::printf("%-14s %s %d threads %9.1f us %6.1f GB/s%s\n", name, op == Reduction::sum ? "sum" : "max", threads,
                  best * 1e6, static_cast<double>(size) * 4e-9 / best, wrong ? " WRONG" : "");
    }
  }
}

}  // namespace

int main() {
  measure("all", {4096, 4096}, {0, 1});
  measure("rows", {4096, 4096}, {0});
  measure("small rows", {1000, 1000}, {0});
  measure("narrow rows", {300000, 3}, {0});
  measure("lines", {1000, 1000}, {1});
  measure("short lines", {100000, 16}, {1});
  measure("channels", {32, 64, 56, 56}, {0, 2, 3});
  measure("ends", {64, 256, 256}, {0, 2});
  measure("middle", {64, 256, 1024}, {1});
  measure("windows", {32 * 64 * 16, 2, 16, 2}, {1, 3});
}
