// unpad_ctc_loss on random sizes against sums in logarithms over states, in long double, on every instruction set: totals
// and gradients; labels alike side by side, none, more than steps; scores so far apart that no double holds a path's
// share, -infinity, NaN. Alone and with any number of threads the bits are the same. Arrays end where they end, so that
// the sanitizer sees a step too far.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "seeds.h"

namespace {

typedef long double Real;
typedef std::vector<Real> Row;
const Real kNone = -std::numeric_limits<Real>::infinity();

Real log_sum(Real a, Real b) {
  const Real top = std::max(a, b);
  return top == kNone ? kNone : top + std::log(std::exp(a - top) + std::exp(b - top));
}

template <class T>
struct Batch {
  int64_t classes;
  std::vector<int64_t> offsets{0}, label_offsets{0}, labels;
  std::vector<T> scores;

  int64_t steps() const { return offsets.back(); }
  int64_t size() const { return int64_t(offsets.size()) - 1; }

  explicit Batch(std::mt19937_64 &random) {
    auto one_of = [&](std::initializer_list<int64_t> of) { return of.begin()[random() % of.size()]; };
    classes = one_of({2, 3, 8, 9, 20});
    for (int64_t b = one_of({0, 1, 2, 5}); b > 0; --b) {
      const int64_t steps = one_of({0, 1, 2, 3, 7, 20, 70, 150});
      offsets.push_back(offsets.back() + steps);
      label_offsets.push_back(label_offsets.back() + std::min(one_of({0, 1, 2, 7, 8, 9, 40}), steps + one_of({0, 0, 1})));
    }
    for (int64_t i = 0; i < label_offsets.back(); ++i) labels.push_back(1 + int64_t(random() % uint64_t(classes - 1)));
    const double scale = double(one_of({1, 10, 300}));
    const bool forbids = random() % 4 == 0, blank = random() % 3 == 0;
    std::normal_distribution<double> normal;
    for (int64_t i = 0; i < steps() * classes; ++i)
      scores.push_back(forbids && random() % 9 == 0 ? T(kNone)
                                                    : T(normal(random) * scale + (blank && i % classes == 0 ? 60 : 0)));
    if (!scores.empty() && random() % 9 == 0) scores[random() % scores.size()] = T(std::nan(""));
    for (int64_t t = 0; t < steps(); ++t)  // one class is there
      if (scores[size_t(t * classes)] == T(kNone)) scores[size_t(t * classes)] = 0;
  }
  Batch(const Batch &all, int64_t b)
      : classes(all.classes), offsets{0, all.offsets[size_t(b) + 1] - all.offsets[size_t(b)]},
        label_offsets{0, all.label_offsets[size_t(b) + 1] - all.label_offsets[size_t(b)]},
        labels(all.labels.begin() + all.label_offsets[size_t(b)], all.labels.begin() + all.label_offsets[size_t(b) + 1]),
        scores(all.scores.begin() + all.offsets[size_t(b)] * classes,
               all.scores.begin() + all.offsets[size_t(b) + 1] * classes) {}
};

template <class T>
struct Out {
  std::vector<T> total, d_scores;
};

template <class T>
unpad_ctc packed(const Batch<T> &b, Out<T> *out) {
  out->total.resize(size_t(b.size())), out->d_scores.resize(b.scores.size());
  unpad_ctc c = {};
  c.scores = b.scores.data(), c.offsets = b.offsets.data(), c.labels = b.labels.data();
  c.label_offsets = b.label_offsets.data(), c.total = out->total.data(), c.d_scores = out->d_scores.data();
  c.steps = b.steps(), c.batch = b.size(), c.classes = b.classes, c.label_count = int64_t(b.labels.size());
  return c;
}

template <class T>
Out<T> run(const Batch<T> &b, int32_t threads) {
  Out<T> out, alone;
  unpad_ctc c = packed(b, &out);
  require(unpad_ctc_loss(kDtype<T>, threads, &c) == UNPAD_OK, "is refused");
  c = packed(b, &alone), c.d_scores = nullptr;
  require(unpad_ctc_loss(kDtype<T>, threads, &c) == UNPAD_OK, "is refused without gradients");
  require(out.total.empty() || !std::memcmp(out.total.data(), alone.total.data(), out.total.size() * sizeof(T)),
          "totals with gradients and without");
  return out;
}

// Of one sequence -log of the sum over all paths, and its gradient.
template <class T>
Real walk(const Batch<T> &c, Row &gradient) {
  const int64_t steps = c.steps(), count = c.label_offsets[1], n = c.classes, states = 2 * count + 1;
  auto label = [&](int64_t s) { return s % 2 ? c.labels[size_t(s / 2)] : 0; };
  auto skips = [&](int64_t s) { return s % 2 && s > 1 && label(s) != label(s - 2); };
  gradient.assign(size_t(steps * n), 0);
  Row logs(size_t(steps * n));
  for (int64_t t = 0; t < steps; ++t) {
    Real all = kNone;
    for (int64_t k = 0; k < n; ++k) {
      const Real x = Real(c.scores[size_t(t * n + k)]);
      if (std::isnan(x)) {
        std::fill(gradient.begin(), gradient.end(), x);
        return x;
      }
      all = log_sum(all, x);
    }
    for (int64_t k = 0; k < n; ++k) logs[size_t(t * n + k)] = Real(c.scores[size_t(t * n + k)]) - all;
  }
  if (!steps) return count ? -kNone : 0;
  auto at = [&](int64_t t, int64_t s) { return size_t(t * states + s); };
  Row there(size_t(steps * states), kNone), on = there;
  for (int64_t t = 0; t < steps; ++t)
    for (int64_t s = 0; s < states; ++s) {
      Real x = t ? there[at(t - 1, s)] : s < 2 ? 0 : kNone;
      if (t && s) x = log_sum(x, there[at(t - 1, s - 1)]);
      if (t && skips(s)) x = log_sum(x, there[at(t - 1, s - 2)]);
      there[at(t, s)] = x + logs[size_t(t * n + label(s))];
    }
  for (int64_t t = steps - 1; t >= 0; --t)
    for (int64_t s = 0; s < states; ++s) {
      auto after = [&](int64_t to) { return on[at(t + 1, to)] + logs[size_t((t + 1) * n + label(to))]; };
      Real x = t < steps - 1 ? after(s) : s >= states - 2 ? 0 : kNone;
      if (t < steps - 1 && s + 1 < states) x = log_sum(x, after(s + 1));
      if (t < steps - 1 && s + 2 < states && skips(s + 2)) x = log_sum(x, after(s + 2));
      on[at(t, s)] = x;
    }
  Real all = there[at(steps - 1, states - 1)];
  if (count) all = log_sum(all, there[at(steps - 1, states - 2)]);
  if (all == kNone) return -kNone;
  for (int64_t t = 0; t < steps; ++t) {
    for (int64_t k = 0; k < n; ++k) gradient[size_t(t * n + k)] = std::exp(logs[size_t(t * n + k)]);
    for (int64_t s = 0; s < states; ++s)
      gradient[size_t(t * n + label(s))] -= std::exp(there[at(t, s)] + on[at(t, s)] - all);
  }
  return -all;
}

template <class T>
void close(double got, Real wide, double about, const char *what) {
  const double want = double(wide), most = (sizeof(T) == 4 ? 1e-6 : 1e-11) * (about + std::fabs(want));
  require((std::isnan(got) && std::isnan(want)) || got == want || std::fabs(got - want) <= most, what, got, want);
}

template <class T>
void check(const Batch<T> &c) {
  const Out<T> out = run(c, 1), other = run(c, 3);
  auto same = [](const T *a, const std::vector<T> &b) {
    return b.empty() || !std::memcmp(a, b.data(), b.size() * sizeof(T));
  };
  require(same(out.total.data(), other.total) && same(out.d_scores.data(), other.d_scores), "bits depend on threads");
  for (int64_t b = 0; b < c.size(); ++b) {
    const Batch<T> one(c, b);
    const Out<T> alone = run(one, 1);
    const T *gradient = out.d_scores.data() + c.offsets[size_t(b)] * c.classes;
    require(same(&out.total[size_t(b)], alone.total) && same(gradient, alone.d_scores), "bits alone and in company");
    Row want;
    close<T>(double(out.total[size_t(b)]), walk(one, want), double(one.steps()), "total");
    for (size_t i = 0; i < want.size(); ++i) close<T>(double(gradient[i]), want[i], double(one.steps()) + 1, "d_scores");
  }
}

void check_refusals() {
  doing = "refusals";
  float x[6] = {}, total[2], d[6];
  int64_t offsets[3] = {0, 1, 2}, label_offsets[3] = {0, 1, 1}, labels[1] = {1};
  unpad_ctc c = {};
  c.scores = x, c.offsets = offsets, c.labels = labels, c.label_offsets = label_offsets, c.total = total, c.d_scores = d;
  c.steps = c.batch = 2, c.classes = 3, c.label_count = 1;
  require(unpad_ctc_loss(UNPAD_FLOAT32, 1, &c) == UNPAD_OK, "what is right");
  require(unpad_ctc_loss(7, 1, &c) == UNPAD_BAD_ENUM, "a dtype");
  require(unpad_ctc_loss(UNPAD_FLOAT32, 1, nullptr) == UNPAD_NULL_POINTER, "nothing");
  for (int64_t bad : {-1, 0, 3}) {
    labels[0] = bad;
    require(unpad_ctc_loss(UNPAD_FLOAT32, 1, &c) == UNPAD_BAD_INDEX, "a label that is none");
  }
  labels[0] = 1;
  for (int64_t *bound : {&offsets[1], &label_offsets[1]})
    for (int64_t bad : {-1, 3}) {
      const int64_t right = *bound;
      *bound = bad;
      require(unpad_ctc_loss(UNPAD_FLOAT32, 1, &c) == UNPAD_BAD_INDEX, "offsets that fall");
      *bound = right;
    }
  for (int64_t unpad_ctc::*size : {&unpad_ctc::steps, &unpad_ctc::batch, &unpad_ctc::classes, &unpad_ctc::label_count}) {
    unpad_ctc other = c;
    other.*size = -1;
    require(unpad_ctc_loss(UNPAD_FLOAT32, 1, &other) == UNPAD_BAD_SIZE, "a negative size");
  }
  c.classes = 0;
  require(unpad_ctc_loss(UNPAD_FLOAT32, 1, &c) == UNPAD_BAD_SIZE, "no classes");
  c.classes = 3, c.total = nullptr;
  require(unpad_ctc_loss(UNPAD_FLOAT32, 1, &c) == UNPAD_NULL_POINTER, "no room for totals");
}

}  // namespace

int main(int count, char **words) {
  check_refusals();
  check_seeds(count, words, "ctc", [](unsigned seed, auto zero) {
    std::mt19937_64 random(seed);
    check(Batch<decltype(zero)>(random));
  });
  return 0;
}
