// The C entry points: checks, the plan, the work space, and one run of the pool.
#include <algorithm>
#include <atomic>
#include <cstring>
#include <new>

#include "blocks.h"
#include "cells.h"
#include "isa.h"
#include "plan.h"
#include "pool.h"
#include "previous.h"
#include "row_sums.h"
#include "run.h"
#include "workspace.h"

namespace unpad {
namespace {

bool within(int64_t x, int64_t from, int64_t to) { return x >= from && x <= to; }

}  // namespace

int gates_of(const unpad_problem &p) { return record_of(p).gates; }

int64_t element_bytes(const unpad_problem &p) { return p.dtype == UNPAD_FLOAT32 ? 4 : 8; }

bool rises(const int64_t *bounds, int64_t count, int64_t end) {
  for (int64_t i = 1; i < count; ++i)
    if (bounds[i] < bounds[i - 1]) return false;
  return bounds[0] == 0 && bounds[count - 1] == end;
}

int32_t check_problem(const unpad_problem *p) {
  if (!p) return UNPAD_NULL_POINTER;
  if (!within(p->cell, 0, kCellCount - 1) || !within(p->dtype, UNPAD_FLOAT32, UNPAD_FLOAT64) ||
      !within(p->activation, UNPAD_TANH, UNPAD_HARD_SIGMOID) ||
      !within(p->recurrent_activation, UNPAD_TANH, UNPAD_HARD_SIGMOID) || !within(p->directions, 1, 2) ||
      !within(p->plan, 0, 2) ||
      (p->masks != 0 && p->masks != 1 && p->masks != gates_of(*p)))
    return UNPAD_BAD_ENUM;
  if (p->steps < 0 || p->batch < 0 || p->hidden < 1) return UNPAD_BAD_SIZE;
  // 2^20 units and 2^40 rows of them: far beyond any machine, far below what an int64 counts.
  if (p->hidden > (int64_t(1) << 20) || p->steps > (int64_t(1) << 40) || p->batch > (int64_t(1) << 40))
    return UNPAD_BAD_SIZE;
  if (!p->offsets) return UNPAD_NULL_POINTER;
  return rises(p->offsets, p->batch + 1, p->steps) ? UNPAD_OK : UNPAD_BAD_INDEX;
}

namespace {

int32_t check(const unpad_problem &p, const unpad_forward_direction &d) {
  const int64_t h = p.hidden, g = gates_of(p);
  const bool saved = p.keep && record_of(p).keeps, gates = saved || record_of(p).twice;
  if (!d.recurrent_kernel || (p.steps && p.masks && !d.mask)) return UNPAD_NULL_POINTER;
  if (p.batch && (!d.final_h || (record_of(p).carries && !d.final_c))) return UNPAD_NULL_POINTER;
  if (p.steps && (!d.projected || (gates && !d.gates) || !d.h || (saved && !d.saved))) return UNPAD_NULL_POINTER;
  if (d.projected_stride < g * h || (gates && d.gates_stride < g * h) || d.h_stride < h ||
      (saved && d.saved_stride < h))
    return UNPAD_BAD_SIZE;
  return UNPAD_OK;
}

int32_t check(const unpad_problem &p, const unpad_backward_direction &d) {
  const int64_t h = p.hidden, g = gates_of(p);
  const bool lstm = record_of(p).carries, simple = !record_of(p).keeps, after = record_of(p).inner;
  if (!d.recurrent_kernel || (p.steps && p.masks && !d.mask)) return UNPAD_NULL_POINTER;
  const bool reads_h = !lstm || d.previous;
  if (p.steps && (!d.d_gates || (!simple && !d.gates) || (reads_h && !d.h) || ((lstm || after) && !d.saved) ||
                  (after && !d.d_saved)))
    return UNPAD_NULL_POINTER;
  if (p.cell == UNPAD_MGU && p.steps && d.d_gates == d.gates) return UNPAD_BAD_SIZE;
  if (d.d_gates_stride < g * h || (!simple && d.gates_stride < g * h) || (reads_h && d.h_stride < h) ||
      ((lstm || after) && d.saved_stride < h) || (after && d.d_saved_stride < h) || (d.d_h && d.d_h_stride < h))
    return UNPAD_BAD_SIZE;
  return UNPAD_OK;
}

// An empty sequence's final state is its initial one, and so are their gradients.
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

void pass_through(const unpad_problem &p, const unpad_forward_direction &d) {
  pass_through(p, d.initial_h, d.final_h);
  if (record_of(p).carries) pass_through(p, d.initial_c, d.final_c);
}
void pass_through(const unpad_problem &p, const unpad_backward_direction &d) {
  pass_through(p, d.d_final_h, d.d_initial_h);
  if (record_of(p).carries) pass_through(p, d.d_final_c, d.d_initial_c);
}

// Room for one task at a time: its packed kernel and work space. A team's members each have a scratch of their own.
struct Room {
  int64_t shared_at, scratch_at, scratch_bytes, bytes;
};

Room room_for(const unpad_problem *p, const Pass &pass, int64_t rows, int team) {
  Room room;
  room.shared_at = pages(pass.packed_bytes(p));
  room.scratch_at = room.shared_at + pages(pass.shared_bytes(p, rows));
  room.scratch_bytes = pages(pass.scratch_bytes(p, rows));
  room.bytes = room.scratch_at + room.scratch_bytes * team;
  return room;
}

void wait_at(void *meeting) { static_cast<Meeting *>(meeting)->wait(); }

// What follows a walk, before its thread takes the next one.
void finish_walk(const unpad_problem &, const unpad_forward_direction &, const Rows &, int64_t, int64_t) {}
void finish_walk(const unpad_problem &p, const unpad_backward_direction &d, const Rows &rows, int64_t team,
                 int64_t rank) {
  copy_previous(p, d, rows, team, rank);
}

template <class Direction>
struct Job {
  const unpad_problem *problem;
  const Direction *directions;
  const Pass *pass;
  const Plan *plan;
  RowSums *sums;
  Blocks *products;
  bool products_first;
  Room room;
  int64_t thread_bytes;       // of the work space
  char *space;
  Meeting *meetings;          // one a direction
  int count;                  // of walks: a direction of a group each, or of a team's member
  Shares walks;               // without a team
  std::atomic<int> walked{0};

