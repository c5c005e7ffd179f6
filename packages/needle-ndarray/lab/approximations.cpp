// Times the approximations of math.h on numbers in the first cache, in nanoseconds for each float and each double, and
// checks each against the C library on these. Their errors over all numbers are measured by `./dev accuracy`.
//   g++ -O2 -std=c++20 -fwrapv -fno-strict-aliasing -fno-math-errno -fno-trapping-math -ffp-contract=off -Wno-psabi \
//       -march=x86-64-v4 approximations.cpp -o /tmp/approximations && /tmp/approximations [FUNCTION]
#define NEEDLE_TARGET lab
#include "../cpp/cpu/kernels/math.h"

#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <random>

using namespace needle::cpu::lab;

constexpr int count = 4096;

template <class T>
struct Numbers {
  alignas(64) T x[count], y[count], out[count];
};

template <class T, class F, class G>
double time_of(const char *name, F f, G reference, double low, double high) {
  static Numbers<T> n;
  std::mt19937 random(1);
  std::uniform_real_distribution<double> between(low, high);
  for (T &x : n.x) x = static_cast<T>(between(random));
  for (T &y : n.y) y = static_cast<T>(between(random));
  double best = 1;
  for (int repeat = 0; repeat < 200; repeat++) {
    auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < count; i += lanes<T>) store(n.out + i, f(load(n.x + i), load(n.y + i)));
    asm volatile("" : : "r"(n.out) : "memory");
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  for (int i = 0; i < count; i++) {
    double want = reference(static_cast<double>(n.x[i]), static_cast<double>(n.y[i])),
           error = std::fabs(n.out[i] - want);
    if (error > 8 * std::numeric_limits<T>::epsilon() * std::fmax(std::fabs(want), std::fabs(double(n.x[i])) / 8)) {
      std::printf("%s(%a, %a) = %a, not %a\n", name, double(n.x[i]), double(n.y[i]), double(n.out[i]), want);
      break;
    }
  }
  return best / count * 1e9;
}

int main(int arguments, char **argument) {
#define TIME(name, reference, low, high)                                                          \
  if (arguments < 2 || std::strcmp(argument[1], #name) == 0) {                                    \
    auto f = [](auto x, [[maybe_unused]] auto y) { return math::name; };                          \
    auto g = [](double x, [[maybe_unused]] double y) { return reference; };                       \
    double of_float = time_of<float>(#name, f, g, low, high);                                     \
    std::printf("%-16s %6.3f %6.3f\n", #name, of_float, time_of<double>(#name, f, g, low, high)); \
  }
#define UNARY(name, low, high) TIME(name(x), std::name(x), low, high)
  UNARY(exp, -10, 10)
  UNARY(expm1, -5, 5)
  UNARY(log, 0.01, 100)
  UNARY(log2, 0.01, 100)
  UNARY(log10, 0.01, 100)
  UNARY(log1p, -0.9, 10)
  UNARY(sin, -10, 10)
  UNARY(cos, -10, 10)
  UNARY(tan, -1.5, 1.5)
  UNARY(asin, -1, 1)
  UNARY(acos, -1, 1)
  UNARY(atan, -5, 5)
  UNARY(sinh, -5, 5)
  UNARY(cosh, -5, 5)
  UNARY(tanh, -5, 5)
  UNARY(asinh, -10, 10)
  UNARY(acosh, 1, 10)
  UNARY(atanh, -0.99, 0.99)
  UNARY(erf, -3, 3)
  TIME(sigmoid(x), 1 / (1 + std::exp(-x)), -5, 5)
  TIME(softplus(x), std::log1p(std::exp(x)), -5, 5)
  TIME(gelu(x), x / 2 * std::erfc(-x / std::sqrt(2.0)), -3, 3)
  TIME(pow(x, y), std::pow(x, y), 0.1, 5)
  TIME(atan2(x, y), std::atan2(x, y), -1, 1)
  TIME(hypot(x, y), std::hypot(x, y), -1, 1)
}
