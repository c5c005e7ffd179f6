#include "version.h"

#include <algorithm>
#include <atomic>

namespace needle {

namespace {

std::atomic<uint64_t> last_number{0};
constexpr size_t kept = 16;

}  // namespace

uint64_t Version::number() {
  if (number_ == 0) number_ = last_number.fetch_add(1, std::memory_order_relaxed) + 1;
  return number_;
}

void Version::end_known(const char *op) {
  if (is_watched_) {
    if (writes_.size() == kept) writes_.erase(writes_.begin());
    writes_.push_back({number_, op, find_place()});
    is_watched_ = false;
  }
  number_ = 0;
}

const Write *Version::find_end(uint64_t number) const {
  auto found = std::find_if(writes_.begin(), writes_.end(), [&](const Write &w) { return w.version == number; });
  return found == writes_.end() ? nullptr : &*found;
}

}  // namespace needle
