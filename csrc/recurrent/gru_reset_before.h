// GRU whose reset gate acts on the state, as Cho et al. (2014) had it:
// z, r = rec(..), hh = act(x_h + (r h') @ R_h), h = z h' + (1 - z) hh.
#pragma once

#include "recurrent/cell.h"

namespace unpad {

struct GruResetBefore {
  static constexpr CellRecord record = {"gru_reset_before", 3, false, true, true, true, false};

  template <class At>
  UNPAD_INLINE static auto candidate(const At &at) {
    return at.many(at.input(2) + at.product(2));
  }

  template <class At, class Y>
  UNPAD_INLINE static auto state(const At &at, const Y &y) {
    const auto hh = y.v[0], z = at.kept(0);
    at.keep(2, hh);
    return at.sum(z, at.state(), at.rest(z), hh);
  }

  template <class At, class V>
  UNPAD_INLINE static V back(const At &at, V dh, V) {
    const V z = at.kept(0), hh = at.kept(2);
    at.give(0, dh * (at.state() - hh) * at.rec_slope(z));
    at.give(2, dh * at.rest(z) * at.act_slope(hh));
    return dh * z;
  }

  template <class At, class V>
  UNPAD_INLINE static void back_reset(const At &at, V d_reset) {
    at.give(1, d_reset);
  }
};

}  // namespace unpad
