// The way back of a sum over all paths: the shares of tags and of pairs of tags.
#pragma once

#include "chain/sums.h"

namespace unpad {
namespace UNPAD_NAMESPACE {

template <class T>
struct Gradients : Sums<T> {
  typedef Sums<T> Base;
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
  using Base::path;

  // Row t of what forward kept, padded; whether it holds logarithms.
  UNPAD_INLINE bool row_of(const double *rows, int64_t t, double *out, Highest *top) const {
    const double *row = rows + (first + t) * tags();
    for (int64_t j = 0; j < width(); j += kLanes<double>) store_whole(out + j, load_doubles(row + j, tags() - j));
    *top = highest(out, width());
    if (!(top->value > 0)) return true;
    for (int64_t j = tags(); j < width(); ++j) out[j] = 0;
    return false;
  }

  // Asks for what step t reads: the processor does not look for rows against the order of addresses by itself.
  UNPAD_INLINE void fetch_ahead(const double *rows, int64_t t) const {
    if (t <= 0 || chain->pairs) return;
    const double *row = rows + (first + t - 1) * tags();
    const T *scores = static_cast<const T *>(chain->scores) + (first + t) * tags();
    for (int64_t j = 0; j < tags(); j += 8) __builtin_prefetch(row + j);
    for (int64_t j = 0; j < tags(); j += 64 / int64_t(sizeof(T))) __builtin_prefetch(scores + j);
  }

  // Gives the shares of step t's tags, times d, to whoever asks. `add`: on top of what is there.
  void give(int64_t t, const double *shares, double d, bool add, const ChainSums &sums) const {
    const int64_t n = tags();
    T *out = static_cast<T *>(chain->d_scores), *marginals = static_cast<T *>(chain->marginals);
    if (marginals && !add)
      for (int64_t j = 0; j < n; j += kLanes<double>)
        put(marginals + (first + t) * n + j, load_whole(shares + j), n - j, false);
    if (out && !chain->pairs)
      for (int64_t j = 0; j < n; j += kLanes<double>)
        put(out + (first + t) * n + j, d * load_whole(shares + j), n - j, add);
    if (out && chain->pairs && !t) {
      T *of_first = out + first * n * n;
      for (int64_t j = 0; j < n; j += kLanes<double>) put(of_first + j, d * load_whole(shares + j), n - j, add);
      if (!add)
        for (int64_t j = n; j < n * n; ++j) of_first[j] = 0;
    }
    for (int64_t j = 0; !t && sums.start && j < n; ++j) sums.start[j] += d * shares[j];
    for (int64_t j = 0; t == length - 1 && sums.end && j < n; ++j) sums.end[j] += d * shares[j];
  }

  // The same of the pairs of tags from t - 1 to t: before[i] * (tables.ways)[i, j] * after[j].
  void give_pairs(int64_t t, const double *before, const double *after, bool add) const {
    const int64_t n = tags();
    T *out = static_cast<T *>(chain->d_scores) + (first + t) * n * n;
    for (int64_t i = 0; i < n; ++i)
      for (int64_t j = 0; j < n; j += kLanes<double>)
        put(out + i * n + j, before[i] * load_whole(tables.ways + i * width() + j) * load_whole(after + j), n - j, add);
  }
  // And of logarithms: d * exp(before[i] + tables.logs[i, j] + after[j] - all).
  void give_logs(int64_t t, const double *before, const double *after, double all, double d, bool add,
                 const ChainSums &sums) const {
    const int64_t n = tags();
    T *out = chain->pairs ? static_cast<T *>(chain->d_scores) + (first + t) * n * n : nullptr;
    for (int64_t i = 0; i < n; ++i)
      for (int64_t j = 0; j < n; j += kLanes<double>) {
        const Vec<double> x = before[i] + load_whole(tables.logs + i * width() + j) + load_whole(after + j) - all;
        const Vec<double> share = d * exp_below(x);
        if (out)
          put(out + i * n + j, share, n - j, add);
        else
          store_whole(sums.apart + i * width() + j, load_whole(sums.apart + i * width() + j) + share);
      }
  }

