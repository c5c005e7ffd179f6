#include "device.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <map>
#include <mutex>

#include "error.h"

namespace needle {

namespace {

// Never destroyed: buffers are freed after static destructors have begun to run.
std::map<std::string, Backend *> &registry() {
  static auto *backends = new std::map<std::string, Backend *>;
  return *backends;
}

std::mutex &registry_mutex() {
  static auto *mutex = new std::mutex;
  return *mutex;
}

std::atomic<int64_t> live_buffers{0};

void require_functions(const std::string &name, const needle_backend &t) {
  const std::pair<const char *, bool> required[] = {
#define NEEDLE_FUNCTION(f) {#f, t.f != nullptr}
      NEEDLE_FUNCTION(device_count), NEEDLE_FUNCTION(describe), NEEDLE_FUNCTION(op),
      NEEDLE_FUNCTION(last_error),   NEEDLE_FUNCTION(alloc),    NEEDLE_FUNCTION(free),
      NEEDLE_FUNCTION(upload),       NEEDLE_FUNCTION(download), NEEDLE_FUNCTION(copy),
      NEEDLE_FUNCTION(synchronize),  NEEDLE_FUNCTION(fill),     NEEDLE_FUNCTION(iota),
      NEEDLE_FUNCTION(unary),        NEEDLE_FUNCTION(binary),   NEEDLE_FUNCTION(where),
      NEEDLE_FUNCTION(cast),         NEEDLE_FUNCTION(reduce),   NEEDLE_FUNCTION(arg_reduce),
      NEEDLE_FUNCTION(scan),         NEEDLE_FUNCTION(sort),     NEEDLE_FUNCTION(matmul),
      NEEDLE_FUNCTION(gather),       NEEDLE_FUNCTION(scatter),  NEEDLE_FUNCTION(random_bits),
#undef NEEDLE_FUNCTION
  };
  std::string missing;
  for (const auto &[function, present] : required)
    if (!present) missing += (missing.empty() ? "" : ", ") + std::string(function);
  if (!missing.empty())
    fail(ErrorKind::value, "backend " + name, "required functions are missing", missing + " = NULL",
         "all of the contract's");
}

}  // namespace

std::string Device::str() const { return index == 0 ? backend->name : backend->name + ":" + std::to_string(index); }

void add_backend(const std::string &name, const needle_backend &table, std::shared_ptr<void> owner) {
  if (table.api_version != NEEDLE_BACKEND_API_VERSION)
    fail(ErrorKind::value, "backend " + name, "the plugin was built for another version of the contract",
         "API version " + std::to_string(table.api_version), "version " + std::to_string(NEEDLE_BACKEND_API_VERSION),
         "install a release of the plugin that matches this needle-ndarray");
  auto backend = std::make_unique<Backend>();
  backend->name = name;
  backend->table = {};
  std::memcpy(&backend->table, &table, std::min<size_t>(table.size, sizeof table));
  require_functions(name, backend->table);
  for (int i = 0; i < kOps; ++i) {
    const Op &op = op_info(static_cast<OpCode>(i));
    bool asked_for = op.family != NEEDLE_COMPOSITE || backend->table.composite;
    backend->codes[i] = asked_for ? table.op(table.context, op.family, op.name) : -1;
  }
  backend->owner = std::move(owner);
  std::lock_guard lock(registry_mutex());
  if (!registry().emplace(name, backend.get()).second)
    fail(ErrorKind::value, "backend " + name, "a backend of this name is registered already");
  backend.release();
}

bool has_backend(const std::string &name) {
  std::lock_guard lock(registry_mutex());
  return registry().contains(name);
}

Device get_device(const std::string &name, int64_t index) {
  const Backend *backend = nullptr;
  {
    std::lock_guard lock(registry_mutex());
    auto found = registry().find(name);
    if (found == registry().end()) fail(ErrorKind::value, "device", "no such backend is registered", name);
    backend = found->second;
  }
  int32_t count = backend->table.device_count(backend->table.context);
  if (index < 0 || index >= count)
    fail(ErrorKind::value, "device", "no such device", name + ":" + std::to_string(index),
         "an index below " + std::to_string(count));
  return {backend, static_cast<int32_t>(index)};
}

void check(const Device &device, const char *op, needle_status status) {
  if (status == NEEDLE_OK) return;
  const needle_backend &table = device.backend->table;
  const char *reason = table.last_error(table.context);
  std::string problem = std::string(reason ? reason : "no reason given") + " (device " + device.str() + ")";
  switch (status) {
    case NEEDLE_OUT_OF_MEMORY: fail(ErrorKind::memory, op, problem);
    case NEEDLE_INDEX_ERROR: fail(ErrorKind::index, op, problem);
    case NEEDLE_UNSUPPORTED: fail(ErrorKind::not_implemented, op, problem);
    default: fail(ErrorKind::backend, op, problem);
  }
}

Buffer::Buffer(Device device, size_t nbytes) : device(device), nbytes(std::max<size_t>(nbytes, 1)) {
  const needle_backend &table = device.backend->table;
  check(device, "alloc", table.alloc(table.context, device.index, this->nbytes, &data));
  live_buffers.fetch_add(1, std::memory_order_relaxed);
}

Buffer::Buffer(Device device, void *data, size_t nbytes, std::shared_ptr<void> owner)
    : device(device), nbytes(nbytes), data(data), owner(std::move(owner)) {
  live_buffers.fetch_add(1, std::memory_order_relaxed);
}

Buffer::~Buffer() {
  const needle_backend &table = device.backend->table;
  if (!owner) table.free(table.context, device.index, data, nbytes);
  live_buffers.fetch_sub(1, std::memory_order_relaxed);
}

int64_t Buffer::live() { return live_buffers.load(std::memory_order_relaxed); }

}  // namespace needle
