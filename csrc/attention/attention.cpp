// Attention within sequences: checks, and which thread takes which head of which sequence.
#include <algorithm>
#include <initializer_list>
#include <new>
#include <vector>

#include "gemm/blocks.h"
#include "isa/isa.h"
#include "runtime/indices.h"
#include "runtime/pool.h"
#include "runtime/workspace.h"

namespace unpad {
namespace {

// The most steps of a sequence.
int64_t most(const int64_t *offsets, int64_t batch) {
  int64_t steps = 0;
  for (int64_t b = 0; b < batch; ++b) steps = std::max(steps, offsets[b + 1] - offsets[b]);
  return steps;
}

// What else there may be: blocks, a grid of what is seen, weights to drop and to give back.
int32_t check_more(bool back, const unpad_attention &c) {
  if (!(c.rate >= 0 && c.rate <= 1)) return UNPAD_BAD_SIZE;
  if (c.query_blocks ? c.key_steps && !c.key_blocks : c.key_blocks && c.query_steps) return UNPAD_NULL_POINTER;
  const int64_t queries = most(c.queries, c.batch), keys = most(c.keys, c.batch);
  if (c.seen) {
    for (int64_t size : {c.seen_bytes, c.seen_sequence, c.seen_head, c.seen_query})
      if (size < 0) return UNPAD_BAD_SIZE;
    const auto last = [](int64_t n, int64_t step) { return n > 1 ? double(n - 1) * double(step) : 0; };
    const double end = last(c.batch, c.seen_sequence) + last(c.heads, c.seen_head) + last(queries, c.seen_query) + double(keys);
    if (queries && keys && end > double(c.seen_bytes)) return UNPAD_BAD_SIZE;
  }
  if (c.weights || c.d_weights) {
    if (c.widest < keys || c.widest > kMostSize) return UNPAD_BAD_SIZE;
    if (double(c.query_steps) * double(c.heads) * double(c.widest) > 0x1p56) return UNPAD_BAD_SIZE;
  }
  return back && c.d_weights && !c.weights ? UNPAD_NULL_POINTER : UNPAD_OK;
}

int32_t check(int32_t dtype, bool back, const unpad_attention *given) {
  if (dtype != UNPAD_FLOAT32 && dtype != UNPAD_FLOAT64) return UNPAD_BAD_ENUM;
  if (!given) return UNPAD_NULL_POINTER;
  const unpad_attention &c = *given;
  if (c.causal != 0 && c.causal != 1) return UNPAD_BAD_ENUM;
  for (int64_t size : {c.query_steps, c.key_steps, c.batch, c.heads, c.key_heads, c.size, c.value_size, c.window,
                       c.query_step, c.key_step, c.value_step})
    if (size < 0 || size > kMostSize) return UNPAD_BAD_SIZE;
  if (!c.key_heads || c.heads % c.key_heads) return UNPAD_BAD_SIZE;
  const double wide = double(std::max(c.size, c.value_size) + 16) * double(c.heads);
  if (double(std::max(c.query_steps, c.key_steps) + 64) * wide > 0x1p56) return UNPAD_BAD_SIZE;
  if (c.query_step < c.heads * c.size || c.key_step < c.key_heads * c.size ||
      c.value_step < c.key_heads * c.value_size)
    return UNPAD_BAD_SIZE;
  if (!c.queries || !c.keys) return UNPAD_NULL_POINTER;
  if (!rises(c.queries, c.batch + 1, c.query_steps) || !rises(c.keys, c.batch + 1, c.key_steps)) return UNPAD_BAD_INDEX;
  if (c.query_steps && c.heads && (!c.logs || (c.size && !c.query) || (c.value_size && !c.out)))
    return UNPAD_NULL_POINTER;
  if (c.key_steps && ((c.size && !c.key) || (c.value_size && !c.value))) return UNPAD_NULL_POINTER;
  if (int32_t error = check_more(back, c)) return error;
  if (!back) return UNPAD_OK;
  if (c.query_steps && c.heads && ((c.size && !c.d_query) || (c.value_size && !c.d_out))) return UNPAD_NULL_POINTER;
  if (c.key_steps && ((c.size && !c.d_key) || (c.value_size && !c.d_value))) return UNPAD_NULL_POINTER;
  return UNPAD_OK;
}

int32_t run(int32_t dtype, int32_t threads, bool back, const unpad_attention *c) try {
  if (int32_t error = check(dtype, back, c)) return error;
  std::vector<int64_t> longest_first(static_cast<size_t>(c->batch));
  const int64_t longest = most(c->keys, c->batch);
  double work = 0;
  const auto pairs = [c](int64_t b) {
    return double(c->queries[b + 1] - c->queries[b]) * double(c->keys[b + 1] - c->keys[b]);
  };
  for (int64_t b = 0; b < c->batch; ++b) {
    longest_first[size_t(b)] = b;
    work += pairs(b);
  }
  std::stable_sort(longest_first.begin(), longest_first.end(), [&](int64_t a, int64_t b) { return pairs(a) > pairs(b); });
  work *= double(c->heads) * double(c->size + c->value_size + 16) * (back ? 3 : 1);
  const int64_t count = c->batch * c->key_heads;
  const Attend &attend = kernels().attend[dtype];
  const int64_t room = pages(attend.bytes(c, longest, back));
  Lease lease(int(std::min<int64_t>(worth_waking(threads, work), std::max<int64_t>(count, 1))));
  Workspace space(Workspace::kThreads, size_t(room) * size_t(lease.threads()));
  lease.each(count, [&](int64_t i, int rank) {
    attend.head(c, longest, back, space.data() + rank * room, longest_first[size_t(i / c->key_heads)], i % c->key_heads);
  });
  return UNPAD_OK;
} catch (const std::bad_alloc &) {
  return UNPAD_OUT_OF_MEMORY;
}

}  // namespace
}  // namespace unpad

extern "C" {

int32_t unpad_attention_forward(int32_t dtype, int32_t threads, const unpad_attention *attention) {
  return unpad::run(dtype, threads, false, attention);
}

int32_t unpad_attention_backward(int32_t dtype, int32_t threads, const unpad_attention *attention) {
  return unpad::run(dtype, threads, true, attention);
}

}  // extern "C"
