// The laboratory of pooling: checks the greatest and the mean of windows, and the gradient of means, against plain
// loops on random parameters, then times them. In packages/needle-ndarray:
//   g++ -O2 -std=c++20 -march=x86-64-v4 -DNEEDLE_TARGET=lab -ffp-contract=fast -fno-math-errno -fno-trapping-math
//       -fwrapv -fno-strict-aliasing -Wno-psabi -Isrc/needle/ndarray/include lab/pooling.cpp
//       cpp/cpu/kernels/{avg_pool,max_pool,blocks}.cpp cpp/cpu/{pool,allocator}.cpp -lpthread -o /tmp/lab-pooling
//   /tmp/lab-pooling [threads]
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <vector>

#include "../cpp/cpu/kernels/composites.h"
#include "../cpp/cpu/pool.h"

using namespace needle::cpu;

namespace {

std::mt19937 generator;

int64_t draw(int64_t low, int64_t high) { return low + static_cast<int64_t>(generator() % (high - low + 1)); }

struct Images {
  int64_t shape[3], strides[3];
  std::vector<float> values;

  Images(int64_t n, int64_t rows, int64_t columns)
      : shape{n, rows, columns}, strides{rows * columns, columns, 1}, values(n * rows * columns) {
    for (float &value : values) value = static_cast<float>(draw(-50, 50)) / 16;
  }
  Array array() { return {reinterpret_cast<char *>(values.data()), Type::f32, 3, shape, strides}; }
  float at(int64_t n, int64_t y, int64_t x) const { return values[(n * shape[1] + y) * shape[2] + x]; }
};

// size, stride, low and dilation, two of each.
struct Pools {
  Images x, greatest, means, cotangent, gradient;
  int64_t parameters[8];

  void run(int which) {
    Array a = x.array(), ct = cotangent.array(), outs[] = {greatest.array(), Array{}}, y = means.array(),
          dx = gradient.array();
    if (which == 0) lab::max_pool({&a, outs, parameters, nullptr});
    if (which == 1) lab::avg_pool({&a, &y, parameters, nullptr});
    if (which == 2) lab::avg_pool_gradient({&ct, &dx, parameters, nullptr});
  }

  double error() const {
    const int64_t *size = parameters, *stride = size + 2, *low = size + 4, *dilation = size + 6;
    std::vector<double> wanted(x.values.size());
    double worst = 0;
    for (int64_t i = 0; i < static_cast<int64_t>(means.values.size()); i++) {
      const int64_t column = i % means.shape[2], row = i / means.shape[2] % means.shape[1], n = i / means.strides[0];
      double sum = 0, most = -INFINITY;
      for (int64_t k = 0; k < size[0] * size[1]; k++) {
        const int64_t r = row * stride[0] + k / size[1] * dilation[0] - low[0];
        const int64_t c = column * stride[1] + k % size[1] * dilation[1] - low[1];
        if (r < 0 || r >= x.shape[1] || c < 0 || c >= x.shape[2]) continue;
        sum += x.at(n, r, c), most = std::fmax(most, x.at(n, r, c));
        wanted[(n * x.shape[1] + r) * x.shape[2] + c] += cotangent.values[i] / static_cast<double>(size[0] * size[1]);
      }
      worst = std::fmax(worst, std::fabs(most - greatest.values[i]));
      worst = std::fmax(worst, std::fabs(sum / static_cast<double>(size[0] * size[1]) - means.values[i]));
    }
    for (size_t i = 0; i < wanted.size(); i++) worst = std::fmax(worst, std::fabs(wanted[i] - gradient.values[i]));
    return worst;
  }
};

double check() {
  int64_t p[8], s[2], o[2];
  for (int a = 0; a < 2; a++) {
    p[a] = draw(1, 4), p[a + 2] = draw(1, 4), p[a + 6] = draw(1, 2), p[a + 4] = draw(0, p[a] / 2);
    s[a] = p[a + 6] * p[a] + draw(0, a ? 70 : 9);
    o[a] = (2 * p[a + 4] + s[a] - p[a + 6] * (p[a] - 1) - 1) / p[a + 2] + 1;
  }
  const int64_t n = draw(1, 3);
  Pools pools{{n, s[0], s[1]}, {n, o[0], o[1]}, {n, o[0], o[1]}, {n, o[0], o[1]}, {n, s[0], s[1]}, {}};
  std::copy(p, p + 8, pools.parameters);
  for (int which = 0; which < 3; which++) pools.run(which);
  return pools.error();
}

}  // namespace

int main(int argc, char **argv) {
  set_num_threads(argc > 1 ? std::atoi(argv[1]) : 2);
  double worst = 0;
  for (int i = 0; i < 1000; i++) worst = std::fmax(worst, check());
  std::printf("greatest error: %g\n", worst);
  for (int64_t size : {2, 3}) {
    Pools pools{{2048, 32, 32}, {2048, 16, 16}, {2048, 16, 16}, {2048, 16, 16}, {2048, 32, 32}, {}};
    const int64_t p[] = {size, size, 2, 2, size - 2, size - 2, 1, 1};
    std::copy(p, p + 8, pools.parameters);
    for (int which = 0; which < 3; which++) {
      double best = 1e9;
      for (int i = 0; i < 50; i++) {
        auto start = std::chrono::steady_clock::now();
        pools.run(which);
        best = std::fmin(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
      }
      const char *names[] = {"greatest", "means", "gradient of means"};
      std::printf("%ld x %ld in steps of 2, %-18s %7.1f us\n", size, size, names[which], best * 1e6);
    }
  }
}
