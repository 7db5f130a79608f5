// Connectionist temporal classification: the probability of labels whose places are not known, summed over all paths of
// classes that spell them, and its gradient (Graves et al., 2006).
//
// A sequence of L labels has L + 1 blanks around them and 2L + 1 states. Paths differ by thousands of powers of two, and
// one that looks hopeless half way may be the only one that gets to the end; so each state's sum is a double with an
// exponent of its own beside it, itself a double: a sum of three is scaled to the highest of their exponents, and no
// logarithm is taken but one a sequence. Mantissas drift by a few powers of two a step, and are set back now and then.
#pragma once

#include "chain/tables.h"

namespace unpad {
namespace UNPAD_NAMESPACE {

constexpr int64_t kSetBack = 32;     // steps after which mantissas are brought near 1
constexpr double kNever = -1e18;     // the exponent that a factor of 0 has: far below any other
constexpr double kFarBelow = -1000;  // powers of two of which nothing is left in a sum

// Rows of numbers mantissa * 2^power.
struct Wide {
  double *mantissa, *power;
  UNPAD_INLINE Wide at(int64_t i) const { return {mantissa + i, power + i}; }
  void clear(int64_t n) const {
    for (int64_t i = 0; i < n; ++i) mantissa[i] = 0, power[i] = kNever;
  }
};
struct WideVec {
  Vec<double> mantissa, power;
};
UNPAD_INLINE WideVec load(Wide row) { return {load_whole(row.mantissa), load_whole(row.power)}; }
UNPAD_INLINE void store(Wide row, WideVec x) { store_whole(row.mantissa, x.mantissa), store_whole(row.power, x.power); }

// 2^power of whole numbers up to 0; of those far below 2^kFarBelow.
UNPAD_INLINE Vec<double> scale_of(Vec<double> power) {
  const Vec<double> shifted = at_least(power, kFarBelow) + 6755399441055744.0;
  return power_of_2<double, 1, 52>(Many<double, 1>{{shifted}}).v[0];
}
UNPAD_INLINE Vec<double> higher(Vec<double> a, Vec<double> b) { return a > b ? a : b; }

UNPAD_INLINE WideVec operator*(WideVec a, WideVec b) { return {a.mantissa * b.mantissa, a.power + b.power}; }
UNPAD_INLINE WideVec operator+(WideVec a, WideVec b) {
  const Vec<double> top = higher(a.power, b.power);
  return {a.mantissa * scale_of(a.power - top) + b.mantissa * scale_of(b.power - top), top};
}
UNPAD_INLINE WideVec sum_of_three(WideVec a, WideVec b, WideVec c) {
  const Vec<double> top = higher(higher(a.power, b.power), c.power);
  return {a.mantissa * scale_of(a.power - top) + b.mantissa * scale_of(b.power - top) +
              c.mantissa * scale_of(c.power - top),
          top};
}
// Where `skip` is 0 nothing.
UNPAD_INLINE WideVec unless(Vec<double> skip, WideVec x) {
  const auto none = skip == Vec<double>{};
  return {none ? Vec<double>{} : x.mantissa, none ? fill(kNever) : x.power};
}
// The same number with a mantissa from 1 on and below 2.
UNPAD_INLINE WideVec set_back(WideVec x) {
  typedef Simd<double>::I Bits;
  const Bits bits = (Bits)x.mantissa;
  // The exponent as a double: put where 2^52 has its low bits.
  const Vec<double> power = (Vec<double>)((Bits)((bits >> 52) & 0x7ff) | (Bits)fill(0x1p52)) - (0x1p52 + 1023);
  const Vec<double> mantissa = (Vec<double>)((bits & 0xfffffffffffff) | (Bits)fill(1.0));
  const auto none = x.mantissa == Vec<double>{};
  return {none ? x.mantissa : mantissa, none ? fill(kNever) : x.power + power};
}

inline int64_t padded(int64_t n) { return (n + kLanes<double> - 1) / kLanes<double> * kLanes<double>; }

// A thread's own.
struct CtcSpace {
  static constexpr int64_t kEdge = kLanes<double>;  // before the first label, where there is none
  int64_t width, row, bytes;
  Wide classes, of_labels, blanks, labels, next_blanks, next_labels, sums;
  double *skip, *ways;

  CtcSpace(int64_t steps, int64_t count, int64_t most_labels, bool back, void *base) {
    width = padded(most_labels + 1), row = kEdge + width + kEdge;
    Arena arena{static_cast<char *>(base), 0};
    const auto wide = [&arena](int64_t n) { return Wide{arena.take<double>(n), arena.take<double>(n)}; };
    classes = wide(padded(count));
    of_labels = wide(row), blanks = wide(row), labels = wide(row), next_blanks = wide(row), next_labels = wide(row);
    sums = wide(padded(count));
    skip = arena.take<double>(row);
    ways = arena.take<double>(back ? 4 * width * steps : 0);
    bytes = arena.used;
  }
};

template <class T>
struct Ctc {
  const unpad_ctc *ctc;
  CtcSpace *space;
  int64_t first, steps, count;  // labels
  const int64_t *label;

