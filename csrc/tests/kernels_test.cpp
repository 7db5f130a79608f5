// Forward and backward of every cell against the naive loop, on sizes drawn at random. In half of the cases a product
// with the identity makes the projected inputs that the forward walk reads, and another copies what the backward walk
// has made. In half of them the projected inputs lie where the gates go; in the others apart, with gaps between rows,
// and most often steps share rows there.
//
// Run: kernels_test [seconds] [seed]. A failure prints the case and the seed that draws it again.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <thread>

#include <sys/wait.h>
#include <unistd.h>

#include "cases.h"
#include "naive.h"

namespace {

// All of a direction's arrays, each exactly as long as promised: AddressSanitizer sees one element too many.
template <class T>
struct Arrays {
  std::vector<T> kernel, bias, h0, c0, mask, saved, hn, cn, d_hn, d_cn, d_saved, d_h0, d_c0, previous;
};
template <class T>
struct Result {
  std::vector<T> h, gates, d_gates;
  std::vector<Arrays<T>> directions;
};

template <class T>
std::vector<double> wide(const std::vector<T> &x, size_t from, size_t n) {
  return std::vector<double>(x.begin() + long(from), x.begin() + long(from + n));
}

template <class T>
Result<T> run(const Case &c, const std::vector<T> &x, const std::vector<T> &d_h, std::vector<Arrays<T>> arrays) {
  const int64_t H = c.hidden, G = c.gates(), D = c.directions, width = D * G * H;
  const T nan = std::numeric_limits<T>::quiet_NaN();
  auto or_null = [](std::vector<T> &v, bool given = true) { return given ? v.data() : nullptr; };
  std::vector<T> one(size_t(G * H * G * H), T(0));
  for (int64_t u = 0; u < G * H; ++u) one[size_t(u * G * H + u)] = 1;
  auto times_one = [&](const T *a, T *to, int64_t rows, int64_t stride) {
    return unpad_product{a, one.data(), nullptr, to, nullptr, rows, G * H, G * H, width, G * H, stride, 0, 0, 0};
  };
  const int64_t stride = c.apart ? width + 3 : width;
  Result<T> out;
  for (int keep = 0; keep < 2; ++keep) {
    std::vector<T> h(size_t(c.steps() * D * H), nan);
    std::vector<T> projected(size_t(c.rows ? (c.rows - 1) * stride + width : 0), nan);
    for (int64_t row = 0; row < c.rows && !c.products; ++row)
      std::copy_n(x.begin() + row * width, width, projected.begin() + row * stride);
    const std::vector<T> untouched = projected;
    std::vector<T> own(c.apart ? size_t(c.steps() * width) : 0, nan), &gates = c.apart ? own : projected;
    const bool uses_gates = !c.apart || keep || c.twice();
    std::vector<unpad_forward_direction> forward;
    std::vector<unpad_product> before;
    for (int64_t d = 0; d < D; ++d) {
      if (c.products) before.push_back(times_one(x.data() + d * G * H, projected.data() + d * G * H, c.rows, stride));
      Arrays<T> &a = arrays[size_t(d)];
      a.saved.assign(size_t(c.steps() * H), nan);
      a.hn.assign(size_t(c.batch() * H), nan);
      a.cn.assign(size_t(c.batch() * H), nan);
      forward.push_back({a.kernel.data(), or_null(a.bias, c.bias && c.record().inner),
                         or_null(a.h0, c.initial), or_null(a.c0, c.initial), or_null(a.mask, c.masks),
                         projected.data() + d * G * H, c.shared ? c.row_of.data() : nullptr,
                         uses_gates ? gates.data() + d * G * H : nullptr, h.data() + d * H, or_null(a.saved, keep),
                         a.hn.data(), a.cn.data(), stride, width, D * H, H, c.reversed(d)});
    }
    const unpad_problem p = problem_of<T>(c, keep);
    require(unpad_forward(&p, forward.data(), int32_t(before.size()), before.data()) == UNPAD_OK, "forward returns 0");
    if (keep)
      require(!c.steps() || !std::memcmp(h.data(), out.h.data(), h.size() * sizeof(T)), "inference equals training");
    if (c.apart && !c.products) require(same_bits(projected, untouched), "projected inputs apart are left as they are");
    out.h = h;
    out.gates = gates;
  }
  std::vector<T> activated = out.gates, apart(out.gates.size(), nan);
  std::vector<T> &d_gates = c.alias ? activated : apart;
  std::vector<Arrays<T>> after = arrays;
  std::vector<unpad_backward_direction> backward;
  std::vector<unpad_product> products;
  std::vector<T> copied(d_gates.size(), nan);
  const int64_t masks = std::max(1, c.masks);
  for (int64_t d = 0; d < D; ++d) {
    Arrays<T> &a = after[size_t(d)];
    a.d_saved.assign(size_t(c.steps() * H), nan);
    a.d_h0.assign(size_t(c.batch() * H), nan);
    a.d_c0.assign(size_t(c.batch() * H), nan);
    a.previous.assign(size_t(c.steps() * masks * H), nan);
    if (c.products)
      products.push_back(times_one(d_gates.data() + d * G * H, copied.data() + d * G * H, c.steps(), width));
    backward.push_back({a.kernel.data(), or_null(a.h0, c.initial), or_null(a.c0, c.initial), or_null(a.mask, c.masks),
                        activated.data() + d * G * H, out.h.data() + d * H, a.saved.data(),
                        c.d_h ? d_h.data() + d * H : nullptr, or_null(a.d_hn, c.d_final), or_null(a.d_cn, c.d_final),
                        d_gates.data() + d * G * H, c.alias ? a.saved.data() : a.d_saved.data(), a.d_h0.data(),
                        a.d_c0.data(), c.products ? a.previous.data() : nullptr, width, D * H, H, D * H, width, H,
                        c.reversed(d)});
  }
  const unpad_problem p = problem_of<T>(c, 1);
  require(unpad_backward(&p, backward.data(), int32_t(products.size()), products.data()) == UNPAD_OK,
          "backward returns 0");
  if (c.products) {
    for (size_t i = 0; i < copied.size(); ++i) require(double(copied[i]) == factor(double(d_gates[i])), "a product of what the walk has made");
    for (size_t d = 0; d < size_t(D); ++d)
      for (int64_t b = 0; b < c.batch(); ++b)
        for (int64_t row = c.offsets[size_t(b)]; row < c.offsets[size_t(b) + 1]; ++row)
          for (int64_t i = 0; i < masks * H; ++i) {
            const bool reverse = c.reversed(int64_t(d));
            const bool first = row == (reverse ? c.offsets[size_t(b) + 1] - 1 : c.offsets[size_t(b)]);
            const Arrays<T> &a = after[d];
            T state = first ? T(0) : out.h[size_t(((row + (reverse ? 1 : -1)) * D + int64_t(d)) * H + i % H)];
            if (first && c.initial) state = a.h0[size_t(b * H + i % H)];
            if (c.masks) state *= a.mask[size_t(b * masks * H + i)];
            require(a.previous[size_t(row * masks * H + i)] == state, "the state before a step",
                    double(a.previous[size_t(row * masks * H + i)]), double(state));
          }
  }
  for (Arrays<T> &a : after)
    if (c.alias) a.d_saved = a.saved;
  out.d_gates = d_gates;
  out.directions = after;
  return out;
}

// What the naive loop makes of a sequence, forward and back.
struct Naive {
  naive::Sequence s;
  naive::Row d_h0, d_c0;
  std::vector<naive::Row> d_x, d_inner;

