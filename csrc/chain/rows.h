// Rows of padded doubles, and what walks do with them.
#pragma once

#include "chain/tables.h"

namespace unpad {
namespace UNPAD_NAMESPACE {

constexpr double kInfinity = __builtin_inf();
constexpr double kLn2 = 0.693147180559945309417;
// Of the row's highest. Of two rows, before and after a step, the products are then normal numbers.
constexpr double kLeast = 0x1p-480;
// What a step may leave of the highest of a row, and of what two rows have in common. kLeast of it is still far above
// 2^-1021, below which exp and products are 0.
constexpr double kLeft = 0x1p-400;
// Steps for whose rows the way back asks before it comes to them.
constexpr int64_t kAhead = 4;

struct Highest {
  double value;
  bool numbers;  // none is NaN
};

UNPAD_INLINE Highest highest(const double *row, int64_t width) {
  Vec<double> top = load_whole(row);
  auto same = top == top;
  for (int64_t j = kLanes<double>; j < width; j += kLanes<double>) {
    const Vec<double> x = load_whole(row + j);
    same &= x == x;
    top = x > top ? x : top;
  }
  double value = top[0];
  bool numbers = same[0];
  for (int64_t j = 1; j < kLanes<double>; ++j) {
    value = top[j] > value ? top[j] : value;
    numbers &= bool(same[j]);
  }
  return {value, numbers};
}

UNPAD_INLINE double sum_of(Vec<double> x) {
  double sum = x[0];
  for (int64_t j = 1; j < kLanes<double>; ++j) sum += x[j];
  return sum;
}

UNPAD_INLINE double dot(const double *a, const double *b, int64_t width) {
  Vec<double> sum{};
  for (int64_t j = 0; j < width; j += kLanes<double>) sum += load_whole(a + j) * load_whole(b + j);
  return sum_of(sum);
}

// out = f(in) in whole vectors.
template <class F>
UNPAD_INLINE void map_row(int64_t width, const double *in, double *out, F f) {
  for (int64_t j = 0; j < width; j += kLanes<double>) store_whole(out + j, f(load_whole(in + j)));
}

template <int N>
UNPAD_INLINE void row_times(const double *row, int64_t rows, const double *matrix, int64_t step, double *out,
                            bool turned) {
  Vec<double> sum[N] = {};
  const int64_t by = turned ? -1 : 1;
  if (turned) row += rows - 1, matrix += (rows - 1) * step;
  for (int64_t i = 0; i < rows; ++i, row += by, matrix += by * step) {
    const double x = *row;
    for (int v = 0; v < N; ++v) sum[v] += x * load_whole(matrix + v * kLanes<double>);
  }
  for (int v = 0; v < N; ++v) store_whole(out + v * kLanes<double>, sum[v]);
}

// out = row (rows) times matrix (rows, step): each sum is one chain from the first row to the last, or `turned` from the
// last to the first.
UNPAD_INLINE void row_times(const double *row, int64_t rows, const double *matrix, int64_t step, double *out,
                            bool turned) {
  int64_t vectors = step / kLanes<double>;
  for (; vectors >= 8; vectors -= 8, matrix += 8 * kLanes<double>, out += 8 * kLanes<double>)
    row_times<8>(row, rows, matrix, step, out, turned);
  switch (vectors) {
    case 7: return row_times<7>(row, rows, matrix, step, out, turned);
    case 6: return row_times<6>(row, rows, matrix, step, out, turned);
    case 5: return row_times<5>(row, rows, matrix, step, out, turned);
    case 4: return row_times<4>(row, rows, matrix, step, out, turned);
    case 3: return row_times<3>(row, rows, matrix, step, out, turned);
    case 2: return row_times<2>(row, rows, matrix, step, out, turned);
    case 1: return row_times<1>(row, rows, matrix, step, out, turned);
    default: return;
  }
}

// The same of logarithms: out = log of the sum over i of exp(row[i] + matrix[i]).
inline void log_row_times(const double *row, int64_t rows, const double *matrix, int64_t step, double *out) {
  for (int64_t j = 0; j < step; j += kLanes<double>) {
    Vec<double> top = fill(-kInfinity), sum{};
    for (int64_t i = 0; i < rows; ++i) {
      const Vec<double> x = row[i] + load_whole(matrix + i * step + j);
      top = x > top ? x : top;
    }
    const Vec<double> level = top == fill(-kInfinity) ? Vec<double>{} : top;
    for (int64_t i = 0; i < rows; ++i) sum += exp_below(row[i] + load_whole(matrix + i * step + j) - level);
    for (int64_t k = 0; k < kLanes<double>; ++k) out[j + k] = __builtin_log(sum[k]) + level[k];
  }
}

// The same of highest values: the first of those that are alike.
template <int N>
UNPAD_INLINE void best_row(const double *row, int64_t rows, const double *matrix, int64_t step, double *out) {
  Vec<double> best[N];
  for (int v = 0; v < N; ++v) best[v] = row[0] + load_whole(matrix + v * kLanes<double>);
  for (int64_t i = 1; i < rows; ++i)
    for (int v = 0; v < N; ++v) {
      const Vec<double> x = row[i] + load_whole(matrix + i * step + v * kLanes<double>);
      best[v] = x > best[v] ? x : best[v];
    }
  for (int v = 0; v < N; ++v) store_whole(out + v * kLanes<double>, best[v]);
}

UNPAD_INLINE double log_of_sum(const double *logs, int64_t width) {
  const double top = highest(logs, width).value, level = top == -kInfinity ? 0 : top;
  Vec<double> sum{};
  for (int64_t j = 0; j < width; j += kLanes<double>) sum += exp_below(load_whole(logs + j) - level);
  return __builtin_log(sum_of(sum)) + level;
}

inline void logs_of(double *row, int64_t width) {
  for (int64_t j = 0; j < width; ++j) row[j] = __builtin_log(row[j]);
}

// 2^power, for -1022 <= power <= 1023.
UNPAD_INLINE double power_of_two(int64_t power) {
  const uint64_t bits = uint64_t(1023 + power) << 52;
  double number;
  memcpy(&number, &bits, sizeof number);
  return number;
}

// Brings the highest between 1 and 2, by a power of two, which is given back.
UNPAD_INLINE int64_t set_back(double *row, int64_t width, double top) {
  uint64_t bits;
  memcpy(&bits, &top, sizeof bits);
  const int64_t power = int64_t(bits >> 52) - 1023;
  const double scale = power_of_two(-power);
  map_row(width, row, row, [scale](Vec<double> x) __attribute__((always_inline)) { return x * scale; });
  return power;
}

}  // namespace UNPAD_NAMESPACE
}  // namespace unpad
