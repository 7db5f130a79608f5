// Linear chains, a stretch of sequences at a time: sums over all paths of tags, their gradients, best paths.
#pragma once

#include "chain/best.h"
#include "chain/lanes.h"

namespace unpad {
namespace UNPAD_NAMESPACE {

// Of a sequence the log of its sum over all paths; where some steps may have one tag only, less that of the paths that
// do: -log of the probability of these.
template <class T>
void chain_sums(const unpad_chain *c, void *shared, void *space, int64_t from, int64_t to) {
  ChainSpace own(c, space);
  const ChainTables tables(c, shared);
  T *total = static_cast<T *>(c->total);
  const auto less = [](double sum, double known) { return T(sum < known ? 0 : sum - known); };
  const auto alone = [&](int64_t b) {
    Sums<T> s(c, tables, &own, b);
    const Known known = c->only ? known_of(c->only + s.first, s.length) : kNone;
    total[b] = 0;
    if (!s.length || (c->only && known == kNone)) return;
    const double sum = s.sum(c->walked);
    if (known != kNone) s.only = c->only + s.first;
    total[b] = known == kNone ? T(sum) : less(sum, known == kAll ? s.path() : s.sum(c->fitting));
  };
  abreast<T>(c, tables, &own, from, to, [&](Lanes<T> &lanes, const int64_t *sequences) {
    double sums[kAbreast];
    lanes.sums(c->walked, sums);
    for (int64_t k = 0; k < lanes.count; ++k) {
      if (lanes.failed >> k & 1) continue;
      Sums<T> s(c, tables, &own, sequences[k]);
      s.only = c->only ? c->only + s.first : nullptr;
      total[sequences[k]] = c->only ? less(sums[k], s.path()) : T(sums[k]);
    }
  }, alone);
}

// The gradients of a stretch of sequences; `at`: what those of transitions, start and end sum up to.
template <class T>
void chain_gradients(const unpad_chain *c, void *shared, void *space, int64_t from, int64_t to, double *at) {
  ChainSpace own(c, space);
  const ChainTables tables(c, shared);
  const ChainSums sums(c, tables.width, at, &own);
  const auto of = [c](int64_t b) { return c->d_total ? double(static_cast<const T *>(c->d_total)[b]) : 1; };
  const auto alone = [&](int64_t b) {
    Gradients<T> s(c, tables, &own, b);
    if (!s.length) return;
    const Known known = c->only ? known_of(c->only + s.first, s.length) : kNone;
    if (c->only && known == kNone) return s.give_all(0, false, sums);
    s.back(c->walked, of(b), false, sums);
    s.only = c->only ? c->only + s.first : nullptr;
    if (known == kAll) s.back_on_path(of(b), sums);
    if (known == kSome) s.back(c->fitting, -of(b), true, sums);
  };
  abreast<T>(c, tables, &own, from, to, [&](Lanes<T> &lanes, const int64_t *sequences) {
    Vec<double> d{};
    for (int64_t k = 0; k < lanes.count; ++k) d[k] = of(sequences[k]);
    lanes.back(c->walked, d, sums);
    for (int64_t k = 0; c->only && k < lanes.count; ++k) {
      if (lanes.failed >> k & 1) continue;
      Gradients<T> s(c, tables, &own, sequences[k]);
      s.only = c->only + s.first;
      s.back_on_path(of(sequences[k]), sums);
    }
  }, alone);
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
