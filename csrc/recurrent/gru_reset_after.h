// GRU whose reset gate acts on the product, as cuDNN has it and Keras by default:
// z, r = rec(..), n = h' @ R_h + b_h, hh = act(x_h + r n), h = z h' + (1 - z) hh.
#pragma once

#include "recurrent/cell.h"

namespace unpad {

struct GruResetAfter {
  static constexpr CellRecord record = {"gru", 3, false, true, true, false, true};

  template <class At>
  UNPAD_INLINE static auto candidate(const At &at) {
    const auto inner = at.product(2);
    const auto zr = at.recurrent(at.many(at.input(0) + at.product(0), at.input(1) + at.product(1)));
    const auto hh = at.input(2) + zr.v[1] * inner;
    at.keep(0, zr.v[0]);
    at.keep(1, zr.v[1]);
    at.save(inner);
    return at.many(hh, zr.v[0]);
  }

  template <class At, class Y>
  UNPAD_INLINE static auto state(const At &at, const Y &y) {
    const auto hh = y.v[0], z = y.v[1];
    at.keep(2, hh);
    return at.sum(z, at.state(), at.rest(z), hh);
  }

  template <class At, class V>
  UNPAD_INLINE static V back(const At &at, V dh, V) {
    const V z = at.kept(0), reset = at.kept(1), hh = at.kept(2), inner = at.saved();
    const V d_cell = dh * at.rest(z) * at.act_slope(hh);
    at.give(0, dh * (at.state() - hh) * at.rec_slope(z));
    at.give(1, d_cell * inner * at.rec_slope(reset));
    at.give(2, d_cell);
    at.give_inner(d_cell * reset);
    return dh * z;
  }
};

}  // namespace unpad
