// unpad_chain_* on random sizes against walks in logarithms, one step at a time in double, on every instruction set:
// sums, gradients, best paths; tags in part known, -infinity, scores so far apart that scaled probabilities end. Alone
// and with any number of threads the bits are the same. Arrays end where they end, so that the sanitizer sees a step
// too far.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "seeds.h"

namespace {

typedef long double Wide;  // a double's rounding of a path's score would show in its share
typedef std::vector<Wide> Row;
const Wide kNone = -std::numeric_limits<Wide>::infinity();

Wide log_sum(const Row &x) {
  const Wide top = *std::max_element(x.begin(), x.end());
  Wide sum = 0;
  if (top == kNone) return kNone;
  for (Wide v : x) sum += std::exp(v - top);
  return top + std::log(sum);
}

template <class T>
struct Batch {
  int64_t tags, best;
  bool pairs, transitions, ends;
  std::vector<int64_t> offsets{0}, only;
  std::vector<T> scores, between, start, end, d_total;

  int64_t steps() const { return offsets.back(); }
  int64_t size() const { return int64_t(offsets.size()) - 1; }

  explicit Batch(std::mt19937_64 &random) {
    auto one_of = [&](std::initializer_list<int64_t> of) { return of.begin()[random() % of.size()]; };
    tags = one_of({1, 2, 3, 4, 5, 8, 9, 12, 17, 33});
    best = one_of({1, 1, 2, 5});
    pairs = random() % 3 == 0, transitions = !pairs && random() % 4, ends = random() % 2;
    for (int64_t b = one_of({0, 1, 2, 7, 20}); b > 0; --b)
      offsets.push_back(offsets.back() + one_of({0, 1, 2, 3, 6, tags < 6 ? 150 : 9}));
    const double scale = double(one_of({1, 10, 400})), way = double(one_of({1, 5, 900}));
    const bool forbids = random() % 3 == 0;
    std::normal_distribution<double> normal;
    auto fill = [&](std::vector<T> &to, int64_t n, double by, bool none) {
      for (int64_t i = 0; i < n; ++i) to.push_back(none && random() % 3 == 0 ? T(kNone) : T(normal(random) * by));
    };
    fill(scores, steps() * tags * (pairs ? tags : 1), scale, forbids && random() % 2);
    fill(between, tags * tags, way, forbids);
    fill(start, tags, 1, forbids), fill(end, tags, 1, false), fill(d_total, size(), 1, false);
    const int64_t how = one_of({0, 1, 2});  // none, some, all
    for (int64_t i = 0; how && i < steps(); ++i)
      only.push_back(how == 1 && random() % 2 ? -1 : int64_t(random() % uint64_t(tags)));
  }

