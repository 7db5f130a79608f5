// Who walks what: sequences sorted by length and dealt to threads.
#pragma once

#include <cstdint>
#include <vector>

#include "isa/kernels.h"

namespace unpad {

struct Group {
  std::vector<int64_t> sequence, start, length;  // longest first, no empty ones
  Sequences sequences() const { return {int64_t(sequence.size()), sequence.data(), start.data(), length.data()}; }
};

// A task is one direction of one group of sequences. Without a team, threads take tasks as they get free; there are
// as many as threads, or a small multiple, so that all end together. With a team, all threads of a direction walk all
// sequences together, share out the hidden units and meet after every step.
struct Plan {
  int team;                   // threads that walk a direction together; 1 for no team
  bool at_once;               // both directions at the same time, each with its own team
  std::vector<Group> groups;  // one for a team
};

// `products`: multiply-adds of what runs before or after the walk.
int useful_threads(const unpad_problem &p, int gates, double products);
Plan make_plan(const unpad_problem &p, int gates, int threads);

}  // namespace unpad
