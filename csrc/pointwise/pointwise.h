// Activations of numbers, each by itself: its outcome and its slope have the same bits wherever it stands.
#pragma once

#include "isa/kernels.h"
#include "simd/exponential.h"

namespace unpad {
namespace UNPAD_NAMESPACE {

// exp(x) - 1 of numbers that are no higher than 0, accurate near 0.
template <class T>
UNPAD_INLINE Many<T, 4> less_1(const Many<T, 4> &x) {
  const ExpParts<T, 4> e = exp_parts(between(x, sizeof(T) == 4 ? T(80) : T(700)));
  return e.scale * e.less1 + (e.scale - T(1));
}

template <class T>
struct Pointwise {
  int64_t kind;
  T alpha, scale;

  // The outcomes; NaN stays NaN.
  UNPAD_INLINE Many<T, 4> values(const Many<T, 4> &x) const {
    Many<T, 4> y;
    switch (kind) {
      case UNPAD_TANH: y = tanh(x); break;
      case UNPAD_SILU:  // far below 0 the sigmoid is small, and not 0
        y = each(x, [](Vec<T> a) __attribute__((always_inline)) { return at_least(a, -kSigmoidFar<T>); }) * sigmoid(x);
        break;
      default: {
        const Many<T, 4> below = less_1<T>(low(x)) * (alpha * scale);
        const T by = scale;
        y = each(x, below, [by](Vec<T> a, Vec<T> b) __attribute__((always_inline)) { return a > Vec<T>{} ? a * by : b; });
      }
    }
    return each(x, y, [](Vec<T> a, Vec<T> b) __attribute__((always_inline)) { return a != a ? a : b; });
  }

  // The slopes, of tanh from the outcome, else from the number.
  UNPAD_INLINE Many<T, 4> slopes(const Many<T, 4> &x) const {
    Many<T, 4> y;
    switch (kind) {
      case UNPAD_TANH: return T(1) - x * x;
      case UNPAD_SILU: {
        const Many<T, 4> s = sigmoid(x);
        y = s * (between(x, kSigmoidFar<T>) * (T(1) - s) + T(1));
        break;
      }
      default: {
        const T by = scale;
        y = exp_below(low(x)) * (alpha * scale);
        y = each(x, y, [by](Vec<T> a, Vec<T> b) __attribute__((always_inline)) { return a > Vec<T>{} ? fill(by) : b; });
      }
    }
    return each(x, y, [](Vec<T> a, Vec<T> b) __attribute__((always_inline)) { return a != a ? a : b; });
  }

  static UNPAD_INLINE Many<T, 4> low(const Many<T, 4> &x) {
    return each(x, [](Vec<T> a) __attribute__((always_inline)) { return a > Vec<T>{} ? Vec<T>{} : a; });
  }
};

template <class T, class F>
UNPAD_INLINE void by_fours(int64_t from, int64_t to, F f) {
  constexpr int64_t most = 4 * kLanes<T>;
  int64_t i = from;
  for (; i + most <= to; i += most) f(i, most);
  if (i < to) f(i, to - i);
}

template <class T>
void pointwise_forward(const unpad_pointwise *p, int64_t from, int64_t to) {
  const T *x = static_cast<const T *>(p->values);
  T *out = static_cast<T *>(p->out);
  const Pointwise<T> f{p->kind, T(p->alpha), T(p->scale)};
  by_fours<T>(from, to, [=](int64_t i, int64_t n) __attribute__((always_inline)) {
    store_four(out + i, f.values(load_four(x + i, n)), n);
  });
}

template <class T>
void pointwise_backward(const unpad_pointwise *p, int64_t from, int64_t to) {
  const T *x = static_cast<const T *>(p->kind == UNPAD_TANH ? p->out : p->values), *d = static_cast<const T *>(p->d_out);
  T *to_values = static_cast<T *>(p->d_values);
  const Pointwise<T> f{p->kind, T(p->alpha), T(p->scale)};
  by_fours<T>(from, to, [=](int64_t i, int64_t n) __attribute__((always_inline)) {
    store_four(to_values + i, f.slopes(load_four(x + i, n)) * load_four(d + i, n), n);
  });
}

}  // namespace UNPAD_NAMESPACE
}  // namespace unpad
