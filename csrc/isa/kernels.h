// What crosses from the ordinary code into the code of one instruction set: plain structures, no templates.
//
// The units compiled for AVX include nothing of the standard library that has inline functions: the linker keeps one
// copy of such a function, and it could be the one that an older machine cannot run.
#pragma once

#include <stdint.h>

#include "recurrent/cells.h"
#include "unpad_kernels.h"
#include "unpad_tape.h"

namespace unpad {

// Sequences, longest first, walked by one thread or by a team that shares out the hidden units.
struct Sequences {
  int64_t count;
  const int64_t *sequence;
  const int64_t *start;
  const int64_t *length;  // all above 0, never rising
};

struct Walk {
  const unpad_problem *problem;
  const void *direction;  // unpad_forward_direction or unpad_backward_direction
  Sequences sequences;
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
struct Passes {
  Pass of[Cells::count][2];  // [cell][dtype]
};

// A block of the outcome of products that follow each other into the same place.
struct ProductBlock {
  const unpad_product *first;
  int64_t links;  // products
  int64_t row, rows, column, columns;
  void *space;    // this thread's
};

// Matrix products of one dtype.
struct Multiply {
  int64_t lanes;
  bool rounds;                           // factors, so that no `a` is read where it lies
  int64_t (*space_bytes)(int64_t kept);  // the most rows of a block whose `a` is not
  void (*block)(const ProductBlock *);
};

// A stretch of one part of an optimiser's update.
typedef void (*Adam)(const unpad_adam *, const unpad_adam_part *, int64_t from, int64_t to);

// Some slots of a linear map of sequences laid out.
typedef void (*Slots)(const unpad_slots *, int64_t from, int64_t to, void *space);

// Chains of so few tags walk several sequences at once.
constexpr int64_t kFewTags = 12;

// Walks of linear chains, of one dtype: of the sequences from .. to, with tables that all threads read and space of this
// one's.
struct Chains {
  int64_t (*table_bytes)(const unpad_chain *);
  int64_t (*space_bytes)(const unpad_chain *);
  int64_t lanes;  // rows of what is summed up are padded to a multiple
  void (*tables)(const unpad_chain *, void *tables);
  void (*sums)(const unpad_chain *, void *tables, void *space, int64_t from, int64_t to);
  // `into`: start, end, and a row a tag of transitions.
  void (*gradients)(const unpad_chain *, void *tables, void *space, int64_t from, int64_t to, double *into);
  void (*best)(const unpad_chain *, void *tables, void *space, int64_t from, int64_t to);
};

// Labels without places, of one dtype: one sequence, in space of this thread's.
struct Labellings {
  int64_t (*bytes)(const unpad_ctc *, int64_t steps, int64_t labels);
  void (*sequence)(const unpad_ctc *, void *space, int64_t sequence);
};

// Attention, of one dtype: one head of keys of one sequence, in space of this thread's. `longest`: keys of a sequence.
struct Attend {
  int64_t (*bytes)(const unpad_attention *, int64_t longest, bool back);
  void (*head)(const unpad_attention *, int64_t longest, bool back, void *space, int64_t sequence, int64_t key_head);
};

// Normalisation, of one dtype: of the sequences from .. to, in space of this thread's. `sums`: over them, what flows to
// beta, then what flows to gamma.
struct Normalise {
  int64_t (*bytes)(const unpad_normal *);
  void (*forward)(const unpad_normal *, int64_t from, int64_t to, void *space);
  void (*backward)(const unpad_normal *, int64_t from, int64_t to, void *space, double *sums);
};

// Activations of the numbers from .. to.
struct PointwiseWays {
  void (*forward)(const unpad_pointwise *, int64_t from, int64_t to);
  void (*backward)(const unpad_pointwise *, int64_t from, int64_t to);
};

// Windows of rows: those from .. to, and the rows row .. end that flow back to.
struct PoolingTask {
  int64_t from, to, row, end;
};
struct Pooling {
  void (*forward)(const unpad_pooling *, const PoolingTask *);
  void (*backward)(const unpad_pooling *, const PoolingTask *);
};

// Walks of cells of one's own, of one dtype: of the sequences from .. to of those longest first, in space of this thread's. `starts`: the first packed
// row of each time. `packed`: of each array, as a factor of products.
struct Tapes {
  int64_t (*packed_bytes)(const unpad_tape_array *);
  void (*pack)(const unpad_tape_array *, void *packed);
  int64_t (*space_bytes)(const unpad_tape *);
  void (*walk)(const unpad_tape *, const int64_t *starts, const void *const *packed, void *space, int64_t from, int64_t to);
};

// Where factors are rounded to bfloat16: arrays of floats.
struct Rounded {
  Multiply multiply;
  Pass forward[Cells::count];
  Pass backward[Cells::count];
};

// All of one instruction set; an array has one entry a dtype.
struct Kernels {
  const Passes *forward;
  const Passes *backward;
  const Multiply *multiply;
  const Adam *adam;
  const Slots *slots_forward;
  const Slots *slots_backward;
  const Chains *chains;
  const Labellings *labellings;
  const Attend *attend;
  const Normalise *normalise;
  const PointwiseWays *pointwise;
  const Pooling *pooling;
  const Tapes *tapes;
};

// Each set's own (isa/sets/), where it is compiled.
namespace avx512 {
extern const Kernels kKernels;
}
namespace avx512_bf16 {
extern const Rounded kRounded;
}
namespace avx2 {
extern const Kernels kKernels;
}
namespace portable {
extern const Kernels kKernels;
extern const Rounded kRounded;
}

}  // namespace unpad
