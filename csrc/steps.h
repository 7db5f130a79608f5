// What the walks of all cells share: where a step lies, masked states, and the gradient that comes back through the
// recurrent product.
#pragma once

#include "activation.h"
#include "product.h"
#include "walk.h"

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

// The row of a sequence's step t, counted in the order of the walk.
UNPAD_INLINE int64_t step_row(const Rows &rows, int64_t i, int64_t t, bool reverse) {
  return rows.start[i] + (reverse ? rows.length[i] - 1 - t : t);
}

// What the inputs of a step make.
template <class T>
UNPAD_INLINE const T *projected_of(const unpad_forward_direction &d, int64_t row) {
  return at<T>(d.projected, d.row_of ? d.row_of[row] : row, d.projected_stride);
}

// Rows are sorted, so those that reach step t are the first ones.
UNPAD_INLINE int64_t still_active(const Rows &rows, int64_t n, int64_t t) {
  while (n > 0 && rows.length[n - 1] <= t) --n;
  return n;
}

template <class T>
UNPAD_INLINE void meet(const Walk &w) {
  if (w.team > 1) w.meet(w.meeting);
}

// out[m] = state * mask[m] for each of a row's masks.
template <bool Whole, class T>
UNPAD_INLINE void store_masked(T *out, Vec<T> state, const T *mask, int64_t masks, int64_t hidden, int64_t unit,
                               int64_t n) {
  for (int64_t m = 0; m < masks; ++m)
    store<Whole>(out + m * hidden + unit, state * load<Whole>(mask + m * hidden + unit, n), n);
}

// The masked initial states, before the first step; the team shares the rows out.
template <class T>
void mask_initial(const Walk &w, const void *initial_h, const void *mask, T *out) {
  const int64_t hidden = w.problem->hidden, masks = w.problem->masks;
  for (int64_t i = w.rank; i < w.rows.count; i += w.team)
    for (int64_t m = 0; m < masks; ++m)
      for (int64_t u = 0; u < hidden; ++u)
        out[(i * masks + m) * hidden + u] = at<T>(initial_h, w.rows.sequence[i], hidden)[u] *
                                            at<T>(mask, w.rows.sequence[i] * masks + m, hidden)[u];
}

// A stretch of gradient rows and the rows of the packed transposed kernel that they go with.
template <class T>
struct Segment {
  const T *const *rows;
  int64_t column;  // where in a row the stretch starts
  int64_t from;    // in the packed panel
  int64_t depth;
  int64_t mask;    // which of a row's masks its result takes
};

// tile = sum over the segments of (rows @ packed), each times its mask if there are masks: the gradient of the state
// before a step. Rows i .. i + n, masks[r] null or a row of masks.
template <class T>
UNPAD_INLINE void pull_back(const Panel &panel, int64_t i, int64_t n, int64_t hidden, int64_t total,
                            const Segment<T> *segments, int64_t count, const T *const *masks, const T *packed, T *tile,
                            T *spare) {
  const int64_t lanes = kLanes<T>, vectors = panel.whole + panel.half;
  for (int64_t s = 0; s < count; ++s) {
    const Segment<T> &segment = segments[s];
    const T *rows[kTileRows];
    for (int64_t r = 0; r < n; ++r) rows[r] = segment.rows[i + r] + segment.column;
    T *out = s ? spare : tile;
    units_product<T>(panel, n, total, segment.from, segment.depth, rows, packed, out);
    if (!masks && !s) continue;
    for (int64_t r = 0; r < n; ++r)
      for (int64_t v = 0; v < vectors; ++v) {
        int64_t unit = panel.unit + v * lanes;
        T *part = out + (r * vectors + v) * lanes, *sum = tile + (r * vectors + v) * lanes;
        Vec<T> value = load_whole(part);
        if (masks)
          with_width<T>(unit, hidden, [&](auto whole, int64_t w) __attribute__((always_inline)) {
            value *= load<decltype(whole)::value>(masks[i + r] + segment.mask * hidden + unit, w);
          });
        store_whole(sum, s ? load_whole(sum) + value : value);
      }
  }
}

template <class T>
void copy_row(T *out, const T *in, int64_t n) {
  memcpy(out, in, size_t(n) * sizeof(T));
}

// The initial state's gradient for rows whose first step was the last one walked.
template <class T>
UNPAD_INLINE void store_tile(T *const *out, const T *tile, const Panel &panel, int64_t n, int64_t hidden) {
  const int64_t lanes = kLanes<T>, vectors = panel.whole + panel.half;
  for (int64_t r = 0; r < n; ++r)
    for (int64_t v = 0; v < vectors; ++v) {
      int64_t unit = panel.unit + v * lanes;
      with_width<T>(unit, hidden, [&](auto whole, int64_t w) __attribute__((always_inline)) {
        store<decltype(whole)::value>(out[r] + unit, load_whole(tile + (r * vectors + v) * lanes), w);
      });
    }
}

}  // namespace UNPAD_NAMESPACE
}  // namespace unpad
