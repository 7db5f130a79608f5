// unpad_normal_forward and _backward on random sizes against plain loops in double, on every instruction set: rows by
// themselves and sequences of rows, groups, with the mean taken off or left in, weights or none. In company and with any
// number of threads a sequence's bits are the same. Arrays end where they end, so that the sanitizer sees a step too far.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "seeds.h"

namespace {

typedef std::vector<double> Row;

template <class T>
struct Case {
  int64_t rows, groups, size;
  bool by_rows, centred, weighted;
  std::vector<int64_t> offsets{0};
  std::vector<T> values, gamma, beta, d_out;
  std::vector<T> out, mean, scale, d_values, d_gamma, d_beta;

  explicit Case(std::mt19937_64 &random) {
    auto one_of = [&](std::initializer_list<int64_t> of) { return of.begin()[random() % of.size()]; };
    groups = one_of({1, 1, 2, 3, 8}), size = one_of({1, 2, 3, 7, 8, 16, 31, 33, 64, 100});
    by_rows = random() % 2, centred = random() % 4 > 0, weighted = random() % 4 > 0;
    for (int64_t b = one_of({0, 1, 2, 5, 70, 200}); b > 0; --b)
      offsets.push_back(offsets.back() + (by_rows ? 1 : one_of({0, 1, 2, 5, 20, b < 5 ? 130 : 3})));
    rows = offsets.back();
    fill(values, rows * width(), random, 0.3), fill(d_out, rows * width(), random, 0);
    fill(gamma, width(), random, 1), fill(beta, width(), random, 0);
  }
  int64_t width() const { return groups * size; }
  int64_t batch() const { return int64_t(offsets.size()) - 1; }
  static void fill(std::vector<T> &to, int64_t count, std::mt19937_64 &random, double about) {
    std::normal_distribution<double> normal(about, 1);
    to.resize(size_t(count));
    for (T &x : to) x = T(normal(random));
  }

  void run(int32_t threads) {
    const T unset = T(-7);
    out.assign(values.size(), unset), d_values.assign(values.size(), unset);
    mean.assign(size_t(batch() * groups), unset), scale = mean;
    d_gamma.assign(size_t(width()), unset), d_beta = d_gamma;
    unpad_normal n{};
    n.values = values.data(), n.offsets = by_rows ? nullptr : offsets.data();
    if (weighted) n.gamma = gamma.data(), n.beta = beta.data();
    n.out = out.data(), n.mean = centred ? mean.data() : nullptr, n.scale = scale.data();
    n.rows = rows, n.batch = batch(), n.groups = groups, n.size = size, n.epsilon = 1e-3;
    const int32_t dtype = sizeof(T) == 4 ? UNPAD_FLOAT32 : UNPAD_FLOAT64;
    require(unpad_normal_forward(dtype, threads, &n) == UNPAD_OK, "forward");
    n.out = nullptr, n.d_out = d_out.data(), n.d_values = d_values.data();
    n.d_gamma = d_gamma.data(), n.d_beta = d_beta.data();
    require(unpad_normal_backward(dtype, threads, &n) == UNPAD_OK, "backward");
  }

  void compare() const {
    const double tolerance = sizeof(T) == 4 ? 2e-4 : 1e-10;
    auto close = [&](double found, double want, const char *what) {
      require(std::fabs(found - want) <= tolerance * (1 + std::fabs(want)), what);
    };
    Row of_gamma(size_t(width()), 0), of_beta(size_t(width()), 0);
    for (int64_t b = 0; b < batch(); ++b)
      for (int64_t g = 0; g < groups; ++g) {
        const double count = double((offsets[b + 1] - offsets[b]) * size);
        double m = 0, square = 0, a = 0, of = 0;
        auto each = [&](auto f) {
          for (int64_t r = offsets[b]; r < offsets[b + 1]; ++r)
            for (int64_t i = g * size; i < (g + 1) * size; ++i) f(size_t(r * width() + i), size_t(i));
        };
        auto weight = [&](size_t i) { return weighted ? double(gamma[i]) : 1.0; };
        if (centred) each([&](size_t at, size_t) { m += double(values[at]) / count; });
        each([&](size_t at, size_t) { square += (values[at] - m) * (values[at] - m) / count; });
        const double s = 1 / std::sqrt(square + 1e-3);
        each([&](size_t at, size_t i) {
          const double x = (values[at] - m) * s;
          close(out[at], x * weight(i) + (weighted ? double(beta[i]) : 0), "out");
          of_gamma[i] += d_out[at] * x, of_beta[i] += d_out[at];
          a += d_out[at] * weight(i) / count, of += d_out[at] * weight(i) * x / count;
        });
        each([&](size_t at, size_t i) {
          const double x = (values[at] - m) * s;
          // Scales of up to 30 carry roundings with them.
          const double want = s * (d_out[at] * weight(i) - (centred ? a : 0) - x * of);
          require(std::fabs(d_values[at] - want) <= tolerance * (1 + s) * (1 + std::fabs(want)), "d_values");
        });
      }
    for (size_t i = 0; i < size_t(width()); ++i) {
      const double many = 1 + std::sqrt(double(rows));
      require(std::fabs(d_gamma[i] - of_gamma[i]) <= tolerance * many * (1 + std::fabs(of_gamma[i])), "d_gamma");
      require(std::fabs(d_beta[i] - of_beta[i]) <= tolerance * many * (1 + std::fabs(of_beta[i])), "d_beta");
    }
  }

