#ifndef HALFTONE_PROFILERS_ONEDNN_THREAD_PINNING_H_
#define HALFTONE_PROFILERS_ONEDNN_THREAD_PINNING_H_

#include <sched.h>

#include <vector>

namespace halftone {

// Keeps each of the calling thread's OpenMP threads on a processor of its own while it lives, so
// that none is moved away from its caches, and gives them back the processors they were allowed
// before. Does nothing where the system allows the process fewer processors than threads. To be
// destroyed by the thread that made it.
class ThreadPinning {
 public:
  explicit ThreadPinning(int threads);
  ~ThreadPinning();
  ThreadPinning(const ThreadPinning&) = delete;
  ThreadPinning& operator=(const ThreadPinning&) = delete;

 private:
  std::vector<cpu_set_t> before_;  // of every thread; empty if not pinned
};

}  // namespace halftone

#endif  // HALFTONE_PROFILERS_ONEDNN_THREAD_PINNING_H_
