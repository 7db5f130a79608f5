// The linear map of sequences laid out in slots: checks, and one run of the pool over the slots.
#include <algorithm>
#include <initializer_list>
#include <new>

#include "gemm/blocks.h"
#include "isa/isa.h"
#include "runtime/indices.h"
#include "runtime/pool.h"
#include "runtime/workspace.h"

namespace unpad {
namespace {

int32_t run(int32_t dtype, int32_t threads, int32_t backward, const unpad_slots *s) try {
  if ((dtype != UNPAD_FLOAT32 && dtype != UNPAD_FLOAT64) || (backward != 0 && backward != 1)) return UNPAD_BAD_ENUM;
  if (!s) return UNPAD_NULL_POINTER;
  for (int64_t size : {s->steps, s->batch, s->slots, s->feature, s->units})
    if (size < 0 || size > kMostSize) return UNPAD_BAD_SIZE;
  if (!s->offsets || !s->starts) return UNPAD_NULL_POINTER;
  const int64_t steps = s->steps;
  if (!rises(s->offsets, s->batch + 1, steps)) return UNPAD_BAD_INDEX;
  if (steps && (!s->order || !s->sequence_ids)) return UNPAD_NULL_POINTER;
  if (!rises(s->starts, s->slots + 1, steps) || !all_below(s->order, steps, steps) ||
      !all_below(s->sequence_ids, steps, s->batch))
    return UNPAD_BAD_INDEX;
  if (!s->slots || !s->feature || !s->units) return UNPAD_OK;
  if (steps && (!s->values || (backward ? !s->d_out : !s->parts))) return UNPAD_NULL_POINTER;
  if (backward ? !s->d_kernel || (s->d_values && !s->kernel) : !s->kernel) return UNPAD_NULL_POINTER;
  int64_t rows = std::max(s->feature, s->units);  // of the widest panel
  for (int64_t slot = 0; slot < s->slots; ++slot) rows = std::max(rows, s->starts[slot + 1] - s->starts[slot]);
  const Multiply &multiply = kernels().multiply[dtype];
  // Panels of two vectors a row, or the kernel's rows as columns.
  const int64_t panel = rows * 2 * multiply.lanes * (dtype == UNPAD_FLOAT32 ? 4 : 8);
  const int64_t columns = multiply.space_bytes(s->units + 2 * multiply.lanes);
  const int64_t room = pages(std::max(panel, columns));
  const double work = double(steps) * double(s->feature) * double(s->units);
  Lease lease(worth_waking(threads, work));
  Workspace space(Workspace::kThreads, size_t(room) * size_t(lease.threads()));
  const Slots pass = (backward ? kernels().slots_backward : kernels().slots_forward)[dtype];
  lease.each(s->slots, [&](int64_t slot, int rank) { pass(s, slot, slot + 1, space.data() + rank * room); });
  return UNPAD_OK;
} catch (const std::bad_alloc &) {
  return UNPAD_OUT_OF_MEMORY;
}

}  // namespace
}  // namespace unpad

extern "C" int32_t unpad_slots_linear(int32_t dtype, int32_t threads, int32_t backward, const unpad_slots *slots) {
  return unpad::run(dtype, threads, backward, slots);
}
