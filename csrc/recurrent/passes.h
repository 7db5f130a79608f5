// The walks of one cell in one type as the plain code calls them (Pass in isa/kernels.h).
#pragma once

#include "gemm/block_product.h"
#include "recurrent/cells.h"
#include "recurrent/walk_backward.h"
#include "recurrent/walk_forward.h"

namespace unpad {
namespace UNPAD_NAMESPACE {

// Calls body with the activations' types: the usual pair compiled for itself, any other chosen while running.
template <class Cell, class Body>
UNPAD_INLINE void with_activations(const unpad_problem &p, Body body) {
  if constexpr (Cell::record.gates == 1) {  // which only the cell's own is applied to
    if (p.activation == UNPAD_TANH)
      body(Tanh{}, Tanh{});
    else
      body(AnyActivation{p.activation}, AnyActivation{p.activation});
  } else if (p.activation == UNPAD_TANH && p.recurrent_activation == UNPAD_SIGMOID) {
    body(Tanh{}, Sigmoid{});
  } else {
    body(AnyActivation{p.activation}, AnyActivation{p.recurrent_activation});
  }
}

template <class Space>
int64_t shared_bytes(const unpad_problem *p, int64_t rows) {
  return Space(*p, rows, nullptr, nullptr).shared_bytes;
}
template <class Way>
int64_t scratch_bytes(const unpad_problem *p, int64_t rows) {
  const typename Way::Space space(*p, rows, nullptr, nullptr);
  return space.bytes + Way::operands(*p, rows, space).bytes;
}
// Packed matrices have room for all gates' columns a unit and `hidden` rows, whichever way they lie.
template <class F, class Cell>
int64_t packed_bytes(const unpad_problem *p) {
  return Panels<F>(p->hidden, 1).elements(factors<F>(p->hidden), Cell::record.gates) * int64_t(sizeof(F));
}

template <class T, class Cell, class F>
struct Forward {
  typedef ForwardSpace<T, Cell> Space;

  static Operands<T, F> operands(const unpad_problem &p, int64_t rows, const Space &space) {
    return forward_operands<T, Cell, F>(p, rows, space, nullptr);
  }

  static void pack(const unpad_problem *p, const void *kernel, void *packed, int64_t part, int64_t parts,
                   int64_t team) {
    const int64_t hidden = p->hidden, columns = Cell::record.gates * hidden;
    const T *in = static_cast<const T *>(kernel);
    F *out = static_cast<F *>(packed);
    const StateProduct<T, kFirstGates<Cell>, F> product(hidden, team, 0);
    product.pack(in, columns, p->masks > 1, out, part, parts);
    if constexpr (Cell::record.twice)
      StateProduct<T, 1, F>(hidden, team, 0)
          .pack(in + kFirstGates<Cell> * hidden, columns, false, out + product.elements(), part, parts);
  }
  static void walk(const Walk *w) {
    with_activations<Cell>(*w->problem, [&](auto act, auto rec) { walk_forward<T, Cell, F>(*w, act, rec); });
  }
};

template <class T, class Cell, class F>
struct Backward {
  typedef BackwardSpace<T, Cell> Space;

  static Operands<T, F> operands(const unpad_problem &p, int64_t rows, const Space &space) {
    return backward_operands<T, Cell, F>(p, rows, space, nullptr);
  }

  static void pack(const unpad_problem *p, const void *kernel, void *packed, int64_t part, int64_t parts,
                   int64_t team) {
    const int64_t hidden = p->hidden, gates = Cell::record.gates, depth = factors<F>(hidden), total = gates * depth;
    const auto &panels = StateProduct<T, 1, F>(hidden, team, 0).panels;
    // Gate by gate, since each begins with a factor of its own.
    for (int64_t at = panels.count * part / parts; at < panels.count * (part + 1) / parts; ++at) {
      const Panel panel = panels[at];
      const T *columns = static_cast<const T *>(kernel) + panel.unit * gates * hidden;
      for (int64_t g = 0; g < gates; ++g)
        pack_rows(panel, columns + g * hidden, gates * hidden, panel.units, hidden, total, g * depth,
                  static_cast<F *>(packed) + panels.at(panel, total, 1));
    }
  }
  static void walk(const Walk *w) {
    with_activations<Cell>(*w->problem, [&](auto act, auto rec) { walk_backward<T, Cell, F>(*w, act, rec); });
  }
};

template <template <class, class, class> class Way, class T, class Cell, class F = T>
constexpr Pass pass() {
  typedef Way<T, Cell, F> P;
  return {packed_bytes<F, Cell>, shared_bytes<typename P::Space>, scratch_bytes<P>, P::pack, P::walk};
}

template <template <class, class, class> class Way, class... Cell>
constexpr Passes passes(CellList<Cell...>) {
  return {{{pass<Way, float, Cell>(), pass<Way, double, Cell>()}...}};
}

template <class... Cell>
constexpr Rounded rounded_kernels(CellList<Cell...>) {
  return {multiply<float, Pair>(),
          {pass<Forward, float, Cell, Pair>()...},
          {pass<Backward, float, Cell, Pair>()...}};
}

}  // namespace UNPAD_NAMESPACE
}  // namespace unpad
