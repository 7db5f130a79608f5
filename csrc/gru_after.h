// GRU with the reset gate after the product: z, r = rec(projected + h' @ R + b), n = h' @ R_h + b_h,
// hh = act(projected_h + r n), h = z h' + (1 - z) hh. Forward keeps z, r, hh and n.
#pragma once

#include "steps.h"

namespace unpad {
namespace UNPAD_NAMESPACE {

template <class T>
struct GruForwardSpace {
  T *masked[2], *reset;  // the team's; reset: r * h', for the GRU that resets before
  const T **projected, **previous, **state, **mask, **reset_in;
  T **gates, **saved, **h, **masked_out, *tile, *zeros;
  int64_t shared_bytes, bytes;

  GruForwardSpace(const unpad_problem &p, int64_t rows, void *shared, void *scratch) {
    Arena team{static_cast<char *>(shared), 0}, own{static_cast<char *>(scratch), 0};
    for (T *&m : masked) m = team.take<T>(rows * p.masks * p.hidden);
    reset = team.take<T>(record_of(p).twice && !p.keep ? rows * p.hidden : 0);
    projected = own.take<const T *>(rows);
    previous = own.take<const T *>(rows);
    state = own.take<const T *>(rows);
    mask = own.take<const T *>(rows);
    reset_in = own.take<const T *>(rows);
    gates = own.take<T *>(rows);
    saved = own.take<T *>(rows);
    h = own.take<T *>(rows);
    masked_out = own.take<T *>(rows);
    tile = own.take<T>(kTileRows * kMostVectors * kLanes<T>);
    zeros = own.take<T>(3 * p.hidden);
    shared_bytes = team.used;
    bytes = own.used;
  }
};

// Where the active rows' step t lies.
template <class T>
void gru_forward_step(const Walk &w, const GruForwardSpace<T> &space, int64_t active, int64_t t) {
  const unpad_problem &p = *w.problem;
  const auto &d = *static_cast<const unpad_forward_direction *>(w.direction);
  const Rows &rows = w.rows;
  const int64_t hidden = p.hidden, masks = p.masks;
  for (int64_t i = 0; i < active; ++i) {
    int64_t row = step_row(rows, i, t, d.reverse);
    space.projected[i] = projected_of<T>(d, row);
    space.h[i] = at<T>(d.h, row, d.h_stride);
    space.gates[i] = d.gates ? at<T>(d.gates, row, d.gates_stride) : space.h[i];  // not written
    space.saved[i] = p.keep ? at<T>(d.saved, row, d.saved_stride) : space.reset + i * hidden;
    space.reset_in[i] = space.saved[i];
    space.state[i] = t > 0         ? at<T>(d.h, row + (d.reverse ? 1 : -1), d.h_stride)
                     : d.initial_h ? at<T>(d.initial_h, rows.sequence[i], hidden)
                                   : space.zeros;
    space.previous[i] = space.state[i];
    if (masks) {
      space.previous[i] = space.masked[(t + 1) & 1] + i * masks * hidden;
      space.masked_out[i] = space.masked[t & 1] + i * masks * hidden;
      space.mask[i] = at<T>(d.mask, rows.sequence[i] * masks, hidden);
    }
  }
}

template <class T>
void gru_final(const Walk &w) {
  const auto &d = *static_cast<const unpad_forward_direction *>(w.direction);
  const int64_t hidden = w.problem->hidden;
  for (int64_t i = w.rank; i < w.rows.count; i += w.team)
    copy_row<T>(at<T>(d.final_h, w.rows.sequence[i], hidden),
                at<T>(d.h, step_row(w.rows, i, w.rows.length[i] - 1, d.reverse), d.h_stride), hidden);
}

template <class T, class Act, class Rec>
void gru_after_forward(const Walk &w, Act act, Rec rec) {
  const unpad_problem &p = *w.problem;
  const auto &d = *static_cast<const unpad_forward_direction *>(w.direction);
  const Rows &rows = w.rows;
  const int64_t hidden = p.hidden, lanes = kLanes<T>, masks = p.masks;
  const bool keep = p.keep;
  GruForwardSpace<T> space(p, rows.count, w.shared, w.scratch);
  const Panels<T> panels(hidden, 1);
  const int64_t from = panels.count * w.rank / w.team, to = panels.count * (w.rank + 1) / w.team;
  const int64_t apart = masks > 1 ? hidden : 0;
  memset(space.zeros, 0, size_t(3 * hidden) * sizeof(T));
  const T *bias = d.recurrent_bias ? static_cast<const T *>(d.recurrent_bias) : space.zeros;
  if (masks && d.initial_h) {
    mask_initial<T>(w, d.initial_h, d.mask, space.masked[1]);
    meet<T>(w);
  }

  int64_t active = rows.count;
  for (int64_t t = 0; (active = still_active(rows, active, t)) > 0; ++t) {
    gru_forward_step(w, space, active, t);
    const int64_t depth = t > 0 || d.initial_h ? hidden : 0;
    for (int64_t q = from; q < to; ++q) {
      const Panel panel = panels[q];
      const T *packed = static_cast<const T *>(w.packed) + panels.at(panel, hidden, 3);
      const int64_t u = panel.unit;
      for (int64_t i = 0, n; i < active; i += n) {
        n = tile_rows(active - i);
        gates_product<T, 3>(panel, n, depth, space.previous + i, apart, packed, space.tile);
        with_width<T>(u, hidden, [&](auto whole, int64_t width) __attribute__((always_inline)) {
          constexpr bool W = decltype(whole)::value;
          const Vec<T> bz = load<W>(bias + u, width), br = load<W>(bias + hidden + u, width);
          const Vec<T> bn = load<W>(bias + 2 * hidden + u, width);
          for (int64_t r = i; r < i + n; ++r) {
            T *sum = space.tile + (r - i) * 3 * lanes, *gates = space.gates[r] + u;
            const T *x = space.projected[r] + u;
            Vec<T> inner = load_whole(sum + 2 * lanes) + bn;
            Many<T, 2> zr = rec.values(Many<T, 2>{{load<W>(x, width) + (load_whole(sum) + bz),
                                                   load<W>(x + hidden, width) + (load_whole(sum + lanes) + br)}});
            store_whole(sum, load<W>(x + 2 * hidden, width) + zr.v[1] * inner);
            store_whole(sum + lanes, zr.v[0]);
            if (keep) {
              store<W>(gates, zr.v[0], width);
              store<W>(gates + hidden, zr.v[1], width);
              store<W>(space.saved[r] + u, inner, width);
            }
          }
          activate(space.tile, 3 * lanes, n, act);
          for (int64_t r = i; r < i + n; ++r) {
            const T *sum = space.tile + (r - i) * 3 * lanes;
            Vec<T> hh = load_whole(sum), z = load_whole(sum + lanes);
            Vec<T> h = z * load<W>(space.state[r] + u, width) + (T(1) - z) * hh;
            if (keep) store<W>(space.gates[r] + 2 * hidden + u, hh, width);
            store<W>(space.h[r] + u, h, width);
            if (masks) store_masked<W>(space.masked_out[r], h, space.mask[r], masks, hidden, u, width);
          }
        });
      }
    }
    meet<T>(w);
  }
  gru_final<T>(w);
}

template <class T>
struct GruBackwardSpace {
  T *carry;  // the team's: dh z, the part of the earlier state's gradient that does not go through a product
  const T **later, **later_inner, **mask, **gates, **h_previous, **saved, **d_h, **d_cell;
  T **d_gates, **d_saved, **d_initial, *tile, *spare, *zeros;
  int64_t shared_bytes, bytes;

