#include "pool.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include <condition_variable>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>

namespace unpad {
namespace {

// About 5 microseconds each: longer than a wait between threads that finish together, shorter than anyone notices.
constexpr int kSpins = 100;

inline void pause_briefly() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

struct Pool {
  std::mutex mutex;  // guards all but `round`, which is also looked at without
  std::condition_variable work_came, work_done;
  std::atomic<uint64_t> round{0};
  int workers = 0;
  bool open = false;  // may still be joined
  int places = 0, joined = 0, running = 0;
  void (*work)(void *, int) = nullptr;
  void *argument = nullptr;

  void serve(uint64_t seen) {
    for (;;) {
      for (int i = 0; i < kSpins && round.load(std::memory_order_relaxed) == seen; ++i) pause_briefly();
      std::unique_lock<std::mutex> lock(mutex);
      work_came.wait(lock, [&] { return round.load(std::memory_order_relaxed) != seen; });
      seen = round.load(std::memory_order_relaxed);
      if (!open || joined == places) continue;
      const int rank = ++joined;
      ++running;
      void (*todo)(void *, int) = work;
      void *with = argument;
      lock.unlock();
      todo(with, rank);
      lock.lock();
      if (--running == 0) work_done.notify_one();
    }
  }

  // Signals stay with the caller's own threads.
  void grow(int to) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    try {
      while (workers < to) {
        std::thread([this, seen = round.load()] { serve(seen); }).detach();
        ++workers;
      }
    } catch (const std::system_error &) {  // as many as the system gives
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }
};

// Never deleted: at exit the workers are asleep in it and end with the process.
Pool *pool = nullptr;
std::atomic<bool> busy{false};

// A forked child has none of its parent's threads: it starts without a pool and makes its own when it needs one.
void forget_pool() {
  pool = nullptr;
  busy.store(false);
}

Pool *the_pool() {
  if (!pool) {
    static const int registered = pthread_atfork(nullptr, nullptr, forget_pool);
    (void)registered;
    pool = new (std::nothrow) Pool;
  }
  return pool;
}

}  // namespace

Lease::Lease(int wanted) {
  if (wanted <= 1 || busy.exchange(true, std::memory_order_acquire)) return;
  held_ = true;
  if (Pool *p = the_pool()) {
    if (p->workers < wanted - 1) p->grow(wanted - 1);
    threads_ = p->workers + 1 < wanted ? p->workers + 1 : wanted;
  }
}

Lease::~Lease() {
  if (held_) busy.store(false, std::memory_order_release);
}

void Lease::run(void (*work)(void *, int), void *argument, bool together) {
  if (threads_ == 1) return work(argument, 0);
  Pool &p = *pool;
  {
    std::lock_guard<std::mutex> lock(p.mutex);
    p.work = work;
    p.argument = argument;
    p.places = threads_ - 1;
    p.joined = 0;
    p.open = true;
    p.round.fetch_add(1, std::memory_order_relaxed);
  }
  p.work_came.notify_all();
  work(argument, 0);
  std::unique_lock<std::mutex> lock(p.mutex);
  p.open = together;
  p.work_done.wait(lock, [&] { return p.running == 0 && (!together || p.joined == p.places); });
  p.open = false;
}

void Meeting::wait() {
  uint32_t round = round_.load(std::memory_order_relaxed);
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) == members_ - 1) {
    arrived_.store(0, std::memory_order_relaxed);
    round_.store(round + 1, std::memory_order_release);
    return;
  }
  for (int i = 0; round_.load(std::memory_order_acquire) == round; ++i)
    if (i < 20 * kSpins)
      pause_briefly();
    else
      sched_yield();
}

}  // namespace unpad
