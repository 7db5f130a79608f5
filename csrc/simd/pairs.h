// Factors of products rounded to bfloat16, two neighbours along k in the room of one float: what one instruction
// multiplies and adds where the processor has it (AVX512_BF16), and what plain vectors compute in the same order where
// it has not.
//
// A product of two bfloat16 is a float without rounding, so a pair adds to a sum like two links of a chain of floats,
// the odd k first. Either way the bits are the same, but for numbers below 1.2e-38: the instruction takes them for 0.
#pragma once

#include <type_traits>

#include "simd/vectors.h"

namespace unpad {
namespace UNPAD_NAMESPACE {

// The even k in the lower half.
typedef int32_t Pair;

template <>
struct Simd<Pair> {
  typedef int32_t V __attribute__((vector_size(UNPAD_BYTES)));
  typedef int32_t Half __attribute__((vector_size(UNPAD_BYTES / 2)));
  typedef int32_t I __attribute__((vector_size(UNPAD_BYTES)));
  typedef int32_t Aligned __attribute__((vector_size(UNPAD_BYTES), may_alias));
  typedef int32_t AlignedHalf __attribute__((vector_size(UNPAD_BYTES / 2), may_alias));
};

// The type in which products of factors are summed up.
template <class F>
using Sum = std::conditional_t<std::is_same_v<F, Pair>, float, F>;

// Factors that hold `depth` numbers.
template <class F>
constexpr int64_t factors(int64_t depth) {
  return std::is_same_v<F, Pair> ? (depth + 1) / 2 : depth;
}

template <class V, class T>
UNPAD_INLINE void add_product(V &sum, T x, V b) {
  sum += x * b;
}

#if defined(__AVX512BF16__)

UNPAD_INLINE void add_product(Vec<float> &sum, Pair x, Vec<Pair> b) {
  sum = _mm512_dpbf16_ps(sum, (__m512bh)_mm512_set1_epi32(x), (__m512bh)b);
}
UNPAD_INLINE void add_product(HalfVec<float> &sum, Pair x, HalfVec<Pair> b) {
  sum = _mm256_dpbf16_ps(sum, (__m256bh)_mm256_set1_epi32(x), (__m256bh)b);
}

// Pairs of the numbers of one vector, and then of the other.
UNPAD_INLINE Vec<Pair> pairs_along(Vec<float> first, Vec<float> second) {
  return (Vec<Pair>)_mm512_cvtne2ps_pbh(second, first);
}

// Pairs of what stands at the same place of two vectors.
UNPAD_INLINE Vec<Pair> pairs_across(Vec<float> even, Vec<float> odd) {
  const __m512i in_turn = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6,
                                           21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  return (Vec<Pair>)_mm512_permutexvar_epi16(in_turn, (__m512i)_mm512_cvtne2ps_pbh(odd, even));
}

#else

template <class F, class P>
UNPAD_INLINE void add_pair(F &sum, Pair x, P b) {
  const P odd = b & int32_t(0xffff0000), even = b << 16;
  const int32_t high = x & int32_t(0xffff0000), low = int32_t(uint32_t(x) << 16);
  float x_odd, x_even;
  memcpy(&x_odd, &high, 4);
  memcpy(&x_even, &low, 4);
  sum += x_odd * (F)odd;
  sum += x_even * (F)even;
}
UNPAD_INLINE void add_product(Vec<float> &sum, Pair x, Vec<Pair> b) { add_pair(sum, x, b); }
UNPAD_INLINE void add_product(HalfVec<float> &sum, Pair x, HalfVec<Pair> b) { add_pair(sum, x, b); }

// To the nearest, ties to even, in the upper halves; what is not a number stays none.
UNPAD_INLINE Vec<Pair> rounded(Vec<float> x) {
  typedef uint32_t U __attribute__((vector_size(UNPAD_BYTES)));
  const U bits = (U)x, none = (U)(x != x);
  const U near = bits + 0x7fff + (bits >> 16 & 1);
  return (Vec<Pair>)(((near & ~none) | ((bits | 0x400000) & none)) & 0xffff0000);
}
UNPAD_INLINE Vec<Pair> pairs_across(Vec<float> even, Vec<float> odd) {
  typedef uint32_t U __attribute__((vector_size(UNPAD_BYTES)));
  return (Vec<Pair>)((U)rounded(even) >> 16 | (U)rounded(odd));
}
UNPAD_INLINE Vec<Pair> pairs_along(Vec<float> first, Vec<float> second) {
  constexpr int64_t lanes = kLanes<float>;
  Vec<float> even, odd;
  for (int64_t j = 0; j < lanes; ++j) {
    even[j] = j < lanes / 2 ? first[2 * j] : second[2 * j - lanes];
    odd[j] = j < lanes / 2 ? first[2 * j + 1] : second[2 * j + 1 - lanes];
  }
  return pairs_across(even, odd);
}

#endif

// The first n numbers from p, zeros beyond: n from 0 up.
UNPAD_INLINE Vec<float> load_up_to(const float *p, int64_t n) {
  return n >= kLanes<float> ? load_whole(p) : n > 0 ? load_part(p, n) : Vec<float>{};
}

// Neighbours of a row of n numbers from p, and zeros.
UNPAD_INLINE Vec<Pair> load_pairs(const float *p, int64_t n) {
  constexpr int64_t lanes = kLanes<float>;
  return pairs_along(load_up_to(p, n), load_up_to(p + (n > lanes ? lanes : 0), n - lanes));
}

// A row of numbers as pairs, in whole vectors.
UNPAD_INLINE void pair_row(const float *row, int64_t depth, Pair *out) {
  constexpr int64_t lanes = kLanes<float>;
  for (int64_t k = 0; k < depth; k += 2 * lanes, out += lanes) store_whole(out, load_pairs(row + k, depth - k));
}

}  // namespace UNPAD_NAMESPACE
}  // namespace unpad
