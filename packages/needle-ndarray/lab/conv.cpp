// The laboratory of conv: checks it against a plain loop on random parameters, then times forward and both gradients as
// autograd calls them. In packages/needle-ndarray:
//   g++ -O2 -std=c++20 -march=x86-64-v4 -DNEEDLE_TARGET=lab -ffp-contract=fast -fno-math-errno -fno-trapping-math
//       -fwrapv -fno-strict-aliasing -Wno-psabi -Isrc/needle/ndarray/include lab/conv.cpp
//       cpp/cpu/kernels/{conv,gemm,memory,blocks,cast,tiles}.cpp cpp/cpu/{pool,allocator}.cpp -lpthread -o /tmp/lab-conv
//   /tmp/lab-conv [threads [seed]]
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
using Numbers = std::vector<int64_t>;

namespace {

std::mt19937 generator;

int64_t draw(int64_t low, int64_t high) { return low + static_cast<int64_t>(generator() % (high - low + 1)); }

struct Tensor {
  Numbers shape, strides;
  std::vector<float> values;

  explicit Tensor(const Numbers &s) : shape(s), strides(s.size()) {
    int64_t size = 1;
    for (size_t i = s.size(); i-- > 0;) strides[i] = size, size *= s[i];
    std::uniform_real_distribution<float> uniform(-1, 1);
    for (int64_t i = 0; i < size; i++) values.push_back(uniform(generator));
  }
  Array array(int64_t start = 0) {
    return {reinterpret_cast<char *>(values.data() + start), Type::f32, static_cast<int>(shape.size()), shape.data(),
            strides.data()};
  }
};

void conv(Array x, Array w, Array out, const Numbers &integers) {
  Array inputs[] = {x, w};
  lab::conv({inputs, &out, integers.data(), nullptr});
}

// One random convolution over two axes; its greatest error over the square root of the number of terms.
double check() {
  int64_t stride[2], low[2], high[2], in[2], dilation[2], s[2], k[2], o[2];
  for (int i = 0; i < 2; i++) {
    s[i] = draw(1, 40), k[i] = draw(0, 3) ? draw(1, 4) : draw(1, 30), stride[i] = draw(1, 3);
    low[i] = draw(-2, 4), high[i] = draw(-2, 4), in[i] = draw(0, 1) ? 1 : draw(1, 3), dilation[i] = draw(1, 2);
    o[i] = low[i] + high[i] + (s[i] - 1) * in[i] - dilation[i] * (k[i] - 1);
    if (o[i] < 0) return 0;
    o[i] = o[i] / stride[i] + 1;
  }
  const int64_t n = draw(1, 4), c = draw(1, 40), f = draw(1, 40);
  if (n * c * f * o[0] * o[1] * k[0] * k[1] > 30'000'000) return 0;
  Tensor x({1, n, c, s[0], s[1]}), w({1, f, c, k[0], k[1]}), out({1, n, f, o[0], o[1]});
  conv(x.array(), w.array(), out.array(),
       {stride[0], stride[1], low[0], low[1], high[0], high[1], in[0], in[1], dilation[0], dilation[1]});
  double worst = 0;
  for (int64_t at = 0; at < static_cast<int64_t>(out.values.size()); at++) {
    const int64_t i[] = {at / o[1] % o[0], at % o[1]}, feature = at / (o[0] * o[1]) % f,
                  sample = at / (o[0] * o[1] * f);
    double sum = 0;
    for (int64_t t = 0; t < c * k[0] * k[1]; t++) {
      const int64_t tap[] = {t / k[1] % k[0], t % k[1]}, channel = t / (k[0] * k[1]);
      int64_t place[2];
      bool inside = true;
      for (int a = 0; a < 2; a++) {
        place[a] = i[a] * stride[a] + tap[a] * dilation[a] - low[a];
        inside = inside && place[a] >= 0 && place[a] % in[a] == 0 && place[a] / in[a] < s[a];
        place[a] /= in[a];
      }
      if (!inside) continue;
      sum += static_cast<double>(x.values[((sample * c + channel) * s[0] + place[0]) * s[1] + place[1]]) *
             w.values[feature * c * k[0] * k[1] + t];
    }
    worst = std::max(worst, std::abs(sum - out.values[at]) / std::sqrt(c * k[0] * k[1] + 1.0));
  }
  return worst;
}

template <class F>
void timed(const char *name, double flops, F &&f) {
  double best = 1e9;
  for (int i = 0; i < 7; i++) {
    auto start = std::chrono::steady_clock::now();
    f();
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  std::printf("  %-18s %8.3f ms %7.1f GF/s\n", name, best * 1e3, flops / best / 1e9);
}

// (N, C, S, S) and (O, C, K, K) in the order that the gradient of the kernels has.
Array swapped(Tensor &x, Numbers &shape, Numbers &strides) {
  shape = x.shape, strides = x.strides;
  std::swap(shape[1], shape[2]), std::swap(strides[1], strides[2]);
  return {reinterpret_cast<char *>(x.values.data()), Type::f32, 5, shape.data(), strides.data()};
}

void step(int64_t channels, int64_t features, int64_t size, int64_t k, int64_t stride) {
  const int64_t n = 32, pad = k / 2, out = (size + 2 * pad - k) / stride + 1, taps = k * k;
  std::printf("%ld -> %ld, %ld x %ld, kernel %ld, stride %ld\n", channels, features, size, size, k, stride);
  Tensor x({1, n, channels, size, size}), w({1, features, channels, k, k}), y({1, n, features, out, out});
  const double flops = 2.0 * n * channels * features * taps * out * out;
  timed("forward", flops,
        [&] { conv(x.array(), w.array(), y.array(), {stride, stride, pad, pad, pad, pad, 1, 1, 1, 1}); });
  Numbers shape{1, channels, features, k, k}, strides{channels * features * taps, taps, channels * taps, -k, -1};
  Array flipped{reinterpret_cast<char *>(w.values.data() + taps - 1), Type::f32, 5, shape.data(), strides.data()};
  Tensor dx(x.shape), dw({1, channels, features, k, k});
  const int64_t low = k - 1 - pad, high = pad + size - 1 - (out - 1) * stride;
  timed("input's gradient", flops,
        [&] { conv(y.array(), flipped, dx.array(), {1, 1, low, low, high, high, stride, stride, 1, 1}); });
  Numbers x_shape, x_strides, y_shape, y_strides;
  const int64_t rest = (out - 1) * stride + k - pad - size;
  timed("kernels' gradient", flops, [&] {
    conv(swapped(x, x_shape, x_strides), swapped(y, y_shape, y_strides), dw.array(),
         {1, 1, pad, pad, rest, rest, 1, 1, stride, stride});
  });
}

}  // namespace

int main(int argc, char **argv) {
  set_num_threads(argc > 1 ? std::atoi(argv[1]) : 2);
  generator.seed(argc > 2 ? std::atoi(argv[2]) : 0);
  double worst = 0;
  for (int i = 0; i < 300; i++) worst = std::max(worst, check());
  std::printf("greatest error / sqrt(terms): %g\n", worst);
  step(3, 64, 32, 3, 1);
  step(64, 128, 32, 3, 1);
  step(128, 128, 16, 3, 1);
  step(256, 256, 16, 1, 1);
  step(256, 256, 14, 3, 1);
  step(64, 128, 32, 3, 2);
}
