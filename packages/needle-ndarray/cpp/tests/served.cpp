// The cpu backend behind a pipe: reads calls of the contract's functions, a line each, and answers each with a line:
// the status, then the result or what is wrong. So Python tests a machine that has none, an emulated one for example.
// tools/neon.py builds and runs this program and speaks with it.
#include <iostream>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "../cpu/backend.h"

namespace {

using needle::cpu::backend;

// An argument as it is read: a number, an address as a number, or a view.
template <class T>
struct Argument {
  Argument() { std::cin >> value; }
  operator T() const { return static_cast<T>(value); }
  int64_t value;
};

template <>
Argument<uint64_t>::Argument() {
  uint64_t bits;
  std::cin >> bits;
  value = static_cast<int64_t>(bits);
}

template <>
struct Argument<void *> : Argument<uint64_t> {
  operator void *() const { return reinterpret_cast<void *>(value); }
};

// Its rank, address, dtype (code and bits), offset in bytes, shape and strides; a rank of -1 alone for none.
template <>
struct Argument<const DLTensor *> {
  Argument() {
    tensor.ndim = Argument<int32_t>();
    if (tensor.ndim < 0) return;
    tensor.data = Argument<void *>();
    tensor.dtype = {static_cast<uint8_t>(Argument<int32_t>()), static_cast<uint8_t>(Argument<int32_t>()), 1};
    tensor.byte_offset = Argument<uint64_t>();
    numbers.resize(2 * static_cast<size_t>(tensor.ndim));
    for (int64_t &number : numbers) number = Argument<int64_t>();
  }
  operator const DLTensor *() const {
    if (tensor.ndim < 0) return nullptr;
    tensor.shape = numbers.data();
    tensor.strides = numbers.data() + tensor.ndim;
    return &tensor;
  }
  mutable DLTensor tensor = {};
  mutable std::vector<int64_t> numbers;
};

// Four counts, then so many inputs, outputs, integers, and reals by their bits.
template <>
struct Argument<const needle_arguments *> {
  Argument() {
    for (int32_t *count : {&given.n_inputs, &given.n_outputs, &given.n_integers, &given.n_reals})
      *count = Argument<int32_t>();
    inputs.resize(given.n_inputs);
    outputs.resize(given.n_outputs);
    integers.resize(given.n_integers);
    reals.resize(given.n_reals);
    for (int64_t &integer : integers) integer = Argument<int64_t>();
    for (double &real : reals) real = __builtin_bit_cast(double, Argument<int64_t>().value);
  }
  operator const needle_arguments *() const {
    input_pointers.assign(inputs.begin(), inputs.end());
    output_pointers.assign(outputs.begin(), outputs.end());
    given.inputs = input_pointers.data();
    given.outputs = output_pointers.data();
    given.integers = integers.data();
    given.reals = reals.data();
    return &given;
  }
  mutable needle_arguments given = {};
  mutable std::vector<const DLTensor *> input_pointers, output_pointers;
  std::vector<Argument<const DLTensor *>> inputs, outputs;
  std::vector<int64_t> integers;
  std::vector<double> reals;
};

// Braces read the arguments in their order.
template <class... Args>
needle_status call(needle_status (*function)(void *, Args...)) {
  std::tuple<Argument<Args>...> arguments{Argument<Args>()...};
  return std::apply([&](const auto &...each) { return function(backend.context, each...); }, arguments);
}

const std::map<std::string, needle_status (*)()> functions = {
#define FUNCTION(name) {#name, [] { return call(backend.name); }}
    FUNCTION(copy),       FUNCTION(synchronize), FUNCTION(iota),        FUNCTION(unary),
    FUNCTION(binary),     FUNCTION(where),       FUNCTION(cast),        FUNCTION(reduce),
    FUNCTION(arg_reduce), FUNCTION(scan),        FUNCTION(sort),        FUNCTION(matmul),
    FUNCTION(gather),     FUNCTION(scatter),     FUNCTION(random_bits), FUNCTION(composite),
#undef FUNCTION
};

// The bytes that follow a line.
std::vector<char> payload(size_t nbytes) {
  std::vector<char> bytes(nbytes);
  std::cin.get();
  std::cin.read(bytes.data(), static_cast<std::streamsize>(nbytes));
  return bytes;
}

void answer(needle_status status, const std::string &result = "") {
  std::cout << status << ' ' << (status == NEEDLE_OK ? result : backend.last_error(backend.context)) << '\n';
}

void serve(const std::string &function) {
  if (auto found = functions.find(function); found != functions.end()) return answer(found->second());
  if (function == "describe") return answer(NEEDLE_OK, backend.describe(backend.context, 0));
  if (function == "op") {
    Argument<int32_t> family;
    std::string name;
    std::getline(std::cin >> std::ws, name);
    needle_family known = static_cast<needle_family>(family.value);
    return answer(NEEDLE_OK, std::to_string(backend.op(backend.context, known, name.c_str())));
  }
  if (function == "fill") {
    Argument<const DLTensor *> out;
    std::vector<char> element = payload(out.tensor.dtype.bits / 8);
    return answer(backend.fill(backend.context, element.data(), out));
  }
  if (function == "alloc") {
    void *data = nullptr;
    needle_status status = backend.alloc(backend.context, 0, Argument<size_t>(), &data);
    return answer(status, std::to_string(reinterpret_cast<uintptr_t>(data)));
  }
  Argument<void *> data;
  Argument<size_t> offset, nbytes;
  if (function == "free") {
    backend.free(backend.context, 0, data, nbytes);
    return answer(NEEDLE_OK);
  }
  std::vector<char> host(nbytes);
  if (function == "upload") {
    host = payload(nbytes);
    return answer(backend.upload(backend.context, 0, host.data(), data, offset, nbytes));
  }
  answer(backend.download(backend.context, 0, data, offset, host.data(), nbytes));
  std::cout.write(host.data(), static_cast<std::streamsize>(host.size()));
}

}  // namespace

int main() {
  std::ios::sync_with_stdio(false);
  for (std::string function; std::cin >> function; std::cout.flush()) serve(function);
}
