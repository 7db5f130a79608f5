// Linear chains: sums over all paths of tags, their gradients, best paths. One sequence at a time.
//
// All is computed in double, whatever the type of the scores. Sums are products of a row of scaled probabilities with
// exp(transitions - their highest), set back by a power of two at every step: no logarithm, and nothing is rounded by
// it. A row is right as long as no tag that a path can reach has lost all of it: each is looked at, and where one is
// below kLeast of the highest, the walk goes on in logarithms, which take an exp for every pair of tags. The highest of
// a row of scaled probabilities is above 0, that of a row of logarithms is 0, of a sequence without a path -infinity.
#pragma once

#include "chain/tables.h"
#include "isa/kernels.h"

namespace unpad {
namespace UNPAD_NAMESPACE {

constexpr double kInfinity = __builtin_inf();
constexpr double kLn2 = 0.693147180559945309417;
// Of the row's highest. Of two rows, before and after a step, the products are then normal numbers.
constexpr double kLeast = 0x1p-480;
// What a step may leave of the highest of a row, and of what two rows have in common. kLeast of it is still far above
// 2^-1021, below which exp and products are 0.
constexpr double kLeft = 0x1p-400;

// --- rows of padded doubles -----------------------------------------------------------------------

struct Highest {
  double value;
  bool numbers;  // none is NaN
};

UNPAD_INLINE Highest highest(const double *row, int64_t width) {
  Vec<double> top = load_whole(row);
  auto same = top == top;
  for (int64_t j = kLanes<double>; j < width; j += kLanes<double>) {
    const Vec<double> x = load_whole(row + j);
    same &= x == x;
    top = x > top ? x : top;
  }
  double value = top[0];
  bool numbers = same[0];
  for (int64_t j = 1; j < kLanes<double>; ++j) {
    value = top[j] > value ? top[j] : value;
    numbers &= bool(same[j]);
  }
  return {value, numbers};
}

UNPAD_INLINE double sum_of(Vec<double> x) {
  double sum = x[0];
  for (int64_t j = 1; j < kLanes<double>; ++j) sum += x[j];
  return sum;
}

UNPAD_INLINE double dot(const double *a, const double *b, int64_t width) {
  Vec<double> sum{};
  for (int64_t j = 0; j < width; j += kLanes<double>) sum += load_whole(a + j) * load_whole(b + j);
  return sum_of(sum);
}

// out = f(in) in whole vectors.
template <class F>
UNPAD_INLINE void map_row(int64_t width, const double *in, double *out, F f) {
  for (int64_t j = 0; j < width; j += kLanes<double>) store_whole(out + j, f(load_whole(in + j)));
}

template <int N>
UNPAD_INLINE void row_times(const double *row, int64_t rows, const double *matrix, int64_t step, double *out) {
  Vec<double> sum[N] = {};
  for (int64_t i = 0; i < rows; ++i, matrix += step) {
    const double x = row[i];
    for (int v = 0; v < N; ++v) sum[v] += x * load_whole(matrix + v * kLanes<double>);
  }
  for (int v = 0; v < N; ++v) store_whole(out + v * kLanes<double>, sum[v]);
}

// out = row (rows) times matrix (rows, step): each sum is one chain from the first row to the last.
UNPAD_INLINE void row_times(const double *row, int64_t rows, const double *matrix, int64_t step, double *out) {
  int64_t vectors = step / kLanes<double>;
  for (; vectors >= 8; vectors -= 8, matrix += 8 * kLanes<double>, out += 8 * kLanes<double>)
    row_times<8>(row, rows, matrix, step, out);
  switch (vectors) {
    case 7: return row_times<7>(row, rows, matrix, step, out);
    case 6: return row_times<6>(row, rows, matrix, step, out);
    case 5: return row_times<5>(row, rows, matrix, step, out);
    case 4: return row_times<4>(row, rows, matrix, step, out);
    case 3: return row_times<3>(row, rows, matrix, step, out);
    case 2: return row_times<2>(row, rows, matrix, step, out);
    case 1: return row_times<1>(row, rows, matrix, step, out);
    default: return;
  }
}

// The same of logarithms: out = log of the sum over i of exp(row[i] + matrix[i]).
inline void log_row_times(const double *row, int64_t rows, const double *matrix, int64_t step, double *out) {
  for (int64_t j = 0; j < step; j += kLanes<double>) {
    Vec<double> top = fill(-kInfinity), sum{};
    for (int64_t i = 0; i < rows; ++i) {
      const Vec<double> x = row[i] + load_whole(matrix + i * step + j);
      top = x > top ? x : top;
    }
    const Vec<double> level = top == fill(-kInfinity) ? Vec<double>{} : top;
    for (int64_t i = 0; i < rows; ++i) sum += exp_below(row[i] + load_whole(matrix + i * step + j) - level);
    for (int64_t k = 0; k < kLanes<double>; ++k) out[j + k] = __builtin_log(sum[k]) + level[k];
  }
}

// The same of highest values: the first of those that are alike.
template <int N>
UNPAD_INLINE void best_row(const double *row, int64_t rows, const double *matrix, int64_t step, double *out) {
  Vec<double> best[N];
  for (int v = 0; v < N; ++v) best[v] = row[0] + load_whole(matrix + v * kLanes<double>);
  for (int64_t i = 1; i < rows; ++i)
    for (int v = 0; v < N; ++v) {
      const Vec<double> x = row[i] + load_whole(matrix + i * step + v * kLanes<double>);
      best[v] = x > best[v] ? x : best[v];
    }
  for (int v = 0; v < N; ++v) store_whole(out + v * kLanes<double>, best[v]);
}

UNPAD_INLINE double log_of_sum(const double *logs, int64_t width) {
  const double top = highest(logs, width).value, level = top == -kInfinity ? 0 : top;
  Vec<double> sum{};
  for (int64_t j = 0; j < width; j += kLanes<double>) sum += exp_below(load_whole(logs + j) - level);
  return __builtin_log(sum_of(sum)) + level;
}

inline void logs_of(double *row, int64_t width) {
  for (int64_t j = 0; j < width; ++j) row[j] = __builtin_log(row[j]);
}

// 2^power, for -1022 <= power <= 1023.
UNPAD_INLINE double power_of_two(int64_t power) {
  const uint64_t bits = uint64_t(1023 + power) << 52;
  double number;
  memcpy(&number, &bits, sizeof number);
  return number;
}

// Brings the highest between 1 and 2, by a power of two, which is given back.
UNPAD_INLINE int64_t set_back(double *row, int64_t width, double top) {
  uint64_t bits;
  memcpy(&bits, &top, sizeof bits);
  const int64_t power = int64_t(bits >> 52) - 1023;
  const double scale = power_of_two(-power);
  map_row(width, row, row, [scale](Vec<double> x) __attribute__((always_inline)) { return x * scale; });
  return power;
}

// --- one sequence ---------------------------------------------------------------------------------

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
    map_row(width(), space->scores, space->shares,
            [level](Vec<double> x) __attribute__((always_inline)) { return exp_below(x - level); });
    return level;
  }

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
        if (t) row_times(now, tags(), tables.ways, width(), next);
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

