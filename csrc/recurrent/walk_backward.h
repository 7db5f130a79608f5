// The walk backward, of any cell, from each sequence's last step: here too all sequences start together and the first
// ones end last.
#pragma once

#include "recurrent/state_products.h"
#include "recurrent/units.h"

namespace unpad {
namespace UNPAD_NAMESPACE {

template <class T, class Cell>
struct BackwardSpace {
  T *d_carried, *stays;  // the team's: gradients of c, and of h what goes through no product
  const T **later, **later_inner, **mask, **gates, **saved, **state, **carried, **output, **d_h;
  T **d_gates, **d_saved, *sums, *spare, *carried_y, *zeros;
  int64_t shared_bytes, bytes;

  BackwardSpace(const unpad_problem &p, int64_t rows, void *shared, void *scratch) {
    Arena team{static_cast<char *>(shared), 0}, own{static_cast<char *>(scratch), 0};
    d_carried = team.take<T>(Cell::record.carries ? rows * p.hidden : 0);
    stays = team.take<T>(Cell::record.stays ? rows * p.hidden : 0);
    later = own.take<const T *>(rows);
    later_inner = own.take<const T *>(rows);
    mask = own.take<const T *>(rows);
    gates = own.take<const T *>(rows);
    saved = own.take<const T *>(rows);
    state = own.take<const T *>(rows);
    carried = own.take<const T *>(rows);
    output = own.take<const T *>(rows);
    d_h = own.take<const T *>(rows);
    d_gates = own.take<T *>(rows);
    d_saved = own.take<T *>(rows);
    sums = own.take<T>(kTileRows * kMostVectors * kLanes<T>);
    spare = own.take<T>(kTileRows * kMostVectors * kLanes<T>);
    carried_y = own.take<T>(kTileRows * kLanes<T>);
    zeros = own.take<T>(p.hidden);
    shared_bytes = team.used;
    bytes = own.used;
  }
};

// Where the s-th step from the end lies, for the sequences that have one, and the step after it, for the `before` that
// had one.
template <class T, class Cell>
UNPAD_INLINE void place_backward(const Walk &w, const BackwardSpace<T, Cell> &space, int64_t before, int64_t active,
                                 int64_t s) {
  constexpr CellRecord is = Cell::record;
  const auto &d = *static_cast<const unpad_backward_direction *>(w.direction);
  const Sequences &of = w.sequences;
  const bool reverse = d.reverse;
  const int64_t hidden = w.problem->hidden;
  for (int64_t i = 0; i < before; ++i) {
    const int64_t step = step_of(of, i, of.length[i] - s, reverse);
    space.later[i] = at<T>(d.d_gates, step, d.d_gates_stride);
    if constexpr (is.inner) space.later_inner[i] = at<T>(d.d_saved, step, d.d_saved_stride);
  }
  for (int64_t i = 0; i < active; ++i) {
    const int64_t t = of.length[i] - 1 - s, step = step_of(of, i, t, reverse);
    space.d_h[i] = d.d_h ? at<T>(d.d_h, step, d.d_h_stride) : space.zeros;
    space.d_gates[i] = at<T>(d.d_gates, step, d.d_gates_stride);
    if constexpr (is.keeps)
      space.gates[i] = at<T>(d.gates, step, d.gates_stride);
    else
      space.output[i] = at<T>(d.h, step, d.h_stride);
    if constexpr (is.carries || is.inner) space.saved[i] = at<T>(d.saved, step, d.saved_stride);
    if constexpr (is.inner) space.d_saved[i] = at<T>(d.d_saved, step, d.d_saved_stride);
    if constexpr (is.stays)
      space.state[i] = state_before<T>(of, i, t, step, reverse, d.h, d.h_stride, d.initial_h, hidden, space.zeros);
    if constexpr (is.carries)
      space.carried[i] =
          state_before<T>(of, i, t, step, reverse, d.saved, d.saved_stride, d.initial_c, hidden, space.zeros);
  }
}

// One thread's walk: what does not change from step to step.
// A thread's scratch: its space, and after it the gates' gradients as factors.
template <class T, class Cell, class F>
Operands<T, F> backward_operands(const unpad_problem &p, int64_t rows, const BackwardSpace<T, Cell> &space,
                                 void *scratch) {
  void *base = scratch ? static_cast<char *>(scratch) + space.bytes : nullptr;
  return {rows, Cell::record.gates, p.hidden, base};
}

template <class T, class Cell, class F, class Act, class Rec>
struct BackwardWalk {
  static constexpr CellRecord is = Cell::record;
  static constexpr int kMostSegments = is.gates + 1;
  static constexpr int64_t kPlain = is.gates - (is.twice || is.inner);
  static constexpr bool kCopied = !std::is_same_v<F, T>;
  const Walk &w;
  const unpad_backward_direction &d;
  const BackwardSpace<T, Cell> &space;
  const Operands<T, F> &operands;
  const StateProduct<T, 1, F> &product;
  Act act;
  Rec rec;
  int64_t hidden, masks, segment_count;
  Segment<F> segments[kMostSegments];  // of the gates whose product is of h itself

