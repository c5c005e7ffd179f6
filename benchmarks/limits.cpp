// What the machine can do at most, for the table to compare with: fused multiply-adds and the bandwidth of main memory.
//
// c++ -O3 -march=native -ffp-contract=fast -std=c++20 -pthread limits.cpp -o limits && ./limits THREADS
//
// Prints lines "name value": operations or bytes a second. Instructions that the processor lacks have no line.

#include <sys/mman.h>

#include <algorithm>
#include <barrier>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <utility>
#include <vector>
#ifdef __AVX__
#include <immintrin.h>
#endif

namespace {

#if defined(__AVX512F__)
constexpr int width = 64;
#elif defined(__AVX__)
constexpr int width = 32;
#else
constexpr int width = 16;
#endif
using floats = float __attribute__((vector_size(width)));
using doubles = double __attribute__((vector_size(width)));
using ints = int32_t __attribute__((vector_size(width)));

constexpr int chains = 12;        // independent sums: more than an addition takes cycles, times the units
constexpr long rounds = 200'000;  // of all chains
constexpr size_t megabyte = 1 << 20;
constexpr size_t block = 64 * megabyte;  // bytes of each array of a thread: much more than the caches
constexpr int regions = 4;               // places in memory, which may differ in speed
constexpr int passes = 30;               // of which the best counts: others may use the machine

// Seconds from the start of the first thread to the end of the last, of `work(thread)` on so many that start together.
template <class Work>
double seconds(int threads, Work work) {
  using clock = std::chrono::steady_clock;
  std::barrier together(threads);
  std::vector<clock::time_point> starts(threads), ends(threads);
  const auto run = [&](int thread) {
    together.arrive_and_wait();
    starts[thread] = clock::now();
    work(thread);
    ends[thread] = clock::now();
  };
  std::vector<std::thread> others;
  for (int thread = 1; thread < threads; ++thread) others.emplace_back(run, thread);
  run(0);
  for (auto &other : others) other.join();
  const auto [first, last] = std::pair(std::ranges::min(starts), std::ranges::max(ends));
  return std::chrono::duration<double>(last - first).count();
}

#ifdef __AVX512F__
#define KEEP(value) asm volatile("" : "+v"(value))
#else
#define KEEP(value) asm volatile("" : "+x"(value))
#endif

// The loop of `step(sum)` over all chains. The compiler may neither move nor drop a step, and as it sees each chain by
// a constant index, it keeps them in registers.
template <class V, class Step, size_t... chain>
void repeat(Step step, std::index_sequence<chain...>) {
  V sums[sizeof...(chain)] = {};
  const auto once = [&](V &sum) {
    step(sum);
    KEEP(sum);
  };
  for (long i = 0; i < rounds; ++i) (once(sums[chain]), ...);
}

template <class V, class Step>
void peak(const char *name, int threads, double operations, Step step) {
  constexpr auto all = std::make_index_sequence<chains>();
  double best = 1e9;
  for (int pass = 0; pass < passes; ++pass) best = std::min(best, seconds(threads, [&](int) { repeat<V>(step, all); }));
  std::printf("%s %.6g\n", name, operations * chains * rounds * threads / best);
}

void peaks(int threads) {
  peak<floats>("f32", threads, 2.0 * width / 4, [](floats &sum) { sum = sum * sum + sum; });
  peak<doubles>("f64", threads, 2.0 * width / 8, [](doubles &sum) { sum = sum * sum + sum; });
#ifdef __AVX512BF16__
  const auto bf16 = reinterpret_cast<__m512bh>(floats{});
  peak<__m512>("bf16", threads, 64, [&](__m512 &sum) { sum = _mm512_dpbf16_ps(sum, bf16, bf16); });
#endif
#ifdef __AVX512VNNI__
  const auto int8 = _mm512_set1_epi32(0x01010101);
  peak<__m512i>("int8", threads, 128, [&](__m512i &sum) { sum = _mm512_dpbusd_epi32(sum, int8, int8); });
#endif
}

int32_t *allocate(size_t bytes) {
  void *memory = std::aligned_alloc(2 * megabyte, bytes);
  if (!memory) std::abort();
#ifdef MADV_HUGEPAGE
  madvise(memory, bytes, MADV_HUGEPAGE);
#endif
  std::fill_n(static_cast<int32_t *>(memory), bytes / sizeof(int32_t), 1);
  return static_cast<int32_t *>(memory);
}

void read(const int32_t *from) {
  ints sums[8] = {};
  for (size_t i = 0; i < block / width; i += 8)
    for (int j = 0; j < 8; ++j) sums[j] += reinterpret_cast<const ints *>(from)[i + j];
  for (auto &sum : sums) KEEP(sum);
}

void copy(const int32_t *from, int32_t *to) {
  for (size_t i = 0; i < block / width; ++i) {
    const ints value = reinterpret_cast<const ints *>(from)[i];
#if defined(__AVX512F__)
    _mm512_stream_si512(reinterpret_cast<__m512i *>(to) + i, reinterpret_cast<__m512i>(value));
#elif defined(__AVX__)
    _mm256_stream_si256(reinterpret_cast<__m256i *>(to) + i, reinterpret_cast<__m256i>(value));
#else
    reinterpret_cast<ints *>(to)[i] = value;
#endif
  }
}

// The median place's best time: that of one place alone may be twice that of another.
template <class Pass>
void bandwidth(const char *name, int threads, double bytes, const std::vector<int32_t *> &places, Pass pass) {
  std::vector<double> times;
  for (int region = 0; region < regions; ++region) {
    double best = 1e9;
    for (int i = 0; i < passes / 6; ++i)
      best = std::min(best, seconds(threads, [&](int thread) {
                        const auto at = 2 * (region * threads + thread);
                        pass(places[at], places[at + 1]);
                      }));
    times.push_back(best);
  }
  std::nth_element(times.begin(), times.begin() + regions / 2, times.end());
  std::printf("%s %.6g\n", name, bytes * threads / times[regions / 2]);
}

}  // namespace

int main(int, char **arguments) {
  const int threads = std::atoi(arguments[1]);
  peaks(threads);
  std::vector<int32_t *> places;
  for (int i = 0; i < 2 * regions * threads; ++i) places.push_back(allocate(block));
  bandwidth("read", threads, 1.0 * block, places, [](int32_t *from, int32_t *) { read(from); });
  bandwidth("copy", threads, 2.0 * block, places, [](int32_t *from, int32_t *to) { copy(from, to); });
}
