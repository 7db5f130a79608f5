// What a step of a cell of one's own does beside products, on rows of numbers. Each number of an outcome comes of its
// own operands by one text, whole vector or not, so that its bits do not depend on where in a row it stands.
#pragma once

#include "simd/exponential.h"
#include "unpad_tape.h"

namespace unpad {
namespace UNPAD_NAMESPACE {

// Rows of numbers, `step` apart, 0 where all are one; `each`: a number for each of the outcome's, or one for all.
template <class T>
struct Operand {
  const T *data;
  int64_t step, each;

  const T *at(int64_t r) const { return data + r * step; }
};

struct Add {
  template <class V>
  UNPAD_INLINE V operator()(V a, V b) const { return a + b; }
};
struct Sub {
  template <class V>
  UNPAD_INLINE V operator()(V a, V b) const { return a - b; }
};
struct Mul {
  template <class V>
  UNPAD_INLINE V operator()(V a, V b) const { return a * b; }
};
struct Div {
  template <class V>
  UNPAD_INLINE V operator()(V a, V b) const { return a / b; }
};
template <class T>
struct WhereAbove {
  T bound;
  UNPAD_INLINE Vec<T> operator()(Vec<T> a, Vec<T> b) const { return b > fill(bound) ? a : Vec<T>{}; }
};
struct First {
  template <class V>
  UNPAD_INLINE V operator()(V a, V) const { return a; }
};

// out = f(a, b); A, B: whether each is there for each number.
template <class T, bool A, bool B, class F>
UNPAD_INLINE void pairs(int64_t rows, int64_t width, T *out, int64_t step, const Operand<T> &a, const Operand<T> &b,
                        F f) {
  for (int64_t r = 0; r < rows; ++r, out += step) {
    const T *x = a.at(r), *y = b.at(r);
    for (int64_t c = 0; c < width; c += kLanes<T>)
      with_width<T>(c, width, [&](auto whole, int64_t n) __attribute__((always_inline)) {
        constexpr bool W = decltype(whole)::value;
        const Vec<T> u = A ? load<W>(x + (A ? c : 0), n) : fill(*x), v = B ? load<W>(y + (B ? c : 0), n) : fill(*y);
        store<W>(out + c, f(u, v), n);
      });
  }
}

template <class T, class F>
void pairs(int64_t rows, int64_t width, T *out, int64_t step, const Operand<T> &a, const Operand<T> &b, F f) {
  if (a.each && b.each) return pairs<T, true, true>(rows, width, out, step, a, b, f);
  if (a.each) return pairs<T, true, false>(rows, width, out, step, a, b, f);
  if (b.each) return pairs<T, false, true>(rows, width, out, step, a, b, f);
  return pairs<T, false, false>(rows, width, out, step, a, b, f);
}

// out = f(a), four vectors in lockstep: what is beyond a row is 0.
template <class T, class F>
void fours(int64_t rows, int64_t width, T *out, int64_t step, const Operand<T> &a, F f) {
  for (int64_t r = 0; r < rows; ++r, out += step) {
    const T *x = a.at(r);
    for (int64_t c = 0; c < width; c += 4 * kLanes<T>) {
      const Many<T, 4> v = load_four(x + c, width - c);
      store_four(out + c, f(v), width - c);
    }
  }
}

// exp of any number, as the square of that of its half, which is in range wherever its square is.
template <class T>
UNPAD_INLINE Many<T, 4> exp_any(const Many<T, 4> &x) {
  constexpr T far = sizeof(T) == 4 ? T(80) : T(700);
  const ExpParts<T, 4> e = exp_parts(between(x * T(0.5), far));
  const Many<T, 4> root = e.scale * e.less1 + e.scale;
  return root * root;
}

// The sums of rows: a chain for each lane, and the lanes in order.
template <class T>
void row_sums(int64_t rows, int64_t width, T *out, int64_t step, const Operand<T> &a) {
  for (int64_t r = 0; r < rows; ++r, out += step) {
    const T *x = a.at(r);
    Vec<T> sum{};
    for (int64_t c = 0; c < width; c += kLanes<T>)
      with_width<T>(c, width, [&](auto whole, int64_t n) { sum += load<decltype(whole)::value>(x + c, n); });
    T total = 0;
    for (int64_t j = 0; j < kLanes<T>; ++j) total += sum[j];
    *out = total;
  }
}

template <class T>
void operation(const unpad_tape_operation &o, int64_t rows, T *out, int64_t step, const Operand<T> &a,
               const Operand<T> &b, T number) {
  int64_t width = o.width;
  if (o.op == UNPAD_TAPE_SUM) return row_sums(rows, width, out, step, a);
  // Rows that lie end to end are one.
  auto joins = [&](const Operand<T> &x) { return x.each ? x.step == width : !x.step; };
  if (step == width && joins(a) && joins(b)) {
    width *= rows;
    rows = 1;
  }
  switch (o.op) {
    case UNPAD_TAPE_ADD: return pairs(rows, width, out, step, a, b, Add{});
    case UNPAD_TAPE_SUB: return pairs(rows, width, out, step, a, b, Sub{});
    case UNPAD_TAPE_MUL: return pairs(rows, width, out, step, a, b, Mul{});
    case UNPAD_TAPE_DIV: return pairs(rows, width, out, step, a, b, Div{});
    case UNPAD_TAPE_WHERE_ABOVE: return pairs(rows, width, out, step, a, b, WhereAbove<T>{number});
    case UNPAD_TAPE_COPY: return pairs(rows, width, out, step, a, b, First{});
    case UNPAD_TAPE_TANH: return fours(rows, width, out, step, a, [](const auto &x) { return tanh(x); });
    case UNPAD_TAPE_SIGMOID: return fours(rows, width, out, step, a, [](const auto &x) { return sigmoid(x); });
    case UNPAD_TAPE_EXP: return fours(rows, width, out, step, a, [](const auto &x) { return exp_any(x); });
    case UNPAD_TAPE_RELU:
      return fours(rows, width, out, step, a, [](const auto &x) {
        return each(x, [](Vec<T> y) __attribute__((always_inline)) { return at_least(y, T(0)); });
      });
  }
}

}  // namespace UNPAD_NAMESPACE
}  // namespace unpad
