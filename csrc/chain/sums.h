// The log of the sum over all paths of tags of a sequence.
//
// All is computed in double, whatever the type of the scores. Sums are products of a row of scaled probabilities with
// exp(transitions - their highest), set back by a power of two at every step: no logarithm, and nothing is rounded by
// it. A row is right as long as no tag that a path can reach has lost all of it: each is looked at, and where one is
// below kLeast of the highest, the walk goes on in logarithms, which take an exp for every pair of tags. The highest of
// a row of scaled probabilities is above 0, that of a row of logarithms is 0, of a sequence without a path -infinity.
#pragma once

#include "chain/sequence.h"

namespace unpad {
namespace UNPAD_NAMESPACE {

template <class T>
struct Sums : Sequence<T> {
  typedef Sequence<T> Base;
  using Base::Base;
  using Base::chain;
  using Base::tables;
  using Base::space;
  using Base::first;
  using Base::length;
  using Base::only;
  using Base::tags;
  using Base::width;
  using Base::look_at;
  using Base::scores;
  using Base::shares;
  using Base::holds;
  using Base::turned;
  using Base::keep;
  using Base::keep_all;

  // The log of the sum over all paths that have the tags of `only`; each step's row into rows, or null.
  double sum(double *rows) {
    double *now = space->row, *next = space->next, level = 0;
    int64_t power = 0;
    bool logs = false;
    for (int64_t t = 0; t < length; ++t) {
      if (t) look_at(t, false);
      scores(t);
      const Highest top = highest(space->scores, width());
      if (!top.numbers || top.value == kInfinity || (t && (!tables.numbers() || tables.top() == kInfinity)))
        return keep_all(rows, __builtin_nan(""));
      if (!logs) {
        const double lift = shares(top.value) + (t ? tables.top() : 0);
        if (t) row_times(now, tags(), tables.ways, width(), next, turned(t));
        for (int64_t j = 0; j < width(); j += kLanes<double>) {
          const Vec<double> share = load_whole(space->shares + j);
          store_whole(next + j, t ? load_whole(next + j) * share : share);
        }
        const double peak = highest(next, width()).value;
        if (holds(next, peak, t ? now : nullptr, tables.logs, space->scores)) {
          power += set_back(next, width(), peak);
          level += lift;
        } else {
          logs = true;
          if (t) logs_of(now, width());
        }
      }
      if (logs) {
        if (t) log_row_times(now, tags(), tables.logs, width(), next);
        for (int64_t j = 0; j < width(); j += kLanes<double>) {
          const Vec<double> x = load_whole(space->scores + j);
          store_whole(next + j, t ? load_whole(next + j) + x : x);
        }
        const double peak = highest(next, width()).value;
        if (peak == -kInfinity) return keep_all(rows, -kInfinity);
        map_row(width(), next, next, [peak](Vec<double> x) __attribute__((always_inline)) { return x - peak; });
        level += peak;
      }
      keep(rows, t, next);
      double *other = now;
      now = next, next = other;
    }
    level += double(power) * kLn2;
    if (logs) return level + log_of_sum(now, width());
    Vec<double> all{};
    for (int64_t j = 0; j < width(); j += kLanes<double>) all += load_whole(now + j);
    return level + __builtin_log(sum_of(all));
  }

  // The score of the path whose tags are all known.
  double path() const {
    double sum = 0;
    const int64_t n = tags();
    for (int64_t t = 0; t < length; ++t) {
      const int64_t row = chain->pairs ? (first + t) * n + (t ? only[t - 1] : 0) : first + t;
      sum += double(static_cast<const T *>(chain->scores)[row * n + only[t]]);
      if (t && !chain->pairs) sum += tables.logs[only[t - 1] * width() + only[t]];
    }
    return sum + tables.start[only[0]] + tables.end[only[length - 1]];
  }
};

}  // namespace UNPAD_NAMESPACE
}  // namespace unpad
