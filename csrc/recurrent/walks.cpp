// The walks' entry points: the plan, the work space, and one run of the pool with the products before or after.
#include "recurrent/walks.h"

#include <algorithm>
#include <atomic>
#include <new>

#include "gemm/blocks.h"
#include "isa/isa.h"
#include "recurrent/plan.h"
#include "recurrent/previous_states.h"
#include "recurrent/problem.h"
#include "runtime/pool.h"
#include "runtime/workspace.h"

namespace unpad {
namespace {

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
void finish_walk(const unpad_problem &, const unpad_forward_direction &, const Sequences &, int64_t, int64_t) {}
void finish_walk(const unpad_problem &p, const unpad_backward_direction &d, const Sequences &sequences, int64_t team,
                 int64_t rank) {
  copy_previous(p, d, sequences, team, rank);
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
    const Sequences sequences = plan->groups[size_t(group)].sequences();
    pass->pack(problem, d.recurrent_kernel, base, rank, team, team);
    if (team > 1) meetings[direction].wait();
    Walk w{problem, &d, sequences, base, base + room.shared_at, base + room.scratch_at + rank * room.scratch_bytes, team,
           rank, wait_at, &meetings[direction]};
    pass->walk(&w);
    finish_walk(*problem, d, sequences, team, rank);
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

const Pass &pass_of(const unpad_problem &p, const unpad_forward_direction *) {
  return p.dtype == UNPAD_ROUNDED ? rounded().forward[p.cell] : kernels().forward->of[p.cell][p.dtype];
}
const Pass &pass_of(const unpad_problem &p, const unpad_backward_direction *) {
  return p.dtype == UNPAD_ROUNDED ? rounded().backward[p.cell] : kernels().backward->of[p.cell][p.dtype];
}

template <class Direction>
int32_t run(const unpad_problem *p, const Direction *directions, RowSums *sums, int32_t count,
            const unpad_product *products, bool products_first) try {
  if (int32_t error = check_problem(p)) return error;
  if (!directions) return UNPAD_NULL_POINTER;
  for (int i = 0; i < p->directions; ++i)
    if (int32_t error = check_direction(*p, directions[i])) return error;
  const int32_t dtype = int32_t(p->dtype);
  if (int32_t error = Blocks::check(dtype, count, products)) return error;
  for (int i = 0; i < p->directions; ++i) pass_through(*p, directions[i]);
  if (!p->steps) {
    if (sums) sums->compute(0);
    return unpad_products(dtype, 1, count, products);
  }

  const Pass &pass = pass_of(*p, directions);
  const int gates = record_of(*p).gates;
  Blocks blocks(dtype, count, products);
  Lease lease(useful_threads(*p, gates, blocks.work()));
  blocks.cut(lease.threads());
  if (sums) sums->cut(lease.threads());
  const Plan plan = make_plan(*p, gates, lease.threads());
  int64_t rows = 0;
  for (const Group &group : plan.groups) rows = std::max(rows, group.sequences().count);
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
  return run(problem, direction, sums, count, after, false);
}

}  // namespace unpad

extern "C" {

int32_t unpad_forward(const unpad_problem *problem, const unpad_forward_direction *direction, int32_t count,
                      const unpad_product *before) {
  return unpad::run(problem, direction, nullptr, count, before, true);
}

int32_t unpad_backward(const unpad_problem *problem, const unpad_backward_direction *direction, int32_t count,
                       const unpad_product *after) {
  return unpad::walk_back(problem, direction, nullptr, count, after);
}

}  // extern "C"
