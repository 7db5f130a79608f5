// A walk and its products in one run of the pool, as `unpad_backward`, with sums of rows in between.
#pragma once

#include "recurrent/row_sums.h"
#include "unpad_kernels.h"

namespace unpad {

// `sums`: of what the walk has made, for the products to read; null for none.
int32_t walk_back(const unpad_problem *problem, const unpad_backward_direction *direction, RowSums *sums, int32_t count,
                  const unpad_product *after);

}  // namespace unpad
