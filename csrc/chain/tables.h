// What a chain's walks read and write beside the batch: tables of transitions, a thread's rows, what gradients are
// summed into. Rows are padded to whole vectors.
#pragma once

#include "isa/kernels.h"
#include "simd/exponential.h"
#include "unpad_kernels.h"

namespace unpad {
namespace UNPAD_NAMESPACE {

constexpr int64_t kChainTile = 64;  // steps whose outer products are added at once
constexpr int64_t kLaneSteps = 8;   // steps that sequences side by side are brought into lanes at once

// Whether sequences are walked side by side.
inline bool in_lanes(const unpad_chain *c) { return !c->pairs && c->tags <= kFewTags; }

// n numbers of a row, in double; beyond them `other`.
template <class T>
UNPAD_INLINE Vec<double> load_doubles(const T *row, int64_t n, double other = -__builtin_inf()) {
  if (n >= kLanes<double>) {
    if constexpr (sizeof(T) == 8) {
      return load_whole(row);
    } else {
      HalfVec<float> half;
      memcpy(&half, row, sizeof half);
      return __builtin_convertvector(half, Vec<double>);
    }
  }
  double lanes[kLanes<double>];
  for (int64_t j = 0; j < kLanes<double>; ++j) lanes[j] = j < n ? double(row[j]) : other;
  return load_whole(lanes);
}

// The first n of them into a row, or on top of it.
template <class T>
UNPAD_INLINE void put(T *row, Vec<double> x, int64_t n, bool add) {
  if (add) x += load_doubles(row, n, 0.0);
  if (n >= kLanes<double>) {
    if constexpr (sizeof(T) == 8) {
      store_whole(row, x);
    } else {
      const HalfVec<float> half = __builtin_convertvector(x, HalfVec<float>);
      memcpy(row, &half, sizeof half);
    }
  } else {
    for (int64_t j = 0; j < n; ++j) row[j] = T(x[j]);
  }
}

// Of the ways from a tag to the next: scores, exp(scores - the highest), both from row to column and from column to
// row. From a null base it only counts.
struct ChainTables {
  int64_t width, bytes, tags;
  double *logs, *logs_back, *ways, *ways_back, *start, *end, *zeros, *beyond, *facts;

  ChainTables(const unpad_chain *c, void *base) : tags(c->tags) {
    width = (tags + kLanes<double> - 1) / kLanes<double> * kLanes<double>;
    Arena arena{static_cast<char *>(base), 0};
    logs = arena.take<double>(tags * width);
    logs_back = arena.take<double>(tags * width);
    ways = arena.take<double>(tags * width);
    ways_back = arena.take<double>(tags * width);
    start = arena.take<double>(width);
    end = arena.take<double>(width);
    zeros = arena.take<double>(width);
    beyond = arena.take<double>(width);  // 1 beyond the tags
    facts = arena.take<double>(2);
    bytes = arena.used;
  }
  double top() const { return facts[0]; }
  bool numbers() const { return facts[1] != 0; }
};

// Of scores (tags, tags), or of none, which are 0. `back`: those from column to row too.
template <class T>
void fill_tables(const ChainTables &t, const T *scores, bool back) {
  const int64_t n = t.tags, width = t.width;
  double top = -__builtin_inf();
  bool numbers = true;
  for (int64_t i = 0; i < n; ++i) {
    double *row = t.logs + i * width;
    for (int64_t j = 0; j < width; ++j) row[j] = j >= n ? -__builtin_inf() : scores ? double(scores[i * n + j]) : 0;
    for (int64_t j = 0; j < n; ++j) {
      numbers &= row[j] == row[j];
      top = row[j] > top ? row[j] : top;
    }
  }
  const double level = top == -__builtin_inf() ? 0 : top;
  for (int64_t i = 0; i < n * width; i += kLanes<double>)
    store_whole(t.ways + i, exp_below(load_whole(t.logs + i) - level));
  for (int64_t j = 0; back && j < n; ++j)
    for (int64_t i = 0; i < width; ++i) {
      t.logs_back[j * width + i] = i < n ? t.logs[i * width + j] : -__builtin_inf();
      t.ways_back[j * width + i] = i < n ? t.ways[i * width + j] : 0;
    }
  t.facts[0] = level, t.facts[1] = numbers;
}

inline void fill_ends(const ChainTables &t) {
  for (int64_t j = 0; j < t.width; ++j) {
    t.start[j] = t.end[j] = t.zeros[j] = 0;
    t.beyond[j] = j >= t.tags;
  }
}

// A thread's own.
struct ChainSpace {
  double *row, *next, *other, *scores, *shares, *tile, *apart, *few;
  int64_t *few_from;
  double *x, *e, *rows, *now, *after, *beyond, *ends, *pairs;  // of sequences side by side
  ChainTables tables;  // of one step, where the scores are of pairs
  int64_t bytes;

  ChainSpace(const unpad_chain *c, void *base) : tables(c, nullptr) {
    const int64_t width = tables.width;
    Arena arena{static_cast<char *>(base), 0};
    row = arena.take<double>(width);
    next = arena.take<double>(width);
    other = arena.take<double>(width);
    scores = arena.take<double>(width);
    shares = arena.take<double>(width);
    tile = arena.take<double>(kChainTile * width);
    apart = arena.take<double>(c->d_transitions ? c->tags * width : 0);
    few = arena.take<double>(c->best);
    few_from = arena.take<int64_t>(c->best);
    const int64_t lanes = in_lanes(c) ? c->tags * kLanes<double> : 0;
    x = arena.take<double>(lanes * kLaneSteps);
    e = arena.take<double>(lanes * kLaneSteps);
    rows = arena.take<double>(lanes * kLaneSteps);
    now = arena.take<double>(lanes);
    after = arena.take<double>(lanes);
    beyond = arena.take<double>(lanes);
    ends = arena.take<double>(lanes);
    pairs = arena.take<double>(c->d_transitions ? lanes * c->tags : 0);
    char *rest = c->pairs ? arena.take<char>(tables.bytes) : nullptr;
    if (c->pairs) tables = ChainTables(c, rest);
    bytes = arena.used;
  }
};

// What the gradients of a stretch of sequences are summed into, of those that are asked for.
struct ChainSums {
  double *ways = nullptr, *start = nullptr, *end = nullptr, *apart = nullptr;

  static int64_t count(const unpad_chain *c, int64_t width) { return (c->tags + 2) * width; }

  ChainSums(const unpad_chain *c, int64_t width, double *at, ChainSpace *space) {
    for (int64_t i = 0; i < count(c, width); ++i) at[i] = 0;
    if (c->d_start) start = at;
    if (c->d_end) end = at + width;
    if (!c->d_transitions) return;
    ways = at + 2 * width, apart = space->apart;
    for (int64_t i = 0; i < c->tags * width; ++i) apart[i] = 0;
  }
};

template <class T>
void chain_tables(const unpad_chain *c, void *base) {
  const ChainTables t(c, base);
  fill_ends(t);
  if (!c->pairs) fill_tables(t, static_cast<const T *>(c->transitions), true);
  const T *start = static_cast<const T *>(c->start), *end = static_cast<const T *>(c->end);
  for (int64_t j = 0; j < t.tags; ++j) {
    if (start) t.start[j] = double(start[j]);
    if (end) t.end[j] = double(end[j]);
  }
}

}  // namespace UNPAD_NAMESPACE
}  // namespace unpad
