// The recurrent product: a few rows of states times a packed panel.
//
// Every sum runs over k from first to last in one chain, whatever the number of rows in a tile, the cut into panels
// or the width of a vector: this is why a sequence's bits do not depend on its company.
#pragma once

#include "gemm/panels.h"
#include "simd/pairs.h"

namespace unpad {
namespace UNPAD_NAMESPACE {

template <class T>
UNPAD_INLINE HalfVec<T> lower_half(Vec<T> v) {
  HalfVec<T> half;
  memcpy(&half, &v, sizeof half);
  return half;
}

// tile[r][c] = sum over k of row r's value times column vector c: Whole columns, then Halves half-wide ones, each in
// a vector's room of the tile. With Apart, column c reads its row at c * apart: gates that see differently masked
// states. Of pairs, depth and apart count pairs.
//
// A function of its own: within a block, GCC 12 kept one of AVX2's 12 sums in memory, and each step waited for its way
// there and back: 532 x 100 @ 100 x 400 ran at 33 GFLOP/s instead of 55 (Zen 3, where MKL's had 49).
template <class T, int Rows, int Whole, int Halves, bool Apart>
__attribute__((noinline)) void product_tile(int64_t depth, const T *const *rows, int64_t apart, const T *whole,
                                            const T *halves, Sum<T> *tile) {
  typedef Sum<T> S;
  constexpr int64_t lanes = kLanes<T>;
  Vec<S> sum[Rows][Whole ? Whole : 1];
  HalfVec<S> half_sum[Rows][Halves ? Halves : 1];
  const T *row[Rows];
  for (int r = 0; r < Rows; ++r) {
    row[r] = rows[r];
    for (int c = 0; c < Whole; ++c) sum[r][c] = Vec<S>{};
    for (int c = 0; c < Halves; ++c) half_sum[r][c] = HalfVec<S>{};
  }
  // Two steps a turn took tiles of 2 and 3 rows from 92 to 112 GFLOP/s (Zen 4); more turns gain nothing.
#pragma GCC unroll 2
  for (int64_t k = 0; k < depth; ++k) {
    if constexpr (kTileRows == 3 && !Apart) {
      // 16 registers: 12 sums, 3 values and one column. With the columns loaded first, or values spread once more for the
      // halves, sums would be spilled.
      Vec<T> x[Rows];
      for (int r = 0; r < Rows; ++r) x[r] = fill(row[r][k]);
      for (int c = 0; c < Whole; ++c) {
        const Vec<T> b = reinterpret_cast<const Aligned<T> *>(whole)[c];
        for (int r = 0; r < Rows; ++r) sum[r][c] += x[r] * b;
      }
      for (int c = 0; c < Halves; ++c) {
        const HalfVec<T> h = reinterpret_cast<const AlignedHalf<T> *>(halves)[c];
        for (int r = 0; r < Rows; ++r) half_sum[r][c] += lower_half<T>(x[r]) * h;
      }
    } else {
      Vec<T> b[Whole ? Whole : 1];
      HalfVec<T> h[Halves ? Halves : 1];
      for (int c = 0; c < Whole; ++c) b[c] = reinterpret_cast<const Aligned<T> *>(whole)[c];
      for (int c = 0; c < Halves; ++c) h[c] = reinterpret_cast<const AlignedHalf<T> *>(halves)[c];
      for (int r = 0; r < Rows; ++r) {
        for (int c = 0; c < Whole; ++c) add_product(sum[r][c], row[r][k + (Apart ? c * apart : 0)], b[c]);
        for (int c = 0; c < Halves; ++c) add_product(half_sum[r][c], row[r][k + (Apart ? c * apart : 0)], h[c]);
      }
    }
    whole += Whole * lanes;
    halves += Halves * (lanes / 2);
  }
  // Unrolled before the registers are given out, or the sums would be put on the stack first.
#pragma GCC unroll 8
  for (int r = 0; r < Rows; ++r) {
    Sum<T> *out = tile + r * (Whole + Halves) * lanes;
#pragma GCC unroll 8
    for (int c = 0; c < Whole; ++c) *reinterpret_cast<Aligned<S> *>(out + c * lanes) = sum[r][c];
#pragma GCC unroll 8
    for (int c = 0; c < Halves; ++c) {
      AlignedHalf<S> *half = reinterpret_cast<AlignedHalf<S> *>(out + (Whole + c) * lanes);
      half[0] = half_sum[r][c];
      half[1] = HalfVec<S>{};
    }
  }
}

template <class T, int Whole, int Halves, bool Apart = false>
UNPAD_INLINE void product_rows(int64_t n, int64_t depth, const T *const *rows, int64_t apart, const T *whole,
                               const T *halves, Sum<T> *tile) {
  switch (n) {
    case 1: return product_tile<T, 1, Whole, Halves, Apart>(depth, rows, apart, whole, halves, tile);
    case 2: return product_tile<T, 2, Whole, Halves, Apart>(depth, rows, apart, whole, halves, tile);
#if UNPAD_TILE_ROWS > 2
    case 3: return product_tile<T, 3, Whole, Halves, Apart>(depth, rows, apart, whole, halves, tile);
#endif
#if UNPAD_TILE_ROWS > 3
    case 4: return product_tile<T, 4, Whole, Halves, Apart>(depth, rows, apart, whole, halves, tile);
    case 5: return product_tile<T, 5, Whole, Halves, Apart>(depth, rows, apart, whole, halves, tile);
    case 6: return product_tile<T, 6, Whole, Halves, Apart>(depth, rows, apart, whole, halves, tile);
#endif
  }
}

template <class T, int Gates, bool Apart>
UNPAD_INLINE void gate_rows(int64_t vectors, int64_t n, int64_t depth, const T *const *rows, int64_t apart,
                            const T *packed, Sum<T> *tile) {
  if (vectors == Gates) return product_rows<T, Gates, 0, Apart>(n, depth, rows, apart, packed, packed, tile);
  if constexpr (!Apart) switch (vectors) {
    case 1: return product_rows<T, 1, 0>(n, depth, rows, 0, packed, packed, tile);
    case 2: return product_rows<T, 2, 0>(n, depth, rows, 0, packed, packed, tile);
    case 3: return product_rows<T, 3, 0>(n, depth, rows, 0, packed, packed, tile);
  }
}

// All gates of one vector of units; row r's gate g in vector r * Gates + g of the tile. Lanes beyond the real units
// hold anything. The last of 100 units have their 16 columns in one vector of floats where 4 would be a quarter full
// each: an LSTM's walk took 7 % less time.
template <class T, int Gates>
UNPAD_INLINE void gates_product(const Panel &panel, int64_t n, int64_t depth, const T *const *rows, int64_t apart,
                                const T *packed, Sum<T> *tile) {
  constexpr int64_t lanes = kLanes<T>;
  if (apart) return gate_rows<T, Gates, true>(Gates, n, depth, rows, apart, packed, tile);
  if (panel.units == lanes) return gate_rows<T, Gates, false>(Gates, n, depth, rows, 0, packed, tile);
  alignas(kBytes) Sum<T> dense[(kTileRows * Gates + 1) * lanes];
  const int64_t vectors = gate_vectors<T>(panel, Gates, false);
  gate_rows<T, Gates, false>(vectors, n, depth, rows, 0, packed, dense);
  store_whole(dense + n * vectors * lanes, Vec<Sum<T>>{});
  for (int64_t r = 0; r < n; ++r)
    for (int64_t g = 0; g < Gates; ++g, tile += lanes)
      store_whole(tile, load_whole(dense + r * vectors * lanes + g * panel.units));
}

// Up to four vectors of units with one column each. `packed` is the panel's start and `total` the rows it holds, of
// which `depth` from row `from` on are used.
template <class T>
UNPAD_INLINE void units_product(const Panel &panel, int64_t n, int64_t total, int64_t from, int64_t depth,
                                const T *const *rows, const T *packed, Sum<T> *tile) {
  const T *whole = packed + from * panel.whole * kLanes<T>;
  const T *halves = packed + total * panel.whole * kLanes<T> + from * (kLanes<T> / 2);
  switch (panel.whole * 2 + panel.half) {
    case 2: return product_rows<T, 1, 0>(n, depth, rows, 0, whole, halves, tile);
    case 4: return product_rows<T, 2, 0>(n, depth, rows, 0, whole, halves, tile);
    case 6: return product_rows<T, 3, 0>(n, depth, rows, 0, whole, halves, tile);
    case 8: return product_rows<T, 4, 0>(n, depth, rows, 0, whole, halves, tile);
  }
  if constexpr (kHalves) switch (panel.whole * 2 + panel.half) {
    case 1: return product_rows<T, 0, 1>(n, depth, rows, 0, whole, halves, tile);
    case 3: return product_rows<T, 1, 1>(n, depth, rows, 0, whole, halves, tile);
    case 5: return product_rows<T, 2, 1>(n, depth, rows, 0, whole, halves, tile);
    case 7: return product_rows<T, 3, 1>(n, depth, rows, 0, whole, halves, tile);
  }
}

constexpr int64_t kMostVectors = 4;  // of units in a panel

// Rows of the next tile when n are left: as even as can be, 9 as 5 + 4 and not 6 + 3.
UNPAD_INLINE int64_t tile_rows(int64_t n) {
  int64_t tiles = (n + kTileRows - 1) / kTileRows;
  return (n + tiles - 1) / tiles;
}

}  // namespace UNPAD_NAMESPACE
}  // namespace unpad
