// How the columns of a product are cut into panels, and how a matrix is packed into them.
//
// A panel is a few vectors of units, one column each; a last vector that is at most half full is packed half as wide,
// after the panel's whole vectors. Or it is one vector of hidden units with the columns of all their gates, so that the
// pointwise part of a cell finds everything about a unit in one register tile; units that do not fill a vector have
// their gates' columns side by side. Within a panel the rows (k) follow each other.
#pragma once

#include "gemm/transpose.h"
#include "simd/pairs.h"

namespace unpad {
namespace UNPAD_NAMESPACE {

struct Panel {
  int64_t unit;    // the first
  int64_t whole;   // vectors of units
  int64_t half;    // 0 or 1: one more vector, half as wide
  int64_t units;   // that are real: the rest of the last vector is 0
};

template <class T>
struct Panels {
  int64_t hidden, whole, half, count;

  // At most `most` vectors of units a panel, cut evenly, and enough panels for a team if there are vectors enough.
  Panels(int64_t hidden_, int64_t most, int64_t team = 1) : hidden(hidden_) {
    int64_t lanes = kLanes<T>, left = hidden % lanes;
    half = kHalves && left > 0 && left <= lanes / 2;
    whole = hidden / lanes + (left > 0 && !half);
    int64_t vectors = whole + half, fair = (vectors + team - 1) / team;
    if (fair < most) most = fair;
    count = most > 0 ? (vectors + most - 1) / most : 0;
  }

  Panel operator[](int64_t p) const {
    int64_t vectors = whole + half, from = vectors * p / count, to = vectors * (p + 1) / count;
    int64_t end = to < whole ? to : whole, first = from * kLanes<T>;
    int64_t last = to * kLanes<T> < hidden ? to * kLanes<T> : hidden;
    return {first, end - from, to - end, last - first};
  }

  // Elements of a packed matrix with `depth` rows of factors and `gates` columns a unit.
  int64_t elements(int64_t depth, int64_t gates) const { return (whole + half) * kLanes<T> * depth * gates; }