  // Each task packs the kernel for itself: 10 microseconds for 100 units, and no thread waits for another.
  void walk(int direction, int group, char *base, int rank) {
    const int team = plan->team;
    const Direction &d = directions[direction];
    const Rows rows = plan->groups[size_t(group)].rows();
    pass->pack(problem, d.recurrent_kernel, base, rank, team, team);
    if (team > 1) meetings[direction].wait();
    Walk w{problem, &d, rows, base, base + room.shared_at, base + room.scratch_at + rank * room.scratch_bytes, team,
           rank, wait_at, &meetings[direction]};
    pass->walk(&w);
    finish_walk(*problem, d, rows, team, rank);
    if (team > 1) meetings[direction].wait();  // before the room is used again
    walked.fetch_add(1, std::memory_order_release);
  }

  void walk_all(int rank) {
    const int ways = problem->directions;
    if (plan->team > 1 && plan->at_once) {
      walk(rank % 2, 0, space + rank % 2 * room.bytes, rank / 2);
    } else if (plan->team > 1) {
      for (int direction = 0; direction < ways; ++direction) walk(direction, 0, space, rank);
    } else {
      walks.take(rank, [&](int64_t task) {
        walk(int(task) % ways, int(task) / ways, space + rank * thread_bytes, 0);
      });
    }
  }

