// Sequences side by side, one a lane of a vector: the walks of chains of few tags.
//
// With few tags a row is one or two vectors, and a step a chain of short operations, each of which waits for the one
// before. Here a vector holds one tag of as many sequences as it has lanes, longest first, and a step of all of them
// takes hardly longer than one. Only what scaled probabilities can tell is computed; a lane that would need logarithms,
// or has no number, is given up, and its sequence walked by itself (sums.h, gradients.h). Of a sequence both walks give
// the same bits: each sum is taken in the same order.
#pragma once

#include "chain/gradients.h"
#include "gemm/transpose.h"

namespace unpad {
namespace UNPAD_NAMESPACE {

constexpr int64_t kAbreast = kLanes<double>;

typedef Simd<double>::I LaneMask;

UNPAD_INLINE uint32_t bits_of(LaneMask mask) {
#if defined(__AVX512DQ__)
  return _mm512_movepi64_mask((__m512i)mask);
#elif defined(__AVX2__)
  return uint32_t(_mm256_movemask_pd((__m256d)mask));
#else
  uint32_t bits = 0;
  for (int64_t k = 0; k < kAbreast; ++k) bits |= uint32_t(mask[k] & 1) << k;
  return bits;
#endif
}
UNPAD_INLINE Vec<double> either(LaneMask mask, Vec<double> a, Vec<double> b) { return mask ? a : b; }

// out[j] = the sum over i of row[i] * matrix[i * by_row + j * by_column], j from 0 to N.
template <int N>
UNPAD_INLINE void lanes_times(const double *row, int64_t rows, const double *matrix, int64_t by_row, int64_t by_column,
                              double *out) {
  Vec<double> sum[N] = {};
  for (int64_t i = 0; i < rows; ++i) {
    const Vec<double> x = load_whole(row + i * kAbreast);
    for (int v = 0; v < N; ++v) sum[v] += x * matrix[i * by_row + v * by_column];
  }
  for (int v = 0; v < N; ++v) store_whole(out + v * kAbreast, sum[v]);
}
inline void lanes_times(const double *row, int64_t n, const double *matrix, int64_t by_row, int64_t by_column,
                        double *out) {
  int64_t left = n;
  for (; left >= 6; left -= 6, matrix += 6 * by_column, out += 6 * kAbreast)
    lanes_times<6>(row, n, matrix, by_row, by_column, out);
  switch (left) {
    case 5: return lanes_times<5>(row, n, matrix, by_row, by_column, out);
    case 4: return lanes_times<4>(row, n, matrix, by_row, by_column, out);
    case 3: return lanes_times<3>(row, n, matrix, by_row, by_column, out);
    case 2: return lanes_times<2>(row, n, matrix, by_row, by_column, out);
    case 1: return lanes_times<1>(row, n, matrix, by_row, by_column, out);
    default: return;
  }
}

template <class T>
struct Lanes {
  const unpad_chain *chain;
  const ChainTables &tables;
  ChainSpace *space;
  int64_t count, first[kAbreast], length[kAbreast];
  LaneMask lengths;
  uint32_t failed = 0;

  // Of sequences that have a step, longest first.
  Lanes(const unpad_chain *c, const ChainTables &t, ChainSpace *s, const int64_t *sequences, int64_t many)
      : chain(c), tables(t), space(s), count(many) {
    for (int64_t k = 0; k < kAbreast; ++k) {
      const int64_t b = k < many ? sequences[k] : -1;
      first[k] = b < 0 ? 0 : c->offsets[b];
      length[k] = b < 0 ? 0 : c->offsets[b + 1] - c->offsets[b];
      lengths[k] = length[k];
    }
  }

  int64_t tags() const { return chain->tags; }
  UNPAD_INLINE static double *at(double *rows, int64_t i) { return rows + i * kAbreast; }
  UNPAD_INLINE static const double *at(const double *rows, int64_t i) { return rows + i * kAbreast; }
  UNPAD_INLINE static LaneMask fill_lanes(int64_t t) { return LaneMask{} + t; }
  UNPAD_INLINE LaneMask active(int64_t t) const { return fill_lanes(t) < lengths; }
  UNPAD_INLINE LaneMask ending(int64_t t) const { return fill_lanes(t + 1) == lengths; }

