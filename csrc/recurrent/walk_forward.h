// The walk forward, of any cell: one time after another, each over the tiles of the sequences that still run.
#pragma once

#include "recurrent/state_products.h"
#include "recurrent/units.h"

namespace unpad {
namespace UNPAD_NAMESPACE {

// The gates of a cell's first product; where there are two, the second is the last gate's.
template <class Cell>
constexpr int kFirstGates = Cell::record.gates - Cell::record.twice;

// The team's work space, and a thread's: where each active sequence's step lies.
template <class T, class Cell>
struct ForwardSpace {
  T *masked[2], *saved_now;  // the team's; saved_now: what a step saves, where nothing is kept
  const T **projected, **previous, **state, **carried, **mask;
  T **gates, **saved, **h, **masked_out, *sums, *zeros;
  int64_t shared_bytes, bytes;

  ForwardSpace(const unpad_problem &p, int64_t rows, void *shared, void *scratch) {
    constexpr CellRecord is = Cell::record;
    Arena team{static_cast<char *>(shared), 0}, own{static_cast<char *>(scratch), 0};
    for (T *&m : masked) m = team.take<T>(rows * p.masks * p.hidden);
    saved_now = team.take<T>((is.carries || is.twice) && !p.keep ? rows * p.hidden : 0);
    projected = own.take<const T *>(rows);
    previous = own.take<const T *>(rows);
    state = own.take<const T *>(rows);
    carried = own.take<const T *>(rows);
    mask = own.take<const T *>(rows);
    gates = own.take<T *>(rows);
    saved = own.take<T *>(rows);
    h = own.take<T *>(rows);
    masked_out = own.take<T *>(rows);
    sums = own.take<T>(kTileRows * kMostVectors * kLanes<T>);
    zeros = own.take<T>((is.inner ? is.gates : 1) * p.hidden);
    shared_bytes = team.used;
    bytes = own.used;
  }
};

// Where the t-th step of each active sequence lies. What is not kept has a place all the same, where nothing is written.
template <class T, class Cell>
UNPAD_INLINE void place_forward(const Walk &w, const ForwardSpace<T, Cell> &space, int64_t active, int64_t t) {
  constexpr CellRecord is = Cell::record;
  const unpad_problem &p = *w.problem;
  const auto &d = *static_cast<const unpad_forward_direction *>(w.direction);
  const Sequences &s = w.sequences;
  const bool reverse = d.reverse, keep = p.keep;
  const int64_t hidden = p.hidden, masks = p.masks;
  for (int64_t i = 0; i < active; ++i) {
    const int64_t step = step_of(s, i, t, reverse);
    space.projected[i] = at<T>(d.projected, d.row_of ? d.row_of[step] : step, d.projected_stride);
    space.h[i] = at<T>(d.h, step, d.h_stride);
    const T *before = state_before<T>(s, i, t, step, reverse, d.h, d.h_stride, d.initial_h, hidden, space.zeros);
    space.previous[i] = before;
    if constexpr (is.stays) space.state[i] = before;
    if constexpr (is.keeps) space.gates[i] = keep || is.twice ? at<T>(d.gates, step, d.gates_stride) : space.h[i];
    if constexpr (is.carries || is.twice)
      space.saved[i] = keep ? at<T>(d.saved, step, d.saved_stride) : space.saved_now + i * hidden;
    else if constexpr (is.inner)
      space.saved[i] = keep ? at<T>(d.saved, step, d.saved_stride) : space.h[i];
    if constexpr (is.carries)
      space.carried[i] = t > 0 && !keep ? space.saved[i]
                                        : state_before<T>(s, i, t, step, reverse, d.saved, d.saved_stride,
                                                          d.initial_c, hidden, space.zeros);
    if (masks) {
      space.previous[i] = space.masked[(t + 1) & 1] + i * masks * hidden;
      space.masked_out[i] = space.masked[t & 1] + i * masks * hidden;
      space.mask[i] = at<T>(d.mask, s.sequence[i] * masks, hidden);
    }
  }
}

// Of a cell that multiplies twice: the first gates, and what the last of them leaves of the state.
template <class T, class Cell, bool Whole, class Rec>
UNPAD_INLINE void reset_tile(const ForwardSpace<T, Cell> &space, const Tile<T> &tile, int64_t hidden, int64_t masks,
                             Rec rec) {
  constexpr int gates = kFirstGates<Cell>;
  const int64_t u = tile.unit, n = tile.width;
  for (int64_t r = tile.i; r < tile.i + tile.count; ++r) {
    const T *sums = tile.sums + (r - tile.i) * tile.step, *x = space.projected[r] + u;
    T *out = space.gates[r] + u;
    Many<T, gates> values;
    for (int k = 0; k < gates; ++k)
      values.v[k] = load<Whole>(x + k * hidden, n) + load_whole(sums + k * kLanes<T>);
    values = rec.values(values);
    for (int k = 0; k < gates; ++k) store<Whole>(out + k * hidden, values.v[k], n);
    Vec<T> h = load<Whole>(space.state[r] + u, n);
    if (masks) h *= load<Whole>(space.mask[r] + (masks > 1 ? gates : 0) * hidden + u, n);
    store<Whole>(space.saved[r] + u, values.v[gates - 1] * h, n);
  }
}

// The new states of a tile. The cell's activation is applied to several rows at once, which is why a cell's equations
// come in two halves.
template <class T, class Cell, bool Whole, class Act, class Rec>
UNPAD_INLINE void state_tile(const ForwardSpace<T, Cell> &space, const Tile<T> &tile, int64_t hidden, int64_t masks,
                             bool keep, const T *biases, Act act, Rec rec) {
  constexpr CellRecord is = Cell::record;
  const int64_t u = tile.unit, n = tile.width;
  Many<T, is.gates> bias;
  if constexpr (is.inner)
    for (int k = 0; k < is.gates; ++k) bias.v[k] = load<Whole>(biases + k * hidden + u, n);
  auto units = [&](int64_t r) __attribute__((always_inline)) {
    UnitsForward<T, Whole, Cell, Act, Rec> at{{hidden, n, act, rec}, keep, tile.sums + (r - tile.i) * tile.step,
                                              space.projected[r] + u, nullptr, nullptr, nullptr, nullptr, bias};
    if constexpr (is.stays) at.state_before = space.state[r] + u;
    if constexpr (is.carries) at.carried_before = space.carried[r] + u;
    if constexpr (is.keeps) at.gates = space.gates[r] + u;
    if constexpr (is.carries || is.inner) at.saved_row = space.saved[r] + u;
    return at;
  };
  typedef decltype(Cell::candidate(units(0))) Opened;
  constexpr int handed = int(sizeof(Opened) / sizeof(Vec<T>));
  static_assert(handed <= (is.twice ? 1 : is.gates), "a tile has no room for what the cell hands on");
  for (int64_t r = tile.i; r < tile.i + tile.count; ++r) {
    for (int k = 0; k < is.gates; ++k) fetch_ahead(space.projected[r] + u + k * hidden);
    const Opened opened = Cell::candidate(units(r));
    T *sums = tile.sums + (r - tile.i) * tile.step;
    for (int k = 0; k < handed; ++k) store_whole(sums + k * kLanes<T>, opened.v[k]);
  }
  activate(tile.sums, tile.step, tile.count, act);
  for (int64_t r = tile.i; r < tile.i + tile.count; ++r) {
    const T *sums = tile.sums + (r - tile.i) * tile.step;
    Opened y;
    for (int k = 0; k < handed; ++k) y.v[k] = load_whole(sums + k * kLanes<T>);
    const Vec<T> h = Cell::state(units(r), y);
    store<Whole>(space.h[r] + u, h, n);
    if (masks) store_masked<Whole>(space.masked_out[r], h, space.mask[r], masks, hidden, u, n);
  }
}

// A thread's scratch: its space, and after it the states as factors.
template <class T, class Cell, class F>
Operands<T, F> forward_operands(const unpad_problem &p, int64_t rows, const ForwardSpace<T, Cell> &space,
                                void *scratch) {
  void *base = scratch ? static_cast<char *>(scratch) + space.bytes : nullptr;
  return {rows, p.masks > 1 ? kFirstGates<Cell> : 1, p.hidden, base};
}

template <class T, class Cell, class F, class Act, class Rec>
void walk_forward(const Walk &w, Act act, Rec rec) {
  constexpr CellRecord is = Cell::record;
  const unpad_problem &p = *w.problem;
  const auto &d = *static_cast<const unpad_forward_direction *>(w.direction);
  const Sequences &s = w.sequences;
  const int64_t hidden = p.hidden, masks = p.masks, parts = masks > 1 ? kFirstGates<Cell> : 1;
  const int64_t apart = masks > 1 ? factors<F>(hidden) : 0;
  const bool keep = p.keep, reverse = d.reverse;
  const ForwardSpace<T, Cell> space(p, s.count, w.shared, w.scratch);
  const Operands<T, F> operands = forward_operands<T, Cell, F>(p, s.count, space, w.scratch);
  const StateProduct<T, kFirstGates<Cell>, F> product(hidden, w.team, w.rank);
  const StateProduct<T, 1, F> last(hidden, w.team, w.rank);
  const F *packed = static_cast<const F *>(w.packed), *packed_last = packed + product.elements();
  memset(space.zeros, 0, size_t((is.inner ? is.gates : 1) * hidden) * sizeof(T));
  const T *biases = is.inner && d.recurrent_bias ? static_cast<const T *>(d.recurrent_bias) : space.zeros;
  if (masks && d.initial_h) {
    mask_initial<T>(w, d.initial_h, d.mask, space.masked[1]);
    meet(w);
  }
  auto states = [&](auto whole, const Tile<T> &tile) __attribute__((always_inline)) {
    state_tile<T, Cell, decltype(whole)::value>(space, tile, hidden, masks, keep, biases, act, rec);
  };

  int64_t active = s.count;
  for (int64_t t = 0; (active = still_active(s, active, t)) > 0; ++t) {
    place_forward<T, Cell>(w, space, active, t);
    const int64_t depth = t > 0 || d.initial_h ? factors<F>(hidden) : 0;  // nothing to multiply before the first step
    const F *const *previous = operands.of(space.previous, depth ? active : 0, parts, hidden);
    if constexpr (is.twice) {
      product.each_tile(packed, active, previous, depth, apart, space.sums,
                        [&](auto whole, const Tile<T> &tile) __attribute__((always_inline)) {
                          reset_tile<T, Cell, decltype(whole)::value>(space, tile, hidden, masks, rec);
                        });
      meet(w);
      last.each_tile(packed_last, active, operands.of(space.saved, depth ? active : 0, 1, hidden), depth, 0, space.sums, states);
    } else {
      product.each_tile(packed, active, previous, depth, apart, space.sums, states);
    }
    meet(w);
  }

  for (int64_t i = w.rank; i < s.count; i += w.team) {
    const int64_t step = step_of(s, i, s.length[i] - 1, reverse), b = s.sequence[i];
    copy_row<T>(at<T>(d.final_h, b, hidden), at<T>(d.h, step, d.h_stride), hidden);
    if constexpr (is.carries)
      copy_row<T>(at<T>(d.final_c, b, hidden),
                  keep ? at<T>(d.saved, step, d.saved_stride) : space.saved_now + i * hidden, hidden);
  }
}

}  // namespace UNPAD_NAMESPACE
}  // namespace unpad
