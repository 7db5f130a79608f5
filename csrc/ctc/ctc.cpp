// Connectionist temporal classification: checks, and which thread takes which sequence.
#include <algorithm>
#include <new>

#include "gemm/blocks.h"
#include "isa/isa.h"
#include "runtime/indices.h"
#include "runtime/pool.h"
#include "runtime/workspace.h"

namespace unpad {
namespace {

int32_t check(int32_t dtype, const unpad_ctc *given) {
  if (dtype != UNPAD_FLOAT32 && dtype != UNPAD_FLOAT64) return UNPAD_BAD_ENUM;
  if (!given) return UNPAD_NULL_POINTER;
  const unpad_ctc &c = *given;
  for (int64_t size : {c.steps, c.batch, c.classes, c.label_count})
    if (size < 0 || size > kMostSize) return UNPAD_BAD_SIZE;
  if ((c.steps || c.label_count) && !c.classes) return UNPAD_BAD_SIZE;
  if (double(c.steps + 1) * double(c.classes + 16) > 0x1p56) return UNPAD_BAD_SIZE;
  if (double(c.steps + 1) * double(c.label_count + 16) > 0x1p53) return UNPAD_BAD_SIZE;
  if (!c.offsets || !c.label_offsets) return UNPAD_NULL_POINTER;
  if (!rises(c.offsets, c.batch + 1, c.steps) || !rises(c.label_offsets, c.batch + 1, c.label_count))
    return UNPAD_BAD_INDEX;
  if ((c.steps && !c.scores) || (c.batch && !c.total) || (c.label_count && !c.labels)) return UNPAD_NULL_POINTER;
  for (int64_t i = 0; i < c.label_count; ++i)
    if (c.labels[i] < 1 || c.labels[i] >= c.classes) return UNPAD_BAD_INDEX;
  return UNPAD_OK;
}

int32_t run(int32_t dtype, int32_t threads, const unpad_ctc *given) try {
  if (int32_t error = check(dtype, given)) return error;
  const unpad_ctc &c = *given;
  const Labellings &labellings = kernels().labellings[dtype];
  int64_t most = 0;
  double work = 0;
  for (int64_t b = 0; b < c.batch; ++b) {
    const int64_t steps = c.offsets[b + 1] - c.offsets[b], labels = c.label_offsets[b + 1] - c.label_offsets[b];
    most = std::max(most, labellings.bytes(&c, steps, labels));
    work += double(steps) * double(8 * labels + 4 * c.classes + 64);
  }
  Lease lease(worth_waking(threads, work));
  const int64_t bytes = pages(most);
  const Workspace space(Workspace::kThreads, size_t(bytes * lease.threads()));
  lease.each(c.batch, [&](int64_t b, int rank) { labellings.sequence(&c, space.data() + bytes * rank, b); });
  return UNPAD_OK;
} catch (const std::bad_alloc &) {
  return UNPAD_OUT_OF_MEMORY;
}

}  // namespace
}  // namespace unpad

extern "C" int32_t unpad_ctc_loss(int32_t dtype, int32_t threads, const unpad_ctc *ctc) {
  return unpad::run(dtype, threads, ctc);
}
