// Linear chains: checks, which thread walks which sequences, and the gradients of what all of them share.
#include <algorithm>
#include <new>
#include <vector>

#include "gemm/blocks.h"
#include "isa/isa.h"
#include "runtime/indices.h"
#include "runtime/pool.h"
#include "runtime/workspace.h"

namespace unpad {
namespace {

// Steps of the sequences whose gradients are summed up by one thread, at least: their sums, tags * tags, take no more
// room than half of the steps' rows.
// Of few tags enough to sort sequences of like lengths side by side.
int64_t stretch(int64_t tags) { return std::max<int64_t>(tags <= kFewTags ? 512 : 128, 2 * tags); }

// Sequences that a thread takes at once: of few tags as many as are sorted by their lengths.
int64_t together(const unpad_chain &c, int threads) {
  return c.pairs || c.tags > kFewTags ? 1 : std::clamp<int64_t>((c.batch + threads - 1) / threads, 1, 64);
}

enum Call { kSums, kGradients, kBest };

// Whether some tags of a sequence are known and others not.
bool known_in_part(const unpad_chain &c, int64_t b) {
  const int64_t *from = c.only + c.offsets[b], *to = c.only + c.offsets[b + 1];
  const int64_t known = std::count_if(from, to, [](int64_t tag) { return tag >= 0; });
  return known && known != to - from;
}

int32_t check(Call call, int32_t dtype, const unpad_chain *given) {
  if (dtype != UNPAD_FLOAT32 && dtype != UNPAD_FLOAT64) return UNPAD_BAD_ENUM;
  if (!given) return UNPAD_NULL_POINTER;
  const unpad_chain &c = *given;
  if (c.pairs != 0 && c.pairs != 1) return UNPAD_BAD_ENUM;
  for (int64_t size : {c.steps, c.batch, c.tags, c.best})
    if (size < 0 || size > kMostSize) return UNPAD_BAD_SIZE;
  const double most = double(std::max<int64_t>(c.steps, 1)) * double(c.tags + 8) * double(c.pairs ? c.tags + 8 : 1) *
                      double(std::max<int64_t>(c.best, 1));
  if ((c.steps && !c.tags) || most > 0x1p58 || double(c.tags + 8) * double(c.tags + 8) > 0x1p50) return UNPAD_BAD_SIZE;
  if (!c.offsets) return UNPAD_NULL_POINTER;
  if (!rises(c.offsets, c.batch + 1, c.steps)) return UNPAD_BAD_INDEX;
  if (c.pairs && (c.transitions || c.d_transitions)) return UNPAD_BAD_ENUM;
  if (c.steps && !c.scores) return UNPAD_NULL_POINTER;
  if (call == kSums && c.batch && !c.total) return UNPAD_NULL_POINTER;
  if (call == kGradients && c.steps && !c.walked) return UNPAD_NULL_POINTER;
  if (call == kBest) {
    if (c.best < 1) return UNPAD_BAD_SIZE;
    if (c.steps && (!c.path || !c.walked || (c.best > 1 && !c.whence))) return UNPAD_NULL_POINTER;
    return UNPAD_OK;
  }
  if (!c.only) return UNPAD_OK;
  for (int64_t step = 0; step < c.steps; ++step)
    if (c.only[step] < -1 || c.only[step] >= c.tags) return UNPAD_BAD_INDEX;
  if (!c.fitting && c.walked)
    for (int64_t b = 0; b < c.batch; ++b)
      if (known_in_part(c, b)) return UNPAD_NULL_POINTER;
  return UNPAD_OK;
}

// A call's room: the tables of transitions, and what each thread needs.
class Room {
 public:
  Room(const unpad_chain *c, const Chains &chains, int threads)
      : tables_(pages(chains.table_bytes(c))), thread_(pages(chains.space_bytes(c))),
        space_(Workspace::kThreads, size_t(tables_ + thread_ * threads)) {
    chains.tables(c, tables());
  }
  void *tables() const { return space_.data(); }
  void *of(int rank) const { return space_.data() + tables_ + thread_ * rank; }

