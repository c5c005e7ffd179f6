// Driver for matmul's kernels: checks them on whole numbers, whose sums are exact, and times them. From this folder:
//   g++ -O2 -std=c++20 -march=x86-64-v4 -mavx512bf16 -mavx512vnni -ffp-contract=fast -fno-strict-aliasing -fwrapv
//       -fno-math-errno -fno-trapping-math -Wno-psabi -DNEEDLE_TARGET=lab -I../cpp/cpu -I../src/needle/ndarray/include
//       gemm.cpp -pthread -o /tmp/gemm && /tmp/gemm check && /tmp/gemm 1 && /tmp/gemm 2
// (in one line; other targets by other -march). The argument is the number of threads; a second one, what the names of
// the timed products have to contain.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <vector>

#include "../cpp/cpu/allocator.cpp"
#include "../cpp/cpu/kernels/gemm.cpp"
#include "../cpp/cpu/pool.cpp"

using namespace needle::cpu;
using lab::bf16, lab::f16;

namespace {

template <class F>
auto with_type(Type type, F f) {
  switch (type) {
    case Type::i8: return f(int8_t{});
    case Type::i16: return f(int16_t{});
    case Type::i32: return f(int32_t{});
    case Type::i64: return f(int64_t{});
    case Type::f16: return f(f16{});
    case Type::bf16: return f(bf16{});
    case Type::f64:
    case Type::c128: return f(double{});
    default: return f(float{});
  }
}

double get(const char *p, Type type) {
  return with_type(type, [&](auto value) {
    std::memcpy(&value, p, sizeof value);
    return lab::value_as<double>(value);
  });
}

void set(char *p, Type type, double number) {
  with_type(type, [&](auto value) {
    if constexpr (std::is_arithmetic_v<decltype(value)>) {
      value = static_cast<decltype(value)>(static_cast<int64_t>(number));
    } else {
      lab::from_float(static_cast<float>(number), value);
    }
    std::memcpy(p, &value, sizeof value);
  });
}

}  // namespace

// What the kernels call beside themselves, as plain loops.
namespace needle::cpu::lab {
void fill(const void *, const Array &) {}
void copy(const Array &a, const Array &out) {
  for (int64_t i = 0; i < a.shape[0]; i++) {
    if (a.ndim == 1) {
      std::memcpy(out.data + i * out.strides[0] * item_size(a.type), a.data + i * a.strides[0] * item_size(a.type),
                  item_size(a.type));
    } else {
      copy({a.data + i * a.strides[0] * item_size(a.type), a.type, a.ndim - 1, a.shape + 1, a.strides + 1},
           {out.data + i * out.strides[0] * item_size(a.type), a.type, a.ndim - 1, out.shape + 1, out.strides + 1});
    }
  }
}
void cast(const Array &a, const Array &out) {
  for (int64_t i = 0; i < a.shape[0]; i++) {
    for (int64_t j = 0; j < a.shape[1]; j++) {
      char *to = out.data + (i * out.strides[0] + j * out.strides[1]) * item_size(out.type);
      set(to, out.type, get(a.data + (i * a.strides[0] + j * a.strides[1]) * item_size(a.type), a.type));
    }
  }
}
}  // namespace needle::cpu::lab

namespace {

enum Layout { rows, columns, every_second_row, every_second_column };

struct Matrix {
  Matrix(Type type, int64_t batch, int64_t m, int64_t n, int layout) : type(type), shape{batch, m, n} {
    int64_t gap = layout >= every_second_row ? 2 : 1;
    bool by_rows = layout % 2 == rows;
    strides[0] = m * n * gap;
    strides[1] = by_rows ? n * gap : gap;
    strides[2] = by_rows ? gap : m * gap;
    bytes.resize(batch * m * n * gap * item_size(type));
    for (size_t i = 0; i < bytes.size(); i += item_size(type)) set(&bytes[i], type, std::rand() % 7 - 3);
  }
  Array array() { return {bytes.data(), type, 3, shape, strides}; }
  double at(int64_t z, int64_t i, int64_t j) const {
    return get(&bytes[(z * strides[0] + i * strides[1] + j * strides[2]) * item_size(type)], type);
  }

