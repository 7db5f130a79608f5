// Linear chains, a stretch of sequences at a time: sums over all paths of tags, their gradients, best paths.
#pragma once

#include "chain/best.h"
#include "chain/gradients.h"

namespace unpad {
namespace UNPAD_NAMESPACE {

enum Known { kNone, kSome, kAll };

inline Known known_of(const int64_t *only, int64_t length) {
  int64_t count = 0;
  for (int64_t t = 0; t < length; ++t) count += only[t] >= 0;
  return !count ? kNone : count == length ? kAll : kSome;
}

// Of a sequence the log of its sum over all paths; where some steps may have one tag only, less that of the paths that
// do: -log of the probability of these.
template <class T>
void chain_sums(const unpad_chain *c, void *shared, void *space, int64_t from, int64_t to) {
  ChainSpace own(c, space);
  const ChainTables tables(c, shared);
  for (int64_t b = from; b < to; ++b) {
    Sums<T> s(c, tables, &own, b);
    T *total = static_cast<T *>(c->total) + b;
    const Known known = c->only ? known_of(c->only + s.first, s.length) : kNone;
    *total = 0;
    if (!s.length || (c->only && known == kNone)) continue;
    double sum = s.sum(c->walked);
    if (known != kNone) {
      s.only = c->only + s.first;
      sum -= known == kAll ? s.path() : s.sum(c->fitting);
      if (sum < 0) sum = 0;
    }
    *total = T(sum);
  }
}

// The gradients of a stretch of sequences; `at`: what those of transitions, start and end sum up to.
template <class T>
void chain_gradients(const unpad_chain *c, void *shared, void *space, int64_t from, int64_t to, double *at) {
  ChainSpace own(c, space);
  const ChainTables tables(c, shared);
  const ChainSums sums(c, tables.width, at, &own);
  for (int64_t b = from; b < to; ++b) {
    Gradients<T> s(c, tables, &own, b);
    if (!s.length) continue;
    const double d = c->d_total ? double(static_cast<const T *>(c->d_total)[b]) : 1;
    const Known known = c->only ? known_of(c->only + s.first, s.length) : kNone;
    if (c->only && known == kNone) {
      s.give_all(0, false, sums);
      continue;
    }
    s.back(c->walked, d, false, sums);
    s.only = c->only ? c->only + s.first : nullptr;
    if (known == kAll) s.back_on_path(d, sums);
    if (known == kSome) s.back(c->fitting, -d, true, sums);
  }
  for (int64_t i = 0; sums.ways && i < c->tags * tables.width; ++i)
    sums.ways[i] = sums.ways[i] * tables.ways[i] + sums.apart[i];
}

template <class T>
void chain_best(const unpad_chain *c, void *shared, void *space, int64_t from, int64_t to) {
  ChainSpace own(c, space);
  const ChainTables tables(c, shared);
  for (int64_t b = from; b < to; ++b) {
    Best<T> s(c, tables, &own, b);
    if (!s.length) continue;
    if (c->best == 1) {
      const double found = s.best(c->walked, c->path + s.first);
      if (c->total) static_cast<T *>(c->total)[b] = T(found);
      for (int64_t t = 0; c->total && found == -kInfinity && t < s.length; ++t) c->path[s.first + t] = -1;
    } else {
      s.best_few(b);
    }
  }
  for (int64_t b = from; c->total && b < to; ++b)
    for (int64_t r = 0; c->offsets[b] == c->offsets[b + 1] && r < c->best; ++r)
      static_cast<T *>(c->total)[b * c->best + r] = r ? T(-kInfinity) : T(0);
}

template <class T>
constexpr Chains chains() {
  return {[](const unpad_chain *c) { return ChainTables(c, nullptr).bytes; },
          [](const unpad_chain *c) { return ChainSpace(c, nullptr).bytes; },
          kLanes<double>,
          chain_tables<T>,
          chain_sums<T>,
          chain_gradients<T>,
          chain_best<T>};
}

}  // namespace UNPAD_NAMESPACE
}  // namespace unpad