  // How many of the steps from t on, kLaneSteps at most, lane k has.
  int64_t steps_of(int64_t k, int64_t t) const {
    const int64_t left = length[k] - t;
    return left < 0 ? 0 : left < kLaneSteps ? left : kLaneSteps;
  }
  // Rows (step, tag) of all lanes, 0 beyond a sequence; kLaneSteps is a whole number of vectors, so that these are too.
  template <class From>
  void gather(const From *rows, int64_t t, double *out) const {
    const int64_t n = tags();
    for (int64_t i = 0; i < kLaneSteps * n; i += kAbreast) {
      Vec<double> square[kAbreast];
      for (int64_t k = 0; k < kAbreast; ++k) {
        const int64_t left = steps_of(k, t) * n - i;
        square[k] = left > 0 ? load_doubles(rows + (first[k] + t) * n + i, left, 0.0) : Vec<double>{};
      }
      transpose<double>(square);
      for (int64_t k = 0; k < kAbreast; ++k) store_whole(at(out, i + k), square[k]);
    }
  }
  template <class To>
  void scatter(const double *in, int64_t t, To *rows, Vec<double> by) const {
    const int64_t n = tags();
    for (int64_t i = 0; i < steps_of(0, t) * n; i += kAbreast) {
      Vec<double> square[kAbreast];
      for (int64_t k = 0; k < kAbreast; ++k) square[k] = load_whole(in + (i + k) * kAbreast) * by;
      transpose<double>(square);
      for (int64_t k = 0; k < count; ++k) {
        const int64_t left = steps_of(k, t) * n - i;
        if (left > 0) put(rows + (first[k] + t) * n + i, square[k], left, false);
      }
    }
  }

  // The scores of the steps from t on, with those of start and end, into space->x; exp(scores - the highest) into
  // space->e; the highest into tops. What has no number, or an infinite one, fails.
  void look_at(int64_t t, Vec<double> *tops) {
    const int64_t n = tags();
    gather(static_cast<const T *>(chain->scores), t, space->x);
    for (int64_t s = 0; s < kLaneSteps; ++s) {
      double *x = at(space->x, s * n);
      if (t + s == 0)
        for (int64_t j = 0; j < n; ++j) store_whole(at(x, j), load_whole(at(x, j)) + tables.start[j]);
      const LaneMask last = ending(t + s);
      if (bits_of(last))
        for (int64_t j = 0; j < n; ++j) {
          const Vec<double> value = load_whole(at(x, j));
          store_whole(at(x, j), either(last, value + tables.end[j], value));
        }
      Vec<double> top = load_whole(x);
      LaneMask good = top == top;
      for (int64_t j = 1; j < n; ++j) {
        const Vec<double> value = load_whole(at(x, j));
        good &= value == value;
        top = value > top ? value : top;
      }
      good &= (top > fill(-kInfinity)) & (top < fill(kInfinity));
      failed |= bits_of(~good & active(t + s));
      tops[s] = either(good, top, Vec<double>{});
      // Of what has failed 0: of what is infinite exp would overflow.
      for (int64_t j = 0; j < n; ++j)
        store_whole(at(space->e, s * n + j), either(good, load_whole(at(x, j)) - tops[s], Vec<double>{}));
    }
    constexpr int kMany = 4;
    for (int64_t i = 0; i < kLaneSteps * n; i += kMany) {
      Many<double, kMany> some;
      for (int v = 0; v < kMany; ++v) some.v[v] = load_whole(at(space->e, i + v));
      some = exp_below(some);
      for (int v = 0; v < kMany; ++v) store_whole(at(space->e, i + v), some.v[v]);
    }
  }

  // In the order of `dot` and `sum_of`, which go by vectors of tags.
  template <class Add>
  UNPAD_INLINE Vec<double> sum_over_tags(Add add) const {
    Vec<double> sum{};
    for (int64_t j = 0; j < kAbreast && j < tags(); ++j) {
      Vec<double> part{};
      for (int64_t i = j; i < tags(); i += kAbreast) part = add(i, part);
      sum = j ? sum + part : part;
    }
    return sum;
  }

  UNPAD_INLINE Vec<double> highest_of(const double *row) const {
    Vec<double> top = load_whole(row);
    for (int64_t j = 1; j < tags(); ++j) {
      const Vec<double> x = load_whole(at(row, j));
      top = x > top ? x : top;
    }
    return top;
  }
  // Lanes of `row` with a tag below kLeast of its highest.
  UNPAD_INLINE LaneMask small_of(const double *row, Vec<double> top) const {
    const Vec<double> least = top * kLeast;
    LaneMask small = top < fill(kLeft);
    for (int64_t j = 0; j < tags(); ++j) small |= load_whole(at(row, j)) < least;
    return small;
  }
  // Brings the highest of each lane between 1 and 2; gives the powers of two, and what a row was multiplied with.
  UNPAD_INLINE LaneMask set_back_lanes(double *row, Vec<double> top, Vec<double> *scale) const {
    const LaneMask power = (LaneMask)((LaneMask)top >> 52) - 1023;
    *scale = (Vec<double>)((1023 - power) << 52);
    for (int64_t j = 0; j < tags(); ++j) store_whole(at(row, j), load_whole(at(row, j)) * *scale);
    return power;
  }

