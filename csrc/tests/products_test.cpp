// unpad_products against sums in double, on random sizes, strides, transpositions and chains.
//
// Arrays end where their last row ends, gaps between rows of what is read are NaN, and those of `out` hold a value that
// must be there afterwards. The bits must be the same for any number of threads, for a part of the rows or columns
// alone, for a and b stored the other way round, and for a chain of products cut into calls; those of rounded factors
// also on every instruction set.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "seeds.h"

namespace {

template <class T>
struct Matrix {
  int64_t rows, columns, stride;
  std::vector<T> data;

  Matrix(int64_t r, int64_t c, int64_t gap, T in_gap)
      : rows(r), columns(c), stride(c + gap), data(size_t(r ? (r - 1) * stride + c : 0), in_gap) {}
  T &at(int64_t r, int64_t c) { return data[size_t(r * stride + c)]; }
  T at(int64_t r, int64_t c) const { return data[size_t(r * stride + c)]; }

  Matrix turned(int64_t gap) const {
    Matrix t(columns, rows, gap, std::numeric_limits<T>::quiet_NaN());
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t c = 0; c < columns; ++c) t.at(c, r) = at(r, c);
    return t;
  }
};

template <class T>
struct Factor {  // a, b and bias of one product
  bool a_transposed, b_transposed, accumulate, biased;
  int64_t k;
  Matrix<T> a, b;
  std::vector<T> bias;
  mutable std::vector<T> sums;  // of b over k, where they are asked for
  bool summed() const { return !b_transposed; }
};

template <class T>
struct Chain {
  int64_t m, n;
  Matrix<T> out;  // before
  std::vector<Factor<T>> factors;
};

template <class T>
constexpr T kGap = T(-12345);
template <class T>
unpad_product product(const Factor<T> &f, Matrix<T> &out) {
  f.sums.assign(f.summed() ? size_t(out.columns) : 0, std::numeric_limits<T>::quiet_NaN());
  return {f.a.data.data(), f.b.data.data(), f.biased ? f.bias.data() : nullptr, out.data.data(),
          f.summed() ? f.sums.data() : nullptr, out.rows, out.columns, f.k, f.a.stride, f.b.stride, out.stride,
          f.a_transposed, f.b_transposed, f.accumulate};
}

template <class T>
std::vector<Matrix<T>> run(const std::vector<Chain<T>> &chains, int threads) {
  std::vector<Matrix<T>> outs;
  for (const Chain<T> &c : chains) outs.push_back(c.out);
  std::vector<unpad_product> products;
  for (size_t i = 0; i < chains.size(); ++i)
    for (const Factor<T> &f : chains[i].factors) products.push_back(product(f, outs[i]));
  require(unpad_products(dtype_of<T>(), threads, int32_t(products.size()), products.data()) == UNPAD_OK, "returns 0");
  return outs;
}

template <class T>
bool same(const std::vector<T> &a, const std::vector<T> &b) {
  return a.size() == b.size() && (a.empty() || !std::memcmp(a.data(), b.data(), a.size() * sizeof(T)));
}

template <class T>
void check_values(const Chain<T> &c, const Matrix<T> &out) {
  for (int64_t r = 0; r < c.m; ++r)
    for (int64_t j = 0; j < c.n; ++j) {
      double sum = 0, size = 0, terms = 0;
      for (const Factor<T> &f : c.factors) {
        if (!f.accumulate) sum = size = 0;
        if (f.accumulate && &f == &c.factors[0]) sum = c.out.at(r, j), size = std::fabs(sum);
        if (f.biased) sum += double(f.bias[size_t(j)]), size += std::fabs(double(f.bias[size_t(j)]));
        for (int64_t k = 0; k < f.k; ++k) {
          const double x = factor(double(f.a_transposed ? f.a.at(k, r) : f.a.at(r, k))) *
                           factor(double(f.b_transposed ? f.b.at(j, k) : f.b.at(k, j)));
          sum += x, size += std::fabs(x);
        }
        terms += double(f.k) + 3;
      }
      // The bound that no order of summation exceeds, here and in double.
      const double limit = terms * size * double(std::numeric_limits<T>::epsilon());
      require(std::fabs(double(out.at(r, j)) - sum) <= limit, "value", double(out.at(r, j)), sum);
    }
  for (const Factor<T> &f : c.factors)
    for (int64_t j = 0; f.summed() && j < c.n; ++j) {
      double sum = 0, size = 0;
      for (int64_t k = 0; k < f.k; ++k) sum += double(f.b.at(k, j)), size += std::fabs(double(f.b.at(k, j)));
      const double limit = double(f.k) * size * double(std::numeric_limits<T>::epsilon());
      require(std::fabs(double(f.sums[size_t(j)]) - sum) <= limit, "sum of b", double(f.sums[size_t(j)]), sum);
    }
  for (int64_t r = 0; r + 1 < c.m; ++r)
    for (int64_t j = c.n; j < out.stride; ++j) require(out.at(r, j) == kGap<T>, "the gap between rows is left alone");
}

