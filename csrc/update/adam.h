// Adam's update of a stretch of weights, as Keras has it: epsilon beside the root of the uncorrected second moment.
#pragma once

#include "isa/kernels.h"

namespace unpad {
namespace UNPAD_NAMESPACE {

inline float root(float x) { return __builtin_sqrtf(x); }
inline double root(double x) { return __builtin_sqrt(x); }

// A first moment without gradients halves every 7 steps until it is subnormal, stays so, and makes each step after take
// a hundred cycles an element: what relu had switched off made a small model's update five times as long.
inline float settled(float m) { return __builtin_fabsf(m) < 1e-34f ? 0.0f : m; }
inline double settled(double m) { return __builtin_fabs(m) < 1e-300 ? 0.0 : m; }

// Of the elements from .. to; gradient(i) is that of element i.
template <class T, class Gradient>
UNPAD_INLINE void adam_stretch(const unpad_adam *a, T *__restrict weight, T *__restrict m, T *__restrict v,
                               int64_t from, int64_t to, Gradient gradient) {
  const T keep = T(a->keep), rate = T(a->rate), epsilon = T(a->epsilon);
  const T gain_m = T(1 - a->beta_1), gain_v = T(1 - a->beta_2);
  for (int64_t i = from; i < to; ++i) {
    const T g = gradient(i);
    m[i] = settled(m[i] + gain_m * (g - m[i]));
    v[i] += gain_v * (g * g - v[i]);
    weight[i] = keep * weight[i] - rate * m[i] / (root(v[i]) + epsilon);
  }
}

// Adds up what the readings entry .. end give to the elements at .. at + n of their row, in their order.
template <class T>
UNPAD_INLINE void sum_readings(const unpad_adam_part *t, const int64_t *entry, const int64_t *end, int64_t at,
                               int64_t n, T *sum) {
  for (int64_t i = 0; i < n; ++i) sum[i] = 0;
  for (; entry < end; ++entry) {
    const T *gradient = static_cast<const T *>(t->gradient) + *entry * t->width + at;
    for (int64_t i = 0; i < n; ++i) sum[i] += gradient[i];
  }
}

// Rows from .. to. Those that follow each other without a reading are one stretch; the others' gradients are summed up
// in a buffer in the first-level cache, a wide row's in pieces.
template <class T>
void adam_rows(const unpad_adam *a, const unpad_adam_part *t, int64_t from, int64_t to) {
  constexpr int64_t kRoom = 2048;
  T sum[kRoom];
  const T *__restrict summed = sum;
  T *weight = static_cast<T *>(t->weight), *m = static_cast<T *>(t->m), *v = static_cast<T *>(t->v);
  const int64_t width = t->width, *starts = t->starts;
  for (int64_t row = from; row < to;) {
    int64_t next = row;
    while (next < to && starts[next] == starts[next + 1]) ++next;
    adam_stretch(a, weight, m, v, row * width, next * width, [](int64_t) { return T(0); });
    if ((row = next) == to) return;
    for (int64_t at = 0; at < width; at += kRoom) {
      const int64_t n = width - at < kRoom ? width - at : kRoom, first = row * width + at;
      sum_readings(t, t->order + starts[row], t->order + starts[row + 1], at, n, sum);
      adam_stretch(a, weight + first, m + first, v + first, 0, n, [=](int64_t i) { return summed[i]; });
    }
    ++row;
  }
}

// The elements from .. to of a part; by rows whole ones.
template <class T>
void adam_update(const unpad_adam *a, const unpad_adam_part *part, int64_t from, int64_t to) {
  if (part->starts) return adam_rows<T>(a, part, from / part->width, to / part->width);
  const T *__restrict gradient = static_cast<const T *>(part->gradient);
  adam_stretch(a, static_cast<T *>(part->weight), static_cast<T *>(part->m), static_cast<T *>(part->v), from, to,
               [=](int64_t i) { return gradient[i]; });
}

}  // namespace UNPAD_NAMESPACE
}  // namespace unpad
