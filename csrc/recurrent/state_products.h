// The products of a walk: states times the recurrent kernel, and on the way back gradients times its transpose.
#pragma once

#include "gemm/tiles.h"
#include "recurrent/steps.h"

namespace unpad {
namespace UNPAD_NAMESPACE {

// Rows i .. i + count at one vector of units, of which `width` are real. Row r's sums are at sums + (r - i) * step.
template <class T>
struct Tile {
  int64_t i, count, unit, width;
  T *sums;
  int64_t step;
};

// Calls body(whole, tile) for each vector of units of a panel.
template <class T, class Body>
UNPAD_INLINE void each_vector(const Panel &panel, int64_t i, int64_t count, int64_t hidden, int64_t columns, T *sums,
                              Body body) {
  const int64_t lanes = kLanes<T>, vectors = columns > 1 ? 1 : panel.whole + panel.half;
  for (int64_t v = 0; v < vectors; ++v) {
    const int64_t unit = panel.unit + v * lanes;
    with_width<T>(unit, hidden, [&](auto whole, int64_t width) __attribute__((always_inline)) {
      body(whole, Tile<T>{i, count, unit, width, sums + v * lanes, vectors * columns * lanes});
    });
  }
}

// Rows of states or gradients as the factors that a product takes: where they are rounded, this thread's copies.
template <class T, class F>
struct Operands {
  F *space;
  const F **at;
  int64_t step, bytes;  // from row to row

  // Of `rows` rows with `parts` parts of `hidden` numbers each; from a null base it only counts.
  Operands(int64_t rows, int64_t parts, int64_t hidden, void *base) {
    Arena arena{static_cast<char *>(base), 0};
    constexpr bool copied = !std::is_same_v<F, T>;
    step = (parts * factors<F>(hidden) + 2 * kLanes<F> - 1) / kLanes<F> * kLanes<F>;  // rows end in whole vectors
    space = arena.take<F>(copied ? rows * step : 0);
    at = arena.take<const F *>(copied ? rows : 0);
    bytes = arena.used;
  }

  // Parts from .. to of `count` rows; a row's parts lie beside each other, there as here.
  UNPAD_INLINE void copy(const T *const *rows, int64_t count, int64_t from, int64_t to, int64_t hidden) const {
    const int64_t part = factors<F>(hidden);
    for (int64_t i = 0; i < count; ++i) {
      at[i] = space + i * step;
      for (int64_t m = from; m < to; ++m) pair_row(rows[i] + (m - from) * hidden, hidden, space + i * step + m * part);
    }
  }

  UNPAD_INLINE const F *const *of(const T *const *rows, int64_t count, int64_t parts, int64_t hidden) const {
    if constexpr (std::is_same_v<F, T>) {
      return rows;
    } else {
      copy(rows, count, 0, parts, hidden);
      return at;
    }
  }
};

// States times `Columns` columns a unit. One column: panels of several vectors of units. More: of one vector, with the
// columns of all gates beside each other, so that a cell finds everything about a unit in one tile.
template <class T, int Columns, class F = T>
struct StateProduct {
  static_assert(Columns <= kMostVectors, "a tile has no room for more gates");
  Panels<F> panels;
  int64_t from, to;  // this thread's

  StateProduct(int64_t hidden, int64_t team, int64_t rank)
      : panels(hidden, Columns > 1 ? 1 : kMostVectors, team), from(panels.count * rank / team),
        to(panels.count * (rank + 1) / team) {}

  int64_t elements() const { return panels.elements(factors<F>(panels.hidden), Columns); }

  void pack(const T *matrix, int64_t row_step, bool apart, F *packed, int64_t part, int64_t parts) const {
    if constexpr (Columns > 1)
      pack_gates(panels, matrix, row_step, Columns, apart, packed, part, parts);
    else
      pack_columns(panels, matrix, row_step, panels.hidden, packed, part, parts);
  }

  // Calls body(whole, tile) with the sums of each tile's vectors of units. `depth`: 0, or all of a state. `apart`: from
  // one gate's state to the next one's, or 0 where all gates read the same. Both count factors.
  template <class Body>
  UNPAD_INLINE void each_tile(const F *packed, int64_t active, const F *const *states, int64_t depth, int64_t apart,
                              T *sums, Body body) const {
    const int64_t hidden = panels.hidden;
    for (int64_t q = from; q < to; ++q) {
      const Panel panel = panels[q];
      const F *columns = packed + panels.at(panel, factors<F>(hidden), Columns);
      for (int64_t i = 0, n; i < active; i += n) {
        n = tile_rows(active - i);
        if constexpr (Columns > 1)
          gates_product<F, Columns>(panel, n, depth, states + i, apart, columns, sums);
        else
          units_product<F>(panel, n, factors<F>(hidden), 0, depth, states + i, columns, sums);
        each_vector<T>(panel, i, n, hidden, Columns, sums, body);
      }
    }
  }
};

// A stretch of gradient rows and the rows of the packed transposed kernel that they go with.
template <class F>
struct Segment {
  const F *const *rows;
  int64_t column;  // where in a row the stretch starts, in factors as the next two
  int64_t from;    // in the packed panel
  int64_t depth;
  int64_t mask;    // which of a row's masks its result takes
};

// sums = sum over the segments of (rows @ packed), each times its mask if there are masks: the gradient of the state
// before a step. Rows i .. i + n, masks[r] null or a row of masks; `total` rows are packed.
template <class T, class F>
UNPAD_INLINE void pull_back(const Panel &panel, int64_t i, int64_t n, int64_t hidden, int64_t total,
                            const Segment<F> *segments, int64_t count, const T *const *masks, const F *packed, T *sums,
                            T *spare) {
  for (int64_t s = 0; s < count; ++s) {
    const Segment<F> &segment = segments[s];
    const F *rows[kTileRows];
    for (int64_t r = 0; r < n; ++r) rows[r] = segment.rows[i + r] + segment.column;
    T *out = s ? spare : sums;
    units_product<F>(panel, n, total, segment.from, segment.depth, rows, packed, out);
    if (!masks && !s) continue;
    each_vector<T>(panel, i, n, hidden, 1, out, [&](auto whole, const Tile<T> &tile) __attribute__((always_inline)) {
      for (int64_t r = 0; r < n; ++r) {
        T *part = tile.sums + r * tile.step, *sum = sums + (part - out);
        const Vec<T> value = load_whole(part);
        if (!masks) {
          store_whole(sum, load_whole(sum) + value);
          continue;
        }
        const T *masked_by = masks[i + r] + segment.mask * hidden + tile.unit;
        const Vec<T> mask = load<decltype(whole)::value>(masked_by, tile.width);
        store_whole(sum, s ? load_whole(sum) + value * mask : value * mask);
      }
    });
  }
}

}  // namespace UNPAD_NAMESPACE
}  // namespace unpad