// Rows r .. r + m and columns j .. j + n alone.
template <class T>
Chain<T> part(const Chain<T> &c, int64_t r, int64_t m, int64_t j, int64_t n) {
  Chain<T> p{m, n, Matrix<T>(m, n, 1, kGap<T>), {}};
  auto cut = [](const Matrix<T> &from, int64_t row, int64_t rows, int64_t column, int64_t columns) {
    Matrix<T> to(rows, columns, 2, std::numeric_limits<T>::quiet_NaN());
    for (int64_t x = 0; x < rows; ++x)
      for (int64_t y = 0; y < columns; ++y) to.at(x, y) = from.at(row + x, column + y);
    return to;
  };
  for (int64_t x = 0; x < m; ++x)
    for (int64_t y = 0; y < n; ++y) p.out.at(x, y) = c.out.at(r + x, j + y);
  for (const Factor<T> &f : c.factors) {
    Factor<T> g{f.a_transposed, f.b_transposed, f.accumulate, f.biased, f.k,
                f.a_transposed ? cut(f.a, 0, f.k, r, m) : cut(f.a, r, m, 0, f.k),
                f.b_transposed ? cut(f.b, j, n, 0, f.k) : cut(f.b, 0, f.k, j, n), {}, {}};
    g.bias.assign(f.bias.begin() + long(j), f.bias.begin() + long(j + n));
    p.factors.push_back(g);
  }
  return p;
}

template <class T>
void check_part(const Chain<T> &c, const Matrix<T> &whole, int64_t r, int64_t m, int64_t j, int64_t n) {
  const Matrix<T> alone = run<T>({part(c, r, m, j, n)}, 1)[0];
  for (int64_t x = 0; x < m; ++x)
    for (int64_t y = 0; y < n; ++y) {
      const T got = alone.at(x, y), expected = whole.at(r + x, j + y);
      require(!std::memcmp(&got, &expected, sizeof(T)), "bits of a part alone", double(got), double(expected));
    }
}

template <class T>
void check(const std::vector<Chain<T>> &chains, std::mt19937 &random) {
  const std::vector<Matrix<T>> outs = run(chains, 1);
  for (size_t i = 0; i < chains.size(); ++i) check_values(chains[i], outs[i]);
  auto sums = [&] {
    std::vector<std::vector<T>> all;
    for (const Chain<T> &c : chains)
      for (const Factor<T> &f : c.factors) all.push_back(f.sums);
    return all;
  };
  const std::vector<std::vector<T>> summed = sums();
  if (rounding && unpad_kernels_rounds()) {
    unpad_kernels_force_isa("portable");
    const std::vector<Matrix<T>> emulated = run(chains, 1);
    for (size_t i = 0; i < chains.size(); ++i)
      require(same(emulated[i].data, outs[i].data), "the instruction's bits and those of its emulation");
    unpad_kernels_force_isa("avx512_bf16");
  }
  for (int threads = 2; threads <= 4; ++threads) {
    const std::vector<Matrix<T>> again = run(chains, threads);
    for (size_t i = 0; i < chains.size(); ++i) require(same(again[i].data, outs[i].data), "bits with other threads");
    const std::vector<std::vector<T>> others = sums();
    for (size_t i = 0; i < summed.size(); ++i) require(same(others[i], summed[i]), "bits of sums with other threads");
  }
  for (size_t i = 0; i < chains.size(); ++i) {
    const Chain<T> &c = chains[i];
    auto below = [&](int64_t n) { return int64_t(random() % uint64_t(n)); };
    if (c.m && c.n) {
      const int64_t r = below(c.m), j = below(c.n);
      check_part(c, outs[i], r, 1, 0, c.n);
      check_part(c, outs[i], r, 1 + below(c.m - r), j, 1 + below(c.n - j));
    }
    // Stored the other way round, one call a product.
    Chain<T> turned = c;
    for (Factor<T> &f : turned.factors) {
      if (f.a_transposed || (f.b_transposed && random() % 2 == 0)) {
        if (f.b_transposed) f.b = f.b.turned(3), f.b_transposed = false;
        f.a = f.a.turned(1), f.a_transposed ^= true;
      } else {
        f.b = f.b.turned(1), f.b_transposed ^= true;
      }
      Chain<T> one{c.m, c.n, turned.out, {f}};
      turned.out = run<T>({one}, 2)[0];
    }
    require(same(turned.out.data, outs[i].data), "bits of a chain in several calls, stored the other way round");
  }
}

