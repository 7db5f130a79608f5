#include "recurrent/problem.h"

#include <cstring>

#include "runtime/indices.h"

namespace unpad {
namespace {

bool within(int64_t x, int64_t from, int64_t to) { return x >= from && x <= to; }

// An empty sequence's row goes as it is.
void pass_through(const unpad_problem &p, const void *from, void *to) {
  if (!to) return;
  const size_t row = size_t(p.hidden * element_bytes(p));
  for (int64_t b = 0; b < p.batch; ++b) {
    if (p.offsets[b + 1] > p.offsets[b]) continue;
    char *out = static_cast<char *>(to) + size_t(b) * row;
    if (from)
      std::memcpy(out, static_cast<const char *>(from) + size_t(b) * row, row);
    else
      std::memset(out, 0, row);
  }
}

}  // namespace

int32_t check_problem(const unpad_problem *p) {
  if (!p) return UNPAD_NULL_POINTER;
  if (!within(p->cell, 0, Cells::count - 1) || !within(p->dtype, UNPAD_FLOAT32, UNPAD_ROUNDED) ||
      !within(p->activation, UNPAD_TANH, UNPAD_HARD_SIGMOID) ||
      !within(p->recurrent_activation, UNPAD_TANH, UNPAD_HARD_SIGMOID) || !within(p->directions, 1, 2) ||
      !within(p->plan, 0, 2) ||
      (p->masks != 0 && p->masks != 1 && p->masks != record_of(*p).gates))
    return UNPAD_BAD_ENUM;
  if (p->steps < 0 || p->batch < 0 || p->hidden < 1) return UNPAD_BAD_SIZE;
  // 2^20 units and 2^40 rows of them: far beyond any machine, far below what an int64 counts.
  if (p->hidden > (int64_t(1) << 20) || p->steps > (int64_t(1) << 40) || p->batch > (int64_t(1) << 40))
    return UNPAD_BAD_SIZE;
  if (!p->offsets) return UNPAD_NULL_POINTER;
  return rises(p->offsets, p->batch + 1, p->steps) ? UNPAD_OK : UNPAD_BAD_INDEX;
}

int32_t check_direction(const unpad_problem &p, const unpad_forward_direction &d) {
  const CellRecord &is = record_of(p);
  const int64_t h = p.hidden, g = is.gates;
  const bool saved = p.keep && is.keeps, gates = saved || is.twice;
  if (!d.recurrent_kernel || (p.steps && p.masks && !d.mask)) return UNPAD_NULL_POINTER;
  if (p.batch && (!d.final_h || (is.carries && !d.final_c))) return UNPAD_NULL_POINTER;
  if (p.steps && (!d.projected || (gates && !d.gates) || !d.h || (saved && !d.saved))) return UNPAD_NULL_POINTER;
  if (d.projected_stride < g * h || (gates && d.gates_stride < g * h) || d.h_stride < h ||
      (saved && d.saved_stride < h))
    return UNPAD_BAD_SIZE;
  return UNPAD_OK;
}

int32_t check_direction(const unpad_problem &p, const unpad_backward_direction &d) {
  const CellRecord &is = record_of(p);
  const int64_t h = p.hidden, g = is.gates;
  if (!d.recurrent_kernel || (p.steps && p.masks && !d.mask)) return UNPAD_NULL_POINTER;
  const bool reads_h = is.stays || !is.keeps || d.previous, reads_saved = is.carries || is.inner;
  if (p.steps && (!d.d_gates || (is.keeps && !d.gates) || (reads_h && !d.h) || (reads_saved && !d.saved) ||
                  (is.inner && !d.d_saved)))
    return UNPAD_NULL_POINTER;
  // A gate that resets and updates is read again when its gradient is half made.
  if (is.twice && is.gates == 2 && p.steps && d.d_gates == d.gates) return UNPAD_BAD_SIZE;
  if (d.d_gates_stride < g * h || (is.keeps && d.gates_stride < g * h) || (reads_h && d.h_stride < h) ||
      (reads_saved && d.saved_stride < h) || (is.inner && d.d_saved_stride < h) || (d.d_h && d.d_h_stride < h))
    return UNPAD_BAD_SIZE;
  return UNPAD_OK;
}

void pass_through(const unpad_problem &p, const unpad_forward_direction &d) {
  pass_through(p, d.initial_h, d.final_h);
  if (record_of(p).carries) pass_through(p, d.initial_c, d.final_c);
}
void pass_through(const unpad_problem &p, const unpad_backward_direction &d) {
  pass_through(p, d.d_final_h, d.d_initial_h);
  if (record_of(p).carries) pass_through(p, d.d_final_c, d.d_initial_c);
}

}  // namespace unpad
