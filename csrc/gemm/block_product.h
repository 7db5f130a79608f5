// A block of a matrix product: rows of `a` times packed panels of `b`, with the tiles of the recurrent product.
//
// The sum of an entry is cut into pieces of k, each one chain of fused multiply-adds from first to last, and the
// pieces are added in order to what the entry starts from. Where the cuts lie depends on k alone, so an entry's bits
// depend neither on the block it is in, nor on the tile, nor on who computes it.
#pragma once

#include "gemm/tiles.h"
#include "gemm/transpose.h"
#include "isa/kernels.h"

namespace unpad {
namespace UNPAD_NAMESPACE {

// The longest piece. A panel of it (96 KB) leaves most of a second-level cache to the rows; a sum of 520 steps, in two
// pieces and not three of at most 256, takes 2% less time.
constexpr int64_t kPiece = 384;

// The space of one thread; from a null base it only counts.
template <class T>
struct ProductSpace {
  // Between transposed rows: not a power of two, so that they do not fall on the same lines of the cache.
  static constexpr int64_t kStep = kPiece + kLanes<T>;
  T *tile, *panel, *rows;
  int64_t bytes;

  ProductSpace(void *base, int64_t transposed_rows) {
    Arena arena{static_cast<char *>(base), 0};
    tile = arena.take<T>(kTileRows * kMostVectors * kLanes<T>);
    panel = arena.take<T>(kPiece * kMostVectors * kLanes<T>);
    rows = arena.take<T>(transposed_rows * kStep);
    bytes = arena.used;
  }
};

// One panel of a `b` that is stored (n, k), packed as (k, n) would be: `b` is its first row, `columns` of them count.
template <class T>
void pack_rows(const Panel &panel, const T *b, int64_t step, int64_t columns, int64_t depth, T *out) {
  const int64_t lanes = kLanes<T>, row = panel.whole * lanes;
  for (int64_t v = 0; v < panel.whole + panel.half; ++v) {
    const bool whole = v < panel.whole;
    for (int64_t k = 0; k < depth; k += lanes) {
      T *to = whole ? out + k * row + v * lanes : out + depth * row + k * (lanes / 2);
      transpose_tile<T>(b + v * lanes * step + k, step, columns - v * lanes, depth - k, [&](int64_t c, Vec<T> x) {
        if (whole)
          *reinterpret_cast<Aligned<T> *>(to + c * row) = x;
        else
          memcpy(to + c * (lanes / 2), &x, sizeof x / 2);
      });
    }
  }
}

// Rows of an `a` that is stored (k, m), as rows.
template <class T>
void transpose_rows(const T *a, int64_t step, int64_t rows, int64_t depth, T *out) {
  const int64_t lanes = kLanes<T>, out_step = ProductSpace<T>::kStep;
  for (int64_t r = 0; r < rows; r += lanes)
    for (int64_t k = 0; k < depth; k += lanes)
      transpose_tile<T>(a + k * step + r, step, depth - k, rows - r,
                        [&](int64_t c, Vec<T> x) { store_whole(out + (r + c) * out_step + k, x); });
}

// The sums of a packed panel's columns: four chains over k, of which those of every fourth, and then their sum.
template <class T, class V>
UNPAD_INLINE V column_sum(const T *packed, int64_t step, int64_t depth) {
  V sum[4] = {};
  int64_t k = 0;
  for (; k + 4 <= depth; k += 4)
    for (int64_t j = 0; j < 4; ++j, packed += step) {
      V v;
      memcpy(&v, packed, sizeof v);
      sum[j] += v;
    }
  for (; k < depth; ++k, packed += step) {
    V v;
    memcpy(&v, packed, sizeof v);
    sum[0] += v;
  }
  return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

template <class T>
void sum_columns(const Panel &panel, const T *packed, int64_t depth, int64_t columns, bool more, T *sums) {
  const int64_t lanes = kLanes<T>, row = panel.whole * lanes;
  for (int64_t v = 0; v < panel.whole + panel.half; ++v, sums += lanes, columns -= lanes) {
    Vec<T> sum{};
    if (v < panel.whole) {
      sum = column_sum<T, Vec<T>>(packed + v * lanes, row, depth);
    } else {
      const HalfVec<T> half = column_sum<T, HalfVec<T>>(packed + depth * row, lanes / 2, depth);
      memcpy(&sum, &half, sizeof half);
    }
    with_width<T>(0, columns, [&](auto whole, int64_t n) {
      constexpr bool W = decltype(whole)::value;
      store<W>(sums, more ? load<W>(sums, n) + sum : sum, n);
    });
  }
}

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

template <class T>
void product_block(const ProductBlock *block) {
  const int64_t lanes = kLanes<T>;
  const ProductSpace<T> space(block->space, 0);
  const Panels<T> panels(block->columns, kMostVectors);
  for (const unpad_product *p = block->first; p < block->first + block->links; ++p) {
    const int64_t pieces = p->k > kPiece ? (p->k + kPiece - 1) / kPiece : 1;
    T *out = static_cast<T *>(p->out) + block->row * p->out_stride + block->column;
    for (int64_t piece = 0; piece < pieces; ++piece) {
      const int64_t from = p->k * piece / pieces, depth = p->k * (piece + 1) / pieces - from;
      const bool more = piece > 0 || p->accumulate;
      const T *a = static_cast<const T *>(p->a), *b = static_cast<const T *>(p->b);
      int64_t a_step = p->a_stride;
      if (!block->rows) {
        // A product without rows is there for its sums.
      } else if (p->a_transposed) {
        transpose_rows(a + from * a_step + block->row, a_step, block->rows, depth, space.rows);
        a = space.rows;
        a_step = ProductSpace<T>::kStep;
      } else {
        a += block->row * a_step + from;
      }
      for (int64_t i = 0; i < panels.count; ++i) {
        const Panel panel = panels[i];
        const int64_t most = (panel.whole + panel.half) * lanes, left = block->columns - panel.unit;
        const int64_t columns = left < most ? left : most, column = block->column + panel.unit;
        if (p->b_transposed)
          pack_rows(panel, b + column * p->b_stride + from, p->b_stride, columns, depth, space.panel);
        else
          pack_columns(Panels<T>(columns, kMostVectors), b + from * p->b_stride + column, p->b_stride, depth,
                       space.panel, 0, 1);
        if (p->sums && !block->row)
          sum_columns(panel, space.panel, depth, columns, piece > 0, static_cast<T *>(p->sums) + column);
        const T *bias = p->bias && !piece ? static_cast<const T *>(p->bias) + column : nullptr;
        const T *rows[kTileRows];
        for (int64_t r = 0, n; r < block->rows; r += n) {
          n = tile_rows(block->rows - r);
          for (int64_t j = 0; j < n; ++j) {
            rows[j] = a + (r + j) * a_step;
            // The tile's place in `out`, fetched while its sums are made: 16.0 to 13.5 ms for 16,000 x 100 @ 100 x 400.
            for (int64_t c = 0; c < columns; c += 64 / int64_t(sizeof(T)))
              __builtin_prefetch(out + (r + j) * p->out_stride + panel.unit + c, 1);
          }
          units_product(panel, n, depth, 0, depth, rows, space.panel, space.tile);
          finish_tile(space.tile, n, columns, more, bias, out + r * p->out_stride + panel.unit, p->out_stride);
        }
      }
    }
  }
}

template <class T>
int64_t product_bytes(int64_t transposed_rows) {
  return ProductSpace<T>(nullptr, transposed_rows).bytes;
}

}  // namespace UNPAD_NAMESPACE
}  // namespace unpad
