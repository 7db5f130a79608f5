// SimpleRNN: h = act(projected + h' @ R).
#pragma once

#include "steps.h"

namespace unpad {
namespace UNPAD_NAMESPACE {

template <class T>
struct SimpleForwardSpace {
  T *masked[2];  // the team's
  const T **previous, **mask, **projected;
  T **h, **masked_out, *tile, *zeros;
  int64_t shared_bytes, bytes;

  SimpleForwardSpace(const unpad_problem &p, int64_t rows, void *shared, void *scratch) {
    Arena team{static_cast<char *>(shared), 0}, own{static_cast<char *>(scratch), 0};
    for (T *&m : masked) m = team.take<T>(rows * p.masks * p.hidden);
    previous = own.take<const T *>(rows);
    mask = own.take<const T *>(rows);
    projected = own.take<const T *>(rows);
    h = own.take<T *>(rows);
    masked_out = own.take<T *>(rows);
    tile = own.take<T>(kTileRows * kMostVectors * kLanes<T>);
    zeros = own.take<T>(p.hidden);
    shared_bytes = team.used;
    bytes = own.used;
  }
};

template <class T, class Act>
void simple_forward(const Walk &w, Act act) {
  const unpad_problem &p = *w.problem;
  const auto &d = *static_cast<const unpad_forward_direction *>(w.direction);
  const Rows &rows = w.rows;
  const int64_t hidden = p.hidden, lanes = kLanes<T>, masks = p.masks;
  const bool reverse = d.reverse;
  SimpleForwardSpace<T> space(p, rows.count, w.shared, w.scratch);
  const Panels<T> panels(hidden, kMostVectors, w.team);
  const int64_t from = panels.count * w.rank / w.team, to = panels.count * (w.rank + 1) / w.team;
  memset(space.zeros, 0, size_t(hidden) * sizeof(T));
  if (masks && d.initial_h) {
    mask_initial<T>(w, d.initial_h, d.mask, space.masked[1]);
    meet<T>(w);
  }

  int64_t active = rows.count;
  for (int64_t t = 0; (active = still_active(rows, active, t)) > 0; ++t) {
    for (int64_t i = 0; i < active; ++i) {
      int64_t row = step_row(rows, i, t, reverse);
      space.projected[i] = projected_of<T>(d, row);
      space.h[i] = at<T>(d.h, row, d.h_stride);
      space.previous[i] = t > 0         ? at<T>(d.h, row + (reverse ? 1 : -1), d.h_stride)
                          : d.initial_h ? at<T>(d.initial_h, rows.sequence[i], hidden)
                                        : space.zeros;
      if (masks) {
        space.previous[i] = space.masked[(t + 1) & 1] + i * masks * hidden;
        space.masked_out[i] = space.masked[t & 1] + i * masks * hidden;
        space.mask[i] = at<T>(d.mask, rows.sequence[i] * masks, hidden);
      }
    }
    const int64_t depth = t > 0 || d.initial_h ? hidden : 0;

    for (int64_t q = from; q < to; ++q) {
      const Panel panel = panels[q];
      const T *packed = static_cast<const T *>(w.packed) + panels.at(panel, hidden, 1);
      const int64_t vectors = panel.whole + panel.half;
      for (int64_t i = 0, n; i < active; i += n) {
        n = tile_rows(active - i);
        units_product<T>(panel, n, hidden, 0, depth, space.previous + i, packed, space.tile);
        for (int64_t v = 0; v < vectors; ++v) {
          const int64_t u = panel.unit + v * lanes;
          T *tile = space.tile + v * lanes;
          with_width<T>(u, hidden, [&](auto whole, int64_t width) __attribute__((always_inline)) {
            constexpr bool W = decltype(whole)::value;
            for (int64_t r = 0; r < n; ++r)
              store_whole(tile + r * vectors * lanes,
                          load<W>(space.projected[i + r] + u, width) + load_whole(tile + r * vectors * lanes));
            activate(tile, vectors * lanes, n, act);
            for (int64_t r = 0; r < n; ++r) {
              Vec<T> h = load_whole(tile + r * vectors * lanes);
              store<W>(space.h[i + r] + u, h, width);
              if (masks) store_masked<W>(space.masked_out[i + r], h, space.mask[i + r], masks, hidden, u, width);
            }
          });
        }
      }
    }
    meet<T>(w);
  }

  for (int64_t i = w.rank; i < rows.count; i += w.team)
    copy_row<T>(at<T>(d.final_h, rows.sequence[i], hidden),
                at<T>(d.h, step_row(rows, i, rows.length[i] - 1, reverse), d.h_stride), hidden);
}

template <class T>
struct SimpleBackwardSpace {
  const T **later, **mask, **h, **d_h;
  T **d_gates, **d_initial, *tile, *spare, *zeros;
  int64_t shared_bytes, bytes;

