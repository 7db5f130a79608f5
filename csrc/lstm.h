// LSTM: i, f, o = rec(z_i, z_f, z_o), g = act(z_g), c = f c' + i g, h = o act(c), z = projected + h' @ R.
#pragma once

#include "steps.h"

namespace unpad {
namespace UNPAD_NAMESPACE {

template <class T>
struct LstmForwardSpace {
  T *masked[2], *cells;  // the team's
  const T **projected, **previous, **c_previous, **mask;
  T **gates, **c, **h, **masked_out, *tile, *zeros;
  int64_t shared_bytes, bytes;

  LstmForwardSpace(const unpad_problem &p, int64_t rows, void *shared, void *scratch) {
    Arena team{static_cast<char *>(shared), 0}, own{static_cast<char *>(scratch), 0};
    for (T *&m : masked) m = team.take<T>(rows * p.masks * p.hidden);
    cells = team.take<T>(p.keep ? 0 : rows * p.hidden);
    projected = own.take<const T *>(rows);
    previous = own.take<const T *>(rows);
    c_previous = own.take<const T *>(rows);
    mask = own.take<const T *>(rows);
    gates = own.take<T *>(rows);
    c = own.take<T *>(rows);
    h = own.take<T *>(rows);
    masked_out = own.take<T *>(rows);
    tile = own.take<T>(kTileRows * 4 * kLanes<T>);
    zeros = own.take<T>(p.hidden);
    shared_bytes = team.used;
    bytes = own.used;
  }
};

template <class T, class Act, class Rec>
void lstm_forward(const Walk &w, Act act, Rec rec) {
  const unpad_problem &p = *w.problem;
  const auto &d = *static_cast<const unpad_forward_direction *>(w.direction);
  const Rows &rows = w.rows;
  const int64_t hidden = p.hidden, lanes = kLanes<T>, masks = p.masks;
  const bool reverse = d.reverse, keep = p.keep;
  LstmForwardSpace<T> space(p, rows.count, w.shared, w.scratch);
  const Panels<T> panels(hidden, 1);
  const int64_t from = panels.count * w.rank / w.team, to = panels.count * (w.rank + 1) / w.team;
  const int64_t apart = masks > 1 ? hidden : 0;
  memset(space.zeros, 0, size_t(hidden) * sizeof(T));
  if (masks && d.initial_h) {
    mask_initial<T>(w, d.initial_h, d.mask, space.masked[1]);
    meet<T>(w);
  }

  int64_t active = rows.count;
  for (int64_t t = 0; (active = still_active(rows, active, t)) > 0; ++t) {
    for (int64_t i = 0; i < active; ++i) {
      int64_t row = step_row(rows, i, t, reverse), before = row + (reverse ? 1 : -1);
      space.projected[i] = projected_of<T>(d, row);
      space.h[i] = at<T>(d.h, row, d.h_stride);
      space.gates[i] = keep ? at<T>(d.gates, row, d.gates_stride) : space.h[i];  // not written
      space.c[i] = keep ? at<T>(d.saved, row, d.saved_stride) : space.cells + i * hidden;
      if (t > 0) {
        space.c_previous[i] = keep ? at<const T>(d.saved, before, d.saved_stride) : space.c[i];
        space.previous[i] = at<const T>(d.h, before, d.h_stride);
      } else {
        space.c_previous[i] = d.initial_c ? at<T>(d.initial_c, rows.sequence[i], hidden) : space.zeros;
        space.previous[i] = d.initial_h ? at<T>(d.initial_h, rows.sequence[i], hidden) : space.zeros;
      }
      if (masks) {
        space.previous[i] = space.masked[(t + 1) & 1] + i * masks * hidden;
        space.masked_out[i] = space.masked[t & 1] + i * masks * hidden;
        space.mask[i] = at<T>(d.mask, rows.sequence[i] * masks, hidden);
      }
    }
    const int64_t depth = t > 0 || d.initial_h ? hidden : 0;  // nothing to multiply before the first step

    for (int64_t q = from; q < to; ++q) {
      const Panel panel = panels[q];
      const T *packed = static_cast<const T *>(w.packed) + panels.at(panel, hidden, 4);
      const int64_t u = panel.unit;
      for (int64_t i = 0, n; i < active; i += n) {
        n = tile_rows(active - i);
        gates_product<T, 4>(panel, n, depth, space.previous + i, apart, packed, space.tile);
        with_width<T>(u, hidden, [&](auto whole, int64_t width) __attribute__((always_inline)) {
          constexpr bool W = decltype(whole)::value;
          for (int64_t r = i; r < i + n; ++r) {
            T *sum = space.tile + (r - i) * 4 * lanes, *gates = space.gates[r] + u;
            const T *z = space.projected[r] + u;
            Many<T, 4> g = {{load<W>(z, width) + load_whole(sum), load<W>(z + hidden, width) + load_whole(sum + lanes),
                             load<W>(z + 2 * hidden, width) + load_whole(sum + 2 * lanes),
                             load<W>(z + 3 * hidden, width) + load_whole(sum + 3 * lanes)}};
            g = lstm_gates(g, act, rec);
            Vec<T> c = g.v[1] * load<W>(space.c_previous[r] + u, width) + g.v[0] * g.v[2];
            store<W>(space.c[r] + u, c, width);
            if (keep)
              for (int k = 0; k < 4; ++k) store<W>(gates + k * hidden, g.v[k], width);
            store_whole(sum, c);
            store_whole(sum + lanes, g.v[3]);
          }
          activate(space.tile, 4 * lanes, n, act);
          for (int64_t r = i; r < i + n; ++r) {
            const T *sum = space.tile + (r - i) * 4 * lanes;
            Vec<T> h = load_whole(sum) * load_whole(sum + lanes);
            store<W>(space.h[r] + u, h, width);
            if (masks) store_masked<W>(space.masked_out[r], h, space.mask[r], masks, hidden, u, width);
          }
        });
      }
    }
    meet<T>(w);
  }

  for (int64_t i = w.rank; i < rows.count; i += w.team) {
    int64_t last = step_row(rows, i, rows.length[i] - 1, reverse);
    copy_row<T>(at<T>(d.final_h, rows.sequence[i], hidden), at<T>(d.h, last, d.h_stride), hidden);
    copy_row<T>(at<T>(d.final_c, rows.sequence[i], hidden),
                keep ? at<T>(d.saved, last, d.saved_stride) : space.cells + i * hidden, hidden);
  }
}

template <class T>
struct LstmBackwardSpace {
  T *carry;  // the team's: gradient of the cells
  const T **later, **mask, **gates, **c, **c_previous, **d_h;
  T **d_gates, **d_initial, *tile, *spare, *y, *zeros;
  int64_t shared_bytes, bytes;

