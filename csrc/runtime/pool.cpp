#include "runtime/pool.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <new>
#include <exception>
#include <thread>
#include <vector>

#include "unpad_kernels.h"

namespace unpad {
namespace {

typedef std::chrono::steady_clock Clock;

int this_core() {
#if defined(__linux__)
  return sched_getcpu();
#else
  return -1;
#endif
}

// Going to sleep and being woken takes as long as a small layer, and on a busy machine a thread that wakes waits for
// its turn. So a thread whose last wait was short stays awake as long this time: from layer to layer of a model in
// training it does, and where nothing runs any more it does not.
constexpr std::chrono::microseconds kShortWait{200}, kGlance{5};
std::atomic<int64_t> short_wait{kShortWait.count()};

// Whether it came true before `most` was over.
template <class Done>
bool came_within(Clock::duration most, Done done) {
  const Clock::time_point start = Clock::now();
  do
    for (int i = 0; i < 16; ++i) {
      if (done()) return true;
      pause_briefly();
    }
  while (Clock::now() - start < most);
  return false;
}

struct Pool {
  std::mutex mutex;  // guards all; `round`, `joined` and `running` are also looked at without
  std::condition_variable work_came, work_done;
  std::atomic<uint64_t> round{0};
  int workers = 0;
#if defined(__linux__)
  struct Worker {
    pthread_t thread;
    cpu_set_t cores;  // that it may run on
  };
  std::vector<Worker> threads;
  int kept_off = -1;  // the core that they were last kept off
#endif
  bool open = false;  // may still be joined
  int places = 0;
  std::atomic<int> joined{0}, running{0};  // changed under the mutex
  void (*work)(void *, int) = nullptr;
  void *argument = nullptr;

  void serve(uint64_t seen) {
    Clock::duration patience = kGlance;
    for (;;) {
      const Clock::time_point start = Clock::now();
      const auto came = [&] { return round.load(std::memory_order_relaxed) != seen; };
      came_within(patience, came);
      std::unique_lock<std::mutex> lock(mutex);
      work_came.wait(lock, came);
      const std::chrono::microseconds awake(short_wait.load(std::memory_order_relaxed));
      patience = Clock::now() - start < awake ? awake : std::min(awake, kGlance);
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

  // A thread that wakes belongs on another core than the one that woke it, which works too. A scheduler that packs
  // threads onto few cores of a virtual machine lets the two share one for the first 15 milliseconds.
  void keep_off(int core) {
#if defined(__linux__)
    if (core == kept_off || core < 0 || core >= CPU_SETSIZE) return;
    kept_off = core;
    cpu_set_t allowed, cores;  // who takes cores from a process takes them from its calling thread too
    if (pthread_getaffinity_np(pthread_self(), sizeof allowed, &allowed)) return;
    CPU_CLR(core, &allowed);
    for (const Worker &worker : threads) {
      CPU_AND(&cores, &worker.cores, &allowed);
      if (CPU_COUNT(&cores)) pthread_setaffinity_np(worker.thread, sizeof cores, &cores);
    }
#endif
  }

  // Signals stay with the caller's own threads.
  void grow(int to) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    try {
#if defined(__linux__)
      threads.reserve(size_t(to));
#endif
      while (workers < to) {
        std::thread thread([this, seen = round.load()] { serve(seen); });
#if defined(__linux__)
        Worker worker{thread.native_handle(), {}};
        pthread_getaffinity_np(worker.thread, sizeof worker.cores, &worker.cores);
        threads.push_back(worker);
        kept_off = -1;
#endif
        thread.detach();
        ++workers;
      }
    } catch (const std::exception &) {  // as many as the system gives
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

void Lease::start(void (*work)(void *, int), void *argument, bool together) {
  if (threads_ == 1) return work(argument, 0);
  Pool &p = *pool;
  p.keep_off(this_core());
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
  auto finished = [&] { return p.running == 0 && (!together || p.joined == p.places); };
  if (!together) {
    std::lock_guard<std::mutex> lock(p.mutex);
    p.open = false;
  }
  // Threads that began together end nearly together: going to sleep and being woken would take longer.
  came_within(kShortWait, finished);
  std::unique_lock<std::mutex> lock(p.mutex);
  p.work_done.wait(lock, finished);
  p.open = false;
}

void Meeting::wait() {
  uint32_t round = round_.load(std::memory_order_relaxed);
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) == members_ - 1) {
    arrived_.store(0, std::memory_order_relaxed);
    round_.store(round + 1, std::memory_order_release);
    return;
  }
  wait_until([&] { return round_.load(std::memory_order_acquire) != round; });
}

}  // namespace unpad

extern "C" int64_t unpad_stay_awake(int64_t microseconds) {
  return microseconds < 0 || microseconds > 1000000 ? -1 : unpad::short_wait.exchange(microseconds);
}