  // Sequence b by itself has the bits that it has in company.
  void alone(int64_t b) const {
    Case one = *this;
    const auto from = offsets[b] * width(), to = offsets[b + 1] * width();
    one.values.assign(values.begin() + from, values.begin() + to), one.d_out.assign(d_out.begin() + from, d_out.begin() + to);
    one.offsets = {0, offsets[b + 1] - offsets[b]}, one.rows = one.offsets[1];
    one.run(1);
    require(same(one.out.data(), out.data() + from, size_t(to - from)), "bits of out alone");
    require(same(one.d_values.data(), d_values.data() + from, size_t(to - from)), "bits of d_values alone");
  }
};

template <class T>
void check(std::mt19937_64 &random) {
  Case<T> c(random);
  c.run(1);
  c.compare();
  Case<T> many = c;
  many.run(4);
  require(same(many.out.data(), c.out.data(), c.out.size()), "bits of out by threads");
  require(same(many.d_values.data(), c.d_values.data(), c.d_values.size()), "bits of d_values by threads");
  require(same(many.d_gamma.data(), c.d_gamma.data(), size_t(c.width())), "bits of d_gamma by threads");
  require(same(many.d_beta.data(), c.d_beta.data(), size_t(c.width())), "bits of d_beta by threads");
  for (int64_t b = 0; b < c.batch(); b += 1 + c.batch() / 5) c.alone(b);
}

void refusals() {
  float x[4] = {}, s[2] = {};
  int64_t falls[] = {0, 3, 2}, short_of[] = {0, 1, 1};
  unpad_normal n{};
  n.values = x, n.out = x, n.mean = s, n.scale = s, n.rows = 2, n.batch = 2, n.groups = 1, n.size = 2;
  auto gives = [&](const unpad_normal &of, int32_t error) {
    require(unpad_normal_forward(UNPAD_FLOAT32, 1, &of) == error, "refusal");
  };
  gives(n, UNPAD_OK);
  for (auto offsets : {falls, short_of}) {
    unpad_normal of = n;
    of.offsets = offsets;
    gives(of, UNPAD_BAD_INDEX);
  }
  unpad_normal of = n;
  of.batch = 3, gives(of, UNPAD_BAD_SIZE);
  of = n, of.size = -1, gives(of, UNPAD_BAD_SIZE);
  of = n, of.size = INT64_MAX, gives(of, UNPAD_BAD_SIZE);
  of = n, of.scale = nullptr, gives(of, UNPAD_NULL_POINTER);
  of = n, of.values = nullptr, gives(of, UNPAD_NULL_POINTER);
  require(unpad_normal_backward(UNPAD_FLOAT32, 1, &n) == UNPAD_NULL_POINTER, "no gradients");
  require(unpad_normal_forward(UNPAD_ROUNDED, 1, &n) == UNPAD_BAD_ENUM, "a type it has not");
  require(unpad_normal_forward(UNPAD_FLOAT32, 1, nullptr) == UNPAD_NULL_POINTER, "nothing");
}

}  // namespace

int main(int count, char **words) {
  refusals();
  check_seeds(count, words, "normal", [](unsigned seed, auto zero) {
    std::mt19937_64 random(seed);
    check<decltype(zero)>(random);
  });
  return 0;
}
