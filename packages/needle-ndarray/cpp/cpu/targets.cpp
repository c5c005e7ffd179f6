#include "targets.h"

#include <cstdlib>
#include <cstring>
#include <vector>

#include "error.h"
#ifdef __x86_64__
#include <cpuid.h>
#endif

namespace needle::cpu {

#ifdef __x86_64__
namespace x86_64_v2 {
extern const Kernels table;
}
namespace x86_64_v3 {
extern const Kernels table;
}
namespace x86_64_v4 {
extern const Kernels table;
}
namespace x86_64_v4_bf16_vnni {
extern const Kernels table;
}
#elif defined(__aarch64__)
namespace neon {
extern const Kernels table;
}
#else
namespace generic {
extern const Kernels table;
}
#endif

namespace {

struct Target {
  const char *name;
  const Kernels *table;
};

#ifdef __x86_64__

struct Registers {
  unsigned a = 0, b = 0, c = 0, d = 0;
};

Registers cpuid(unsigned leaf, unsigned part = 0) {
  Registers r;
  __get_cpuid_count(leaf, part, &r.a, &r.b, &r.c, &r.d);
  return r;
}

// The levels of the x86-64 psABI, and the parts of the register file that the system saves. Beyond them, 5 is level 4
// with dot products of bfloat16 and of int8.
int x86_level() {
  auto has = [](unsigned value, unsigned bits) { return (value & bits) == bits; };
  Registers basic = cpuid(1), features = cpuid(7), extended = cpuid(0x80000001);
  constexpr unsigned lahf = 1, lzcnt = bit_LZCNT;
  if (!has(basic.c, bit_SSE3 | bit_SSSE3 | bit_CMPXCHG16B | bit_SSE4_1 | bit_SSE4_2 | bit_POPCNT)) return 1;
  if (!has(extended.c, lahf)) return 1;

  if (!has(basic.c, bit_FMA | bit_MOVBE | bit_OSXSAVE | bit_AVX | bit_F16C)) return 2;
  if (!has(features.b, bit_BMI | bit_BMI2 | bit_AVX2) || !has(extended.c, lzcnt)) return 2;
  unsigned saved = 0, high = 0;
  asm volatile("xgetbv" : "=a"(saved), "=d"(high) : "c"(0));
  if (!has(saved, 0x06)) return 2;

  if (!has(features.b, bit_AVX512F | bit_AVX512BW | bit_AVX512CD | bit_AVX512DQ | bit_AVX512VL)) return 3;
  if (!has(saved, 0xe6)) return 3;

  return has(features.c, bit_AVX512VNNI) && has(cpuid(7, 1).a, bit_AVX512BF16) ? 5 : 4;
}

// Newest first.
std::vector<Target> available_targets() {
  constexpr Target all[] = {{"x86-64-v4-bf16-vnni", &x86_64_v4_bf16_vnni::table},
                            {"x86-64-v4", &x86_64_v4::table},
                            {"x86-64-v3", &x86_64_v3::table},
                            {"x86-64-v2", &x86_64_v2::table}};
  int level = x86_level();
  std::vector<Target> available;
  for (int i = 0; i < 4; i++) {
    if (level >= 5 - i) available.push_back(all[i]);
  }
  return available;
}

#elif defined(__aarch64__)

std::vector<Target> available_targets() { return {{"neon", &neon::table}}; }

#else

std::vector<Target> available_targets() { return {{"generic", &generic::table}}; }

#endif

Target choose() {
  std::vector<Target> available = available_targets();
  std::string names;
  for (const Target &target : available) names += (names.empty() ? "" : ", ") + std::string(target.name);
  if (available.empty()) {
    throw Failure(NEEDLE_UNSUPPORTED,
                  "[cpu] this CPU is too old; expected x86-64-v2 (SSE4.2) or newer; hint: use the numpy backend");
  }
  const char *asked = std::getenv("NEEDLE_CPU_ISA");
  if (!asked || !*asked) return available.front();
  for (const Target &target : available) {
    if (std::strcmp(asked, target.name) == 0) return target;
  }
  throw Failure(NEEDLE_UNSUPPORTED, "[cpu] NEEDLE_CPU_ISA names no instruction set that this CPU can run; got '" +
                                        std::string(asked) + "'; expected one of " + names);
}

const Target &target() {
  static const Target chosen = choose();
  return chosen;
}

}  // namespace

const Kernels &kernels() { return *target().table; }
const char *isa() { return target().name; }

const std::string &cpu_model() {
  static const std::string model = [] {
    std::string text;
#ifdef __x86_64__
    for (unsigned leaf = 0x80000002; leaf <= 0x80000004; leaf++) {
      Registers r = cpuid(leaf);
      for (unsigned word : {r.a, r.b, r.c, r.d}) text.append(reinterpret_cast<const char *>(&word), 4);
    }
    text = text.c_str();
    text.erase(0, text.find_first_not_of(' '));
    text.erase(text.find_last_not_of(' ') + 1);
#elif defined(__aarch64__)
    text = "64-bit Arm CPU";
#else
    text = "CPU";
#endif
    return text;
  }();
  return model;
}

}  // namespace needle::cpu
