// Softmax, layer norm, batch norm and attention with their gradients: the time of each, on one thread and on two.
//
//   g++ -O2 -std=c++20 -march=x86-64-v4 -DNEEDLE_TARGET=lab -fwrapv -fno-strict-aliasing -fno-math-errno
//     -fno-trapping-math -ffp-contract=fast -Wno-psabi -I src/needle/ndarray/include lab/rows.cpp cpp/cpu/pool.cpp
//     cpp/cpu/allocator.cpp -lpthread -o rows      (in packages/needle-ndarray; the kit checks the results)
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "../cpp/cpu/kernels/attention.cpp"
#include "../cpp/cpu/kernels/attention_gradient.cpp"
#include "../cpp/cpu/kernels/blocks.cpp"
#include "../cpp/cpu/kernels/cast.cpp"
#include "../cpp/cpu/kernels/norm.cpp"
#include "../cpp/cpu/kernels/norm_gradient.cpp"
#include "../cpp/cpu/kernels/reduce.cpp"
#include "../cpp/cpu/kernels/softmax.cpp"

using namespace needle::cpu;

namespace needle::cpu {
void fail_index(int64_t, int64_t) { std::abort(); }
}  // namespace needle::cpu

// A contiguous float32 array of random numbers.
struct Numbers {
  explicit Numbers(std::vector<int64_t> extents) : shape(std::move(extents)), strides(shape.size()) {
    int64_t size = 1;
    for (size_t d = shape.size(); d-- > 0; size *= shape[d]) strides[d] = size;
    auto *p = static_cast<float *>(allocate(static_cast<size_t>(size) * sizeof(float)));
    for (int64_t i = 0; i < size; i++) p[i] = static_cast<float>(std::rand() % 2000 - 900) * 1e-3f;
    array = {reinterpret_cast<char *>(p), Type::f32, static_cast<int>(shape.size()), shape.data(), strides.data()};
  }
  std::vector<int64_t> shape, strides;
  Array array;
};

void time(const char *name, bool (*kernel)(const Arguments &), std::vector<Array> in, std::vector<Array> out,
          int64_t integer, double real) {
  for (int threads : {1, 2}) {
    set_num_threads(threads);
    double best = 1e9;
    for (int i = 0; i < 20; i++) {
      auto begin = std::chrono::steady_clock::now();
      kernel({in.data(), out.data(), &integer, &real});
      best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
    }
    std::printf("%s, %d threads: %.0f us\n", name, threads, best * 1e6);
  }
}

int main() {
  Numbers x({4096, 1024}), y({4096, 1024}), ct({4096, 1024}), dx({4096, 1024});
  Numbers scale({1, 1024}), shift({1, 1024}), dscale({1, 1024}), dshift({1, 1024}), mean({4096, 1}), spread({4096, 1});
  for (int axis : {0, 1}) {
    std::printf("along axis %d\n", axis);
    time("softmax", lab::softmax, {x.array}, {y.array}, axis, 0);
    time("softmax gradient", lab::softmax_gradient, {y.array, ct.array}, {dx.array}, axis, 0);
    time("log-softmax", lab::log_softmax, {x.array}, {y.array}, axis, 0);
  }
  time("layer norm", lab::norm, {x.array, scale.array, shift.array}, {y.array, mean.array, spread.array}, 0, 1e-5);
  time("layer norm gradient", lab::norm_gradient, {x.array, mean.array, spread.array, scale.array, ct.array},
       {dx.array, dscale.array, dshift.array}, 0, 1e-5);

  Numbers images({32, 64, 1024}), out({32, 64, 1024}), grad({32, 64, 1024}), result({32, 64, 1024});
  Numbers a({1, 64, 1}), b({1, 64, 1}), da({1, 64, 1}), db({1, 64, 1}), m({1, 64, 1}), v({1, 64, 1});
  time("batch norm", lab::norm, {images.array, a.array, b.array}, {out.array, m.array, v.array}, 0, 1e-5);
  time("batch norm gradient", lab::norm_gradient, {images.array, m.array, v.array, a.array, grad.array},
       {result.array, da.array, db.array}, 0, 1e-5);

  std::vector<int64_t> heads{4, 8, 512, 64};
  Numbers q(heads), k(heads), w(heads), o(heads), do_(heads), dq(heads), dk(heads), dv(heads), sums({4, 8, 512});
  for (int64_t reach : {512, 0}) {
    std::printf("query i sees keys up to i + %d\n", static_cast<int>(reach));
    time("attention", lab::attention, {q.array, k.array, w.array, Array{}}, {o.array, sums.array}, reach, 0.125);
    time("attention gradient", lab::attention_gradient,
         {q.array, k.array, w.array, Array{}, o.array, sums.array, do_.array}, {dq.array, dk.array, dv.array}, reach,
         0.125);
  }
}