  void run(const std::vector<naive::Row> &d_h, const naive::Row &d_hn, const naive::Row &d_cn) {
    s.forward();
    d_h0 = d_hn, d_c0 = d_cn;
    s.backward(d_h, d_h0, d_c0, d_x, d_inner);
  }
  const naive::Row &last(const std::vector<naive::Row> &of, const naive::Row &first) const {
    return of.empty() ? first : of.back();
  }
};

// The largest difference: how far a result moves when its inputs do.
double apart(const std::vector<naive::Row> &a, const std::vector<naive::Row> &b) {
  double most = 0;
  for (size_t i = 0; i < a.size(); ++i)
    for (size_t k = 0; k < a[i].size(); ++k) most = std::fmax(most, std::fabs(a[i][k] - b[i][k]));
  return most;
}

template <class T>
void compare(const char *what, const std::vector<double> &got, const std::vector<double> &expected, double scale,
             double moved) {
  // Of the largest value that goes into the sums: an activation without bounds makes states of 100 and more, and
  // what is left after they cancel has the error of what they were.
  // And where a walk without bounds makes more of the last bit of its inputs, no arithmetic in T can do better.
  // Where the naive loop rounds a factor the other way, its last bit of 8 goes into the sum.
  const double limit = (rounding ? 1e-2 : sizeof(T) == 4 ? 1e-5 : 1e-10) * scale + 8 * moved;
  for (size_t i = 0; i < expected.size(); ++i) {
    double error = std::fabs(got[i] - expected[i]);
    require(error <= limit, what, error, limit);  // a NaN fails too
  }
}

double largest(const std::vector<naive::Row> &rows, double at_least) {
  for (const naive::Row &row : rows)
    for (double x : row) at_least = std::fmax(at_least, std::fabs(x));
  return at_least;
}

template <class T>
void check(const Case &c) {
  const size_t H = size_t(c.hidden), G = size_t(c.gates()), D = size_t(c.directions), B = size_t(c.batch());
  std::mt19937 random(c.seed);
  std::vector<T> x = normal<T>(random, int64_t(size_t(c.rows) * D * G * H), 1);
  for (int64_t row = 0; row < c.rows; ++row)  // what no step reads must not be read
    if (c.shared && !std::count(c.row_of.begin(), c.row_of.end(), row))
      std::fill_n(x.begin() + row * int64_t(D * G * H), D * G * H, std::numeric_limits<T>::quiet_NaN());
  std::vector<T> d_h = normal<T>(random, int64_t(size_t(c.steps()) * D * H), 1);
  std::vector<Arrays<T>> arrays(D);
  for (Arrays<T> &a : arrays) {
    a.kernel = normal<T>(random, int64_t(H * G * H), 0.6 / std::sqrt(double(H)));
    a.bias = normal<T>(random, int64_t(G * H), 0.3);
    a.h0 = normal<T>(random, int64_t(B * H), 0.7);
    a.c0 = normal<T>(random, int64_t(B * H), 0.7);
    a.mask = normal_mask<T>(random, int64_t(B * size_t(c.masks) * H));
    a.d_hn = normal<T>(random, int64_t(B * H), 1);
    a.d_cn = normal<T>(random, int64_t(B * H), 1);
  }
  const Result<T> r = run<T>(c, x, d_h, arrays);

  for (size_t d = 0; d < D; ++d) {
    const Arrays<T> &a = arrays[d], &got = r.directions[d];
    const bool reverse = c.reversed(int64_t(d));
    const std::vector<double> kernel = wide(a.kernel, 0, a.kernel.size());
    const std::vector<double> bias = c.bias ? wide(a.bias, 0, a.bias.size()) : std::vector<double>(G * H, 0.0);
    for (size_t b = 0; b < B; ++b) {
      std::vector<double> mask(G * H, 1.0);
      if (c.masks)
        for (size_t g = 0; g < G; ++g)
          for (size_t u = 0; u < H; ++u)
            mask[g * H + u] = a.mask[(b * size_t(c.masks) + (c.masks > 1 ? g : 0)) * H + u];
      naive::Sequence s{c.cell, c.act, c.rec, int(G), c.hidden, kernel.data(), bias.data(), mask.data(), {}, {}, {}, {},
                        {}, {}, {}, {}};
      const naive::Row zero(H, 0.0);
      s.h0 = c.initial ? wide(a.h0, b * H, H) : zero;
      s.c0 = c.initial ? wide(a.c0, b * H, H) : zero;
      std::vector<size_t> rows;
      for (int64_t row = c.offsets[b]; row < c.offsets[b + 1]; ++row)
        rows.insert(reverse ? rows.begin() : rows.end(), size_t(row));
      std::vector<naive::Row> dh;
      for (size_t row : rows) {
        s.x.push_back(wide(x, (size_t(c.row(int64_t(row))) * D + d) * G * H, G * H));
        for (double &v : s.x.back())
          if (c.products) v = factor(v);
        dh.push_back(c.d_h ? wide(d_h, (row * D + d) * H, H) : zero);
      }
      const naive::Row d_hn = c.d_final ? wide(a.d_hn, b * H, H) : zero;
      const naive::Row d_cn = c.d_final ? wide(a.d_cn, b * H, H) : zero;
      Naive exact{s, {}, {}, {}, {}}, moved = exact;
      exact.run(dh, d_hn, d_cn);
      // The same with the last bit of every input moved up or down.
      auto shake = [&](double v) { return v * (1 + (random() % 2 ? 0.5 : -0.5) * std::numeric_limits<T>::epsilon()); };
      std::vector<double> shaken = kernel;
      for (double &v : shaken) v = shake(v);
      for (naive::Row &step : moved.s.x)
        for (double &v : step) v = shake(v);
      for (double &v : moved.s.h0) v = shake(v);
      moved.s.kernel = shaken.data();
      moved.run(dh, d_hn, d_cn);
      s = exact.s;
      const std::vector<naive::Row> &d_x = exact.d_x;
      double scale = largest(s.h, largest(s.c, 1));
      for (const naive::Row &z : s.z)
        for (size_t u = 0; u < H; ++u)  // what the activation, not the recurrent one, gives
          scale = std::fmax(scale, std::fabs(naive::value(c.act, z[(G > 2 ? 2 : G - 1) * H + u])));
      const double d_scale = scale * largest(dh, largest(d_x, largest({d_hn, d_cn}, 1)));
      const double of_h = apart(s.h, moved.s.h), of_d_x = apart(d_x, moved.d_x);
      for (size_t t = 0; t < rows.size(); ++t) {
        compare<T>("h", wide(r.h, (rows[t] * D + d) * H, H), s.h[t], scale, of_h);
        compare<T>("d_gates", wide(r.d_gates, (rows[t] * D + d) * G * H, G * H), d_x[t], d_scale, of_d_x);
        if (c.record().inner)
          compare<T>("d_saved", wide(got.d_saved, rows[t] * H, H), exact.d_inner[t], d_scale,
                     apart(exact.d_inner, moved.d_inner));
      }
      compare<T>("final h", wide(got.hn, b * H, H), exact.last(s.h, s.h0), scale, of_h);
      compare<T>("d_initial_h", wide(got.d_h0, b * H, H), exact.d_h0, d_scale, apart({exact.d_h0}, {moved.d_h0}));
      if (c.record().carries) {
        compare<T>("final c", wide(got.cn, b * H, H), exact.last(s.c, s.c0), scale, apart(s.c, moved.s.c));
        compare<T>("d_initial_c", wide(got.d_c0, b * H, H), exact.d_c0, d_scale, apart({exact.d_c0}, {moved.d_c0}));
      }
    }
  }

  // The same bits with other threads, and for one sequence alone.
  Case other = c;
  other.threads = c.threads % 4 + 1;
  other.plan = c.plan % 2 + 1;
  const Result<T> again = run<T>(other, x, d_h, arrays);
  auto same = [](const T *a, const T *b, size_t n) { return !n || !std::memcmp(a, b, n * sizeof(T)); };
  require(same(r.h.data(), again.h.data(), r.h.size()), "bits of h with other threads");
  require(same(r.d_gates.data(), again.d_gates.data(), r.d_gates.size()), "bits of d_gates with other threads");
  if (!B) return;
  const size_t b = c.seed % B, from = size_t(c.offsets[b]), n = size_t(c.offsets[b + 1]) - from;
  Case alone = c;
  alone.offsets = {0, int64_t(n)};
  std::vector<Arrays<T>> one = arrays;
  auto cut = [](std::vector<T> &v, size_t at, size_t count) {
    v = std::vector<T>(v.begin() + long(at), v.begin() + long(at + count));
  };
  for (Arrays<T> &a : one) {
    for (std::vector<T> *v : {&a.h0, &a.c0, &a.d_hn, &a.d_cn}) cut(*v, b * H, H);
    cut(a.mask, b * size_t(c.masks) * H, size_t(c.masks) * H);
  }
  std::vector<T> own_x = x, own_d = d_h;
  if (c.shared) {
    alone.row_of.assign(c.row_of.begin() + long(from), c.row_of.begin() + long(from + n));
  } else {
    cut(own_x, from * D * G * H, n * D * G * H);
    alone.rows = int64_t(n);
  }
  cut(own_d, from * D * H, n * D * H);
  const Result<T> lone = run<T>(alone, own_x, own_d, one);
  require(same(lone.h.data(), r.h.data() + from * D * H, n * D * H), "bits of h alone");
  require(same(lone.d_gates.data(), r.d_gates.data() + from * D * G * H, n * D * G * H), "bits of d_gates alone");
}

// sigmoid and tanh through a SimpleRNN of one step, whose h is act(projected), against long double.
template <class T>
void check_activation(int kind, double limit) {
  std::vector<T> x;
  for (double v = 1e-30; v < 1e3; v *= 1.0007) x.push_back(T(v)), x.push_back(T(-v));
  for (double v : {0.0, 1e30, -1e30, double(INFINITY), -double(INFINITY), double(NAN)}) x.push_back(T(v));
  const int64_t n = 100;
  while (x.size() % size_t(n)) x.push_back(T(0.3));
  std::vector<int64_t> offsets;  // one sequence of one step for every n values
  for (size_t b = 0; b <= x.size() / size_t(n); ++b) offsets.push_back(int64_t(b));
  std::vector<T> kernel(size_t(n * n)), h(x.size()), hn(x.size());
  unpad_problem p{UNPAD_SIMPLE_RNN, kDtype<T>, kind, kind, 0, 1, 1, 0, 0, offsets.back(), offsets.back(), n,
                  offsets.data()};
  unpad_forward_direction d{kernel.data(), nullptr, nullptr, nullptr, nullptr, x.data(), nullptr, nullptr, h.data(),
                            nullptr, hn.data(), nullptr, n, n, n, n, 0};
  require(unpad_forward(&p, &d, 0, nullptr) == UNPAD_OK, "forward returns 0");
  double worst = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const long double v = x[i], exact = kind == UNPAD_TANH ? std::tanh(v) : 1 / (1 + std::exp(-v));
    if (std::isnan(x[i])) {
      require(std::isnan(h[i]), "NaN passes through");
      continue;
    }
    if (kind == UNPAD_SIGMOID && v < (sizeof(T) == 4 ? -86 : -708)) {
      require(h[i] > 0 && h[i] < T(1e-37), "the sigmoid's smallest value");
      continue;
    }
    worst = std::fmax(worst, double(std::fabs((h[i] - exact) / (exact != 0 ? exact : 1))));
  }
  std::printf("  %s %s: largest relative error %.2g = %.2f epsilon\n", sizeof(T) == 4 ? "float32" : "float64",
              kind == UNPAD_TANH ? "tanh" : "sigmoid", worst, worst / double(std::numeric_limits<T>::epsilon()));
  require(worst <= limit, "accuracy", worst, limit);
}

