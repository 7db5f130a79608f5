// A linear map of sequences laid out in slots, from their steps alone. The steps of one slot, of all sequences, are
// multiplied with the rows of the kernel that belong to it, right where they lie: nothing is sorted or copied but
// what fits in the first-level cache.
#pragma once

#include "gemm/block_product.h"

namespace unpad {
namespace UNPAD_NAMESPACE {

constexpr int kSlotRows = 6;  // of a tile, beside two vectors a row: 12 sums

// sum[r][c] = sum over k < depth of left(r, k) * right(k)[c], over two vectors of columns; done(r, two sums) stores.
template <class T, int Rows, class Left, class Right, class Done>
UNPAD_INLINE void slot_tile_of(int64_t depth, Left left, Right right, Done done) {
  Vec<T> sum[Rows][2];
  for (int r = 0; r < Rows; ++r) sum[r][0] = sum[r][1] = Vec<T>{};
  for (int64_t k = 0; k < depth; ++k) {
    const T *columns = right(k);
    const Vec<T> a = load_whole(columns), b = load_whole(columns + kLanes<T>);
    for (int r = 0; r < Rows; ++r) {
      const T x = left(r, k);
      sum[r][0] += x * a;
      sum[r][1] += x * b;
    }
  }
  for (int r = 0; r < Rows; ++r) done(r, sum[r][0], sum[r][1]);
}

template <class T, class Left, class Right, class Done>
UNPAD_INLINE void slot_tile(int64_t rows, int64_t depth, Left left, Right right, Done done) {
  switch (rows) {
    case 1: return slot_tile_of<T, 1>(depth, left, right, done);
    case 2: return slot_tile_of<T, 2>(depth, left, right, done);
    case 3: return slot_tile_of<T, 3>(depth, left, right, done);
    case 4: return slot_tile_of<T, 4>(depth, left, right, done);
    case 5: return slot_tile_of<T, 5>(depth, left, right, done);
    default: return slot_tile_of<T, kSlotRows>(depth, left, right, done);
  }
}

// n of the two vectors' numbers.
template <class T>
UNPAD_INLINE void store_two(T *to, Vec<T> a, Vec<T> b, int64_t n) {
  with_width<T>(0, n, [&](auto whole, int64_t m) { store<decltype(whole)::value>(to, a, m); });
  if (n > kLanes<T>)
    with_width<T>(kLanes<T>, n,
                  [&](auto whole, int64_t m) { store<decltype(whole)::value>(to + kLanes<T>, b, m); });
}

// Rows of `columns` numbers, `step` apart, as rows of two whole vectors.
template <class T, class Row>
UNPAD_INLINE void pad_rows(int64_t rows, int64_t columns, Row row, T *to) {
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < 2; ++c, to += kLanes<T>) {
      const int64_t left = columns - c * kLanes<T>;
      Vec<T> x{};
      if (left > 0)
        with_width<T>(c * kLanes<T>, columns,
                      [&](auto whole, int64_t n) { x = load<decltype(whole)::value>(row(r) + c * kLanes<T>, n); });
      store_whole(to, x);
    }
}

template <class T>
void slots_forward(const unpad_slots *s, int64_t from, int64_t to, void *space) {
  const T *values = static_cast<const T *>(s->values), *kernel = static_cast<const T *>(s->kernel);
  T *parts = static_cast<T *>(s->parts), *panel = static_cast<T *>(space);
  const int64_t width = 2 * kLanes<T>;
  for (int64_t slot = from; slot < to; ++slot) {
    const int64_t *step = s->order + s->starts[slot], count = s->starts[slot + 1] - s->starts[slot];
    const T *own = kernel + slot * s->feature * s->units;
    if (!count) continue;
    for (int64_t unit = 0; unit < s->units; unit += width) {
      const int64_t n = s->units - unit < width ? s->units - unit : width;
      pad_rows(s->feature, n, [&](int64_t f) { return own + f * s->units + unit; }, panel);
      for (int64_t j = 0; j < count; j += kSlotRows)
        slot_tile<T>(
            count - j < kSlotRows ? count - j : kSlotRows, s->feature,
            [&](int64_t r, int64_t f) { return values[step[j + r] * s->feature + f]; },
            [&](int64_t f) { return panel + f * width; },
            [&](int64_t r, Vec<T> a, Vec<T> b) { store_two(parts + step[j + r] * s->units + unit, a, b, n); });
    }
  }
}

template <class T>
void slots_backward(const unpad_slots *s, int64_t from, int64_t to, void *space) {
  const T *values = static_cast<const T *>(s->values), *kernel = static_cast<const T *>(s->kernel);
  const T *d_out = static_cast<const T *>(s->d_out);
  T *d_kernel = static_cast<T *>(s->d_kernel), *d_values = static_cast<T *>(s->d_values);
  T *panel = static_cast<T *>(space);
  const int64_t width = 2 * kLanes<T>;
  for (int64_t slot = from; slot < to; ++slot) {
    const int64_t *step = s->order + s->starts[slot], count = s->starts[slot + 1] - s->starts[slot];
    const int64_t at = slot * s->feature * s->units;
    for (int64_t unit = 0; unit < s->units; unit += width) {
      const int64_t n = s->units - unit < width ? s->units - unit : width;
      pad_rows(count, n, [&](int64_t j) { return d_out + s->sequence_ids[step[j]] * s->units + unit; }, panel);
      for (int64_t f = 0; f < s->feature; f += kSlotRows)
        slot_tile<T>(
            s->feature - f < kSlotRows ? s->feature - f : kSlotRows, count,
            [&](int64_t r, int64_t j) { return values[step[j] * s->feature + f + r]; },
            [&](int64_t j) { return panel + j * width; },
            [&](int64_t r, Vec<T> a, Vec<T> b) { store_two(d_kernel + at + (f + r) * s->units + unit, a, b, n); });
    }
    if (!d_values) continue;
    for (int64_t piece = 0; piece < s->feature && count; piece += kPiece) {
      const int64_t depth = s->feature - piece < kPiece ? s->feature - piece : kPiece;
      // The kernel's rows as columns: (units, depth).
      transpose_rows(kernel + at + piece * s->units, s->units, s->units, depth, panel);
      for (int64_t f = 0; f < depth; f += width) {
        const int64_t n = depth - f < width ? depth - f : width;
        for (int64_t j = 0; j < count; j += kSlotRows)
          slot_tile<T>(
              count - j < kSlotRows ? count - j : kSlotRows, s->units,
              [&](int64_t r, int64_t u) { return d_out[s->sequence_ids[step[j + r]] * s->units + u]; },
              [&](int64_t u) { return panel + u * ProductSpace<T>::kStep + f; },
              [&](int64_t r, Vec<T> a, Vec<T> b) {
                store_two(d_values + step[j + r] * s->feature + piece + f, a, b, n);
              });
      }
    }
  }
}

}  // namespace UNPAD_NAMESPACE
}  // namespace unpad