  SimpleBackwardSpace(const unpad_problem &p, int64_t rows, void *, void *scratch) {
    Arena own{static_cast<char *>(scratch), 0};
    later = own.take<const T *>(rows);
    mask = own.take<const T *>(rows);
    h = own.take<const T *>(rows);
    d_h = own.take<const T *>(rows);
    d_gates = own.take<T *>(rows);
    d_initial = own.take<T *>(rows);
    tile = own.take<T>(kTileRows * kMostVectors * kLanes<T>);
    spare = own.take<T>(kTileRows * kMostVectors * kLanes<T>);
    zeros = own.take<T>(p.hidden);
    shared_bytes = 0;
    bytes = own.used;
  }
};

template <class T, class Act>
void simple_backward(const Walk &w, Act act) {
  const unpad_problem &p = *w.problem;
  const auto &d = *static_cast<const unpad_backward_direction *>(w.direction);
  const Rows &rows = w.rows;
  const int64_t hidden = p.hidden, lanes = kLanes<T>;
  const bool reverse = d.reverse;
  SimpleBackwardSpace<T> space(p, rows.count, w.shared, w.scratch);
  const Panels<T> panels(hidden, kMostVectors, w.team);
  const int64_t from = panels.count * w.rank / w.team, to = panels.count * (w.rank + 1) / w.team;
  memset(space.zeros, 0, size_t(hidden) * sizeof(T));
  for (int64_t i = 0; i < rows.count; ++i)
    space.mask[i] = p.masks ? at<T>(d.mask, rows.sequence[i] * p.masks, hidden) : nullptr;
  const Segment<T> segment = {space.later, 0, 0, hidden, 0};
  const T *const *mask = p.masks ? space.mask : nullptr;

  int64_t before = 0, active = rows.count;
  for (int64_t s = 0; s == 0 || before > 0; ++s, before = active) {
    active = still_active(rows, active, s);
    for (int64_t i = 0; i < before; ++i)
      space.later[i] = at<T>(d.d_gates, step_row(rows, i, rows.length[i] - s, reverse), d.d_gates_stride);
    for (int64_t i = 0; i < active; ++i) {
      int64_t row = step_row(rows, i, rows.length[i] - 1 - s, reverse);
      space.h[i] = at<T>(d.h, row, d.h_stride);
      space.d_h[i] = d.d_h ? at<T>(d.d_h, row, d.d_h_stride) : space.zeros;
      space.d_gates[i] = at<T>(d.d_gates, row, d.d_gates_stride);
    }

    for (int64_t q = from; q < to; ++q) {
      const Panel panel = panels[q];
      const T *packed = static_cast<const T *>(w.packed) + panels.at(panel, hidden, 1);
      const int64_t vectors = panel.whole + panel.half;
      for (int64_t i = 0, n; i < active; i += n) {
        n = tile_rows(active - i);
        if (s) pull_back<T>(panel, i, n, hidden, hidden, &segment, 1, mask, packed, space.tile, space.spare);
        for (int64_t v = 0; v < vectors; ++v) {
          const int64_t u = panel.unit + v * lanes;
          with_width<T>(u, hidden, [&](auto whole, int64_t width) __attribute__((always_inline)) {
            constexpr bool W = decltype(whole)::value;
            for (int64_t r = i; r < i + n; ++r) {
              Vec<T> dh = load<W>(space.d_h[r] + u, width);
              if (s)
                dh += load_whole(space.tile + ((r - i) * vectors + v) * lanes);
              else if (d.d_final_h)
                dh += load<W>(at<T>(d.d_final_h, rows.sequence[r], hidden) + u, width);
              store<W>(space.d_gates[r] + u, dh * act.template slope<T>(load<W>(space.h[r] + u, width)), width);
            }
          });
        }
      }
      if (d.d_initial_h)
        for (int64_t i = active, n; i < before; i += n) {
          n = tile_rows(before - i);
          pull_back<T>(panel, i, n, hidden, hidden, &segment, 1, mask, packed, space.tile, space.spare);
          for (int64_t r = i; r < i + n; ++r) space.d_initial[r] = at<T>(d.d_initial_h, rows.sequence[r], hidden);
          store_tile<T>(space.d_initial + i, space.tile, panel, n, hidden);
        }
    }
    meet<T>(w);
  }
}

}  // namespace UNPAD_NAMESPACE
}  // namespace unpad
