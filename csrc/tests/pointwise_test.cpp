// unpad_pointwise_forward and _backward on numbers drawn at random, and on those at the edges, against the mathematics
// in double, on every instruction set. A number has the same bits wherever it stands and with any number of threads.
// Arrays end where they end, so that the sanitizer sees a step too far.
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "seeds.h"

namespace {

template <class T>
struct Case {
  int64_t kind;
  double alpha, scale;
  std::vector<T> values, d_out, out, d_values;

  explicit Case(std::mt19937_64 &random) {
    auto one_of = [&](std::initializer_list<int64_t> of) { return of.begin()[random() % of.size()]; };
    kind = one_of({UNPAD_TANH, UNPAD_SILU, UNPAD_ELU});
    alpha = double(one_of({1, 2})), scale = double(one_of({1, 3}));
    std::normal_distribution<double> normal(0, std::pow(10.0, double(one_of({-4, 0, 0, 1, 3}))));
    for (int64_t i = one_of({0, 1, 15, 16, 17, 100, 5000, 70000}); i > 0; --i)
      values.push_back(T(normal(random))), d_out.push_back(T(normal(random)));
    const T edges[] = {0, T(-0.0), std::numeric_limits<T>::quiet_NaN(), T(1e30), T(-1e30)};
    for (size_t i = 0; i < values.size() && random() % 4; i += 1 + random() % 50) values[i] = edges[random() % 5];
  }

  void run(int32_t threads) {
    out.assign(values.size(), T(-7)), d_values = out;
    unpad_pointwise p{};
    p.values = values.data(), p.out = out.data(), p.count = int64_t(values.size());
    p.kind = kind, p.alpha = alpha, p.scale = scale;
    require(unpad_pointwise_forward(kDtype<T>, threads, &p) == UNPAD_OK, "forward");
    if (kind == UNPAD_TANH)
      p.values = nullptr;
    else
      p.out = nullptr;
    p.d_out = d_out.data(), p.d_values = d_values.data();
    require(unpad_pointwise_backward(kDtype<T>, threads, &p) == UNPAD_OK, "backward");
  }

  void compare() const {
    const double tolerance = sizeof(T) == 4 ? 1e-6 : 1e-14;
    for (size_t i = 0; i < values.size(); ++i) {
      const double x = values[i], s = 1 / (1 + std::exp(-x));
      double y = 0, slope = 0;
      if (kind == UNPAD_TANH) y = std::tanh(x), slope = 1 - y * y;
      if (kind == UNPAD_SILU) y = x * s, slope = s * (1 + x * (1 - s));
      if (kind == UNPAD_ELU) {
        y = scale * (x > 0 ? x : alpha * std::expm1(x)), slope = x > 0 ? scale : scale * alpha * std::exp(x);
      }
      auto close = [&](double found, double want, double size, const char *what) {
        if (std::isnan(want)) return require(std::isnan(found), what, found, want);
        require(std::fabs(found - want) <= tolerance * size + 1e-30, what, found, want);
      };
      close(out[i], y, std::fabs(y), "out");
      // Of elu to the last digits, however small; the others' are differences.
      const double digits = kind == UNPAD_ELU ? std::fabs(slope) : 4;
      close(d_values[i], double(d_out[i]) * slope, std::fabs(double(d_out[i])) * digits, "d_values");
    }
  }

  void alone(size_t i) const {
    Case one = *this;
    one.values = {values[i]}, one.d_out = {d_out[i]};
    one.run(1);
    require(same(one.out.data(), &out[i], 1) && same(one.d_values.data(), &d_values[i], 1), "bits alone");
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
  for (size_t i = 0; i < c.values.size(); i += 1 + c.values.size() / 7) c.alone(i);
}

void refusals() {
  float x[4] = {}, y[4];
  unpad_pointwise p{};
  p.values = x, p.out = y, p.count = 4;
  auto gives = [&](const unpad_pointwise &of, int32_t error) {
    require(unpad_pointwise_forward(UNPAD_FLOAT32, 1, &of) == error, "refusal");
  };
  gives(p, UNPAD_OK);
  unpad_pointwise of = p;
  of.kind = UNPAD_SIGMOID, gives(of, UNPAD_BAD_ENUM);
  of = p, of.count = -1, gives(of, UNPAD_BAD_SIZE);
  of = p, of.count = INT64_MAX, gives(of, UNPAD_BAD_SIZE);
  of = p, of.values = nullptr, gives(of, UNPAD_NULL_POINTER);
  of = p, of.out = nullptr, gives(of, UNPAD_NULL_POINTER);
  require(unpad_pointwise_backward(UNPAD_FLOAT32, 1, &p) == UNPAD_NULL_POINTER, "no gradients");
  require(unpad_pointwise_forward(UNPAD_ROUNDED, 1, &p) == UNPAD_BAD_ENUM, "a type it has not");
  require(unpad_pointwise_forward(UNPAD_FLOAT32, 1, nullptr) == UNPAD_NULL_POINTER, "nothing");
}

}  // namespace

int main(int count, char **words) {
  refusals();
  check_seeds(count, words, "pointwise", [](unsigned seed, auto zero) {
    std::mt19937_64 random(seed);
    check<decltype(zero)>(random);
  });
  return 0;
}
