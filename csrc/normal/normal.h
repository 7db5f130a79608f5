// Numbers brought to mean 0 and variance 1, or to mean square 1: a group of features of a row, or of a sequence's rows.
//
// A sequence is summed up by one thread, in an order that its own rows decide, so that its bits depend on nothing else.
// Sums are taken in pieces of at most kBlock rows, and these added up in double.
#pragma once

#include "isa/kernels.h"
#include "simd/vectors.h"

namespace unpad {
namespace UNPAD_NAMESPACE {

constexpr int64_t kBlock = 64;
constexpr int64_t kAbreast = 8;  // of which a block is a multiple

inline float root_of(float x) { return __builtin_sqrtf(x); }
inline double root_of(double x) { return __builtin_sqrt(x); }

// The sum of f(i) for i below n; f gives a vector from i on, or a number.
template <class T, class F>
UNPAD_INLINE T sum_along(int64_t n, F f) {
  constexpr int64_t lanes = kLanes<T>;
  Vec<T> sum[4] = {};
  int64_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes)
    for (int64_t j = 0; j < 4; ++j) sum[j] += f(i + j * lanes, Yes{});
  for (; i + lanes <= n; i += lanes) sum[0] += f(i, Yes{});
  T rest = 0;
  for (; i < n; ++i) rest += f(i, No{});
  return rest + sum_of_lanes<T>((sum[0] + sum[1]) + (sum[2] + sum[3]));
}
template <class T>
UNPAD_INLINE Vec<T> at(const T *p, int64_t i, Yes) {
  return load_whole(p + i);
}
template <class T>
UNPAD_INLINE T at(const T *p, int64_t i, No) {
  return p[i];
}

// Of a thread: a number for each feature.
template <class T>
struct NormalSpace {
  T *mean, *slope, *shift, *gamma, *sum[2];
  double *total[2];
  int64_t bytes;

  NormalSpace(int64_t width, void *base) {
    Arena arena{static_cast<char *>(base), 0};
    T **const rows[] = {&mean, &slope, &shift, &gamma, &sum[0], &sum[1]};
    for (T **row : rows) *row = arena.take<T>(width);
    for (double *&row : total) row = arena.take<double>(width);
    bytes = arena.used;
  }
};

template <class T>
struct Normal {
  const unpad_normal *n;
  NormalSpace<T> space;
  int64_t groups, size, width;

  Normal(const unpad_normal *given, void *base)
      : n(given), space(given->groups * given->size, base), groups(given->groups), size(given->size),
        width(groups * size) {
    for (int64_t i = 0; i < width; ++i) {
      space.gamma[i] = n->gamma ? static_cast<const T *>(n->gamma)[i] : T(1);
      space.shift[i] = n->beta ? static_cast<const T *>(n->beta)[i] : T(0);
    }
  }

  const T *values(int64_t row) const { return static_cast<const T *>(n->values) + row * width; }
  const T *d_out(int64_t row) const { return static_cast<const T *>(n->d_out) + row * width; }
  T *out(int64_t row) const { return static_cast<T *>(n->out) + row * width; }
  T *d_values(int64_t row) const { return static_cast<T *>(n->d_values) + row * width; }
  T *mean(int64_t sequence) const { return n->mean ? static_cast<T *>(n->mean) + sequence * groups : nullptr; }
  T *scale(int64_t sequence) const { return static_cast<T *>(n->scale) + sequence * groups; }

  // --- each row by itself

  // Several rows abreast: what is waited for of one (a sum of lanes, a root) is computed beside the others'.
  void rows_forward(int64_t row, int64_t count) const {
    T m[kAbreast] = {}, s[kAbreast];
    for (int64_t g = 0; g < groups; ++g) {
      for (int64_t r = 0; n->mean && r < count; ++r) {
        const T *x = values(row + r) + g * size;
        m[r] = sum_along<T>(size, [=](int64_t i, auto w) __attribute__((always_inline)) { return at(x, i, w); }) / T(size);
      }
      for (int64_t r = 0; r < count; ++r) {
        const T *x = values(row + r) + g * size;
        const T mean = m[r];
        s[r] = sum_along<T>(size, [=](int64_t i, auto w) __attribute__((always_inline)) {
          return (at(x, i, w) - mean) * (at(x, i, w) - mean);
        });
      }
      for (int64_t r = 0; r < count; ++r) {
        s[r] = T(1) / root_of(s[r] / T(size) + T(n->epsilon));
        scale(row + r)[g] = s[r];
        if (n->mean) mean(row + r)[g] = m[r];
      }
      for (int64_t r = 0; r < count; ++r) {
        const T *x = values(row + r) + g * size, *gamma = space.gamma + g * size, *shift = space.shift + g * size;
        T *to = out(row + r) + g * size;
        const T mean = m[r], slope = s[r];
        each_along<T>(size, [=](auto whole, int64_t i, int64_t k) __attribute__((always_inline)) {
          constexpr bool w = decltype(whole)::value;
          store<w>(to + i, (load<w>(x + i, k) - mean) * slope * load<w>(gamma + i, k) + load<w>(shift + i, k), k);
        });
      }
    }
  }