  // --- the way back ------------------------------------------------------------------------------

  // Row t of what forward kept, padded; whether it holds logarithms.
  UNPAD_INLINE bool row_of(const double *rows, int64_t t, double *out, Highest *top) const {
    const double *row = rows + (first + t) * tags();
    for (int64_t j = 0; j < width(); j += kLanes<double>) store_whole(out + j, load_doubles(row + j, tags() - j, 0.0));
    *top = highest_of(row);
    if (top->value > 0) return false;
    for (int64_t j = tags(); j < width(); ++j) out[j] = -kInfinity;
    return true;
  }
  Highest highest_of(const double *row) const {
    Highest found{row[0], row[0] == row[0]};
    for (int64_t j = 1; j < tags(); ++j) {
      found.value = row[j] > found.value ? row[j] : found.value;
      found.numbers &= row[j] == row[j];
    }
    return found;
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
      scores(t);
      logs = row_of(rows, t - 1, row, &top);
      bool plain = !logs && !on_logs;
      if (plain) {
        shares(highest(space->scores, width()).value);
        double *after = space->tile + filled * width();
        for (int64_t j = 0; j < width(); j += kLanes<double>)
          store_whole(after + j, load_whole(space->shares + j) * load_whole(on + j));
        row_times(after, tags(), tables.ways_back, width(), other);
        const double peak = highest(other, width()).value;
        // What no way leads on from: of tags whose own scores let them be.
        for (int64_t j = 0; j < width(); ++j) space->shares[j] = space->scores[j] == -kInfinity ? 0 : on[j];
        double all = 0, lift = 0;
        if (holds(other, peak, space->shares, tables.logs_back, nullptr)) {
          lift = power_of_two(-set_back(other, width(), peak));
          all = dot(row, other, width());
        }
        plain = all >= kLeft;
        if (plain) {
          for (int64_t j = 0; j < width(); j += kLanes<double>) {
            store_whole(space->shares + j, load_whole(row + j) * load_whole(other + j) / all);
            store_whole(after + j, load_whole(after + j) * (lift / all * d));
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
      store_whole(out + j, logs ? exp_below(a + b - all) : a * b / all);
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
    Sequence<T> s(c, tables, &own, b);
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
    Sequence<T> s(c, tables, &own, b);
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
    Sequence<T> s(c, tables, &own, b);
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
