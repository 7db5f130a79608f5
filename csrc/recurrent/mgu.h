// The minimal gated unit (Zhou et al. 2016), whose one gate resets and updates:
// f = rec(..), hh = act(x_h + (f h') @ R_h), h = (1 - f) h' + f hh.
#pragma once

#include "recurrent/cell.h"

namespace unpad {

struct Mgu {
  static constexpr CellRecord record = {"mgu", 2, false, true, true, true, false};

  template <class At>
  UNPAD_INLINE static auto candidate(const At &at) {
    return at.many(at.input(1) + at.product(1));
  }

  template <class At, class Y>
  UNPAD_INLINE static auto state(const At &at, const Y &y) {
    const auto hh = y.v[0], z = at.rest(at.kept(0));
    at.keep(1, hh);
    return at.sum(z, at.state(), at.rest(z), hh);
  }

  template <class At, class V>
  UNPAD_INLINE static V back(const At &at, V dh, V) {
    const V f = at.kept(0), hh = at.kept(1);
    at.give(0, dh * (hh - at.state()) * at.rec_slope(f));
    at.give(1, dh * f * at.act_slope(hh));
    return dh * at.rest(f);
  }

  template <class At, class V>
  UNPAD_INLINE static void back_reset(const At &at, V d_reset) {
    at.give(0, at.given(0) + d_reset);
  }
};

}  // namespace unpad
