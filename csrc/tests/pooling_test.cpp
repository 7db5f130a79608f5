// unpad_pooling_forward and _backward on random windows against plain loops in double, on every instruction set: windows
// apart from each other, side by side, that share rows, that are empty; ties and NaN. In company and with any number of
// threads a window's bits are the same. Arrays end where they end, so that the sanitizer sees a step too far.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "seeds.h"

namespace {

template <class T>
struct Case {
  int64_t rows = 0, width;
  bool largest;
  std::vector<int64_t> first, last;
  std::vector<T> values, d_out, out, d_values;

  explicit Case(std::mt19937_64 &random) {
    auto one_of = [&](std::initializer_list<int64_t> of) { return of.begin()[random() % of.size()]; };
    width = one_of({1, 2, 3, 7, 8, 16, 31, 33, 64, 100}), largest = random() % 2;
    const bool apart = random() % 2;
    int64_t from = one_of({0, 0, 3}), to = from;
    for (int64_t i = one_of({0, 1, 2, 5, 70, 700}); i > 0; --i) {
      from = apart ? to + one_of({0, 0, 0, 1, 4}) : std::min(to, from + one_of({0, 1, 2, 5}));
      to = std::max(from, std::max(to, from + one_of({0, 1, 2, 3, 9})));
      first.push_back(from), last.push_back(to);
    }
    rows = to + one_of({0, 0, 1, 20});
    std::normal_distribution<double> normal(0, 1);
    for (int64_t i = 0; i < rows * width; ++i)
      values.push_back(random() % 5 ? T(normal(random)) : T(1));  // ties
    if (random() % 4 == 0)
      for (T &x : values)
        if (random() % 20 == 0) x = std::numeric_limits<T>::quiet_NaN();
    for (int64_t i = 0; i < count() * width; ++i) d_out.push_back(T(normal(random)));
  }
  int64_t count() const { return int64_t(first.size()); }

  void run(int32_t threads) {
    const T unset = T(-7);
    out.assign(d_out.size(), unset), d_values.assign(values.size(), unset);
    unpad_pooling p{};
    p.values = values.data(), p.first = first.data(), p.last = last.data(), p.out = out.data();
    p.rows = rows, p.count = count(), p.width = width, p.largest = largest;
    require(unpad_pooling_forward(kDtype<T>, threads, &p) == UNPAD_OK, "forward");
    p.out = nullptr, p.d_out = d_out.data(), p.d_values = d_values.data();
    if (!largest) p.values = nullptr;
    require(unpad_pooling_backward(kDtype<T>, threads, &p) == UNPAD_OK, "backward");
  }

  void compare() const {
    const double tolerance = sizeof(T) == 4 ? 1e-5 : 1e-13;
    std::vector<double> slopes(values.size(), 0);
    auto close = [&](double found, double want, const char *what) {
      if (std::isnan(want)) return require(std::isnan(found), what, found, want);
      require(std::fabs(found - want) <= tolerance * (1 + std::fabs(want)), what, found, want);
    };
    for (int64_t i = 0; i < count(); ++i)
      for (int64_t c = 0; c < width; ++c) {
        const double n = double(last[i] - first[i]), d = d_out[size_t(i * width + c)];
        double want = 0;
        int64_t at = -1;
        for (int64_t row = first[i]; row < last[i]; ++row) {
          const double x = values[size_t(row * width + c)];
          if (!largest) want += x, slopes[size_t(row * width + c)] += d / n;
          if (largest && (at < 0 || x > want || (std::isnan(x) && !std::isnan(want)))) want = x, at = row;
        }
        if (at >= 0) slopes[size_t(at * width + c)] += d;
        close(out[size_t(i * width + c)], largest || !n ? want : want / n, "out");
      }
    for (size_t i = 0; i < slopes.size(); ++i) close(d_values[i], slopes[i], "d_values");
  }

  // Window i by itself has the bits that it has in company.
  void alone(int64_t i) const {
    Case one = *this;
    one.values.assign(values.begin() + first[i] * width, values.begin() + last[i] * width);
    one.d_out.assign(d_out.begin() + i * width, d_out.begin() + (i + 1) * width);
    one.rows = last[i] - first[i], one.first = {0}, one.last = {one.rows};
    one.run(1);
    require(same(one.out.data(), out.data() + i * width, size_t(width)), "bits of out alone");
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
  for (int64_t i = 0; i < c.count(); i += 1 + c.count() / 5) c.alone(i);
}

void refusals() {
  float x[8] = {}, out[4] = {};
  int64_t rising[] = {0, 2}, falling[] = {2, 0}, ends[] = {2, 4}, beyond[] = {2, 5}, below[] = {-1, 2};
  unpad_pooling p{};
  p.values = x, p.first = rising, p.last = ends, p.out = out, p.rows = 4, p.count = 2, p.width = 2;
  auto gives = [&](const unpad_pooling &of, int32_t error) {
    require(unpad_pooling_forward(UNPAD_FLOAT32, 1, &of) == error, "refusal");
  };
  gives(p, UNPAD_OK);
  unpad_pooling of = p;
  of.first = falling, gives(of, UNPAD_BAD_INDEX);
  of = p, of.last = falling, gives(of, UNPAD_BAD_INDEX);
  of = p, of.last = beyond, gives(of, UNPAD_BAD_INDEX);
  of = p, of.first = below, gives(of, UNPAD_BAD_INDEX);
  of = p, of.first = ends, of.last = rising, gives(of, UNPAD_BAD_INDEX);
  of = p, of.width = -1, gives(of, UNPAD_BAD_SIZE);
  of = p, of.width = INT64_MAX, gives(of, UNPAD_BAD_SIZE);
  of = p, of.largest = 2, gives(of, UNPAD_BAD_ENUM);
  of = p, of.first = nullptr, gives(of, UNPAD_NULL_POINTER);
  of = p, of.values = nullptr, gives(of, UNPAD_NULL_POINTER);
  of = p, of.out = nullptr, gives(of, UNPAD_NULL_POINTER);
  require(unpad_pooling_backward(UNPAD_FLOAT32, 1, &p) == UNPAD_NULL_POINTER, "no gradients");
  require(unpad_pooling_forward(UNPAD_ROUNDED, 1, &p) == UNPAD_BAD_ENUM, "a type it has not");
  require(unpad_pooling_forward(UNPAD_FLOAT32, 1, nullptr) == UNPAD_NULL_POINTER, "nothing");
}

}  // namespace

int main(int count, char **words) {
  refusals();
  check_seeds(count, words, "pooling", [](unsigned seed, auto zero) {
    std::mt19937_64 random(seed);
    check<decltype(zero)>(random);
  });
  return 0;
}
