// What callers ask of a walk, looked at before it begins.
#pragma once

#include <cstdint>

#include "recurrent/cells.h"

namespace unpad {

inline int64_t element_bytes(const unpad_problem &p) { return p.dtype == UNPAD_FLOAT64 ? 8 : 4; }

// UNPAD_OK or what is wrong with it.
int32_t check_problem(const unpad_problem *p);
int32_t check_direction(const unpad_problem &p, const unpad_forward_direction &d);
int32_t check_direction(const unpad_problem &p, const unpad_backward_direction &d);

// An empty sequence's final state is its initial one, and so are their gradients.
void pass_through(const unpad_problem &p, const unpad_forward_direction &d);
void pass_through(const unpad_problem &p, const unpad_backward_direction &d);

}  // namespace unpad
