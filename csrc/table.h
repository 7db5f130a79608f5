// The table of one instruction set's passes; included last by each isa_*.cpp.
#pragma once

#include "gru_after.h"
#include "lstm.h"
#include "adam.h"
#include "products.h"
#include "simple_rnn.h"
#include "slots.h"
#include "twice.h"

namespace unpad {
namespace UNPAD_NAMESPACE {

template <class T, class Space>
int64_t shared_bytes(const unpad_problem *p, int64_t rows) {
  return Space(*p, rows, nullptr, nullptr).shared_bytes;
}
template <class T, class Space>
int64_t scratch_bytes(const unpad_problem *p, int64_t rows) {
  return Space(*p, rows, nullptr, nullptr).bytes;
}

// Packed matrices have room for `Gates` columns a unit and `hidden` rows, whichever way they lie.
template <class T, int Gates>
int64_t packed_bytes(const unpad_problem *p) {
  return Panels<T>(p->hidden, 1).elements(p->hidden, Gates) * int64_t(sizeof(T));
}

template <class T, int Gates>
void pack_forward(const unpad_problem *p, const void *kernel, void *packed, int64_t part, int64_t parts, int64_t) {
  pack_gates<T>(Panels<T>(p->hidden, 1), static_cast<const T *>(kernel), Gates * p->hidden, Gates, p->masks > 1,
                static_cast<T *>(packed), part, parts);
}
template <class T, int Gates>
void pack_backward(const unpad_problem *p, const void *kernel, void *packed, int64_t part, int64_t parts,
                   int64_t team) {
  pack_transposed<T>(Panels<T>(p->hidden, kMostVectors, team), static_cast<const T *>(kernel), Gates * p->hidden,
                     Gates * p->hidden, static_cast<T *>(packed), part, parts);
}

// SimpleRNN's one gate, cut as the units of the transposed kernels are.
template <class T>
void pack_simple(const unpad_problem *p, const void *kernel, void *packed, int64_t part, int64_t parts, int64_t team) {
  pack_columns<T>(Panels<T>(p->hidden, kMostVectors, team), static_cast<const T *>(kernel), p->hidden, p->hidden,
                  static_cast<T *>(packed), part, parts);
}
template <class T, int Gates>
void pack_twice(const unpad_problem *p, const void *kernel, void *packed, int64_t part, int64_t parts,
                     int64_t team) {
  const int64_t hidden = p->hidden;
  const T *in = static_cast<const T *>(kernel);
  T *out = static_cast<T *>(packed);
  const Panels<T> gates(hidden, 1), units(hidden, kMostVectors, team);
  pack_gates<T>(gates, in, (Gates + 1) * hidden, Gates, p->masks > 1, out, part, parts);
  pack_columns<T>(units, in + Gates * hidden, (Gates + 1) * hidden, hidden, out + gates.elements(hidden, Gates), part,
                  parts);
}

// Calls body with the activations' types: the usual pair compiled for itself, any other chosen while running.
template <class Body>
UNPAD_INLINE void with_activations(const unpad_problem &p, Body body) {
  if (p.activation == UNPAD_TANH && p.recurrent_activation == UNPAD_SIGMOID)
    body(Tanh{}, Sigmoid{});
  else
    body(AnyActivation{p.activation}, AnyActivation{p.recurrent_activation});
}

#define UNPAD_WALK(cell)                                                                          \
  template <class T>                                                                              \
  void cell##_any(const Walk *w) {                                                                \
    with_activations(*w->problem, [&](auto act, auto rec) { cell<T>(*w, act, rec); });            \
  }
UNPAD_WALK(lstm_forward)
UNPAD_WALK(lstm_backward)
UNPAD_WALK(gru_after_forward)
UNPAD_WALK(gru_after_backward)
UNPAD_WALK(gru_before_forward)
UNPAD_WALK(gru_before_backward)
UNPAD_WALK(mgu_forward)
UNPAD_WALK(mgu_backward)
#undef UNPAD_WALK

template <class T>
void simple_forward_any(const Walk *w) {
  if (w->problem->activation == UNPAD_TANH)
    simple_forward<T>(*w, Tanh{});
  else
    simple_forward<T>(*w, AnyActivation{w->problem->activation});
}
template <class T>
void simple_backward_any(const Walk *w) {
  if (w->problem->activation == UNPAD_TANH)
    simple_backward<T>(*w, Tanh{});
  else
    simple_backward<T>(*w, AnyActivation{w->problem->activation});
}

template <class T>
constexpr Multiply multiply() {
  return {kLanes<T>, product_bytes<T>, product_block<T>};
}

template <class T, class Space, int Gates>
constexpr Pass pass(decltype(Pass::pack) pack, decltype(Pass::walk) walk) {
  return {packed_bytes<T, Gates>, shared_bytes<T, Space>, scratch_bytes<T, Space>, pack, walk};
}

constexpr Kernels table(const char *name) {
  typedef float F;
  typedef double D;
  return {name,
          {{pass<F, LstmForwardSpace<F>, 4>(pack_forward<F, 4>, lstm_forward_any<F>),
            pass<D, LstmForwardSpace<D>, 4>(pack_forward<D, 4>, lstm_forward_any<D>)},
           {pass<F, GruForwardSpace<F>, 3>(pack_forward<F, 3>, gru_after_forward_any<F>),
            pass<D, GruForwardSpace<D>, 3>(pack_forward<D, 3>, gru_after_forward_any<D>)},
           {pass<F, GruForwardSpace<F>, 3>(pack_twice<F, 2>, gru_before_forward_any<F>),
            pass<D, GruForwardSpace<D>, 3>(pack_twice<D, 2>, gru_before_forward_any<D>)},
           {pass<F, SimpleForwardSpace<F>, 1>(pack_simple<F>, simple_forward_any<F>),
            pass<D, SimpleForwardSpace<D>, 1>(pack_simple<D>, simple_forward_any<D>)},
           {pass<F, GruForwardSpace<F>, 2>(pack_twice<F, 1>, mgu_forward_any<F>),
            pass<D, GruForwardSpace<D>, 2>(pack_twice<D, 1>, mgu_forward_any<D>)}},
          {{pass<F, LstmBackwardSpace<F>, 4>(pack_backward<F, 4>, lstm_backward_any<F>),
            pass<D, LstmBackwardSpace<D>, 4>(pack_backward<D, 4>, lstm_backward_any<D>)},
           {pass<F, GruBackwardSpace<F>, 3>(pack_backward<F, 3>, gru_after_backward_any<F>),
            pass<D, GruBackwardSpace<D>, 3>(pack_backward<D, 3>, gru_after_backward_any<D>)},
           {pass<F, GruBackwardSpace<F>, 3>(pack_backward<F, 3>, gru_before_backward_any<F>),
            pass<D, GruBackwardSpace<D>, 3>(pack_backward<D, 3>, gru_before_backward_any<D>)},
           {pass<F, SimpleBackwardSpace<F>, 1>(pack_backward<F, 1>, simple_backward_any<F>),
            pass<D, SimpleBackwardSpace<D>, 1>(pack_backward<D, 1>, simple_backward_any<D>)},
           {pass<F, GruBackwardSpace<F>, 2>(pack_backward<F, 2>, mgu_backward_any<F>),
            pass<D, GruBackwardSpace<D>, 2>(pack_backward<D, 2>, mgu_backward_any<D>)}},
          {multiply<F>(), multiply<D>()},
          {adam_update<F>, adam_update<D>},
          {slots_forward<F>, slots_forward<D>},
          {slots_backward<F>, slots_backward<D>}};
}

}  // namespace UNPAD_NAMESPACE
}  // namespace unpad
