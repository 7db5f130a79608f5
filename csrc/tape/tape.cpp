// Cells of one's own: checks, which thread walks which sequences, and the factors of products, packed once.
#include <algorithm>
#include <new>
#include <vector>

#include "gemm/blocks.h"
#include "isa/isa.h"
#include "runtime/pool.h"
#include "runtime/workspace.h"

namespace unpad {
namespace {

constexpr int64_t kMostCount = 1 << 16, kMostWidth = int64_t(1) << 24;

bool is_flag(int64_t x) { return x == 0 || x == 1; }

struct Check {
  const unpad_tape &tape;

  const unpad_tape_array &array(int64_t i) const { return tape.arrays[i]; }
  bool there(int64_t i) const { return i >= 0 && i < tape.array_count; }
  bool holds(int64_t i, int64_t column, int64_t width) const {
    return column >= 0 && column <= array(i).width && width <= array(i).width - column;
  }

  int32_t sizes() const {
    for (int64_t size : {tape.steps, tape.times})
      if (size < 0 || size > kMostSize) return UNPAD_BAD_SIZE;
    for (int64_t count : {tape.array_count, tape.operation_count})
      if (count < 0 || count > kMostCount) return UNPAD_BAD_SIZE;
    if (!is_flag(tape.back)) return UNPAD_BAD_ENUM;
    if ((tape.array_count && !tape.arrays) || (tape.operation_count && !tape.operations) || (tape.times && !tape.active))
      return UNPAD_NULL_POINTER;
    int64_t left = tape.steps, before = tape.steps;
    for (int64_t t = 0; t < tape.times; ++t) {
      if (tape.active[t] < 1 || tape.active[t] > before || tape.active[t] > left) return UNPAD_BAD_INDEX;
      before = tape.active[t];
      left -= before;
    }
    return left ? UNPAD_BAD_INDEX : UNPAD_OK;
  }

  int32_t of(const unpad_tape_array &a) const {
    if (a.kind < UNPAD_TAPE_SPACE || a.kind > UNPAD_TAPE_STATE) return UNPAD_BAD_ENUM;
    if (a.width < 1 || a.width > kMostWidth || double(tape.steps) * double(a.width) > 0x1p56) return UNPAD_BAD_SIZE;
    if (a.kind == UNPAD_TAPE_STATE) {
      if (!there(a.after) || array(a.after).kind != UNPAD_TAPE_STEPS) return UNPAD_BAD_INDEX;
      return array(a.after).width == a.width ? UNPAD_OK : UNPAD_BAD_SIZE;
    }
    if (a.kind == UNPAD_TAPE_SPACE) return UNPAD_OK;
    if (!a.data) return UNPAD_NULL_POINTER;
    if (a.kind == UNPAD_TAPE_STEPS) return UNPAD_OK;
    if (!is_flag(a.transposed)) return UNPAD_BAD_ENUM;
    const int64_t row = a.transposed ? a.rows : a.width;
    return a.rows >= 1 && a.rows <= kMostWidth && a.stride >= row && a.stride <= kMostSize ? UNPAD_OK : UNPAD_BAD_SIZE;
  }

  int32_t operand(int64_t i, int64_t column, int64_t each, int64_t width) const {
    if (!there(i)) return UNPAD_BAD_INDEX;
    if (!is_flag(each) || (array(i).kind == UNPAD_TAPE_SHARED && array(i).transposed)) return UNPAD_BAD_ENUM;
    return holds(i, column, each ? width : 1) ? UNPAD_OK : UNPAD_BAD_SIZE;
  }

  int32_t of(const unpad_tape_operation &o) const {
    if (o.op < UNPAD_TAPE_PRODUCT || o.op > UNPAD_TAPE_SUM) return UNPAD_BAD_ENUM;
    if (o.width < 1 || o.width > kMostWidth) return UNPAD_BAD_SIZE;
    if (!there(o.out) || array(o.out).kind > UNPAD_TAPE_STEPS) return UNPAD_BAD_INDEX;
    if (!holds(o.out, o.out_column, o.op == UNPAD_TAPE_SUM ? 1 : o.width)) return UNPAD_BAD_SIZE;
    const bool product = o.op == UNPAD_TAPE_PRODUCT, numbers = o.op >= UNPAD_TAPE_ADD && o.op <= UNPAD_TAPE_DIV;
    const bool pair = product || numbers || o.op == UNPAD_TAPE_WHERE_ABOVE;
    int64_t width = o.width;
    if (product) {
      if (!there(o.factor) || array(o.factor).kind != UNPAD_TAPE_SHARED || o.a == o.out) return UNPAD_BAD_INDEX;
      if (array(o.factor).width != o.width) return UNPAD_BAD_SIZE;
      width = array(o.factor).rows;
    }
    if (o.a != -1 || !numbers) {
      if (!o.a_each && (product || o.op > UNPAD_TAPE_COPY)) return UNPAD_BAD_ENUM;
      if (int32_t error = operand(o.a, o.a_column, o.a_each, width)) return error;
    }
    if (o.b == -1 && (product || numbers || !pair)) return UNPAD_OK;
    if (!pair) return UNPAD_BAD_INDEX;
    return operand(o.b, o.b_column, o.b_each, o.width);
  }

