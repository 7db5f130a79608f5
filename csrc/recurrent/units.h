// What a cell's equations see: one vector of units of one sequence, at one step.
#pragma once

#include "isa/kernels.h"
#include "simd/activations.h"

namespace unpad {
namespace UNPAD_NAMESPACE {

// Both ways. Rows of memory are told by where the vector lies in them (in that of the first gate, where there are
// several); `width` of its numbers are real.
template <class T, bool Whole, class Act, class Rec>
struct Units {
  typedef Vec<T> V;
  int64_t hidden, width;
  Act act;
  Rec rec;

  template <class... Vs>
  UNPAD_INLINE Many<T, int(sizeof...(Vs))> many(Vs... v) const {
    return {{v...}};
  }
  UNPAD_INLINE V rest(V x) const { return T(1) - x; }
  // a b + c d
  UNPAD_INLINE V sum(V a, V b, V c, V d) const { return sum_of_products<T>(a, b, c, d); }
  UNPAD_INLINE V load_from(const T *at, int gate = 0) const { return load<Whole>(at + gate * hidden, width); }
  UNPAD_INLINE void store_to(T *at, V v, int gate = 0) const { store<Whole>(at + gate * hidden, v, width); }
};

// Forward. Pointers that a cell's record does not ask for are null.
template <class T, bool Whole, class Cell, class Act, class Rec>
struct UnitsForward : Units<T, Whole, Act, Rec> {
  typedef Vec<T> V;
  static constexpr CellRecord is = Cell::record;
  bool keeping;
  const T *sums;  // of the product, a vector a gate: of all gates, or of the last where there are two products
  const T *projected, *state_before, *carried_before;
  T *gates, *saved_row;
  const Many<T, is.gates> &bias;

  UNPAD_INLINE V input(int gate) const { return this->load_from(projected, gate); }
  UNPAD_INLINE V product(int gate) const {
    const V sum = load_whole(sums + (is.twice ? 0 : gate) * kLanes<T>);
    if constexpr (is.inner)
      return sum + bias.v[gate];
    else
      return sum;
  }
  UNPAD_INLINE V state() const { return this->load_from(state_before); }
  UNPAD_INLINE V carried() const { return this->load_from(carried_before); }
  UNPAD_INLINE V kept(int gate) const { return this->load_from(gates, gate); }
  // For the way back, if there is one.
  UNPAD_INLINE void keep(int gate, V v) const {
    if (keeping) this->store_to(gates, v, gate);
  }
  UNPAD_INLINE void save(V v) const {
    if (is.carries || keeping) this->store_to(saved_row, v);
  }
  template <int N>
  UNPAD_INLINE Many<T, N> recurrent(const Many<T, N> &x) const {
    return this->rec.values(x);
  }
  // The recurrent activation of all but vector G, of which the cell's own.
  template <int G, int N>
  UNPAD_INLINE Many<T, N> recurrent_but(const Many<T, N> &x) const {
    return values_but<G>(x, this->act, this->rec);
  }
};

// Backward.
template <class T, bool Whole, class Cell, class Act, class Rec>
struct UnitsBackward : Units<T, Whole, Act, Rec> {
  typedef Vec<T> V;
  const T *gates, *saved_row, *state_before, *carried_before, *output_row;
  T *d_gates, *d_saved, *d_carried_row;

  UNPAD_INLINE V kept(int gate) const { return this->load_from(gates, gate); }
  UNPAD_INLINE V saved() const { return this->load_from(saved_row); }
  UNPAD_INLINE V state() const { return this->load_from(state_before); }
  UNPAD_INLINE V carried() const { return this->load_from(carried_before); }
  UNPAD_INLINE V output() const { return this->load_from(output_row); }
  UNPAD_INLINE V act_slope(V y) const { return this->act.template slope<T>(y); }
  UNPAD_INLINE V rec_slope(V y) const { return this->rec.template slope<T>(y); }
  UNPAD_INLINE V given(int gate) const { return this->load_from(d_gates, gate); }
  UNPAD_INLINE void give(int gate, V v) const { this->store_to(d_gates, v, gate); }
  UNPAD_INLINE void give_inner(V v) const { this->store_to(d_saved, v); }
  // The gradient of c: what later steps have given, and what this one gives to the step before.
  UNPAD_INLINE V d_carried() const { return this->load_from(d_carried_row); }
  UNPAD_INLINE void carry_back(V v) const { this->store_to(d_carried_row, v); }
};

}  // namespace UNPAD_NAMESPACE
}  // namespace unpad
