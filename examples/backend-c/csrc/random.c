/* Philox-4x32-10: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011). */
#include "plainc.h"

static void philox(uint64_t key, uint64_t counter, uint32_t x[4]) {
  uint32_t key0 = (uint32_t)key, key1 = (uint32_t)(key >> 32);
  x[0] = (uint32_t)counter, x[1] = (uint32_t)(counter >> 32), x[2] = x[3] = 0;
  for (int round = 0; round < 10; round++) {
    uint64_t left = UINT64_C(0xD2511F53) * x[0], right = UINT64_C(0xCD9E8D57) * x[2];
    x[0] = (uint32_t)(right >> 32) ^ x[1] ^ key0;
    x[1] = (uint32_t)right;
    x[2] = (uint32_t)(left >> 32) ^ x[3] ^ key1;
    x[3] = (uint32_t)left;
    key0 += 0x9E3779B9, key1 += 0xBB67AE85;
  }
}

needle_status random_bits(void *context, uint64_t key, uint64_t counter, needle_out out) {
  (void)context;
  uint32_t block[4];
  for (int64_t i = 0, n = count(out); i < n; i++) {
    if (i % 4 == 0) philox(key, counter + (uint64_t)i / 4, block);
    *(uint32_t *)element(out, i) = block[i % 4];
  }
  return NEEDLE_OK;
}