template <class T>
Matrix<T> draw_matrix(int64_t rows, int64_t columns, std::mt19937 &random) {
  Matrix<T> m(rows, columns, random() % 2 ? 0 : int64_t(random() % 20), std::numeric_limits<T>::quiet_NaN());
  std::normal_distribution<double> normal;
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < columns; ++c) m.at(r, c) = T(normal(random));
  return m;
}

template <class T>
std::vector<Chain<T>> draw(unsigned seed) {
  std::mt19937 random(seed);
  // One case in eight is large enough for several threads, blocks and pieces of k; some of those are long and thin.
  const bool large = random() % 8 == 0;
  auto size = [&]() -> int64_t {
    static const int64_t edges[] = {0, 1, 2, 3, 4, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100};
    if (large) return random() % 4 ? 90 + int64_t(random() % 120) : 380 + int64_t(random() % 420);
    return random() % 2 ? edges[random() % 16] : 1 + int64_t(random() % 70);
  };
  std::vector<Chain<T>> chains;
  for (unsigned count = large ? 1 + random() % 2 : 1 + random() % 4; count; --count) {
    const int64_t m = size(), n = size();
    Chain<T> c{m, n, draw_matrix<T>(m, n, random), {}};
    for (int64_t r = 0; r + 1 < m; ++r)
      for (int64_t j = n; j < c.out.stride; ++j) c.out.at(r, j) = kGap<T>;
    for (unsigned links = random() % 2 ? 1 : 1 + random() % 3; links; --links) {
      const unsigned way = random() % 3;
      const int64_t k = size();
      Factor<T> f{way == 1, way == 2, !c.factors.empty() || random() % 2, random() % 2 == 0, k,
                  way == 1 ? draw_matrix<T>(k, m, random) : draw_matrix<T>(m, k, random),
                  way == 2 ? draw_matrix<T>(n, k, random) : draw_matrix<T>(k, n, random), {}, {}};
      f.bias = draw_matrix<T>(1, n, random).data;
      c.factors.push_back(f);
    }
    // What is not accumulated into must not be read.
    if (!c.factors[0].accumulate)
      for (int64_t r = 0; r < m; ++r)
        for (int64_t j = 0; j < n; ++j) c.out.at(r, j) = std::numeric_limits<T>::quiet_NaN();
    chains.push_back(c);
  }
  return chains;
}

