// Normalisation: checks, which thread takes which sequences, and the sums over all of them.
#include <algorithm>
#include <new>

#include "gemm/blocks.h"
#include "isa/isa.h"
#include "runtime/indices.h"
#include "runtime/pool.h"
#include "runtime/workspace.h"

namespace unpad {
namespace {

// Sums over all sequences are those over at most so many stretches of them, in order: how they are cut hangs on their
// number alone, and not on who takes them.
constexpr int64_t kStretches = 64, kLeastRows = 64;

int32_t check(int32_t dtype, const unpad_normal *given, bool back) {
  if (dtype != UNPAD_FLOAT32 && dtype != UNPAD_FLOAT64) return UNPAD_BAD_ENUM;
  if (!given) return UNPAD_NULL_POINTER;
  const unpad_normal &n = *given;
  for (int64_t size : {n.rows, n.batch, n.groups, n.size})
    if (size < 0 || size > kMostSize) return UNPAD_BAD_SIZE;
  if (double(n.groups) * double(n.size) > 0x1p40) return UNPAD_BAD_SIZE;
  if (double(n.rows + n.batch) * double(n.groups) * double(n.size) > 0x1p56) return UNPAD_BAD_SIZE;
  if (!n.offsets && n.batch != n.rows) return UNPAD_BAD_SIZE;
  if (n.offsets && !rises(n.offsets, n.batch + 1, n.rows)) return UNPAD_BAD_INDEX;
  if (!n.groups || !n.size) return UNPAD_OK;
  if ((n.batch && !n.scale) || (n.rows && (!n.values || !(back ? n.d_out : n.out)))) return UNPAD_NULL_POINTER;
  return UNPAD_OK;
}

struct Stretches {
  int64_t batch, count;
  explicit Stretches(const unpad_normal &n) : batch(n.batch) {
    const int64_t least = n.offsets ? 1 : kLeastRows;
    count = std::min(kStretches, (batch + least - 1) / least);
  }
  int64_t first(int64_t i) const { return batch * i / count; }
};

template <class Do>
void each_stretch(int32_t threads, const unpad_normal &n, const Normalise &normalise, const Stretches &stretches, Do work) {
  // A number takes as long as some forty multiply-adds of a product.
  Lease lease(worth_waking(threads, double(n.rows) * double(n.groups * n.size) * 40));
  const int64_t bytes = pages(normalise.bytes(&n));
  const Workspace space(Workspace::kThreads, size_t(bytes * lease.threads()));
  lease.each(stretches.count, [&](int64_t i, int rank) {
    work(stretches.first(i), stretches.first(i + 1), i, space.data() + bytes * rank);
  });
}

int32_t forward(int32_t dtype, int32_t threads, const unpad_normal *given) try {
  if (int32_t error = check(dtype, given, false)) return error;
  const unpad_normal &n = *given;
  if (!n.groups || !n.size || !n.batch) return UNPAD_OK;
  const Normalise &normalise = kernels().normalise[dtype];
  each_stretch(threads, n, normalise, Stretches(n),
               [&](int64_t from, int64_t to, int64_t, void *space) { normalise.forward(&n, from, to, space); });
  return UNPAD_OK;
} catch (const std::bad_alloc &) {
  return UNPAD_OUT_OF_MEMORY;
}

template <class T>
void write_sums(const double *sums, int64_t width, void *out) {
  for (int64_t i = 0; out && i < width; ++i) static_cast<T *>(out)[i] = T(sums[i]);
}

int32_t backward(int32_t dtype, int32_t threads, const unpad_normal *given) try {
  if (int32_t error = check(dtype, given, true)) return error;
  const unpad_normal &n = *given;
  const int64_t width = n.groups * n.size;
  if (!width) return UNPAD_OK;
  const Normalise &normalise = kernels().normalise[dtype];
  const Stretches stretches(n);
  const Workspace all(Workspace::kLayer, size_t(2 * std::max<int64_t>(1, stretches.count) * width) * sizeof(double));
  double *sums = reinterpret_cast<double *>(all.data());
  if (n.batch)
    each_stretch(threads, n, normalise, stretches, [&](int64_t from, int64_t to, int64_t i, void *space) {
      normalise.backward(&n, from, to, space, sums + 2 * i * width);
    });
  if (!stretches.count) std::fill(sums, sums + 2 * width, 0.0);
  for (int64_t k = 1; k < stretches.count; ++k)
    for (int64_t i = 0; i < 2 * width; ++i) sums[i] += sums[2 * k * width + i];
  const auto write = dtype == UNPAD_FLOAT32 ? write_sums<float> : write_sums<double>;
  write(sums, width, n.d_beta);
  write(sums + width, width, n.d_gamma);
  return UNPAD_OK;
} catch (const std::bad_alloc &) {
  return UNPAD_OUT_OF_MEMORY;
}

}  // namespace
}  // namespace unpad

extern "C" int32_t unpad_normal_forward(int32_t dtype, int32_t threads, const unpad_normal *normal) {
  return unpad::forward(dtype, threads, normal);
}
extern "C" int32_t unpad_normal_backward(int32_t dtype, int32_t threads, const unpad_normal *normal) {
  return unpad::backward(dtype, threads, normal);
}