  // Adds the tile's outer products: sums.ways[i, j] += before[r][i] * after[r][j] over its rows r.
  void add_tile(const double *before, int64_t count, double *sums) const {
    constexpr int kRows = kTileRows >= 6 ? 4 : 2, kVectors = 4;
    const int64_t n = tags();
    for (int64_t j = 0; j < width(); j += kVectors * kLanes<double>) {
      const int64_t left = (width() - j) / kLanes<double>, vectors = left < kVectors ? left : kVectors;
      for (int64_t i = 0; i < n; i += kRows) {
        const int64_t rows = n - i < kRows ? n - i : kRows;
        if (rows == kRows && vectors == kVectors)
          add_block<kRows, kVectors>(before + i, count, space->tile + j, sums + i * width() + j);
        else
          for (int64_t r = 0; r < rows; ++r)
            for (int64_t v = 0; v < vectors; ++v) {
              const int64_t at = v * kLanes<double>;
              add_block<1, 1>(before + i + r, count, space->tile + j + at, sums + (i + r) * width() + j + at);
            }
      }
    }
  }
  template <int Rows, int Vectors>
  UNPAD_INLINE void add_block(const double *before, int64_t count, const double *after, double *sums) const {
    Vec<double> sum[Rows][Vectors];
    for (int r = 0; r < Rows; ++r)
      for (int v = 0; v < Vectors; ++v) sum[r][v] = load_whole(sums + r * width() + v * kLanes<double>);
    // The tile's rows were written from the last step to the first.
    before += (count - 1) * tags();
    for (int64_t k = 0; k < count; ++k, before -= tags(), after += width()) {
      Vec<double> w[Vectors];
      for (int v = 0; v < Vectors; ++v) w[v] = load_whole(after + v * kLanes<double>);
      for (int r = 0; r < Rows; ++r)
        for (int v = 0; v < Vectors; ++v) sum[r][v] += before[r] * w[v];
    }
    for (int r = 0; r < Rows; ++r)
      for (int v = 0; v < Vectors; ++v) store_whole(sums + r * width() + v * kLanes<double>, sum[r][v]);
  }

  // From what `sum` kept: the shares of tags and of pairs, times d.
  void back(const double *rows, double d, bool add, const ChainSums &sums) {
    double *row = space->row, *on = space->next, *other = space->other;
    const bool pairs = chain->pairs && chain->d_scores;
    Highest top;
    bool logs = row_of(rows, length - 1, row, &top), on_logs = logs;
    if (!top.numbers || top.value == -kInfinity) return give_all(top.numbers ? 0 : __builtin_nan(""), add, sums);
    for (int64_t j = 0; j < width(); ++j) on[j] = on_logs ? 0 : 1 - tables.beyond[j];
    share(row, on, logs, all_of(row, on, logs), space->shares);
    give(length - 1, space->shares, d, add, sums);
    int64_t filled = 0;
    for (int64_t t = length - 1; t > 0; --t) {
      look_at(t, true);
      fetch_ahead(rows, t - kAhead);
      scores(t);
      logs = row_of(rows, t - 1, row, &top);
      bool plain = !logs && !on_logs;
      if (plain) {
        shares(highest(space->scores, width()).value);
        double *after = space->tile + filled * width();
        for (int64_t j = 0; j < width(); j += kLanes<double>)
          store_whole(after + j, load_whole(space->shares + j) * load_whole(on + j));
        row_times(after, tags(), tables.ways_back, width(), other, turned(t));
        const double peak = highest(other, width()).value;
        // What no way leads on from: of tags whose own scores let them be.
        for (int64_t j = 0; j < width(); j += kLanes<double>) {
          const auto forbidden = load_whole(space->scores + j) == fill(-kInfinity);
          store_whole(space->shares + j, forbidden ? Vec<double>{} : load_whole(on + j));
        }
        double all = 0, lift = 0;
        if (holds(other, peak, space->shares, tables.logs_back, nullptr)) {
          lift = power_of_two(-set_back(other, width(), peak));
          all = dot(row, other, width());
        }
        plain = all >= kLeft;
        if (plain) {
          const double inverse = 1 / all;
          for (int64_t j = 0; j < width(); j += kLanes<double>) {
            store_whole(space->shares + j, load_whole(row + j) * load_whole(other + j) * inverse);
            store_whole(after + j, load_whole(after + j) * (lift * inverse * d));
          }
          if (pairs) give_pairs(t, row, after, add);
          if (sums.ways && ++filled == kChainTile) {
            add_tile(rows + (first + t - 1) * tags(), filled, sums.ways);
            filled = 0;
          }
        }
      }
      if (!plain) {
        if (filled) add_tile(rows + (first + t) * tags(), filled, sums.ways);
        filled = 0;
        if (!on_logs) logs_of(on, width());
        if (!logs) logs_of(row, width());
        on_logs = true;
        for (int64_t j = 0; j < width(); j += kLanes<double>)
          store_whole(on + j, load_whole(on + j) + load_whole(space->scores + j));
        log_row_times(on, tags(), tables.logs_back, width(), other);
        const double all = all_of(row, other, true);
        if (pairs || sums.apart) give_logs(t, row, on, all, d, add, sums);
        share(row, other, true, all, space->shares);
        const double peak = highest(other, width()).value;
        map_row(width(), other, other, [peak](Vec<double> x) __attribute__((always_inline)) { return x - peak; });
      }
      give(t - 1, space->shares, d, add, sums);
      double *before = on;
      on = other, other = before;
    }
    if (filled) add_tile(rows + first * tags(), filled, sums.ways);
  }

