// What becomes of a buffer's contents: a number for what is in it, and who wrote what it was asked about.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace needle {

// The write that ended a version.
struct Write {
  uint64_t version;
  std::string op;
  std::shared_ptr<void> place;  // where the program was, as find_place gave it
};

// Gives the place in the program that is running. bind/ sets it, which alone knows what the result points to.
inline std::shared_ptr<void> (*find_place)() = nullptr;

// Part of each buffer; used with the GIL alone.
class Version {
 public:
  // Equal numbers, got at any times from any buffers, say that it was the same buffer with the same contents. A number
  // is given out when it is asked for: so a write need only forget it, and costs nothing where nobody has asked.
  uint64_t number();
  // From now on, so that the write which ends the version is kept.
  void watch() { is_watched_ = true; }
  // Called before each write; op is the function that writes.
  void end(const char *op) {
    if (number_ != 0) [[unlikely]]
      end_known(op);
  }
  // Null where the version is not over, was not watched, or was over long ago.
  const Write *find_end(uint64_t number) const;

 private:
  void end_known(const char *op);

  uint64_t number_ = 0;  // 0 where nobody has asked for one
  bool is_watched_ = false;
  std::vector<Write>
      writes_;  // the last ones: what is watched and written at every step of a training must not pile up
};

}  // namespace needle
