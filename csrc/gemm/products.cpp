// Matrix products: checks, the cut into blocks, and one run of the pool.
//
// Each block packs what it needs for itself. Sharing packed panels would save one or two hundredths of the work, and
// cost a wait for whoever packs them, who may not be running.
#include <algorithm>
#include <initializer_list>
#include <new>

#include "gemm/blocks.h"
#include "isa/isa.h"
#include "runtime/pool.h"
#include "runtime/workspace.h"

namespace unpad {
namespace {

// How blocks are cut. Their rows share the packing of b (at 288 it is 2% of the work), the rows of `a` stay in the
// second-level cache while the columns go by. Where both sides are packed, blocks must be higher and wider to pay.
struct Grain {
  int64_t most_rows, least_rows, least_vectors;
  int64_t shares;  // blocks a thread: all end within such a part of their time, whoever came late
};
constexpr Grain kPlain{288, 48, 4, 8}, kTransposed{288, 96, 6, 4};
constexpr int64_t kMostColumns = 512;

bool is_flag(int64_t x) { return x == 0 || x == 1; }

// Whether `rows` rows of `columns` elements, `stride` apart, can be counted.
bool fits(int64_t rows, int64_t columns, int64_t stride) {
  return stride >= columns && double(rows) * double(stride) < 0x1p60;
}

int32_t check(const unpad_product &p) {
  if (!is_flag(p.a_transposed) || !is_flag(p.b_transposed) || !is_flag(p.accumulate) ||
      (p.a_transposed && p.b_transposed))
    return UNPAD_BAD_ENUM;
  for (int64_t size : {p.m, p.n, p.k})
    if (size < 0 || size > kMostSize) return UNPAD_BAD_SIZE;
  if (!fits(p.a_transposed ? p.k : p.m, p.a_transposed ? p.m : p.k, p.a_stride) ||
      !fits(p.b_transposed ? p.n : p.k, p.b_transposed ? p.k : p.n, p.b_stride) || !fits(p.m, p.n, p.out_stride))
    return UNPAD_BAD_SIZE;
  if (p.sums && p.b_transposed) return UNPAD_BAD_ENUM;
  if ((p.m && p.n && !p.out) || (p.m && p.k && !p.a) || (p.k && p.n && !p.b)) return UNPAD_NULL_POINTER;
  return UNPAD_OK;
}

bool continues(const unpad_product &p, const unpad_product &before) {
  return p.accumulate && p.out == before.out && p.m == before.m && p.n == before.n && p.out_stride == before.out_stride;
}

}  // namespace

double Chain::work() const {
  double sum = 0;
  for (int64_t i = 0; i < links; ++i) sum += double(first[i].m) * double(first[i].n) * double(first[i].k);
  return sum;
}

void Chain::cut(double threads, int64_t lanes) {
  const Grain &grain = transposed ? kTransposed : kPlain;
  const double blocks = threads * double(grain.shares);
  const int64_t m = first->m, vectors = (first->n + lanes - 1) / lanes;
  bool sums = false;
  for (int64_t i = 0; i < links; ++i) sums |= first[i].sums != nullptr;
  if (!vectors || (!m && !sums)) {
    row_cuts = 0;
    return;
  }
  const int64_t most_vectors = kMostColumns / lanes;
  row_cuts = std::max<int64_t>(1, (m + grain.most_rows - 1) / grain.most_rows);
  column_cuts = (vectors + most_vectors - 1) / most_vectors;
  while (double(row_cuts * column_cuts) < blocks) {
    const bool rows = m >= (row_cuts + 1) * grain.least_rows, columns = vectors > column_cuts * grain.least_vectors;
    // Plain blocks are rather narrow, transposed ones as high as wide.
    if (columns && (!rows || !transposed || vectors * lanes * row_cuts >= m * column_cuts))
      ++column_cuts;
    else if (rows)
      ++row_cuts;
    else
      break;
  }
}

// Columns first, so that a thread that takes the next block finds its rows in the cache.
ProductBlock Chain::block(int64_t i, int64_t lanes, void *space) const {
  const int64_t r = i / column_cuts, c = i % column_cuts, vectors = (first->n + lanes - 1) / lanes;
  const int64_t row = first->m * r / row_cuts, column = vectors * c / column_cuts * lanes;
  return {first, links, row, first->m * (r + 1) / row_cuts - row, column,
          std::min(first->n, vectors * (c + 1) / column_cuts * lanes) - column, space};
}

int32_t Blocks::check(int32_t dtype, int32_t count, const unpad_product *products) {
  if (dtype < UNPAD_FLOAT32 || dtype > UNPAD_ROUNDED) return UNPAD_BAD_ENUM;
  if (count < 0) return UNPAD_BAD_SIZE;
  if (count && !products) return UNPAD_NULL_POINTER;
  for (int32_t i = 0; i < count; ++i)
    if (int32_t error = unpad::check(products[i])) return error;
  return UNPAD_OK;
}

Blocks::Blocks(int32_t dtype, int32_t count, const unpad_product *products) : multiply_(dtype == UNPAD_ROUNDED ? &rounded().multiply : &kernels().multiply[dtype]) {
  for (int32_t i = 0; i < count; ++i) {
    if (i && continues(products[i], products[i - 1])) {
      ++chains_.back().links;
      chains_.back().transposed |= products[i].a_transposed != 0;
    } else {
      chains_.emplace_back(&products[i]);
    }
  }
  for (const Chain &chain : chains_) work_ += chain.work();
}

void Blocks::cut(int threads) {
  bool transposed = false;
  for (Chain &chain : chains_) {
    chain.cut(threads > 1 ? threads * chain.work() / work_ : 0, multiply_->lanes);
    chain.first_block = count_;
    count_ += chain.blocks();
    transposed |= chain.transposed;
  }
  shares_.emplace(threads, count_);
  if (count_) room_ = multiply_->space_bytes(transposed || multiply_->rounds ? std::max(kPlain.most_rows, kTransposed.most_rows) : 0);
}

void Blocks::compute(int rank, char *space) {
  shares_->take(rank, [&](int64_t i) {
    size_t at = chains_.size() - 1;
    while (i < chains_[at].first_block) --at;
    const ProductBlock block = chains_[at].block(i - chains_[at].first_block, multiply_->lanes, space);
    multiply_->block(&block);
    computed_.fetch_add(1, std::memory_order_release);
  });
}

void Blocks::wait() {
  wait_until([this] { return computed_.load(std::memory_order_acquire) == count_; });
}

namespace {

int32_t run(int32_t dtype, int32_t threads, int32_t count, const unpad_product *products) try {
  if (int32_t error = Blocks::check(dtype, count, products)) return error;
  Blocks blocks(dtype, count, products);
  Lease lease(worth_waking(threads, blocks.work()));
  blocks.cut(lease.threads());
  const int64_t room = pages(blocks.room());
  Workspace space(Workspace::kThreads, size_t(room) * size_t(lease.threads()));
  lease.run([&](int rank) { blocks.compute(rank, space.data() + rank * room); });
  return UNPAD_OK;
} catch (const std::bad_alloc &) {
  return UNPAD_OUT_OF_MEMORY;
}

}  // namespace
}  // namespace unpad

extern "C" int32_t unpad_products(int32_t dtype, int32_t threads, int32_t count, const unpad_product *products) {
  return unpad::run(dtype, threads, count, products);
}