  int64_t classes() const { return ctc->classes; }
  const T *scores(int64_t t) const { return static_cast<const T *>(ctc->scores) + (first + t) * classes(); }
  int64_t width() const { return padded(count + 1); }
  // Of step t what forward kept: blanks, then labels.
  Wide kept(int64_t t, bool labels) const {
    double *at = space->ways + 4 * space->width * t + (labels ? 2 * space->width : 0);
    return {at, at + space->width};
  }

  // exp(scores - their highest) of step t into space->classes; the log of their sum, or NaN where one is no number.
  double look_at(int64_t t) const {
    const T *row = scores(t);
    const int64_t n = classes();
    double top = -__builtin_inf();
    bool numbers = true;
    for (int64_t c = 0; c < n; ++c) {
      const double x = double(row[c]);
      numbers &= x == x;
      top = x > top ? x : top;
    }
    if (!numbers || top == __builtin_inf() || top == -__builtin_inf()) return __builtin_nan("");
    Vec<double> sum{};
    for (int64_t c = 0; c < n; c += kLanes<double>) {
      const Vec<double> x = load_doubles(row + c, n - c) - top;
      const auto none = x < fill(-1e9);  // 0 however it is weighed
      const Vec<double> some = none ? Vec<double>{} : x;
      const Vec<double> shifted = some * 1.4426950408889634074 + 6755399441055744.0;
      const Vec<double> power = shifted - 6755399441055744.0;
      Vec<double> rest = some - power * 6.93145751953125e-1;
      rest = rest - power * 1.42860682030941723212e-6;
      const ExpParts<double, 1> e = exp_parts(Many<double, 1>{{rest}});
      const Vec<double> mantissa = e.scale.v[0] * e.less1.v[0] + e.scale.v[0];
      store(space->classes.at(c), {none ? Vec<double>{} : mantissa, none ? fill(kNever) : power});
      sum += none ? Vec<double>{} : mantissa * scale_of(power);
    }
    double all = 0;
    for (int64_t k = 0; k < kLanes<double>; ++k) all += sum[k];
    return __builtin_log(all);
  }
  // Those of the labels, in order.
  void pick() const {
    const Wide to = space->of_labels.at(CtcSpace::kEdge);
    for (int64_t i = 0; i < count; ++i) {
      to.mantissa[i] = space->classes.mantissa[label[i]];
      to.power[i] = space->classes.power[label[i]];
    }
  }
  void begin() const {
    // Beyond the last label all stays 0, as there of_labels are.
    const Wide rows[] = {space->of_labels, space->blanks, space->labels, space->next_blanks, space->next_labels};
    for (const Wide &row : rows) row.clear(space->row);
    for (int64_t i = 0; i < space->row; ++i) space->skip[i] = 0;
    double *skip = space->skip + CtcSpace::kEdge;
    for (int64_t i = 1; i < count; ++i) skip[i] = label[i] != label[i - 1];
  }
  UNPAD_INLINE WideVec blank() const {
    return {fill(space->classes.mantissa[0]), fill(space->classes.power[0])};
  }

  // -log of the probability of all paths that spell the labels; NaN where a score is none. `keep`: each step's sums.
  double sum(bool keep, WideVec *all) const {
    begin();
    const int64_t edge = CtcSpace::kEdge;
    Wide blanks = space->blanks.at(edge), labels = space->labels.at(edge);
    Wide next_blanks = space->next_blanks.at(edge), next_labels = space->next_labels.at(edge);
    double logs = 0;
    for (int64_t t = 0; t < steps; ++t) {
      logs += look_at(t);
      if (logs != logs) return logs;
      pick();
      if (!t) {
        next_blanks.mantissa[0] = space->classes.mantissa[0], next_blanks.power[0] = space->classes.power[0];
        if (count) next_labels.mantissa[0] = space->of_labels.mantissa[edge];
        if (count) next_labels.power[0] = space->of_labels.power[edge];
      } else {
        const WideVec of_blank = blank();
        for (int64_t i = 0; i < width(); i += kLanes<double>) {
          const WideVec blank = load(blanks.at(i)), same = load(labels.at(i)), before = load(labels.at(i - 1));
          WideVec to_blank = (blank + before) * of_blank;
          WideVec to_label = sum_of_three(same, blank, unless(load_whole(space->skip + edge + i), before)) *
                             load(space->of_labels.at(edge + i));
          if (t % kSetBack == 0) to_blank = set_back(to_blank), to_label = set_back(to_label);
          store(next_blanks.at(i), to_blank), store(next_labels.at(i), to_label);
        }
      }
      for (int64_t i = 0; keep && i < width(); i += kLanes<double>) {
        store(kept(t, false).at(i), load(next_blanks.at(i)));
        store(kept(t, true).at(i), load(next_labels.at(i)));
      }
      const Wide b = blanks, l = labels;
      blanks = next_blanks, labels = next_labels, next_blanks = b, next_labels = l;
    }
    *all = WideVec{fill(blanks.mantissa[count]), fill(blanks.power[count])};
    if (count) *all = *all + WideVec{fill(labels.mantissa[count - 1]), fill(labels.power[count - 1])};
    if (!(all->mantissa[0] > 0)) return __builtin_inf();
    return logs - __builtin_log(all->mantissa[0]) - all->power[0] * 0.693147180559945309417;
  }

