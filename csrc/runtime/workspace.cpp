#include "runtime/workspace.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <new>

namespace unpad {

struct Workspace::Block {
  char *data;
  size_t bytes;
};

namespace {
// One block of each use waits here. Who takes it leaves null, so that calls from several threads never share it and no
// lock can be left held by a fork.
std::atomic<void *> waiting[Workspace::kUses];
constexpr size_t kKept = size_t(64) << 20;  // larger ones go back to the system
}  // namespace

void Workspace::drop(Block *block) {
  if (block) std::free(block->data);
  delete block;
}

Workspace::Workspace(Use use, size_t bytes)
    : use_(use), block_(static_cast<Block *>(waiting[use].exchange(nullptr))) {
  if (block_ && block_->bytes >= bytes) return;
  drop(block_);
  bytes = std::max<size_t>(4096, size_t(pages(int64_t(bytes))));
  block_ = new Block{static_cast<char *>(std::aligned_alloc(4096, bytes)), bytes};
  if (!block_->data) {
    drop(block_);
    throw std::bad_alloc();
  }
}

Workspace::~Workspace() {
  if (block_->bytes > kKept)
    drop(block_);
  else
    drop(static_cast<Block *>(waiting[use_].exchange(block_)));
}

char *Workspace::data() const { return block_->data; }

}  // namespace unpad
