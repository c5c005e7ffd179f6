// Sorting many short columns at once by a network of comparisons: each compares two rows, and so an element of each
// column. Batcher's merge exchange: Knuth, "The Art of Computer Programming", volume 3, algorithm 5.2.2M.
#include "kernels.h"
#include "simd.h"

namespace needle::cpu::NEEDLE_TARGET {
namespace {

template <class U>
void sort_columns(U *rows, int64_t n) {
  auto exchange = [&](int64_t i, int64_t j) {
    U *upper = rows + i * sort_width, *lower = rows + j * sort_width;
    for (int k = 0; k < sort_width; k += lanes<U>) {
      Vec<U> x = load(upper + k), y = load(lower + k);
      store(upper + k, x < y ? x : y);
      store(lower + k, x < y ? y : x);
    }
  };
  int64_t top = 1;
  while (2 * top < n) top *= 2;
  for (int64_t p = top; p > 0; p /= 2) {
    for (int64_t q = top, r = 0, d = p;; d = q - p, q /= 2, r = p) {
      for (int64_t first = r; first < n - d; first += 2 * p) {
        int64_t end = least(first + p, n - d);
        for (int64_t i = first; i < end; i++) exchange(i, i + d);
      }
      if (q == p) break;
    }
  }
}

}  // namespace

void sort_columns(int size, void *rows, int64_t n) {
  if (size == 4) return sort_columns(static_cast<uint32_t *>(rows), n);
  sort_columns(static_cast<uint64_t *>(rows), n);
}

}  // namespace needle::cpu::NEEDLE_TARGET