void check_refusals() {
  doing = "refusals";
  const int64_t offsets[2] = {0, 0};
  unpad_problem p{0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 1, 4, offsets};
  float x[16] = {};
  unpad_forward_direction d{x, nullptr, nullptr, nullptr, nullptr, x, nullptr, x, x, x, x, x, 16, 16, 4, 4, 0};
  require(unpad_forward(nullptr, &d, 0, nullptr) == UNPAD_NULL_POINTER, "null problem");
  require(unpad_forward(&p, nullptr, 0, nullptr) == UNPAD_NULL_POINTER, "null direction");
  require(unpad_forward(&p, &d, 0, nullptr) == UNPAD_OK, "no steps");
  const int64_t one[2] = {0, 1};
  auto with = [&](auto change) {
    unpad_problem q = p;
    unpad_forward_direction e = d;
    change(q, e);
    if (q.steps == 1 && q.offsets == offsets) q.offsets = one;
    return unpad_forward(&q, &e, 0, nullptr);
  };
  require(with([](auto &q, auto &) { q.steps = -1; }) == UNPAD_BAD_SIZE, "steps -1");
  require(with([](auto &q, auto &) { q.batch = -1; }) == UNPAD_BAD_SIZE, "batch -1");
  require(with([](auto &q, auto &) { q.hidden = 0; }) == UNPAD_BAD_SIZE, "hidden 0");
  require(with([](auto &q, auto &) { q.hidden = int64_t(1) << 40; }) == UNPAD_BAD_SIZE, "hidden 2^40");
  require(with([](auto &, auto &e) { e.projected_stride = 15; }) == UNPAD_BAD_SIZE, "short stride of projected");
  require(with([](auto &, auto &e) { e.gates_stride = 15; }) == UNPAD_BAD_SIZE, "short stride of gates");
  require(with([](auto &q, auto &e) { q.keep = 0, e.gates_stride = 0; }) == UNPAD_OK, "the stride of unused gates");
  require(with([](auto &q, auto &) { q.dtype = 3; }) == UNPAD_BAD_ENUM, "dtype 3");
  require(with([](auto &q, auto &) { q.cell = 5; }) == UNPAD_BAD_ENUM, "cell 5");
  require(with([](auto &q, auto &) { q.activation = 5; }) == UNPAD_BAD_ENUM, "activation 5");
  require(with([](auto &q, auto &) { q.masks = 3; }) == UNPAD_BAD_ENUM, "3 masks for an LSTM");
  require(with([](auto &q, auto &) { q.directions = 3; }) == UNPAD_BAD_ENUM, "directions 3");
  require(with([](auto &q, auto &) { q.offsets = nullptr; }) == UNPAD_NULL_POINTER, "null offsets");
  // Offsets are walked: memory that they do not describe is never reached.
  static const int64_t falling[3] = {0, 2, 1}, late[2] = {1, 1}, far[2] = {0, int64_t(1) << 40}, below[3] = {0, -3, 0};
  for (const int64_t *o : {late, far})
    require(with([=](auto &q, auto &) { q.offsets = o; }) == UNPAD_BAD_INDEX, "offsets that end elsewhere");
  for (const int64_t *o : {falling, below})
    require(with([=](auto &q, auto &) { q.batch = 2, q.steps = o[2], q.offsets = o; }) == UNPAD_BAD_INDEX,
            "offsets that fall");
  require(with([](auto &, auto &e) { e.recurrent_kernel = nullptr; }) == UNPAD_NULL_POINTER, "null kernel");
  require(with([](auto &, auto &e) { e.final_h = nullptr; }) == UNPAD_NULL_POINTER, "null final_h");
  require(with([](auto &q, auto &e) { q.steps = 1, e.projected = nullptr; }) == UNPAD_NULL_POINTER, "null projected");
  require(with([](auto &q, auto &e) { q.steps = 1, e.gates = nullptr; }) == UNPAD_NULL_POINTER, "null gates");
  auto no_scratch = [](auto &q, auto &e) {
    q.cell = UNPAD_GRU_RESET_BEFORE, q.keep = 0, q.steps = 1, e.gates = nullptr;
  };
  require(with(no_scratch) == UNPAD_NULL_POINTER, "null gates, which are scratch");
  require(unpad_forward(&p, &d, 1, nullptr) == UNPAD_NULL_POINTER, "null products");
  const unpad_product both{x, x, nullptr, x, nullptr, 1, 1, 1, 1, 1, 1, 1, 1, 0};
  require(unpad_forward(&p, &d, 1, &both) == UNPAD_BAD_ENUM, "a product that is none");
  require(unpad_kernels_force_isa("mmx") == UNPAD_BAD_ENUM, "unknown instruction set");
}

