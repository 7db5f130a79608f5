// LSTM (Hochreiter and Schmidhuber 1997, with a forget gate):
// i, f, o = rec(..), g = act(..), c = f c' + i g, h = o act(c).
#pragma once

#include "recurrent/cell.h"

namespace unpad {

struct Lstm {
  static constexpr CellRecord record = {"lstm", 4, true, false, true, false, false};

  template <class At>
  UNPAD_INLINE static auto candidate(const At &at) {
    const auto gates = at.template recurrent_but<2>(
        at.many(at.input(0) + at.product(0), at.input(1) + at.product(1), at.input(2) + at.product(2),
                at.input(3) + at.product(3)));
    const auto c = at.sum(gates.v[1], at.carried(), gates.v[0], gates.v[2]);
    at.save(c);
    for (int k = 0; k < 4; ++k) at.keep(k, gates.v[k]);
    return at.many(c, gates.v[3]);
  }

  template <class At, class Y>
  UNPAD_INLINE static auto state(const At &, const Y &y) {
    return y.v[0] * y.v[1];
  }

  template <class At, class V>
  UNPAD_INLINE static void back(const At &at, V dh, V y) {
    const V in = at.kept(0), forget = at.kept(1), cell = at.kept(2), out = at.kept(3);
    const V dc = at.d_carried() + dh * out * at.act_slope(y);
    at.give(0, dc * cell * at.rec_slope(in));
    at.give(1, dc * at.carried() * at.rec_slope(forget));
    at.give(2, dc * in * at.act_slope(cell));
    at.give(3, dh * y * at.rec_slope(out));
    at.carry_back(dc * forget);
  }
};

}  // namespace unpad
