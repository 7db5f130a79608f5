// Windows of rows: checks, and which thread takes which. Windows may share rows, and what flows back to a row is the
// sum of what its windows give it, in their order: a task ends where no window reaches over its end.
#include <algorithm>
#include <initializer_list>
#include <new>
#include <vector>

#include "gemm/blocks.h"
#include "isa/isa.h"
#include "runtime/pool.h"

namespace unpad {
namespace {

// Numbers read that a task is to have, and of those read and written, what is worth another thread.
constexpr double kLeast = 4096;

int32_t check(int32_t dtype, const unpad_pooling *p, bool back) {
  if (dtype != UNPAD_FLOAT32 && dtype != UNPAD_FLOAT64) return UNPAD_BAD_ENUM;
  if (!p) return UNPAD_NULL_POINTER;
  for (int64_t size : {p->rows, p->count, p->width})
    if (size < 0 || size > kMostSize) return UNPAD_BAD_SIZE;
  if (double(p->rows + p->count) * double(p->width) > 0x1p56) return UNPAD_BAD_SIZE;
  if (p->largest != 0 && p->largest != 1) return UNPAD_BAD_ENUM;
  if (p->count && (!p->first || !p->last)) return UNPAD_NULL_POINTER;
  int64_t first = 0, last = 0;
  for (int64_t i = 0; i < p->count; first = p->first[i], last = p->last[i], ++i)
    if (p->first[i] < first || p->last[i] < last || p->first[i] > p->last[i] || p->last[i] > p->rows)
      return UNPAD_BAD_INDEX;
  if (!p->width) return UNPAD_OK;
  if (back && p->rows && !p->d_values) return UNPAD_NULL_POINTER;
  if (back ? p->count && !p->d_out : p->count && !p->out) return UNPAD_NULL_POINTER;
  // A mean's way back needs no values.
  return p->rows && p->count && !p->values && !(back && !p->largest) ? UNPAD_NULL_POINTER : UNPAD_OK;
}

int32_t run(int32_t dtype, int32_t threads, const unpad_pooling *p, bool back) try {
  if (int32_t error = check(dtype, p, back)) return error;
  if (!p->width) return UNPAD_OK;
  std::vector<PoolingTask> tasks{{0, 0, 0, 0}};
  double read = 0, all = 0;
  for (int64_t i = 0; i < p->count; ++i) {
    const int64_t end = i ? p->last[i - 1] : 0;
    if (read > kLeast && p->first[i] >= end) {
      tasks.back().end = end;
      tasks.push_back({i, i, end, end});
      all += read, read = 0;
    }
    tasks.back().to = i + 1;
    read += double(p->last[i] - p->first[i] + 1) * double(p->width);
  }
  tasks.back().end = p->rows;
  all += read;
  const Pooling &pooling = kernels().pooling[dtype];
  const auto work = back ? pooling.backward : pooling.forward;
  Lease lease(worth_waking(threads, all * 8));
  lease.each(int64_t(tasks.size()), [&](int64_t i, int) { work(p, &tasks[size_t(i)]); });
  return UNPAD_OK;
} catch (const std::bad_alloc &) {
  return UNPAD_OUT_OF_MEMORY;
}

}  // namespace
}  // namespace unpad

extern "C" int32_t unpad_pooling_forward(int32_t dtype, int32_t threads, const unpad_pooling *pooling) {
  return unpad::run(dtype, threads, pooling, false);
}
extern "C" int32_t unpad_pooling_backward(int32_t dtype, int32_t threads, const unpad_pooling *pooling) {
  return unpad::run(dtype, threads, pooling, true);
}
