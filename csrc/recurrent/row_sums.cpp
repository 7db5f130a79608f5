#include "recurrent/row_sums.h"

#include <algorithm>
#include <cstring>

#include "unpad_kernels.h"

namespace unpad {
namespace {

constexpr int64_t kStretch = 1 << 14;  // elements a task

}  // namespace

RowSums::RowSums(int64_t dtype, int64_t steps, const int64_t *row_of, int64_t rows, int64_t width)
    : dtype_(dtype), rows_(rows), width_(width), order_(size_t(steps)), starts_(size_t(rows) + 1) {
  unpad_group(steps, row_of, rows, order_.data(), starts_.data());
}

int64_t RowSums::stretches() const { return (rows_ * width_ + kStretch - 1) / kStretch; }

void RowSums::compute(int rank) {
  if (!shares_) cut(1);
  const int64_t stretches = this->stretches();
  shares_->take(rank, [&](int64_t task) {
    const Part &part = parts_[size_t(task / stretches)];
    const int64_t at = task % stretches, from = rows_ * at / stretches, to = rows_ * (at + 1) / stretches;
    if (dtype_ == UNPAD_FLOAT64)
      sum<double>(part, from, to);
    else
      sum<float>(part, from, to);
    computed_.fetch_add(1, std::memory_order_release);
  });
  wait_until([this] { return computed_.load(std::memory_order_acquire) == tasks(); });
}

template <class T>
void RowSums::sum(const Part &part, int64_t row, int64_t stop) const {
  for (; row < stop; ++row) {
    T *out = static_cast<T *>(part.to) + row * width_;
    const int64_t first = starts_[size_t(row)], end = starts_[size_t(row) + 1];
    auto step = [&](int64_t i) { return static_cast<const T *>(part.from) + order_[size_t(i)] * width_; };
    if (first == end)
      std::memset(out, 0, size_t(width_) * sizeof(T));
    else
      std::memcpy(out, step(first), size_t(width_) * sizeof(T));
    for (int64_t i = first + 1; i < end; ++i) {
      const T *in = step(i);
      for (int64_t k = 0; k < width_; ++k) out[k] += in[k];
    }
  }
}

}  // namespace unpad
