// A few threads that wait for work without burning the machine.
#pragma once

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace unpad {

// Waking a thread takes tens of microseconds: each must have a million multiply-adds (as long or longer) to do.
inline int worth_waking(int threads, double work, double least = 1e6) {
  return int(std::min<double>(std::max(threads, 1), std::max(1.0, work / least)));
}

inline void pause_briefly() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// For what other threads are about to finish. Spins shortly, then gives its time slice away at every look, so that on
// a busy machine they get on.
template <class Done>
void wait_until(Done done) {
  for (int i = 0; !done(); ++i)
    if (i < 2000)
      pause_briefly();
    else
      sched_yield();
}

// Holds the pool for one call. If another thread holds it, or threads cannot be had, `threads` is less than asked
// for (1 at worst) and the caller does the work itself: nobody ever waits for the pool.
class Lease {
 public:
  explicit Lease(int wanted);
  ~Lease();
  Lease(const Lease &) = delete;
  Lease &operator=(const Lease &) = delete;

  int threads() const { return threads_; }

  // Calls work(0) here and, on other threads as they wake up, work(1) .. below threads(). Returns when all that have
  // begun are done: a thread that is late because the machine is busy is not waited for, unless they work `together`,
  // where every rank must take part. `work` must not throw.
  template <class Work>
  void run(Work work, bool together = false) {
    start([](void *argument, int rank) { (*static_cast<Work *>(argument))(rank); }, &work, together);
  }

  // Calls work(task, rank) for the tasks 0 .. count, each on the thread that comes to it first. `work` must not throw.
  template <class Work>
  void each(int64_t count, Work work) {
    std::atomic<int64_t> next{0};
    run([&](int rank) {
      for (int64_t task; (task = next.fetch_add(1, std::memory_order_relaxed)) < count;) work(task, rank);
    });
  }

 private:
  void start(void (*work)(void *, int), void *argument, bool together);

  int threads_ = 1;
  bool held_ = false;
};

// Tasks 0 .. count of one run of the pool. Each thread takes those of its own share first, in order, and then what the
// others have left: what one thread has made is read by itself, from its own cache, if nobody is late.
class Shares {
 public:
  Shares(int threads, int64_t count) : threads_(threads), count_(count), next_(new Next[size_t(threads)]) {
    for (int r = 0; r < threads; ++r) next_[size_t(r)].task.store(first(r), std::memory_order_relaxed);
  }
  template <class Do>
  void take(int rank, Do work) {
    for (int k = 0; k < threads_; ++k) {
      const int share = (rank + k) % threads_;
      for (int64_t task; (task = next_[size_t(share)].task.fetch_add(1, std::memory_order_relaxed)) < first(share + 1);)
        work(task);
    }
  }

 private:
  struct alignas(64) Next {
    std::atomic<int64_t> task{0};
  };
  int64_t first(int share) const { return count_ * share / threads_; }

  int threads_;
  int64_t count_;
  std::unique_ptr<Next[]> next_;
};

// Where the threads of a team wait for each other.
class Meeting {
 public:
  explicit Meeting(int members = 1) : members_(members) {}
  void wait();

 private:
  int members_;
  std::atomic<int> arrived_{0};
  std::atomic<uint32_t> round_{0};
};

}  // namespace unpad