  // Where the panel that starts at a unit begins.
  int64_t at(const Panel &p, int64_t depth, int64_t gates) const { return p.unit * depth * gates; }
};

// Numbers of a matrix as factors: of `depth` numbers along its rows, and of as many along its columns, of which `n` are
// read. Factor f of a row is its number f, or its numbers 2 f and 2 f + 1. Whole: a whole vector of factors is there.
template <class F, bool Whole, class T>
UNPAD_INLINE Vec<F> factors_along(const T *row, int64_t depth, int64_t f) {
  if constexpr (std::is_same_v<F, Pair>)
    return load_pairs(row + 2 * f, depth - 2 * f);
  else
    return Whole || depth - f >= kLanes<T> ? load_whole(row + f) : load_part(row + f, depth - f);
}
template <class F, bool Whole, class T>
UNPAD_INLINE Vec<F> factors_across(const T *column, int64_t step, int64_t depth, int64_t f, int64_t n) {
  if constexpr (std::is_same_v<F, Pair>) {
    const T *even = column + 2 * f * step;
    return pairs_across(load_up_to(even, n), 2 * f + 1 < depth ? load_up_to(even + step, n) : Vec<T>{});
  } else {
    return Whole || n >= kLanes<T> ? load_whole(column + f * step) : load_part(column + f * step, n);
  }
}

// Factors of one row of a matrix, n real ones, in the room of `width`; the rest is 0.
template <class F, class T>
UNPAD_INLINE void pack_lanes(F *out, const T *column, int64_t step, int64_t depth, int64_t f, int64_t n, int64_t width) {
  if (n >= kLanes<F>) {
    if constexpr (std::is_same_v<F, T>)
      memcpy(out, column + f * step, sizeof(Vec<F>));
    else
      store_whole(out, factors_across<F, true>(column, step, depth, f, kLanes<F>));
    return;
  }
  if constexpr (std::is_same_v<F, Pair>) {
    const Vec<F> x = factors_across<F, false>(column, step, depth, f, n);
    memcpy(out, &x, size_t(width) * sizeof(F));
  } else {
    for (int64_t j = 0; j < n; ++j) out[j] = column[f * step + j];
    for (int64_t j = n; j < width; ++j) out[j] = T(0);
  }
}

// Columns in place, of a matrix of `depth` rows.
template <class F, class T>
void pack_columns(const Panels<F> &panels, const T *matrix, int64_t row_step, int64_t depth, F *packed, int64_t part,
                  int64_t parts) {
  const int64_t lanes = kLanes<F>, rows = factors<F>(depth);
  for (int64_t p = panels.count * part / parts; p < panels.count * (part + 1) / parts; ++p) {
    Panel panel = panels[p];
    F *out = packed + panels.at(panel, rows, 1);
    for (int64_t wide = 1; wide >= 0; --wide) {
      int64_t vectors = wide ? panel.whole : panel.half, first = panel.unit + (wide ? 0 : panel.whole * lanes);
      int64_t width = wide ? lanes : lanes / 2;
      for (int64_t f = 0; f < rows; ++f)
        for (int64_t v = 0; v < vectors; ++v, out += width) {
          int64_t unit = first + v * lanes, left = panels.hidden - unit;
          pack_lanes(out, matrix + unit, row_step, depth, f, wide || left < width ? left : width, width);
        }
    }
  }
}

// One panel of a matrix that is stored the other way round, packed as it would be from (k, n): `matrix` is the first of
// its `columns` columns, stored as rows `step` apart, of `depth` numbers. They become rows `from` on of the `total` that
// are packed at `out`. A tile of lanes x lanes goes at a time, so that each cache line of the matrix is read once.
template <class F, class T>
void pack_rows(const Panel &panel, const T *matrix, int64_t step, int64_t columns, int64_t depth, int64_t total,
               int64_t from, F *out) {
  const int64_t lanes = kLanes<F>, row = panel.whole * lanes, rows = factors<F>(depth);
  F *half = out + total * row + from * (lanes / 2);
  out += from * row;
  for (int64_t v = 0; v < panel.whole + panel.half; ++v) {
    const bool whole = v < panel.whole;
    const T *in = matrix + v * lanes * step;
    for (int64_t f = 0; f < rows; f += lanes) {
      F *to = whole ? out + f * row + v * lanes : half + f * (lanes / 2);
      transpose_rows_of<F>(
          columns - v * lanes, rows - f,
          [&](int64_t r, auto all) __attribute__((always_inline)) {
            return factors_along<F, decltype(all)::value>(in + r * step, depth, f);
          },
          [&](int64_t c, Vec<F> x) {
            if (whole)
              *reinterpret_cast<Aligned<F> *>(to + c * row) = x;
            else
              memcpy(to + c * (lanes / 2), &x, sizeof x / 2);
          });
    }
  }
}

// Vectors that hold all gates' columns of a panel. `apart`: the gates read different rows, so that none share a vector.
template <class T>
UNPAD_INLINE int64_t gate_vectors(const Panel &panel, int64_t gates, bool apart) {
  return apart ? gates : (gates * panel.units + kLanes<T> - 1) / kLanes<T>;
}

// Panels of one vector of units: gate g of unit u is column g * hidden + u of the matrix, which has `hidden` rows.
template <class F, class T>
void pack_gates(const Panels<F> &panels, const T *matrix, int64_t row_step, int64_t gates, bool apart, F *packed,
                int64_t part, int64_t parts) {
  const int64_t lanes = kLanes<F>, depth = panels.hidden, rows = factors<F>(depth);
  for (int64_t p = panels.count * part / parts; p < panels.count * (part + 1) / parts; ++p) {
    const Panel panel = panels[p];
    const int64_t units = panel.units, row = gate_vectors<F>(panel, gates, apart) * lanes;
    const int64_t step = apart ? lanes : units;  // from gate to gate
    F *out = packed + panels.at(panel, rows, gates);
    for (int64_t f = 0; f < rows; ++f, out += row) {
      if (units < lanes) memset(out, 0, size_t(row) * sizeof(F));
      for (int64_t g = 0; g < gates; ++g)
        pack_lanes(out + g * step, matrix + panel.unit + g * panels.hidden, row_step, depth, f, units, units);
    }
  }
}

}  // namespace UNPAD_NAMESPACE
}  // namespace unpad