  // With masks each gate's product has its own; without, gates that lie beside each other are one stretch. The product
  // saw the gates' gradients as they are, but of an inner part its own.
  UNPAD_INLINE void cut_segments() {
    const int64_t stretches = masks ? kPlain : kPlain > 0, gates = masks ? 1 : kPlain, depth = factors<F>(hidden);
    int64_t n = 0;
    for (int64_t g = 0; g < stretches; ++g)
      segments[n++] = {of(space.later), g * depth, g * depth, gates * depth, masks > 1 ? g : 0};
    if (is.inner)
      segments[n++] = {of(space.later_inner), kCopied ? kPlain * depth : 0, kPlain * depth, depth,
                       masks > 1 ? kPlain : 0};
    segment_count = n;
  }

  // Where a product finds the rows: where they are, or the copies.
  UNPAD_INLINE const F *const *of(const T *const *rows) const {
    if constexpr (kCopied)
      return operands.at;
    else
      return rows;
  }
  UNPAD_INLINE void copy_later(int64_t before) const {
    if constexpr (kCopied) {
      operands.copy(space.later, before, 0, kPlain, hidden);
      if (is.inner) operands.copy(space.later_inner, before, kPlain, kPlain + 1, hidden);
    }
  }

  UNPAD_INLINE int64_t packed_rows() const { return is.gates * factors<F>(hidden); }
  UNPAD_INLINE const F *packed_at(const Panel &panel) const {
    return static_cast<const F *>(w.packed) + product.panels.at(panel, packed_rows(), 1);
  }
  // The gradients of the states before the later steps of rows i .. i + n, in space.sums.
  UNPAD_INLINE void pull(const Panel &panel, const F *packed, int64_t i, int64_t n) const {
    pull_back<T, F>(panel, i, n, hidden, packed_rows(), segments, segment_count, masks ? space.mask : nullptr, packed,
                    space.sums, space.spare);
  }

  template <bool Whole>
  UNPAD_INLINE UnitsBackward<T, Whole, Cell, Act, Rec> units(const Tile<T> &tile, int64_t r) const {
    const int64_t u = tile.unit;
    UnitsBackward<T, Whole, Cell, Act, Rec> at{{hidden, tile.width, act, rec}, nullptr, nullptr, nullptr, nullptr,
                                               nullptr, space.d_gates[r] + u, nullptr, nullptr};
    if constexpr (is.keeps)
      at.gates = space.gates[r] + u;
    else
      at.output_row = space.output[r] + u;
    if constexpr (is.inner) at.saved_row = space.saved[r] + u, at.d_saved = space.d_saved[r] + u;
    if constexpr (is.stays) at.state_before = space.state[r] + u;
    if constexpr (is.carries)
      at.carried_before = space.carried[r] + u, at.d_carried_row = space.d_carried + r * hidden + u;
    return at;
  }

