// Where the steps of sequences lie, and their states.
#pragma once

#include "isa/kernels.h"
#include "simd/vectors.h"

namespace unpad {
namespace UNPAD_NAMESPACE {

template <class T>
UNPAD_INLINE T *at(void *array, int64_t row, int64_t stride) {
  return static_cast<T *>(array) + row * stride;
}
template <class T>
UNPAD_INLINE const T *at(const void *array, int64_t row, int64_t stride) {
  return static_cast<const T *>(array) + row * stride;
}

// The step of sequence i that the walk comes to as its t-th.
UNPAD_INLINE int64_t step_of(const Sequences &s, int64_t i, int64_t t, bool reverse) {
  return s.start[i] + (reverse ? s.length[i] - 1 - t : t);
}

// Fetches what lies a cache line further in a row. A walk goes through all its rows at one vector of units before it comes
// to the next, and by then the line is here: rows lie too far apart for the processor to see it coming.
template <class T>
UNPAD_INLINE void fetch_ahead(const T *at) {
  __builtin_prefetch(at + 64 / int64_t(sizeof(T)));
}

// Sequences are sorted, so those that reach their t-th step are the first ones.
UNPAD_INLINE int64_t still_active(const Sequences &s, int64_t n, int64_t t) {
  while (n > 0 && s.length[n - 1] <= t) --n;
  return n;
}

// The state before the t-th step: that of the step before, the initial one, or zeros.
template <class T>
UNPAD_INLINE const T *state_before(const Sequences &s, int64_t i, int64_t t, int64_t step, bool reverse,
                                   const void *states, int64_t stride, const void *initial, int64_t hidden,
                                   const T *zeros) {
  if (t > 0) return at<T>(states, step + (reverse ? 1 : -1), stride);
  return initial ? at<T>(initial, s.sequence[i], hidden) : zeros;
}

UNPAD_INLINE void meet(const Walk &w) {
  if (w.team > 1) w.meet(w.meeting);
}

// out[m] = state * mask[m] for each of a sequence's masks.
template <bool Whole, class T>
UNPAD_INLINE void store_masked(T *out, Vec<T> state, const T *mask, int64_t masks, int64_t hidden, int64_t unit,
                               int64_t n) {
  for (int64_t m = 0; m < masks; ++m)
    store<Whole>(out + m * hidden + unit, state * load<Whole>(mask + m * hidden + unit, n), n);
}

// The masked initial states, before the first step; the team shares the sequences out.
template <class T>
void mask_initial(const Walk &w, const void *initial_h, const void *mask, T *out) {
  const int64_t hidden = w.problem->hidden, masks = w.problem->masks;
  for (int64_t i = w.rank; i < w.sequences.count; i += w.team)
    for (int64_t m = 0; m < masks; ++m)
      for (int64_t u = 0; u < hidden; ++u)
        out[(i * masks + m) * hidden + u] = at<T>(initial_h, w.sequences.sequence[i], hidden)[u] *
                                            at<T>(mask, w.sequences.sequence[i] * masks + m, hidden)[u];
}

template <class T>
void copy_row(T *out, const T *in, int64_t n) {
  memcpy(out, in, size_t(n) * sizeof(T));
}

}  // namespace UNPAD_NAMESPACE
}  // namespace unpad
