// The best path of a sequence, and the best few.
#pragma once

#include "chain/sequence.h"

namespace unpad {
namespace UNPAD_NAMESPACE {

template <class T>
struct Best : Sequence<T> {
  typedef Sequence<T> Base;
  using Base::Base;
  using Base::chain;
  using Base::tables;
  using Base::space;
  using Base::first;
  using Base::length;
  using Base::tags;
  using Base::width;
  using Base::look_at;
  using Base::scores;
  using Base::keep;

  // The best path's tags, each row into rows on the way; its score.
  double best(double *rows, int64_t *out) {
    double *now = space->row, *next = space->next, level = 0;
    for (int64_t t = 0; t < length; ++t) {
      if (t) look_at(t, false);
      scores(t);
      if (t) best_rows(now, next);
      for (int64_t j = 0; j < width(); j += kLanes<double>) {
        const Vec<double> x = load_whole(space->scores + j);
        store_whole(next + j, t ? load_whole(next + j) + x : x);
      }
      const double peak = highest(next, width()).value;
      if (peak != -kInfinity) {
        map_row(width(), next, next, [peak](Vec<double> x) __attribute__((always_inline)) { return x - peak; });
        level += peak;
      }
      keep(rows, t, next);
      double *other = now;
      now = next, next = other;
    }
    int64_t tag = first_best(now, nullptr);
    const double found = level + now[tag];
    for (int64_t t = length - 1;; --t) {
      out[t] = tag;
      if (!t) return found;
      look_at(t, true);
      tag = first_best(rows + (first + t - 1) * tags(), tables.logs_back + tag * width());
    }
  }
  int64_t first_best(const double *row, const double *ways) const {
    int64_t at = 0;
    double best = row[0] + (ways ? ways[0] : 0);
    for (int64_t i = 1; i < tags(); ++i) {
      const double x = row[i] + (ways ? ways[i] : 0);
      if (x > best) best = x, at = i;
    }
    return at;
  }

  // The best paths, as many as chain->best: of each step and tag the best ways to it, in chain->walked their scores and
  // in chain->whence where each came from, tag * best + rank; -1 where there is no other.
  void best_few(int64_t b) {
    const int64_t n = tags(), many = chain->best;
    double level = 0;
    for (int64_t t = 0; t < length; ++t) {
      if (t) look_at(t, false);
      scores(t);
      double peak = -kInfinity;
      for (int64_t j = 0; j < n; ++j) {
        const Few few = few_of(t, j, true);
        if (!t) few.take(space->scores[j], -1, many);
        for (int64_t i = 0; t && i < n; ++i)
          take_all(few, few_of(t - 1, i, false), i, tables.logs[i * width() + j] + space->scores[j]);
        peak = few.scores[0] > peak ? few.scores[0] : peak;
      }
      if (peak == -kInfinity) continue;
      double *row = few_of(t, 0, false).scores;
      for (int64_t k = 0; k < n * many; ++k) row[k] -= peak;
      level += peak;
    }
    const Few found{space->few, space->few_from};
    found.clear(many);
    for (int64_t j = 0; j < n; ++j) take_all(found, few_of(length - 1, j, false), j, 0);
    for (int64_t r = 0; r < many; ++r) {
      if (chain->total) static_cast<T *>(chain->total)[b * many + r] = T(level + found.scores[r]);
      int64_t at = found.from[r];
      for (int64_t t = length - 1; t >= 0; --t) {
        chain->path[(first + t) * many + r] = at < 0 ? -1 : at / many;
        if (at >= 0 && t) at = few_of(t, at / many, false).from[at % many];
      }
    }
  }
  // Scores from the highest down, and where each is from.
  struct Few {
    double *scores;
    int64_t *from;
    void clear(int64_t many) const {
      for (int64_t r = 0; r < many; ++r) scores[r] = -kInfinity, from[r] = -1;
    }
    // Whether it is among them.
    bool take(double score, int64_t whence, int64_t many) const {
      int64_t r = many - 1;
      if (!(score > scores[r])) return false;
      for (; r > 0 && score > scores[r - 1]; --r) scores[r] = scores[r - 1], from[r] = from[r - 1];
      scores[r] = score, from[r] = whence;
      return true;
    }
  };
  Few few_of(int64_t t, int64_t tag, bool fresh) const {
    const int64_t many = chain->best, at = ((first + t) * tags() + tag) * many;
    const Few few{chain->walked + at, chain->whence + at};
    if (fresh) few.clear(many);
    return few;
  }
  void take_all(const Few &into, const Few &ways, int64_t tag, double more) const {
    const int64_t many = chain->best;
    for (int64_t r = 0; r < many; ++r)
      if (!into.take(ways.scores[r] + more, tag * many + r, many)) return;
  }

  UNPAD_INLINE void best_rows(const double *row, double *out) const {
    int64_t j = 0;
    for (; j + 4 * kLanes<double> <= width(); j += 4 * kLanes<double>)
      best_row<4>(row, tags(), tables.logs + j, width(), out + j);
    for (; j < width(); j += kLanes<double>) best_row<1>(row, tags(), tables.logs + j, width(), out + j);
  }
};

}  // namespace UNPAD_NAMESPACE
}  // namespace unpad
