// A counting sort: which members belong to each group.
#include <algorithm>

#include "unpad_kernels.h"

extern "C" int32_t unpad_group(int64_t count, const int64_t *of, int64_t groups, int64_t *order, int64_t *starts) {
  if (count < 0 || groups < 0) return UNPAD_BAD_SIZE;
  if (!starts || (count && (!of || !order))) return UNPAD_NULL_POINTER;
  for (int64_t i = 0; i < count; ++i)
    if (of[i] < 0 || of[i] >= groups) return UNPAD_BAD_SIZE;
  std::fill(starts, starts + groups + 1, int64_t(0));
  for (int64_t i = 0; i < count; ++i) ++starts[of[i] + 1];
  for (int64_t g = 0; g < groups; ++g) starts[g + 1] += starts[g];
  for (int64_t i = 0; i < count; ++i) order[starts[of[i]]++] = i;  // now starts[g] is where g ends
  for (int64_t g = groups; g > 0; --g) starts[g] = starts[g - 1];
  starts[0] = 0;
  return UNPAD_OK;
}