  Wide score(int64_t b, int64_t t, int64_t i, int64_t j) const {
    const int64_t step = offsets[size_t(b)] + t;
    Wide x = Wide(pairs ? scores[size_t((step * tags + (t ? i : 0)) * tags + j)] : scores[size_t(step * tags + j)]);
    if (t && transitions) x += Wide(between[size_t(i * tags + j)]);
    if (!t && ends) x += Wide(start[size_t(j)]);
    if (step + 1 == offsets[size_t(b) + 1] && ends) x += Wide(end[size_t(j)]);
    return x;
  }
  bool fits(int64_t b, int64_t t, int64_t tag) const {
    const int64_t one = only[size_t(offsets[size_t(b)] + t)];
    return one < 0 || one == tag;
  }
};

// What comes out, padded by nothing.
template <class T>
struct Out {
  std::vector<T> total, d_scores, d_between, d_start, d_end, marginals, found;
  std::vector<int64_t> path;
};

template <class T>
Out<T> run(const Batch<T> &b, int32_t threads) {
  Out<T> out;
  const size_t rows = size_t(b.steps() * b.tags), many = size_t(b.best);
  std::vector<double> walked(rows), fitting(rows), space(rows * many);
  std::vector<int64_t> whence(rows * many);
  unpad_chain c = {};
  c.scores = b.scores.data(), c.offsets = b.offsets.data(), c.only = b.only.empty() ? nullptr : b.only.data();
  c.steps = b.steps(), c.batch = b.size(), c.tags = b.tags, c.pairs = b.pairs, c.best = b.best;
  if (b.transitions) c.transitions = b.between.data(), out.d_between.resize(b.between.size());
  if (b.ends) c.start = b.start.data(), c.end = b.end.data();
  if (b.ends) out.d_start.resize(size_t(b.tags)), out.d_end.resize(size_t(b.tags));
  out.total.resize(size_t(b.size())), out.d_scores.resize(b.scores.size()), out.marginals.resize(rows);
  c.total = out.total.data(), c.walked = walked.data(), c.fitting = fitting.data();
  require(unpad_chain_sums(kDtype<T>, threads, &c) == UNPAD_OK, "sums are refused");
  c.d_total = b.d_total.data(), c.d_scores = out.d_scores.data(), c.marginals = out.marginals.data();
  c.d_transitions = out.d_between.data(), c.d_start = out.d_start.data(), c.d_end = out.d_end.data();
  require(unpad_chain_gradients(kDtype<T>, threads, &c) == UNPAD_OK, "gradients are refused");
  out.path.resize(size_t(b.steps()) * many), out.found.resize(size_t(b.size()) * many);
  c.total = out.found.data(), c.walked = space.data(), c.whence = whence.data(), c.path = out.path.data();
  require(unpad_chain_best(kDtype<T>, threads, &c) == UNPAD_OK, "best is refused");
  return out;
}

template <class T>
void close(double got, Wide wide, double about, const char *what) {
  const double want = double(wide), most = (sizeof(T) == 4 ? 2e-6 : 1e-10) * (about + std::fabs(want));
  require((std::isnan(got) && std::isnan(want)) || got == want || std::fabs(got - want) <= most, what, got, want);
}

// Of one sequence the log of its sum, and into `shares` d times those of tags and pairs.
template <class T>
Wide walk(const Batch<T> &c, int64_t b, bool known, Wide d, Row &pairs, Row &alone) {
  const int64_t n = c.tags, length = c.offsets[size_t(b) + 1] - c.offsets[size_t(b)];
  auto score = [&](int64_t t, int64_t i, int64_t j) {
    return known && !c.fits(b, t, j) ? kNone : c.score(b, t, i, j);
  };
  Row ways(static_cast<size_t>(n));
  std::vector<Row> before(static_cast<size_t>(length), ways), after = before;
  for (int64_t t = 0; t < length; ++t)
    for (int64_t j = 0; j < n; ++j) {
      for (int64_t i = 0; t && i < n; ++i) ways[size_t(i)] = before[size_t(t - 1)][size_t(i)] + score(t, i, j);
      before[size_t(t)][size_t(j)] = t ? log_sum(ways) : score(0, 0, j);
    }
  for (int64_t t = length - 1; t > 0; --t)
    for (int64_t i = 0; i < n; ++i) {
      for (int64_t j = 0; j < n; ++j) ways[size_t(j)] = score(t, i, j) + after[size_t(t)][size_t(j)];
      after[size_t(t - 1)][size_t(i)] = log_sum(ways);
    }
  const Wide all = log_sum(before.back());
  if (all == kNone) return all;
  for (int64_t t = 0; t < length; ++t)
    for (int64_t j = 0; j < n; ++j) {
      const size_t at = size_t(c.offsets[size_t(b)] + t);
      alone[at * size_t(n) + size_t(j)] += d * std::exp(before[size_t(t)][size_t(j)] + after[size_t(t)][size_t(j)] - all);
      for (int64_t i = 0; i < (t ? n : 1); ++i) {
        const Wide way = (t ? before[size_t(t - 1)][size_t(i)] : Wide(0)) + score(t, i, j) + after[size_t(t)][size_t(j)];
        pairs[(at * size_t(n) + size_t(i)) * size_t(n) + size_t(j)] += d * std::exp(way - all);
      }
    }
  return all;
}

template <class T>
Wide score_of(const Batch<T> &c, int64_t b, const std::vector<int64_t> &path, int64_t rank) {
  Wide sum = 0;
  const int64_t from = c.offsets[size_t(b)], to = c.offsets[size_t(b) + 1];
  for (int64_t step = from; step < to; ++step) {
    const int64_t tag = path[size_t(step * c.best + rank)];
    if (tag < 0) return kNone;
    sum += c.score(b, step - from, step > from ? path[size_t((step - 1) * c.best + rank)] : 0, tag);
  }
  return sum;
}

template <class T>
void check(const Batch<T> &c) {
  const Out<T> out = run(c, 1);
  const size_t n = size_t(c.tags), steps = size_t(c.steps());
  Row pairs(steps * n * n), alone(steps * n), marginals(steps * n), unused(steps * n * n);
  for (int64_t b = 0; b < c.size(); ++b) {
    const int64_t from = c.offsets[size_t(b)], to = c.offsets[size_t(b) + 1];
    int64_t known = 0;
    for (int64_t step = from; step < to && !c.only.empty(); ++step) known += c.only[size_t(step)] >= 0;
    const double d = double(c.d_total[size_t(b)]);
    Wide want = 0;
    double about = 1;
    if (from < to && (c.only.empty() || known)) {
      want = walk(c, b, false, d, pairs, alone);
      about += double(std::fabs(want));
      if (known) want -= walk(c, b, true, -d, pairs, alone);
    }
    if (from < to && (c.only.empty() || known)) walk(c, b, false, 1, unused, marginals);
    close<T>(double(out.total[size_t(b)]), want, sizeof(T) == 4 ? 1 : about, "total");
    for (int64_t r = 0; r < c.best; ++r) {
      const double found = double(out.found[size_t(b * c.best + r)]);
      if (from == to) {
        require(found == double(r ? kNone : 0), "the best paths of nothing", found);
        continue;
      }
      const Wide score = score_of(c, b, out.path, r);
      if (score != kNone || found != kNone) close<T>(found, score, 1, "the score of a best path");
      require(!r || !(found > double(out.found[size_t(b * c.best + r - 1)])), "best paths in order");
    }
    // The best of all, by another walk.
    Row now(n), next(n);
    for (int64_t t = 0; t < to - from; ++t, now = next)
      for (size_t j = 0; j < n; ++j) {
        next[j] = kNone;
        for (size_t i = 0; i < (t ? n : 1); ++i)
          next[j] = std::max(next[j], (t ? now[i] : Wide(0)) + c.score(b, t, int64_t(i), int64_t(j)));
      }
    if (from < to)
      close<T>(double(out.found[size_t(b * c.best)]), *std::max_element(now.begin(), now.end()), 1, "the best score");
  }
  Row between(n * n), start(n), end(n);
  for (int64_t b = 0; b < c.size(); ++b)
    for (int64_t step = c.offsets[size_t(b)]; step < c.offsets[size_t(b) + 1]; ++step)
      for (size_t j = 0; j < n; ++j) {
        const size_t at = size_t(step);
        const bool first = step == c.offsets[size_t(b)], last = step + 1 == c.offsets[size_t(b) + 1];
        if (first) start[j] += alone[at * n + j];
        if (last) end[j] += alone[at * n + j];
        for (size_t i = 0; i < n; ++i) {
          if (!first) between[i * n + j] += pairs[(at * n + i) * n + j];
          if (c.pairs) close<T>(double(out.d_scores[(at * n + i) * n + j]), pairs[(at * n + i) * n + j], 1, "d_scores");
        }
        if (!c.pairs) close<T>(double(out.d_scores[at * n + j]), alone[at * n + j], 1, "d_scores");
        close<T>(double(out.marginals[at * n + j]), marginals[at * n + j], 1, "marginals");
      }
  const double about = double(steps) + 1;
  for (size_t k = 0; k < out.d_between.size(); ++k) close<T>(double(out.d_between[k]), between[k], about, "d_transitions");
  for (size_t k = 0; k < out.d_start.size(); ++k) {
    close<T>(double(out.d_start[k]), start[k], about, "d_start");
    close<T>(double(out.d_end[k]), end[k], about, "d_end");
  }
  const Out<T> other = run(c, 3);
  auto same = [](const auto &a, const auto &b) {
    return a.size() == b.size() && (a.empty() || !std::memcmp(a.data(), b.data(), a.size() * sizeof a[0]));
  };
  require(same(out.total, other.total) && same(out.d_scores, other.d_scores) && same(out.d_between, other.d_between) &&
              same(out.d_start, other.d_start) && same(out.path, other.path) && same(out.found, other.found) &&
              same(out.marginals, other.marginals),
          "bits depend on threads");
  for (int64_t b = 0; b < c.size(); ++b) {
    Batch<T> one = c;
    const int64_t from = c.offsets[size_t(b)], to = c.offsets[size_t(b) + 1], row = c.tags * (c.pairs ? c.tags : 1);
    one.offsets = {0, to - from}, one.d_total = {c.d_total[size_t(b)]};
    one.scores.assign(c.scores.begin() + from * row, c.scores.begin() + to * row);
    if (!c.only.empty()) one.only.assign(c.only.begin() + from, c.only.begin() + to);
    const Out<T> alone_out = run(one, 1);
    require(same(alone_out.total, std::vector<T>{out.total[size_t(b)]}), "total alone and in company");
    require(same(alone_out.d_scores, std::vector<T>(out.d_scores.begin() + from * row, out.d_scores.begin() + to * row)),
            "d_scores alone and in company");
  }
}

void check_refusals() {
  doing = "refusals";
  float x[8] = {}, total[2];
  double rows[8];
  int64_t offsets[3] = {0, 1, 2}, only[2] = {0, 1}, path[2];
  unpad_chain c = {};
  c.scores = x, c.offsets = offsets, c.total = total, c.walked = rows, c.path = path;
  c.steps = c.batch = c.tags = 2, c.best = 1;
  require(unpad_chain_sums(UNPAD_FLOAT32, 1, &c) == UNPAD_OK, "what is right");
  require(unpad_chain_sums(7, 1, &c) == UNPAD_BAD_ENUM, "a dtype");
  require(unpad_chain_sums(UNPAD_FLOAT32, 1, nullptr) == UNPAD_NULL_POINTER, "nothing");
  c.only = only;
  require(unpad_chain_sums(UNPAD_FLOAT32, 1, &c) == UNPAD_OK, "tags that are there");
  for (int64_t bad : {-2, 2}) {
    only[1] = bad;
    require(unpad_chain_sums(UNPAD_FLOAT32, 1, &c) == UNPAD_BAD_INDEX, "a tag that is none");
  }
  offsets[1] = 0, only[0] = -1, only[1] = 0;
  require(unpad_chain_gradients(UNPAD_FLOAT32, 1, &c) == UNPAD_NULL_POINTER, "tags in part, and no rows for them");
  c.only = nullptr;
  for (int64_t bad : {-1, 3}) {
    offsets[1] = bad;
    require(unpad_chain_best(UNPAD_FLOAT32, 1, &c) == UNPAD_BAD_INDEX, "offsets that fall");
  }
  offsets[1] = 1;
  for (int64_t unpad_chain::*size : {&unpad_chain::steps, &unpad_chain::batch, &unpad_chain::tags}) {
    unpad_chain other = c;
    other.*size = -1;
    require(unpad_chain_best(UNPAD_FLOAT32, 1, &other) == UNPAD_BAD_SIZE, "a negative size");
  }
  c.tags = 0;
  require(unpad_chain_best(UNPAD_FLOAT32, 1, &c) == UNPAD_BAD_SIZE, "no tags");
  c.tags = 2, c.best = 0;
  require(unpad_chain_best(UNPAD_FLOAT32, 1, &c) == UNPAD_BAD_SIZE, "no paths");
  c.best = 2;
  require(unpad_chain_best(UNPAD_FLOAT32, 1, &c) == UNPAD_NULL_POINTER, "two paths without their room");
  c.best = 1, c.pairs = 1, c.transitions = x;
  require(unpad_chain_best(UNPAD_FLOAT32, 1, &c) == UNPAD_BAD_ENUM, "pairs and transitions");
}

}  // namespace

int main(int count, char **words) {
  check_refusals();
  check_seeds(count, words, "chains", [](unsigned seed, auto zero) {
    std::mt19937_64 random(seed);
    check(Batch<decltype(zero)>(random));
  });
  return 0;
}
