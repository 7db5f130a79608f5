// Which instruction set's kernels run.
#pragma once

#include "isa/kernels.h"

namespace unpad {

const Kernels &kernels();

// Null goes back to the best; false if the machine or the build lacks it.
bool force_kernels(const char *name);

}  // namespace unpad
