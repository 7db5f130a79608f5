// The cells that there are, in the order of the interface's numbers.
#pragma once

#include "recurrent/gru_reset_after.h"
#include "recurrent/gru_reset_before.h"
#include "recurrent/lstm.h"
#include "recurrent/mgu.h"
#include "recurrent/simple_rnn.h"

namespace unpad {

template <class... Cell>
struct CellList {
  static constexpr int count = sizeof...(Cell);
  static constexpr CellRecord records[] = {Cell::record...};
};
typedef CellList<Lstm, GruResetAfter, GruResetBefore, SimpleRnn, Mgu> Cells;

static inline const CellRecord &record_of(const unpad_problem &p) { return Cells::records[p.cell]; }

}  // namespace unpad
