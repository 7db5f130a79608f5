// The optimiser's step over all arrays: checks, and one run of the pool.
#include <algorithm>
#include <atomic>

#include "isa/isa.h"
#include "runtime/indices.h"
#include "runtime/pool.h"

namespace unpad {
namespace {

// Elements a task: 256 KB of float32 in four arrays, which a second-level cache holds.
constexpr int64_t kStretch = 1 << 14;
// Waking a thread takes tens of microseconds: each must have as long to do.
constexpr double kWorthWaking = 1 << 16;

// Elements a task of this part: of a table whole rows.
int64_t stretch(const unpad_adam_part &part) {
  return part.starts ? std::max<int64_t>(1, kStretch / part.width) * part.width : kStretch;
}

int64_t tasks(const unpad_adam_part &part) { return (part.count + stretch(part) - 1) / stretch(part); }

int32_t check(const unpad_adam_part &p) {
  if (p.count < 0 || (p.starts && (p.width < 1 || p.count % p.width))) return UNPAD_BAD_SIZE;
  if (!p.count) return UNPAD_OK;
  const bool read = !p.starts || p.starts[p.count / p.width];
  if (!p.weight || !p.m || !p.v || (read && (!p.gradient || (p.starts && !p.order)))) return UNPAD_NULL_POINTER;
  // What `order` holds is unpad_group's.
  return !p.starts || rises(p.starts, p.count / p.width + 1, p.starts[p.count / p.width]) ? UNPAD_OK : UNPAD_BAD_INDEX;
}

}  // namespace
}  // namespace unpad

extern "C" int32_t unpad_adam_step(int32_t dtype, int32_t threads, const unpad_adam *adam, int32_t count,
                                   const unpad_adam_part *parts) {
  using namespace unpad;
  if (dtype != UNPAD_FLOAT32 && dtype != UNPAD_FLOAT64) return UNPAD_BAD_ENUM;
  if (count < 0) return UNPAD_BAD_SIZE;
  if (!adam || (count && !parts)) return UNPAD_NULL_POINTER;
  double elements = 0;
  for (int32_t i = 0; i < count; ++i) {
    if (int32_t error = check(parts[i])) return error;
    elements += double(parts[i].count);
  }
  const Adam update = kernels().adam[dtype];
  std::atomic<int64_t> next{0};
  Lease lease(worth_waking(threads, elements, kWorthWaking));
  lease.run([&](int) {
    int32_t part = 0;
    int64_t before = 0;  // tasks of the parts that lie behind
    for (int64_t task; (task = next.fetch_add(1, std::memory_order_relaxed)), true;) {
      while (part < count && task >= before + tasks(parts[part])) before += tasks(parts[part++]);
      if (part == count) return;
      const unpad_adam_part &p = parts[part];
      const int64_t from = (task - before) * stretch(p);
      update(adam, &p, from, std::min(p.count, from + stretch(p)));
    }
  });
  return UNPAD_OK;
}