  // Whether what is 0 in lane k of `next` is 0 for good: no way leads there from what is not 0. The same as
  // Sequence::holds of one sequence.
  bool dead(int64_t k, const double *next, double top, const double *row, int64_t by_row, int64_t by_column,
            const double *scores, bool of_next) const {
    const int64_t n = tags();
    if (!(top >= kLeft)) return false;
    for (int64_t j = 0; j < n; ++j) {
      const double x = next[j * kAbreast + k];
      if (x >= top * kLeast) continue;
      if (x > 0) return false;
      if (of_next && scores[j * kAbreast + k] == -kInfinity) continue;
      if (!row) return false;
      for (int64_t i = 0; i < n; ++i) {
        if (!of_next && scores[i * kAbreast + k] == -kInfinity) continue;
        if (row[i * kAbreast + k] > 0 && tables.logs[i * by_row + j * by_column] != -kInfinity) return false;
      }
    }
    return true;
  }
  void look_closer(uint32_t small, const double *next, Vec<double> top, const double *row, int64_t by_row,
                   int64_t by_column, const double *scores, bool of_next) {
    for (int64_t k = 0; k < count; ++k)
      if (small >> k & 1 && !dead(k, next, top[k], row, by_row, by_column, scores, of_next)) failed |= 1u << k;
  }

  // The log of each sequence's sum over all paths; each step's row into rows, or null. See Sums::sum.
  void sums(double *rows, double *totals) {
    const int64_t n = tags(), width = tables.width;
    double *before = nullptr, *next = nullptr;
    Vec<double> level{}, tops[kLaneSteps];
    LaneMask power{};
    for (int64_t t0 = 0; t0 < length[0]; t0 += kLaneSteps) {
      look_at(t0, tops);
      // The row that the next steps go on from stands where the first of them does not write.
      if (before) memcpy(space->now, before, size_t(n * kAbreast) * sizeof(double)), before = space->now;
      const int64_t many = steps_of(0, t0);
      for (int64_t s = 0; s < many; ++s) {
        const int64_t t = t0 + s;
        next = at(space->rows, s * n);
        const double *e = at(space->e, s * n);
        if (t) lanes_times(before, n, tables.ways, width, 1, next);
        for (int64_t j = 0; j < n; ++j) {
          const Vec<double> share = load_whole(at(e, j));
          store_whole(at(next, j), t ? load_whole(at(next, j)) * share : share);
        }
        const LaneMask there = active(t);
        const Vec<double> top = highest_of(next);
        const uint32_t small = bits_of(small_of(next, top) & there) & ~failed;
        if (small) look_closer(small, next, top, before, width, 1, at(space->x, s * n), true);
        Vec<double> scale;
        power += set_back_lanes(next, top, &scale) & there;
        level += either(there, tops[s] + (t ? tables.top() : 0), Vec<double>{});
        before = next;
        const uint32_t ends = bits_of(ending(t));
        if (!ends) continue;
        const Vec<double> all = sum_over_tags([next](int64_t j, Vec<double> sum) __attribute__((always_inline)) {
          return sum + load_whole(at(next, j));
        });
        for (int64_t k = 0; k < count; ++k)
          if (ends >> k & 1) totals[k] = level[k] + double(power[k]) * kLn2 + __builtin_log(all[k]);
      }
      if (rows) scatter(space->rows, t0, rows, fill(1.0));
    }
  }