  // The gates' gradients of a tile at step s from the end.
  template <bool Whole>
  UNPAD_INLINE void gates_tile(const Tile<T> &tile, int64_t s) const {
    const int64_t u = tile.unit, n = tile.width, lanes = kLanes<T>;
    if constexpr (is.carries) {
      for (int64_t r = 0; r < tile.count; ++r)
        store_whole(space.carried_y + r * lanes, load<Whole>(space.saved[tile.i + r] + u, n));
      activate(space.carried_y, lanes, tile.count, act);
    }
    for (int64_t r = tile.i; r < tile.i + tile.count; ++r) {
      T *stays = is.stays ? space.stays + r * hidden + u : nullptr;
      fetch_ahead(space.d_h[r] + u);
      if constexpr (is.keeps)
        for (int k = 0; k < is.gates; ++k) fetch_ahead(space.gates[r] + u + k * hidden);
      if constexpr (is.carries) fetch_ahead(space.carried[r] + u);
      Vec<T> dh = load<Whole>(space.d_h[r] + u, n), y{};
      if (s) {
        Vec<T> later = load_whole(tile.sums + (r - tile.i) * tile.step);
        if constexpr (is.stays) later += load<Whole>(stays, n);
        dh += later;
      } else if (d.d_final_h) {
        dh += load<Whole>(at<T>(d.d_final_h, w.sequences.sequence[r], hidden) + u, n);
      }
      if constexpr (is.carries) y = load_whole(space.carried_y + (r - tile.i) * lanes);
      const auto at = units<Whole>(tile, r);
      if constexpr (is.stays)
        store<Whole>(stays, Cell::back(at, dh, y), n);
      else
        Cell::back(at, dh, y);
    }
  }

  // Of a cell that multiplies twice: what the last gate's product gives to the gate that resets, and to the state.
  template <bool Whole>
  UNPAD_INLINE void reset_tile(const Tile<T> &tile) const {
    constexpr int resets = is.gates - 2;
    const int64_t u = tile.unit, n = tile.width;
    for (int64_t r = tile.i; r < tile.i + tile.count; ++r) {
      const auto at = units<Whole>(tile, r);
      T *stays = space.stays + r * hidden + u;
      const Vec<T> reset = at.kept(resets);
      Vec<T> through = load_whole(tile.sums + (r - tile.i) * tile.step);
      if (masks) through *= load<Whole>(space.mask[r] + (masks > 1 ? is.gates - 1 : 0) * hidden + u, n);
      Cell::back_reset(at, through * at.state() * at.rec_slope(reset));
      store<Whole>(stays, load<Whole>(stays, n) + through * reset, n);
    }
  }

  // The initial states' gradients of sequences active .. before, whose first steps have just been walked.
  UNPAD_INLINE void initial(const Panel &panel, const F *packed, int64_t active, int64_t before) const {
    for (int64_t i = active, n; i < before; i += n) {
      n = tile_rows(before - i);
      pull(panel, packed, i, n);
      each_vector<T>(panel, i, n, hidden, 1, space.sums, [&](auto whole, const Tile<T> &tile) __attribute__((always_inline)) {
        constexpr bool W = decltype(whole)::value;
        for (int64_t r = i; r < i + n; ++r) {
          Vec<T> sum = load_whole(tile.sums + (r - i) * tile.step);
          if constexpr (is.stays) sum += load<W>(space.stays + r * hidden + tile.unit, tile.width);
          store<W>(at<T>(d.d_initial_h, w.sequences.sequence[r], hidden) + tile.unit, sum, tile.width);
        }
      });
    }
  }

