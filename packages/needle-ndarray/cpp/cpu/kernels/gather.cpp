// gather: in one pass, which checks the indices it has at hand before it follows them.
#include "../iterate.h"
#include "kernels.h"
#include "simd.h"

namespace needle::cpu::NEEDLE_TARGET {
namespace {

constexpr int64_t indices_at_once = 256;               // are checked, and then still in the first cache
constexpr int64_t rows_ahead = 4, bytes_ahead = 1024;  // of later rows, fetched while one is copied

// The usual steps as constants, for the compiler.
template <int64_t bytes>
using Step = std::integral_constant<int64_t, bytes>;

struct Extent {
  int64_t n;

  bool allows(int64_t index) const { return static_cast<uint64_t>(index + n) < 2 * static_cast<uint64_t>(n); }
  int64_t from_start(int64_t index) const { return index < 0 ? index + n : index; }

  // Whether all of m indices are in [-n, n).
  bool allows(const char *indices, int64_t step, int64_t m) const {
    auto at = [&](int64_t i) { return reinterpret_cast<const int64_t *>(indices + i * step); };
    int64_t i = 0;
    if (step == 8) {
      mask_of<Vec<uint64_t>> wrong{};
      for (; i + lanes<uint64_t> <= m; i += lanes<uint64_t>) {
        auto index = load(reinterpret_cast<const uint64_t *>(at(i)));
        wrong |= index + static_cast<uint64_t>(n) >= 2 * static_cast<uint64_t>(n);
      }
      if (any(wrong)) return false;
    }
    for (; i < m; i++) {
      if (!allows(*at(i))) return false;
    }
    return true;
  }
};

// Elements of one line, or of lines next to each other, each by an index of its own.
template <class T>
struct Elements {
  Extent extent;
  int64_t step;  // in bytes, along the axis
  int64_t to_step, index_step, line_step;

  template <class To, class Index, class Along, class Line>
  static void take(Extent extent, char *to, const char *indices, const char *lines, int64_t n, To to_step,
                   Index index_step, Along along, Line line_step) {
    for (int64_t i = 0; i < n; i++) {
      const int64_t index = *reinterpret_cast<const int64_t *>(indices + i * index_step);
      const char *from = lines + i * line_step + extent.from_start(index) * along;
      *reinterpret_cast<T *>(to + i * to_step) = *reinterpret_cast<const T *>(from);
    }
  }
  bool run(char *to, const char *indices, const char *lines, int64_t n) const {
    constexpr Step<sizeof(T)> item;
    constexpr Step<8> index_item;
    constexpr Step<0> none;
    for (int64_t m; n > 0; n -= m, to += m * to_step, indices += m * index_step, lines += m * line_step) {
      m = least(n, indices_at_once);
      if (!extent.allows(indices, index_step, m)) return false;
      const bool usual = to_step == item && index_step == 8;
      if (usual && step == item && line_step == 0) {
        take(extent, to, indices, lines, m, item, index_item, item, none);
      } else if (usual && line_step == item) {
        take(extent, to, indices, lines, m, item, index_item, step, item);
      } else {
        take(extent, to, indices, lines, m, to_step, index_step, step, line_step);
      }
    }
    return true;
  }
};

// Whole rows, each by one index.
struct Rows {
  Extent extent;
  int64_t step, to_step, index_step, line_step;  // in bytes; all but the first from row to row

  bool run(char *to, const char *indices, const char *lines, int64_t rows, int64_t bytes) const {
    auto index = [&](int64_t r) { return *reinterpret_cast<const int64_t *>(indices + r * index_step); };
    auto row = [&](int64_t r) { return lines + r * line_step + extent.from_start(index(r)) * step; };
    for (int64_t r = 0; r < rows; r++) {
      if (!extent.allows(index(r))) return false;
      if (r + rows_ahead < rows && extent.allows(index(r + rows_ahead))) {
        const char *later = row(r + rows_ahead);
        for (int64_t i = 0; i < least(bytes, bytes_ahead); i += 64) __builtin_prefetch(later + i);
      }
      __builtin_memcpy(to + r * to_step, row(r), static_cast<size_t>(bytes));
    }
    return true;
  }
};

template <class T>
bool gather_all(const Walk &walk, Extent extent, int64_t step) {
  constexpr int64_t item = sizeof(T);
  const int64_t to_step = walk.stride(0), index_step = walk.stride(1), line_step = walk.stride(2);
  const bool by_rows = index_step == 0 && to_step == item && line_step == item;
  const int64_t columns = least(walk.inner(), task_elements);
  bool right = true;
  parallel_tiles(walk, task_elements / columns, columns, [&](auto &&tiles) {
    tiles([&](char *const *p, int64_t height, int64_t width) {
      int64_t down[3] = {};
      for (int o = 0; height > 1 && o < 3; o++) down[o] = walk.strides[o][1];
      bool fine = true;
      if (by_rows) {
        fine = Rows{extent, step, down[0], down[1], down[2]}.run(p[0], p[1], p[2], height, width * item);
      } else {
        Elements<T> elements{extent, step, to_step, index_step, line_step};
        for (int64_t r = 0; r < height && fine; r++)
          fine = elements.run(p[0] + r * down[0], p[1] + r * down[1], p[2] + r * down[2], width);
      }
      if (!fine) __atomic_store_n(&right, false, __ATOMIC_RELAXED);
    });
  });
  return right;
}

}  // namespace

bool gather(const Array &a, const Array &indices, int axis, const Array &out) {
  const int64_t size = item_size(a.type), step = a.strides[axis] * size;
  int64_t strides[max_dims];  // of a's lines: the place along `axis` comes from the index
  for (int d = 0; d < a.ndim; d++) strides[d] = d == axis ? 0 : a.strides[d];
  const Walk walk = walk_over(out, indices, Array{a.data, a.type, a.ndim, out.shape, strides});
  if (walk.size == 0) return true;
  const Extent extent{a.shape[axis]};
  switch (size) {
    case 1: return gather_all<uint8_t>(walk, extent, step);
    case 2: return gather_all<uint16_t>(walk, extent, step);
    case 4: return gather_all<uint32_t>(walk, extent, step);
    case 16: return gather_all<Bits128>(walk, extent, step);
    default: return gather_all<uint64_t>(walk, extent, step);
  }
}

}  // namespace needle::cpu::NEEDLE_TARGET
