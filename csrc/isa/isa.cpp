#include "isa/isa.h"

#include <atomic>
#include <cstring>

namespace unpad {
namespace {

std::atomic<const Kernels *> chosen{nullptr};

// Null if this machine cannot run it. __builtin_cpu_supports also asks whether the system saves the registers.
const Kernels *named(const char *name) {
#if UNPAD_X86
  if (!std::strcmp(name, "avx512") && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq"))
    return kernels_avx512();
  if (!std::strcmp(name, "avx2") && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    return kernels_avx2();
#endif
  return std::strcmp(name, "portable") ? nullptr : kernels_portable();
}

const Kernels *best() {
  if (const Kernels *k = named("avx512")) return k;
  if (const Kernels *k = named("avx2")) return k;
  return kernels_portable();
}

}  // namespace

const Kernels &kernels() {
  const Kernels *k = chosen.load(std::memory_order_acquire);
  if (!k) chosen.store(k = best(), std::memory_order_release);
  return *k;
}

bool force_kernels(const char *name) {
  const Kernels *k = name ? named(name) : best();
  if (k) chosen.store(k, std::memory_order_release);
  return k;
}

}  // namespace unpad

extern "C" {

const char *unpad_kernels_isa(void) { return unpad::kernels().name; }

int32_t unpad_kernels_force_isa(const char *name) {
  return unpad::force_kernels(name) ? UNPAD_OK : UNPAD_BAD_ENUM;
}

}  // extern "C"
