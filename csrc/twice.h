// Cells of two products a step, the second needing all of the first: a team meets twice.
//
// GRU with the reset gate before the product: z, r = rec(projected + h' @ R), hh = act(projected_h + (r h') @ R_h),
// h = z h' + (1 - z) hh. MGU (Zhou et al. 2016), where one gate does both: f = rec(..), hh = act(.. + (f h') @ R_h),
// h = (1 - f) h' + f hh. `Gates`: of the first product, the last of which resets; 2 is the GRU, 1 the MGU.
//
// The packed kernel is the first gates' as panels of as many and then R_h; for backward, the transpose as for any cell.
#pragma once

#include "gru_after.h"

namespace unpad {
namespace UNPAD_NAMESPACE {

template <class T, int Gates, class Act, class Rec>
void twice_forward(const Walk &w, Act act, Rec rec) {
  const unpad_problem &p = *w.problem;
  const auto &d = *static_cast<const unpad_forward_direction *>(w.direction);
  const Rows &rows = w.rows;
  const int64_t hidden = p.hidden, lanes = kLanes<T>, masks = p.masks;
  const bool keep = p.keep;
  GruForwardSpace<T> space(p, rows.count, w.shared, w.scratch);
  const Panels<T> gate_panels(hidden, 1), panels(hidden, kMostVectors, w.team);
  const T *packed_gates = static_cast<const T *>(w.packed);
  const T *packed_cell = packed_gates + gate_panels.elements(hidden, Gates);
  const int64_t apart = masks > 1 ? hidden : 0;
  memset(space.zeros, 0, size_t(hidden) * sizeof(T));
  if (masks && d.initial_h) {
    mask_initial<T>(w, d.initial_h, d.mask, space.masked[1]);
    meet<T>(w);
  }

  int64_t active = rows.count;
  for (int64_t t = 0; (active = still_active(rows, active, t)) > 0; ++t) {
    gru_forward_step(w, space, active, t);
    const int64_t depth = t > 0 || d.initial_h ? hidden : 0;

    for (int64_t q = gate_panels.count * w.rank / w.team; q < gate_panels.count * (w.rank + 1) / w.team; ++q) {
      const Panel panel = gate_panels[q];
      const T *packed = packed_gates + gate_panels.at(panel, hidden, Gates);
      const int64_t u = panel.unit;
      for (int64_t i = 0, n; i < active; i += n) {
        n = tile_rows(active - i);
        gates_product<T, Gates>(panel, n, depth, space.previous + i, apart, packed, space.tile);
        with_width<T>(u, hidden, [&](auto whole, int64_t width) __attribute__((always_inline)) {
          constexpr bool W = decltype(whole)::value;
          for (int64_t r = i; r < i + n; ++r) {
            const T *sum = space.tile + (r - i) * Gates * lanes;
            T *gates = space.gates[r] + u;
            const T *x = space.projected[r] + u;
            Many<T, Gates> first;
            for (int k = 0; k < Gates; ++k) first.v[k] = load<W>(x + k * hidden, width) + load_whole(sum + k * lanes);
            first = rec.values(first);
            for (int k = 0; k < Gates; ++k) store<W>(gates + k * hidden, first.v[k], width);
            Vec<T> h = load<W>(space.state[r] + u, width);
            if (masks) h *= load<W>(space.mask[r] + (masks > 1 ? Gates : 0) * hidden + u, width);
            store<W>(space.saved[r] + u, first.v[Gates - 1] * h, width);
          }
        });
      }
    }
    meet<T>(w);

    for (int64_t q = panels.count * w.rank / w.team; q < panels.count * (w.rank + 1) / w.team; ++q) {
      const Panel panel = panels[q];
      const T *packed = packed_cell + panels.at(panel, hidden, 1);
      const int64_t vectors = panel.whole + panel.half;
      for (int64_t i = 0, n; i < active; i += n) {
        n = tile_rows(active - i);
        units_product<T>(panel, n, hidden, 0, depth, space.reset_in + i, packed, space.tile);
        for (int64_t v = 0; v < vectors; ++v) {
          const int64_t u = panel.unit + v * lanes, step = vectors * lanes;
          T *tile = space.tile + v * lanes;
          with_width<T>(u, hidden, [&](auto whole, int64_t width) __attribute__((always_inline)) {
            constexpr bool W = decltype(whole)::value;
            for (int64_t r = 0; r < n; ++r)
              store_whole(tile + r * step,
                          load<W>(space.projected[i + r] + Gates * hidden + u, width) + load_whole(tile + r * step));
            activate(tile, step, n, act);
            for (int64_t r = 0; r < n; ++r) {
              Vec<T> hh = load_whole(tile + r * step), z = load<W>(space.gates[i + r] + u, width);
              if constexpr (Gates == 1) z = T(1) - z;  // from here on what stays of the state
              Vec<T> h = z * load<W>(space.state[i + r] + u, width) + (T(1) - z) * hh;
              if (keep) store<W>(space.gates[i + r] + Gates * hidden + u, hh, width);
              store<W>(space.h[i + r] + u, h, width);
              if (masks) store_masked<W>(space.masked_out[i + r], h, space.mask[i + r], masks, hidden, u, width);
            }
          });
        }
      }
    }
    meet<T>(w);
  }
  gru_final<T>(w);
}

template <class T, int Gates, class Act, class Rec>
void twice_backward(const Walk &w, Act act, Rec rec) {
  const unpad_problem &p = *w.problem;
  const auto &d = *static_cast<const unpad_backward_direction *>(w.direction);
  const Rows &rows = w.rows;
  const int64_t hidden = p.hidden, lanes = kLanes<T>, masks = p.masks, total = (Gates + 1) * hidden;
  GruBackwardSpace<T> space(p, rows.count, w.shared, w.scratch);
  const Panels<T> panels(hidden, kMostVectors, w.team);
  const int64_t from = panels.count * w.rank / w.team, to = panels.count * (w.rank + 1) / w.team;
  memset(space.zeros, 0, size_t(hidden) * sizeof(T));
  for (int64_t i = 0; i < rows.count; ++i)
    space.mask[i] = masks ? at<T>(d.mask, rows.sequence[i] * masks, hidden) : nullptr;
  const T *const *mask = masks ? space.mask : nullptr;

  // What goes back through the first gates; the candidate's share is in the carry by then.
  Segment<T> segments[2] = {{space.later, 0, 0, Gates * hidden, 0}};
  int64_t count = 1;
  if (masks && Gates == 2) {
    segments[0].depth = hidden;
    segments[1] = {space.later, hidden, hidden, hidden, masks > 1};
    count = 2;
  }
  const Segment<T> cell = {space.d_cell, 0, Gates * hidden, hidden, 0};

  int64_t before = 0, active = rows.count;
  for (int64_t s = 0; s == 0 || before > 0; ++s, before = active) {
    active = still_active(rows, active, s);
    gru_backward_step(w, space, before, active, s);

    for (int64_t q = from; q < to; ++q) {  // d_z, or what updating gives to d_f, and the candidate's gradient
      const Panel panel = panels[q];
      const T *packed = static_cast<const T *>(w.packed) + panels.at(panel, total, 1);
      const int64_t vectors = panel.whole + panel.half;
      for (int64_t i = 0, n; i < active; i += n) {
        n = tile_rows(active - i);
        if (s) pull_back<T>(panel, i, n, hidden, total, segments, count, mask, packed, space.tile, space.spare);
        for (int64_t v = 0; v < vectors; ++v) {
          const int64_t u = panel.unit + v * lanes;
          with_width<T>(u, hidden, [&](auto whole, int64_t width) __attribute__((always_inline)) {
            constexpr bool W = decltype(whole)::value;
            for (int64_t r = i; r < i + n; ++r) {
              T *carry = space.carry + r * hidden + u, *out = space.d_gates[r] + u;
              Vec<T> dh = load<W>(space.d_h[r] + u, width);
              if (s)
                dh += load_whole(space.tile + ((r - i) * vectors + v) * lanes) + load<W>(carry, width);
              else if (d.d_final_h)
                dh += load<W>(at<T>(d.d_final_h, rows.sequence[r], hidden) + u, width);
              const T *a = space.gates[r] + u;
              Vec<T> z = load<W>(a, width), hh = load<W>(a + Gates * hidden, width);
              Vec<T> h = load<W>(space.h_previous[r] + u, width);
              if constexpr (Gates == 2) {
                store<W>(out, dh * (h - hh) * rec.template slope<T>(z), width);
                store<W>(out + 2 * hidden, dh * (T(1) - z) * act.template slope<T>(hh), width);
                store<W>(carry, dh * z, width);
              } else {
                store<W>(out, dh * (hh - h) * rec.template slope<T>(z), width);
                store<W>(out + hidden, dh * z * act.template slope<T>(hh), width);
                store<W>(carry, dh * (T(1) - z), width);
              }
            }
          });
        }
      }
      if (d.d_initial_h) gru_initial(w, space, panel, active, before, segments, count, packed);
    }
    meet<T>(w);

    for (int64_t q = from; q < to; ++q) {  // d_r, or what resetting gives to d_f, and what the candidate passes on
      const Panel panel = panels[q];
      const T *packed = static_cast<const T *>(w.packed) + panels.at(panel, total, 1);
      const int64_t vectors = panel.whole + panel.half;
      for (int64_t i = 0, n; i < active; i += n) {
        n = tile_rows(active - i);
        pull_back<T>(panel, i, n, hidden, total, &cell, 1, nullptr, packed, space.tile, space.spare);
        for (int64_t v = 0; v < vectors; ++v) {
          const int64_t u = panel.unit + v * lanes;
          with_width<T>(u, hidden, [&](auto whole, int64_t width) __attribute__((always_inline)) {
            constexpr bool W = decltype(whole)::value;
            for (int64_t r = i; r < i + n; ++r) {
              T *carry = space.carry + r * hidden + u;
              T *out = space.d_gates[r] + (Gates - 1) * hidden + u;
              Vec<T> reset = load<W>(space.gates[r] + (Gates - 1) * hidden + u, width);
              Vec<T> through = load_whole(space.tile + ((r - i) * vectors + v) * lanes);
              if (masks) through *= load<W>(space.mask[r] + (masks > 1 ? Gates : 0) * hidden + u, width);
              Vec<T> h = load<W>(space.h_previous[r] + u, width);
              Vec<T> d_reset = through * h * rec.template slope<T>(reset);
              if (Gates == 1) d_reset += load<W>(out, width);
              store<W>(out, d_reset, width);
              store<W>(carry, load<W>(carry, width) + through * reset, width);
            }
          });
        }
      }
    }
    meet<T>(w);
  }
}

template <class T, class Act, class Rec>
void gru_before_forward(const Walk &w, Act act, Rec rec) {
  twice_forward<T, 2>(w, act, rec);
}
template <class T, class Act, class Rec>
void gru_before_backward(const Walk &w, Act act, Rec rec) {
  twice_backward<T, 2>(w, act, rec);
}
template <class T, class Act, class Rec>
void mgu_forward(const Walk &w, Act act, Rec rec) {
  twice_forward<T, 1>(w, act, rec);
}
template <class T, class Act, class Rec>
void mgu_backward(const Walk &w, Act act, Rec rec) {
  twice_backward<T, 1>(w, act, rec);
}

}  // namespace UNPAD_NAMESPACE
}  // namespace unpad
