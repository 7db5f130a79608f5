// The work space of one call, kept for the next: fresh pages cost 0.1 ms a megabyte.
#pragma once

#include <cstddef>
#include <cstdint>

namespace unpad {

// Rounded up to whole pages: no two threads write to one line.
inline int64_t pages(int64_t bytes) { return (bytes + 4095) / 4096 * 4096; }

class Workspace {
 public:
  // What it is for: one is kept for each.
  enum Use { kThreads, kLayer, kUses };
  Workspace(Use use, size_t bytes);  // throws std::bad_alloc
  ~Workspace();
  Workspace(const Workspace &) = delete;
  Workspace &operator=(const Workspace &) = delete;
  char *data() const;

 private:
  struct Block;
  static void drop(Block *);
  Use use_;
  Block *block_;
};

}  // namespace unpad
