// One sequence of a chain: the scores of its steps, and which rows are good enough to go on from.
#pragma once

#include "chain/rows.h"
#include "isa/kernels.h"

namespace unpad {
namespace UNPAD_NAMESPACE {

// Whether none, some or all of a sequence's steps have one tag only.
enum Known { kNone, kSome, kAll };

inline Known known_of(const int64_t *only, int64_t length) {
  int64_t count = 0;
  for (int64_t t = 0; t < length; ++t) count += only[t] >= 0;
  return !count ? kNone : count == length ? kAll : kSome;
}

template <class T>
struct Sequence {
  const unpad_chain *chain;
  ChainTables tables;  // of all steps, or of one
  ChainSpace *space;
  int64_t first, length;
  const int64_t *only;  // of the sequence's steps, or null

  Sequence(const unpad_chain *c, const ChainTables &shared, ChainSpace *s, int64_t b)
      : chain(c), tables(c->pairs ? s->tables : shared), space(s), first(c->offsets[b]),
        length(c->offsets[b + 1] - first), only(nullptr) {
    tables.start = shared.start, tables.end = shared.end, tables.zeros = shared.zeros, tables.beyond = shared.beyond;
  }

  int64_t tags() const { return chain->tags; }
  int64_t width() const { return tables.width; }

  // The tables of the step from t - 1 to t.
  UNPAD_INLINE void look_at(int64_t t, bool back) {
    if (chain->pairs) fill_tables(tables, static_cast<const T *>(chain->scores) + (first + t) * tags() * tags(), back);
  }

  // The scores of step t's tags by themselves, into space->scores.
  UNPAD_INLINE void scores(int64_t t) {
    double *out = space->scores;
    const int64_t n = tags();
    const T *row = static_cast<const T *>(chain->scores) + (first + t) * n * (chain->pairs ? n : 1);
    for (int64_t j = 0; j < width(); j += kLanes<double>) {
      const int64_t left = n - j;
      Vec<double> x = chain->pairs && t ? load_doubles(tables.zeros + j, left) : load_doubles(row + j, left);
      if (!t) x += load_whole(tables.start + j);
      if (t == length - 1) x += load_whole(tables.end + j);
      store_whole(out + j, x);
    }
    if (!only || only[t] < 0) return;
    const double kept = out[only[t]];
    map_row(width(), out, out, [](Vec<double>) __attribute__((always_inline)) { return fill(-kInfinity); });
    out[only[t]] = kept;
  }

  // exp(scores - level) into space->shares; gives the level.
  UNPAD_INLINE double shares(double top) {
    const double level = top == -kInfinity ? 0 : top;
    constexpr int kMany = 4, kStep = kMany * int(kLanes<double>);
    int64_t j = 0;
    for (; j + kStep <= width(); j += kStep) {
      Many<double, kMany> some;
      for (int v = 0; v < kMany; ++v) some.v[v] = load_whole(space->scores + j + v * kLanes<double>) - level;
      some = exp_below(some);
      for (int v = 0; v < kMany; ++v) store_whole(space->shares + j + v * kLanes<double>, some.v[v]);
    }
    for (; j < width(); j += kLanes<double>)
      store_whole(space->shares + j, exp_below(load_whole(space->scores + j) - level));
    return level;
  }

  // Whether the ways of step t are gone through from the last tag to the first: so every second step begins with what
  // the one before has left in the cache, which those of 64 tags fill. Of few tags never: see lanes.h.
  bool turned(int64_t t) const { return t % 2 && tags() > kFewTags; }

  // Whether each tag of `next` has kLeast of its highest, or no way leads to it from `row`, of which those to tag j are
  // logs[i * width + j].
  bool holds(const double *next, double top, const double *row, const double *logs, const double *scores) const {
    const double least = top * kLeast;
    if (!(top >= kLeft)) return false;
    auto small = fill(0.0) > fill(1.0);
    for (int64_t j = 0; j < width(); j += kLanes<double>)
      small |= load_whole(next + j) + load_whole(tables.beyond + j) < fill(least);
    bool any = false;
    for (int64_t k = 0; k < kLanes<double>; ++k) any |= bool(small[k]);
    if (!any) return true;
    for (int64_t j = 0; j < tags(); ++j) {
      if (next[j] >= least) continue;
      if (next[j] > 0) return false;
      if (scores && scores[j] == -kInfinity) continue;
      if (!row) return false;
      for (int64_t i = 0; i < tags(); ++i)
        if (row[i] > 0 && logs[i * width() + j] != -kInfinity) return false;
    }
    return true;
  }

  void keep(double *rows, int64_t t, const double *row) const {
    if (rows) memcpy(rows + (first + t) * tags(), row, size_t(tags()) * sizeof(double));
  }
  double keep_all(double *rows, double value) const {
    for (int64_t i = first * tags(); rows && i < (first + length) * tags(); ++i) rows[i] = value;
    return value;
  }
};

}  // namespace UNPAD_NAMESPACE
}  // namespace unpad