  int32_t all() const {
    if (int32_t error = sizes()) return error;
    for (int64_t i = 0; i < tape.array_count; ++i)
      if (int32_t error = of(tape.arrays[i])) return error;
    for (int64_t i = 0; i < tape.operation_count; ++i)
      if (int32_t error = of(tape.operations[i])) return error;
    return UNPAD_OK;
  }
};

// Multiply-adds of all steps, or what takes as long.
double work(const unpad_tape &tape) {
  double row = 0;
  for (int64_t i = 0; i < tape.operation_count; ++i) {
    const unpad_tape_operation &o = tape.operations[i];
    row += double(o.width) * (o.op == UNPAD_TAPE_PRODUCT ? double(tape.arrays[o.factor].rows) : 8.0);
  }
  return row * double(tape.steps);
}

// Where the sequences, longest first, are cut into `parts` of nearly equally many steps.
std::vector<int64_t> cuts(const unpad_tape &tape, int64_t parts) {
  std::vector<int64_t> bounds{0};
  const int64_t rows = tape.times ? tape.active[0] : 0;
  int64_t length = tape.times, done = 0;
  for (int64_t r = 0; r < rows; ++r) {
    while (tape.active[length - 1] <= r) --length;
    done += length;
    if (int64_t(bounds.size()) < parts && done >= tape.steps * int64_t(bounds.size()) / parts) bounds.push_back(r + 1);
  }
  bounds.resize(size_t(parts) + 1, rows);
  bounds.back() = rows;
  return bounds;
}

int32_t run(int32_t dtype, int32_t threads, const unpad_tape *given) try {
  if (dtype != UNPAD_FLOAT32 && dtype != UNPAD_FLOAT64) return UNPAD_BAD_ENUM;
  if (!given) return UNPAD_NULL_POINTER;
  const unpad_tape &tape = *given;
  if (int32_t error = Check{tape}.all()) return error;
  if (!tape.steps) return UNPAD_OK;
  const Tapes &tapes = kernels().tapes[dtype];

  std::vector<int64_t> starts, factors;
  int64_t start = 0;
  for (int64_t t = 0; t < tape.times; start += tape.active[t++]) starts.push_back(start);
  std::vector<int64_t> packed_at(size_t(tape.array_count), -1);
  int64_t bytes = 0;
  for (int64_t i = 0; i < tape.operation_count; ++i) {
    const unpad_tape_operation &o = tape.operations[i];
    if (o.op != UNPAD_TAPE_PRODUCT || packed_at[size_t(o.factor)] >= 0) continue;
    packed_at[size_t(o.factor)] = bytes;
    factors.push_back(o.factor);
    bytes += pages(tapes.packed_bytes(&tape.arrays[o.factor]));
  }
  Lease lease(worth_waking(threads, work(tape)));
  const int64_t room = pages(tapes.space_bytes(&tape));
  const Workspace space(Workspace::kThreads, size_t(bytes + room * lease.threads()));
  std::vector<const void *> packed(size_t(tape.array_count), nullptr);
  for (int64_t i : factors) {
    char *to = space.data() + packed_at[size_t(i)];
    tapes.pack(&tape.arrays[i], to);
    packed[size_t(i)] = to;
  }
  const std::vector<int64_t> bounds = cuts(tape, lease.threads());
  Shares shares(lease.threads(), lease.threads());
  lease.run([&](int rank) {
    shares.take(rank, [&](int64_t i) {
      tapes.walk(&tape, starts.data(), packed.data(), space.data() + bytes + room * rank, bounds[size_t(i)], bounds[size_t(i) + 1]);
    });
  });
  return UNPAD_OK;
} catch (const std::bad_alloc &) {
  return UNPAD_OUT_OF_MEMORY;
}

}  // namespace
}  // namespace unpad

extern "C" int32_t unpad_tape_walk(int32_t dtype, int32_t threads, const unpad_tape *tape) {
  return unpad::run(dtype, threads, tape);
}
