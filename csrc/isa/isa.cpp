#include "isa/isa.h"

#include <atomic>
#include <cstring>

namespace unpad {
namespace {

// Products of rounded factors are emulated where there is no instruction for them.
struct InstructionSet {
  const char *name;
  bool (*here)();  // __builtin_cpu_supports also asks whether the system saves the registers
  const Kernels &kernels;
  const Rounded &rounded;
  bool rounds;
};

#if UNPAD_X86
bool has_avx512() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq");
}
#if UNPAD_BF16
bool has_bf16() { return has_avx512() && __builtin_cpu_supports("avx512bf16"); }
#endif
bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
#endif
bool always() { return true; }

// The best first.
constexpr InstructionSet kSets[] = {
#if UNPAD_BF16
    {"avx512_bf16", has_bf16, avx512::kKernels, avx512_bf16::kRounded, true},
#endif
#if UNPAD_X86
    {"avx512", has_avx512, avx512::kKernels, portable::kRounded, false},
    {"avx2", has_avx2, avx2::kKernels, portable::kRounded, false},
#endif
    {"portable", always, portable::kKernels, portable::kRounded, false},
};

std::atomic<const InstructionSet *> chosen{nullptr};

// Of this name, or the best; null if this machine cannot run it.
const InstructionSet *find(const char *name) {
  for (const InstructionSet &set : kSets)
    if ((!name || !std::strcmp(name, set.name)) && set.here()) return &set;
  return nullptr;
}

const InstructionSet &set() {
  const InstructionSet *s = chosen.load(std::memory_order_acquire);
  if (!s) chosen.store(s = find(nullptr), std::memory_order_release);
  return *s;
}

}  // namespace

const Kernels &kernels() { return set().kernels; }

const Rounded &rounded() { return set().rounded; }

}  // namespace unpad

extern "C" {

const char *unpad_kernels_isa(void) { return unpad::set().name; }

int32_t unpad_kernels_rounds(void) { return unpad::set().rounds; }

int32_t unpad_kernels_force_isa(const char *name) {
  const unpad::InstructionSet *set = unpad::find(name);
  if (set) unpad::chosen.store(set, std::memory_order_release);
  return set ? UNPAD_OK : UNPAD_BAD_ENUM;
}

}  // extern "C"
