// Philox-4x32-10: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011).
#include "../pool.h"
#include "generic.h"

namespace needle::cpu {
namespace {

struct Words {
  uint32_t word[4];
};

Words philox(uint64_t key, uint64_t counter) {
  auto low = [](uint64_t x) { return static_cast<uint32_t>(x); };
  auto high = [](uint64_t x) { return static_cast<uint32_t>(x >> 32); };
  uint32_t key0 = low(key), key1 = high(key);
  uint32_t x0 = low(counter), x1 = high(counter), x2 = 0, x3 = 0;
  for (int round = 0; round < 10; round++) {
    uint64_t product0 = uint64_t{0xD2511F53} * x0, product1 = uint64_t{0xCD9E8D57} * x2;
    x0 = high(product1) ^ x1 ^ key0;
    x1 = low(product1);
    x2 = high(product0) ^ x3 ^ key1;
    x3 = low(product0);
    key0 += 0x9E3779B9;
    key1 += 0xBB67AE85;
  }
  return {{x0, x1, x2, x3}};
}

}  // namespace

void random_bits(uint64_t key, uint64_t counter, const Array &out) {
  auto *words = reinterpret_cast<uint32_t *>(out.data);
  int64_t n = out.shape[0], stride = out.strides[0];
  parallel_for((n + task_elements - 1) / task_elements, [&](int64_t task) {
    for (int64_t i = task * task_elements; i < least(n, (task + 1) * task_elements); i += 4) {
      Words block = philox(key, counter + static_cast<uint64_t>(i / 4));
      for (int64_t j = 0; j < least(n - i, int64_t{4}); j++) words[(i + j) * stride] = block.word[j];
    }
  });
}

}  // namespace needle::cpu
