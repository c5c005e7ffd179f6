// The pool, the allocator and kernels under many threads at once, checked by the thread sanitizer and by results.
// tools/sanitize.py builds and runs it.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <numeric>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "../cpu/allocator.h"
#include "../cpu/backend.h"
#include "../cpu/pool.h"

namespace {

using needle::cpu::backend;

constexpr int threads = 6;

void expect(bool holds, const char *what) {
  if (holds) return;
  std::fprintf(stderr, "stress: wrong result: %s\n", what);
  std::_Exit(1);
}

template <class F>
void on_many_threads(F body) {
  std::vector<std::thread> running;
  for (int i = 0; i < threads; i++) running.emplace_back([&, i] { body(i); });
  for (std::thread &thread : running) thread.join();
}

// A row-major array of float or int64_t in the backend's own memory.
template <class T>
struct Array {
  explicit Array(std::vector<int64_t> extents) : shape(std::move(extents)), strides(shape.size(), 1) {
    for (size_t i = shape.size(); i-- > 1;) strides[i - 1] = strides[i] * shape[i];
    size = std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>());
    expect(backend.alloc(nullptr, 0, nbytes(), &data) == NEEDLE_OK, "alloc");
    constexpr bool is_float = std::is_same_v<T, float>;
    tensor = {data,
              {0, 0},
              static_cast<int32_t>(shape.size()),
              {is_float ? kDLFloat : kDLInt, 8 * sizeof(T), 1},
              shape.data(),
              strides.data(),
              0};
  }
  ~Array() { backend.free(nullptr, 0, data, nbytes()); }
  Array(const Array &) = delete;
  Array &operator=(const Array &) = delete;

  size_t nbytes() const { return static_cast<size_t>(size) * sizeof(T); }
  void fill(T value) { expect(backend.fill(nullptr, &value, &tensor) == NEEDLE_OK, "fill"); }
  bool is_all(T value) const {
    const T *x = static_cast<const T *>(data);
    return std::all_of(x, x + size, [&](T element) { return element == value; });
  }

  std::vector<int64_t> shape, strides;
  int64_t size;
  void *data;
  DLTensor tensor;
};

// Blocks are written whole, so that two owners of one would meet.
void allocator() {
  std::vector<std::atomic<char *>> shelf(64);
  constexpr size_t nbytes = 3000;
  on_many_threads([&](int thread) {
    for (int i = 0; i < 1000; i++) {
      needle::cpu::Scratch scratch(static_cast<size_t>(1 + i * 37 % 5000) << (i % 9));
      std::memset(scratch.data, thread, scratch.nbytes);
      char *block = static_cast<char *>(needle::cpu::allocate(nbytes));
      std::memset(block, thread, nbytes);
      block = shelf[(i * 7 + thread) % shelf.size()].exchange(block);  // freed by another thread, as arrays are
      if (block) needle::cpu::deallocate(block, nbytes);
      expect(scratch.data[0] == thread && scratch.data[scratch.nbytes - 1] == thread, "a block of one's own");
      if (i % 300 == 0) needle::cpu::empty_cache();
      if (i % 200 == 0) needle::cpu::set_cache_limit(static_cast<size_t>(i) << 10);
      needle::cpu::memory_stats();
    }
  });
  for (auto &place : shelf)
    if (char *block = place.load()) needle::cpu::deallocate(block, nbytes);
  expect(needle::cpu::memory_stats().live == 0, "all blocks came back");
}

void pool() {
  on_many_threads([](int thread) {
    for (int i = 0; i < 200; i++) {
      needle::cpu::set_num_threads(1 + (i + thread) % 5);
      std::vector<int> seen(static_cast<size_t>(i % 40));
      needle::cpu::parallel_for(static_cast<int64_t>(seen.size()), [&](int64_t task) {
        int inner = 0;
        needle::cpu::parallel_for(3, [&](int64_t) { inner++; });  // on this thread alone
        seen[static_cast<size_t>(task)] += inner;
      });
      for (int times : seen) expect(times == 3, "each task once");
      try {
        needle::cpu::parallel_for(20, [&](int64_t task) {
          if (task == i % 25) throw std::runtime_error("on purpose");
        });
        expect(i % 25 >= 20, "an error that is thrown");
      } catch (const std::runtime_error &error) {
        expect(i % 25 < 20 && std::string(error.what()) == "on purpose", "the error that was thrown");
      }
    }
  });
}

void kernels() {
  const int32_t add = backend.op(nullptr, NEEDLE_BINARY, "add"), exp = backend.op(nullptr, NEEDLE_UNARY, "exp"),
                sum = backend.op(nullptr, NEEDLE_REDUCE, "sum"), running = backend.op(nullptr, NEEDLE_SCAN, "sum");
  Array<float> shared({300, 700});  // read by all threads at once
  shared.fill(1);
  on_many_threads([&](int thread) {
    auto done = [](needle_status status) { expect(status == NEEDLE_OK, backend.last_error(nullptr)); };
    for (int i = 0; i < 6; i++) {
      needle::cpu::set_num_threads(2 + (i + thread) % 4);
      float value = static_cast<float>(thread + i);
      Array<float> x({300, 700}), y({300, 700}), rows({300, 1}), columns({1, 700}), product({300, 300});
      x.fill(value);
      done(backend.binary(nullptr, add, &x.tensor, &shared.tensor, &y.tensor));
      expect(y.is_all(value + 1), "add");
      done(backend.reduce(nullptr, sum, &y.tensor, &rows.tensor));
      expect(rows.is_all(700 * (value + 1)), "sum over columns");
      done(backend.reduce(nullptr, sum, &y.tensor, &columns.tensor));
      expect(columns.is_all(300 * (value + 1)), "sum over rows");
      std::vector<int64_t> shape{700, 300}, strides{1, 700};
      DLTensor transposed = shared.tensor;
      transposed.shape = shape.data(), transposed.strides = strides.data();
      done(backend.matmul(nullptr, &x.tensor, &transposed, &product.tensor));
      expect(product.is_all(700 * value), "matmul");
      x.fill(0);
      done(backend.unary(nullptr, exp, &x.tensor, &x.tensor));
      expect(x.is_all(1), "exp");
      done(backend.scan(nullptr, running, &x.tensor, 1, &y.tensor));
      expect(static_cast<float *>(y.data)[y.size - 1] == 700, "running sum");
      done(backend.sort(nullptr, &y.tensor, 0, 1, &x.tensor, nullptr));
      Array<int64_t> places({300, 700});
      places.fill(i % 2 ? 299 : 300);
      needle_status status = backend.gather(nullptr, &shared.tensor, &places.tensor, 0, &y.tensor);
      expect(status == (i % 2 ? NEEDLE_OK : NEEDLE_INDEX_ERROR), "gather");
      std::string reason = status ? backend.last_error(nullptr) : "";
      expect(!status || reason.find("got 300") != std::string::npos, "the reason of the error");
    }
  });
}

}  // namespace

int main() {
  allocator();
  pool();
  kernels();
  std::puts("stress: done");
}
