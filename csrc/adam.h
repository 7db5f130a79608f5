// Adam's update of a stretch of weights, as Keras has it: epsilon beside the root of the uncorrected second moment.
#pragma once

#include "walk.h"

namespace unpad {
namespace UNPAD_NAMESPACE {

inline float root(float x) { return __builtin_sqrtf(x); }
inline double root(double x) { return __builtin_sqrt(x); }

template <class T>
void adam_update(const unpad_adam *a, const unpad_adam_part *part, int64_t from, int64_t to) {
  T *__restrict weight = static_cast<T *>(part->weight), *__restrict m = static_cast<T *>(part->m);
  T *__restrict v = static_cast<T *>(part->v);
  const T *__restrict gradient = static_cast<const T *>(part->gradient);
  const T keep = T(a->keep), rate = T(a->rate), epsilon = T(a->epsilon);
  const T gain_m = T(1 - a->beta_1), gain_v = T(1 - a->beta_2);
  for (int64_t i = from; i < to; ++i) {
    const T g = gradient[i];
    m[i] += gain_m * (g - m[i]);
    v[i] += gain_v * (g * g - v[i]);
    weight[i] = keep * weight[i] - rate * m[i] / (root(v[i]) + epsilon);
  }
}

}  // namespace UNPAD_NAMESPACE
}  // namespace unpad