  UNPAD_INLINE void step(int64_t s, int64_t active, int64_t before) const {
    copy_later(before);
    for (int64_t q = product.from; q < product.to; ++q) {
      const Panel panel = product.panels[q];
      const F *packed = packed_at(panel);
      for (int64_t i = 0, n; i < active; i += n) {
        n = tile_rows(active - i);
        if (s) pull(panel, packed, i, n);
        each_vector<T>(panel, i, n, hidden, 1, space.sums,
                       [&](auto whole, const Tile<T> &tile) __attribute__((always_inline)) {
                         gates_tile<decltype(whole)::value>(tile, s);
                       });
      }
      if (d.d_initial_h) initial(panel, packed, active, before);
    }
  }

  UNPAD_INLINE void step_reset(int64_t active) const {
    constexpr int64_t last = is.gates - 1;
    const int64_t depth = factors<F>(hidden);
    const Segment<F> candidate = {of(space.d_gates), last * depth, last * depth, depth, 0};
    if constexpr (kCopied) {
      for (int64_t i = 0; i < active; ++i) space.later[i] = space.d_gates[i] + last * hidden;
      operands.copy(space.later, active, last, is.gates, hidden);
    }
    for (int64_t q = product.from; q < product.to; ++q) {
      const Panel panel = product.panels[q];
      const F *packed = packed_at(panel);
      for (int64_t i = 0, n; i < active; i += n) {
        n = tile_rows(active - i);
        pull_back<T, F>(panel, i, n, hidden, packed_rows(), &candidate, 1, nullptr, packed, space.sums, space.spare);
        each_vector<T>(panel, i, n, hidden, 1, space.sums,
                       [&](auto whole, const Tile<T> &tile) __attribute__((always_inline)) {
                         reset_tile<decltype(whole)::value>(tile);
                       });
      }
    }
  }
};

template <class T, class Cell, class F, class Act, class Rec>
void walk_backward(const Walk &w, Act act, Rec rec) {
  constexpr CellRecord is = Cell::record;
  const unpad_problem &p = *w.problem;
  const auto &d = *static_cast<const unpad_backward_direction *>(w.direction);
  const Sequences &of = w.sequences;
  const int64_t hidden = p.hidden, masks = p.masks;
  const BackwardSpace<T, Cell> space(p, of.count, w.shared, w.scratch);
  const Operands<T, F> operands = backward_operands<T, Cell, F>(p, of.count, space, w.scratch);
  const StateProduct<T, 1, F> product(hidden, w.team, w.rank);
  memset(space.zeros, 0, size_t(hidden) * sizeof(T));
  for (int64_t i = 0; i < of.count && masks; ++i) space.mask[i] = at<T>(d.mask, of.sequence[i] * masks, hidden);
  if constexpr (is.carries) {
    for (int64_t i = w.rank; i < of.count; i += w.team)
      copy_row<T>(space.d_carried + i * hidden,
                  d.d_final_c ? at<T>(d.d_final_c, of.sequence[i], hidden) : space.zeros, hidden);
    meet(w);
  }
  BackwardWalk<T, Cell, F, Act, Rec> walk{w, d, space, operands, product, act, rec, hidden, masks, 0, {}};
  walk.cut_segments();

  int64_t before = 0, active = of.count;
  for (int64_t s = 0; s == 0 || before > 0; ++s, before = active) {
    active = still_active(of, active, s);
    place_backward<T, Cell>(w, space, before, active, s);
    walk.step(s, active, before);
    meet(w);
    if constexpr (is.twice) {
      walk.step_reset(active);
      meet(w);
    }
  }

  if constexpr (is.carries)
    if (d.d_initial_c)
      for (int64_t i = w.rank; i < of.count; i += w.team)
        copy_row<T>(at<T>(d.d_initial_c, of.sequence[i], hidden), space.d_carried + i * hidden, hidden);
}

}  // namespace UNPAD_NAMESPACE
}  // namespace unpad
