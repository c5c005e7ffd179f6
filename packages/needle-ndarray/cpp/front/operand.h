// An operand in the dtype and shape that a function of the contract takes: itself where it has them, which is on every
// call's path, else a view or a cast of it.
#pragma once

#include <optional>
#include <utility>

#include "ndarray.h"

namespace needle {

class Operand {
 public:
  Operand(const char *op, const NDArray &x, DType dtype, const Dims &shape) : view_(&x) {
    if (x.dtype != dtype) set(astype(x, dtype, false));
    if (!(view_->shape == shape)) set(broadcast_to(op, *view_, shape));
  }
  Operand(const Operand &) = delete;
  Operand &operator=(const Operand &) = delete;

  // Copied if it overlaps `out` without being the same view, which the contract rules out. The same elements in another
  // type (bool over uint8) would be safe too, but nobody writes that.
  void keep_apart(const NDArray &out) {
    if (view_->overlaps(out) && !view_->same_view(out)) set(copy(*view_));
  }

  operator const NDArray &() const { return *view_; }

 private:
  void set(NDArray made) { view_ = &made_.emplace(std::move(made)); }

  const NDArray *view_;
  std::optional<NDArray> made_;
};

}  // namespace needle
