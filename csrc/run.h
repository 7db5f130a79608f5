// A walk and its products in one run of the pool, as `unpad_backward`, with sums of rows in between.
#pragma once

#include "row_sums.h"
#include "walk.h"

namespace unpad {

int gates_of(const unpad_problem &p);
int64_t element_bytes(const unpad_problem &p);
// Whether `count` bounds never fall on their way from 0 to `end`.
bool rises(const int64_t *bounds, int64_t count, int64_t end);
// UNPAD_OK or what is wrong with it.
int32_t check_problem(const unpad_problem *p);

// `sums`: of what the walk has made, for the products to read; null for none.
int32_t walk_back(const unpad_problem *problem, const unpad_backward_direction *direction, RowSums *sums, int32_t count,
                  const unpad_product *after);

}  // namespace unpad