  UNPAD_INLINE double all_of(const double *row, const double *on, bool logs) const {
    if (!logs) return dot(row, on, width());
    double *sum = space->shares;
    for (int64_t j = 0; j < width(); j += kLanes<double>) store_whole(sum + j, load_whole(row + j) + load_whole(on + j));
    return log_of_sum(sum, width());
  }
  UNPAD_INLINE void share(const double *row, const double *on, bool logs, double all, double *out) const {
    for (int64_t j = 0; j < width(); j += kLanes<double>) {
      const Vec<double> a = load_whole(row + j), b = load_whole(on + j);
      store_whole(out + j, logs ? exp_below(a + b - all) : a * b * (1 / all));
    }
  }

  // Of a sequence without a path 0, of one with NaN NaN.
  void give_all(double value, bool add, const ChainSums &sums) const {
    map_row(width(), tables.zeros, space->shares, [value](Vec<double>) __attribute__((always_inline)) { return fill(value); });
    for (int64_t t = 0; t < length; ++t) give(t, space->shares, 1, add, sums);
    const int64_t n = tags(), many = n * n;
    T *out = static_cast<T *>(chain->d_scores);
    if (out && chain->pairs && (!add || value != value))
      for (int64_t i = (first + 1) * many; i < (first + length) * many; ++i) out[i] = T(value);
    if (sums.ways && value != value)
      for (int64_t i = 0; i < n * width(); ++i) sums.ways[i] = value;
  }

  // What the path whose tags are all known takes off; nothing where it is forbidden.
  void back_on_path(double d, const ChainSums &sums) const {
    if (path() == -kInfinity) return;
    T *out = static_cast<T *>(chain->d_scores);
    const int64_t n = tags();
    for (int64_t t = 0; t < length; ++t) {
      const int64_t row = chain->pairs ? (first + t) * n + (t ? only[t - 1] : 0) : first + t;
      if (out) out[row * n + only[t]] -= T(d);
      if (t && sums.apart) sums.apart[only[t - 1] * width() + only[t]] -= d;
    }
    if (sums.start) sums.start[only[0]] -= d;
    if (sums.end) sums.end[only[length - 1]] -= d;
  }
};

}  // namespace UNPAD_NAMESPACE
}  // namespace unpad
