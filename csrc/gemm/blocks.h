// Matrix products cut into blocks, which threads take as they get free.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <vector>

#include "isa/kernels.h"
#include "runtime/pool.h"

namespace unpad {

// More rows than any machine holds, few enough to be multiplied by a number of blocks or pieces.
constexpr int64_t kMostSize = int64_t(1) << 35;

// Products into one place, and their outcome cut into row_cuts x column_cuts blocks, numbered from first_block on.
struct Chain {
  const unpad_product *first;
  int64_t links = 1, row_cuts = 1, column_cuts = 1, first_block = 0;
  bool transposed;

  explicit Chain(const unpad_product *p) : first(p), transposed(p->a_transposed) {}
  double work() const;  // multiply-adds
  // `threads`: the part of all threads' time that this chain takes; 0 with one thread, which needs no cuts.
  void cut(double threads, int64_t lanes);
  int64_t blocks() const { return row_cuts * column_cuts; }
  ProductBlock block(int64_t i, int64_t lanes, void *space) const;
};

class Blocks {
 public:
  // UNPAD_OK or what is wrong with the products.
  static int32_t check(int32_t dtype, int32_t count, const unpad_product *products);

  Blocks(int32_t dtype, int32_t count, const unpad_product *products);
  double work() const { return work_; }
  void cut(int threads);                  // before the first block is taken
  int64_t room() const { return room_; }  // bytes of work space that a thread needs
  void compute(int rank, char *space);    // takes blocks until none is left
  void wait();                            // until those that were taken, all of them, are computed

 private:
  const Multiply *multiply_;
  std::vector<Chain> chains_;
  double work_ = 0;
  int64_t count_ = 0, room_ = 0;
  std::optional<Shares> shares_;
  std::atomic<int64_t> computed_{0};
};

}  // namespace unpad
