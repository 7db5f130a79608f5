// Transposing in registers: what is stored the other way round costs a matrix product little more than a copy.
#pragma once

#include "simd/vectors.h"

namespace unpad {
namespace UNPAD_NAMESPACE {

#if defined(__clang__)
#define UNPAD_SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define UNPAD_SHUFFLE(a, b, ...) __builtin_shuffle(a, b, typename Simd<T>::I{__VA_ARGS__})
#endif

// The first halves of two vectors, lane by lane in turn, and the second halves.
template <class T>
UNPAD_INLINE void interleave(Vec<T> a, Vec<T> b, Vec<T> &low, Vec<T> &high) {
  if constexpr (kLanes<T> == 16) {
    low = UNPAD_SHUFFLE(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    high = UNPAD_SHUFFLE(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
  } else if constexpr (kLanes<T> == 8) {
    low = UNPAD_SHUFFLE(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
    high = UNPAD_SHUFFLE(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
  } else if constexpr (kLanes<T> == 4) {
    low = UNPAD_SHUFFLE(a, b, 0, 4, 1, 5);
    high = UNPAD_SHUFFLE(a, b, 2, 6, 3, 7);
  } else {
    low = UNPAD_SHUFFLE(a, b, 0, 2);
    high = UNPAD_SHUFFLE(a, b, 1, 3);
  }
}
#undef UNPAD_SHUFFLE

// Rows for columns, in registers. Interleaving row i with row i + lanes / 2, log2(lanes) times, transposes.
template <class T>
UNPAD_INLINE void transpose(Vec<T> (&a)[kLanes<T>]) {
  constexpr int64_t lanes = kLanes<T>;
  Vec<T> b[lanes];
#pragma GCC unroll 4
  for (int64_t done = 1; done < lanes; done *= 2) {
#pragma GCC unroll 8
    for (int64_t i = 0; i < lanes / 2; ++i) interleave<T>(a[i], a[i + lanes / 2], b[2 * i], b[2 * i + 1]);
#pragma GCC unroll 16
    for (int64_t i = 0; i < lanes; ++i) a[i] = b[i];
  }
}

// Takes up to lanes x lanes numbers, load(r, whole) row r of `down` (the rest of a tile is 0), of which `across` count,
// and gives store(c, v) column c as a vector, for c below `across`.
template <class T, class Load, class Store>
UNPAD_INLINE void transpose_rows_of(int64_t down, int64_t across, Load load, Store store) {
  constexpr int64_t lanes = kLanes<T>;
  Vec<T> a[lanes];
  if (down >= lanes && across >= lanes) {
#pragma GCC unroll 16
    for (int64_t r = 0; r < lanes; ++r) a[r] = load(r, Yes{});
  } else {
#pragma GCC unroll 16
    for (int64_t r = 0; r < lanes; ++r) a[r] = r >= down ? Vec<T>{} : load(r, No{});
  }
  transpose<T>(a);
  if (across >= lanes) {
#pragma GCC unroll 16
    for (int64_t c = 0; c < lanes; ++c) store(c, a[c]);
  } else {
#pragma GCC unroll 16
    for (int64_t c = 0; c < lanes; ++c)
      if (c < across) store(c, a[c]);
  }
}

// Of a matrix in memory.
template <class T, class Store>
UNPAD_INLINE void transpose_tile(const T *in, int64_t row_step, int64_t down, int64_t across, Store store) {
  transpose_rows_of<T>(
      down, across,
      [&](int64_t r, auto whole) __attribute__((always_inline)) {
        const T *row = in + r * row_step;
        return decltype(whole)::value || across >= kLanes<T> ? load_whole(row) : load_part(row, across);
      },
      store);
}

}  // namespace UNPAD_NAMESPACE
}  // namespace unpad
