// A block of a matrix product: rows of `a` times packed panels of `b`, with the tiles of the recurrent product.
//
// The sum of an entry is cut into pieces of k, each one chain of fused multiply-adds from first to last, and the
// pieces are added in order to what the entry starts from. Where the cuts lie depends on k alone, so an entry's bits
// depend neither on the block it is in, nor on the tile, nor on who computes it.
//
// T is the type of the arrays and of the sums, F that of factors: T itself, or pairs of floats rounded to bfloat16.
#pragma once

#include "gemm/tiles.h"
#include "isa/kernels.h"

namespace unpad {
namespace UNPAD_NAMESPACE {

// The longest piece. A panel of it (96 KB) leaves most of a second-level cache to the rows; a sum of 520 steps, in two
// pieces and not three of at most 256, takes 2% less time.
constexpr int64_t kPiece = 384;

// The space of one thread; from a null base it only counts.
template <class T, class F = T>
struct ProductSpace {
  // Between rows: not a power of two, so that they do not fall on the same lines of the cache.
  static constexpr int64_t kStep = factors<F>(kPiece) + kLanes<T>;
  T *tile;
  F *panel, *rows;
  int64_t bytes;

  // `kept`: rows of `a` that are not read where they lie.
  ProductSpace(void *base, int64_t kept) {
    Arena arena{static_cast<char *>(base), 0};
    tile = arena.take<T>(kTileRows * kMostVectors * kLanes<T>);
    panel = arena.take<F>(factors<F>(kPiece) * kMostVectors * kLanes<T>);
    rows = arena.take<F>(kept * kStep);
    bytes = arena.used;
  }
};

// Rows of an `a` that is stored (k, m), as rows.
template <class F, class T>
void transpose_rows(const T *a, int64_t step, int64_t rows, int64_t depth, F *out) {
  const int64_t lanes = kLanes<F>, out_step = ProductSpace<T, F>::kStep, packed = factors<F>(depth);
  for (int64_t r = 0; r < rows; r += lanes)
    for (int64_t k = 0; k < packed; k += lanes)
      transpose_rows_of<F>(
          packed - k, rows - r,
          [&](int64_t f, auto all) __attribute__((always_inline)) {
            return factors_across<F, decltype(all)::value>(a + r, step, depth, k + f, rows - r);
          },
          [&](int64_t c, Vec<F> x) { store_whole(out + (r + c) * out_step + k, x); });
}

// The sums of a packed panel's columns: four chains over k, of which those of every fourth, and then their sum.
template <class V, class Row>
UNPAD_INLINE V column_sum(int64_t depth, Row row) {
  V sum[4] = {};
  int64_t k = 0;
  for (; k + 4 <= depth; k += 4)
    for (int64_t j = 0; j < 4; ++j) sum[j] += row(k + j);
  for (; k < depth; ++k) sum[0] += row(k);
  return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}
template <class V, class T>
UNPAD_INLINE V packed_sum(const T *packed, int64_t step, int64_t depth) {
  return column_sum<V>(depth, [&](int64_t k) __attribute__((always_inline)) {
    V v;
    memcpy(&v, packed + k * step, sizeof v);
    return v;
  });
}

// Of `columns` of b, from `b` on, or of the panel that they are packed into where that has them as they are.
template <class T, class F>
void sum_columns(const Panel &panel, const F *packed, const T *b, int64_t step, int64_t depth, int64_t columns,
                 bool more, T *sums) {
  const int64_t lanes = kLanes<T>, row = panel.whole * lanes;
  for (int64_t v = 0; v < panel.whole + panel.half; ++v, sums += lanes, columns -= lanes) {
    Vec<T> sum{};
    if constexpr (!std::is_same_v<F, T>) {
      sum = column_sum<Vec<T>>(depth, [&](int64_t k) { return load_up_to(b + v * lanes + k * step, columns); });
    } else if (v < panel.whole) {
      sum = packed_sum<Vec<T>>(packed + v * lanes, row, depth);
    } else {
      const HalfVec<T> half = packed_sum<HalfVec<T>>(packed + depth * row, lanes / 2, depth);
      memcpy(&sum, &half, sizeof half);
    }
    with_width<T>(0, columns, [&](auto whole, int64_t n) {
      constexpr bool W = decltype(whole)::value;
      store<W>(sums, more ? load<W>(sums, n) + sum : sum, n);
    });
  }
}

UNPAD_INLINE int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

// Adds a tile of sums to out, or to bias, or to both, or to 0.
template <class T>
UNPAD_INLINE void finish_tile(const T *tile, int64_t rows, int64_t columns, bool more, const T *bias, T *out,
                              int64_t step) {
  const int64_t lanes = kLanes<T>;
  for (int64_t r = 0; r < rows; ++r, out += step)
    for (int64_t c = 0; c < columns; c += lanes, tile += lanes)
      with_width<T>(c, columns, [&](auto whole, int64_t n) {
        constexpr bool W = decltype(whole)::value;
        Vec<T> start = more ? load<W>(out + c, n) : Vec<T>{};
        if (bias) start += load<W>(bias + c, n);
        store<W>(out + c, start + *reinterpret_cast<const Aligned<T> *>(tile), n);
      });
}

template <class T, class F>
void product_block(const ProductBlock *block) {
  constexpr bool kPairs = !std::is_same_v<F, T>;
  const int64_t lanes = kLanes<T>;
  const ProductSpace<T, F> space(block->space, 0);
  const Panels<F> panels(block->columns, kMostVectors);
  for (const unpad_product *p = block->first; p < block->first + block->links; ++p) {
    const int64_t pieces = p->k > kPiece ? (p->k + kPiece - 1) / kPiece : 1;
    T *out = static_cast<T *>(p->out) + block->row * p->out_stride + block->column;
    for (int64_t piece = 0; piece < pieces; ++piece) {
      const int64_t from = p->k * piece / pieces, depth = p->k * (piece + 1) / pieces - from, packed = factors<F>(depth);
      const bool more = piece > 0 || p->accumulate;
      const T *all = static_cast<const T *>(p->a), *b = static_cast<const T *>(p->b);
      const F *a = space.rows;
      int64_t a_step = ProductSpace<T, F>::kStep;
      if (!block->rows) {
        // A product without rows is there for its sums.
      } else if (p->a_transposed) {
        transpose_rows<F>(all + from * p->a_stride + block->row, p->a_stride, block->rows, depth, space.rows);
      } else if constexpr (kPairs) {
        for (int64_t r = 0; r < block->rows; ++r)
          pair_row(all + (block->row + r) * p->a_stride + from, depth, space.rows + r * a_step);
      } else {
        a = all + block->row * p->a_stride + from;
        a_step = p->a_stride;
      }
      for (int64_t i = 0; i < panels.count; ++i) {
        const Panel panel = panels[i];
        const int64_t most = (panel.whole + panel.half) * lanes, left = block->columns - panel.unit;
        const int64_t columns = least(left, most), column = block->column + panel.unit;
        const T *of_b = p->b_transposed ? b + column * p->b_stride + from : b + from * p->b_stride + column;
        if (p->b_transposed)
          pack_rows(panel, of_b, p->b_stride, columns, depth, packed, 0, space.panel);
        else
          pack_columns(Panels<F>(columns, kMostVectors), of_b, p->b_stride, depth, space.panel, 0, 1);
        if (p->sums && !block->row)
          sum_columns(panel, space.panel, of_b, p->b_stride, depth, columns, piece > 0,
                      static_cast<T *>(p->sums) + column);
        const T *bias = p->bias && !piece ? static_cast<const T *>(p->bias) + column : nullptr;
        // The next panel's part of b, whose rows lie far apart, is fetched while this one's sums are made.
        const T *next = p->b_transposed || i + 1 == panels.count ? nullptr : of_b + columns;
        const int64_t each = (depth + block->rows - 1) / (block->rows ? block->rows : 1);
        int64_t fetched = 0;
        const F *rows[kTileRows];
        for (int64_t r = 0, n; r < block->rows; r += n) {
          n = tile_rows(block->rows - r);
          for (const int64_t end = least(depth, fetched + n * each); next && fetched < end; ++fetched)
            for (int64_t c = 0; c < columns; c += 64 / int64_t(sizeof(T)))
              __builtin_prefetch(next + fetched * p->b_stride + c, 0, 2);
          for (int64_t j = 0; j < n; ++j) {
            rows[j] = a + (r + j) * a_step;
            // The tile's place in `out`, fetched while its sums are made: 16.0 to 13.5 ms for 16,000 x 100 @ 100 x 400.
            for (int64_t c = 0; c < columns; c += 64 / int64_t(sizeof(T)))
              __builtin_prefetch(out + (r + j) * p->out_stride + panel.unit + c, 1);
          }
          units_product(panel, n, packed, 0, packed, rows, space.panel, space.tile);
          finish_tile(space.tile, n, columns, more, bias, out + r * p->out_stride + panel.unit, p->out_stride);
        }
      }
    }
  }
}

template <class T, class F>
int64_t product_bytes(int64_t kept) {
  return ProductSpace<T, F>(nullptr, kept).bytes;
}

template <class T, class F>
constexpr Multiply multiply() {
  return {kLanes<T>, !std::is_same_v<F, T>, product_bytes<T, F>, product_block<T, F>};
}

}  // namespace UNPAD_NAMESPACE
}  // namespace unpad