 private:
  int64_t tables_, thread_;
  Workspace space_;
};

// As many threads as have enough to do; a pair of tags costs about as much as the exp of one.
int useful(const unpad_chain &c, int32_t threads, double ways) {
  return worth_waking(threads, ways * double(c.steps) * double(c.tags + 16) * double(c.tags) * double(c.best + 1));
}

template <class Walk>
int32_t walk(const unpad_chain *c, const Chains &chains, int32_t threads, Walk walk) {
  Lease lease(useful(*c, threads, 1));
  const Room room(c, chains, lease.threads());
  const int64_t some = together(*c, lease.threads());
  lease.each((c->batch + some - 1) / some, [&](int64_t i, int rank) {
    walk(c, room.tables(), room.of(rank), i * some, std::min((i + 1) * some, c->batch));
  });
  return UNPAD_OK;
}

template <class T>
void write(void *to, int64_t rows, int64_t columns, int64_t width, const std::vector<double> &from, int64_t at) {
  for (int64_t i = 0; to && i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j)
      static_cast<T *>(to)[i * columns + j] = T(from[size_t(at + i * width + j)]);
}

template <class T>
int32_t gradients(const unpad_chain *c, const Chains &chains, int32_t threads) {
  std::vector<int64_t> starts{0};  // of the stretches, in sequences
  for (int64_t b = 1; b <= c->batch; ++b)
    if (b == c->batch || c->offsets[b] - c->offsets[starts.back()] >= stretch(c->tags)) starts.push_back(b);
  const int64_t count = int64_t(starts.size()) - 1;
  const int64_t width = (c->tags + chains.lanes - 1) / chains.lanes * chains.lanes, size = (c->tags + 2) * width;
  std::vector<double> parts(size_t(count * size)), sums(static_cast<size_t>(size));
  Lease lease(int(std::min<int64_t>(useful(*c, threads, 2), std::max<int64_t>(count, 1))));
  {
    const Room room(c, chains, lease.threads());
    lease.each(count, [&](int64_t i, int rank) {
      chains.gradients(c, room.tables(), room.of(rank), starts[size_t(i)], starts[size_t(i + 1)], parts.data() + i * size);
    });
  }
  for (int64_t i = 0; i < count; ++i)
    for (int64_t k = 0; k < size; ++k) sums[size_t(k)] += parts[size_t(i * size + k)];
  write<T>(c->d_start, 1, c->tags, width, sums, 0);
  write<T>(c->d_end, 1, c->tags, width, sums, width);
  write<T>(c->d_transitions, c->tags, c->tags, width, sums, 2 * width);
  return UNPAD_OK;
}

int32_t run(Call call, int32_t dtype, int32_t threads, const unpad_chain *given) try {
  if (int32_t error = check(call, dtype, given)) return error;
  unpad_chain c = *given;
  if (call != kBest) c.best = 0;
  if (call != kGradients) c.d_transitions = c.d_start = c.d_end = nullptr;
  const Chains &chains = kernels().chains[dtype];
  if (call == kGradients)
    return dtype == UNPAD_FLOAT32 ? gradients<float>(&c, chains, threads) : gradients<double>(&c, chains, threads);
  return walk(&c, chains, threads, call == kSums ? chains.sums : chains.best);
} catch (const std::bad_alloc &) {
  return UNPAD_OUT_OF_MEMORY;
}

}  // namespace
}  // namespace unpad

extern "C" {

int32_t unpad_chain_sums(int32_t dtype, int32_t threads, const unpad_chain *chain) {
  return unpad::run(unpad::kSums, dtype, threads, chain);
}

int32_t unpad_chain_gradients(int32_t dtype, int32_t threads, const unpad_chain *chain) {
  return unpad::run(unpad::kGradients, dtype, threads, chain);
}

int32_t unpad_chain_best(int32_t dtype, int32_t threads, const unpad_chain *chain) {
  return unpad::run(unpad::kBest, dtype, threads, chain);
}

}  // extern "C"
