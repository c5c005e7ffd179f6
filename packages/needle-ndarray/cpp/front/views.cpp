// Views: the same buffer, read with another shape, strides and offset.
#include <algorithm>

#include "error.h"
#include "ndarray.h"

namespace needle {

namespace {

// Strides that read x's elements in order under another shape of the same size; false where there are none.
bool reshaped_strides(const NDArray &x, const Dims &shape, Dims &strides) {
  // Both shapes split into groups of equal product, the smallest that do; a group of x's axes must be one even run.
  strides = Dims(shape.size(), 1);
  Dims extents, steps;  // x's axes without those of extent 1, whose strides say nothing
  for (int i = 0; i < x.ndim(); ++i)
    if (x.shape[i] != 1) {
      extents.push(x.shape[i]);
      steps.push(x.strides[i]);
    }
  int from = 0, to = 0;
  while (from < extents.size() || to < shape.size()) {
    int from_end = from, to_end = to;
    int64_t from_size = from < extents.size() ? extents[from_end++] : 1,
            to_size = to < shape.size() ? shape[to_end++] : 1;
    while (from_size != to_size) (from_size < to_size) ? from_size *= extents[from_end++] : to_size *= shape[to_end++];
    for (int i = from; i + 1 < from_end; ++i)
      if (steps[i] != extents[i + 1] * steps[i + 1]) return false;
    int64_t step = from < from_end ? steps[from_end - 1] : 1;
    for (int i = to_end; i-- > to;) {
      strides[i] = step;
      step *= shape[i];
    }
    from = from_end;
    to = to_end;
  }
  return true;
}

// The axes as distinct indices into ndim, in the order given.
Dims normalize_axes(const char *op, const Dims &axes, int ndim) {
  Dims result;
  uint64_t seen = 0;
  for (int64_t axis : axes) {
    int a = normalize_axis(op, axis, ndim);
    if (seen >> a & 1) fail(ErrorKind::value, op, "an axis is named twice", axes.str());
    seen |= uint64_t{1} << a;
    result.push(a);
  }
  return result;
}

}  // namespace

NDArray reshape(const NDArray &x, Dims shape, std::optional<bool> always_copy) {
  Dims asked = shape;
  int unknown = -1;
  int64_t known = 1;
  for (int i = 0; i < shape.size(); ++i) {
    if (shape[i] == -1 && unknown < 0) {
      unknown = i;
    } else if (shape[i] < 0) {
      fail(ErrorKind::value, "reshape", "negative extent", asked.str(), "extents >= 0, one of them may be -1");
    } else if (__builtin_mul_overflow(known, shape[i], &known)) {
      known = -1;  // more elements than any array has
      break;
    }
  }
  int64_t size = x.size();
  if (unknown >= 0 && known > 0 && size % known == 0) {
    shape[unknown] = size / known;
    known = size;
  }
  if (known != size || (unknown >= 0 && shape[unknown] == -1))
    fail(ErrorKind::value, "reshape", "the number of elements differs", x.shape.str() + " to " + asked.str());
  NDArray view{x.buffer, x.dtype, shape, {}, x.offset};
  if (size == 0) {
    view.strides = Dims(shape.size());
    return always_copy.value_or(false) ? copy(view) : view;
  }
  if (!always_copy.value_or(false)) {
    if (reshaped_strides(x, shape, view.strides)) return view;
    if (always_copy)
      fail(ErrorKind::value, "reshape", "no view of the array has this shape",
           x.shape.str() + " with strides " + x.strides.str() + " to " + asked.str(), "", "let it copy: copy=None");
  }
  NDArray result = copy(x);
  result.shape = shape;
  result.strides = row_major_strides(shape);
  return result;
}

NDArray permute_dims(const NDArray &x, const Dims &axes) {
  if (axes.size() != x.ndim())
    fail(ErrorKind::value, "permute_dims", "not a permutation of the axes", axes.str(),
         "each of the " + std::to_string(x.ndim()) + " axes once");
  Dims order = normalize_axes("permute_dims", axes, x.ndim());
  NDArray view = x;
  for (int i = 0; i < order.size(); ++i) {
    view.shape[i] = x.shape[static_cast<int>(order[i])];
    view.strides[i] = x.strides[static_cast<int>(order[i])];
  }
  return view;
}

NDArray transpose_last(const NDArray &x) {
  NDArray view = x;
  int n = x.ndim();
  std::swap(view.shape[n - 1], view.shape[n - 2]);
  std::swap(view.strides[n - 1], view.strides[n - 2]);
  return view;
}

NDArray broadcast_to(const char *op, const NDArray &x, const Dims &shape) {
  if (x.shape == shape) return x;
  int added = shape.size() - x.ndim();
  bool fits = added >= 0;
  for (int i = 0; fits && i < x.ndim(); ++i) fits = x.shape[i] == shape[added + i] || x.shape[i] == 1;
  if (!fits) fail(ErrorKind::value, op, "the shape cannot be broadcast", x.shape.str() + " to " + shape.str());
  checked_size(op, shape, info(x.dtype).itemsize);
  NDArray view{x.buffer, x.dtype, shape, Dims(shape.size(), 0), x.offset};
  for (int i = 0; i < x.ndim(); ++i)
    if (x.shape[i] == shape[added + i]) view.strides[added + i] = x.strides[i];
  return view;
}

NDArray expand_dims(const NDArray &x, Dims axes) {
  axes = normalize_axes("expand_dims", axes, x.ndim() + axes.size());
  std::sort(axes.begin(), axes.end());
  NDArray view = x;
  for (int64_t axis : axes) {
    view.shape.insert(static_cast<int>(axis), 1);
    view.strides.insert(static_cast<int>(axis), 0);
  }
  return view;
}

NDArray squeeze(const NDArray &x, Dims axes) {
  axes = normalize_axes("squeeze", axes, x.ndim());
  std::sort(axes.begin(), axes.end());
  NDArray view = x;
  for (int i = axes.size(); i-- > 0;) {
    int axis = static_cast<int>(axes[i]);
    if (x.shape[axis] != 1)
      fail(ErrorKind::value, "squeeze", "an axis to drop has an extent other than 1",
           "axis " + std::to_string(axis) + " of " + x.shape.str());
    view.shape.erase(axis);
    view.strides.erase(axis);
  }
  return view;
}

NDArray flip(const NDArray &x, const Dims &axes) {
  NDArray view = x;
  bool is_empty = x.size() == 0;
  for (int64_t a : normalize_axes("flip", axes, x.ndim())) {
    int axis = static_cast<int>(a);
    if (is_empty) continue;  // its end may lie outside of the buffer
    view.offset += (x.shape[axis] - 1) * x.strides[axis];
    view.strides[axis] = -x.strides[axis];
  }
  return view;
}

NDArray bitcast(const NDArray &x, DType dtype) {
  const DTypeInfo &from = info(x.dtype), &to = info(dtype);
  if (to.itemsize != from.itemsize || (to.kind == kBool && from.kind != kBool))
    fail(ErrorKind::type, "bitcast", "the bits do not make such elements", std::string(from.name) + " as " + to.name,
         "a dtype of the same size, other than bool", "astype converts values");
  NDArray view = x;
  view.dtype = dtype;
  return view;
}

NDArray windows(const NDArray &x, const Dims &size, const Dims &stride, const Dims &dilation) {
  int n = size.size(), lead = x.ndim() - n;
  if (lead < 0 || stride.size() != n || dilation.size() != n)
    fail(ErrorKind::value, "windows", "size, stride and dilation do not fit the array",
         size.str() + ", " + stride.str() + ", " + dilation.str() + " for shape " + x.shape.str(),
         "three of equal length, at most the number of axes");
  NDArray view = x;
  for (int i = 0; i < n; ++i) {
    if (size[i] < 1 || stride[i] < 1 || dilation[i] < 1)
      fail(ErrorKind::value, "windows", "size, stride and dilation must be positive",
           size.str() + ", " + stride.str() + ", " + dilation.str());
    int axis = lead + i;
    int64_t last;  // how far the last element of a window lies behind its first
    if (__builtin_mul_overflow(dilation[i], size[i] - 1, &last) || last >= x.shape[axis])
      fail(ErrorKind::value, "windows", "the window is larger than the array",
           "size " + size.str() + " with dilation " + dilation.str() + " on shape " + x.shape.str());
    view.shape[axis] = (x.shape[axis] - last - 1) / stride[i] + 1;
    if (view.shape[axis] > 1) view.strides[axis] = x.strides[axis] * stride[i];  // of one window it could overflow
  }
  for (int i = 0; i < n; ++i) {
    view.shape.push(size[i]);
    view.strides.push(x.strides[lead + i] * (size[i] > 1 ? dilation[i] : 1));
  }
  checked_size("windows", view.shape, info(x.dtype).itemsize);  // windows of windows of windows ...
  return view;
}

NDArray as_strided(const NDArray &x, const Dims &shape, const Dims &strides, int64_t offset) {
  int64_t itemsize = info(x.dtype).itemsize, size = checked_size("as_strided", shape, itemsize);
  std::string asked = "shape " + shape.str() + ", strides " + strides.str() + ", offset " + std::to_string(offset);
  if (shape.size() != strides.size()) fail(ErrorKind::value, "as_strided", "not one stride for each extent", asked);
  int64_t low = offset, high = offset, end = static_cast<int64_t>(x.buffer->nbytes) / itemsize;
  bool is_inside = true;
  for (int i = 0; i < shape.size() && size > 0; ++i) {
    int64_t reach;
    is_inside &= !__builtin_mul_overflow(shape[i] - 1, strides[i], &reach) &&
                 !__builtin_add_overflow(reach < 0 ? low : high, reach, reach < 0 ? &low : &high);
  }
  if (!is_inside || low < 0 || (size > 0 ? high >= end : offset > end))
    fail(ErrorKind::index, "as_strided", "the view would leave the array's buffer", asked,
         "elements 0 to " + std::to_string(end - 1));
  return {x.buffer, x.dtype, shape, strides, offset};
}

NDArray index(const NDArray &x, const std::vector<IndexItem> &items) {
  NDArray view{x.buffer, x.dtype, {}, {}, x.offset};
  int axis = 0;
  for (const IndexItem &item : items) {
    if (item.kind == IndexItem::new_axis) {
      view.shape.push(1);
      view.strides.push(0);
      continue;
    }
    int64_t stride = x.strides[axis++];
    if (item.kind == IndexItem::integer) {
      view.offset += item.start * stride;
    } else {
      if (item.count > 0) view.offset += item.start * stride;
      view.shape.push(item.count);
      view.strides.push(item.count > 1 ? stride * item.step : stride);  // a step that nobody takes could overflow
    }
  }
  for (; axis < x.ndim(); ++axis) {
    view.shape.push(x.shape[axis]);
    view.strides.push(x.strides[axis]);
  }
  if (view.size() == 0) view.offset = x.offset;  // where the items lead may lie outside of the buffer
  return view;
}

}  // namespace needle