  GruBackwardSpace(const unpad_problem &p, int64_t rows, void *shared, void *scratch) {
    Arena team{static_cast<char *>(shared), 0}, own{static_cast<char *>(scratch), 0};
    carry = team.take<T>(rows * p.hidden);
    later = own.take<const T *>(rows);
    later_inner = own.take<const T *>(rows);
    mask = own.take<const T *>(rows);
    gates = own.take<const T *>(rows);
    h_previous = own.take<const T *>(rows);
    saved = own.take<const T *>(rows);
    d_h = own.take<const T *>(rows);
    d_cell = own.take<const T *>(rows);
    d_gates = own.take<T *>(rows);
    d_saved = own.take<T *>(rows);
    d_initial = own.take<T *>(rows);
    tile = own.take<T>(kTileRows * kMostVectors * kLanes<T>);
    spare = own.take<T>(kTileRows * kMostVectors * kLanes<T>);
    zeros = own.take<T>(p.hidden);
    shared_bytes = team.used;
    bytes = own.used;
  }
};

// Where step s from the end lies, for the rows that have one, and the step after it, for the `before` that had one.
template <class T>
void gru_backward_step(const Walk &w, const GruBackwardSpace<T> &space, int64_t before, int64_t active, int64_t s) {
  const unpad_problem &p = *w.problem;
  const auto &d = *static_cast<const unpad_backward_direction *>(w.direction);
  const Rows &rows = w.rows;
  const bool reverse = d.reverse, after = record_of(p).inner;
  for (int64_t i = 0; i < before; ++i) {
    int64_t row = step_row(rows, i, rows.length[i] - s, reverse);
    space.later[i] = at<T>(d.d_gates, row, d.d_gates_stride);
    if (after) space.later_inner[i] = at<T>(d.d_saved, row, d.d_saved_stride);
  }
  for (int64_t i = 0; i < active; ++i) {
    int64_t t = rows.length[i] - 1 - s, row = step_row(rows, i, t, reverse);
    space.gates[i] = at<T>(d.gates, row, d.gates_stride);
    space.h_previous[i] = t > 0         ? at<T>(d.h, row + (reverse ? 1 : -1), d.h_stride)
                          : d.initial_h ? at<T>(d.initial_h, rows.sequence[i], p.hidden)
                                        : space.zeros;
    space.d_h[i] = d.d_h ? at<T>(d.d_h, row, d.d_h_stride) : space.zeros;
    space.d_gates[i] = at<T>(d.d_gates, row, d.d_gates_stride);
    space.d_cell[i] = space.d_gates[i] + (record_of(p).gates - 1) * p.hidden;
    if (after) {
      space.saved[i] = at<T>(d.saved, row, d.saved_stride);
      space.d_saved[i] = at<T>(d.d_saved, row, d.d_saved_stride);
    }
  }
}

// The initial states' gradients of rows active .. before, which have just ended, for one panel.
template <class T>
void gru_initial(const Walk &w, const GruBackwardSpace<T> &space, const Panel &panel, int64_t active, int64_t before,
                 const Segment<T> *segments, int64_t count, const T *packed) {
  const auto &d = *static_cast<const unpad_backward_direction *>(w.direction);
  const int64_t hidden = w.problem->hidden, lanes = kLanes<T>, vectors = panel.whole + panel.half;
  const int64_t total = record_of(*w.problem).gates * hidden;
  const T *const *mask = w.problem->masks ? space.mask : nullptr;
  for (int64_t i = active, n; i < before; i += n) {
    n = tile_rows(before - i);
    pull_back<T>(panel, i, n, hidden, total, segments, count, mask, packed, space.tile, space.spare);
    for (int64_t r = i; r < i + n; ++r) {
      space.d_initial[r] = at<T>(d.d_initial_h, w.rows.sequence[r], hidden);
      for (int64_t v = 0; v < vectors; ++v) {
        T *sum = space.tile + ((r - i) * vectors + v) * lanes;
        with_width<T>(panel.unit + v * lanes, hidden, [&](auto whole, int64_t width) __attribute__((always_inline)) {
          constexpr bool W = decltype(whole)::value;
          store_whole(sum, load_whole(sum) + load<W>(space.carry + r * hidden + panel.unit + v * lanes, width));
        });
      }
    }
    store_tile<T>(space.d_initial + i, space.tile, panel, n, hidden);
  }
}

template <class T, class Act, class Rec>
void gru_after_backward(const Walk &w, Act act, Rec rec) {
  const unpad_problem &p = *w.problem;
  const auto &d = *static_cast<const unpad_backward_direction *>(w.direction);
  const Rows &rows = w.rows;
  const int64_t hidden = p.hidden, lanes = kLanes<T>, masks = p.masks;
  GruBackwardSpace<T> space(p, rows.count, w.shared, w.scratch);
  const Panels<T> panels(hidden, kMostVectors, w.team);
  const int64_t from = panels.count * w.rank / w.team, to = panels.count * (w.rank + 1) / w.team;
  memset(space.zeros, 0, size_t(hidden) * sizeof(T));
  for (int64_t i = 0; i < rows.count; ++i)
    space.mask[i] = masks ? at<T>(d.mask, rows.sequence[i] * masks, hidden) : nullptr;
  const T *const *mask = masks ? space.mask : nullptr;

  // The product saw d_z and d_r as they are, the candidate's part times r.
  Segment<T> segments[3] = {{space.later, 0, 0, 2 * hidden, 0}, {space.later_inner, 0, 2 * hidden, hidden, 0}};
  int64_t count = 2;
  if (masks) {
    const int64_t own = masks > 1;
    segments[0] = {space.later, 0, 0, hidden, 0};
    segments[1] = {space.later, hidden, hidden, hidden, own};
    segments[2] = {space.later_inner, 0, 2 * hidden, hidden, 2 * own};
    count = 3;
  }

  int64_t before = 0, active = rows.count;
  for (int64_t s = 0; s == 0 || before > 0; ++s, before = active) {
    active = still_active(rows, active, s);
    gru_backward_step(w, space, before, active, s);
    for (int64_t q = from; q < to; ++q) {
      const Panel panel = panels[q];
      const T *packed = static_cast<const T *>(w.packed) + panels.at(panel, 3 * hidden, 1);
      const int64_t vectors = panel.whole + panel.half;
      for (int64_t i = 0, n; i < active; i += n) {
        n = tile_rows(active - i);
        if (s) pull_back<T>(panel, i, n, hidden, 3 * hidden, segments, count, mask, packed, space.tile, space.spare);
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
              Vec<T> z = load<W>(a, width), reset = load<W>(a + hidden, width), hh = load<W>(a + 2 * hidden, width);
              Vec<T> inner = load<W>(space.saved[r] + u, width), h = load<W>(space.h_previous[r] + u, width);
              Vec<T> d_cell = dh * (T(1) - z) * act.template slope<T>(hh);
              store<W>(out, dh * (h - hh) * rec.template slope<T>(z), width);
              store<W>(out + hidden, d_cell * inner * rec.template slope<T>(reset), width);
              store<W>(out + 2 * hidden, d_cell, width);
              store<W>(space.d_saved[r] + u, d_cell * reset, width);
              store<W>(carry, dh * z, width);
            }
          });
        }
      }
      if (d.d_initial_h) gru_initial(w, space, panel, active, before, segments, count, packed);
    }
    meet<T>(w);
  }
}

}  // namespace UNPAD_NAMESPACE
}  // namespace unpad
