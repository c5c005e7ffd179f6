// Backends that have been registered, their devices, and the buffers that they allocate.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "needle_backend.h"
#include "ops.h"
#include "version.h"

namespace needle {

struct Backend {
  std::string name;
  needle_backend table;         // a copy: what the backend's own header did not have yet is NULL
  int32_t codes[kOps];          // by which the backend knows each op; -1 where it lacks it
  std::shared_ptr<void> owner;  // keeps the table's functions and context alive
};

struct Device {
  const Backend *backend = nullptr;
  int32_t index = 0;

  bool operator==(const Device &) const = default;
  explicit operator bool() const { return backend != nullptr; }
  std::string str() const;  // "cpu", "cuda:1"
};

// Checks the table (version, required functions) and keeps it for good: arrays may outlive any reference to a plugin.
void add_backend(const std::string &name, const needle_backend &table, std::shared_ptr<void> owner);
// Throws where the backend is not registered or has no device of that index.
Device get_device(const std::string &name, int64_t index);
bool has_backend(const std::string &name);

// Throws the Error for a status other than NEEDLE_OK.
void check(const Device &device, const char *op, needle_status status);

// A block of a device's memory, freed when the last array that looks at it goes.
class Buffer {
 public:
  Buffer(Device device, size_t nbytes);
  // Memory that is not ours, on a device that computes in host memory: it is there for as long as `owner` lives.
  Buffer(Device device, void *data, size_t nbytes, std::shared_ptr<void> owner);
  ~Buffer();
  Buffer(const Buffer &) = delete;
  Buffer &operator=(const Buffer &) = delete;

  static int64_t live();  // how many there are, for leak tests

  const Device device;
  const size_t nbytes;
  void *data = nullptr;
  Version version;
  const std::shared_ptr<void> owner;  // of memory that is not ours
};

}  // namespace needle
