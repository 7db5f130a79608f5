// What crosses from the ordinary code into an instruction set's walks of cells of one's own.
#pragma once

#include "unpad_tape.h"

namespace unpad {

// Of one dtype: of the sequences from .. to of those longest first, in space of this thread's. `starts`: the first packed
// row of each time. `packed`: of each array, as a factor of products.
struct Tapes {
  int64_t (*packed_bytes)(const unpad_tape_array *);
  void (*pack)(const unpad_tape_array *, void *packed);
  int64_t (*space_bytes)(const unpad_tape *);
  void (*walk)(const unpad_tape *, const int64_t *starts, const void *const *packed, void *space, int64_t from, int64_t to);
};

// Each set's own (isa/sets/), an entry a dtype.
namespace avx512 {
extern const Tapes kTapes[2];
}
namespace avx2 {
extern const Tapes kTapes[2];
}
namespace portable {
extern const Tapes kTapes[2];
}

// Those of the set in use.
const Tapes *tapes();

}  // namespace unpad
