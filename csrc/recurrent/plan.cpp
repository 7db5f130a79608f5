#include "recurrent/plan.h"

#include <algorithm>

#include "recurrent/problem.h"
#include "runtime/pool.h"

namespace unpad {
namespace {

// A team reads each part of the recurrent kernel in one thread's cache instead of all of it in every thread's. That
// counts where reading it is the cost: a kernel beyond the second-level cache and few rows to use each load. Elsewhere
// dealing out sequences is as fast (256 and 512 units, 32 rows: within 5 % of each other) and no thread ever waits for
// another, which on a busy machine cost a team a factor of 2 and more.
constexpr int64_t kTeamBytes = 768 << 10;
constexpr int64_t kTeamRows = 4;  // a thread

constexpr int64_t kMostThreads = 1 << 16;

bool team_pays(const unpad_problem &p, int64_t kernel_bytes, int64_t longest, int64_t ranks) {
  return kernel_bytes >= kTeamBytes && p.steps < kTeamRows * ranks * longest;
}

}  // namespace

int useful_threads(const unpad_problem &p, int gates, double products) {
  const int most = int(std::clamp<int64_t>(p.threads, 1, kMostThreads));
  if (p.plan) return most;
  return worth_waking(most, double(p.steps) * double(p.hidden) * double(p.hidden) * gates * p.directions + products);
}

Plan make_plan(const unpad_problem &p, int gates, int threads) {
  Plan plan;
  plan.at_once = p.directions == 2 && threads % 2 == 0;
  // With one direction a thread, 32 sentences stay together and their rows share each load of the kernel.
  const int ranks = plan.at_once ? threads / 2 : threads;
  std::vector<int64_t> order;
  order.reserve(size_t(p.batch));
  for (int64_t b = 0; b < p.batch; ++b)
    if (p.offsets[b + 1] > p.offsets[b]) order.push_back(b);
  auto length = [&](int64_t b) { return p.offsets[b + 1] - p.offsets[b]; };
  std::sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    return length(a) != length(b) ? length(a) > length(b) : a < b;
  });

  const int64_t kernel = p.hidden * p.hidden * gates * element_bytes(p);
  const int64_t longest = order.empty() ? 0 : length(order[0]);
  plan.team = ranks > 1 && (p.plan ? p.plan == 2 : team_pays(p, kernel, longest, ranks)) ? ranks : 1;
  plan.groups.resize(plan.team > 1 ? 1 : std::max<size_t>(1, std::min(size_t(ranks), order.size())));
  std::vector<int64_t> load(plan.groups.size(), 0);
  for (int64_t b : order) {  // the longest left goes to whom has the least
    size_t g = size_t(std::min_element(load.begin(), load.end()) - load.begin());
    load[g] += length(b);
    plan.groups[g].sequence.push_back(b);
    plan.groups[g].start.push_back(p.offsets[b]);
    plan.groups[g].length.push_back(length(b));
  }
  return plan;
}

}  // namespace unpad