// A forked child has no threads of its parent's and must make its own; callers on several threads share the pool.
void check_pool() {
  doing = "fork and callers at the same time";
  Case c = draw(1);
  c.threads = 3;
  for (c.plan = 1; c.plan < 3; ++c.plan) {
    check<float>(c);
    const pid_t child = fork();
    if (!child) {
      alarm(60);
      check<float>(c);
      std::_Exit(0);
    }
    int status = 1;
    waitpid(child, &status, 0);
    require(WIFEXITED(status) && WEXITSTATUS(status) == 0, "a forked child computes the same");
    std::vector<std::thread> callers;
    for (int k = 0; k < 4; ++k)
      callers.emplace_back([&] {
        for (int i = 0; i < 20; ++i) check<float>(c);
      });
    for (std::thread &t : callers) t.join();
  }
}

}  // namespace

int main(int count, char **words) {
  check_refusals();
  for (const char *isa : {"avx512", "avx2", "portable"}) {
    if (unpad_kernels_force_isa(isa)) {
      std::printf("%s: not on this machine\n", isa);
      continue;
    }
    std::printf("%s\n", unpad_kernels_isa());
    doing = isa;
    check_activation<float>(UNPAD_TANH, 3e-7), check_activation<float>(UNPAD_SIGMOID, 3e-7);
    check_activation<double>(UNPAD_TANH, 1e-15), check_activation<double>(UNPAD_SIGMOID, 1e-15);
  }
  check_pool();
  check_cases(count, words, [](const Case &c, auto zero) { check<decltype(zero)>(c); });
  return 0;
}