  Type type;
  int64_t shape[3], strides[3];
  std::vector<char> bytes;
};

void check(Type type, Type to, int64_t batch, int64_t m, int64_t k, int64_t n, int layouts) {
  Matrix a(type, batch, m, k, layouts % 4), b(type, batch, k, n, layouts / 4 % 4), c(to, batch, m, n, layouts / 16);
  lab::matmul(a.array(), b.array(), c.array());
  char rounded[8];
  for (int64_t z = 0; z < batch; z++) {
    for (int64_t i = 0; i < m; i++) {
      for (int64_t j = 0; j < n; j++) {
        double sum = 0;
        for (int64_t x = 0; x < k; x++) sum += a.at(z, i, x) * b.at(z, x, j);
        set(rounded, to, sum);
        if (c.at(z, i, j) == get(rounded, to)) continue;
        std::printf("wrong: types %d to %d, batch %ld, %ld x %ld x %ld, layouts %d\n", static_cast<int>(type),
                    static_cast<int>(to), batch, m, k, n, layouts);
        std::exit(1);
      }
    }
  }
}

void check_all() {
  const int64_t shapes[][3] = {{1, 1, 1},    {3, 7, 5},    {8, 8, 8},   {14, 16, 32},  {15, 17, 33},  {27, 31, 64},
                               {29, 65, 31}, {1, 600, 70}, {70, 90, 1}, {100, 1, 600}, {16, 1030, 16}, {255, 70, 130}, {9, 9000, 20}};
  for (auto [m, k, n] : shapes) {
    for (int layouts = 0; layouts < 64; layouts += m * n * k > 100'000 ? 5 : 1) {
      for (Type type : {Type::f32, Type::f64, Type::f16, Type::bf16, Type::i8, Type::i16, Type::i32, Type::i64}) {
        check(type, type, layouts % 3 + 1, m, k, n, layouts);
      }
      check(Type::i8, Type::i32, 2, m, k, n, layouts);
      check(Type::bf16, Type::f32, 2, m, k, n, layouts);
    }
  }
}

double seconds() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

const char *wanted = "";

void time(const char *name, Type type, Type to, int64_t batch, int64_t m, int64_t k, int64_t n, int layouts = 0) {
  if (!std::strstr(name, wanted)) return;
  Matrix a(type, batch, m, k, layouts % 4), b(type, batch, k, n, layouts / 4), c(to, batch, m, n, rows);
  double best = 1;
  for (double start = seconds(); seconds() - start < 0.25;) {
    double before = seconds();
    lab::matmul(a.array(), b.array(), c.array());
    best = std::min(best, seconds() - before);
  }
  double work = 2.0 * static_cast<double>(batch * m * n * k);
  std::printf("%-16s %5ld x %5ld x %5ld  %10.2f us %8.1f G/s\n", name, m, k, n, best * 1e6, work / best * 1e-9);
}

}  // namespace

int main(int, char **arguments) {
  if (!arguments[1] || !std::strcmp(arguments[1], "check")) return check_all(), 0;
  set_num_threads(std::atoi(arguments[1]));
  if (arguments[2]) wanted = arguments[2];
  constexpr Type f32 = Type::f32;
  for (int64_t n : {8, 64, 128, 256, 512, 1000, 1024, 2048}) time("f32", f32, f32, 1, n, n, n);
  time("f32 A^T B", f32, f32, 1, 1024, 1024, 1024, 1);
  time("f32 A B^T", f32, f32, 1, 1024, 1024, 1024, 4);
  time("f32 batch of 32", f32, f32, 32, 128, 64, 128);
  time("f32 low", f32, f32, 1, 64, 2048, 512);
  time("f32 strided", f32, f32, 1, 512, 512, 512, 10);
  time("f32 tall", f32, f32, 1, 65536, 64, 64);
  time("f32 wide", f32, f32, 1, 64, 64, 65536);
  time("f32 deep", f32, f32, 1, 64, 65536, 64);
  time("f32 A x", f32, f32, 1, 4096, 4096, 1);
  time("f32 x B", f32, f32, 1, 1, 4096, 4096);
  // Steps of training at small batches; layouts 1: A is a transposed view.
  time("step", f32, f32, 1, 32, 784, 100);
  time("step A^T", f32, f32, 1, 784, 32, 100, 1);
  time("step", f32, f32, 1, 32, 100, 10);
  time("step B^T", f32, f32, 1, 32, 10, 100, 4);
  time("step A^T", f32, f32, 1, 100, 32, 10, 1);
  time("step", f32, f32, 1, 128, 784, 512);
  time("step A^T", f32, f32, 1, 784, 128, 512, 1);
  time("step", f32, f32, 1, 128, 512, 512);
  time("step", f32, f32, 1, 800, 20, 200);
  time("step A^T", f32, f32, 1, 200, 20, 800, 1);
  time("f64", Type::f64, Type::f64, 1, 1024, 1024, 1024);
  for (int64_t n : {512, 1024}) time("c64", Type::c64, Type::c64, 1, n, n, n);
  time("c128", Type::c128, Type::c128, 1, 512, 512, 512);
  time("f16 to f32", Type::f16, f32, 1, 1024, 1024, 1024);
  for (int64_t n : {256, 1024}) time("bf16", Type::bf16, Type::bf16, 1, n, n, n);
  for (int64_t n : {256, 1024}) time("i8 to i32", Type::i8, Type::i32, 1, n, n, n);
  time("i32", Type::i32, Type::i32, 1, 1024, 1024, 1024);
}
