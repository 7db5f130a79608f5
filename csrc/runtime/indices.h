// Indices that callers give are looked at before anything is read by them.
#pragma once

#include <algorithm>
#include <cstdint>

namespace unpad {

// Whether `count` bounds never fall on their way from 0 to `end`.
inline bool rises(const int64_t *bounds, int64_t count, int64_t end) {
  return bounds[0] == 0 && bounds[count - 1] == end && std::is_sorted(bounds, bounds + count);
}

inline bool all_below(const int64_t *indices, int64_t count, int64_t end) {
  return std::all_of(indices, indices + count, [=](int64_t i) { return i >= 0 && i < end; });
}

}  // namespace unpad
