// The gradients of rows that several steps have read: a row's is the sum of theirs.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <vector>

#include "runtime/pool.h"

namespace unpad {

class RowSums {
 public:
  // Groups the steps by their rows, each below `rows`. Throws std::bad_alloc.
  RowSums(int64_t dtype, int64_t steps, const int64_t *row_of, int64_t rows, int64_t width);

  // (steps, width) to (rows, width), both contiguous.
  void add(const void *from, void *to) { parts_.push_back({from, to}); }
  void cut(int threads) { shares_.emplace(threads, tasks()); }  // before the first is taken
  // Takes tasks until none is left, and returns when all that were taken are done.
  void compute(int rank);

 private:
  struct Part {
    const void *from;
    void *to;
  };
  int64_t stretches() const;
  int64_t tasks() const { return stretches() * int64_t(parts_.size()); }
  template <class T>
  void sum(const Part &part, int64_t row, int64_t stop) const;

  int64_t dtype_, rows_, width_;
  std::vector<int64_t> order_, starts_;
  std::vector<Part> parts_;
  std::optional<Shares> shares_;
  std::atomic<int64_t> computed_{0};
};

}  // namespace unpad
