// AVX-512 with the instruction for products of bfloat16: what is rounded to it.
#define UNPAD_NAMESPACE avx512_bf16
#define UNPAD_BYTES 64
#define UNPAD_TILE_ROWS 6
#define UNPAD_HALVES 1

#include "recurrent/passes.h"

namespace unpad {
const Rounded *rounded_avx512() {
  static constexpr Rounded rounded = avx512_bf16::rounded_kernels(Cells{});
  return &rounded;
}
}  // namespace unpad