  void rows_backward(int64_t row, int64_t count) const {
    T a[kAbreast], b[kAbreast];
    for (int64_t g = 0; g < groups; ++g) {
      const T *gamma = space.gamma + g * size;
      T *sum = space.sum[0] + g * size, *turned = space.sum[1] + g * size;
      for (int64_t r = 0; r < count; ++r) {
        const T *x = values(row + r) + g * size, *d = d_out(row + r) + g * size;
        const T m = n->mean ? mean(row + r)[g] : T(0), s = scale(row + r)[g];
        Vec<T> with_1{}, with_x{};
        each_along<T>(size, [&](auto whole, int64_t i, int64_t k) __attribute__((always_inline)) {
          constexpr bool w = decltype(whole)::value;
          // Beyond a row's end slopes are 0.
          const Vec<T> slope = load<w>(d + i, k), normal = (load<w>(x + i, k) - m) * s, of = slope * load<w>(gamma + i, k);
          store<w>(sum + i, load<w>(sum + i, k) + slope, k);
          store<w>(turned + i, load<w>(turned + i, k) + slope * normal, k);
          with_1 += of, with_x += of * normal;
        });
        a[r] = n->mean ? sum_of_lanes<T>(with_1) / T(size) : T(0);
        b[r] = sum_of_lanes<T>(with_x) / T(size);
      }
      for (int64_t r = 0; n->d_values && r < count; ++r) {
        const T *x = values(row + r) + g * size, *d = d_out(row + r) + g * size;
        const T m = n->mean ? mean(row + r)[g] : T(0), s = scale(row + r)[g], less = a[r], by = b[r] * s;
        T *to = d_values(row + r) + g * size;
        each_along<T>(size, [=](auto whole, int64_t i, int64_t k) __attribute__((always_inline)) {
          constexpr bool w = decltype(whole)::value;
          const Vec<T> of = load<w>(d + i, k) * load<w>(gamma + i, k);
          store<w>(to + i, (of - less - (load<w>(x + i, k) - m) * by) * s, k);
        });
      }
    }
  }

  // --- the rows of a sequence together

  // Of the rows from .. to what f(row, sums) adds to the sums of a block, in `total`.
  template <int Sums, class F>
  UNPAD_INLINE void totals(int64_t from, int64_t to, F f) const {
    for (int64_t k = 0; k < Sums; ++k)
      for (int64_t i = 0; i < width; ++i) space.total[k][i] = 0;
    for (int64_t row = from; row < to;) {
      clear();
      for (const int64_t end = row + kBlock < to ? row + kBlock : to; row < end; ++row) f(row);
      add_to<Sums>(space.total[0], space.total[1]);
    }
  }
  void clear() const {
    for (int64_t i = 0; i < width; ++i) space.sum[0][i] = space.sum[1][i] = 0;
  }
  template <int Sums>
  UNPAD_INLINE void add_to(double *first, double *second) const {
    for (int64_t i = 0; i < width; ++i) first[i] += double(space.sum[0][i]);
    if (Sums > 1)
      for (int64_t i = 0; i < width; ++i) second[i] += double(space.sum[1][i]);
  }
  static double sum_of(const double *row, const double *end) {
    double sum = 0;
    while (row < end) sum += *row++;
    return sum;
  }

