// The simple cell (Elman 1990): h = act(..).
#pragma once

#include "recurrent/cell.h"

namespace unpad {

struct SimpleRnn {
  static constexpr CellRecord record = {"simple_rnn", 1, false, false, false, false, false};

  template <class At>
  UNPAD_INLINE static auto candidate(const At &at) {
    return at.many(at.input(0) + at.product(0));
  }

  template <class At, class Y>
  UNPAD_INLINE static auto state(const At &, const Y &y) {
    return y.v[0];
  }

  template <class At, class V>
  UNPAD_INLINE static void back(const At &at, V dh, V) {
    at.give(0, dh * at.act_slope(at.output()));
  }
};

}  // namespace unpad
