// The walks of one cell in one type as the plain code calls them (Pass in isa/kernels.h).
#pragma once

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
template <class Space>
int64_t scratch_bytes(const unpad_problem *p, int64_t rows) {
  return Space(*p, rows, nullptr, nullptr).bytes;
}
// Packed matrices have room for all gates' columns a unit and `hidden` rows, whichever way they lie.
template <class T, class Cell>
int64_t packed_bytes(const unpad_problem *p) {
  return Panels<T>(p->hidden, 1).elements(p->hidden, Cell::record.gates) * int64_t(sizeof(T));
}

template <class T, class Cell>
struct Forward {
  typedef ForwardSpace<T, Cell> Space;

  static void pack(const unpad_problem *p, const void *kernel, void *packed, int64_t part, int64_t parts,
                   int64_t team) {
    const int64_t hidden = p->hidden, columns = Cell::record.gates * hidden;
    const T *in = static_cast<const T *>(kernel);
    T *out = static_cast<T *>(packed);
    const StateProduct<T, kFirstGates<Cell>> product(hidden, team, 0);
    product.pack(in, columns, p->masks > 1, out, part, parts);
    if constexpr (Cell::record.twice)
      StateProduct<T, 1>(hidden, team, 0)
          .pack(in + kFirstGates<Cell> * hidden, columns, false, out + product.elements(), part, parts);
  }
  static void walk(const Walk *w) {
    with_activations<Cell>(*w->problem, [&](auto act, auto rec) { walk_forward<T, Cell>(*w, act, rec); });
  }
};

template <class T, class Cell>
struct Backward {
  typedef BackwardSpace<T, Cell> Space;

  static void pack(const unpad_problem *p, const void *kernel, void *packed, int64_t part, int64_t parts,
                   int64_t team) {
    const int64_t columns = Cell::record.gates * p->hidden;
    pack_transposed<T>(StateProduct<T, 1>(p->hidden, team, 0).panels, static_cast<const T *>(kernel), columns, columns,
                       static_cast<T *>(packed), part, parts);
  }
  static void walk(const Walk *w) {
    with_activations<Cell>(*w->problem, [&](auto act, auto rec) { walk_backward<T, Cell>(*w, act, rec); });
  }
};

template <template <class, class> class Way, class T, class Cell>
constexpr Pass pass() {
  typedef Way<T, Cell> P;
  return {packed_bytes<T, Cell>, shared_bytes<typename P::Space>, scratch_bytes<typename P::Space>, P::pack, P::walk};
}

template <template <class, class> class Way, class... Cell>
constexpr Passes passes(CellList<Cell...>) {
  return {{{pass<Way, float, Cell>(), pass<Way, double, Cell>()}...}};
}

}  // namespace UNPAD_NAMESPACE
}  // namespace unpad
