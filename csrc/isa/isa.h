// Which instruction set's kernels run.
#pragma once

#include "isa/kernels.h"

namespace unpad {

const Kernels &kernels();
const Rounded &rounded();

}  // namespace unpad
