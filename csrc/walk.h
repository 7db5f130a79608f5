// What crosses from the ordinary code into the code of one instruction set: plain structures, no templates.
//
// The units compiled for AVX include nothing of the standard library that has inline functions: the linker keeps one
// copy of such a function, and it could be the one that an older machine cannot run.
#pragma once

#include <stdint.h>

#include "unpad_kernels.h"

namespace unpad {

// A group of sequences, longest first, walked by one thread or by a team that shares out the hidden units.
struct Rows {
  int64_t count;
  const int64_t *sequence;
  const int64_t *start;
  const int64_t *length;  // all above 0, never rising
};

struct Walk {
  const unpad_problem *problem;
  const void *direction;  // unpad_forward_direction or unpad_backward_direction
  Rows rows;
  const void *packed;  // the recurrent kernel as panels
  void *shared;        // the team's work space
  void *scratch;       // this thread's
  int64_t team;
  int64_t rank;
  void (*meet)(void *);  // returns when the whole team has called it
  void *meeting;
};

// One pass (forward or backward) of one cell in one dtype.
struct Pass {
  int64_t (*packed_bytes)(const unpad_problem *);
  int64_t (*shared_bytes)(const unpad_problem *, int64_t rows);
  int64_t (*scratch_bytes)(const unpad_problem *, int64_t rows);
  // Part `part` of `parts`; `team` is that of the walk, which decides how panels are cut.
  void (*pack)(const unpad_problem *, const void *recurrent_kernel, void *packed, int64_t part, int64_t parts,
               int64_t team);
  void (*walk)(const Walk *);
};

struct Kernels {
  const char *name;
  Pass forward[4][2];   // [cell][dtype]
  Pass backward[4][2];
};

#if UNPAD_X86
const Kernels *kernels_avx512();
const Kernels *kernels_avx2();
#endif
const Kernels *kernels_portable();

}  // namespace unpad
