// exp, tanh and the sigmoid on vectors.
//
// exp(x) = 2^n exp(r), n = round(x / ln 2), |r| <= ln(2)/2, with ln 2 subtracted in two parts (Cody and Waite 1980).
// float32: exp(r) - 1 is the polynomial of Cephes' expf (Moshier); float64: Taylor's series to the 13th power, whose
// first left-out term is below 5e-18. Measured against long double by tests/kernels_test.cpp: at most 1.6 epsilon
// relative, on every instruction set and in both types.
#pragma once

#include "simd/many.h"

namespace unpad {
namespace UNPAD_NAMESPACE {

template <class T, int N>
struct ExpParts {
  Many<T, N> scale;  // 2^n
  Many<T, N> less1;  // exp(r) - 1
};

// 2^n from a number whose low bits are n: added to the exponent of 1.
template <class T, int N, int Mantissa>
UNPAD_INLINE Many<T, N> power_of_2(const Many<T, N> &shifted) {
  using I = typename Simd<T>::I;
  return each(shifted, [](Vec<T> x) __attribute__((always_inline)) {
    return (Vec<T>)(((I)x << Mantissa) + (I)fill(T(1)));
  });
}

// Adding 1.5 * 2^23 (2^52) rounds to an integer and leaves it in the low bits: no rounding instruction is needed, so
// that one text serves every instruction set.
template <int N>
UNPAD_INLINE ExpParts<float, N> exp_parts(const Many<float, N> &x) {
  const float shifter = 12582912.0f;
  Many<float, N> shifted = x * 1.44269504088896341f + shifter;
  Many<float, N> n = shifted - shifter;
  Many<float, N> r = x - n * 0.693359375f;
  r = r - n * -2.12194440e-4f;
  Many<float, N> p = r * 1.9875691500e-4f + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r;
  return {power_of_2<float, N, 23>(shifted), p};
}

template <int N>
UNPAD_INLINE ExpParts<double, N> exp_parts(const Many<double, N> &x) {
  const double shifter = 6755399441055744.0;
  Many<double, N> shifted = x * 1.4426950408889634074 + shifter;
  Many<double, N> n = shifted - shifter;
  Many<double, N> r = x - n * 6.93145751953125e-1;
  r = r - n * 1.42860682030941723212e-6;
  Many<double, N> p = r * (1.0 / 6227020800.0) + 1.0 / 479001600.0;
  p = p * r + 1.0 / 39916800.0;
  p = p * r + 1.0 / 3628800.0;
  p = p * r + 1.0 / 362880.0;
  p = p * r + 1.0 / 40320.0;
  p = p * r + 1.0 / 5040.0;
  p = p * r + 1.0 / 720.0;
  p = p * r + 1.0 / 120.0;
  p = p * r + 1.0 / 24.0;
  p = p * r + 1.0 / 6.0;
  p = p * r + 0.5;
  p = p * (r * r) + r;
  return {power_of_2<double, N, 52>(shifted), p};
}

// NaN passes through both: the second operand of the x86 instructions is what they return for it.
#if defined(__AVX512F__)
UNPAD_INLINE Vec<float> at_most(Vec<float> x, float bound) { return _mm512_min_ps(fill(bound), x); }
UNPAD_INLINE Vec<float> at_least(Vec<float> x, float bound) { return _mm512_max_ps(fill(bound), x); }
UNPAD_INLINE Vec<double> at_most(Vec<double> x, double bound) { return _mm512_min_pd(fill(bound), x); }
UNPAD_INLINE Vec<double> at_least(Vec<double> x, double bound) { return _mm512_max_pd(fill(bound), x); }
#elif defined(__AVX2__)
UNPAD_INLINE Vec<float> at_most(Vec<float> x, float bound) { return _mm256_min_ps(fill(bound), x); }
UNPAD_INLINE Vec<float> at_least(Vec<float> x, float bound) { return _mm256_max_ps(fill(bound), x); }
UNPAD_INLINE Vec<double> at_most(Vec<double> x, double bound) { return _mm256_min_pd(fill(bound), x); }
UNPAD_INLINE Vec<double> at_least(Vec<double> x, double bound) { return _mm256_max_pd(fill(bound), x); }
#else
template <class T>
UNPAD_INLINE Vec<T> at_most(Vec<T> x, T bound) {
  Vec<T> b = fill(bound);
  return x > b ? b : x;
}
template <class T>
UNPAD_INLINE Vec<T> at_least(Vec<T> x, T bound) {
  Vec<T> b = fill(bound);
  return x < b ? b : x;
}
#endif

// 1 / x for normal x. A division of 16 floats holds the divider for 10 cycles on Zen 4; the 14-bit estimate with one
// step of Newton errs by 1 ulp and takes half as long.
UNPAD_INLINE Vec<float> reciprocal(Vec<float> x) {
#if defined(__AVX512F__)
  Vec<float> y = _mm512_rcp14_ps(x);
  return y + y * (1.0f - x * y);
#else
  return 1.0f / x;
#endif
}
UNPAD_INLINE Vec<double> reciprocal(Vec<double> x) { return 1.0 / x; }

template <class T, int N>
UNPAD_INLINE Many<T, N> reciprocals(const Many<T, N> &x) {
  return each(x, [](Vec<T> a) __attribute__((always_inline)) { return reciprocal(a); });
}
template <class T, int N>
UNPAD_INLINE Many<T, N> between(const Many<T, N> &x, T far) {
  return each(x, [far](Vec<T> a) __attribute__((always_inline)) { return at_most(at_least(a, -far), far); });
}

// Where exp would overflow. Beyond, the sigmoid keeps its smallest value, 4e-38 (3e-308): never a subnormal or 0.
template <class T>
constexpr T kSigmoidFar = sizeof(T) == 4 ? T(86) : T(708);
// Beyond, tanh is 1 in both types.
template <class T>
constexpr T kTanhFar = T(22);

// exp of numbers that are no higher than about 0; 0 far below, and of -infinity.
template <class T, int N>
UNPAD_INLINE Many<T, N> exp_below(const Many<T, N> &x) {
  constexpr T low = sizeof(T) == 4 ? T(-87) : T(-708);
  const ExpParts<T, N> e =
      exp_parts(each(x, [](Vec<T> a) __attribute__((always_inline)) { return at_least(a, low); }));
  const Many<T, N> y = e.scale * e.less1 + e.scale;
  return each(x, y, [](Vec<T> a, Vec<T> b) __attribute__((always_inline)) { return a < fill(low) ? Vec<T>{} : b; });
}
UNPAD_INLINE Vec<float> exp_below(Vec<float> x) { return exp_below(Many<float, 1>{{x}}).v[0]; }
UNPAD_INLINE Vec<double> exp_below(Vec<double> x) { return exp_below(Many<double, 1>{{x}}).v[0]; }

// 1 / (1 + exp(-x)).
template <class T, int N>
UNPAD_INLINE Many<T, N> sigmoid(const Many<T, N> &x) {
  ExpParts<T, N> e = exp_parts(between(x, kSigmoidFar<T>) * T(-1));
  return reciprocals(e.scale * e.less1 + (e.scale + T(1)));
}

// e / (e + 2) with e = exp(2x) - 1, which is accurate near 0 as well: there n is 0 and e the polynomial alone.
template <class T, int N>
UNPAD_INLINE Many<T, N> tanh(const Many<T, N> &x) {
  Many<T, N> bounded = between(x, kTanhFar<T>);
  ExpParts<T, N> p = exp_parts(bounded + bounded);
  Many<T, N> e = p.scale * p.less1 + (p.scale - T(1));
  return e * reciprocals(e + T(2));
}

// The sigmoid of all but vector G, of which the tanh: an LSTM's gates in one lockstep.
template <int G, class T, int N>
UNPAD_INLINE Many<T, N> sigmoid_but_tanh(const Many<T, N> &x) {
  Many<T, N> y = between(x, kSigmoidFar<T>) * T(-1);
  Vec<T> bounded = at_most(at_least(x.v[G], -kTanhFar<T>), kTanhFar<T>);
  y.v[G] = bounded + bounded;
  ExpParts<T, N> p = exp_parts(y);
  Many<T, N> below = p.scale * p.less1 + (p.scale + T(1));
  Vec<T> e = p.scale.v[G] * p.less1.v[G] + (p.scale.v[G] - T(1));
  below.v[G] = e + T(2);
  Many<T, N> out = reciprocals(below);
  out.v[G] = e * out.v[G];
  return out;
}

}  // namespace UNPAD_NAMESPACE
}  // namespace unpad
