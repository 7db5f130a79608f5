// Products of a few rows that lie in the cache: a tile of queries with a tile of keys, and what follows from it.
#pragma once

#include "gemm/tiles.h"
#include "gemm/transpose.h"

namespace unpad {
namespace UNPAD_NAMESPACE {

// Rows of a matrix, each `step` after the one before.
template <class T>
struct Rows {
  T *at;
  int64_t step;
};

// out[i][j] = (add ? out[i][j] : 0) + sum over k of a[i * row + k * step] * b[k][j]. A sum is one chain from the first k
// to the last, whatever the tile.
template <class T, int Count, int Vectors>
UNPAD_INLINE void small_tile(int64_t depth, const T *a, int64_t row, int64_t step, const Rows<const T> &b,
                             const Rows<T> &out, bool add) {
  constexpr int64_t lanes = kLanes<T>;
  Vec<T> sum[Count][Vectors];
  for (int r = 0; r < Count; ++r)
    for (int c = 0; c < Vectors; ++c) sum[r][c] = add ? load_whole(out.at + r * out.step + c * lanes) : Vec<T>{};
  const T *of_b = b.at;
#pragma GCC unroll 2
  for (int64_t k = 0; k < depth; ++k, a += step, of_b += b.step) {
    if constexpr (kTileRows == 3) {
      // 16 registers: 12 sums, 3 values and one column, as in product_tile.
      T x[Count];
      for (int r = 0; r < Count; ++r) x[r] = a[r * row];
      for (int c = 0; c < Vectors; ++c) {
        const Vec<T> column = load_whole(of_b + c * lanes);
        for (int r = 0; r < Count; ++r) sum[r][c] += x[r] * column;
      }
    } else {
      Vec<T> column[Vectors];
      for (int c = 0; c < Vectors; ++c) column[c] = load_whole(of_b + c * lanes);
      for (int r = 0; r < Count; ++r)
        for (int c = 0; c < Vectors; ++c) sum[r][c] += a[r * row] * column[c];
    }
  }
  for (int r = 0; r < Count; ++r)
    for (int c = 0; c < Vectors; ++c) store_whole(out.at + r * out.step + c * lanes, sum[r][c]);
}

template <class T, int Vectors>
void small_rows(int64_t m, int64_t depth, const T *a, int64_t row, int64_t step, Rows<const T> b, Rows<T> out, bool add) {
  while (m > 0) {
    const int64_t n = tile_rows(m);
    switch (n) {
      case 1: small_tile<T, 1, Vectors>(depth, a, row, step, b, out, add); break;
      case 2: small_tile<T, 2, Vectors>(depth, a, row, step, b, out, add); break;
#if UNPAD_TILE_ROWS > 2
      case 3: small_tile<T, 3, Vectors>(depth, a, row, step, b, out, add); break;
#endif
#if UNPAD_TILE_ROWS > 3
      case 4: small_tile<T, 4, Vectors>(depth, a, row, step, b, out, add); break;
      case 5: small_tile<T, 5, Vectors>(depth, a, row, step, b, out, add); break;
      case 6: small_tile<T, 6, Vectors>(depth, a, row, step, b, out, add); break;
#endif
    }
    m -= n, a += n * row, out.at += n * out.step;
  }
}

// The same of m rows and n columns, n a multiple of the lanes.
template <class T>
void small_product(int64_t m, int64_t n, int64_t depth, const T *a, int64_t row, int64_t step, Rows<const T> b,
                   Rows<T> out, bool add) {
  constexpr int64_t lanes = kLanes<T>;
  for (; n > 0; n -= 4 * lanes, b.at += 4 * lanes, out.at += 4 * lanes) switch (n / lanes) {
      case 1: small_rows<T, 1>(m, depth, a, row, step, b, out, add); break;
      case 2: small_rows<T, 2>(m, depth, a, row, step, b, out, add); break;
      case 3: small_rows<T, 3>(m, depth, a, row, step, b, out, add); break;
      default: small_rows<T, 4>(m, depth, a, row, step, b, out, add); break;
    }
}

// out[c][r] = in[r][c] of n rows of `width`, rows of out `step` apart; up to whole vectors beyond the n rows 0.
template <class T>
void small_transpose(Rows<const T> in, int64_t n, int64_t width, T *out, int64_t step) {
  constexpr int64_t lanes = kLanes<T>;
  for (int64_t r = 0; r < n; r += lanes)
    for (int64_t c = 0; c < width; c += lanes)
      transpose_tile(in.at + r * in.step + c, in.step, n - r < lanes ? n - r : lanes,
                     width - c < lanes ? width - c : lanes,
                     [&](int64_t i, Vec<T> v) __attribute__((always_inline)) {
                       store_whole(out + (c + i) * step + r, v);
                     });
}

}  // namespace UNPAD_NAMESPACE
}  // namespace unpad
