// Vectors of one instruction set, through GCC's and Clang's vector types; included once by each of isa/*.cpp, which
// defines UNPAD_NAMESPACE, UNPAD_BYTES (a vector's), UNPAD_TILE_ROWS and UNPAD_HALVES.
#pragma once

#include <stdint.h>
#include <string.h>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#include "simd/inline.h"

namespace unpad {
namespace UNPAD_NAMESPACE {

constexpr int64_t kBytes = UNPAD_BYTES;
// Rows of a register tile: with four vectors a row, AVX-512's and aarch64's 32 registers hold 6 rows of sums.
constexpr int kTileRows = UNPAD_TILE_ROWS;
// Whether a last vector that is at most half full is worth its own half-wide product.
constexpr bool kHalves = UNPAD_HALVES;

template <class T>
struct Simd;

template <>
struct Simd<float> {
  typedef float V __attribute__((vector_size(UNPAD_BYTES)));
  typedef float Half __attribute__((vector_size(UNPAD_BYTES / 2)));
  typedef int32_t I __attribute__((vector_size(UNPAD_BYTES)));
  typedef float Aligned __attribute__((vector_size(UNPAD_BYTES), may_alias));
  typedef float AlignedHalf __attribute__((vector_size(UNPAD_BYTES / 2), may_alias));
};

template <>
struct Simd<double> {
  typedef double V __attribute__((vector_size(UNPAD_BYTES)));
  typedef double Half __attribute__((vector_size(UNPAD_BYTES / 2)));
  typedef int64_t I __attribute__((vector_size(UNPAD_BYTES)));
  typedef double Aligned __attribute__((vector_size(UNPAD_BYTES), may_alias));
  typedef double AlignedHalf __attribute__((vector_size(UNPAD_BYTES / 2), may_alias));
};

template <class T>
using Vec = typename Simd<T>::V;
template <class T>
using HalfVec = typename Simd<T>::Half;

// In memory: packed panels and tiles lie on whole vectors.
template <class T>
using Aligned = typename Simd<T>::Aligned;
template <class T>
using AlignedHalf = typename Simd<T>::AlignedHalf;

template <class T>
constexpr int64_t kLanes = UNPAD_BYTES / int64_t(sizeof(T));

template <class T>
UNPAD_INLINE Vec<T> fill(T x) {
  return x - Vec<T>{};  // which is x, also of -0: no instruction is left
}

template <class T>
UNPAD_INLINE Vec<T> load_whole(const T *p) {
  Vec<T> v;
  memcpy(&v, p, sizeof v);
  return v;
}

template <class T>
UNPAD_INLINE void store_whole(T *p, Vec<T> v) {
  memcpy(p, &v, sizeof v);
}

// The first n lanes, n from 1 to lanes - 1; nothing beyond p + n is touched and the other lanes are 0.
#if defined(__AVX512F__)
UNPAD_INLINE Vec<float> load_part(const float *p, int64_t n) { return _mm512_maskz_loadu_ps((1u << n) - 1u, p); }
UNPAD_INLINE Vec<double> load_part(const double *p, int64_t n) { return _mm512_maskz_loadu_pd((1u << n) - 1u, p); }
UNPAD_INLINE void store_part(float *p, Vec<float> v, int64_t n) { _mm512_mask_storeu_ps(p, (1u << n) - 1u, v); }
UNPAD_INLINE void store_part(double *p, Vec<double> v, int64_t n) { _mm512_mask_storeu_pd(p, (1u << n) - 1u, v); }
#else
template <class T>
UNPAD_INLINE Vec<T> load_part(const T *p, int64_t n) {
  Vec<T> v{};
  T lanes[kLanes<T>] = {};
  for (int64_t j = 0; j < kLanes<T> - 1; ++j)
    if (j < n) lanes[j] = p[j];
  memcpy(&v, lanes, sizeof v);
  return v;
}
template <class T>
UNPAD_INLINE void store_part(T *p, Vec<T> v, int64_t n) {
  T lanes[kLanes<T>];
  memcpy(lanes, &v, sizeof v);
  for (int64_t j = 0; j < kLanes<T> - 1; ++j)
    if (j < n) p[j] = lanes[j];
}
#endif

// n units from p: a whole vector unless this is the last one of a row.
template <bool Whole, class T>
UNPAD_INLINE Vec<T> load(const T *p, int64_t n) {
  if constexpr (Whole)
    return load_whole(p);
  else
    return load_part(p, n);
}
template <bool Whole, class T>
UNPAD_INLINE void store(T *p, Vec<T> v, int64_t n) {
  if constexpr (Whole)
    store_whole(p, v);
  else
    store_part(p, v, n);
}

// a * b + c * d, of which c * d is rounded and a * b fused with it, where there is an instruction for that. Left to the
// compiler the choice may differ from one copy of a walk to the next, and with it the last bit of a state.
template <class T>
UNPAD_INLINE Vec<T> sum_of_products(Vec<T> a, Vec<T> b, Vec<T> c, Vec<T> d) {
  Vec<T> rounded = c * d;
#if defined(__x86_64__)
  asm("" : "+v"(rounded));
#elif defined(__aarch64__)
  asm("" : "+w"(rounded));
#endif
  return a * b + rounded;
}

// Runs body(whole, n) with what is left of a row at `unit`, so that full vectors are compiled without any mask.
struct Yes { static constexpr bool value = true; };
struct No { static constexpr bool value = false; };
template <class T, class Body>
UNPAD_INLINE void with_width(int64_t unit, int64_t hidden, Body body) {
  int64_t n = hidden - unit;
  if (n >= kLanes<T>)
    body(Yes{}, kLanes<T>);
  else
    body(No{}, n);
}

// f(whole, i, count) for each vector of n numbers, from i on.
template <class T, class F>
UNPAD_INLINE void each_along(int64_t n, F f) {
  int64_t i = 0;
  for (; i + kLanes<T> <= n; i += kLanes<T>) f(Yes{}, i, kLanes<T>);
  if (i < n) f(No{}, i, n - i);
}

// A stretch of memory handed out in pieces, each on its own cache lines. Run from a null base it only counts bytes.
struct Arena {
  char *base;
  int64_t used;
  template <class T>
  T *take(int64_t n) {
    T *p = base ? reinterpret_cast<T *>(base + used) : nullptr;
    used += (n * int64_t(sizeof(T)) + 63) / 64 * 64;
    return p;
  }
};

// The lanes moved down by `By`, those at the end to the top: an order that is a constant. Filled in a loop GCC 12 writes it
// lane by lane, every time.
template <class T, int Lanes, int By, int I = Lanes, int... At>
struct Turned : Turned<T, Lanes, By, I - 1, (I - 1 + By) % Lanes, At...> {};
template <class T, int Lanes, int By, int... At>
struct Turned<T, Lanes, By, 0, At...> {
  static UNPAD_INLINE Vec<T> of(Vec<T> x) {
#if defined(__clang__)
    return __builtin_shufflevector(x, x, At...);
#else
    return __builtin_shuffle(x, typename Simd<T>::I{At...});
#endif
  }
};

// What the lanes come to, halves first: an order that their number alone decides.
template <class T, int By = int(kLanes<T>) / 2, class Join>
UNPAD_INLINE T joined(Vec<T> x, Join join) {
  if constexpr (By == 0)
    return x[0];
  else
    return joined<T, By / 2>(join(x, Turned<T, int(kLanes<T>), By>::of(x)), join);
}
template <class T>
UNPAD_INLINE T sum_of_lanes(Vec<T> x) {
  return joined<T>(x, [](Vec<T> a, Vec<T> b) __attribute__((always_inline)) { return a + b; });
}
template <class T>
UNPAD_INLINE T most_of_lanes(Vec<T> x) {
  return joined<T>(x, [](Vec<T> a, Vec<T> b) __attribute__((always_inline)) { return a > b ? a : b; });
}

}  // namespace UNPAD_NAMESPACE
}  // namespace unpad