  void forward(int64_t sequence) const {
    const int64_t from = n->offsets[sequence], to = n->offsets[sequence + 1];
    const double count = double(to - from) * double(size);
    T *__restrict sum = space.sum[0], *__restrict mean_of = space.mean, *__restrict slope = space.slope;
    if (from == to) {
      for (int64_t g = 0; g < groups; ++g) {
        if (n->mean) mean(sequence)[g] = 0;
        scale(sequence)[g] = 0;
      }
      return;
    }
    for (int64_t i = 0; i < width; ++i) mean_of[i] = 0;
    if (n->mean) {
      totals<1>(from, to, [=](int64_t row) {
        const T *__restrict x = values(row);
        for (int64_t i = 0; i < width; ++i) sum[i] += x[i];
      });
      for (int64_t g = 0; g < groups; ++g) {
        const T m = T(sum_of(space.total[0] + g * size, space.total[0] + (g + 1) * size) / count);
        mean(sequence)[g] = m;
        for (int64_t i = g * size; i < (g + 1) * size; ++i) mean_of[i] = m;
      }
    }
    totals<1>(from, to, [=](int64_t row) {
      const T *__restrict x = values(row);
      for (int64_t i = 0; i < width; ++i) sum[i] += (x[i] - mean_of[i]) * (x[i] - mean_of[i]);
    });
    for (int64_t g = 0; g < groups; ++g) {
      const double square = sum_of(space.total[0] + g * size, space.total[0] + (g + 1) * size) / count;
      const T s = T(1.0 / __builtin_sqrt(square + n->epsilon));
      scale(sequence)[g] = s;
      for (int64_t i = g * size; i < (g + 1) * size; ++i) slope[i] = s * space.gamma[i];
    }
    const T *__restrict shift = space.shift;
    for (int64_t row = from; row < to; ++row) {
      const T *__restrict x = values(row);
      T *__restrict y = out(row);
      for (int64_t i = 0; i < width; ++i) y[i] = (x[i] - mean_of[i]) * slope[i] + shift[i];
    }
  }

  void backward(int64_t sequence, double *d_beta, double *d_gamma) const {
    const int64_t from = n->offsets[sequence], to = n->offsets[sequence + 1];
    if (from == to) return;
    const double count = double(to - from) * double(size);
    T *__restrict mean_of = space.mean, *__restrict scale_of = space.slope;
    for (int64_t g = 0; g < groups; ++g)
      for (int64_t i = g * size; i < (g + 1) * size; ++i) {
        mean_of[i] = n->mean ? mean(sequence)[g] : T(0);
        scale_of[i] = scale(sequence)[g];
      }
    T *__restrict sum = space.sum[0], *__restrict turned = space.sum[1];
    totals<2>(from, to, [=](int64_t row) {
      const T *__restrict x = values(row), *__restrict d = d_out(row);
      for (int64_t i = 0; i < width; ++i) {
        sum[i] += d[i];
        turned[i] += d[i] * ((x[i] - mean_of[i]) * scale_of[i]);
      }
    });
    for (int64_t i = 0; i < width; ++i) d_beta[i] += space.total[0][i], d_gamma[i] += space.total[1][i];
    if (!n->d_values) return;
    for (int64_t g = 0; g < groups; ++g) {
      double a = 0, b = 0;
      for (int64_t i = g * size; i < (g + 1) * size; ++i) {
        a += space.total[0][i] * double(space.gamma[i]);
        b += space.total[1][i] * double(space.gamma[i]);
      }
      for (int64_t i = g * size; i < (g + 1) * size; ++i) {
        sum[i] = n->mean ? T(a / count) : T(0);
        turned[i] = T(b / count);
      }
    }
    const T *__restrict gamma = space.gamma;
    for (int64_t row = from; row < to; ++row) {
      const T *__restrict x = values(row), *__restrict d = d_out(row);
      T *__restrict y = d_values(row);
      for (int64_t i = 0; i < width; ++i)
        y[i] = (d[i] * gamma[i] - sum[i] - (x[i] - mean_of[i]) * scale_of[i] * turned[i]) * scale_of[i];
    }
  }
};

template <class T>
int64_t normal_bytes(const unpad_normal *n) {
  return NormalSpace<T>(n->groups * n->size, nullptr).bytes;
}

template <class T>
void normal_forward(const unpad_normal *n, int64_t from, int64_t to, void *space) {
  const Normal<T> normal(n, space);
  if (n->offsets)
    for (int64_t b = from; b < to; ++b) normal.forward(b);
  else
    for (int64_t row = from; row < to; row += kAbreast) normal.rows_forward(row, to - row < kAbreast ? to - row : kAbreast);
}

template <class T>
void normal_backward(const unpad_normal *n, int64_t from, int64_t to, void *space, double *sums) {
  const Normal<T> normal(n, space);
  double *d_beta = sums, *d_gamma = sums + normal.width;
  for (int64_t i = 0; i < 2 * normal.width; ++i) sums[i] = 0;
  if (n->offsets) {
    for (int64_t b = from; b < to; ++b) normal.backward(b, d_beta, d_gamma);
    return;
  }
  for (int64_t row = from; row < to;) {
    normal.clear();
    const int64_t end = row + kBlock < to ? row + kBlock : to;
    for (; row < end; row += kAbreast) normal.rows_backward(row, end - row < kAbreast ? end - row : kAbreast);
    row = end;
    normal.template add_to<2>(d_beta, d_gamma);
  }
}

template <class T>
constexpr Normalise normalise() {
  return {normal_bytes<T>, normal_forward<T>, normal_backward<T>};
}

}  // namespace UNPAD_NAMESPACE
}  // namespace unpad
