#include "recurrent/previous_states.h"

#include <cstring>

namespace unpad {
namespace {

template <class T>
void copy(const unpad_problem &p, const unpad_backward_direction &d, const Sequences &sequences, int64_t team, int64_t rank) {
  const int64_t hidden = p.hidden, width = hidden * (p.masks ? p.masks : 1);
  const T *h = static_cast<const T *>(d.h), *initial = static_cast<const T *>(d.initial_h);
  for (int64_t i = rank; i < sequences.count; i += team) {
    const int64_t b = sequences.sequence[i], start = sequences.start[i], end = start + sequences.length[i];
    const T *masks = static_cast<const T *>(d.mask) + b * p.masks * hidden;
    for (int64_t row = start; row < end; ++row) {
      const bool first = row == (d.reverse ? end - 1 : start);
      const T *state = !first    ? h + (row + (d.reverse ? 1 : -1)) * d.h_stride
                       : initial ? initial + b * hidden
                                 : nullptr;
      T *out = static_cast<T *>(d.previous) + row * width;
      if (!state)
        std::memset(out, 0, size_t(width) * sizeof(T));
      else if (!p.masks)
        std::memcpy(out, state, size_t(hidden) * sizeof(T));
      else
        for (int64_t m = 0; m < p.masks; ++m)
          for (int64_t u = 0; u < hidden; ++u) out[m * hidden + u] = state[u] * masks[m * hidden + u];
    }
  }
}

}  // namespace

void copy_previous(const unpad_problem &p, const unpad_backward_direction &d, const Sequences &sequences, int64_t team,
                   int64_t rank) {
  if (!d.previous) return;
  if (p.dtype == UNPAD_FLOAT64)
    copy<double>(p, d, sequences, team, rank);
  else
    copy<float>(p, d, sequences, team, rank);
}

}  // namespace unpad
