// The five activations: value from the input, slope from the value, which is all that forward keeps.
#pragma once

#include "simd/exponential.h"
#include "unpad_kernels.h"

namespace unpad {
namespace UNPAD_NAMESPACE {

struct Tanh {
  template <class T, int N>
  UNPAD_INLINE Many<T, N> values(const Many<T, N> &x) const {
    return tanh(x);
  }
  template <class T>
  UNPAD_INLINE Vec<T> slope(Vec<T> y) const {
    return T(1) - y * y;
  }
};

struct Sigmoid {
  template <class T, int N>
  UNPAD_INLINE Many<T, N> values(const Many<T, N> &x) const {
    return sigmoid(x);
  }
  template <class T>
  UNPAD_INLINE Vec<T> slope(Vec<T> y) const {
    return y * (T(1) - y);
  }
};

// Chosen while running, for every pair but the usual one: a well-predicted branch.
struct AnyActivation {
  int64_t kind;

  template <class T, int N>
  UNPAD_INLINE Many<T, N> values(const Many<T, N> &x) const {
    switch (kind) {
      case UNPAD_TANH: return tanh(x);
      case UNPAD_SIGMOID: return sigmoid(x);
      case UNPAD_RELU: return each(x, [](Vec<T> a) __attribute__((always_inline)) { return at_least(a, T(0)); });
      case UNPAD_HARD_SIGMOID:
        return each(x * T(1.0 / 6.0) + T(0.5), [](Vec<T> a) __attribute__((always_inline)) {
          return at_most(at_least(a, T(0)), T(1));
        });
      default: return x;
    }
  }

  template <class T>
  UNPAD_INLINE Vec<T> slope(Vec<T> y) const {
    Vec<T> zero{};
    switch (kind) {
      case UNPAD_TANH: return T(1) - y * y;
      case UNPAD_SIGMOID: return y * (T(1) - y);
      case UNPAD_RELU: return y > zero ? fill(T(1)) : zero;
      case UNPAD_HARD_SIGMOID: return ((y > zero) & (y < fill(T(1)))) ? fill(T(1.0 / 6.0)) : zero;
      default: return fill(T(1));
    }
  }
};

// rec of all vectors but G, of which act.
template <int G, class T, int N, class Act, class Rec>
UNPAD_INLINE Many<T, N> values_but(const Many<T, N> &x, Act act, Rec rec) {
  Many<T, N - 1> others;
  for (int k = 0; k < N - 1; ++k) others.v[k] = x.v[k + (k >= G)];
  others = rec.values(others);
  Many<T, N> out;
  for (int k = 0; k < N - 1; ++k) out.v[k + (k >= G)] = others.v[k];
  out.v[G] = act.values(Many<T, 1>{{x.v[G]}}).v[0];
  return out;
}
template <int G, class T, int N>
UNPAD_INLINE Many<T, N> values_but(const Many<T, N> &x, Tanh, Sigmoid) {
  return sigmoid_but_tanh<G>(x);
}

// In place on n vectors that lie `step` apart, in threes: more would not fit in the registers.
template <class T, class Act>
UNPAD_INLINE void activate(T *x, int64_t step, int64_t n, Act act) {
  int64_t r = 0;
  for (; r + 3 <= n; r += 3) {
    T *at = x + r * step;
    Many<T, 3> y = act.values(Many<T, 3>{{load_whole(at), load_whole(at + step), load_whole(at + 2 * step)}});
    store_whole(at, y.v[0]);
    store_whole(at + step, y.v[1]);
    store_whole(at + 2 * step, y.v[2]);
  }
  for (; r < n; ++r) store_whole(x + r * step, act.values(Many<T, 1>{{load_whole(x + r * step)}}).v[0]);
}

}  // namespace UNPAD_NAMESPACE
}  // namespace unpad
