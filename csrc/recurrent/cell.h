// What a recurrent cell is: a record, and its equations for one vector of units of one sequence at one step.
//
// A cell is a structure of static members. `at` is what it may see (units.h), `auto` a vector of numbers:
//
//   record                  CellRecord, below
//   candidate(at)           forward, from the inputs' part and the product's of each gate: the vector that the cell's
//                           activation is applied to, and after it (at.many) what `state` needs besides
//   state(at, y)            the new h; y.v[0] is what the activation has made, the rest as it was handed on
//   back(at, dh, y)         from the gradient of h those of the gates; y is act(c) of a cell that carries c. Where a
//                           state stays, what goes from dh right to the state before
//   back_reset(at, d)       of a cell that multiplies twice: the gradient that resetting gives to the resetting gate
//
// The time loops, tiles, products, masks, ends and beginnings of sequences are the walks' (walk_forward.h and
// walk_backward.h). Equations are written without a loop and without a word about a processor: each instruction set
// compiles them for itself, in both types.
#pragma once

#include "simd/inline.h"
#include "unpad_kernels.h"

namespace unpad {

struct CellRecord {
  const char *name;  // by which callers know it
  int gates;         // blocks of hidden columns in the kernels; at most 4 go into one product
  bool carries;      // a second state, c, which is what a step saves
  bool stays;        // part of h goes into the next h as it is
  bool keeps;        // gates and, where it carries, multiplies twice or has an inner part, `saved`, for the way back
  bool twice;        // two products a step: the last gate's is of h times the gate before, which is what a step saves
  bool inner;        // the last gate's recurrent part, with a bias of its own and saved, has a gradient of its own
};

}  // namespace unpad