  // From what `sums` kept: the shares of tags and of pairs, times d; of lanes that have not failed also into `sums`.
  // See Gradients::back.
  void back(const double *rows, Vec<double> d, const ChainSums &sums) {
    const int64_t n = tags(), width = tables.width;
    double *on = space->now, *after = space->after, *other = space->beyond;
    for (int64_t i = 0; i < n * kAbreast; ++i) on[i] = 1, after[i] = 0;
    for (int64_t i = 0; sums.ways && i < n * n * kAbreast; ++i) space->pairs[i] = 0;
    Vec<double> tops[kLaneSteps];
    for (int64_t t0 = (length[0] - 1) / kLaneSteps * kLaneSteps; t0 >= 0; t0 -= kLaneSteps) {
      look_at(t0, tops);
      gather(rows, t0, space->rows);
      for (int64_t s = steps_of(0, t0) - 1; s >= 0; --s) {
        const int64_t t = t0 + s;
        double *row = at(space->rows, s * n);
        const LaneMask there = active(t), last = ending(t);
        const bool begins = bits_of(last) != 0;
        for (int64_t j = 0; begins && j < n; ++j) {
          store_whole(at(on, j), either(last, fill(1.0), load_whole(at(on, j))));
          store_whole(at(after, j), either(last, Vec<double>{}, load_whole(at(after, j))));
        }
        const Vec<double> all = sum_over_tags([row, on](int64_t j, Vec<double> sum) __attribute__((always_inline)) {
          return sum + load_whole(at(row, j)) * load_whole(at(on, j));
        });
        const LaneMask good = all >= fill(kLeft);
        failed |= bits_of(~good & there);
        const Vec<double> inverse = 1.0 / either(good & there, all, fill(1.0));
        if (sums.ways && t + 1 < length[0]) add_pairs(row, after, inverse * d);
        const double *e = at(space->e, s * n);
        for (int64_t j = 0; j < n; ++j) {
          const Vec<double> a = load_whole(at(on, j)), share = load_whole(at(row, j)) * a * inverse;
          store_whole(at(row, j), share);
          if (begins) store_whole(at(space->ends, j), either(last, share * d, load_whole(at(space->ends, j))));
          store_whole(at(after, j), a * load_whole(at(e, j)));
        }
        if (!t) break;
        lanes_times(after, n, tables.ways, 1, width, other);
        const Vec<double> top = highest_of(other);
        const uint32_t small = bits_of(small_of(other, top) & there) & ~failed;
        if (small) look_closer(small, other, top, on, 1, width, at(space->x, s * n), false);
        Vec<double> scale;
        set_back_lanes(other, top, &scale);
        for (int64_t j = 0; j < n; ++j)
          store_whole(at(after, j), either(there, load_whole(at(after, j)) * scale, Vec<double>{}));
        double *before = on;
        on = other, other = before;
      }
      if (chain->d_scores) scatter(space->rows, t0, static_cast<T *>(chain->d_scores), d);
      if (chain->marginals) scatter(space->rows, t0, static_cast<T *>(chain->marginals), fill(1.0));
    }
    // Of the first step the shares stand where they were written.
    for (int64_t k = 0; k < count; ++k) {
      if (failed >> k & 1) continue;
      for (int64_t j = 0; sums.start && j < n; ++j) sums.start[j] += space->rows[j * kAbreast + k] * d[k];
      for (int64_t j = 0; sums.end && j < n; ++j) sums.end[j] += space->ends[j * kAbreast + k];
    }
    for (int64_t i = 0; sums.ways && i < n; ++i)
      for (int64_t j = 0; j < n; ++j) {
        const double *of_pair = at(space->pairs, i * n + j);
        double sum = 0;
        for (int64_t k = 0; k < count; ++k) sum += failed >> k & 1 ? 0 : of_pair[k];
        sums.ways[i * width + j] += sum;
      }
  }
  // space->pairs[i, j] += row[i] * after[j] * by.
  void add_pairs(const double *row, const double *after, Vec<double> by) const {
    const int64_t n = tags();
    for (int64_t i = 0; i < n; ++i) {
      const Vec<double> x = load_whole(at(row, i)) * by;
      double *sum = at(space->pairs, i * n);
      for (int64_t j = 0; j < n; ++j)
        store_whole(at(sum, j), load_whole(at(sum, j)) + x * load_whole(at(after, j)));
    }
  }
};

// Sequences of a stretch, whole groups of which are walked abreast.
template <class T, class Take, class Alone>
void abreast(const unpad_chain *c, const ChainTables &tables, ChainSpace *space, int64_t from, int64_t to, Take take,
             Alone alone) {
  constexpr int64_t kSorted = 64;
  int64_t order[kSorted];
  const bool lanes = in_lanes(c) && tables.numbers() && tables.top() < kInfinity;
  while (from < to) {
    int64_t many = 0;
    for (; from < to && many < kSorted; ++from) {
      const int64_t length = c->offsets[from + 1] - c->offsets[from];
      const Known known = !lanes ? kSome : c->only ? known_of(c->only + c->offsets[from], length) : kAll;
      if (!length || known != kAll) {
        alone(from);
        continue;
      }
      int64_t at = many++;
      for (; at && c->offsets[order[at - 1] + 1] - c->offsets[order[at - 1]] < length; --at) order[at] = order[at - 1];
      order[at] = from;
    }
    for (int64_t i = 0; i < many; i += kAbreast) {
      const int64_t count = many - i < kAbreast ? many - i : kAbreast;
      // A step of all lanes takes as long as 1 + tags / 4 of a sequence by itself (Zen 4).
      int64_t steps = 0, longest = c->offsets[order[i] + 1] - c->offsets[order[i]];
      for (int64_t k = 0; k < count; ++k) steps += c->offsets[order[i + k] + 1] - c->offsets[order[i + k]];
      if (4 * steps < (4 + c->tags) * longest) {
        for (int64_t k = 0; k < count; ++k) alone(order[i + k]);
        continue;
      }
      Lanes<T> group(c, tables, space, order + i, count);
      take(group, order + i);
      for (int64_t k = 0; k < count; ++k)
        if (group.failed >> k & 1) alone(order[i + k]);
    }
  }
}

}  // namespace UNPAD_NAMESPACE
}  // namespace unpad
