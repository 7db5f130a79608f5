// The state before each step: what the gradient of the recurrent kernel is multiplied with.
#include <atomic>
#include <cstring>

#include "isa.h"
#include "plan.h"
#include "pool.h"

namespace unpad {
namespace {

struct Copy {
  const unpad_problem *problem;
  const char *h, *initial_h, *mask;
  int64_t h_stride, out_stride;
  bool reverse;
  char *out;
  int shares;
  std::atomic<int> next{0};
};

template <class T>
void copy(const Copy &c, int64_t from, int64_t to) {
  const unpad_problem &p = *c.problem;
  const int64_t hidden = p.hidden;
  const T *h = reinterpret_cast<const T *>(c.h), *initial = reinterpret_cast<const T *>(c.initial_h);
  const T *masks = reinterpret_cast<const T *>(c.mask);
  T *out = reinterpret_cast<T *>(c.out);
  for (int64_t b = from; b < to; ++b)
    for (int64_t row = p.offsets[b]; row < p.offsets[b + 1]; ++row) {
      const bool first = row == (c.reverse ? p.offsets[b + 1] - 1 : p.offsets[b]);
      const T *state = !first    ? h + (row + (c.reverse ? 1 : -1)) * c.h_stride
                       : initial ? initial + b * hidden
                                 : nullptr;
      T *to_row = out + row * c.out_stride;
      if (!state)
        std::memset(to_row, 0, size_t(hidden * (p.masks ? p.masks : 1)) * sizeof(T));
      else if (!p.masks)
        std::memcpy(to_row, state, size_t(hidden) * sizeof(T));
      else
        for (int64_t m = 0; m < p.masks; ++m)
          for (int64_t u = 0; u < hidden; ++u)
            to_row[m * hidden + u] = state[u] * masks[(b * p.masks + m) * hidden + u];
    }
}

// The sequence that owns the first row of a rank's share.
int64_t first_sequence(const unpad_problem &p, int64_t row) {
  int64_t low = 0, high = p.batch;
  while (low < high) {
    int64_t middle = low + (high - low) / 2;
    if (p.offsets[middle] < row)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

void copy_shares(void *argument, int) {
  Copy &c = *static_cast<Copy *>(argument);
  const unpad_problem &p = *c.problem;
  for (int share; (share = c.next.fetch_add(1, std::memory_order_relaxed)) < c.shares;) {
    const int64_t from = first_sequence(p, p.steps * share / c.shares);
    const int64_t to = share + 1 == c.shares ? p.batch : first_sequence(p, p.steps * (share + 1) / c.shares);
    if (p.dtype == UNPAD_FLOAT32)
      copy<float>(c, from, to);
    else
      copy<double>(c, from, to);
  }
}

}  // namespace
}  // namespace unpad

extern "C" int32_t unpad_previous_h(const unpad_problem *problem, const void *h, int64_t h_stride,
                                    const void *initial_h, const void *mask, int32_t reverse, void *out,
                                    int64_t out_stride) {
  using namespace unpad;
  if (!problem || !problem->offsets || (problem->steps && (!h || !out)) || (problem->steps && problem->masks && !mask))
    return UNPAD_NULL_POINTER;
  const unpad_problem &p = *problem;
  if (p.dtype != UNPAD_FLOAT32 && p.dtype != UNPAD_FLOAT64) return UNPAD_BAD_ENUM;
  if (p.steps < 0 || p.batch < 0 || p.hidden < 1 || p.masks < 0 || h_stride < p.hidden ||
      out_stride < p.hidden * (p.masks ? p.masks : 1))
    return UNPAD_BAD_SIZE;
  // A copy of 1 MB takes 50 microseconds: less is not worth waking anyone.
  const int64_t bytes = p.steps * p.hidden * (p.masks ? p.masks : 1) * (p.dtype == UNPAD_FLOAT32 ? 4 : 8);
  Lease lease(bytes < (1 << 20) ? 1 : problem->threads);
  Copy c{problem, static_cast<const char *>(h), static_cast<const char *>(initial_h), static_cast<const char *>(mask),
         h_stride, out_stride, reverse != 0, static_cast<char *>(out), lease.threads()};
  lease.run(copy_shares, &c, false);
  return UNPAD_OK;
}
