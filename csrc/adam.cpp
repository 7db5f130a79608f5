// The optimiser's step over all arrays: checks, and one run of the pool.
#include <algorithm>
#include <atomic>

#include "isa.h"
#include "pool.h"

namespace unpad {
namespace {

// Elements a task: 256 KB of float32 in four arrays, which a second-level cache holds.
constexpr int64_t kStretch = 1 << 14;
// Waking a thread takes tens of microseconds: each must have as long to do.
constexpr double kWorthWaking = 1 << 16;

struct Job {
  const unpad_adam *adam;
  const unpad_adam_part *parts;
  int32_t count;
  Adam update;
  std::atomic<int64_t> next{0};

  void run() {
    int32_t part = 0;
    int64_t before = 0;  // tasks of the parts that lie behind
    for (int64_t task; (task = next.fetch_add(1, std::memory_order_relaxed)), true;) {
      while (part < count && task >= before + tasks(parts[part])) before += tasks(parts[part++]);
      if (part == count) return;
      const int64_t from = (task - before) * kStretch;
      update(adam, &parts[part], from, std::min(parts[part].count, from + kStretch));
    }
  }

  static int64_t tasks(const unpad_adam_part &part) { return (part.count + kStretch - 1) / kStretch; }
};

}  // namespace
}  // namespace unpad

extern "C" int32_t unpad_adam_step(int32_t dtype, int32_t threads, const unpad_adam *adam, int32_t count,
                                   const unpad_adam_part *parts) {
  using namespace unpad;
  if (dtype != UNPAD_FLOAT32 && dtype != UNPAD_FLOAT64) return UNPAD_BAD_ENUM;
  if (count < 0) return UNPAD_BAD_SIZE;
  if (!adam || (count && !parts)) return UNPAD_NULL_POINTER;
  int64_t elements = 0;
  for (int32_t i = 0; i < count; ++i) {
    const unpad_adam_part &p = parts[i];
    if (p.count < 0) return UNPAD_BAD_SIZE;
    if (p.count && (!p.weight || !p.gradient || !p.m || !p.v)) return UNPAD_NULL_POINTER;
    elements += p.count;
  }
  Lease lease(worth_waking(threads, double(elements), kWorthWaking));
  Job job{adam, parts, count, kernels().adam[dtype]};
  lease.run([&](int) { job.run(); });
  return UNPAD_OK;
}

extern "C" int32_t unpad_adam_rows(int32_t dtype, int32_t threads, const unpad_adam *adam,
                                   const unpad_adam_table *table) {
  using namespace unpad;
  if (dtype != UNPAD_FLOAT32 && dtype != UNPAD_FLOAT64) return UNPAD_BAD_ENUM;
  if (!adam || !table) return UNPAD_NULL_POINTER;
  if (table->rows < 0 || table->width < 0) return UNPAD_BAD_SIZE;
  if (!table->rows || !table->width) return UNPAD_OK;
  if (!table->weight || !table->m || !table->v || !table->starts) return UNPAD_NULL_POINTER;
  if (table->starts[table->rows] && (!table->gradients || !table->order)) return UNPAD_NULL_POINTER;
  Lease lease(worth_waking(threads, double(table->rows) * double(table->width), kWorthWaking));
  const AdamRows update = kernels().adam_rows[dtype];
  const int64_t stretch = std::max<int64_t>(1, kStretch / table->width);
  std::atomic<int64_t> next{0};
  lease.run([&](int) {
    for (int64_t from; (from = next.fetch_add(stretch, std::memory_order_relaxed)) < table->rows;)
      update(adam, table, from, std::min(table->rows, from + stretch));
  });
  return UNPAD_OK;
}
