// A row for each window of rows that follow each other: their mean, or feature by feature the largest of them.
#pragma once

#include "isa/kernels.h"
#include "simd/vectors.h"

namespace unpad {
namespace UNPAD_NAMESPACE {

// NaN is larger than anything, as in torch.
template <class T>
UNPAD_INLINE Vec<T> larger(Vec<T> a, Vec<T> b) {
  return ((b > a) | (b != b)) ? b : a;
}

template <class T>
struct Pool {
  const unpad_pooling *p;
  int64_t width;

  const T *values(int64_t row) const { return static_cast<const T *>(p->values) + row * width; }
  T *d_values(int64_t row) const { return static_cast<T *>(p->d_values) + row * width; }

  // n numbers from column c on.
  template <bool Whole>
  UNPAD_INLINE Vec<T> largest(int64_t from, int64_t to, int64_t c, int64_t n) const {
    Vec<T> most = load<Whole>(values(from) + c, n);
    for (int64_t row = from + 1; row < to; ++row) most = larger<T>(most, load<Whole>(values(row) + c, n));
    return most;
  }

  template <bool Whole>
  UNPAD_INLINE void forward(int64_t i, int64_t c, int64_t n) const {
    const int64_t from = p->first[i], to = p->last[i];
    Vec<T> found{};
    if (from < to && p->largest) found = largest<Whole>(from, to, c, n);
    if (from < to && !p->largest) {
      for (int64_t row = from; row < to; ++row) found += load<Whole>(values(row) + c, n);
      found /= fill(T(to - from));
    }
    store<Whole>(static_cast<T *>(p->out) + i * width + c, found, n);
  }

  // Rows below `written` hold what windows before this one gave them.
  template <bool Whole>
  UNPAD_INLINE void backward(int64_t i, int64_t written, int64_t c, int64_t n) const {
    const int64_t from = p->first[i], to = p->last[i];
    Vec<T> d = load<Whole>(static_cast<const T *>(p->d_out) + i * width + c, n), most{};
    if (p->largest)
      most = largest<Whole>(from, to, c, n);
    else
      d /= fill(T(to - from));
    for (int64_t row = from; row < to; ++row) {
      Vec<T> gives = d;
      if (p->largest) {
        const Vec<T> x = load<Whole>(values(row) + c, n);
        const auto is = (x == most) | ((x != x) & (most != most));
        gives = is ? d : Vec<T>{};
        d = is ? Vec<T>{} : d;  // the first takes all of it
      }
      T *to_row = d_values(row) + c;
      if (row < written) gives += load<Whole>(to_row, n);
      store<Whole>(to_row, gives, n);
    }
  }

  void clear(int64_t from, int64_t to) const {
    if (from < to) memset(d_values(from), 0, size_t((to - from) * width) * sizeof(T));
  }
};

template <class T>
void pooling_forward(const unpad_pooling *p, const PoolingTask *task) {
  const Pool<T> pool{p, p->width};
  for (int64_t i = task->from; i < task->to; ++i)
    each_along<T>(p->width, [=](auto whole, int64_t c, int64_t n) __attribute__((always_inline)) {
      pool.template forward<decltype(whole)::value>(i, c, n);
    });
}

template <class T>
void pooling_backward(const unpad_pooling *p, const PoolingTask *task) {
  const Pool<T> pool{p, p->width};
  int64_t written = task->row;
  for (int64_t i = task->from; i < task->to; ++i) {
    const int64_t from = p->first[i], to = p->last[i];
    if (from == to) continue;
    pool.clear(written, from);  // that no window holds
    if (written < from) written = from;
    each_along<T>(p->width, [=](auto whole, int64_t c, int64_t n) __attribute__((always_inline)) {
      pool.template backward<decltype(whole)::value>(i, written, c, n);
    });
    if (written < to) written = to;
  }
  pool.clear(written, task->end);
}

}  // namespace UNPAD_NAMESPACE
}  // namespace unpad
