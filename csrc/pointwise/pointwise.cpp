// Activations: checks, and which thread takes which stretch.
#include <algorithm>

#include "isa/isa.h"
#include "runtime/pool.h"

namespace unpad {
namespace {

constexpr int64_t kStretch = 4096;

int32_t check(int32_t dtype, const unpad_pointwise *p, bool back) {
  if (dtype != UNPAD_FLOAT32 && dtype != UNPAD_FLOAT64) return UNPAD_BAD_ENUM;
  if (!p) return UNPAD_NULL_POINTER;
  const bool of_out = p->kind == UNPAD_TANH;
  if (!of_out && p->kind != UNPAD_SILU && p->kind != UNPAD_ELU) return UNPAD_BAD_ENUM;
  if (p->count < 0 || double(p->count) > 0x1p56) return UNPAD_BAD_SIZE;
  if (!p->count) return UNPAD_OK;
  if (!back) return p->values && p->out ? UNPAD_OK : UNPAD_NULL_POINTER;
  return p->d_out && p->d_values && (of_out ? p->out : p->values) ? UNPAD_OK : UNPAD_NULL_POINTER;
}

int32_t run(int32_t dtype, int32_t threads, const unpad_pointwise *p, bool back) {
  if (int32_t error = check(dtype, p, back)) return error;
  const PointwiseWays &ways = kernels().pointwise[dtype];
  const auto work = back ? ways.backward : ways.forward;
  // A number takes as long as some 32 multiply-adds of a product.
  Lease lease(worth_waking(threads, double(p->count) * 32));
  lease.each((p->count + kStretch - 1) / kStretch, [&](int64_t i, int) {
    work(p, i * kStretch, std::min(p->count, (i + 1) * kStretch));
  });
  return UNPAD_OK;
}

}  // namespace
}  // namespace unpad

extern "C" int32_t unpad_pointwise_forward(int32_t dtype, int32_t threads, const unpad_pointwise *pointwise) {
  return unpad::run(dtype, threads, pointwise, false);
}
extern "C" int32_t unpad_pointwise_backward(int32_t dtype, int32_t threads, const unpad_pointwise *pointwise) {
  return unpad::run(dtype, threads, pointwise, true);
}