  LstmBackwardSpace(const unpad_problem &p, int64_t rows, void *shared, void *scratch) {
    Arena team{static_cast<char *>(shared), 0}, own{static_cast<char *>(scratch), 0};
    carry = team.take<T>(rows * p.hidden);
    later = own.take<const T *>(rows);
    mask = own.take<const T *>(rows);
    gates = own.take<const T *>(rows);
    c = own.take<const T *>(rows);
    c_previous = own.take<const T *>(rows);
    d_h = own.take<const T *>(rows);
    d_gates = own.take<T *>(rows);
    d_initial = own.take<T *>(rows);
    tile = own.take<T>(kTileRows * kMostVectors * kLanes<T>);
    spare = own.take<T>(kTileRows * kMostVectors * kLanes<T>);
    y = own.take<T>(kTileRows * kLanes<T>);
    zeros = own.take<T>(p.hidden);
    shared_bytes = team.used;
    bytes = own.used;
  }
};

// Walks from each sequence's last step, so that here too all rows start together and the first ones end last.
template <class T, class Act, class Rec>
void lstm_backward(const Walk &w, Act act, Rec rec) {
  const unpad_problem &p = *w.problem;
  const auto &d = *static_cast<const unpad_backward_direction *>(w.direction);
  const Rows &rows = w.rows;
  const int64_t hidden = p.hidden, lanes = kLanes<T>, masks = p.masks;
  const bool reverse = d.reverse;
  LstmBackwardSpace<T> space(p, rows.count, w.shared, w.scratch);
  const Panels<T> panels(hidden, kMostVectors, w.team);
  const int64_t from = panels.count * w.rank / w.team, to = panels.count * (w.rank + 1) / w.team;
  memset(space.zeros, 0, size_t(hidden) * sizeof(T));
  for (int64_t i = w.rank; i < rows.count; i += w.team) {
    T *carry = space.carry + i * hidden;
    if (d.d_final_c)
      copy_row<T>(carry, at<T>(d.d_final_c, rows.sequence[i], hidden), hidden);
    else
      memset(carry, 0, size_t(hidden) * sizeof(T));
  }
  for (int64_t i = 0; i < rows.count; ++i)
    space.mask[i] = masks ? at<T>(d.mask, rows.sequence[i] * masks, hidden) : nullptr;
  meet<T>(w);

  Segment<T> segments[4] = {{space.later, 0, 0, 4 * hidden, 0}};
  if (masks)
    for (int64_t g = 0; g < 4; ++g) segments[g] = {space.later, g * hidden, g * hidden, hidden, masks > 1 ? g : 0};
  const int64_t count = masks ? 4 : 1;
  const T *const *mask = masks ? space.mask : nullptr;

  int64_t before = 0, active = rows.count;
  for (int64_t s = 0; s == 0 || before > 0; ++s, before = active) {
    active = still_active(rows, active, s);
    for (int64_t i = 0; i < before; ++i)
      space.later[i] = at<T>(d.d_gates, step_row(rows, i, rows.length[i] - s, reverse), d.d_gates_stride);
    for (int64_t i = 0; i < active; ++i) {
      int64_t t = rows.length[i] - 1 - s, row = step_row(rows, i, t, reverse);
      space.gates[i] = at<T>(d.gates, row, d.gates_stride);
      space.c[i] = at<T>(d.saved, row, d.saved_stride);
      space.c_previous[i] = t > 0         ? at<T>(d.saved, row + (reverse ? 1 : -1), d.saved_stride)
                            : d.initial_c ? at<T>(d.initial_c, rows.sequence[i], hidden)
                                          : space.zeros;
      space.d_h[i] = d.d_h ? at<T>(d.d_h, row, d.d_h_stride) : space.zeros;
      space.d_gates[i] = at<T>(d.d_gates, row, d.d_gates_stride);
    }

    for (int64_t q = from; q < to; ++q) {
      const Panel panel = panels[q];
      const T *packed = static_cast<const T *>(w.packed) + panels.at(panel, 4 * hidden, 1);
      const int64_t vectors = panel.whole + panel.half;
      for (int64_t i = 0, n; i < active; i += n) {
        n = tile_rows(active - i);
        if (s) pull_back<T>(panel, i, n, hidden, 4 * hidden, segments, count, mask, packed, space.tile, space.spare);
        for (int64_t v = 0; v < vectors; ++v) {
          const int64_t u = panel.unit + v * lanes;
          with_width<T>(u, hidden, [&](auto whole, int64_t width) __attribute__((always_inline)) {
            constexpr bool W = decltype(whole)::value;
            for (int64_t r = i; r < i + n; ++r) store_whole(space.y + (r - i) * lanes, load<W>(space.c[r] + u, width));
            activate(space.y, lanes, n, act);
            for (int64_t r = i; r < i + n; ++r) {
              Vec<T> dh = load<W>(space.d_h[r] + u, width);
              if (s)
                dh += load_whole(space.tile + ((r - i) * vectors + v) * lanes);
              else if (d.d_final_h)
                dh += load<W>(at<T>(d.d_final_h, rows.sequence[r], hidden) + u, width);
              const T *a = space.gates[r] + u;
              T *carry = space.carry + r * hidden + u, *out = space.d_gates[r] + u;
              Vec<T> in = load<W>(a, width), forget = load<W>(a + hidden, width);
              Vec<T> cell = load<W>(a + 2 * hidden, width), o = load<W>(a + 3 * hidden, width);
              Vec<T> y = load_whole(space.y + (r - i) * lanes);
              Vec<T> dc = load<W>(carry, width) + dh * o * act.template slope<T>(y);
              store<W>(out, dc * cell * rec.template slope<T>(in), width);
              Vec<T> c_previous = load<W>(space.c_previous[r] + u, width);
              store<W>(out + hidden, dc * c_previous * rec.template slope<T>(forget), width);
              store<W>(out + 2 * hidden, dc * in * act.template slope<T>(cell), width);
              store<W>(out + 3 * hidden, dh * y * rec.template slope<T>(o), width);
              store<W>(carry, dc * forget, width);
            }
          });
        }
      }
      if (d.d_initial_h)  // of the rows that have just ended
        for (int64_t i = active, n; i < before; i += n) {
          n = tile_rows(before - i);
          pull_back<T>(panel, i, n, hidden, 4 * hidden, segments, count, mask, packed, space.tile, space.spare);
          for (int64_t r = i; r < i + n; ++r)
            space.d_initial[r] = at<T>(d.d_initial_h, rows.sequence[r], hidden);
          store_tile<T>(space.d_initial + i, space.tile, panel, n, hidden);
        }
    }
    meet<T>(w);
  }

  if (d.d_initial_c)
    for (int64_t i = w.rank; i < rows.count; i += w.team)
      copy_row<T>(at<T>(d.d_initial_c, rows.sequence[i], hidden), space.carry + i * hidden, hidden);
}

}  // namespace UNPAD_NAMESPACE
}  // namespace unpad
