// Which members belong to each group, by a counting sort, and which ids there are, by a hash table.
#include <algorithm>
#include <new>
#include <vector>

#include "unpad_kernels.h"

extern "C" int32_t unpad_group(int64_t count, const int64_t *of, int64_t groups, int64_t *order, int64_t *starts) {
  if (count < 0 || groups < 0) return UNPAD_BAD_SIZE;
  if (!starts || (count && (!of || !order))) return UNPAD_NULL_POINTER;
  for (int64_t i = 0; i < count; ++i)
    if (of[i] < 0 || of[i] >= groups) return UNPAD_BAD_INDEX;
  std::fill(starts, starts + groups + 1, int64_t(0));
  for (int64_t i = 0; i < count; ++i) ++starts[of[i] + 1];
  for (int64_t g = 0; g < groups; ++g) starts[g + 1] += starts[g];
  for (int64_t i = 0; i < count; ++i) order[starts[of[i]]++] = i;  // now starts[g] is where g ends
  for (int64_t g = groups; g > 0; --g) starts[g] = starts[g - 1];
  starts[0] = 0;
  return UNPAD_OK;
}

extern "C" int64_t unpad_distinct(int64_t count, const int64_t *ids, int64_t *first, int64_t *place) try {
  if (count < 0 || (count && (!ids || !first || !place))) return -1;
  int bits = 1;
  while ((int64_t(1) << bits) < 2 * count) ++bits;
  std::vector<int64_t> places(size_t(1) << bits, -1);  // at an id's hash, or after it, its place
  const size_t last = places.size() - 1;
  int64_t found = 0;
  for (int64_t i = 0; i < count; ++i) {
    size_t at = size_t(uint64_t(ids[i]) * UINT64_C(0x9E3779B97F4A7C15) >> (64 - bits));
    while (places[at] >= 0 && ids[first[places[at]]] != ids[i]) at = (at + 1) & last;
    if (places[at] < 0) {
      places[at] = found;
      first[found++] = i;
    }
    place[i] = places[at];
  }
  return found;
} catch (const std::bad_alloc &) {
  return -1;
}
