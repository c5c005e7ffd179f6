// A short list of extents, strides or axes, kept in place.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>

#include "error.h"

namespace needle {

constexpr int kMaxDims = 32;

class Dims {
 public:
  Dims() = default;
  explicit Dims(int n, int64_t value = 0) {
    for (resize(n); n-- > 0;) values_[n] = value;
  }
  Dims(std::initializer_list<int64_t> values) {
    for (int64_t v : values) push(v);
  }
  Dims(const Dims &other) { *this = other; }
  Dims &operator=(const Dims &other) {
    size_ = other.size_;
    for (int i = 0; i < size_; ++i) values_[i] = other.values_[i];  // not the unused rest: this is on every call's path
    return *this;
  }

  int size() const { return size_; }
  int64_t &operator[](int i) { return values_[i]; }
  int64_t operator[](int i) const { return values_[i]; }
  int64_t *begin() { return values_; }
  int64_t *end() { return values_ + size_; }
  const int64_t *begin() const { return values_; }
  const int64_t *end() const { return values_ + size_; }

  void push(int64_t value) {
    resize(size_ + 1);
    values_[size_ - 1] = value;
  }
  void insert(int at, int64_t value) {
    resize(size_ + 1);
    for (int i = size_ - 1; i > at; --i) values_[i] = values_[i - 1];
    values_[at] = value;
  }
  void erase(int at) {
    for (int i = at; i + 1 < size_; ++i) values_[i] = values_[i + 1];
    --size_;
  }

  bool operator==(const Dims &other) const {
    if (size_ != other.size_) return false;
    for (int i = 0; i < size_; ++i)
      if (values_[i] != other.values_[i]) return false;
    return true;
  }

  // As Python prints a tuple.
  std::string str() const {
    std::string text = "(";
    for (int i = 0; i < size_; ++i) text.append(i ? ", " : "").append(std::to_string(values_[i]));
    return text.append(size_ == 1 ? ",)" : ")");
  }

 private:
  void resize(int n) {
    if (n > kMaxDims)
      fail(ErrorKind::value, "shape", "too many dimensions", std::to_string(n), "at most " + std::to_string(kMaxDims));
    size_ = n;
  }

  int size_ = 0;
  int64_t values_[kMaxDims];
};

}  // namespace needle