void check_refusals() {
  doing = "refusals";
  float x[64] = {};
  float y[64];
  for (float &v : y) v = 7;
  const unpad_product fine{x, x, x, y, nullptr, 4, 4, 4, 4, 4, 4, 0, 0, 0};
  auto with = [&](auto change) {
    unpad_product p = fine;
    change(p);
    return unpad_products(UNPAD_FLOAT32, 2, 1, &p);
  };
  require(unpad_products(UNPAD_FLOAT32, 2, 0, nullptr) == UNPAD_OK, "no products");
  require(unpad_products(UNPAD_FLOAT32, 2, 1, nullptr) == UNPAD_NULL_POINTER, "null products");
  require(unpad_products(UNPAD_FLOAT32, 2, -1, &fine) == UNPAD_BAD_SIZE, "count -1");
  require(unpad_products(3, 2, 1, &fine) == UNPAD_BAD_ENUM, "dtype 3");
  require(with([](auto &p) { p.a_transposed = p.b_transposed = 1; }) == UNPAD_BAD_ENUM, "both transposed");
  require(with([](auto &p) { p.a_transposed = 2; }) == UNPAD_BAD_ENUM, "a_transposed 2");
  require(with([&](auto &p) { p.b_transposed = 1, p.sums = y; }) == UNPAD_BAD_ENUM, "sums of a transposed b");
  require(with([](auto &p) { p.b_transposed = -1; }) == UNPAD_BAD_ENUM, "b_transposed -1");
  require(with([](auto &p) { p.accumulate = 2; }) == UNPAD_BAD_ENUM, "accumulate 2");
  require(with([](auto &p) { p.m = -1; }) == UNPAD_BAD_SIZE, "m -1");
  require(with([](auto &p) { p.n = -1; }) == UNPAD_BAD_SIZE, "n -1");
  require(with([](auto &p) { p.k = -1; }) == UNPAD_BAD_SIZE, "k -1");
  require(with([](auto &p) { p.a_stride = 3; }) == UNPAD_BAD_SIZE, "short a_stride");
  require(with([](auto &p) { p.b_stride = 3; }) == UNPAD_BAD_SIZE, "short b_stride");
  require(with([](auto &p) { p.out_stride = 3; }) == UNPAD_BAD_SIZE, "short out_stride");
  require(with([](auto &p) { p.a_transposed = 1, p.m = 5; }) == UNPAD_BAD_SIZE, "short stride of a transposed a");
  require(with([](auto &p) { p.b_transposed = 1, p.k = 5; }) == UNPAD_BAD_SIZE, "short stride of a transposed b");
  require(with([](auto &p) { p.m = int64_t(1) << 60, p.n = p.k = 0; }) == UNPAD_BAD_SIZE, "m 2^60");
  require(with([](auto &p) { p.m = 1 << 30, p.out_stride = int64_t(1) << 30; }) == UNPAD_BAD_SIZE, "2^60 elements");
  require(with([](auto &p) { p.a = nullptr; }) == UNPAD_NULL_POINTER, "null a");
  require(with([](auto &p) { p.b = nullptr; }) == UNPAD_NULL_POINTER, "null b");
  require(with([](auto &p) { p.out = nullptr; }) == UNPAD_NULL_POINTER, "null out");
  for (float v : y) require(v == 7, "nothing is written on refusal");
  require(with([](auto &p) { p.m = 0, p.a = p.out = nullptr; }) == UNPAD_OK, "no rows");
  require(with([](auto &p) { p.n = 0, p.b = p.out = nullptr; }) == UNPAD_OK, "no columns");
  for (float v : y) require(v == 7, "nothing is written where there is nothing");
  require(with([](auto &p) { p.k = 0, p.a = p.b = p.bias = nullptr; }) == UNPAD_OK, "no sum");
  for (int i = 0; i < 64; ++i) require(y[i] == (i < 16 ? 0.f : 7.f), "zeros, there and nowhere else", y[i]);
}

// In a child whose address space may not grow, before there is a work space to reuse.
void check_memory() {
#if !defined(__SANITIZE_ADDRESS__)
  if (std::getenv("UNPAD_EMULATED")) return;  // an emulator's own memory would have the limit
  doing = "memory";
  const pid_t child = fork();
  if (!child) {
    std::vector<float> x(400 * 400, 1.f), y(400 * 400);
    const unpad_product p{x.data(), x.data(), nullptr, y.data(), nullptr, 400, 400, 400, 400, 400, 400, 1, 0, 0};
    const rlimit least{1 << 20, RLIM_INFINITY};
    setrlimit(RLIMIT_AS, &least);
    std::_Exit(unpad_products(UNPAD_FLOAT32, 1, 1, &p));
  }
  int status = 0;
  waitpid(child, &status, 0);
  require(WIFEXITED(status) && WEXITSTATUS(status) == UNPAD_OUT_OF_MEMORY, "out of memory", status);
#endif
}

template <class T>
void check_seed(unsigned seed) {
  const std::vector<Chain<T>> chains = draw<T>(seed);
  for (const Chain<T> &c : chains) {
    doing += "; " + std::to_string(c.m) + " x " + std::to_string(c.n);
    for (const Factor<T> &f : c.factors)
      doing += std::string(f.accumulate ? " + " : " = ") + (f.biased ? "bias + " : "") +
               (f.a_transposed ? "a' b " : f.b_transposed ? "a b' " : "a b ") + std::to_string(f.k);
  }
  std::mt19937 random(seed);
  check(chains, random);
}

}  // namespace

int main(int count, char **words) {
  check_memory();
  check_refusals();
  check_seeds(count, words, "products", [](unsigned seed, auto zero) { check_seed<decltype(zero)>(seed); }, true);
  return 0;
}
