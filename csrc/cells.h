// What there is to know of a cell outside of its walk: a record each, in the order of the interface's numbers.
#pragma once

#include "unpad_kernels.h"

namespace unpad {

struct CellRecord {
  const char *name;  // by which callers know it
  int gates;         // blocks of hidden columns in the kernels
  bool carries;      // a second state, c
  bool keeps;        // gates and saved, for the way back
  bool twice;        // two products a step: the last gate's operand is made of the others, and saved
  bool inner;        // the last gate's recurrent part has a gradient of its own, d_saved
};

constexpr CellRecord kCells[] = {
    {"lstm", 4, true, true, false, false},              // UNPAD_LSTM
    {"gru", 3, false, true, false, true},               // UNPAD_GRU_RESET_AFTER
    {"gru_reset_before", 3, false, true, true, false},  // UNPAD_GRU_RESET_BEFORE
    {"simple_rnn", 1, false, false, false, false},      // UNPAD_SIMPLE_RNN
    {"mgu", 2, false, true, true, false},               // UNPAD_MGU
};
constexpr int kCellCount = int(sizeof(kCells) / sizeof(kCells[0]));

static inline const CellRecord &record_of(const unpad_problem &p) { return kCells[p.cell]; }

}  // namespace unpad
