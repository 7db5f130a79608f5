// How the columns of a product are cut into panels, and how a matrix is packed into them.
//
// A panel is a few vectors of units, one column each; a last vector that is at most half full is packed half as wide,
// after the panel's whole vectors. Or it is one vector of hidden units with the columns of all their gates, so that the
// pointwise part of a cell finds everything about a unit in one register tile; units that do not fill a vector have
// their gates' columns side by side. Within a panel the rows (k) follow each other.
#pragma once

#include "simd/vectors.h"

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

  // Elements of a packed matrix with `depth` rows and `gates` columns a unit.
  int64_t elements(int64_t depth, int64_t gates) const { return (whole + half) * kLanes<T> * depth * gates; }

  // Where the panel that starts at a unit begins.
  int64_t at(const Panel &p, int64_t depth, int64_t gates) const { return p.unit * depth * gates; }
};

// One vector of packed columns from one row: n real ones, the rest 0.
template <class T>
UNPAD_INLINE void pack_lanes(T *out, const T *in, int64_t n, int64_t lanes) {
  for (int64_t j = 0; j < n; ++j) out[j] = in[j];
  for (int64_t j = n; j < lanes; ++j) out[j] = T(0);
}

// Columns in place.
template <class T>
void pack_columns(const Panels<T> &panels, const T *matrix, int64_t row_step, int64_t depth, T *packed, int64_t part,
                  int64_t parts) {
  const int64_t lanes = kLanes<T>;
  for (int64_t p = panels.count * part / parts; p < panels.count * (part + 1) / parts; ++p) {
    Panel panel = panels[p];
    T *out = packed + panels.at(panel, depth, 1);
    for (int64_t wide = 1; wide >= 0; --wide) {
      int64_t vectors = wide ? panel.whole : panel.half, first = panel.unit + (wide ? 0 : panel.whole * lanes);
      int64_t width = wide ? lanes : lanes / 2;
      for (int64_t k = 0; k < depth; ++k)
        for (int64_t v = 0; v < vectors; ++v, out += width) {
          int64_t unit = first + v * lanes, left = panels.hidden - unit;
          const T *in = matrix + k * row_step + unit;
          if (left >= lanes)
            store_whole(out, load_whole(in));
          else
            pack_lanes(out, in, left < width ? left : width, width);
        }
    }
  }
}

// Vectors that hold all gates' columns of a panel. `apart`: the gates read different rows, so that none share a vector.
template <class T>
UNPAD_INLINE int64_t gate_vectors(const Panel &panel, int64_t gates, bool apart) {
  return apart ? gates : (gates * panel.units + kLanes<T> - 1) / kLanes<T>;
}

// Panels of one vector of units: gate g of unit u is column g * hidden + u of the matrix.
template <class T>
void pack_gates(const Panels<T> &panels, const T *matrix, int64_t row_step, int64_t gates, bool apart, T *packed,
                int64_t part, int64_t parts) {
  const int64_t lanes = kLanes<T>, depth = panels.hidden;
  for (int64_t p = panels.count * part / parts; p < panels.count * (part + 1) / parts; ++p) {
    const Panel panel = panels[p];
    const int64_t units = panel.units, row = gate_vectors<T>(panel, gates, apart) * lanes;
    const int64_t step = apart ? lanes : units;  // from gate to gate
    T *out = packed + panels.at(panel, depth, gates);
    for (int64_t k = 0; k < depth; ++k, out += row) {
      const T *in = matrix + k * row_step + panel.unit;
      if (units < lanes) memset(out, 0, size_t(row) * sizeof(T));
      for (int64_t g = 0; g < gates; ++g)
        if (units == lanes)
          store_whole(out + g * step, load_whole(in + g * panels.hidden));
        else
          pack_lanes(out + g * step, in + g * panels.hidden, units, units);
    }
  }
}

// The transpose: packed row k, column u is matrix[u][k]. A tile of lanes x lanes goes at a time, so that each cache
// line of the matrix is read once.
template <class T>
void pack_transposed(const Panels<T> &panels, const T *matrix, int64_t row_step, int64_t depth, T *packed,
                     int64_t part, int64_t parts) {
  const int64_t lanes = kLanes<T>;
  for (int64_t p = panels.count * part / parts; p < panels.count * (part + 1) / parts; ++p) {
    Panel panel = panels[p];
    T *out = packed + panels.at(panel, depth, 1);
    for (int64_t wide = 1; wide >= 0; --wide) {
      int64_t vectors = wide ? panel.whole : panel.half, first = panel.unit + (wide ? 0 : panel.whole * lanes);
      int64_t width = wide ? lanes : lanes / 2, row = vectors * width;
      for (int64_t k0 = 0; k0 < depth; k0 += 16)
        for (int64_t v = 0; v < vectors; ++v) {
          int64_t unit = first + v * lanes, left = panels.hidden - unit, n = left < width ? left : width;
          for (int64_t j = 0; j < width; ++j)
            for (int64_t k = k0; k < k0 + 16 && k < depth; ++k)
              out[k * row + v * width + j] = j < n ? matrix[(unit + j) * row_step + k] : T(0);
        }
      out += depth * row;
    }
  }
}

}  // namespace UNPAD_NAMESPACE
}  // namespace unpad