  // After a `sum` that kept: softmax less each class's share of all paths, into the rows of d_scores.
  void back(WideVec all) const {
    begin();
    const int64_t edge = CtcSpace::kEdge, n = classes();
    // Sums over the ways on, from this step's class on: those of the step after stand in next_*.
    Wide blanks = space->blanks.at(edge), labels = space->labels.at(edge);
    Wide next_blanks = space->next_blanks.at(edge), next_labels = space->next_labels.at(edge);
    const Vec<double> part = 1.0 / all.mantissa;
    for (int64_t t = steps - 1; t >= 0; --t) {
      const double log = look_at(t);
      pick();
      T *out = static_cast<T *>(ctc->d_scores) + (first + t) * n;
      for (int64_t c = 0; c < n; ++c) space->sums.mantissa[c] = 0;
      if (t == steps - 1) {
        blanks.mantissa[count] = 1, blanks.power[count] = 0;
        if (count) labels.mantissa[count - 1] = 1, labels.power[count - 1] = 0;
      }
      const WideVec of_blank = blank();
      double of_blanks = 0;
      Vec<double> sum{};
      for (int64_t i = 0; i < width(); i += kLanes<double>) {
        WideVec on_blank = load(blanks.at(i)), on_label = load(labels.at(i));
        if (t < steps - 1) {
          const WideVec blank = load(next_blanks.at(i)), label = load(next_labels.at(i));
          const WideVec blank_after = load(next_blanks.at(i + 1)), label_after = load(next_labels.at(i + 1));
          on_blank = blank + label;
          on_label = sum_of_three(label, blank_after, unless(load_whole(space->skip + edge + i + 1), label_after));
          if (t % kSetBack == 0) on_blank = set_back(on_blank), on_label = set_back(on_label);
        }
        const WideVec share = on_blank * load(kept(t, false).at(i)), of_label = on_label * load(kept(t, true).at(i));
        sum += share.mantissa * part * scale_of(share.power - all.power);
        const Vec<double> shares = of_label.mantissa * part * scale_of(of_label.power - all.power);
        for (int64_t k = 0; k < kLanes<double> && i + k < count; ++k) space->sums.mantissa[label[i + k]] += shares[k];
        store(blanks.at(i), on_blank * of_blank);
        store(labels.at(i), on_label * load(space->of_labels.at(edge + i)));
      }
      for (int64_t k = 0; k < kLanes<double>; ++k) of_blanks += sum[k];
      space->sums.mantissa[0] += of_blanks;
      const double less = __builtin_exp(-log);
      for (int64_t c = 0; c < n; c += kLanes<double>) {
        const WideVec e = load(space->classes.at(c));
        put(out + c, e.mantissa * scale_of(e.power) * less - load_whole(space->sums.mantissa + c), n - c, false);
      }
      const Wide b = blanks, l = labels;
      blanks = next_blanks, labels = next_labels, next_blanks = b, next_labels = l;
    }
  }
};

// Of the space that a sequence needs.
inline int64_t ctc_bytes(const unpad_ctc *c, int64_t steps, int64_t labels) {
  return CtcSpace(steps, c->classes, labels, c->d_scores, nullptr).bytes;
}

template <class T>
void ctc_sequence(const unpad_ctc *c, void *space, int64_t b) {
  const int64_t first = c->offsets[b], from = c->label_offsets[b];
  const int64_t steps = c->offsets[b + 1] - first, count = c->label_offsets[b + 1] - from;
  CtcSpace own(steps, c->classes, count, c->d_scores, space);
  const Ctc<T> s{c, &own, first, steps, count, c->labels + from};
  WideVec all{};
  const double total = s.steps ? s.sum(c->d_scores != nullptr, &all) : s.count ? __builtin_inf() : 0;
  static_cast<T *>(c->total)[b] = T(total);
  if (!c->d_scores) return;
  if (total - total == 0) return s.back(all);
  // Without a path 0, without a number NaN.
  T *out = static_cast<T *>(c->d_scores) + first * c->classes;
  for (int64_t i = 0; i < s.steps * c->classes; ++i) out[i] = total == total ? T(0) : T(total);
}

template <class T>
constexpr Labellings labellings() {
  return {ctc_bytes, ctc_sequence<T>};
}

}  // namespace UNPAD_NAMESPACE
}  // namespace unpad
