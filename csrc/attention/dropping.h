// Which weights are dropped: a number of its own for each pair, whatever is computed with it and in whichever order.
#pragma once

#include "unpad_kernels.h"

namespace unpad {
namespace UNPAD_NAMESPACE {

struct Dropping {
  uint64_t seed;
  uint32_t below;  // drawn numbers that drop
  double kept;     // what the others are multiplied by

  explicit Dropping(const unpad_attention *c) : seed(uint64_t(c->seed)), below(0), kept(c->rate < 1 ? 1 / (1 - c->rate) : 0) {
    const double bound = c->rate * 0x1p32;
    below = bound < 0x1p32 - 1 ? uint32_t(bound) : 0xffffffffu;
  }
  // 0 or `kept` for keys from place k on; see unpad_kernels.h.
  template <class T>
  __attribute__((noinline)) void draw(int64_t row, int64_t k, int64_t n, T *to) const {
    uint64_t r = seed + (uint64_t(row) + 1) * 0x9e3779b97f4a7c15u;
    r = (r ^ r >> 30) * 0xbf58476d1ce4e5b9u;
    r = (r ^ r >> 27) * 0x94d049bb133111ebu;
    r ^= r >> 31;
    const uint32_t first = uint32_t(k) + uint32_t(r), more = uint32_t(r >> 32), bound = below;
    const T by = T(kept);
    for (uint32_t j = 0; j < uint32_t(n); ++j) {
      uint32_t x = first + j;
      x = (x ^ x >> 16) * 0x7feb352du;
      x = (x ^ x >> 15) * 0x846ca68bu;
      x = (x ^ x >> 16) + more;
      x = (x ^ x >> 16) * 0x7feb352du;
      to[j] = x < bound ? T(0) : by;
    }
  }
};

}  // namespace UNPAD_NAMESPACE
}  // namespace unpad
