// The state before each step: what the gradient of the recurrent kernel is multiplied with.
#pragma once

#include "isa/kernels.h"

namespace unpad {

// Of the sequences rank, rank + team, .. of a group.
void copy_previous(const unpad_problem &, const unpad_backward_direction &, const Sequences &, int64_t team, int64_t rank);

}  // namespace unpad