  void run(int rank) {
    if (products_first) {
      products->compute(rank, space + rank * thread_bytes);
      products->wait();
      walk_all(rank);
    } else {
      walk_all(rank);
      wait_until([this] { return walked.load(std::memory_order_acquire) == count; });
      if (sums) sums->compute(rank);
      products->compute(rank, space + rank * thread_bytes);
    }
  }
};

template <class Direction>
int32_t run(const unpad_problem *p, const Direction *directions, const Pass (Kernels::*passes)[kCellCount][2], RowSums *sums,
            int32_t count, const unpad_product *products, bool products_first) try {
  if (int32_t error = check_problem(p)) return error;
  if (!directions) return UNPAD_NULL_POINTER;
  for (int i = 0; i < p->directions; ++i)
    if (int32_t error = check(*p, directions[i])) return error;
  const int32_t dtype = int32_t(p->dtype);
  if (int32_t error = Blocks::check(dtype, count, products)) return error;
  for (int i = 0; i < p->directions; ++i) pass_through(*p, directions[i]);
  if (!p->steps) {
    if (sums) sums->compute(0);
    return unpad_products(dtype, 1, count, products);
  }

  const Pass &pass = (kernels().*passes)[p->cell][p->dtype];
  const int gates = gates_of(*p);
  Blocks blocks(dtype, count, products);
  Lease lease(useful_threads(*p, gates, blocks.work()));
  blocks.cut(lease.threads());
  if (sums) sums->cut(lease.threads());
  const Plan plan = make_plan(*p, gates, lease.threads());
  int64_t rows = 0;
  for (const Group &group : plan.groups) rows = std::max(rows, group.rows().count);
  const Room room = room_for(p, pass, rows, plan.team);
  // A team walks in one room, which its threads' blocks may lie across: they are not computed meanwhile.
  const int64_t thread_bytes = std::max(pages(blocks.room()), plan.team == 1 ? room.bytes : 0);
  const int64_t team_bytes = plan.team == 1 ? 0 : room.bytes * (plan.at_once ? 2 : 1);
  Workspace space(Workspace::kThreads, size_t(std::max(thread_bytes * lease.threads(), team_bytes)));
  Meeting meetings[2] = {Meeting(plan.team), Meeting(plan.team)};
  const int walks = p->directions * (plan.team > 1 ? plan.team : int(plan.groups.size()));
  Job<Direction> job{p, directions, &pass, &plan, sums, &blocks, products_first, room, thread_bytes, space.data(),
                     meetings, walks, Shares(lease.threads(), walks)};
  lease.run([&](int rank) { job.run(rank); }, plan.team > 1);
  return UNPAD_OK;
} catch (const std::bad_alloc &) {
  return UNPAD_OUT_OF_MEMORY;
}

}  // namespace

int32_t walk_back(const unpad_problem *problem, const unpad_backward_direction *direction, RowSums *sums, int32_t count,
                  const unpad_product *after) {
  return run(problem, direction, &Kernels::backward, sums, count, after, false);
}

}  // namespace unpad

extern "C" {

int32_t unpad_forward(const unpad_problem *problem, const unpad_forward_direction *direction, int32_t count,
                      const unpad_product *before) {
  return unpad::run(problem, direction, &unpad::Kernels::forward, nullptr, count, before, true);
}

int32_t unpad_backward(const unpad_problem *problem, const unpad_backward_direction *direction, int32_t count,
                       const unpad_product *after) {
  return unpad::walk_back(problem, direction, nullptr, count, after);
}

int64_t unpad_stay_awake(int64_t microseconds) {
  return microseconds < 0 || microseconds > 1000000 ? -1 : unpad::stay_awake(microseconds);
}

const char *unpad_kernels_isa(void) { return unpad::kernels().name; }

int32_t unpad_kernels_force_isa(const char *name) {
  return unpad::force_kernels(name) ? UNPAD_OK : UNPAD_BAD_ENUM;
}

int32_t unpad_kernels_version(void) { return 9; }

}  // extern "C"
